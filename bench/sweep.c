#include "bench.h"

#include <math.h>
#include <stdio.h>

/* Median of the figure over rounds at one value; NAN where it could not be measured. */
static double measure(const BenchOptions *options, const struct micro_sweep *sweep, gboolean floor, const char *value, int *status)
{
    const char *const *command = floor ? sweep->floor : sweep->command;
    const char *const extra[2] = {floor && sweep->floor_argument ? sweep->floor_argument : sweep->argument, value};
    g_autofree double *figures = g_new0(double, options->rounds);
    double median = NAN;
    int done = 0;
    for (int round = 0; round < options->rounds; round++) {
        BenchRun *run = bench_run(options, command, bench_seconds(options, 0), extra);
        if (run->outcome == BENCH_DONE && bench_run_figure(run, sweep->figure, &figures[done]))
            done++;
        else
            fprintf(stderr, "framelane bench: %s %s: %s\n", sweep->name, value, run->reason ? run->reason : "no such figure");
        *status |= run->outcome == BENCH_FAILED;
        gboolean again = run->outcome == BENCH_DONE;
        bench_run_free(run);
        if (!again)
            break;
    }
    if (done > 0)
        median = bench_median(figures, (guint)done);
    return median;
}

static int sweep_one(const BenchOptions *options, const struct micro_sweep *sweep)
{
    int status = 0;
    if (!options->json)
        printf("%s: %s\n%16s %12s %12s %8s\n", sweep->name, sweep->note, sweep->argument, sweep->unit,
               sweep->floor[0] ? "floor" : "", sweep->floor[0] ? "ratio" : "");
    for (unsigned i = 0; i < G_N_ELEMENTS(sweep->values) && sweep->values[i]; i++) {
        double value = measure(options, sweep, FALSE, sweep->values[i], &status);
        double floor = sweep->floor[0] ? measure(options, sweep, TRUE, sweep->values[i], &status) : NAN;
        if (!isfinite(value))
            continue;
        if (options->json)
            printf(
                "{\"sweep\": \"%s\", \"argument\": \"%s\", \"at\": \"%s\", \"value\": %.6g, \"floor\": %.6g, \"unit\": \"%s\"}\n",
                sweep->name, sweep->argument, sweep->values[i], value, isfinite(floor) ? floor : 0, sweep->unit);
        else if (isfinite(floor))
            printf("%16s %12.4g %12.4g %8.3f\n", sweep->values[i], value, floor, value / floor);
        else
            printf("%16s %12.4g\n", sweep->values[i], value);
        fflush(stdout);
    }
    if (!options->json)
        printf("\n");
    return status;
}

int bench_sweep(const BenchOptions *options)
{
    int status = 0;
    for (const struct micro_sweep *s = micro_wake_sweeps; s->name; s++)
        status |= bench_is_wanted(options, s->name) ? sweep_one(options, s) : 0;
    for (const struct micro_sweep *s = micro_frame_sweeps; s->name; s++)
        status |= bench_is_wanted(options, s->name) ? sweep_one(options, s) : 0;
    return status;
}
