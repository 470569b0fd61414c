#include "check-report.h"
#include "estimate.h"
#include "json.h"

#include <stdio.h>

/* ---- for people ---- */

static int widest_name(const FlPipeline *p)
{
    gsize width = strlen("STAGE");
    for (guint i = 0; i < p->stages->len; i++)
        width = MAX(width, strlen(((FlStageConfig *)g_ptr_array_index(p->stages, i))->name));
    return (int)width;
}

static gboolean forwards(const FlStageConfig *stage)
{
    g_autofree char *copied_for = fl_copied_for(stage);
    return stage->kind->flags & FL_KIND_FORWARDS && !copied_for;
}

static void print_pool(const FlStageConfig *stage, const FlBudgetPool *pool)
{
    g_autofree char *slot = fl_bytes_text(pool->slot_bytes), *all = fl_bytes_text(pool->bytes);
    if (pool->bytes)
        printf("%5u  %s (%s each)\n", pool->slots, all, slot);
    else if (pool->slots && forwards(stage))
        printf("%5u  none where it passes its input's frames on\n", pool->slots);
    else if (pool->slots)
        printf("%5u  known when run\n", pool->slots);
    else
        printf("%5s  -\n", "-");
}

static void print_stages(const FlPipeline *p, const FlBudget *b)
{
    int width = widest_name(p);
    printf("%-*s  %-8s SLOTS  SHARED MEMORY\n", width, "STAGE", "KIND");
    for (guint i = 0; i < p->stages->len; i++) {
        const FlStageConfig *stage = g_ptr_array_index(p->stages, i);
        printf("%-*s  %-8s ", width, stage->name, stage->kind->name);
        print_pool(stage, &b->pools[i][0]);
        if (!b->pools[i][1].slots)
            continue;
        printf("%-*s  %-8s ", width, "", "sound");
        print_pool(stage, &b->pools[i][1]);
    }
}

/* Where they are not as many as usual. */
static void print_spare(const FlPipeline *p)
{
    for (guint i = 0; i < p->stages->len; i++) {
        const FlStageConfig *stage = g_ptr_array_index(p->stages, i);
        if (stage->spare_place.file)
            printf("of the slots of %s %u are spare: for those outside (framelane tap)\n", stage->name, stage->spare_slots);
    }
}

static void print_lanes(const FlPipeline *p, const FlBudget *b)
{
    int width = 2 * widest_name(p) + 4;
    printf("%-*s  CARRIES  WHEN-FULL  CREDITS\n", width, "LANE");
    for (guint i = 0; i < p->lanes->len; i++) {
        const FlLaneConfig *lane = g_ptr_array_index(p->lanes, i);
        g_autofree char *name = g_strdup_printf("%s -> %s", lane->from->name, lane->to->name);
        printf("%-*s  %-8s %-9s  %7u\n", width, name, lane->to_port ? "sound" : "video", fl_policy_name(lane->when_full),
               b->lanes[i].credits);
    }
}

static void print_sum(const FlPipeline *p, const FlBudget *b)
{
    g_autoptr(GString) unknown = g_string_new(NULL);
    for (guint i = 0; i < p->stages->len; i++) {
        const FlStageConfig *stage = g_ptr_array_index(p->stages, i);
        for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++)
            if (b->pools[i][port].slots && !b->pools[i][port].bytes)
                g_string_append_printf(unknown, "%s%s%s", unknown->len ? ", " : "", stage->name, port ? " (sound)" : "");
    }
    g_autofree char *sum = fl_bytes_text(b->pool_bytes + b->lane_bytes);
    printf("shared memory: %s%s%s\n", sum, unknown->len ? ", and what becomes known when run: " : "", unknown->str);
    printf("(slots and credits as stages of these kinds usually need them; at start each says what it needs)\n");
}

static void print_copies(const FlPipeline *p, const FlBudget *b)
{
    if (p->transport == FL_TRANSPORT_PIPE) {
        printf("every lane copies its frames twice: into a pipe and out of it\n");
    } else {
        printf("longest way of a frame without a copy:");
        for (guint i = 0; i < b->chain->len; i++)
            printf("%s%s", i ? " -> " : " ", ((FlStageConfig *)g_ptr_array_index(b->chain, i))->name);
        printf("\n");
    }
    for (guint i = 0; i < p->stages->len; i++) {
        const FlStageConfig *stage = g_ptr_array_index(p->stages, i);
        g_autofree char *filter = fl_copied_for(stage);
        if (filter)
            printf("copied once in %s: each frame that '%s' changes or makes\n", stage->name, filter);
    }
}

void fl_check_print(const FlPipeline *p, const FlBudget *b)
{
    printf("%s: valid: %u stages, %u lane%s, over %s\n\n", p->name, p->stages->len, p->lanes->len, p->lanes->len == 1 ? "" : "s",
           p->transport == FL_TRANSPORT_SHM ? "shared memory" : "pipes");
    print_stages(p, b);
    print_spare(p);
    printf("\n");
    print_lanes(p, b);
    printf("\n");
    print_sum(p, b);
    print_copies(p, b);
}

/* ---- JSON ---- */

/* 0 is null: not known before it runs. */
static void add_size(JsonBuilder *json, const char *name, uint64_t value)
{
    if (value)
        fl_json_int(json, name, value);
    else
        fl_json_text(json, name, NULL);
}

static void add_diagnostics(JsonBuilder *json, const char *name, const FlDiagnostics *d, gboolean warnings)
{
    fl_json_begin_list(json, name);
    for (guint i = 0; i < d->items->len; i++) {
        const FlDiagnostic *item = g_ptr_array_index(d->items, i);
        if (item->warning != warnings)
            continue;
        json_builder_begin_object(json);
        fl_json_text(json, "file", item->place.file);
        add_size(json, "line", (uint64_t)MAX(item->place.line, 0));
        add_size(json, "column", (uint64_t)MAX(item->place.column, 0));
        fl_json_text(json, "message", item->message);
        fl_json_text(json, "hint", item->hint);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void add_stages(JsonBuilder *json, const FlPipeline *p, const FlBudget *b)
{
    fl_json_begin_list(json, "stages");
    for (guint i = 0; i < p->stages->len; i++) {
        const FlStageConfig *stage = g_ptr_array_index(p->stages, i);
        g_autofree char *copied_for = fl_copied_for(stage);
        json_builder_begin_object(json);
        fl_json_text(json, "name", stage->name);
        fl_json_text(json, "kind", stage->kind->name);
        fl_json_text(json, "copied_for", copied_for);
        fl_json_begin_list(json, "pools");
        for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++) {
            const FlBudgetPool *pool = &b->pools[i][port];
            if (!pool->slots)
                continue;
            json_builder_begin_object(json);
            fl_json_text(json, "carries", port ? "sound" : "video");
            fl_json_int(json, "slots", pool->slots);
            fl_json_int(json, "spare_slots", stage->spare_slots);
            add_size(json, "slot_bytes", pool->slot_bytes);
            add_size(json, "bytes", pool->bytes);
            json_builder_end_object(json);
        }
        json_builder_end_array(json);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void add_lanes(JsonBuilder *json, const FlPipeline *p, const FlBudget *b)
{
    fl_json_begin_list(json, "lanes");
    for (guint i = 0; i < p->lanes->len; i++) {
        const FlLaneConfig *lane = g_ptr_array_index(p->lanes, i);
        json_builder_begin_object(json);
        fl_json_text(json, "from", lane->from->name);
        fl_json_text(json, "to", lane->to->name);
        fl_json_text(json, "carries", lane->to_port ? "sound" : "video");
        fl_json_text(json, "when_full", fl_policy_name(lane->when_full));
        fl_json_int(json, "credits", b->lanes[i].credits);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void add_budget(JsonBuilder *json, const FlPipeline *p, const FlBudget *b)
{
    fl_json_text(json, "name", p->name);
    fl_json_text(json, "transport", p->transport == FL_TRANSPORT_SHM ? "shm" : "pipe");
    add_stages(json, p, b);
    add_lanes(json, p, b);
    fl_json_begin_list(json, "chain");
    for (guint i = 0; p->transport == FL_TRANSPORT_SHM && i < b->chain->len; i++)
        json_builder_add_string_value(json, ((FlStageConfig *)g_ptr_array_index(b->chain, i))->name);
    json_builder_end_array(json);
    fl_json_int(json, "pool_bytes", b->pool_bytes);
    fl_json_int(json, "lane_bytes", b->lane_bytes);
}

void fl_check_print_json(const char *file, const FlPipeline *p, const FlBudget *b, const FlDiagnostics *d)
{
    g_autoptr(JsonBuilder) json = fl_json_begin("check");
    fl_json_text(json, "file", file);
    fl_json_truth(json, "valid", p != NULL);
    add_diagnostics(json, "errors", d, FALSE);
    add_diagnostics(json, "warnings", d, TRUE);
    if (p)
        add_budget(json, p, b);
    g_autofree char *text = fl_json_finish(json);
    printf("%s\n", text);
}
