#include "experiment.h"

#include <math.h>

#define PERIOD_US 20

#define BATCH(size)                                                                                                                \
    {                                                                                                                              \
        "lane", size,                                                                                                              \
        {                                                                                                                          \
            "x-paced", "--period", "20us", "--batch", #size                                                                        \
        }                                                                                                                          \
    }

static const ExperimentCell cells[] = {BATCH(1), BATCH(2), BATCH(4), BATCH(8), BATCH(16), BATCH(32), {0}};

static double inverse(double x)
{
    return 1 / x;
}

static double shared_of(const ExperimentDraw *draw, gconstpointer unused)
{
    return experiment_fit_series(draw, "lane", "cost_ns", inverse).b;
}

static double constant_of(const ExperimentDraw *draw, gconstpointer unused)
{
    return experiment_fit_series(draw, "lane", "cost_ns", inverse).a;
}

static double off_of(const ExperimentDraw *draw, gconstpointer unused)
{
    return experiment_fit_series(draw, "lane", "cost_ns", inverse).off;
}

/* What a batch of 32 adds to the mean delay, over half the time it takes to fill. */
static double delay_ratio(const ExperimentDraw *draw, gconstpointer unused)
{
    double added = experiment_drawn(draw, "lane", 32, "delay_ns") - experiment_drawn(draw, "lane", 1, "delay_ns");
    return added / (31 * PERIOD_US * 1e3 / 2);
}

/* The most rings that a batch had. */
static double rings_of(const ExperimentDraw *draw, gconstpointer unused)
{
    double most = 0;
    for (const ExperimentCell *cell = cells; cell->series; cell++)
        most = fmax(most, cell->x * experiment_drawn(draw, "lane", cell->x, "rings_per_frame"));
    return most;
}

static double cost_model(double x, gconstpointer line)
{
    return ((const double *)line)[0] + ((const double *)line)[1] / x;
}

/* From what one frame alone is late by. */
static double delay_model(double x, gconstpointer alone)
{
    return *(const double *)alone + (x - 1) * PERIOD_US / 2.0;
}

static void draw(ExperimentReport *report, double constant, double shared)
{
    double line[] = {constant / 1e3, shared / 1e3}, alone = experiment_figure(report->data, "lane", 1, "delay_ns").value / 1e3;
    BenchPlot *cost =
        experiment_plot(report, NULL,
                        &(BenchPlotSpec){.title = "A frame's cost, by frames to a bell",
                                         .note = "a frame each 20 us to a consumer that sleeps in between; dashed: c + c_s/N",
                                         .x = {.label = "frames in a batch", .scale = BENCH_SCALE_LOG},
                                         .y = {.label = "cost a frame, us"}});
    BenchPlot *delay =
        experiment_plot(report, "delay",
                        &(BenchPlotSpec){.title = "A frame's delay, by frames to a bell",
                                         .note = "the same runs; dashed: that of a batch of one, and half the time to fill",
                                         .x = {.label = "frames in a batch"},
                                         .y = {.label = "mean delay, us"}});
    experiment_plot_cells(report, cost, "lane", "cost_ns", 1e-3, &(BenchPlotSeries){.label = "measured", .color = 1});
    experiment_plot_model(cost, 1, 32, cost_model, line, &(BenchPlotSeries){.label = "c + c_s/N", .color = 2});
    experiment_plot_cells(report, delay, "lane", "delay_ns", 1e-3, &(BenchPlotSeries){.label = "measured", .color = 1});
    experiment_plot_model(delay, 1, 32, delay_model, &alone, &(BenchPlotSeries){.label = "(N-1) T/2", .color = 2});
}

static void judge(ExperimentReport *report)
{
    ExperimentNumber constant = experiment_statistic(report->data, constant_of, NULL);
    ExperimentNumber shared = experiment_statistic(report->data, shared_of, NULL);
    ExperimentNumber off = experiment_statistic(report->data, off_of, NULL);
    ExperimentNumber delay = experiment_statistic(report->data, delay_ratio, NULL);
    ExperimentNumber rings = experiment_statistic(report->data, rings_of, NULL);
    ExperimentNumber gain = experiment_ratio(report->data, "cost_ns", "lane", 1, "lane", 16);
    experiment_result(report, "c", constant, "ns a frame");
    experiment_result(report, "c_s", shared, "ns a bell");
    experiment_claim(report, EXPERIMENT_COUNTED, rings.value <= 1.3 ? EXPERIMENT_HOLDS : EXPERIMENT_REFUTED,
                     "a batch rings at most once", "At most %.2f rings a batch.", rings.value);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_most(off, 0.2), "c + c_s/N is right within a fifth in the mean",
                     "Off it by %.0f %%.", 100 * off.value);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_least(gain, 2), "a batch of 16 halves the cost of a frame, or better",
                     "A batch of one over one of 16: %.2f [%.2f, %.2f].", gain.value, gain.low, gain.high);
    experiment_claim(report, EXPERIMENT_TIMED, MAX(experiment_at_most(delay, 1.2), experiment_at_least(delay, 0.8)),
                     "it delays by half the time it takes to fill, within a fifth", "Measured over that: %.3f [%.3f, %.3f].",
                     delay.value, delay.low, delay.high);
    draw(report, constant.value, shared.value);
    experiment_show(report, "rings_per_frame");
    experiment_show(report, "cost_ns");
    experiment_show(report, "delay_ns");
}

const Experiment experiment_batching = {
    .name = "batching",
    .question = "what does a bell for many frames save each of them, and how late does it make them?",
    .x = "frames in a batch",
    .cells = cells,
    .judge = judge,
};
