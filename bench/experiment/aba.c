#include "experiment.h"

#include <math.h>

#define WIDTHS   12 /* 2, 4 ... 24 bits, as x-aba.c has them */
#define OUR_BITS 64
#define YEAR_S   31556952.0

static const ExperimentCell cells[] = {{"reader", 0, {"x-aba"}}, {0}};

static double drawn(const ExperimentDraw *draw, const char *what, guint bits)
{
    g_autofree char *figure = g_strdup_printf("%s_%u", what, bits);
    return experiment_drawn(draw, "reader", 0, figure);
}

static double fooled_at(const ExperimentDraw *draw, gconstpointer bits)
{
    return drawn(draw, "fooled", *(const guint *)bits);
}

/* Of pauses that had enough updates, one in 2^bits ends on a multiple. */
static double predicted_at(const ExperimentDraw *draw, gconstpointer bits)
{
    return drawn(draw, "could", *(const guint *)bits) * exp2(-(double)*(const guint *)bits);
}

/* Measured over predicted, furthest from one, up to 6 bits: with more there are too few of them to count in so short a time. */
static double over_model(const ExperimentDraw *draw, gconstpointer unused)
{
    double worst = 1;
    for (guint bits = 2; bits <= 6; bits += 2) {
        double ratio = fooled_at(draw, &bits) / predicted_at(draw, &bits);
        worst = fabs(log(ratio)) > fabs(log(worst)) ? ratio : worst;
    }
    return worst;
}

static double years_of(const ExperimentDraw *draw, gconstpointer unused)
{
    return exp2(OUR_BITS) / experiment_drawn(draw, "reader", 0, "updates_per_second") / YEAR_S;
}

/* How many bits a reader needs who sleeps for a second. */
static double bits_for_a_second(const ExperimentDraw *draw, gconstpointer unused)
{
    return log2(experiment_drawn(draw, "reader", 0, "updates_per_second"));
}

static void draw(ExperimentReport *report, double most)
{
    BenchPoint measured[WIDTHS], predicted[WIDTHS];
    BenchPlot *plot =
        experiment_plot(report, NULL,
                        &(BenchPlotSpec){.title = "How often a paused reader takes a new version for the old one",
                                         .note = "dashed: 2^-b of the pauses with 2^b updates or more; no mark: never",
                                         .x = {.label = "bits of the version, b", .low = 0, .high = 2 * WIDTHS + 1},
                                         .y = {.label = "share of pauses", .scale = BENCH_SCALE_LOG}});
    for (guint i = 0; i < WIDTHS; i++) {
        guint bits = 2 * (i + 1);
        ExperimentNumber fooled = experiment_statistic(report->data, fooled_at, &bits);
        ExperimentNumber model = experiment_statistic(report->data, predicted_at, &bits);
        measured[i] = (BenchPoint){bits, fooled.value, fooled.low, fooled.high};
        predicted[i] = (BenchPoint){bits, model.value, model.value, model.value};
    }
    bench_plot_add(plot, &(BenchPlotSeries){.label = "measured", .points = measured, .count = WIDTHS});
    bench_plot_add(plot, &(BenchPlotSeries){.label = "2^-b", .style = BENCH_PLOT_FIT, .points = predicted, .count = WIDTHS});
    bench_plot_mark(plot, log2(most), 0, 0, "2^b = r dt: safe beyond");
}

static void judge(ExperimentReport *report)
{
    ExperimentNumber below = experiment_figure(report->data, "reader", 0, "fooled_below");
    ExperimentNumber most = experiment_figure(report->data, "reader", 0, "most_updates");
    ExperimentNumber model = experiment_statistic(report->data, over_model, NULL);
    ExperimentNumber years = experiment_statistic(report->data, years_of, NULL);
    experiment_result(report, "r, updates a second at most", experiment_figure(report->data, "reader", 0, "updates_per_second"),
                      "1/s");
    experiment_result(report, "bits for a reader that sleeps for a second",
                      experiment_statistic(report->data, bits_for_a_second, NULL), "bits");
    experiment_result(report, "until 64 bits come round", years, "years");
    experiment_claim(report, EXPERIMENT_COUNTED, below.value == 0 ? EXPERIMENT_HOLDS : EXPERIMENT_REFUTED,
                     "while 2^b > r dt no reader is ever fooled", "%.0f were.", below.value);
    experiment_claim(report, EXPERIMENT_TIMED, MAX(experiment_at_most(model, 1.5), experiment_at_least(model, 0.67)),
                     "beyond, one pause in 2^b fools it, within half", "Furthest from that, up to 6 bits: %.2f times [%.2f, %.2f].",
                     model.value, model.low, model.high);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_least(years, 100), "64 bits last as long as anybody will pause",
                     "At the rate measured, %.0f years.", years.value);
    draw(report, most.value);
    experiment_show(report, "fooled_2");
    experiment_show(report, "fooled_4");
    experiment_show(report, "fooled_8");
    experiment_show(report, "fooled_16");
    experiment_show(report, "updates_per_pause");
    experiment_show(report, "most_updates");
}

const Experiment experiment_aba = {
    .name = "aba",
    .question = "how many bits must a version have, so that a reader that was paused is not fooled?",
    .x = "",
    .seconds = 0.5,
    .cells = cells,
    .judge = judge,
};
