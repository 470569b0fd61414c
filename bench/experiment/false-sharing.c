#include "experiment.h"

#include <math.h>

#define LINE 64

#define APART(bytes)                                                                                                               \
    {                                                                                                                              \
        "ring", bytes,                                                                                                             \
        {                                                                                                                          \
            "x-false-sharing", "--apart", #bytes                                                                                   \
        }                                                                                                                          \
    }

static const ExperimentCell cells[] = {APART(8), APART(16), APART(32), APART(64), APART(128), APART(256), {0}};

/* Geometric mean of an item's cost where the words share a line, over that where they do not. */
static double price_of(const ExperimentDraw *draw, gconstpointer unused)
{
    double shared = 0, apart = 0;
    for (const ExperimentCell *cell = cells; cell->series; cell++)
        *(cell->x < LINE ? &shared : &apart) += log(experiment_drawn(draw, "ring", cell->x, "item_ns")) / 3;
    return exp(shared - apart);
}

static void judge(ExperimentReport *report)
{
    BenchPlot *plot = experiment_plot(report, NULL,
                                      &(BenchPlotSpec){.title = "A ring's two words, by how far they lie apart",
                                                       .note = "writer and reader on two cores; the line: a cache line's length",
                                                       .x = {.label = "bytes between the words", .scale = BENCH_SCALE_LOG},
                                                       .y = {.label = "ns an item"}});
    ExperimentNumber price = experiment_statistic(report->data, price_of, NULL);
    ExperimentNumber neighbour = experiment_ratio(report->data, "item_ns", "ring", 64, "ring", 128);
    experiment_result(report, "in one line over apart", price, "times");
    experiment_result(report, "in neighbouring lines over further apart", neighbour, "times");
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_least(price, 1.2),
                     "two writers in one line cost a fifth or more of an item's price",
                     "Within a line over lines of their own: %.2f [%.2f, %.2f].", price.value, price.low, price.high);
    experiment_plot_cells(report, plot, "ring", "item_ns", 1, &(BenchPlotSeries){.label = "measured", .style = BENCH_PLOT_JOINED});
    bench_plot_mark(plot, LINE, LINE, LINE, "a line");
    experiment_show(report, "item_ns");
}

const Experiment experiment_false_sharing = {
    .name = "false-sharing",
    .question = "what does it cost a ring that the words of its two sides lie in one cache line?",
    .x = "bytes apart",
    .cells = cells,
    .judge = judge,
};
