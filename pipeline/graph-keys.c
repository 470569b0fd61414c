/* Keys and values of every stage against the registry. */
#include "parse.h"

#include <string.h>

static gboolean takes_options(const struct fl_kind_info *kind, const FlOption *option)
{
    g_autofree char *as_option = g_strdup_printf("option.%s", option->key);
    return fl_kind_key(kind, as_option) != NULL;
}

static void tell_unknown(const FlStageConfig *stage, const FlOption *option, const char *whose, FlDiagnostics *d)
{
    const struct fl_key *const tables[] = {stage->kind->keys, fl_stage_keys, fl_lane_keys, NULL};
    g_autofree char *more = takes_options(stage->kind, option)
                                ? g_strdup_printf("an option of libav's is written option.%s; framelane inspect %s lists all keys",
                                                  option->key, stage->kind->name)
                                : g_strdup_printf("framelane inspect %s lists all keys", stage->kind->name);
    fl_unknown_key(option, whose, more, tables, d);
}

/* What is left has the name by which the stage gets it. */
static gboolean check_option(const FlStageConfig *stage, FlOption *option, GHashTable *seen, FlDiagnostics *d)
{
    const struct fl_key *key = fl_kind_key(stage->kind, option->key);
    g_autofree char *whose = g_strdup_printf("stage '%s': ", stage->name);
    if (!key) {
        tell_unknown(stage, option, whose, d);
        return FALSE;
    }
    if (!fl_check_value(key, option, whose, d))
        return FALSE;
    if (key->means) {
        g_free(option->key);
        option->key = g_strdup(key->means);
    }
    return !fl_given_twice(seen, &(FlWord){option->key, option->key_place}, d);
}

static void check_required(const FlStageConfig *stage, FlDiagnostics *d)
{
    for (const struct fl_key *key = stage->kind->keys; key->name; key++) {
        if (!key->required || fl_stage_config_option(stage, key->name))
            continue;
        g_autofree char *hint = g_strdup_printf("%s: %s", key->name, key->help);
        fl_diagnose(d, stage->place, hint, "stage '%s' (%s) has no %s", stage->name, stage->kind->name, key->name);
    }
}

/* Who gives no frames has none to spare. */
static void check_spare(const FlStageConfig *stage, FlDiagnostics *d)
{
    if (stage->spare_place.file && !(stage->kind->flags & (FL_KIND_GIVES_VIDEO | FL_KIND_GIVES_PACKETS)))
        fl_diagnose(d, stage->spare_place, "set it at the stage that its frames come from",
                    "stage '%s' (%s) gives no frames, so it has no slots to spare", stage->name, stage->kind->name);
}

static void check_stage(FlStageConfig *stage, FlDiagnostics *d)
{
    g_autoptr(GHashTable) seen = fl_seen_new();
    check_required(stage, d);
    check_spare(stage, d);
    for (guint i = 0; i < stage->options->len;) {
        FlOption *option = g_ptr_array_index(stage->options, i);
        gboolean of_lane = fl_key_find(fl_lane_keys, option->key) && !fl_kind_key(stage->kind, option->key);
        if (of_lane || check_option(stage, option, seen, d))
            i++;
        else
            g_ptr_array_remove_index(stage->options, i);
    }
}

void fl_graph_check_keys(FlPipeline *p, FlDiagnostics *d)
{
    for (guint i = 0; i < p->stages->len; i++) {
        FlStageConfig *stage = g_ptr_array_index(p->stages, i);
        if (stage->kind && !(stage->kind->flags & FL_KIND_LATER))
            check_stage(stage, d);
    }
}
