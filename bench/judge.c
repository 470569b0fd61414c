#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RESAMPLES 2000

static int compare(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

double bench_median(const double *values, guint count)
{
    g_autofree double *sorted = g_memdup2(values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, compare);
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

void bench_interval(const double *values, guint count, double *low, double *high)
{
    g_autofree double *medians = g_new(double, RESAMPLES), *drawn = g_new(double, count);
    g_autoptr(GRand) random = g_rand_new_with_seed(count);
    for (guint i = 0; i < RESAMPLES; i++) {
        for (guint n = 0; n < count; n++)
            drawn[n] = values[g_rand_int_range(random, 0, (gint32)count)];
        medians[i] = bench_median(drawn, count);
    }
    qsort(medians, RESAMPLES, sizeof *medians, compare);
    *low = medians[RESAMPLES / 40];
    *high = medians[RESAMPLES - 1 - RESAMPLES / 40];
}

static gboolean gather(GPtrArray *runs, const char *figure, double *values, char **reason)
{
    for (guint i = 0; i < runs->len; i++) {
        if (bench_run_figure(runs->pdata[i], figure, &values[i]))
            continue;
        *reason = g_strdup_printf("there is no figure '%s'", figure);
        return FALSE;
    }
    return TRUE;
}

static guint least(const double *values, guint count)
{
    guint at = 0;
    for (guint i = 1; i < count; i++)
        if (values[i] < values[at])
            at = i;
    return at;
}

/* Value and floor of the worst round; the interval is all that was seen. */
static void show_worst(BenchVerdict *verdict, const double *values, const double *floors, const double *ratios)
{
    guint worst = least(ratios, verdict->rounds);
    verdict->value = values[worst];
    verdict->floor = floors[worst];
    verdict->ratio = verdict->low = ratios[worst];
    for (guint i = 0; i < verdict->rounds; i++)
        verdict->high = MAX(verdict->high, ratios[i]);
}

static gboolean holds(const BenchVerdict *verdict)
{
    switch (verdict->row->bound) {
    case MICRO_RATIO_AT_MOST:
        return verdict->ratio <= verdict->row->target;
    case MICRO_VALUE_AT_MOST:
        return verdict->value <= verdict->row->target;
    case MICRO_SHOWN:
    case MICRO_WORST_SHOWN:
        return TRUE;
    default:
        return verdict->ratio >= verdict->row->target;
    }
}

gboolean bench_judge(const BenchSeries *series, const struct micro_row *row, BenchVerdict *verdict, char **reason)
{
    guint count = series->values->len;
    g_autofree double *values = g_new0(double, count), *floors = g_new0(double, count), *ratios = g_new0(double, count);
    gboolean floored = series->floors->len == count;
    if (!gather(series->values, row->figure, values, reason))
        return FALSE;
    if (floored && !gather(series->floors, row->floor_figure ? row->floor_figure : row->figure, floors, reason))
        return FALSE;
    for (guint i = 0; i < count; i++)
        ratios[i] = row->bound == MICRO_GAIN_AT_LEAST ? floors[i] / values[i] : values[i] / floors[i];
    *verdict = (BenchVerdict){.row = row, .rounds = count, .value = bench_median(values, count), .floor = 0, .ratio = NAN};
    if (floored) {
        verdict->floor = bench_median(floors, count);
        if (row->bound != MICRO_VALUE_AT_MOST)
            verdict->ratio = bench_median(ratios, count);
    }
    if (row->bound == MICRO_WORST_AT_LEAST || row->bound == MICRO_WORST_SHOWN)
        show_worst(verdict, values, floors, ratios);
    else
        bench_interval(row->bound == MICRO_VALUE_AT_MOST ? values : ratios, count, &verdict->low, &verdict->high);
    verdict->ok = holds(verdict);
    return TRUE;
}
