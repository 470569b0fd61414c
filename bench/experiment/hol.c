#include "experiment.h"

#include <math.h>

/* As x-hol.c has them. */
#define FRAMES    300
#define PERIOD_MS 0.5
#define RUN_MS    (FRAMES * PERIOD_MS * 6 / 5)
#define SLOTS     14
#define CREDITS   4

#define STALL(stall)                                                                                                               \
    {"lanes", stall, {"x-hol", "--how", "lanes", "--stall", #stall "000us"}},                                                      \
    {                                                                                                                              \
        "one queue", stall,                                                                                                        \
        {                                                                                                                          \
            "x-hol", "--how", "fifo", "--stall", #stall "000us"                                                                    \
        }                                                                                                                          \
    }

static const ExperimentCell cells[] = {STALL(1), STALL(2), STALL(5), STALL(10), STALL(20), STALL(50), STALL(100), {0}};

/* The least that lanes gave, whatever the stall. */
static double least_of(const ExperimentDraw *draw, gconstpointer figure)
{
    double least = INFINITY;
    for (const ExperimentCell *cell = cells; cell->series; cell++)
        if (g_str_equal(cell->series, "lanes"))
            least = fmin(least, experiment_drawn(draw, "lanes", cell->x, figure));
    return least;
}

static double most_held(const ExperimentDraw *draw, gconstpointer unused)
{
    double most = 0;
    for (const ExperimentCell *cell = cells; cell->series; cell++)
        most = fmax(most, experiment_drawn(draw, "lanes", cell->x, "held_by_stalled"));
    return most;
}

/* One queue goes at the pace of the slowest, once its places are full. */
static double queue_model(double stall_ms, gconstpointer unused)
{
    return fmin(1, (SLOTS + RUN_MS / stall_ms) / FRAMES);
}

static double lanes_model(double stall_ms, gconstpointer unused)
{
    return 1;
}

static double over_model(const ExperimentDraw *draw, gconstpointer unused)
{
    double worst = 1;
    for (const ExperimentCell *cell = cells; cell->series; cell++) {
        if (!g_str_equal(cell->series, "one queue"))
            continue;
        double ratio = experiment_drawn(draw, "one queue", cell->x, "others_share") / queue_model(cell->x, NULL);
        worst = fabs(log(ratio)) > fabs(log(worst)) ? ratio : worst;
    }
    return worst;
}

static void draw(ExperimentReport *report)
{
    const BenchAxis stall = {.label = "stall over each frame, ms", .scale = BENCH_SCALE_LOG};
    BenchPlot *share = experiment_plot(report, NULL,
                                       &(BenchPlotSpec){.title = "One of three consumers stalls: what the other two get",
                                                        .note = "2000 frames a second are offered; dashed: what theory says",
                                                        .x = stall,
                                                        .y = {.label = "share of what was offered", .low = 0, .high = 1.1}});
    BenchPlot *jain = experiment_plot(report, "fairness",
                                      &(BenchPlotSpec){.title = "One of three consumers stalls: is each served as it could be?",
                                                       .note = "Jain's index of the three shares: 1 all alike, 1/3 one alone",
                                                       .x = stall,
                                                       .y = {.label = "Jain's index", .low = 0, .high = 1.1}});
    experiment_plot_cells(report, share, "lanes", "others_share", 1, &(BenchPlotSeries){.label = "lanes with credits", .color = 1});
    experiment_plot_model(share, 1, 100, lanes_model, NULL, &(BenchPlotSeries){.color = 1});
    experiment_plot_cells(report, share, "one queue", "others_share", 1, &(BenchPlotSeries){.label = "one queue", .color = 2});
    experiment_plot_model(share, 1, 100, queue_model, NULL, &(BenchPlotSeries){.color = 2});
    experiment_plot_cells(report, jain, "lanes", "jain", 1,
                          &(BenchPlotSeries){.label = "lanes with credits", .style = BENCH_PLOT_JOINED, .color = 1});
    experiment_plot_cells(report, jain, "one queue", "jain", 1,
                          &(BenchPlotSeries){.label = "one queue", .style = BENCH_PLOT_JOINED, .color = 2});
}

static void judge(ExperimentReport *report)
{
    ExperimentNumber share = experiment_statistic(report->data, least_of, "others_share");
    ExperimentNumber jain = experiment_statistic(report->data, least_of, "jain");
    ExperimentNumber held = experiment_statistic(report->data, most_held, NULL);
    ExperimentNumber queue = experiment_statistic(report->data, over_model, NULL);
    ExperimentNumber unfair = experiment_figure(report->data, "one queue", 100, "jain");
    experiment_claim(report, EXPERIMENT_COUNTED, held.value <= CREDITS ? EXPERIMENT_HOLDS : EXPERIMENT_REFUTED,
                     "a consumer that stalls holds no more than its credits", "It held %.0f frames of the pool's %d; credits: %d.",
                     held.value, SLOTS, CREDITS);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_least(share, 0.9),
                     "over lanes the others get what they are due, however long it stalls",
                     "The least share of what was offered: %.3f.", share.value);
    experiment_claim(report, EXPERIMENT_TIMED, MAX(experiment_at_most(queue, 1.5), experiment_at_least(queue, 0.67)),
                     "one queue goes at the pace of its slowest reader, within half", "Furthest from the model: %.2f times.",
                     queue.value);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_least(jain, 0.95), "lanes serve each as it could be (Jain's index)",
                     "At the worst stall: %.3f [%.3f, %.3f].", jain.value, jain.low, jain.high);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_most(unfair, 0.5),
                     "one queue serves the one that stalls, and no other",
                     "Jain's index at a stall of 100 ms: %.3f; one alone would be 0.333.", unfair.value);
    draw(report);
    experiment_show(report, "others_per_second");
    experiment_show(report, "others_share");
    experiment_show(report, "stalled_share");
    experiment_show(report, "held_by_stalled");
    experiment_show(report, "jain");
}

const Experiment experiment_hol = {
    .name = "hol",
    .question = "one consumer stalls: who is held up, with one queue and with a lane each (head-of-line blocking)?",
    .x = "stall, ms",
    .cells = cells,
    .judge = judge,
};
