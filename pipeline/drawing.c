#include "drawing.h"

#include <string.h>

static void clear_node(gpointer data)
{
    FlNode *node = data;
    g_free(node->name);
    g_free(node->kind);
    g_free(node->detail);
    g_free(node->figures);
}

static void clear_edge(gpointer data)
{
    FlEdge *edge = data;
    g_free(edge->policy);
    g_free(edge->figures);
}

static FlDrawing *drawing_new(const char *name)
{
    FlDrawing *drawing = g_new0(FlDrawing, 1);
    drawing->name = g_strdup(name);
    drawing->nodes = g_array_new(FALSE, TRUE, sizeof(FlNode));
    drawing->edges = g_array_new(FALSE, TRUE, sizeof(FlEdge));
    g_array_set_clear_func(drawing->nodes, clear_node);
    g_array_set_clear_func(drawing->edges, clear_edge);
    return drawing;
}

void fl_drawing_free(FlDrawing *drawing)
{
    if (!drawing)
        return;
    g_array_unref(drawing->nodes);
    g_array_unref(drawing->edges);
    g_free(drawing->name);
    g_free(drawing);
}

FlDrawing *fl_drawing_of_pipeline(const FlPipeline *p)
{
    FlDrawing *drawing = drawing_new(p->name);
    for (guint i = 0; i < p->stages->len; i++) {
        const FlStageConfig *stage = g_ptr_array_index(p->stages, i);
        const char *detail = stage->kind->main_key ? fl_stage_config_get(stage, stage->kind->main_key) : NULL;
        FlNode node = {.name = g_strdup(stage->name), .kind = g_strdup(stage->kind->name), .detail = g_strdup(detail)};
        g_array_append_val(drawing->nodes, node);
    }
    for (guint i = 0; i < p->lanes->len; i++) {
        const FlLaneConfig *lane = g_ptr_array_index(p->lanes, i);
        FlEdge edge = {
            .policy = g_strdup(fl_policy_name(lane->when_full)), .credits = lane->credits, .sound = lane->from_port != 0};
        g_ptr_array_find(p->stages, lane->from, &edge.from);
        g_ptr_array_find(p->stages, lane->to, &edge.to);
        g_array_append_val(drawing->edges, edge);
    }
    return drawing;
}

/* ---- of a run ---- */

static char *stage_figures(const FlShownStage *stage)
{
    g_autofree char *ms = fl_shown_ms(stage->ms_p50), *wait = fl_shown_wait(stage);
    return g_strdup_printf("%.1f fps  %s  %s%s", stage->fps, ms, wait, stage->slowest ? "  << slowest" : "");
}

static char *lane_figures(const FlShownLane *lane)
{
    g_autofree char *note = fl_shown_lane_note(lane);
    return g_strdup_printf("%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT "%s%s", lane->in_use, lane->credits, *note ? ", " : "", note);
}

/* FALSE: the run names a stage it does not list. */
static gboolean find_node(const FlDrawing *drawing, const char *name, guint *found)
{
    for (guint i = 0; i < drawing->nodes->len; i++) {
        *found = i;
        if (strcmp(g_array_index(drawing->nodes, FlNode, i).name, name) == 0)
            return TRUE;
    }
    return FALSE;
}

FlDrawing *fl_drawing_of_run(const FlShown *shown, gboolean live)
{
    FlDrawing *drawing = drawing_new(shown->run);
    for (guint i = 0; i < shown->stage_count; i++) {
        const FlShownStage *stage = &shown->stages[i];
        FlNode node = {.name = g_strdup(stage->name), .kind = g_strdup(stage->kind), .slow = live && stage->slowest};
        node.detail = g_strdup(stage->argument);
        node.figures = live ? stage_figures(stage) : NULL;
        g_array_append_val(drawing->nodes, node);
    }
    for (guint i = 0; i < shown->lane_count; i++) {
        const FlShownLane *lane = &shown->lanes[i];
        FlEdge edge = {.credits = lane->credits, .sound = strcmp(lane->carries, "video") != 0};
        if (!find_node(drawing, lane->from, &edge.from) || !find_node(drawing, lane->to, &edge.to))
            continue;
        edge.policy = g_strdup(lane->when_full);
        edge.figures = live ? lane_figures(lane) : NULL;
        edge.full = live && lane->full_share >= 0.5;
        g_array_append_val(drawing->edges, edge);
    }
    return drawing;
}
