#include "cells.h"

#include <math.h>
#include <string.h>

/* ---- tables ---- */

static void free_row(gpointer row)
{
    g_ptr_array_unref(row);
}

BenchTable *bench_table_create(const char *title, const char *note, const char *const *columns)
{
    BenchTable *table = g_new0(BenchTable, 1);
    table->title = g_strdup(title);
    table->note = g_strdup(note);
    table->columns = g_ptr_array_new_with_free_func(g_free);
    table->rows = g_ptr_array_new_with_free_func(free_row);
    for (; *columns; columns++)
        g_ptr_array_add(table->columns, g_strdup(*columns));
    return table;
}

void bench_table_add(BenchTable *table, ...)
{
    GPtrArray *row = g_ptr_array_new_with_free_func(g_free);
    va_list words;
    va_start(words, table);
    for (char *word; (word = va_arg(words, char *));)
        g_ptr_array_add(row, word);
    va_end(words);
    g_ptr_array_add(table->rows, row);
}

void bench_table_free(BenchTable *table)
{
    g_free(table->title);
    g_free(table->note);
    g_ptr_array_unref(table->columns);
    g_ptr_array_unref(table->rows);
    g_free(table);
}

/* ---- words for figures ---- */

char *bench_about_time(double ns)
{
    if (!isfinite(ns))
        return g_strdup("-");
    if (ns < 10e3)
        return g_strdup_printf("%.2f us", ns / 1e3);
    if (ns < 1e6)
        return g_strdup_printf("%.0f us", ns / 1e3);
    return g_strdup_printf(ns < 100e6 ? "%.2f ms" : "%.0f ms", ns / 1e6);
}

/* A word of the caller's, and no array of its own to keep. */
static char *number(double value)
{
    char text[32];
    return g_strdup(isfinite(value) ? bench_shortened(value, text) : "-");
}

static char *with_interval(const BenchFigure *figure)
{
    char middle[32], low[32], high[32];
    if (!isfinite(figure->median))
        return g_strdup("-");
    return g_strdup_printf("%s [%s, %s]", bench_shortened(figure->median, middle), bench_shortened(figure->low, low),
                           bench_shortened(figure->high, high));
}

static char *time_with_interval(const BenchFigure *figure)
{
    BenchFigure us = {figure->median / 1e3, figure->low / 1e3, figure->high / 1e3};
    return with_interval(&us);
}

static char *median_of(const BenchCell *cell, const char *name, double divisor)
{
    BenchFigure figure;
    bench_figure(cell, name, &figure);
    return number(figure.median / divisor);
}

static char *time_of(const BenchCell *cell, const char *name)
{
    BenchFigure figure;
    bench_figure(cell, name, &figure);
    return bench_about_time(figure.median);
}

static char *against(const BenchPlan *plan, const BenchCell *cell, const char *name)
{
    BenchFigure ratio;
    const BenchCell *reference = bench_reference(plan, cell);
    if (cell == reference)
        return g_strdup("1");
    if (!bench_ratio(cell, reference, name, &ratio))
        return g_strdup("-");
    if (bench_is_noise(&ratio, bench_noise(plan, cell, name)))
        return g_strdup_printf("%.2f within noise", ratio.median);
    return with_interval(&ratio);
}

static char *name_of(const BenchCell *cell)
{
    return cell->again ? g_strdup_printf("%s, again", cell->way->name) : g_strdup(cell->way->name);
}

static gboolean has_figures(const BenchCell *cell)
{
    return cell->outcome == BENCH_DONE && cell->runs->len > 0;
}

static void add_table(GPtrArray *tables, BenchTable *table)
{
    if (table->rows->len > 0)
        g_ptr_array_add(tables, table);
    else
        bench_table_free(table);
}

/* ---- one size, as fast as it goes ---- */

static const char *words_for(const char *work)
{
    if (strcmp(work, "none") == 0)
        return "only the frame's number is written and read";
    if (strcmp(work, "touch") == 0)
        return "a word of each page is written and read";
    return strcmp(work, "read") == 0 ? "every byte is read and checked" : "every byte is written, read and checked";
}

static gboolean is_speed(const BenchPlan *plan, const BenchCell *cell, const BenchSize *size, const char *work)
{
    const BenchCell *first = plan->cells->pdata[0];
    return cell->size == size && cell->rate == 0 && cell->consumers == first->consumers && strcmp(cell->work, work) == 0 &&
           strcmp(cell->pin, first->pin) == 0 && strcmp(cell->stall, "none") == 0 && has_figures(cell);
}

/* Of what was read: frames of which hardly a byte was looked at have no such speed. */
static char *gigabytes(const BenchCell *cell)
{
    BenchFigure figure;
    if (!bench_reads_all(cell))
        return g_strdup("-");
    bench_figure(cell, "per_second", &figure);
    return g_strdup_printf("%.2f", figure.median * (double)cell->size->bytes * cell->consumers / 1e9);
}

static char *copied(const BenchCell *cell)
{
    BenchFigure figure;
    bench_figure(cell, "copies", &figure);
    return number(figure.median * (double)cell->size->bytes);
}

static void add_speed(const BenchPlan *plan, GPtrArray *tables, const BenchSize *size, const char *work)
{
    static const char *const speed[] = {
        "transport", "frames/s [95 %]", "GB/s", "CPU us/frame [95 %]", "frames/s, of the first", "CPU, of the first", NULL};
    static const char *const means[] = {"transport", "copies", "bytes copied", "system calls",
                                        "switches",  "faults", "memory MiB",   NULL};
    g_autofree char *title =
        g_strdup_printf("%s (%" G_GUINT64_FORMAT " bytes), as fast as it goes: %s", size->name, size->bytes, words_for(work));
    g_autofree char *second = g_strdup_printf("The same, what one frame took (%s, %s)", size->name, work);
    BenchTable *fast = bench_table_create(title, NULL, speed), *took = bench_table_create(second, NULL, means);
    for (guint i = 0; i < plan->cells->len; i++) {
        const BenchCell *cell = plan->cells->pdata[i];
        BenchFigure frames, cpu;
        if (!is_speed(plan, cell, size, work) || !bench_figure(cell, "per_second", &frames) || !bench_figure(cell, "cpu_ns", &cpu))
            continue;
        bench_table_add(fast, name_of(cell), with_interval(&frames), gigabytes(cell), time_with_interval(&cpu),
                        against(plan, cell, "per_second"), against(plan, cell, "cpu_ns"), NULL);
        if (!cell->again)
            bench_table_add(took, name_of(cell), median_of(cell, "copies", 1), copied(cell), median_of(cell, "calls", 1),
                            median_of(cell, "switches", 1), median_of(cell, "faults", 1), median_of(cell, "memory_bytes", 1 << 20),
                            NULL);
    }
    add_table(tables, fast);
    add_table(tables, took);
}

/* ---- at a fixed rate ---- */

static double paced_seconds(const BenchPlan *plan, guint rate)
{
    for (guint i = 0; i < plan->cells->len; i++) {
        const BenchCell *cell = plan->cells->pdata[i];
        if (cell->rate == rate)
            return cell->seconds;
    }
    return 0;
}

static void add_paced(const BenchPlan *plan, GPtrArray *tables, const BenchSize *size, guint rate)
{
    static const char *const columns[] = {"transport",
                                          "p50 us [95 %]",
                                          "p50, of the first",
                                          "p99 us [95 %]",
                                          "p99, of the first",
                                          "longest",
                                          "CPU us/frame [95 %]",
                                          "CPU, of the first",
                                          "calls",
                                          "frames/s",
                                          "lost",
                                          NULL};
    const BenchCell *first = plan->cells->pdata[0];
    g_autofree char *title = g_strdup_printf(
        "%s at %u frames a second: from when a frame was due until its last byte was read (%s)", size->name, rate, first->work);
    g_autofree char *frames = g_strdup_printf("percentiles of a round, median over rounds; a round has about %.0f frames, and a "
                                              "percentile that these cannot tell apart is the longest of the round",
                                              rate * paced_seconds(plan, rate) * 0.9);
    BenchTable *table = bench_table_create(title, frames, columns);
    for (guint i = 0; i < plan->cells->len; i++) {
        const BenchCell *cell = plan->cells->pdata[i];
        BenchFigure half, most, cpu;
        if (cell->size != size || cell->rate != rate || cell->consumers != first->consumers || strcmp(cell->pin, first->pin) != 0 ||
            strcmp(cell->stall, "none") != 0 || !has_figures(cell) || !bench_figure(cell, "cpu_ns", &cpu))
            continue;
        bench_figure(cell, "lag_p50_ns", &half);
        bench_figure(cell, "lag_p99_ns", &most);
        bench_table_add(table, name_of(cell), time_with_interval(&half), against(plan, cell, "lag_p50_ns"),
                        time_with_interval(&most), against(plan, cell, "lag_p99_ns"), time_of(cell, "lag_max_ns"),
                        time_with_interval(&cpu), against(plan, cell, "cpu_ns"), median_of(cell, "calls", 1),
                        median_of(cell, "per_second", 1), median_of(cell, "lost", 1), NULL);
    }
    add_table(tables, table);
}

/* ---- consumers, stalls, places ---- */

static void add_consumers(const BenchPlan *plan, GPtrArray *tables)
{
    static const char *const columns[] = {
        "transport",  "consumers", "frames/s to each [95 %]", "GB/s to all", "CPU us/frame [95 %]", "frames/s, of the first",
        "memory MiB", NULL};
    const BenchCell *first = plan->cells->pdata[0];
    g_autofree char *title = g_strdup_printf("Several consumers, %s, as fast as it goes", plan->main_size->name);
    BenchTable *table = bench_table_create(title, "each consumer gets, reads and checks every frame", columns);
    for (guint i = 0; i < plan->cells->len; i++) {
        const BenchCell *cell = plan->cells->pdata[i];
        BenchFigure frames, cpu;
        if (cell->size != plan->main_size || cell->rate != 0 || cell->consumers == first->consumers || !has_figures(cell) ||
            !bench_figure(cell, "per_second", &frames) || !bench_figure(cell, "cpu_ns", &cpu))
            continue;
        bench_table_add(table, name_of(cell), g_strdup_printf("%u", cell->consumers), with_interval(&frames), gigabytes(cell),
                        time_with_interval(&cpu), against(plan, cell, "per_second"), median_of(cell, "memory_bytes", 1 << 20),
                        NULL);
    }
    add_table(tables, table);
}

static void add_stalls(const BenchPlan *plan, GPtrArray *tables)
{
    static const char *const columns[] = {
        "transport", "nobody stalls", "the first is slow", "the first stops", "longest gap of the others, stopped", NULL};
    const BenchCell *like = plan->cells->pdata[0];
    g_autofree char *title =
        g_strdup_printf("One of three consumers stalls, %s at %u frames a second: frames a second of the two others",
                        plan->main_size->name, plan->fixed_rate);
    BenchTable *table =
        bench_table_create(title,
                           "slow: a quarter of the rate; over the second half of the time, when the stall has taken "
                           "effect",
                           columns);
    for (guint i = 0; i < plan->ways->len && plan->fixed_rate; i++) {
        const char *way = ((const BenchWay *)plan->ways->pdata[i])->name;
        const BenchCell *cells[3];
        static const char *const stalls[] = {"none", "slow", "stop"};
        for (guint s = 0; s < 3; s++)
            cells[s] = bench_find(plan, way, plan->main_size, 3, plan->fixed_rate, like->work, like->pin, stalls[s]);
        if (cells[0] && cells[1] && cells[2])
            bench_table_add(table, g_strdup(way), median_of(cells[0], "others_per_second", 1),
                            median_of(cells[1], "others_per_second", 1), median_of(cells[2], "others_per_second", 1),
                            time_of(cells[2], "others_gap_ns"), NULL);
    }
    add_table(tables, table);
}

static void add_places(const BenchPlan *plan, GPtrArray *tables)
{
    static const char *const columns[] = {"transport",           "where", "rate", "frames/s [95 %]",
                                          "CPU us/frame [95 %]", "p50",   "p99",  NULL};
    g_autofree char *title = g_strdup_printf("Where the processes run, %s", plan->main_size->name);
    BenchTable *table = bench_table_create(title,
                                           "across: pinned, the producer has a core to itself; one: all on one core; free: where "
                                           "the kernel puts them",
                                           columns);
    const BenchCell *first = plan->cells->pdata[0];
    for (guint i = 0; i < plan->cells->len && plan->pins->len > 1; i++) {
        const BenchCell *cell = plan->cells->pdata[i];
        BenchFigure frames, cpu;
        if (cell->size != plan->main_size || cell->consumers != first->consumers || strcmp(cell->work, first->work) != 0 ||
            cell->again || !has_figures(cell) || !bench_figure(cell, "per_second", &frames) || !bench_figure(cell, "cpu_ns", &cpu))
            continue;
        bench_table_add(table, name_of(cell), g_strdup(cell->pin), cell->rate ? g_strdup_printf("%u", cell->rate) : g_strdup("max"),
                        with_interval(&frames), time_with_interval(&cpu), time_of(cell, "lag_p50_ns"), time_of(cell, "lag_p99_ns"),
                        NULL);
    }
    add_table(tables, table);
}

GPtrArray *bench_tables(const BenchPlan *plan)
{
    GPtrArray *tables = g_ptr_array_new_with_free_func((GDestroyNotify)bench_table_free);
    for (guint w = 0; w < plan->works->len; w++)
        for (guint s = 0; s < plan->sizes->len; s++)
            add_speed(plan, tables, plan->sizes->pdata[s], plan->works->pdata[w]);
    for (guint r = 0; r < plan->rates->len; r++)
        for (guint s = 0; s < plan->sizes->len && g_array_index(plan->rates, guint, r); s++)
            add_paced(plan, tables, plan->sizes->pdata[s], g_array_index(plan->rates, guint, r));
    add_consumers(plan, tables);
    add_stalls(plan, tables);
    add_places(plan, tables);
    return tables;
}
