#include "cells.h"

#include <math.h>
#include <string.h>

/* The figure in each round; FALSE where it is missing in one. */
static gboolean gather(const BenchCell *cell, const char *name, double *values)
{
    for (guint i = 0; i < cell->runs->len; i++)
        if (!bench_run_figure(cell->runs->pdata[i], name, &values[i]))
            return FALSE;
    return cell->outcome == BENCH_DONE && cell->runs->len > 0;
}

static gboolean summarise(const double *values, guint count, gboolean there, BenchFigure *figure)
{
    *figure = (BenchFigure){NAN, NAN, NAN};
    if (!there)
        return FALSE;
    figure->median = bench_median(values, count);
    bench_interval(values, count, &figure->low, &figure->high);
    return TRUE;
}

gboolean bench_figure(const BenchCell *cell, const char *name, BenchFigure *figure)
{
    double call;
    *figure = (BenchFigure){NAN, NAN, NAN};
    if (!cell)
        return FALSE;
    if (strcmp(name, "calls") == 0) { /* counted once, in a run of its own */
        if (!cell->traced || !bench_run_figure(cell->traced, name, &call))
            return FALSE;
        *figure = (BenchFigure){call, call, call};
        return TRUE;
    }
    g_autofree double *values = g_new0(double, cell->runs->len + 1);
    return summarise(values, cell->runs->len, gather(cell, name, values), figure);
}

gboolean bench_ratio(const BenchCell *cell, const BenchCell *other, const char *name, BenchFigure *ratio)
{
    *ratio = (BenchFigure){NAN, NAN, NAN};
    if (!cell || !other || cell->runs->len != other->runs->len)
        return FALSE;
    guint count = cell->runs->len;
    g_autofree double *values = g_new0(double, count + 1), *others = g_new0(double, count + 1);
    gboolean there = gather(cell, name, values) && gather(other, name, others);
    for (guint i = 0; i < count && there; i++) {
        there = others[i] > 0;
        values[i] /= others[i];
    }
    return summarise(values, count, there, ratio);
}

static double off_one(double ratio)
{
    return fmax(ratio, 1 / ratio) - 1;
}

double bench_noise(const BenchPlan *plan, const BenchCell *like, const char *name)
{
    double most = NAN;
    for (guint i = 0; i < plan->cells->len; i++) {
        const BenchCell *cell = plan->cells->pdata[i];
        BenchFigure ratio;
        if (!cell->again || !bench_ratio(cell, bench_reference(plan, cell), name, &ratio) || ratio.median <= 0)
            continue;
        if (like && like->size == cell->size && like->rate == cell->rate)
            return off_one(ratio.median);
        most = fmax(off_one(ratio.median), most); /* which takes the number where the other is none */
    }
    return most;
}

gboolean bench_is_noise(const BenchFigure *ratio, double noise)
{
    return (ratio->low <= 1 && ratio->high >= 1) || (!isnan(noise) && off_one(ratio->median) <= noise);
}

const BenchCell *bench_find(const BenchPlan *plan, const char *way, const BenchSize *size, guint consumers, guint rate,
                            const char *work, const char *pin, const char *stall)
{
    for (guint i = 0; i < plan->cells->len; i++) {
        const BenchCell *cell = plan->cells->pdata[i];
        if (!cell->again && strcmp(cell->way->name, way) == 0 && cell->size == size && cell->consumers == consumers &&
            cell->rate == rate && strcmp(cell->work, work) == 0 && strcmp(cell->pin, pin) == 0 && strcmp(cell->stall, stall) == 0)
            return cell->outcome == BENCH_DONE && cell->runs->len > 0 ? cell : NULL;
    }
    return NULL;
}

const BenchCell *bench_cell_of(const BenchPlan *plan, const BenchCell *like, const char *way)
{
    return bench_find(plan, way, like->size, like->consumers, like->rate, like->work, like->pin, like->stall);
}

const BenchCell *bench_reference(const BenchPlan *plan, const BenchCell *cell)
{
    const BenchWay *first = plan->ways->pdata[0];
    return bench_cell_of(plan, cell, first->name);
}
