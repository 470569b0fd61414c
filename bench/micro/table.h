/* The rows of the micro-benchmarks: what is run, what is compared, what is promised.
 *
 * An experiment is two commands that run in the same round: the question and its floor, each the name of a program beside this one
 * and its arguments. A row names one figure of both, says how they are compared, and the target. To add a question: write q-NAME.c
 * and its floor-NAME.c, name them in meson.build, and add an experiment to a table here.
 */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include <stddef.h>

enum micro_bound {
    MICRO_RATIO_AT_MOST,  /* value / floor, median over rounds, <= target */
    MICRO_RATIO_AT_LEAST, /* value / floor >= target */
    MICRO_WORST_AT_LEAST, /* value / floor >= target in every round: the ratio shown is the worst one */
    MICRO_GAIN_AT_LEAST,  /* floor / value >= target: how many times less this project needs than a peer */
    MICRO_VALUE_AT_MOST,  /* the value itself <= target; the floor is only shown */
    MICRO_SHOWN,          /* value / floor, without a target: it explains other rows */
    MICRO_WORST_SHOWN,    /* the same of the worst round */
};

#define MICRO_MAX_ARGUMENTS 12
#define MICRO_MAX_ROWS      8

struct micro_row {
    const char *question;     /* as printed: unique, short */
    const char *figure;       /* of the question's program; NULL ends the list */
    const char *floor_figure; /* of the floor's; NULL: the same name */
    const char *unit;         /* of both: "ns", "1/s" */
    enum micro_bound bound;
    double target;
    const char *note; /* a sentence, or NULL */
};

struct micro_experiment {
    const char *name; /* for --only, which takes the start of a name */
    const char *command[MICRO_MAX_ARGUMENTS];
    const char *floor[MICRO_MAX_ARGUMENTS]; /* none: {NULL}; then the floor is 0 */
    double seconds;                         /* of one round of each; 0: 0.2 */
    struct micro_row rows[MICRO_MAX_ROWS];
};

/* One parameter tried at every value: shown with --sweep, so that a choice can be seen to be the best one. */
struct micro_sweep {
    const char *name;
    const char *command[MICRO_MAX_ARGUMENTS];
    const char *argument; /* "--credits" */
    const char *values[16];
    const char *figure, *unit;
    const char *note;
    const char *floor[MICRO_MAX_ARGUMENTS]; /* beside it, at the same value of its own argument; {NULL}: none */
    const char *floor_argument;             /* NULL: the same word */
};

/* Each ends with an entry whose name is NULL. */
extern const struct micro_experiment micro_wake_experiments[];  /* waking, announcing, fan-out */
extern const struct micro_experiment micro_frame_experiments[]; /* bytes of frames, and other ways to carry them */
extern const struct micro_sweep micro_wake_sweeps[];
extern const struct micro_sweep micro_frame_sweeps[];

#endif
