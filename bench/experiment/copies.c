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
    FRAMES("other core", "other", 0, "--count", "1"),
    FRAMES("other core", "other", 1, "--count", "1"),
    FRAMES("other core", "other", 2, "--count", "1"),
    FRAMES("same core", "same", 0),
    FRAMES("same core", "same", 1),
    FRAMES("same core", "same", 2),
    FRAMES("other core, no frames", "other", 0, "--rate", "0"),
    FRAMES("same core, no frames", "same", 0, "--rate", "0"),
    {0},
};

/* CPU a frame with x copies, where each costs what one costs by itself. */
static double predicted(const ExperimentDraw *draw, double copies)
{
    return experiment_drawn(draw, "other core", 0, "cpu_ns") + copies * experiment_drawn(draw, "other core", 0, "copy_ns");
}

static double over_prediction(const ExperimentDraw *draw, gconstpointer copies)
{
    return experiment_drawn(draw, "other core", *(const double *)copies, "cpu_ns") / predicted(draw, *(const double *)copies);
}

static double model(double x, gconstpointer line)
{
    return ((const double *)line)[0] + x * ((const double *)line)[1];
}

static void judge_counts(ExperimentReport *report)
{
    ExperimentNumber none = experiment_figure(report->data, "other core", 0, "copied");
    ExperimentNumber one = experiment_figure(report->data, "other core", 1, "copied");
    ExperimentNumber two = experiment_figure(report->data, "other core", 2, "copied");
    gboolean told = fabs(one.value - 1) < 0.05 && fabs(two.value - 2) < 0.05;
    experiment_claim(report, EXPERIMENT_COUNTED, none.high <= 0.01 ? EXPERIMENT_HOLDS : EXPERIMENT_REFUTED,
                     "a lane copies no frame", "Counted from outside: %.3f copies a frame.", none.value);
    experiment_claim(report, EXPERIMENT_COUNTED, told ? EXPERIMENT_HOLDS : EXPERIMENT_REFUTED,
                     "the count sees a copy where there is one", "Where one is made: %.3f; where two are: %.3f.", one.value,
                     two.value);
}

/* Its pace, and of its CPU time what its lines cost it: the one counts what is taken from it, the other what is spoilt. */
static void judge_bystander(ExperimentReport *report, const char *where, const char *idle)
{
    ExperimentNumber none = experiment_ratio(report->data, "lines_per_second", where, 0, idle, 0);
    ExperimentNumber two = experiment_ratio(report->data, "lines_per_second", where, 2, idle, 0);
    ExperimentNumber line = experiment_ratio(report->data, "walk_ns", where, 2, where, 0);
    g_autofree char *name_none = g_strdup_printf("pace a bystander on the %s keeps beside frames", where);
    g_autofree char *name_two = g_strdup_printf("pace it keeps on the %s beside frames copied twice", where);
    g_autofree char *name_line = g_strdup_printf("CPU time a line on the %s, two copies over none", where);
    experiment_result(report, name_none, none, "of that without frames");
    experiment_result(report, name_two, two, "of that without frames");
    experiment_result(report, name_line, line, "times");
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
    BenchPlot *walk = experiment_plot(
        report, "bystander",
        &(BenchPlotSpec){.title = "What they cost a bystander who walks 1 MiB of its own",
                         .note = "its pace, by where it runs; medians with 95 % intervals; the table has it without frames",
                         .x = {.label = "copies of each frame", .low = -0.2, .high = 2.2},
                         .y = {.label = "cache lines a second"}});
    double line[] = {experiment_figure(report->data, "other core", 0, "cpu_ns").value / 1e3,
                     experiment_figure(report->data, "other core", 0, "copy_ns").value / 1e3};
    ExperimentNumber first = experiment_statistic(report->data, over_prediction, &one);
    ExperimentNumber second = experiment_statistic(report->data, over_prediction, &two);
    ExperimentNumber dearer = experiment_ratio(report->data, "cpu_ns", "other core", 1, "other core", 0);
    ExperimentNumber slowed = experiment_ratio(report->data, "lines_per_second", "same core", 2, "same core", 0);
    ExperimentNumber spoilt = experiment_ratio(report->data, "walk_ns", "same core", 2, "same core", 0);
    judge_counts(report);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_least(dearer, 1.1), "one copy makes a frame dearer by a tenth or more",
                     "CPU with one copy over none: %.2f [%.2f, %.2f].", dearer.value, dearer.low, dearer.high);
    experiment_claim(report, EXPERIMENT_TIMED, MAX(experiment_at_most(second, 1.5), experiment_at_least(second, 0.67)),
                     "two copies cost what two copies cost by themselves, within half",
                     "Measured over predicted: one copy %.2f, two %.2f [%.2f, %.2f].", first.value, second.value, second.low,
                     second.high);
    judge_bystander(report, "same core", "same core, no frames");
    judge_bystander(report, "other core", "other core, no frames");
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_most(slowed, 0.95),
                     "two copies slow a bystander on the same core by a twentieth or more",
                     "Its pace with two over that with none: %.3f [%.3f, %.3f].", slowed.value, slowed.low, slowed.high);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_least(spoilt, 1.02), "they spoil its cache: each line costs it more",
                     "CPU time a line with two copies over that with none: %.3f [%.3f, %.3f].", spoilt.value, spoilt.low,
                     spoilt.high);
    experiment_plot_model(plot, 0, 2, model, line, &(BenchPlotSeries){.color = 1, .label = "predicted"});
    experiment_plot_cells(report, plot, "other core", "cpu_ns", 1e-3, &(BenchPlotSeries){.color = 1, .label = "measured"});
    experiment_plot_cells(report, walk, "same core", "lines_per_second", 1,
                          &(BenchPlotSeries){.label = "same core", .style = BENCH_PLOT_JOINED});
    experiment_plot_cells(report, walk, "other core", "lines_per_second", 1,
                          &(BenchPlotSeries){.label = "other core", .style = BENCH_PLOT_JOINED});
    experiment_show(report, "copied");
    experiment_show(report, "moved_bytes");
    experiment_show(report, "cpu_ns");
    experiment_show(report, "lines_per_second");
    experiment_show(report, "walk_ns");
}

const Experiment experiment_copies = {
    .name = "copies",
    .question = "what do 0, 1 and 2 copies of a frame cost those who carry it, and those who only stand by?",
    .x = "copies",
    .cells = cells,
    .judge = judge,
};
