#include "experiment.h"

#include <math.h>

#define WORK(service, slots)                                                                                                       \
    {                                                                                                                              \
        service, slots,                                                                                                            \
        {                                                                                                                          \
            "x-buffers", "--service", service, "--slots", #slots                                                                   \
        }                                                                                                                          \
    }
#define WORKS(slots) WORK("constant", slots), WORK("uniform", slots), WORK("exponential", slots)

static const ExperimentCell cells[] = {WORKS(0), WORKS(1), WORKS(2), WORKS(3), WORKS(4), WORKS(8), {0}};

/* Measured over predicted, less one: the prediction is fed with the same times, so the ratio is that of one round. */
static double off_model(const ExperimentDraw *draw, gconstpointer at)
{
    const ExperimentCell *cell = at;
    return experiment_drawn(draw, cell->series, cell->x, "over_predicted") - 1;
}

/* Of all cells: holds where each interval lies within, is refuted where one lies wholly without. `worst`: the one that is farthest
 * off. */
static ExperimentVerdict judge_model(const ExperimentData *data, double limit, ExperimentNumber *worst)
{
    ExperimentVerdict verdict = EXPERIMENT_HOLDS;
    *worst = (ExperimentNumber){0};
    for (const ExperimentCell *cell = cells; cell->series; cell++) {
        ExperimentNumber off = experiment_statistic(data, off_model, cell);
        verdict = MAX(verdict, experiment_within(off, limit));
        if (fabs(off.value) >= fabs(worst->value))
            *worst = off;
    }
    return verdict;
}

static void draw(ExperimentReport *report)
{
    static const char *const services[] = {"constant", "uniform", "exponential"};
    BenchPlot *plot = experiment_plot(report, NULL,
                                      &(BenchPlotSpec){.title = "Two stages in a row, by slots between them",
                                                       .note = "dashed: the recurrence, fed with the same times of work",
                                                       .x = {.label = "slots between the stages"},
                                                       .y = {.label = "of the pace of one stage alone", .low = 0, .high = 1.1}});
    for (guint i = 0; i < G_N_ELEMENTS(services); i++) {
        experiment_plot_cells(report, plot, services[i], "predicted_share", 1,
                              &(BenchPlotSeries){.style = BENCH_PLOT_FIT, .color = i + 1});
        experiment_plot_cells(report, plot, services[i], "share", 1, &(BenchPlotSeries){.label = services[i], .color = i + 1});
    }
}

static void judge(ExperimentReport *report)
{
    ExperimentNumber none = experiment_figure(report->data, "constant", 0, "share");
    ExperimentNumber one = experiment_ratio(report->data, "share", "constant", 1, "constant", 8);
    ExperimentNumber varied = experiment_figure(report->data, "exponential", 1, "share");
    ExperimentNumber more = experiment_ratio(report->data, "share", "exponential", 8, "exponential", 1);
    ExperimentNumber off;
    ExperimentVerdict model = judge_model(report->data, 0.1, &off);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_most(none, 0.55), "without a slot between them two stages take turns",
                     "They keep %.3f [%.3f, %.3f] of the pace of one; theory: 0.5.", none.value, none.low, none.high);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_least(one, 0.95), "one slot is enough where work is always as long",
                     "One slot over eight: %.3f [%.3f, %.3f].", one.value, one.low, one.high);
    experiment_claim(report, EXPERIMENT_TIMED, MAX(experiment_at_most(varied, 0.75), experiment_at_least(more, 1.15)),
                     "one slot is not enough where it varies",
                     "Exponential: %.3f with one (theory: 0.667), and with eight %.2f times that (theory: 1.35).", varied.value,
                     more.value);
    experiment_claim(report, EXPERIMENT_TIMED, model, "the recurrence is right within a tenth everywhere",
                     "At most off it by %.1f %% [%.1f, %.1f].", 100 * off.value, 100 * off.low, 100 * off.high);
    draw(report);
    experiment_show(report, "share");
    experiment_show(report, "predicted_share");
}

const Experiment experiment_buffers = {
    .name = "buffers",
    .question = "how many slots between two stages do constant and varying times of work ask for?",
    .x = "slots between",
    .cells = cells,
    .judge = judge,
};
