#include "budget.h"
#include "parse.h"

#include <string.h>

void fl_option_free(gpointer data)
{
    FlOption *option = data;
    if (!option)
        return;
    g_free(option->key);
    g_free(option->value);
    g_free(option);
}

static void stage_free(gpointer data)
{
    FlStageConfig *stage = data;
    g_free(stage->name);
    g_ptr_array_unref(stage->options);
    g_ptr_array_unref(stage->inputs);
    g_array_unref(stage->input_places);
    g_free(stage);
}

FlPipeline *fl_pipeline_new(const char *file)
{
    FlPipeline *p = g_new0(FlPipeline, 1);
    p->place.file = g_intern_string(file);
    p->stages = g_ptr_array_new_with_free_func(stage_free);
    p->lanes = g_ptr_array_new_with_free_func(g_free);
    p->transport = FL_TRANSPORT_SHM;
    return p;
}

void fl_pipeline_free(FlPipeline *p)
{
    if (!p)
        return;
    g_free(p->name);
    g_ptr_array_unref(p->lanes);
    g_ptr_array_unref(p->stages);
    g_free(p);
}

FlStageConfig *fl_pipeline_add_stage(FlPipeline *p, const char *name, FlPlace place)
{
    FlStageConfig *stage = g_new0(FlStageConfig, 1);
    stage->name = g_strdup(name);
    stage->place = place;
    stage->options = g_ptr_array_new_with_free_func(fl_option_free);
    stage->inputs = g_ptr_array_new_with_free_func(g_free);
    stage->input_places = g_array_new(FALSE, FALSE, sizeof(FlPlace));
    stage->spare_slots = FL_BUDGET_SPARE;
    g_ptr_array_add(p->stages, stage);
    return stage;
}

gboolean fl_check_stage_count(const FlPipeline *p, guint count, FlDiagnostics *d)
{
    if (count <= FL_MOST_STAGES)
        return TRUE;
    fl_diagnose(d, p->place, "each is a process: split it into several pipelines",
                "%u stages are too many, a pipeline has at most %d", count, FL_MOST_STAGES);
    return FALSE;
}

FlStageConfig *fl_pipeline_find(const FlPipeline *p, const char *name)
{
    for (guint i = 0; i < p->stages->len; i++) {
        FlStageConfig *stage = g_ptr_array_index(p->stages, i);
        if (g_strcmp0(stage->name, name) == 0)
            return stage;
    }
    return NULL;
}

FlOption *fl_stage_config_option(const FlStageConfig *stage, const char *key)
{
    const char *meant = fl_key_meaning(stage->kind, key);
    for (guint i = 0; i < stage->options->len; i++) {
        FlOption *option = g_ptr_array_index(stage->options, i);
        if (strcmp(fl_key_meaning(stage->kind, option->key), meant) == 0)
            return option;
    }
    return NULL;
}

const char *fl_stage_config_get(const FlStageConfig *stage, const char *key)
{
    const FlOption *option = fl_stage_config_option(stage, key);
    const struct fl_key *known = stage->kind ? fl_kind_key(stage->kind, key) : NULL;
    if (option)
        return option->value;
    return known ? known->fallback : NULL;
}

static FlOption *option_new(const FlWord *key, const FlWord *value)
{
    FlOption *option = g_new0(FlOption, 1);
    option->key = g_strdup(key->text);
    option->value = g_strdup(value->text);
    option->key_place = key->place;
    option->value_place = value->place;
    return option;
}

void fl_stage_set_kind(FlStageConfig *stage, const FlWord *kind, FlDiagnostics *d)
{
    stage->kind = fl_kind_find(kind->text);
    if (!stage->kind) {
        g_autofree const char **names = fl_kind_names();
        g_autofree char *hint = fl_did_you_mean(kind->text, names, "framelane inspect lists all kinds");
        fl_diagnose(d, kind->place, hint, "there is no kind of stage called '%s'", kind->text);
    } else if (stage->kind->flags & FL_KIND_LATER) {
        fl_diagnose(d, kind->place, "framelane inspect lists what is", "the kind '%s' is documented, but not built yet",
                    kind->text);
    }
}

void fl_stage_add_input(FlStageConfig *stage, const char *name, FlPlace place)
{
    g_ptr_array_add(stage->inputs, g_strdup(name));
    g_array_append_val(stage->input_places, place);
}

/* Names separated by commas. */
static void assign_inputs(FlStageConfig *stage, const FlWord *value, FlDiagnostics *d)
{
    const char *at = value->text;
    gboolean simple = value->place.length == (int)g_utf8_strlen(at, -1); /* not quoted: columns can be counted */
    for (;;) {
        at += strspn(at, " \t");
        gsize whole = strcspn(at, ","), length = whole;
        while (length && strchr(" \t", at[length - 1]))
            length--;
        FlPlace place = value->place;
        if (simple && length) {
            place.column += (int)g_utf8_strlen(value->text, at - value->text);
            place.length = (int)g_utf8_strlen(at, (gssize)length);
        }
        g_autofree char *name = g_strndup(at, length);
        if (*name)
            fl_stage_add_input(stage, name, place);
        else
            fl_diagnose(d, place, "input takes the names of stages, separated by commas",
                        "stage '%s': the name of an input is missing", stage->name);
        at += whole;
        if (!*at++)
            return;
    }
}

/* Frames that are counted in credits, or in slots. */
static void assign_count(unsigned *count, unsigned least, const FlOption *option, const char *whose, FlDiagnostics *d)
{
    guint64 value = g_ascii_strtoull(option->value, NULL, 10);
    if (value < least || value > FL_LANE_MAX_CREDITS) {
        g_autofree char *hint = g_strdup_printf("takes %u to %d", least, FL_LANE_MAX_CREDITS);
        fl_diagnose(d, option->value_place, hint, "%s%s cannot be '%s'", whose, option->key, option->value);
    } else {
        *count = (unsigned)value;
    }
}

static void assign_spare(FlStageConfig *stage, const FlOption *option, const char *whose, FlDiagnostics *d)
{
    assign_count(&stage->spare_slots, 0, option, whose, d);
    stage->spare_place = option->key_place;
}

/* TRUE if it was one of the keys that every stage has. */
static gboolean assign_common(FlStageConfig *stage, const FlOption *option, const FlWord *value, FlDiagnostics *d)
{
    const struct fl_key *key = fl_key_find(fl_stage_keys, option->key);
    g_autofree char *whose = g_strdup_printf("stage '%s': ", stage->name);
    if (!key)
        return FALSE;
    if (!fl_check_value(key, option, whose, d))
        return TRUE;
    if (strcmp(key->name, "kind") == 0)
        fl_stage_set_kind(stage, value, d);
    else if (strcmp(key->name, "input") == 0)
        assign_inputs(stage, value, d);
    else if (strcmp(key->name, "optional") == 0)
        fl_parse_bool(value->text, &stage->optional);
    else if (strcmp(key->name, "spare-slots") == 0)
        assign_spare(stage, option, whose, d);
    else
        fl_diagnose(d, option->key_place, "a file names a stage in its section, [stage NAME]; the inline form with: as NAME",
                    "stage '%s': its name cannot be set here", stage->name);
    return TRUE;
}

void fl_stage_assign(FlStageConfig *stage, const FlWord *key, const FlWord *value, FlDiagnostics *d)
{
    FlOption *option = option_new(key, value);
    if (assign_common(stage, option, value, d))
        fl_option_free(option);
    else
        g_ptr_array_add(stage->options, option);
}

void fl_pipeline_assign(FlPipeline *p, const FlWord *key, const FlWord *value, FlDiagnostics *d)
{
    FlOption option = {(char *)key->text, (char *)value->text, key->place, value->place};
    const struct fl_key *known = fl_key_find(fl_pipeline_keys, key->text);
    if (!known) {
        const struct fl_key *const tables[] = {fl_pipeline_keys, NULL};
        fl_unknown_key(&option, "pipeline: ", "keys of [pipeline]: name, transport, memory-limit", tables, d);
    } else if (!fl_check_value(known, &option, "pipeline: ", d)) {
        return;
    } else if (strcmp(key->text, "name") == 0) {
        if (fl_check_name(value, "pipeline", d)) {
            g_free(p->name);
            p->name = g_strdup(value->text);
            p->named = TRUE;
        }
    } else if (strcmp(key->text, "transport") == 0) {
        p->transport = strcmp(value->text, "pipe") == 0 ? FL_TRANSPORT_PIPE : FL_TRANSPORT_SHM;
    } else {
        fl_parse_bytes(value->text, &p->memory_limit);
    }
}

void fl_lane_assign(FlLaneConfig *lane, const FlOption *option, FlDiagnostics *d)
{
    g_autofree char *whose = g_strdup_printf("lane %s -> %s: ", lane->from->name, lane->to->name);
    const struct fl_key *key = fl_key_find(fl_lane_keys, option->key);
    if (!key) {
        const struct fl_key *const tables[] = {fl_lane_keys, NULL};
        fl_unknown_key(option, whose, "keys of a lane: when-full, credits, batch, batch-delay, spin", tables, d);
    } else if (strcmp(option->value, "peek") == 0 && strcmp(key->name, "when-full") == 0) {
        fl_diagnose(d, option->value_place, "use latest", "%swhen-full = peek is documented, but not built yet", whose);
    } else if (!fl_check_value(key, option, whose, d)) {
        return;
    } else if (strcmp(key->name, "credits") == 0) {
        assign_count(&lane->credits, 1, option, whose, d);
    } else if (strcmp(key->name, "batch") == 0) {
        assign_count(&lane->batch, 1, option, whose, d);
    } else if (strcmp(key->name, "batch-delay") == 0) {
        fl_parse_duration_ns(option->value, &lane->batch_delay_ns);
    } else if (strcmp(key->name, "spin") == 0) {
        fl_parse_duration_ns(option->value, &lane->spin_ns);
    } else {
        lane->when_full = strcmp(option->value, "drop") == 0     ? FL_WHEN_FULL_DROP
                          : strcmp(option->value, "latest") == 0 ? FL_WHEN_FULL_LATEST
                                                                 : FL_WHEN_FULL_WAIT;
        lane->when_full_set = TRUE;
    }
}
