/* `framelane bench --experiment NAME`: a model of why the transport is as it is, set beside what this machine does.
 *
 *   NAME.md    one page: what theory predicts, how it is measured, what would refute it (compiled in; printed with the result)
 *   NAME.c     the cells of the experiment and its judge, ending in a const struct Experiment
 *   x-*.c      programs that measure one cell for one round; they keep to micro/micro.h, and so do the programs of micro/, of which
 *              cells may name any ("../micro/q-announce")
 *   table.c    the list
 *   main.c     options, exit codes
 *   data.c     runs all cells round by round, in an order left to chance; medians and intervals
 *   calm.c     which rounds are set aside, for the machine was somebody else's
 *   fit.c      straight lines
 *   present.c  Markdown, JSON, plots
 *
 * To add one: write NAME.md, NAME.c, a program if none measures it yet; name them in meson.build, table.c and pages.xml.
 *
 * A judge gets the data and says what follows. It may use nothing else, and each of its claims can come out against us: a claim on
 * times holds only where the whole 95 % interval is on its side, is refuted only where the whole interval is on the other, and is
 * undecided in between, and always with --quick or with fewer than three calm rounds. A claim on counts (copies, bells, frames) has
 * no noise and is never undecided.
 *
 * A round is calm unless other programs took more than a twentieth of the processors in it, or a program of it says that it was
 * disturbed, by one of two figures that have nothing to do with what is measured: `stolen`, the share of its time in which a
 * process that wanted to run did not, and `control_ns`, what a known piece of work took that runs beside nothing of the experiment.
 * Rounds that were disturbed are played again, up to as many more; they are told, and their figures are in the JSON.
 *
 * `broken` runs the same experiment over a build of the transport with one mistake in it (broken-*.c, broken-*.h): the judge must
 * then refute a claim, or the experiment proves nothing.
 */
#ifndef BENCH_EXPERIMENT_H
#define BENCH_EXPERIMENT_H

#include "../bench.h"
#include "../plot.h"

/* One point of one curve: what is run. */
typedef struct {
    const char *series; /* NULL ends the list */
    double x;
    const char *command[MICRO_MAX_ARGUMENTS];
} ExperimentCell;

typedef struct ExperimentReport ExperimentReport;

typedef struct {
    const char *name;     /* for --experiment; also the files' */
    const char *question; /* one line, for the list */
    const char *x;        /* what x means, with its unit */
    double seconds;       /* of one round of one cell; 0: 0.2 */
    const ExperimentCell *cells;
    void (*judge)(ExperimentReport *report);
} Experiment;

extern const Experiment *const experiments[]; /* NULL-ended */

/* ---- data.c ---- */

typedef struct {
    const Experiment *experiment;
    const BenchOptions *options;
    const char *broken;       /* or NULL */
    guint cell_count, rounds; /* `rounds`: played, also those that were disturbed */
    GPtrArray **runs;         /* of each cell: BenchRun, by round */
    GArray *others; /* double, by round: the share of all processors' time that other programs, or the host, have taken; NAN: not
                       known */
    GPtrArray *disturbed; /* char*, by round: why it is set aside, NULL where it is not */
    GArray *calm;         /* guint: the rounds that numbers are of */
} ExperimentData;

/* BENCH_DONE, or what the worst cell did, and why: then there are no data. */
BenchOutcome experiment_measure(ExperimentData *data, guint rounds, char **reason);
void experiment_data_finish(ExperimentData *data);

/* ---- calm.c ---- */

#define EXPERIMENT_STOLEN       "stolen"
#define EXPERIMENT_CONTROL      "control_ns"
#define EXPERIMENT_LEAST_ROUNDS 3 /* of fewer no time is judged */

void experiment_find_calm(ExperimentData *data); /* fills `disturbed` and `calm` */
guint experiment_disturbed_count(const ExperimentData *data);

/* ---- data.c: numbers ---- */

/* A median over rounds with its 95 % bootstrap interval; all NAN where there is no such cell or figure. */
typedef struct {
    double value, low, high;
} ExperimentNumber;

/* Rounds drawn from those there are: what a statistic is computed of, once for its value, and again and again for its interval. All
 * cells get the same rounds, so what was the machine's mood in one round stays together. */
typedef struct {
    const ExperimentData *data;
    const guint *rounds;
    guint count;
} ExperimentDraw;

/* The median of a figure over the drawn rounds, NAN where there is none. */
double experiment_drawn(const ExperimentDraw *draw, const char *series, double x, const char *figure);

typedef double (*ExperimentStatistic)(const ExperimentDraw *draw, gconstpointer argument);
ExperimentNumber experiment_statistic(const ExperimentData *data, ExperimentStatistic statistic, gconstpointer argument);
ExperimentNumber experiment_figure(const ExperimentData *data, const char *series, double x, const char *figure);
ExperimentNumber experiment_ratio(const ExperimentData *data, const char *figure, const char *series, double x,
                                  const char *to_series, double to_x); /* first / second */

/* ---- fit.c ---- */

typedef struct {
    double a, b; /* y = a + b x */
    double off;  /* root mean square of (a + b x) / y - 1: how far the points are off it, in the mean */
} ExperimentLine;

/* Least squares of *relative* errors: a point of a microsecond says as much as one of a millisecond. NAN with fewer than two. */
ExperimentLine experiment_fit(const double *x, const double *y, guint count);

/* The same over the cells of a series: x as `of_x` makes it (NULL: itself). */
ExperimentLine experiment_fit_series(const ExperimentDraw *draw, const char *series, const char *figure, double (*of_x)(double x));

/* ---- present.c ---- */

typedef enum { EXPERIMENT_HOLDS, EXPERIMENT_UNDECIDED, EXPERIMENT_REFUTED } ExperimentVerdict;

typedef enum { EXPERIMENT_COUNTED, EXPERIMENT_TIMED } ExperimentKind;

struct ExperimentReport {
    const ExperimentData *data;
    GPtrArray *claims, *numbers, *plots;
    GPtrArray *figures; /* names of those shown in the table */
};

/* A claim is one sentence in the present tense; `because` gives the numbers. */
void experiment_claim(ExperimentReport *report, ExperimentKind kind, ExperimentVerdict verdict, const char *claim,
                      const char *because, ...) G_GNUC_PRINTF(5, 6);

/* The verdict of an interval: is it at most, or at least, that? NAN is undecided. */
ExperimentVerdict experiment_at_most(ExperimentNumber number, double limit);
ExperimentVerdict experiment_at_least(ExperimentNumber number, double limit);
ExperimentVerdict experiment_within(ExperimentNumber number, double limit); /* neither above it nor below -limit */

/* A result worth a name: "x*", "bytes". */
void experiment_result(ExperimentReport *report, const char *name, ExperimentNumber number, const char *unit);

/* A column of the table: one figure of every cell. */
void experiment_show(ExperimentReport *report, const char *figure);

/* A plot of the experiment; the first has its name, others NAME-`part`. The report owns it. */
BenchPlot *experiment_plot(ExperimentReport *report, const char *part, const BenchPlotSpec *spec);

/* Adds the cells of a series, each figure times `scale`. `low_x`: cells below it are left out. */
void experiment_plot_cells(const ExperimentReport *report, BenchPlot *plot, const char *series, const char *figure, double scale,
                           const BenchPlotSeries *like);

/* Adds what a model says, at `count` values from `low` to `high` (evenly on a logarithm where low > 0). */
void experiment_plot_model(BenchPlot *plot, double low, double high, double (*model)(double x, gconstpointer argument),
                           gconstpointer argument, const BenchPlotSeries *like);

/* Prints the result (JSON: one line) and, where `folder` is not NULL, writes NAME.json, NAME.md and the plots there. The exit code.
 */
int experiment_present(const ExperimentData *data, gboolean json, const char *folder);

/* ---- main.c ---- */

/* TRUE if the arguments ask for an experiment: then experiment_main reads them all. */
gboolean experiment_is_asked(int argc, char **argv);
int experiment_main(int argc, char **argv);

#endif
