#include "bench.h"

#include <stdio.h>
#include <unistd.h>

static void free_run(gpointer run)
{
    bench_run_free(run);
}

static void free_series(gpointer data)
{
    BenchSeries *series = data;
    g_ptr_array_unref(series->values);
    g_ptr_array_unref(series->floors);
    g_free(series);
}

static void add(const BenchOptions *options, GPtrArray *all, const struct micro_experiment *experiments)
{
    for (; experiments->name; experiments++) {
        if (!bench_is_wanted(options, experiments->name))
            continue;
        BenchSeries *series = g_new0(BenchSeries, 1);
        series->experiment = experiments;
        series->values = g_ptr_array_new_with_free_func(free_run);
        series->floors = g_ptr_array_new_with_free_func(free_run);
        g_ptr_array_add(all, series);
    }
}

void bench_shuffle(void **items, guint count)
{
    for (guint i = count; i > 1; i--) {
        guint other = (guint)g_random_int_range(0, (gint32)i);
        void *kept = items[i - 1];
        items[i - 1] = items[other];
        items[other] = kept;
    }
}

static void run_one(const BenchOptions *options, BenchSeries *series, gboolean floor)
{
    const struct micro_experiment *experiment = series->experiment;
    const char *const *command = floor ? experiment->floor : experiment->command;
    if (!command[0])
        return;
    BenchRun *run = bench_run(options, command, bench_seconds(options, experiment->seconds), NULL);
    g_ptr_array_add(floor ? series->floors : series->values, run);
    if (run->outcome > series->outcome) {
        series->outcome = run->outcome;
        series->reason = run->reason;
    }
}

/* Question and floor one after the other, so that the machine is the same for both; which is first is left to chance. What cannot
 * be measured, or was measured wrongly, is not tried again. */
static void run_pair(const BenchOptions *options, BenchSeries *series)
{
    gboolean floor_first = g_random_boolean();
    for (int turn = 0; turn < 2 && series->outcome == BENCH_DONE; turn++)
        run_one(options, series, (turn == 0) == floor_first);
}

GPtrArray *bench_rounds(const BenchOptions *options)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(free_series);
    add(options, all, micro_wake_experiments);
    add(options, all, micro_frame_experiments);
    g_autofree void **order = g_memdup2(all->pdata, all->len * sizeof *all->pdata);
    gboolean tell = isatty(STDERR_FILENO);
    for (int round = 0; round < options->rounds; round++) {
        bench_shuffle(order, all->len);
        for (guint i = 0; i < all->len; i++) {
            BenchSeries *series = order[i];
            if (tell)
                fprintf(stderr, "\r\033[Kround %d of %d: %s", round + 1, options->rounds, series->experiment->name);
            run_pair(options, series);
        }
    }
    if (tell)
        fprintf(stderr, "\r\033[K");
    return all;
}
