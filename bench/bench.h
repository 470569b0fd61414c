/* framelane-bench: the program behind `framelane bench`. It measures nothing itself: it starts the programs of micro/, round by
 * round, pairs their figures, and says how sure it is.
 *
 *   main.c     options, exit codes
 *   program.c  runs one program, reads its figures
 *   judge.c    medians, intervals, targets
 *   compare.c  two results of --json side by side
 *
 * Micro-benchmarks (--micro): a question against its floor.
 *   rounds.c   rounds of all experiments, in a changing order
 *   report.c   the table; JSON
 *   sweep.c    one parameter tried at every value
 *
 * Whole pipelines (--pipeline).
 *   pipelines.c  hands over to pipelines.py, which is measured as contest.py says; transcode.py is the one that is built in
 *
 * Transports (neither --micro nor anything else): many ways to carry the same frames. Their own header is cells.h.
 */
#ifndef BENCH_H
#define BENCH_H

#include "micro/table.h"

#include <glib.h>

typedef struct {
    gboolean json, quick, list, sweep;
    int rounds;     /* 0: 7, or 3 when quick */
    char **only;    /* starts of names of experiments; NULL: all */
    char *programs; /* folder of the programs */

    /* of transports: lists as given, NULL where not given */
    char *transports, *sizes, *consumers, *rates, *works, *pins;
    double seconds; /* of one round; 0: what the plan says */
    char *film;     /* for the table of a whole film; "none"; NULL: one that is there, in a whole report */
    char *folder;   /* where the report goes; NULL: nowhere */

    /* of whole pipelines */
    char *pipeline; /* a file, an expression, or "transcode" */
    char **against; /* commands of the shell */
} BenchOptions;

/* Says what is wrong with the words, and where to read more. The exit code of that. */
int bench_usage(const char *format, ...) G_GNUC_PRINTF(1, 2);
gboolean bench_is_wanted(const BenchOptions *options, const char *name);
double bench_seconds(const BenchOptions *options, double asked); /* of one round: `asked`, or less when quick */

/* ---- program.c ---- */

typedef enum { BENCH_DONE, BENCH_SKIPPED, BENCH_FAILED } BenchOutcome;

typedef struct {
    BenchOutcome outcome;
    GHashTable *figures; /* name -> double*; NULL unless done */
    char *reason;        /* what it said on standard error; NULL when done */
    gboolean hung;       /* it had to be killed */
} BenchRun;

/* `extra` is one more argument and its value, or NULL. The second takes a whole command, path first; it is given up after `seconds`
 * and half a minute. */
BenchRun *bench_run(const BenchOptions *options, const char *const *command, double seconds, const char *const extra[2]);
BenchRun *bench_run_words(const char *const *words, double seconds);
void bench_run_free(BenchRun *run);
gboolean bench_run_figure(const BenchRun *run, const char *name, double *value);

/* ---- rounds.c ---- */

/* What all rounds gave for one experiment. */
typedef struct {
    const struct micro_experiment *experiment;
    GPtrArray *values, *floors; /* of BenchRun, by round; `floors` empty where there is none */
    BenchOutcome outcome;       /* the worst of them */
    const char *reason;
} BenchSeries;

/* Of BenchSeries, in the order of the tables. */
GPtrArray *bench_rounds(const BenchOptions *options);
void bench_shuffle(void **items, guint count);

/* ---- judge.c ---- */

typedef struct {
    const struct micro_row *row;
    double value, floor, ratio; /* NAN where there is none */
    double low, high;           /* of the ratio, or of the value where that is judged */
    gboolean ok;
    guint rounds;
} BenchVerdict;

/* FALSE when a figure is missing: `reason` then says which. */
gboolean bench_judge(const BenchSeries *series, const struct micro_row *row, BenchVerdict *verdict, char **reason);

double bench_median(const double *values, guint count);

/* Where the median lies with 95 % confidence: the medians of many samples drawn from these values, by the percentile method. The
 * same values give the same interval. */
void bench_interval(const double *values, guint count, double *low, double *high);

/* ---- report.c, sweep.c, compare.c, transports.c, pipelines.c: exit codes ---- */

int bench_report(const BenchOptions *options, GPtrArray *all);
int bench_list(void);
int bench_sweep(const BenchOptions *options);
int bench_compare(const char *first, const char *second); /* files */
int bench_transports(const BenchOptions *options);
int bench_pipelines(const BenchOptions *options);

/* What --pipeline --json prints, in the place of that. After `budget` seconds it begins no more rounds, once there are three. NULL,
 * and a reason, where nothing was measured; the caller frees either. */
char *bench_pipelines_lines(const BenchOptions *options, const char *pipeline, int rounds, int budget, char **reason);

/* "Intel(R) ...", from /proc/cpuinfo. The caller frees it. */
char *bench_processor(void);

/* Three digits that count, and a letter for thousands: 18.4k, 24.1M. Returns `text`. */
const char *bench_shortened(double value, char text[32]);

#endif
