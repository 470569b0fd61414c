#include "experiment.h"

#include <math.h>

#define FRAMES(series, where, copies, ...)                                                                                         \
    {                                                                                                                              \
        series, copies,                                                                                                            \
        {                                                                                                                          \
            "x-copies", "--copies", #copies, "--beside", where, __VA_ARGS__                                                        \
        }                                                                                                                          \
    }

static const ExperimentCell cells[] = {
    FRAMES("stages", "other", 0, "--count", "1"),
    FRAMES("stages", "other", 1, "--count", "1"),
    FRAMES("stages", "other", 2, "--count", "1"),
    FRAMES("bystander, same core", "same", 1, "--against", "0"),
    FRAMES("bystander, same core", "same", 2, "--against", "0"),
    FRAMES("bystander, other core", "other", 1, "--against", "0"),
    FRAMES("bystander, other core", "other", 2, "--against", "0"),
    FRAMES("same core, small frames", "same", 2, "--against", "0", "--bytes", "0", "--rate", "8000"),
    {0},
};

/* CPU a frame with x copies, where each costs what one costs by itself. */
static double predicted(const ExperimentDraw *draw, double copies)
{
    return experiment_drawn(draw, "stages", 0, "cpu_ns") + copies * experiment_drawn(draw, "stages", 0, "copy_ns");
}

static double over_prediction(const ExperimentDraw *draw, gconstpointer copies)
{
    return experiment_drawn(draw, "stages", *(const double *)copies, "cpu_ns") / predicted(draw, *(const double *)copies);
}

static double model(double x, gconstpointer line)
{
    return ((const double *)line)[0] + x * ((const double *)line)[1];
}

static void judge_counts(ExperimentReport *report)
{
    ExperimentNumber none = experiment_figure(report->data, "stages", 0, "copied");
    ExperimentNumber one = experiment_figure(report->data, "stages", 1, "copied");
    ExperimentNumber two = experiment_figure(report->data, "stages", 2, "copied");
    gboolean told = fabs(one.value - 1) < 0.05 && fabs(two.value - 2) < 0.05;
    experiment_claim(report, EXPERIMENT_COUNTED, none.high <= 0.01 ? EXPERIMENT_HOLDS : EXPERIMENT_REFUTED,
                     "a lane copies no frame", "Counted from outside: %.3f copies a frame.", none.value);
    experiment_claim(report, EXPERIMENT_COUNTED, told ? EXPERIMENT_HOLDS : EXPERIMENT_REFUTED,
                     "the count sees a copy where there is one", "Where one is made: %.3f; where two are: %.3f.", one.value,
                     two.value);
}

/* Its pace beside frames, and of its CPU time what its lines cost it: the one counts what is taken from it, the other what is
 * spoilt.
 */
static void tell_bystander(ExperimentReport *report, BenchPlot *plot, const char *where)
{
    g_autofree char *series = g_strdup_printf("bystander, %s", where);
    ExperimentNumber by_copies[] = {experiment_figure(report->data, series, 2, "against_kept"),
                                    experiment_figure(report->data, series, 1, "pace_kept"),
                                    experiment_figure(report->data, series, 2, "pace_kept")};
    BenchPoint points[G_N_ELEMENTS(by_copies)];
    g_autofree char *name_none = g_strdup_printf("pace a bystander on the %s keeps beside frames", where);
    g_autofree char *name_two = g_strdup_printf("pace it keeps on the %s beside frames copied twice", where);
    g_autofree char *name_line = g_strdup_printf("CPU time a line on the %s, two copies over none", where);
    experiment_result(report, name_none, by_copies[0], "of that without frames");
    experiment_result(report, name_two, by_copies[2], "of that without frames");
    experiment_result(report, name_line, experiment_figure(report->data, series, 2, "line_dearer"), "times");
    for (guint i = 0; i < G_N_ELEMENTS(points); i++)
        points[i] = (BenchPoint){i, 100 * by_copies[i].value, 100 * by_copies[i].low, 100 * by_copies[i].high};
    bench_plot_add(plot, &(BenchPlotSeries){.label = where, .style = BENCH_PLOT_JOINED, .points = points, .count = 3});
}

static void judge_bystander(ExperimentReport *report)
{
    ExperimentNumber kept = experiment_figure(report->data, "bystander, same core", 2, "time_kept");
    ExperimentNumber dearer = experiment_figure(report->data, "same core, small frames", 2, "line_dearer");
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_most(kept, 0.95),
                     "two copies take a twentieth or more of the time of a bystander on the same core",
                     "Its time with two over that with none: %.3f [%.3f, %.3f].", kept.value, kept.low, kept.high);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_least(dearer, 1.02),
                     "where frames leave some of its cache, copies spoil it: each line costs it more",
                     "CPU time a line with two copies over that with none: %.3f [%.3f, %.3f].", dearer.value, dearer.low,
                     dearer.high);
}

static void judge(ExperimentReport *report)
{
    static const double one = 1, two = 2;
    BenchPlot *plot = experiment_plot(
        report, NULL,
        &(BenchPlotSpec){.title = "What copies cost the stages",
                         .note = "720p frames, 1000 a second, written and read; dashed: no copy + as many as one costs by itself",
                         .x = {.label = "copies of each frame", .low = -0.2, .high = 2.2},
                         .y = {.label = "CPU a frame, both stages, us"}});
    BenchPlot *walk =
        experiment_plot(report, "bystander",
                        &(BenchPlotSpec){.title = "What they cost a bystander who walks 1 MiB of its own",
                                         .note = "its pace, by where it runs, of that without frames; 720p, 1000 a second",
                                         .x = {.label = "copies of each frame", .low = -0.2, .high = 2.2},
                                         .y = {.label = "% of its pace without frames", .low = 0, .high = 110}});
    double line[] = {experiment_figure(report->data, "stages", 0, "cpu_ns").value / 1e3,
                     experiment_figure(report->data, "stages", 0, "copy_ns").value / 1e3};
    ExperimentNumber first = experiment_statistic(report->data, over_prediction, &one);
    ExperimentNumber second = experiment_statistic(report->data, over_prediction, &two);
    ExperimentNumber dearer = experiment_ratio(report->data, "cpu_ns", "stages", 1, "stages", 0);
    judge_counts(report);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_least(dearer, 1.1), "one copy makes a frame dearer by a tenth or more",
                     "CPU with one copy over none: %.2f [%.2f, %.2f].", dearer.value, dearer.low, dearer.high);
    experiment_claim(report, EXPERIMENT_TIMED, MAX(experiment_at_most(second, 1.5), experiment_at_least(second, 0.67)),
                     "two copies cost what two copies cost by themselves, within half",
                     "Measured over predicted: one copy %.2f, two %.2f [%.2f, %.2f].", first.value, second.value, second.low,
                     second.high);
    judge_bystander(report);
    tell_bystander(report, walk, "same core");
    tell_bystander(report, walk, "other core");
    experiment_plot_model(plot, 0, 2, model, line, &(BenchPlotSeries){.color = 1, .label = "predicted"});
    experiment_plot_cells(report, plot, "stages", "cpu_ns", 1e-3, &(BenchPlotSeries){.color = 1, .label = "measured"});
    experiment_show(report, "copied");
    experiment_show(report, "moved_bytes");
    experiment_show(report, "cpu_ns");
    experiment_show(report, "against_kept");
    experiment_show(report, "pace_kept");
    experiment_show(report, "time_kept");
    experiment_show(report, "line_dearer");
    experiment_show(report, "control_ns");
}

const Experiment experiment_copies = {
    .name = "copies",
    .question = "what do 0, 1 and 2 copies of a frame cost those who carry it, and those who only stand by?",
    .x = "copies",
    .seconds = 0.5,
    .cells = cells,
    .judge = judge,
};
