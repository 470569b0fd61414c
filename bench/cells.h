/* Ways to carry the same frames, measured and told: `framelane bench` without --micro.
 *
 *   ways.c        which ways there are, and what each is
 *   plan.c        lists of the command line -> cells: what is to be measured
 *   measure.c     rounds of all cells, in a changing order; runs that count system calls
 *   summary.c     medians, intervals, ratios within rounds, the noise floor
 *   machine.c     what it was measured on
 *   tables.c      cells -> tables of words
 *   glance.c      cells -> the few sentences that most people want
 *   film.c        a whole film by Framelane, FFmpeg and GStreamer, as --pipeline transcode measures it: a table, sentences, JSON
 *   write.c       tables -> text, Markdown, CSV
 *   rows.c        cells -> JSON
 *   pictures.c    cells -> plots
 *   transports.c  all of it in order
 *
 * A cell is one way with one size, number of consumers, rate, work, place and stall; every round measures every cell once. What it
 * is held against is the first way of the plan under the same conditions, in the same round.
 */
#ifndef BENCH_CELLS_H
#define BENCH_CELLS_H

#include "bench.h"

/* ---- ways.c ---- */

typedef struct {
    const char *name;                         /* for --transport */
    const char *command[MICRO_MAX_ARGUMENTS]; /* a program of micro/ and its arguments */
    const char *what;                         /* a sentence */
    gboolean in_quick;                        /* measured by --quick unless --transport says otherwise */
    gboolean when_many;                       /* and so, with and without --quick, with several consumers */
    gboolean when_stalled;                    /* and where a consumer stalls, or everybody runs on one core or anywhere */
    gboolean only_stalled;                    /* and nowhere else */
    gboolean only_alone;                      /* has one consumer, and is of the same process */
} BenchWay;

extern const BenchWay bench_ways[]; /* ends with an entry without a name */

/* ---- plan.c ---- */

typedef struct {
    char *name; /* "1080p", "4 KiB" */
    guint64 bytes;
} BenchSize;

typedef struct {
    const BenchWay *way;
    const BenchSize *size;
    guint consumers;
    guint rate; /* 0: as fast as it goes */
    const char *work, *pin, *stall;
    gboolean again; /* the reference once more, for the noise floor */
    double seconds;

    GPtrArray *runs;  /* of BenchRun, by round */
    BenchRun *traced; /* NULL: system calls were not counted */
    BenchOutcome outcome;
    const char *reason;
    guint hung; /* runs of a peer that had to be killed, and were done again */
} BenchCell;

typedef struct {
    GPtrArray *cells; /* of BenchCell, in the order of the report */
    GPtrArray *sizes, *ways;
    gboolean named;             /* the ways were: each is measured everywhere */
    const BenchSize *main_size; /* where what is not a matter of size is asked */
    GPtrArray *works, *pins;    /* char*, which cells point to */
    GArray *rates;              /* guint; 0: as fast as it goes */
    guint fixed_rate;           /* the first; 0: none */
    double seconds;             /* that measuring took */
} BenchPlan;

/* NULL, and a sentence, where a list cannot be read. */
BenchPlan *bench_plan_create(const BenchOptions *options, char **error);
void bench_plan_free(BenchPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BenchPlan, bench_plan_free)

/* The words that run a cell, path first; `programs` NULL: the name alone, as a report shows it. */
GStrv bench_cell_words(const BenchCell *cell, const char *programs);

gboolean bench_reads_all(const BenchCell *cell); /* its work is to read every byte */

/* ---- measure.c ---- */

void bench_measure(const BenchOptions *options, BenchPlan *plan);

/* ---- summary.c ---- */

typedef struct {
    double median, low, high; /* NAN: there is no such figure */
} BenchFigure;

/* FALSE where it was not measured. The second: of this cell over the other, within rounds. */
gboolean bench_figure(const BenchCell *cell, const char *name, BenchFigure *figure);
gboolean bench_ratio(const BenchCell *cell, const BenchCell *other, const char *name, BenchFigure *ratio);

/* How far the ratio of two runs of the same thing is off 1: under the conditions of this cell where that was measured, else the
 * most there was anywhere (NULL: that). NAN: not measured. */
double bench_noise(const BenchPlan *plan, const BenchCell *like, const char *name);

/* TRUE where a ratio says no more than that two runs differ. */
gboolean bench_is_noise(const BenchFigure *ratio, double noise);

/* The cell that differs from `like` only where these say so; NULL: there is none, or it has no figures. */
const BenchCell *bench_cell_of(const BenchPlan *plan, const BenchCell *like, const char *way);
const BenchCell *bench_find(const BenchPlan *plan, const char *way, const BenchSize *size, guint consumers, guint rate,
                            const char *work, const char *pin, const char *stall);

/* The cell of the plan's first way under the same conditions; NULL. */
const BenchCell *bench_reference(const BenchPlan *plan, const BenchCell *cell);

/* ---- tables.c, glance.c: what is told ---- */

typedef struct {
    char *title, *note; /* `note` may be NULL */
    GPtrArray *columns; /* char* */
    GPtrArray *rows;    /* of GPtrArray of char*, as many as there are columns */
} BenchTable;

BenchTable *bench_table_create(const char *title, const char *note, const char *const *columns);
void bench_table_add(BenchTable *table, ...) G_GNUC_NULL_TERMINATED; /* char*, which the table then owns */
void bench_table_free(BenchTable *table);

GPtrArray *bench_tables(const BenchPlan *plan); /* of BenchTable */
GPtrArray *bench_glance(const BenchPlan *plan); /* of char*, a sentence each */
char *bench_about_time(double ns);              /* "18.4 us"; the caller frees it */

/* ---- film.c ---- */

typedef struct BenchFilm BenchFilm;

BenchFilm *bench_film_measure(const BenchOptions *options);
void bench_film_free(BenchFilm *film); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BenchFilm, bench_film_free)

/* Its sentences and its table are put before the others. */
void bench_film_tell(const BenchFilm *film, GPtrArray *glance, GPtrArray *tables);
void bench_film_commands(const BenchFilm *film, GString *to, const char *before); /* `before`: each line */
const char *bench_film_reason(const BenchFilm *film);                             /* why there is nothing to tell; NULL */
GPtrArray *bench_film_rows(const BenchFilm *film);                                /* of JsonObject; the film's */

/* ---- machine.c ---- */

/* Pairs of words, what and which, one after the other: machine, kernel, versions, command. */
GPtrArray *bench_about(const BenchOptions *options, const BenchPlan *plan);

/* ---- write.c, rows.c, pictures.c ---- */

typedef struct {
    const BenchOptions *options;
    const BenchPlan *plan;
    const BenchFilm *film; /* NULL: not asked for */
    GPtrArray *machine, *glance, *tables;
    GPtrArray *pictures; /* char*: names without ending, and a sentence each, one after the other */
} BenchStory;

void bench_write_text(const BenchStory *story, GString *to);
void bench_write_markdown(const BenchStory *story, GString *to);
void bench_write_csv(const BenchPlan *plan, GString *to);

char *bench_rows_line(const BenchPlan *plan, const BenchCell *cell); /* one object of --json */
char *bench_rows_head(const BenchStory *story);
char *bench_rows_noise(const BenchPlan *plan);
char *bench_rows_file(const BenchStory *story); /* all of it as one object */

/* Writes what plots the plan has figures for into the folder; names and sentences go to `pictures`. FALSE: said why. */
gboolean bench_pictures(const BenchPlan *plan, const char *folder, GPtrArray *pictures);

#endif
