/* --set STAGE.KEY=VALUE, --view STAGE */
#include "parse.h"

#include <string.h>

typedef struct {
    const char *option, *text;
    int line; /* the assignments of one command line count as lines of "--set" */
} Assignment;

static FlPlace place_of(const Assignment *a, const char *at, gsize length)
{
    return fl_place_in(a->option, a->text, (gsize)(at - a->text), length, a->line);
}

static void no_such_stage(const FlPipeline *p, const char *name, FlPlace place, FlDiagnostics *d)
{
    g_autofree const char **names = fl_stage_names(p);
    g_autofree char *all = fl_stage_names_text(p), *more = g_strdup_printf("stages: %s", all);
    g_autofree char *hint = fl_did_you_mean(name, names, more);
    fl_diagnose(d, place, hint, "stage '%s' does not exist", name);
}

/* What was there goes, also under its other spelling. */
static void forget(FlStageConfig *stage, const char *key)
{
    FlOption *option = fl_stage_config_option(stage, key);
    if (option)
        g_ptr_array_remove(stage->options, option);
    if (strcmp(key, "input") == 0) {
        g_ptr_array_set_size(stage->inputs, 0);
        g_array_set_size(stage->input_places, 0);
    }
}

void fl_pipeline_set(FlPipeline *p, const char *assignment, FlDiagnostics *d)
{
    Assignment a = {"--set", assignment, fl_diagnostics_add_source(d, "--set", assignment)};
    const char *equals = strchr(assignment, '='), *dot = strchr(assignment, '.');
    if (!equals || !dot || dot > equals || dot == assignment || dot + 1 == equals) {
        fl_diagnose(d, place_of(&a, assignment, strlen(assignment)), "for example: --set record.url=out.mkv",
                    "write STAGE.KEY=VALUE");
        return;
    }
    g_autofree char *name = g_strndup(assignment, (gsize)(dot - assignment));
    g_autofree char *key = g_strndup(dot + 1, (gsize)(equals - dot - 1));
    FlStageConfig *stage = fl_pipeline_find(p, name);
    if (!stage) {
        no_such_stage(p, name, place_of(&a, assignment, strlen(name)), d);
        return;
    }
    forget(stage, key);
    fl_stage_assign(stage, &(FlWord){key, place_of(&a, dot + 1, strlen(key))},
                    &(FlWord){equals + 1, place_of(&a, equals + 1, strlen(equals + 1))}, d);
}

/* ---- --view ---- */

static const struct fl_kind_info *window_kind(void)
{
    const struct fl_kind_info *kind = fl_kinds;
    while (kind->name && !(kind->flags & FL_KIND_SHOWS))
        kind++;
    return kind->name ? kind : NULL;
}

/* A stage without output shows what it takes. */
static const char *shown_stage(const FlPipeline *p, const FlStageConfig *stage)
{
    while (stage && stage->kind && !(stage->kind->flags & FL_KIND_GIVES_VIDEO) && stage->inputs->len > 0) {
        const FlStageConfig *above = fl_pipeline_find(p, g_ptr_array_index(stage->inputs, 0));
        if (!above || above == stage)
            break;
        stage = above;
    }
    return stage->name;
}

void fl_pipeline_show(FlPipeline *p, const char *name, FlDiagnostics *d)
{
    Assignment a = {"--view", name, fl_diagnostics_add_source(d, "--view", name)};
    FlPlace place = place_of(&a, name, strlen(name));
    const struct fl_kind_info *kind = window_kind();
    const FlStageConfig *shown = fl_pipeline_find(p, name);
    if (!shown) {
        no_such_stage(p, name, place, d);
        return;
    }
    g_autofree char *input = g_strdup(shown_stage(p, shown)), *own = g_strdup(kind->name);
    for (unsigned n = 2; fl_pipeline_find(p, own); n++) {
        g_free(own);
        own = g_strdup_printf("%s%u", kind->name, n);
    }
    FlStageConfig *window = fl_pipeline_add_stage(p, own, place);
    fl_stage_set_kind(window, &(FlWord){kind->name, place}, d);
    fl_stage_add_input(window, input, place);
}
