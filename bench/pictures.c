#include "cells.h"
#include "plot.h"

#include <gio/gio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A line for each of at most six ways; the tables have all of them. In the order of who gets a line. */
static const char *const shown[] = {"shm",       "shm-copy",      "pipe",       "socket",   "gst-shm",
                                    "gst-fd",    "gst-inprocess", "process-vm", "vmsplice", "ffmpeg-pipe",
                                    "seqpacket", "pipe-default",  "gst-unixfd", "shm-spin", "gst-shm-copy"};

typedef struct {
    const BenchPlan *plan;
    const BenchCell *like; /* the first of the plan */
    const char *folder;
    GPtrArray *pictures;
    gboolean ok;
} Drawing;

static gboolean is_planned(const BenchPlan *plan, const char *name)
{
    for (guint i = 0; i < plan->ways->len; i++)
        if (strcmp(((const BenchWay *)plan->ways->pdata[i])->name, name) == 0)
            return TRUE;
    return FALSE;
}

static BenchPoint point_of(double x, const BenchFigure *figure, double divisor)
{
    return (BenchPoint){x, figure->median / divisor, figure->low / divisor, figure->high / divisor};
}

static void finish(Drawing *drawing, BenchPlot *plot, const char *name, const char *sentence, gboolean has_points)
{
    g_autoptr(GError) error = NULL;
    if (has_points && bench_plot_write(plot, drawing->folder, name, &error)) {
        g_ptr_array_add(drawing->pictures, g_strdup(name));
        g_ptr_array_add(drawing->pictures, g_strdup(sentence));
    } else if (error) {
        fprintf(stderr, "framelane bench: %s\n", error->message);
        drawing->ok &= g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
    }
    bench_plot_destroy(plot);
}

/* Fills points for one way; how many there are. */
typedef guint (*PointsOf)(const Drawing *drawing, const char *way, BenchPoint *points);

/* A line for each way that has points, six at most. FALSE: there is none. */
static gboolean add_lines(const Drawing *drawing, BenchPlot *plot, PointsOf points_of)
{
    guint lines = 0;
    for (guint i = 0; i < G_N_ELEMENTS(shown) && lines < BENCH_PLOT_COLORS; i++) {
        BenchPoint points[64];
        guint count = is_planned(drawing->plan, shown[i]) ? points_of(drawing, shown[i], points) : 0;
        if (count == 0)
            continue;
        lines++;
        bench_plot_add(plot, &(BenchPlotSeries){.label = shown[i], .style = BENCH_PLOT_JOINED, .points = points, .count = count});
    }
    return lines > 0;
}

static char *note(const Drawing *drawing, const char *how)
{
    return g_strdup_printf("%s; %s; bars: 95 %% interval of the median over %u rounds", drawing->like->work, how,
                           drawing->like->runs->len);
}

/* ---- frames a second by size ---- */

static guint by_size(const Drawing *drawing, const char *way, BenchPoint *points)
{
    guint count = 0;
    for (guint s = 0; s < drawing->plan->sizes->len && count < 64; s++) {
        const BenchSize *size = drawing->plan->sizes->pdata[s];
        const BenchCell *like = drawing->like;
        BenchFigure figure;
        if (!like->rate && bench_figure(bench_find(drawing->plan, way, size, like->consumers, 0, like->work, like->pin, "none"),
                                        "per_second", &figure))
            points[count++] = point_of((double)size->bytes, &figure, 1);
    }
    return count;
}

static void draw_sizes(Drawing *drawing)
{
    g_autofree char *words = note(drawing, "as fast as it goes");
    BenchPlot *plot = bench_plot_create(&(BenchPlotSpec){
        .title = "Frames a second by size of the frame",
        .note = words,
        .x = {.label = "bytes of a frame", .scale = BENCH_SCALE_BYTES},
        .y = {.label = "frames a second", .scale = BENCH_SCALE_LOG},
    });
    gboolean has = add_lines(drawing, plot, by_size);
    finish(drawing, plot, "fps-by-size", "Frames a second by size of the frame, both axes logarithmic", has);
}

/* ---- frames a second by consumers ---- */

static guint by_consumers(const Drawing *drawing, const char *way, BenchPoint *points)
{
    guint count = 0;
    const BenchCell *like = drawing->like;
    for (guint consumers = 1; consumers <= 32; consumers++) {
        BenchFigure figure;
        const BenchCell *cell =
            bench_find(drawing->plan, way, drawing->plan->main_size, consumers, 0, like->work, like->pin, "none");
        if (!like->rate && bench_figure(cell, "per_second", &figure))
            points[count++] = point_of(consumers, &figure, 1);
    }
    return count > 1 ? count : 0;
}

static void draw_consumers(Drawing *drawing)
{
    g_autofree char *how = g_strdup_printf("%s, each consumer reads every frame", drawing->plan->main_size->name);
    g_autofree char *words = note(drawing, how);
    BenchPlot *plot = bench_plot_create(&(BenchPlotSpec){
        .title = "Frames a second to each of several consumers",
        .note = words,
        .x = {.label = "consumers", .scale = BENCH_SCALE_LINEAR},
        .y = {.label = "frames a second to each", .scale = BENCH_SCALE_LOG},
    });
    gboolean has = add_lines(drawing, plot, by_consumers);
    finish(drawing, plot, "fps-by-consumers", "Frames a second to each of several consumers, logarithmic", has);
}

/* ---- latency ---- */

static guint by_share(const Drawing *drawing, const char *way, BenchPoint *points)
{
    static const struct {
        const char *name;
        double share;
    } shares[] = {{"lag_p1_ns", 1},   {"lag_p5_ns", 5},   {"lag_p10_ns", 10}, {"lag_p25_ns", 25}, {"lag_p50_ns", 50},
                  {"lag_p75_ns", 75}, {"lag_p90_ns", 90}, {"lag_p95_ns", 95}, {"lag_p99_ns", 99}};
    const BenchCell *like = drawing->like;
    const BenchCell *cell = bench_find(drawing->plan, way, drawing->plan->main_size, like->consumers, drawing->plan->fixed_rate,
                                       like->work, like->pin, "none");
    guint count = 0;
    for (guint i = 0; i < G_N_ELEMENTS(shares) && drawing->plan->fixed_rate; i++) {
        BenchFigure figure;
        if (bench_figure(cell, shares[i].name, &figure))
            points[count++] = (BenchPoint){figure.median / 1e6, shares[i].share, 0, 0};
    }
    return count;
}

static void draw_latency(Drawing *drawing)
{
    g_autofree char *words = g_strdup_printf("%s at %u frames a second, %s; from when a frame was due until its last byte was read",
                                             drawing->plan->main_size->name, drawing->plan->fixed_rate, drawing->like->work);
    BenchPlot *plot = bench_plot_create(&(BenchPlotSpec){
        .title = "How late frames are: share of the frames that had come",
        .note = words,
        .x = {.label = "ms after they were due", .scale = BENCH_SCALE_LOG},
        .y = {.label = "% of the frames", .scale = BENCH_SCALE_LINEAR, .low = 0, .high = 100},
    });
    gboolean has = add_lines(drawing, plot, by_share);
    finish(drawing, plot, "latency", "Share of the frames that had been read so many milliseconds after they were due", has);
}

/* ---- CPU a frame, of all ways ---- */

static void draw_cpu(Drawing *drawing)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autoptr(GArray) points = g_array_new(FALSE, FALSE, sizeof(BenchPoint));
    const BenchCell *like = drawing->like;
    for (guint i = 0; i < drawing->plan->ways->len; i++) {
        const char *way = ((const BenchWay *)drawing->plan->ways->pdata[i])->name;
        BenchFigure cpu;
        if (!bench_figure(bench_find(drawing->plan, way, drawing->plan->main_size, like->consumers, like->rate, like->work,
                                     like->pin, "none"),
                          "cpu_ns", &cpu))
            continue;
        BenchPoint point = point_of(points->len, &cpu, 1e6);
        g_array_append_val(points, point);
        g_ptr_array_add(names, (gpointer)way);
    }
    g_ptr_array_add(names, NULL);
    g_autofree char *words = note(drawing, drawing->plan->main_size->name);
    BenchPlot *plot = bench_plot_create(&(BenchPlotSpec){
        .title = "CPU time a frame, all processes together",
        .note = words,
        .x = {.label = "", .scale = BENCH_SCALE_NAMES, .names = (const char *const *)names->pdata},
        .y = {.label = "CPU ms a frame", .scale = BENCH_SCALE_LINEAR},
    });
    bench_plot_add(plot,
                   &(BenchPlotSeries){.style = BENCH_PLOT_BARS, .points = (const BenchPoint *)points->data, .count = points->len});
    finish(drawing, plot, "cpu", "CPU time a frame of all processes together", points->len > 0);
}

/* ---- stalls ---- */

static void draw_stalls(Drawing *drawing)
{
    static const char *const stalls[] = {"none", "slow", "stop"}, *const labels[] = {"nobody stalls", "the first is slow",
                                                                                     "the first stops"};
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    BenchPoint points[3][32];
    const BenchPlan *plan = drawing->plan;
    guint count = 0;
    for (guint i = 0; i < plan->ways->len && plan->fixed_rate && count < 32; i++) {
        const char *way = ((const BenchWay *)plan->ways->pdata[i])->name;
        guint known = 0;
        for (guint s = 0; s < 3; s++) {
            BenchFigure others;
            const BenchCell *cell =
                bench_find(plan, way, plan->main_size, 3, plan->fixed_rate, drawing->like->work, drawing->like->pin, stalls[s]);
            known += bench_figure(cell, "others_per_second", &others);
            points[s][count] = point_of(count, &others, 1);
        }
        if (known < 3)
            continue;
        g_ptr_array_add(names, (gpointer)way);
        count++;
    }
    g_ptr_array_add(names, NULL);
    g_autofree char *words = g_strdup_printf("%s at %u frames a second to three consumers; frames a second of the two others",
                                             plan->main_size->name, plan->fixed_rate);
    BenchPlot *plot = bench_plot_create(&(BenchPlotSpec){
        .title = "What one consumer that stalls does to the others",
        .note = words,
        .x = {.label = "", .scale = BENCH_SCALE_NAMES, .names = (const char *const *)names->pdata},
        .y = {.label = "frames a second of the others", .scale = BENCH_SCALE_LINEAR},
    });
    for (guint s = 0; s < 3; s++)
        bench_plot_add(plot, &(BenchPlotSeries){.label = labels[s], .style = BENCH_PLOT_BARS, .points = points[s], .count = count});
    finish(drawing, plot, "stall", "Frames a second of two consumers while a third one is slow, and stopped", count > 0);
}

gboolean bench_pictures(const BenchPlan *plan, const char *folder, GPtrArray *pictures)
{
    Drawing drawing = {plan, plan->cells->pdata[0], folder, pictures, TRUE};
    draw_sizes(&drawing);
    draw_cpu(&drawing);
    draw_latency(&drawing);
    draw_consumers(&drawing);
    draw_stalls(&drawing);
    return drawing.ok;
}
