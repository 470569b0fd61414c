#include "cells.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void tell(gboolean terminal, const char *what, guint turn, guint turns, const BenchCell *cell)
{
    if (terminal)
        fprintf(stderr, "\r\033[K%s %u of %u: %s %s", what, turn, turns, cell->way->name, cell->size->name);
}

static void note_outcome(BenchCell *cell, const BenchRun *run)
{
    if (run->outcome <= cell->outcome)
        return;
    cell->outcome = run->outcome;
    cell->reason = run->reason;
}

/* A way that cannot be taken here is not tried again, at whatever size. */
static gboolean is_left_out(const BenchPlan *plan, const BenchCell *cell)
{
    for (guint i = 0; i < plan->cells->len; i++) {
        const BenchCell *other = plan->cells->pdata[i];
        if (other->way == cell->way && other->outcome == BENCH_SKIPPED && strcmp(other->pin, cell->pin) == 0)
            return TRUE;
    }
    return FALSE;
}

static void measure_once(const BenchOptions *options, const BenchPlan *plan, BenchCell *cell)
{
    if (cell->outcome != BENCH_DONE || is_left_out(plan, cell))
        return;
    g_auto(GStrv) words = bench_cell_words(cell, options->programs);
    BenchRun *run = bench_run_words((const char *const *)words, cell->seconds);
    if (run->hung && g_str_has_prefix(cell->way->command[0], "peer-")) { /* that a peer hangs is told; its other figures are good */
        bench_run_free(run);
        run = bench_run_words((const char *const *)words, cell->seconds);
        cell->hung++;
    }
    g_ptr_array_add(cell->runs, run);
    note_outcome(cell, run);
}

/* Where a run of its own counts system calls: with one consumer that does as it should, in the first place, and where it is short
 * at the size that matters and at a small one. */
static gboolean is_traced(const BenchOptions *options, const BenchPlan *plan, const BenchCell *cell)
{
    if (cell->again || cell->consumers > 1 || cell->runs->len == 0 || cell->outcome != BENCH_DONE)
        return FALSE;
    if (strcmp(cell->pin, plan->pins->pdata[0]) != 0)
        return FALSE;
    const BenchSize *smallest = plan->sizes->pdata[0];
    return !options->quick || options->sizes || cell->size == plan->main_size || cell->size == smallest;
}

/* Calls a frame need no long run. */
static void trace(const BenchOptions *options, BenchCell *cell)
{
    BenchCell shorter = *cell;
    shorter.seconds = MIN(cell->seconds, cell->rate ? 0.4 : 0.1);
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_auto(GStrv) command = bench_cell_words(&shorter, options->programs);
    g_autofree char *traced = g_build_filename(options->programs, "traced", NULL);
    g_ptr_array_add(words, traced);
    for (char **word = command; *word; word++)
        g_ptr_array_add(words, *word);
    g_ptr_array_add(words, NULL);
    cell->traced = bench_run_words((const char *const *)words->pdata, cell->seconds);
}

void bench_measure(const BenchOptions *options, BenchPlan *plan)
{
    g_autofree void **order = g_memdup2(plan->cells->pdata, plan->cells->len * sizeof(void *));
    gboolean terminal = isatty(STDERR_FILENO);
    for (int round = 0; round < options->rounds; round++) {
        bench_shuffle(order, plan->cells->len);
        for (guint i = 0; i < plan->cells->len; i++) {
            tell(terminal, "round", (guint)round + 1, (guint)options->rounds, order[i]);
            measure_once(options, plan, order[i]);
        }
    }
    for (guint i = 0; i < plan->cells->len; i++) {
        tell(terminal, "counting system calls", i + 1, plan->cells->len, plan->cells->pdata[i]);
        if (is_traced(options, plan, plan->cells->pdata[i]))
            trace(options, plan->cells->pdata[i]);
    }
    if (terminal)
        fprintf(stderr, "\r\033[K");
}
