#include "cells.h"
#include "json.h"

#include <math.h>
#include <string.h>

/* Six digits that count: what was measured has no more, and what is printed twice is to be the same. */
static double rounded(double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    return g_ascii_strtod(g_ascii_formatd(text, sizeof text, "%.6g", value), NULL);
}

static void add_number(JsonBuilder *json, const char *name, double value)
{
    fl_json_double(json, name, rounded(value));
}

static void add_interval(JsonBuilder *json, const char *name, const BenchFigure *figure, double divisor)
{
    fl_json_begin_object(json, name);
    add_number(json, "median", figure->median / divisor);
    add_number(json, "low", figure->low / divisor);
    add_number(json, "high", figure->high / divisor);
    json_builder_end_object(json);
}

static void add_figure(JsonBuilder *json, const char *name, const BenchCell *cell, const char *figure_name, double divisor)
{
    BenchFigure figure;
    bench_figure(cell, figure_name, &figure);
    add_interval(json, name, &figure, divisor);
}

static void add_ratio(JsonBuilder *json, const char *name, const BenchPlan *plan, const BenchCell *cell, const char *figure)
{
    BenchFigure ratio;
    if (!bench_ratio(cell, bench_reference(plan, cell), figure, &ratio))
        return;
    fl_json_begin_object(json, name);
    add_number(json, "median", ratio.median);
    add_number(json, "low", ratio.low);
    add_number(json, "high", ratio.high);
    fl_json_truth(json, "within_noise", bench_is_noise(&ratio, bench_noise(plan, cell, figure)));
    json_builder_end_object(json);
}

static void add_what(JsonBuilder *json, const BenchCell *cell)
{
    g_auto(GStrv) words = bench_cell_words(cell, NULL);
    g_autofree char *line = g_strjoinv(" ", words);
    fl_json_text(json, "transport", cell->way->name);
    fl_json_truth(json, "again", cell->again);
    fl_json_text(json, "size", cell->size->name);
    fl_json_int(json, "bytes", cell->size->bytes);
    fl_json_int(json, "consumers", cell->consumers);
    json_builder_set_member_name(json, "rate");
    if (cell->rate)
        json_builder_add_int_value(json, cell->rate);
    else
        json_builder_add_string_value(json, "max");
    fl_json_text(json, "work", cell->work);
    fl_json_text(json, "pin", cell->pin);
    fl_json_text(json, "stall", cell->stall);
    fl_json_text(json, "command", line);
    fl_json_int(json, "rounds", cell->runs->len);
}

static void add_latency(JsonBuilder *json, const BenchCell *cell)
{
    static const char *const points[] = {"p1", "p5", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "p99.9", "max"};
    if (!cell->rate)
        return;
    fl_json_begin_object(json, "latency_ms");
    for (guint i = 0; i < G_N_ELEMENTS(points); i++) {
        g_autofree char *name = g_strdup_printf("lag_%s_ns", points[i]);
        add_figure(json, points[i], cell, name, 1e6);
    }
    json_builder_end_object(json);
}

static void add_row(JsonBuilder *json, const BenchPlan *plan, const BenchCell *cell)
{
    BenchFigure frames, copies, gigabytes;
    double size = (double)cell->size->bytes;
    add_what(json, cell);
    bench_figure(cell, "per_second", &frames);
    bench_figure(cell, "copies", &copies);
    gigabytes = (BenchFigure){frames.median * size, frames.low * size, frames.high * size};
    if (!bench_reads_all(cell))
        gigabytes = (BenchFigure){NAN, NAN, NAN};
    add_interval(json, "fps", &frames, 1);
    add_interval(json, "gb_per_second", &gigabytes, 1e9 / cell->consumers);
    add_figure(json, "cpu_ms_per_frame", cell, "cpu_ns", 1e6);
    add_number(json, "copies_per_frame", copies.median);
    add_number(json, "copied_bytes_per_frame", copies.median * size);
    BenchFigure calls;
    bench_figure(cell, "calls", &calls);
    add_number(json, "calls_per_frame", calls.median);
    add_figure(json, "switches_per_frame", cell, "switches", 1);
    add_figure(json, "faults_per_frame", cell, "faults", 1);
    add_figure(json, "memory_bytes", cell, "memory_bytes", 1);
    add_figure(json, "frames", cell, "frames", 1);
    add_figure(json, "lost", cell, "lost", 1);
    add_latency(json, cell);
    if (cell->consumers > 1) {
        add_figure(json, "others_fps", cell, "others_per_second", 1);
        add_figure(json, "others_gap_ms", cell, "others_gap_ns", 1e6);
    }
    add_ratio(json, "fps_ratio", plan, cell, "per_second");
    add_ratio(json, "cpu_ratio", plan, cell, "cpu_ns");
}

static void add_machine(JsonBuilder *json, const BenchStory *story)
{
    for (guint i = 0; i + 1 < story->machine->len; i += 2)
        fl_json_text(json, story->machine->pdata[i], story->machine->pdata[i + 1]);
    fl_json_begin_list(json, "glance");
    for (guint i = 0; i < story->glance->len; i++)
        json_builder_add_string_value(json, story->glance->pdata[i]);
    json_builder_end_array(json);
}

static void add_noise(JsonBuilder *json, const BenchPlan *plan)
{
    add_number(json, "fps", bench_noise(plan, NULL, "per_second"));
    add_number(json, "cpu", bench_noise(plan, NULL, "cpu_ns"));
}

char *bench_rows_line(const BenchPlan *plan, const BenchCell *cell)
{
    g_autoptr(JsonBuilder) json = fl_json_begin("row");
    add_row(json, plan, cell);
    return fl_json_finish(json);
}

char *bench_rows_head(const BenchStory *story)
{
    g_autoptr(JsonBuilder) json = fl_json_begin("head");
    add_machine(json, story);
    return fl_json_finish(json);
}

char *bench_rows_noise(const BenchPlan *plan)
{
    g_autoptr(JsonBuilder) json = fl_json_begin("noise");
    add_noise(json, plan);
    return fl_json_finish(json);
}

char *bench_rows_file(const BenchStory *story)
{
    g_autoptr(JsonBuilder) json = fl_json_begin("bench");
    fl_json_begin_object(json, "head");
    add_machine(json, story);
    json_builder_end_object(json);
    fl_json_begin_object(json, "noise");
    add_noise(json, story->plan);
    json_builder_end_object(json);
    fl_json_begin_list(json, "rows");
    for (guint i = 0; i < story->plan->cells->len; i++) {
        const BenchCell *cell = story->plan->cells->pdata[i];
        if (cell->outcome != BENCH_DONE || cell->runs->len == 0)
            continue;
        json_builder_begin_object(json);
        fl_json_head(json, "row");
        add_row(json, story->plan, cell);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
    fl_json_begin_list(json, "film");
    for (guint i = 0; story->film && i < bench_film_rows(story->film)->len; i++)
        json_builder_add_value(json, json_node_init_object(json_node_alloc(), bench_film_rows(story->film)->pdata[i]));
    json_builder_end_array(json);
    json_builder_end_object(json);
    g_autoptr(JsonNode) root = json_builder_get_root(json);
    return json_to_string(root, TRUE);
}
