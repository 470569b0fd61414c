#include "experiment.h"

#include <math.h>

#define WAY(way, bytes)                                                                                                            \
    {                                                                                                                              \
        way, bytes,                                                                                                                \
        {                                                                                                                          \
            "x-crossover", "--over", way, "--bytes", #bytes                                                                        \
        }                                                                                                                          \
    }
#define WAYS(bytes) WAY("shm", bytes), WAY("pipe", bytes), WAY("unix", bytes)

#define SMALL_FRAME 86400 /* 320x180, 4:2:0 */

static const ExperimentCell cells[] = {
    WAYS(64), WAYS(1024), WAYS(4096), WAYS(16384), WAYS(65536), WAYS(262144), WAYS(1382400), WAYS(3110400), WAYS(12441600), {0},
};

static double constant_of(const ExperimentDraw *draw, gconstpointer way)
{
    return experiment_fit_series(draw, way, "p50_ns", NULL).a / 1e3;
}

static double slope_of(const ExperimentDraw *draw, gconstpointer way)
{
    return experiment_fit_series(draw, way, "p50_ns", NULL).b * (1 << 20) / 1e3;
}

static double off_of(const ExperimentDraw *draw, gconstpointer way)
{
    return experiment_fit_series(draw, way, "p50_ns", NULL).off;
}

/* Where the line of `way` and that of shared memory meet; 0 where shared memory is below it from the start, infinity where never.
 */
static double crossing_of(const ExperimentDraw *draw, gconstpointer way)
{
    ExperimentLine ours = experiment_fit_series(draw, "shm", "p50_ns", NULL);
    ExperimentLine other = experiment_fit_series(draw, way, "p50_ns", NULL);
    if (other.b <= ours.b)
        return INFINITY;
    return fmax((ours.a - other.a) / (other.b - ours.b), 0);
}

static double line_at(double x, gconstpointer line)
{
    return ((const ExperimentLine *)line)->a / 1e3 + ((const ExperimentLine *)line)->b / 1e3 * x;
}

static void judge_way(ExperimentReport *report, const char *way, BenchPlot *plot, unsigned color)
{
    ExperimentNumber a = experiment_statistic(report->data, constant_of, way);
    ExperimentNumber b = experiment_statistic(report->data, slope_of, way);
    ExperimentNumber off = experiment_statistic(report->data, off_of, way);
    ExperimentLine line = {a.value * 1e3, b.value * 1e3 / (1 << 20), 0};
    g_autofree char *constant = g_strdup_printf("a of %s", way), *slope = g_strdup_printf("b of %s", way);
    g_autofree char *straight = g_strdup_printf("%s: a + b s is right within a quarter in the mean", way);
    experiment_result(report, constant, a, "us");
    experiment_result(report, slope, b, "us/MiB");
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_most(off, 0.25), straight, "Off its line by %.0f %%.",
                     100 * off.value);
    experiment_plot_cells(report, plot, way, "p50_ns", 1e-3, &(BenchPlotSeries){.label = way, .color = color});
    experiment_plot_model(plot, 64, 12441600, line_at, &line, &(BenchPlotSeries){.color = color});
}

static void judge_crossing(ExperimentReport *report, const char *way, ExperimentNumber crossing)
{
    g_autofree char *name = g_strdup_printf("x* against %s", way);
    g_autofree char *wins = g_strdup_printf("shared memory is sooner than %s from a frame of 320x180 on", way);
    experiment_result(report, name, crossing, "bytes");
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_most(crossing, SMALL_FRAME), wins,
                     "The lines meet at %.0f bytes [%.0f, %.0f]; such a frame has %d.", crossing.value, crossing.low, crossing.high,
                     SMALL_FRAME);
}

static void judge(ExperimentReport *report)
{
    BenchPlot *plot = experiment_plot(
        report, NULL,
        &(BenchPlotSpec){.title = "Until a sleeping consumer has read the whole frame",
                         .note = "medians with 95 % intervals; dashed: a + b s fitted to each; the line: where pipe and shm meet",
                         .x = {.label = "frame", .scale = BENCH_SCALE_BYTES},
                         .y = {.label = "latency, us", .scale = BENCH_SCALE_LOG}});
    ExperimentNumber pipe = experiment_statistic(report->data, crossing_of, "pipe");
    ExperimentNumber unix_socket = experiment_statistic(report->data, crossing_of, "unix");
    ExperimentNumber gain = experiment_ratio(report->data, "p50_ns", "pipe", 3110400, "shm", 3110400);
    g_autofree char *mark = g_strdup_printf("x* = %.3g KiB", pipe.value / 1024);
    judge_way(report, "shm", plot, 1);
    judge_way(report, "pipe", plot, 2);
    judge_way(report, "unix", plot, 3);
    judge_crossing(report, "pipe", pipe);
    judge_crossing(report, "unix", unix_socket);
    if (pipe.value > 0)
        bench_plot_mark(plot, pipe.value, pipe.low, pipe.high, mark);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_least(gain, 2), "a 1080p frame is there in half the time, or less",
                     "Pipe over shared memory: %.2f [%.2f, %.2f].", gain.value, gain.low, gain.high);
    experiment_show(report, "p50_ns");
    experiment_show(report, "p99_ns");
}

const Experiment experiment_crossover = {
    .name = "crossover",
    .question = "from which size on is shared memory sooner than a pipe or a socket?",
    .x = "bytes",
    .cells = cells,
    .judge = judge,
};
