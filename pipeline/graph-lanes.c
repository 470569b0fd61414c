/* Inputs become lanes; keys of lanes; what must have an input and what must be taken. */
#include "parse.h"

#include <string.h>

#define MOST_LANES_A_STAGE 60 /* its stats page has room for them */

static gboolean has_flag(const FlStageConfig *stage, unsigned flag)
{
    return !stage->kind || stage->kind->flags & flag; /* nothing is said of what is wrong already */
}

static FlLaneConfig *find_lane(const GPtrArray *lanes, const FlStageConfig *from, const FlStageConfig *to)
{
    for (guint i = 0; i < lanes->len; i++) {
        FlLaneConfig *lane = g_ptr_array_index(lanes, i);
        if (lane->from == from && lane->to == to)
            return lane;
    }
    return NULL;
}

/* ---- inputs ---- */

static FlStageConfig *find_input(const FlPipeline *p, const FlStageConfig *stage, guint i, FlDiagnostics *d)
{
    const char *name = g_ptr_array_index(stage->inputs, i);
    FlPlace place = g_array_index(stage->input_places, FlPlace, i);
    FlStageConfig *from = fl_pipeline_find(p, name);
    g_autofree const char **names = fl_stage_names(p);
    g_autofree char *all = fl_stage_names_text(p), *more = g_strdup_printf("stages: %s", all);
    if (!from) {
        g_autofree char *hint = fl_did_you_mean(name, names, more);
        fl_diagnose(d, place, hint, "stage '%s': input '%s' does not exist", stage->name, name);
    } else if (!has_flag(from, FL_KIND_GIVES_VIDEO)) {
        fl_diagnose(d, place, "take them from the stage before it", "stage '%s': '%s' gives no frames (its kind is %s)",
                    stage->name, name, from->kind->name);
        return NULL;
    }
    return from;
}

/* How many of its inputs are worth a look. */
static guint check_input_count(const FlPipeline *p, const FlStageConfig *stage, FlDiagnostics *d)
{
    if (!stage->kind || stage->kind->flags & FL_KIND_LATER)
        return stage->inputs->len;
    if (!has_flag(stage, FL_KIND_TAKES_VIDEO) && stage->inputs->len) {
        fl_diagnose(d, g_array_index(stage->input_places, FlPlace, 0), "leave the input out",
                    "stage '%s' takes no input: its kind, %s, makes the frames itself", stage->name, stage->kind->name);
    } else if (has_flag(stage, FL_KIND_TAKES_VIDEO) && !stage->inputs->len) {
        g_autofree char *all = fl_stage_names_text(p);
        g_autofree char *hint = p->place.file && p->place.file[0] == '-'
                                    ? g_strdup("put the stage whose frames it takes before it: ... ! ")
                                    : g_strdup_printf("add input = NAME  (stages: %s)", all);
        fl_diagnose(d, stage->place, g_strchomp(hint), "stage '%s' has no input", stage->name);
    } else if (stage->inputs->len > 1) {
        fl_diagnose(d, g_array_index(stage->input_places, FlPlace, 1), "leave all but one out",
                    "stage '%s' takes one input, %u are given", stage->name, stage->inputs->len);
    }
    return has_flag(stage, FL_KIND_TAKES_VIDEO) ? MIN(stage->inputs->len, 1) : 0;
}

static void add_lanes(FlPipeline *p, FlStageConfig *stage, FlDiagnostics *d)
{
    guint count = check_input_count(p, stage, d);
    for (guint i = 0; i < count; i++) {
        FlPlace place = g_array_index(stage->input_places, FlPlace, i);
        FlStageConfig *from = find_input(p, stage, i, d);
        if (from && find_lane(p->lanes, from, stage))
            fl_diagnose(d, place, "leave one of them out", "stage '%s': input '%s' is given twice", stage->name, from->name);
        else if (from)
            g_ptr_array_add(p->lanes, fl_graph_lane_new(from, stage, 0, place));
    }
}

/* Such a stage may be meant to take what nothing takes. */
static gboolean lacks_kind_and_input(const FlPipeline *p)
{
    for (guint i = 0; i < p->stages->len; i++) {
        const FlStageConfig *stage = g_ptr_array_index(p->stages, i);
        if (!stage->kind && !stage->inputs->len)
            return TRUE;
    }
    return FALSE;
}

/* ---- keys of lanes ---- */

/* What a [lane A -> B] said goes to the lane it meant, and the section is done with. */
static void apply_section(FlLaneConfig *lane, GPtrArray *asked)
{
    FlLaneConfig *section = find_lane(asked, lane->from, lane->to);
    if (!section)
        return;
    lane->when_full = section->when_full;
    lane->when_full_set = section->when_full_set;
    lane->credits = section->credits;
    lane->batch = section->batch;
    lane->batch_delay_ns = section->batch_delay_ns;
    lane->spin_ns = section->spin_ns;
    lane->place = section->place;
    g_ptr_array_remove(asked, section);
}

static gboolean is_set(const FlLaneConfig *lane, const char *key)
{
    const struct {
        const char *key;
        gboolean set;
    } keys[] = {{"when-full", lane->when_full_set}, {"credits", lane->credits > 0}, {"batch", lane->batch > 0},
                {"batch-delay", lane->batch_delay_ns > 0}, {"spin", lane->spin_ns > 0}};
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
        if (strcmp(key, keys[i].key) == 0)
            return keys[i].set;
    return FALSE;
}

/* Lane keys that stand on the consumer are for every lane into it; they leave its options. */
static void apply_consumer_keys(const FlPipeline *p, FlStageConfig *stage, FlDiagnostics *d)
{
    for (guint i = 0; i < stage->options->len;) {
        FlOption *option = g_ptr_array_index(stage->options, i);
        FlLaneConfig *lane = fl_graph_lane_into(p, stage, 0);
        if (!fl_key_find(fl_lane_keys, option->key) || (stage->kind && fl_kind_key(stage->kind, option->key))) {
            i++;
            continue;
        }
        if (lane && is_set(lane, option->key))
            fl_diagnose(d, option->key_place, "leave one of them out", "stage '%s': '%s' is also set in [lane %s -> %s]",
                        stage->name, option->key, lane->from->name, stage->name);
        else if (lane)
            fl_lane_assign(lane, option, d);
        else if (stage->kind && !(stage->kind->flags & FL_KIND_TAKES_VIDEO))
            fl_diagnose(d, option->key_place, "set it on the stage that takes the frames",
                        "stage '%s': '%s' is for stages that have an input", stage->name, option->key);
        g_ptr_array_remove_index(stage->options, i);
    }
}

static void apply_default(FlLaneConfig *lane)
{
    gboolean live = lane->to->optional || (lane->to->kind && lane->to->kind->flags & FL_KIND_LIVE);
    if (!lane->when_full_set)
        lane->when_full = live ? FL_WHEN_FULL_LATEST : FL_WHEN_FULL_WAIT;
}

void fl_graph_make_lanes(FlPipeline *p, GPtrArray *asked, FlDiagnostics *d)
{
    unsigned errors = d->errors;
    for (guint i = 0; i < p->stages->len; i++)
        add_lanes(p, g_ptr_array_index(p->stages, i), d);
    p->gaps |= d->errors > errors || lacks_kind_and_input(p);
    for (guint i = 0; i < p->lanes->len; i++)
        apply_section(g_ptr_array_index(p->lanes, i), asked);
    for (guint i = 0; i < p->stages->len; i++)
        apply_consumer_keys(p, g_ptr_array_index(p->stages, i), d);
    for (guint i = 0; i < p->lanes->len; i++)
        apply_default(g_ptr_array_index(p->lanes, i));
}

/* ---- what the whole must be like ---- */

static guint count_lanes_at(const FlPipeline *p, const FlStageConfig *stage, gboolean *taken)
{
    guint count = 0;
    for (guint i = 0; i < p->lanes->len; i++) {
        const FlLaneConfig *lane = g_ptr_array_index(p->lanes, i);
        count += (lane->from == stage) + (lane->to == stage);
        *taken |= lane->from == stage && lane->from_port == 0;
    }
    return count;
}

static void check_ends(const FlPipeline *p, const FlStageConfig *stage, FlDiagnostics *d)
{
    gboolean taken = FALSE;
    if (count_lanes_at(p, stage, &taken) > MOST_LANES_A_STAGE)
        fl_diagnose(d, stage->place, "put a crop or filter between, and take half of them from there",
                    "stage '%s' has more than %d lanes", stage->name, MOST_LANES_A_STAGE);
    if (taken || !stage->kind || stage->kind->flags & FL_KIND_LATER || !(stage->kind->flags & FL_KIND_GIVES_VIDEO))
        return;
    g_autofree char *hint = p->place.file && p->place.file[0] == '-'
                                ? g_strdup("go on with ! and a stage that takes them, for example: ! null")
                                : g_strdup_printf("add a stage with input = %s, for example one of kind = null", stage->name);
    fl_diagnose(d, stage->place, hint, "nothing takes the frames of stage '%s'", stage->name);
}

static void tell_unused_section(const FlLaneConfig *lane, FlDiagnostics *d)
{
    const char *input = lane->to->inputs->len ? g_ptr_array_index(lane->to->inputs, 0) : NULL;
    g_autofree char *hint = input ? g_strdup_printf("its input is '%s'", input) : NULL;
    fl_diagnose(d, lane->place, hint, "lane %s -> %s: '%s' does not take its input from '%s'", lane->from->name, lane->to->name,
                lane->to->name, lane->from->name);
}

void fl_graph_check_lanes(FlPipeline *p, GPtrArray *asked, FlDiagnostics *d)
{
    for (guint i = 0; i < p->lanes->len; i++) {
        FlLaneConfig *lane = g_ptr_array_index(p->lanes, i);
        if (lane->to_port)
            apply_section(lane, asked);
    }
    for (guint i = 0; i < asked->len; i++)
        tell_unused_section(g_ptr_array_index(asked, i), d);
    for (guint i = 0; !p->gaps && i < p->stages->len; i++)
        check_ends(p, g_ptr_array_index(p->stages, i), d);
}
