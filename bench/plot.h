/* Plots of figures, drawn by gnuplot: one picture, as SVG and as PNG.
 *
 *   BenchPlot *plot = bench_plot_create(&(BenchPlotSpec){
 *       .title = "What a frame costs", .note = "1080p, every byte written and read; bars: 95 % interval of the median",
 *       .x = {.label = "frame, bytes", .scale = BENCH_SCALE_BYTES}, .y = {.label = "CPU a frame, us", .scale = BENCH_SCALE_LOG}});
 *   bench_plot_add(plot, &(BenchPlotSeries){.label = "shm", .points = points, .count = count});
 *   bench_plot_add(plot, &(BenchPlotSeries){.style = BENCH_PLOT_FIT, .color = 1, .points = line, .count = 2});
 *   if (!bench_plot_write(plot, folder, "cost", &error)) ...
 *   bench_plot_destroy(plot);
 *
 * What every plot keeps to: six colours that people with any of the common colour deficiencies can tell apart, with marks that
 * differ as well; names stand beside what they name and there is no legend; a linear axis begins at zero unless its spec says
 * otherwise; the background is white.
 *
 * gnuplot is wanted by these calls alone. Where it is missing nothing else is: a caller says so and goes on (bench_plot_write says
 * what to install). Not thread-safe; everything given is copied.
 */
#ifndef BENCH_PLOT_H
#define BENCH_PLOT_H

#include <glib.h>

#define BENCH_PLOT_COLORS 6

typedef enum {
    BENCH_SCALE_LINEAR,
    BENCH_SCALE_LOG,   /* values of 0 and below are left out */
    BENCH_SCALE_BYTES, /* logarithmic, with marks at powers of two: 4 KiB, 64 KiB, 1 MiB */
    BENCH_SCALE_NAMES, /* x only: 0, 1, 2 ... are called `names` */
} BenchScale;

typedef struct {
    const char *label; /* what, and in which unit */
    BenchScale scale;
    double low, high;         /* both 0: what the points ask for */
    const char *const *names; /* NULL-ended */
} BenchAxis;

typedef struct {
    const char *title;
    const char *note; /* one line below it: how it was measured, what the bars mean; or NULL */
    BenchAxis x, y;
} BenchPlotSpec;

/* `low` and `high` are the ends of the value's interval; where they are equal there is none. A value that is not finite is a gap.
 */
typedef struct {
    double x, y, low, high;
} BenchPoint;

typedef enum {
    BENCH_PLOT_POINTS, /* marks */
    BENCH_PLOT_JOINED, /* marks, and a thin line through them */
    BENCH_PLOT_FIT,    /* a dashed line and no marks: what a model says */
    BENCH_PLOT_BARS,   /* from zero, side by side with those of other series; not on a logarithmic y */
} BenchPlotStyle;

typedef struct {
    const char *label; /* stands at its right end; NULL: none (a fit of the colour of what it was fitted to) */
    BenchPlotStyle style;
    unsigned color; /* 1 to 6; 0: the next that no series has */
    const BenchPoint *points;
    guint count;
} BenchPlotSeries;

typedef struct BenchPlot BenchPlot;

BenchPlot *bench_plot_create(const BenchPlotSpec *spec);
void bench_plot_destroy(BenchPlot *plot); /* takes NULL */

void bench_plot_add(BenchPlot *plot, const BenchPlotSeries *series);

/* A line across at `x` with a name at its top: where two models meet, say. The interval is shaded where `low` < `high`. */
void bench_plot_mark(BenchPlot *plot, double x, double low, double high, const char *label);

gboolean bench_plot_is_possible(void); /* gnuplot can be started */

/* Writes FOLDER/NAME.svg and FOLDER/NAME.png; the folder exists. FALSE and a sentence: G_IO_ERROR_NOT_FOUND when gnuplot is not
 * installed (the sentence says how to install it), G_IO_ERROR_FAILED with gnuplot's own words. */
gboolean bench_plot_write(const BenchPlot *plot, const char *folder, const char *name, GError **error);

/* The commands that gnuplot is given. The caller frees them. */
char *bench_plot_script(const BenchPlot *plot, const char *folder, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BenchPlot, bench_plot_destroy)

#endif
