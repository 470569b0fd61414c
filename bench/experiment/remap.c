#include "experiment.h"

#include <math.h>

#define FRAME 3110400 /* 1080p, 4:2:0 */
#define RATES 5       /* the first cells */

#define RATE(rate)                                                                                                                 \
    {                                                                                                                              \
        "bystander", rate,                                                                                                         \
        {                                                                                                                          \
            "x-remap", "--rate", #rate                                                                                             \
        }                                                                                                                          \
    }

static const ExperimentCell cells[] = {
    RATE(0),
    RATE(2500),
    RATE(5000),
    RATE(10000),
    RATE(20000),
    {"frame, mapped each time", FRAME, {"x-remap", "--what", "frame", "--bytes", "3110400", "--once", "0"}},
    {"frame, mapped once", FRAME, {"x-remap", "--what", "frame", "--bytes", "3110400", "--once", "1"}},
    {0},
};

/* The share of its pace that the bystander keeps, by unmaps a second as they were and not as they were asked for. */
static ExperimentLine line_of(const ExperimentDraw *draw)
{
    double unmaps[RATES], kept[RATES];
    for (guint i = 0; i < RATES; i++) {
        unmaps[i] = experiment_drawn(draw, "bystander", cells[i].x, "unmaps_per_second");
        kept[i] = experiment_drawn(draw, "bystander", cells[i].x, "kept");
    }
    return experiment_fit(unmaps, kept, RATES);
}

/* X t_msg = 1 - u t_sd, so t_sd is the slope over the constant. */
static double shootdown_us(const ExperimentDraw *draw, gconstpointer unused)
{
    ExperimentLine line = line_of(draw);
    return -line.b / line.a * 1e6;
}

static double message_ns(const ExperimentDraw *draw, gconstpointer unused)
{
    return 1e9 / experiment_drawn(draw, "bystander", 0, "messages_per_second");
}

/* The line over what was measured at one rate, less one. */
static double off_at(const ExperimentDraw *draw, gconstpointer rate)
{
    double x = *(const double *)rate, unmaps = experiment_drawn(draw, "bystander", x, "unmaps_per_second");
    ExperimentLine line = line_of(draw);
    return (line.a + line.b * unmaps) / experiment_drawn(draw, "bystander", x, "kept") - 1;
}

/* Of all rates: holds where each interval lies within, is refuted where one lies wholly without. */
static ExperimentVerdict judge_line(const ExperimentData *data, double limit, ExperimentNumber *worst)
{
    ExperimentVerdict verdict = EXPERIMENT_HOLDS;
    *worst = (ExperimentNumber){0};
    for (guint i = 0; i < RATES; i++) {
        ExperimentNumber off = experiment_statistic(data, off_at, &cells[i].x);
        verdict = MAX(verdict, experiment_within(off, limit));
        if (fabs(off.value) >= fabs(worst->value))
            *worst = off;
    }
    return verdict;
}

/* The share of its messages that the bystander has lost, in %. */
static double lost_at(const ExperimentDraw *draw, gconstpointer rate)
{
    return 100 * (1 - experiment_drawn(draw, "bystander", *(const double *)rate, "kept"));
}

static double lost_model(double unmaps, gconstpointer shootdown)
{
    return 100 * unmaps * *(const double *)shootdown / 1e6;
}

static void draw(ExperimentReport *report, double shootdown)
{
    BenchPoint points[RATES];
    BenchPlot *plot =
        experiment_plot(report, NULL,
                        &(BenchPlotSpec){.title = "What a thread loses to another's unmapping",
                                         .note = "64 KiB mapped, touched, unmapped on another core; dashed: u t_sd, fitted",
                                         .x = {.label = "unmaps a second, u"},
                                         .y = {.label = "share of its messages lost, %"}});
    for (guint i = 0; i < RATES; i++) {
        ExperimentNumber lost = experiment_statistic(report->data, lost_at, &cells[i].x);
        double unmaps = experiment_figure(report->data, "bystander", cells[i].x, "unmaps_per_second").value;
        points[i] = (BenchPoint){unmaps, lost.value, lost.low, lost.high};
    }
    bench_plot_add(plot, &(BenchPlotSeries){.label = "measured", .color = 1, .points = points, .count = RATES});
    experiment_plot_model(plot, 0, 20000, lost_model, &shootdown, &(BenchPlotSeries){.label = "u t_sd", .color = 2});
}

static void judge(ExperimentReport *report)
{
    ExperimentNumber shootdown = experiment_statistic(report->data, shootdown_us, NULL);
    ExperimentNumber message = experiment_statistic(report->data, message_ns, NULL);
    ExperimentNumber off;
    ExperimentVerdict line = judge_line(report->data, 0.03, &off);
    ExperimentNumber calls = experiment_figure(report->data, "frame, mapped once", FRAME, "calls_per_frame");
    ExperimentNumber dearer =
        experiment_ratio(report->data, "cpu_ns", "frame, mapped each time", FRAME, "frame, mapped once", FRAME);
    experiment_result(report, "t_sd, what one unmap costs another core", shootdown, "us");
    experiment_result(report, "t_msg", message, "ns");
    experiment_claim(report, EXPERIMENT_COUNTED, calls.value == 0 ? EXPERIMENT_HOLDS : EXPERIMENT_REFUTED,
                     "mapped once, a frame asks the system for nothing", "%.0f calls of mmap and munmap a frame.", calls.value);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_least(shootdown, 0.1),
                     "an unmap is paid for by a core that has no part in it", "t_sd = %.2f us [%.2f, %.2f].", shootdown.value,
                     shootdown.low, shootdown.high);
    experiment_claim(report, EXPERIMENT_TIMED, line, "X = (1 - u t_sd) / t_msg, within 3 %",
                     "At most off the line by %.1f %% [%.1f, %.1f].", 100 * off.value, 100 * off.low, 100 * off.high);
    experiment_claim(report, EXPERIMENT_TIMED, experiment_at_least(dearer, 1.3),
                     "a 1080p frame that is mapped to be read is dearer by a third or more",
                     "Mapped each time over once: %.2f [%.2f, %.2f].", dearer.value, dearer.low, dearer.high);
    draw(report, shootdown.value);
    experiment_show(report, "kept");
    experiment_show(report, "unmaps_per_second");
    experiment_show(report, "cpu_ns");
    experiment_show(report, "calls_per_frame");
}

const Experiment experiment_remap = {
    .name = "remap",
    .question = "what does it cost to map and unmap each frame, and whom?",
    .x = "unmaps a second, or bytes",
    .seconds = 0.3,
    .cells = cells,
    .judge = judge,
};
