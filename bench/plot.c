#include "plot-axis.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

#define WIDTH      1000
#define HEIGHT     600
#define LABEL_STEP 0.045 /* of the plot's height: what one label takes */

#define MOST_LEVEL_NAMES 8 /* more would lie on one another: they are turned */

/* Okabe and Ito's, without the yellow that white swallows. */
static const char *const colors[BENCH_PLOT_COLORS] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "gray30"};
static const int marks[BENCH_PLOT_COLORS] = {7, 5, 9, 13, 11, 6}; /* gnuplot's: circle, square, triangles, diamond, ring */

typedef struct {
    char *label;
    BenchPlotStyle style;
    unsigned color; /* from 0 */
    GArray *points;
} Series;

typedef struct {
    double x, low, high;
    char *label;
} Mark;

struct BenchPlot {
    char *title, *note, *x_label, *y_label;
    BenchAxis x, y; /* without their texts */
    GStrv names;
    GPtrArray *series; /* Series */
    GArray *marks;     /* Mark */
    unsigned colored;
};

static void free_series(gpointer data)
{
    Series *series = data;
    g_free(series->label);
    g_array_unref(series->points);
    g_free(series);
}

static void clear_mark(gpointer data)
{
    g_free(((Mark *)data)->label);
}

BenchPlot *bench_plot_create(const BenchPlotSpec *spec)
{
    BenchPlot *plot = g_new0(BenchPlot, 1);
    plot->title = g_strdup(spec->title);
    plot->note = g_strdup(spec->note ? spec->note : "");
    plot->x = spec->x;
    plot->y = spec->y;
    plot->x_label = g_strdup(spec->x.label ? spec->x.label : "");
    plot->y_label = g_strdup(spec->y.label ? spec->y.label : "");
    plot->names = g_strdupv((GStrv)spec->x.names);
    plot->series = g_ptr_array_new_with_free_func(free_series);
    plot->marks = g_array_new(FALSE, FALSE, sizeof(Mark));
    g_array_set_clear_func(plot->marks, clear_mark);
    return plot;
}

void bench_plot_destroy(BenchPlot *plot)
{
    if (!plot)
        return;
    g_free(plot->title);
    g_free(plot->note);
    g_free(plot->x_label);
    g_free(plot->y_label);
    g_strfreev(plot->names);
    g_ptr_array_unref(plot->series);
    g_array_unref(plot->marks);
    g_free(plot);
}

void bench_plot_add(BenchPlot *plot, const BenchPlotSeries *like)
{
    Series *series = g_new0(Series, 1);
    series->label = g_strdup(like->label);
    series->style = like->style;
    series->color = (like->color ? like->color - 1 : plot->colored++) % BENCH_PLOT_COLORS;
    series->points = g_array_new(FALSE, FALSE, sizeof(BenchPoint));
    g_array_append_vals(series->points, like->points, like->count);
    g_ptr_array_add(plot->series, series);
}

void bench_plot_mark(BenchPlot *plot, double x, double low, double high, const char *label)
{
    Mark mark = {x, low, high, g_strdup(label)};
    g_array_append_val(plot->marks, mark);
}

/* ---- axes ---- */

static PlotSpan span_of(const BenchPlot *plot, gboolean vertical)
{
    const BenchAxis *axis = vertical ? &plot->y : &plot->x;
    PlotSpan span = {axis->scale, INFINITY, -INFINITY};
    if (axis->scale == BENCH_SCALE_NAMES)
        return (PlotSpan){axis->scale, -0.6, (double)g_strv_length(plot->names) - 0.4};
    for (guint i = 0; i < plot->series->len; i++) {
        const Series *series = plot->series->pdata[i];
        for (guint n = 0; n < series->points->len; n++) {
            const BenchPoint *point = &g_array_index(series->points, BenchPoint, n);
            plot_stretch(&span, vertical ? point->y : point->x);
            if (vertical && point->low < point->high) {
                plot_stretch(&span, point->low);
                plot_stretch(&span, point->high);
            }
        }
    }
    for (guint i = 0; !vertical && i < plot->marks->len; i++)
        plot_stretch(&span, g_array_index(plot->marks, Mark, i).x);
    plot_give_room(&span);
    if (axis->low != 0 || axis->high != 0) {
        span.low = axis->low;
        span.high = axis->high;
    }
    return span;
}

/* ---- the script ---- */

/* In gnuplot's single quotes nothing means anything but the quote. */
static char *quoted(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "'", -1);
    g_autofree char *inner = g_strjoinv("''", parts);
    g_autofree char *line = g_strdelimit(g_steal_pointer(&inner), "\n", ' ');
    return g_strdup_printf("'%s'", line);
}

static void add(GString *script, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void add(GString *script, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_string_append_vprintf(script, format, arguments);
    va_end(arguments);
}

/* printf's %g follows the locale of the user; gnuplot's numbers do not. */
static void add_numbers(GString *script, const double *values, guint count)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    for (guint i = 0; i < count; i++)
        add(script, "%s%s", i ? " " : "", isfinite(values[i]) ? g_ascii_dtostr(text, sizeof text, values[i]) : "NaN");
}

static void add_axis(GString *script, char which, const PlotSpan *span, const char *label, GStrv names)
{
    g_autofree char *word = quoted(label);
    add(script, "set %clabel %s\nset %crange [", which, word, which);
    add_numbers(script, &span->low, 1);
    add(script, ":");
    add_numbers(script, &span->high, 1);
    add(script, "]\n");
    if (plot_is_log(span->scale))
        add(script, "set logscale %c\n", which);
    add(script, "set %ctics nomirror %s(", which, names && g_strv_length(names) > MOST_LEVEL_NAMES ? "rotate by 30 right " : "");
    for (guint i = 0; names && names[i]; i++) {
        g_autofree char *name = quoted(names[i]);
        add(script, "%s%s %u", i ? ", " : "", name, i);
    }
    if (!names)
        plot_add_ticks(script, span);
    add(script, ")\n");
}

/* The last point that is drawn, in parts of the plot's height; below zero: there is none. */
static double end_of(const Series *series, const PlotSpan *x, const PlotSpan *y)
{
    for (guint n = series->points->len; n > 0; n--) {
        const BenchPoint *point = &g_array_index(series->points, BenchPoint, n - 1);
        if (plot_fits(y->scale, point->y) && plot_fits(x->scale, point->x))
            return CLAMP(plot_place(y, point->y), 0, 1);
    }
    return -1;
}

typedef struct {
    double at;
    const Series *series;
} EndLabel;

static int by_height(const void *a, const void *b)
{
    double first = ((const EndLabel *)a)->at, second = ((const EndLabel *)b)->at;
    return (first > second) - (first < second);
}

/* Labels that would lie on one another move apart: up from the lowest, and down again from the top of the plot. */
static void move_apart(EndLabel *labels, guint count)
{
    qsort(labels, count, sizeof *labels, by_height);
    for (guint i = 1; i < count; i++)
        labels[i].at = fmax(labels[i].at, labels[i - 1].at + LABEL_STEP);
    double most = 1;
    for (guint i = count; i > 0; i--) {
        labels[i - 1].at = fmin(labels[i - 1].at, most);
        most = labels[i - 1].at - LABEL_STEP;
    }
}

/* Right of the plot, each at the height where its series ends and in its colour. */
static void add_labels(GString *script, const BenchPlot *plot, const PlotSpan *x, const PlotSpan *y)
{
    g_autofree EndLabel *labels = g_new0(EndLabel, plot->series->len + 1);
    guint count = 0;
    glong longest = 0;
    for (guint i = 0; i < plot->series->len; i++) {
        const Series *series = plot->series->pdata[i];
        double at = end_of(series, x, y);
        if (!series->label || at < 0)
            continue;
        labels[count++] = (EndLabel){at, series};
        longest = MAX(longest, g_utf8_strlen(series->label, -1));
    }
    move_apart(labels, count);
    add(script, "set rmargin %ld\n", longest + 3);
    for (guint i = 0; i < count; i++) {
        g_autofree char *word = quoted(labels[i].series->label);
        add(script, "set label %s at graph 1.015, graph ", word);
        add_numbers(script, &labels[i].at, 1);
        add(script, " left front textcolor rgb '%s'\n", colors[labels[i].series->color]);
    }
}

static void add_marks(GString *script, const BenchPlot *plot)
{
    for (guint i = 0; i < plot->marks->len; i++) {
        const Mark *mark = &g_array_index(plot->marks, Mark, i);
        g_autofree char *word = quoted(mark->label ? mark->label : "");
        if (!isfinite(mark->x))
            continue;
        if (mark->low < mark->high && isfinite(mark->low) && isfinite(mark->high)) {
            add(script, "set object rectangle from ");
            add_numbers(script, &mark->low, 1);
            add(script, ", graph 0 to ");
            add_numbers(script, &mark->high, 1);
            add(script, ", graph 1 behind fillcolor rgb 'gray90' fillstyle solid noborder\n");
        }
        add(script, "set arrow from ");
        add_numbers(script, &mark->x, 1);
        add(script, ", graph 0 to ");
        add_numbers(script, &mark->x, 1);
        add(script, ", graph 1 nohead linecolor rgb 'gray50' linewidth 1\nset label %s at ", word);
        add_numbers(script, &mark->x, 1);
        add(script, ", graph %.3f left offset 0.7,0 front textcolor rgb 'gray30'\n", 0.97 - 0.05 * i);
    }
}

static guint bar_series(const BenchPlot *plot)
{
    guint count = 0;
    for (guint i = 0; i < plot->series->len; i++)
        count += ((const Series *)plot->series->pdata[i])->style == BENCH_PLOT_BARS;
    return count;
}

/* One block of data a series: x y low high. Bars of several series stand side by side. */
static void add_data(GString *script, const BenchPlot *plot, const PlotSpan *x, const PlotSpan *y)
{
    guint bars = bar_series(plot), bar = 0;
    for (guint i = 0; i < plot->series->len; i++) {
        const Series *series = plot->series->pdata[i];
        double shift = series->style == BENCH_PLOT_BARS ? ((double)bar++ - (bars - 1) / 2.0) * 0.8 / bars : 0;
        add(script, "$series%u << END\n", i);
        for (guint n = 0; n < series->points->len; n++) {
            const BenchPoint *point = &g_array_index(series->points, BenchPoint, n);
            gboolean known = point->low < point->high;
            double low = known ? point->low : point->y;
            double row[] = {point->x + shift, point->y, plot_fits(y->scale, low) ? low : y->low, known ? point->high : point->y};
            if (plot_fits(x->scale, point->x) && plot_fits(y->scale, point->y))
                add_numbers(script, row, G_N_ELEMENTS(row));
            add(script, "\n"); /* an empty line is a gap */
        }
        add(script, "END\n");
    }
}

static gboolean has_intervals(const Series *series)
{
    gboolean has = FALSE;
    for (guint n = 0; n < series->points->len; n++) {
        const BenchPoint *point = &g_array_index(series->points, BenchPoint, n);
        has |= point->low < point->high;
    }
    return has;
}

/* As arrows with flat heads: gnuplot's own error bars punch a hole around their middle. */
static void add_intervals(GString *script, const Series *series, guint number, const char *color)
{
    if (has_intervals(series))
        add(script,
            "$series%u using 1:3:(0):($4-$3) with vectors heads size graph 0.005,90 linewidth 1.5 linecolor rgb '%s', \\\n     ",
            number, color);
}

/* Marks lie on their intervals; intervals lie on their bars. */
static void add_drawing(GString *script, const BenchPlot *plot)
{
    add(script, "plot ");
    for (guint i = 0; i < plot->series->len; i++) {
        const Series *series = plot->series->pdata[i];
        const char *color = colors[series->color];
        int mark = marks[series->color];
        if (series->style == BENCH_PLOT_FIT) {
            add(script, "$series%u using 1:2 with lines dashtype 2 linewidth 2 linecolor rgb '%s', \\\n     ", i, color);
        } else if (series->style == BENCH_PLOT_BARS) {
            add(script, "$series%u using 1:2 with boxes fillstyle solid 0.75 noborder linecolor rgb '%s', \\\n     ", i, color);
            add_intervals(script, series, i, "gray10");
        } else {
            add_intervals(script, series, i, color);
            add(script, "$series%u using 1:2 with %s linewidth 1.5 pointtype %d pointsize 1 linecolor rgb '%s', \\\n     ", i,
                series->style == BENCH_PLOT_JOINED ? "linespoints" : "points", mark, color);
        }
    }
    add(script, "NaN notitle\n"); /* ends the list, also where there is no series */
}

static void add_output(GString *script, const char *terminal, const char *folder, const char *name, const char *ending)
{
    g_autofree char *file = g_strconcat(name, ending, NULL);
    g_autofree char *path = g_build_filename(folder, file, NULL);
    g_autofree char *word = quoted(path);
    add(script, "set terminal %s noenhanced size %d,%d font 'DejaVu Sans,%d' background rgb 'white'\nset output %s\n", terminal,
        WIDTH, HEIGHT, strcmp(terminal, "svg") == 0 ? 14 : 11, word);
}

char *bench_plot_script(const BenchPlot *plot, const char *folder, const char *name)
{
    GString *script = g_string_new("set encoding utf8\nset border 3 linecolor rgb 'gray50'\nunset key\nset tics out\n"
                                   "set grid linecolor rgb 'gray90' linetype 1 back\nset tmargin 5\nset datafile missing 'NaN'\n");
    PlotSpan x = span_of(plot, FALSE), y = span_of(plot, TRUE);
    g_autofree char *title = quoted(plot->title), *note = quoted(plot->note);
    add(script, "set label %s at graph 0, graph 1.1 left font ',16'\n", title);
    add(script, "set label %s at graph 0, graph 1.04 left textcolor rgb 'gray30'\n", note);
    add_axis(script, 'x', &x, plot->x_label, plot->names);
    add_axis(script, 'y', &y, plot->y_label, NULL);
    add_labels(script, plot, &x, &y);
    add_marks(script, plot);
    add(script, "set boxwidth %.3f\n", 0.8 / MAX(bar_series(plot), 1));
    add_data(script, plot, &x, &y);
    add_output(script, "svg", folder, name, ".svg");
    add_drawing(script, plot);
    add_output(script, "pngcairo", folder, name, ".png");
    g_string_append(script, "replot\nunset output\n");
    return g_string_free(script, FALSE);
}

/* ---- gnuplot ---- */

gboolean bench_plot_is_possible(void)
{
    g_autofree char *path = g_find_program_in_path("gnuplot");
    return path != NULL;
}

gboolean bench_plot_write(const BenchPlot *plot, const char *folder, const char *name, GError **error)
{
    g_autofree char *script = bench_plot_script(plot, folder, name), *said = NULL;
    if (!bench_plot_is_possible()) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                    "no plot of %s: gnuplot is not installed (Debian: apt-get install gnuplot-nox); the figures are complete "
                    "without it",
                    name);
        return FALSE;
    }
    g_autoptr(GSubprocess) gnuplot =
        g_subprocess_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE, error,
                         "gnuplot", "-", NULL);
    if (!gnuplot || !g_subprocess_communicate_utf8(gnuplot, script, NULL, &said, NULL, error))
        return FALSE;
    if (!g_subprocess_get_successful(gnuplot)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "no plot of %s: gnuplot says: %s", name, g_strstrip(said));
        return FALSE;
    }
    return TRUE;
}
