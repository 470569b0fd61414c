#include "parse.h"

#include <string.h>

FlLaneConfig *fl_graph_lane_new(FlStageConfig *from, FlStageConfig *to, unsigned port, FlPlace place)
{
    FlLaneConfig *lane = g_new0(FlLaneConfig, 1);
    lane->from = from;
    lane->to = to;
    lane->from_port = lane->to_port = port;
    lane->place = place;
    return lane;
}

FlLaneConfig *fl_graph_lane_into(const FlPipeline *p, const FlStageConfig *stage, unsigned port)
{
    for (guint i = 0; i < p->lanes->len; i++) {
        FlLaneConfig *lane = g_ptr_array_index(p->lanes, i);
        if (lane->to == stage && lane->to_port == port)
            return lane;
    }
    return NULL;
}

/* ---- cycles ---- */

enum { UNSEEN = 0, ON_THE_WAY, SEEN };

typedef struct {
    const FlPipeline *p;
    FlDiagnostics *d;
    GHashTable *marks; /* FlStageConfig* -> UNSEEN ... */
    GPtrArray *way;    /* FlStageConfig*, from where the walk began */
    gboolean found;
} Walk;

/* The way from `lane->to` back to it, in the direction of the frames. */
static void tell_cycle(Walk *walk, const FlLaneConfig *lane)
{
    g_autoptr(GString) names = g_string_new(NULL);
    guint first = 0;
    g_ptr_array_find(walk->way, lane->to, &first);
    for (guint i = first; i < walk->way->len; i++)
        g_string_append_printf(names, "%s -> ", ((FlStageConfig *)g_ptr_array_index(walk->way, i))->name);
    g_string_append(names, lane->to->name);
    fl_diagnose(walk->d, lane->place, "frames must come from a source: give one of these stages another input", "cycle: %s",
                names->str);
    walk->found = TRUE;
}

static void walk_from(Walk *walk, FlStageConfig *stage)
{
    g_hash_table_insert(walk->marks, stage, GINT_TO_POINTER(ON_THE_WAY));
    g_ptr_array_add(walk->way, stage);
    for (guint i = 0; i < walk->p->lanes->len; i++) {
        FlLaneConfig *lane = g_ptr_array_index(walk->p->lanes, i);
        int mark = GPOINTER_TO_INT(g_hash_table_lookup(walk->marks, lane->to));
        if (lane->from != stage)
            continue;
        if (mark == ON_THE_WAY)
            tell_cycle(walk, lane);
        else if (mark == UNSEEN)
            walk_from(walk, lane->to);
    }
    g_ptr_array_set_size(walk->way, (gint)walk->way->len - 1);
    g_hash_table_insert(walk->marks, stage, GINT_TO_POINTER(SEEN));
}

static gboolean has_cycle(FlPipeline *p, FlDiagnostics *d)
{
    Walk walk = {.p = p, .d = d};
    walk.marks = g_hash_table_new(NULL, NULL);
    walk.way = g_ptr_array_new();
    for (guint i = 0; i < p->stages->len; i++)
        if (!g_hash_table_contains(walk.marks, g_ptr_array_index(p->stages, i)))
            walk_from(&walk, g_ptr_array_index(p->stages, i));
    g_hash_table_unref(walk.marks);
    g_ptr_array_unref(walk.way);
    return walk.found;
}

/* ---- order ---- */

static int depth_of(const FlPipeline *p, const FlStageConfig *stage)
{
    int depth = 0;
    for (guint i = 0; i < p->lanes->len; i++) {
        const FlLaneConfig *lane = g_ptr_array_index(p->lanes, i);
        if (lane->to == stage)
            depth = MAX(depth, depth_of(p, lane->from) + 1);
    }
    return depth;
}

static int compare_order(gconstpointer a, gconstpointer b)
{
    return (*(FlStageConfig *const *)a)->order - (*(FlStageConfig *const *)b)->order;
}

/* Those with equally long ways from a source stay in the order in which they were written. */
static void sort_stages(FlPipeline *p)
{
    for (guint i = 0; i < p->stages->len; i++) {
        FlStageConfig *stage = g_ptr_array_index(p->stages, i);
        stage->order = depth_of(p, stage);
    }
    g_ptr_array_sort(p->stages, compare_order);
    for (guint i = 0; i < p->stages->len; i++)
        ((FlStageConfig *)g_ptr_array_index(p->stages, i))->order = (int)i;
}

static gboolean kinds_are_there(const FlPipeline *p)
{
    for (guint i = 0; i < p->stages->len; i++) {
        const FlStageConfig *stage = g_ptr_array_index(p->stages, i);
        if (!stage->kind || stage->kind->flags & FL_KIND_LATER)
            return FALSE;
    }
    return TRUE;
}

gboolean fl_graph_check(FlPipeline *p, FlDiagnostics *d)
{
    if (!p->stages->len && !d->errors)
        fl_diagnose(d, p->place, "add a [stage NAME] that makes frames (kind = decode) and one that takes them",
                    "the pipeline has no stage");
    if (p->stages->len > FL_MOST_STAGES)
        return FALSE;
    g_autoptr(GPtrArray) asked = p->lanes;
    p->lanes = g_ptr_array_new_with_free_func(g_free);
    fl_graph_check_keys(p, d);
    fl_graph_make_lanes(p, asked, d);
    fl_graph_check_files(p, d);
    gboolean cycle = has_cycle(p, d);
    fl_graph_add_sound(p, d);
    fl_graph_check_lanes(p, asked, d);
    if (cycle)
        return FALSE;
    sort_stages(p);
    return kinds_are_there(p) && !p->gaps;
}
