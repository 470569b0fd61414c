#include "experiment.h"

#include <math.h>

/* Rounds that say nothing about times, for the machine was somebody else's meanwhile. What an experiment measures has no part in
 * this: a round is set aside for what other programs took, for what a program says was taken from it, and for a known piece of work
 * that took longer than it can. */
#define MOST_OTHERS  0.05 /* of the processors, for other programs */
#define MOST_STOLEN  0.03 /* of the time of a process that wanted to run */
#define MOST_CONTROL 1.3  /* times the least that this work has taken in any round */

static double least_control(const ExperimentData *data, guint cell)
{
    double least = INFINITY, value;
    for (guint i = 0; i < data->runs[cell]->len; i++)
        if (bench_run_figure(data->runs[cell]->pdata[i], EXPERIMENT_CONTROL, &value))
            least = fmin(least, value);
    return least;
}

/* Why this round is set aside; NULL: it is not. The caller frees it. */
static char *disturbance(const ExperimentData *data, guint round)
{
    double others = g_array_index(data->others, double, round), value;
    if (others > MOST_OTHERS)
        return g_strdup_printf("other programs took %.0f %% of the processors", 100 * others);
    for (guint i = 0; i < data->cell_count; i++) {
        const ExperimentCell *cell = &data->experiment->cells[i];
        if (data->runs[i]->len <= round)
            continue;
        const BenchRun *run = data->runs[i]->pdata[round];
        if (bench_run_figure(run, EXPERIMENT_STOLEN, &value) && value > MOST_STOLEN)
            return g_strdup_printf("%.0f %% of the time was taken from a process that wanted to run (%s at %g)", 100 * value,
                                   cell->series, cell->x);
        double least = least_control(data, i);
        if (bench_run_figure(run, EXPERIMENT_CONTROL, &value) && value > MOST_CONTROL * least)
            return g_strdup_printf("a known piece of work took %.1f times its least (%s at %g)", value / least, cell->series,
                                   cell->x);
    }
    return NULL;
}

void experiment_find_calm(ExperimentData *data)
{
    g_ptr_array_set_size(data->disturbed, 0);
    g_array_set_size(data->calm, 0);
    for (guint round = 0; round < data->rounds; round++) {
        char *why = disturbance(data, round);
        g_ptr_array_add(data->disturbed, why);
        if (!why)
            g_array_append_val(data->calm, round);
    }
    if (data->calm->len >= EXPERIMENT_LEAST_ROUNDS || data->calm->len == data->rounds)
        return;
    g_array_set_size(data->calm, 0); /* too few: numbers are then of all, and no time is judged */
    for (guint round = 0; round < data->rounds; round++)
        g_array_append_val(data->calm, round);
}

guint experiment_disturbed_count(const ExperimentData *data)
{
    guint count = 0;
    for (guint i = 0; i < data->disturbed->len; i++)
        count += data->disturbed->pdata[i] != NULL;
    return count;
}
