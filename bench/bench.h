/* framelane-bench: the program behind `framelane bench`. It measures nothing itself: it starts the programs of micro/, round by
 * round, pairs their figures, and says how sure it is.
 *
 *   main.c     options, exit codes
 *   program.c  runs one program, reads its figures
 *   rounds.c   rounds of all experiments, in a changing order
 *   judge.c    medians, intervals, targets
 *   report.c   the table; JSON
 *   sweep.c    one parameter tried at every value
 *   compare.c  two results of --json side by side
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
} BenchOptions;

gboolean bench_is_wanted(const BenchOptions *options, const char *name);
double bench_seconds(const BenchOptions *options, double asked); /* of one round: `asked`, or less when quick */

/* ---- program.c ---- */

typedef enum { BENCH_DONE, BENCH_SKIPPED, BENCH_FAILED } BenchOutcome;

typedef struct {
    BenchOutcome outcome;
    GHashTable *figures; /* name -> double*; NULL unless done */
    char *reason;        /* what it said on standard error; NULL when done */
} BenchRun;

/* `extra` is one more argument and its value, or NULL. */
BenchRun *bench_run(const BenchOptions *options, const char *const *command, double seconds, const char *const extra[2]);
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

/* ---- report.c, sweep.c, compare.c: exit codes ---- */

int bench_report(const BenchOptions *options, GPtrArray *all);
int bench_list(void);
int bench_sweep(const BenchOptions *options);
int bench_compare(const char *first, const char *second); /* files */

/* "Intel(R) ...", from /proc/cpuinfo. The caller frees it. */
char *bench_processor(void);

#endif
