#include "experiment.h"

#include <math.h>

/* x is the time between frames in us. At 2 us the consumer is busy: it looks again and again and never sleeps; only with `spin` it
 * waits by the lane's own means. */
#define AT(period, series, program, ...)                                                                                           \
    {                                                                                                                              \
        series, period,                                                                                                            \
        {                                                                                                                          \
            program, "--period", #period "us", __VA_ARGS__                                                                         \
        }                                                                                                                          \
    }
#define PACES(series, program, ...)                                                                                                \
    AT(50, series, program, __VA_ARGS__), AT(200, series, program, __VA_ARGS__), AT(1000, series, program, __VA_ARGS__)

#define ALWAYS "x-paced-bells" /* a build of the transport that never looks whether the other side sleeps */

static const ExperimentCell cells[] = {
    AT(2, "when asleep", "x-paced", "--busy", "1"),
    PACES("when asleep", "x-paced", "--busy", "0"),
    AT(2, "always", ALWAYS, "--busy", "1"),
    PACES("always", ALWAYS, "--busy", "0"),
    AT(2, "spin", "x-paced", "--spin", "2ms"),
    PACES("spin", "x-paced", "--spin", "2ms"),
    {0},
};

/* Who spins uses all the time there is. */
static double spin_model(double period_us, gconstpointer unused)
{
    return period_us;
}

/* Cost of ringing who sleeps over that of ringing always, where every frame finds the consumer asleep: geometric mean. */
static double looking_first(const ExperimentDraw *draw, gconstpointer unused)
{
    static const double periods[] = {50, 200, 1000};
    double sum = 0;
    for (guint i = 0; i < G_N_ELEMENTS(periods); i++)
        sum += log(experiment_drawn(draw, "when asleep", periods[i], "cost_ns") /
                   experiment_drawn(draw, "always", periods[i], "cost_ns"));
    return exp(sum / G_N_ELEMENTS(periods));
}

static void draw(ExperimentReport *report)
{
    static const char *const series[] = {"when asleep", "always", "spin"};
    const BenchAxis period = {.label = "time between frames, us (at 2: a consumer that is awake)", .scale = BENCH_SCALE_LOG};
    BenchPlot *cost =
        experiment_plot(report, NULL,
                        &(BenchPlotSpec){.title = "A frame's cost, by who is rung and when",
                                         .note = "publishing, and the CPU of a consumer that sleeps or spins; dashed: all there is",
                                         .x = period,
                                         .y = {.label = "us a frame", .scale = BENCH_SCALE_LOG}});
    BenchPlot *delay = experiment_plot(report, "delay",
                                       &(BenchPlotSpec){.title = "A frame's delay, by who is rung and when",
                                                        .note = "medians, with 95 % intervals over rounds",
                                                        .x = period,
                                                        .y = {.label = "us until the consumer has it", .scale = BENCH_SCALE_LOG}});
    for (guint i = 0; i < G_N_ELEMENTS(series); i++) {
        experiment_plot_cells(report, cost, series[i], "cost_ns", 1e-3,
                              &(BenchPlotSeries){.label = series[i], .style = BENCH_PLOT_JOINED, .color = i + 1});
        experiment_plot_cells(report, delay, series[i], "delay_p50_ns", 1e-3,
                              &(BenchPlotSeries){.label = series[i], .style = BENCH_PLOT_JOINED, .color = i + 1});
    }
    experiment_plot_model(cost, 2, 1000, spin_model, NULL, &(BenchPlotSeries){.color = 3});
}

static void judge(ExperimentReport *report)
{
    ExperimentNumber rings = experiment_figure(report->data, "when asleep", 2, "rings_per_frame");
    ExperimentNumber always = experiment_figure(report->data, "always", 2, "rings_per_frame");
    ExperimentNumber busy = experiment_ratio(report->data, "publish_p50_ns", "always", 2, "when asleep", 2);
    ExperimentNumber idle = experiment_statistic(report->data, looking_first, NULL);
    ExperimentNumber burnt = experiment_figure(report->data, "spin", 1000, "consumer_ns");
    ExperimentNumber sooner = experiment_ratio(report->data, "delay_p50_ns", "spin", 1000, "when asleep", 1000);
    experiment_claim(report, EXPERIMENT_COUNTED, rings.value <= 0.01 ? EXPERIMENT_HOLDS : EXPERIMENT_REFUTED,
                     "a consumer that is awake is not rung", "%.3f rings a frame.", rings.value);
    experiment_claim(report, EXPERIMENT_COUNTED, always.value >= 0.99 ? EXPERIMENT_HOLDS : EXPERIMENT_REFUTED,
                     "a build that does not look rings for every frame", "%.3f rings a frame.", always.value);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_least(busy, 1.2),
                     "ringing always makes publishing dearer by a fifth or more while the consumer is awake",
                     "Always over when asleep: %.2f [%.2f, %.2f].", busy.value, busy.low, busy.high);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_most(idle, 1.2),
                     "where every frame finds it asleep, looking first costs next to nothing",
                     "When asleep over always: %.2f [%.2f, %.2f].", idle.value, idle.low, idle.high);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_least(burnt, 0.8e6), "who spins burns a core, whatever comes",
                     "A frame each ms: %.0f us of CPU for it.", burnt.value / 1e3);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_most(sooner, 0.5), "who spins has the frame in half the time, or less",
                     "Spin over sleep, a frame each ms: %.2f [%.2f, %.2f].", sooner.value, sooner.low, sooner.high);
    draw(report);
    experiment_show(report, "rings_per_frame");
    experiment_show(report, "publish_p50_ns");
    experiment_show(report, "cost_ns");
    experiment_show(report, "delay_p50_ns");
}

const Experiment experiment_wakeups = {
    .name = "wakeups",
    .question = "ring always, ring who sleeps, or spin: what does a frame cost, and how late is it?",
    .x = "us between frames",
    .seconds = 0.3,
    .cells = cells,
    .judge = judge,
};
