#include "live.h"

#include <string.h>

#define FIRST_WORD_MS 2000
#define NEXT_WORD_MS  10000

/* What a stage writes, as it is shown; NULL: nothing. */
static const char *output_of(const FlRunStage *stage)
{
    const char *url = fl_stage_config_get(stage->config, "url");
    if (!(stage->config->kind->flags & FL_KIND_WRITES_FILE))
        return NULL;
    return url && strcmp(url, "-") != 0 ? url : "standard output";
}

/* ---- for whom the end waits ---- */

static void append_item(GString *list, const char *text)
{
    g_string_append_printf(list, "%s%s", list->len ? ", " : "", text);
}

static void append_culprit(GString *list, const FlRunStage *stage)
{
    FlStageFigures figures;
    fl_live_stage(stage->run->live, stage, &figures);
    const char *output = output_of(stage), *stopped = figures.process == 'T' ? ", stopped" : "";
    g_autofree char *text = g_strdup_printf("%s (pid %d%s)%s%s", stage->config->name, (int)stage->pid, stopped,
                                            output ? " to finish " : "", output ? output : "");
    append_item(list, text);
}

/* Where each waits for another, each is named alike. */
static void say_who(FlRun *run)
{
    g_autoptr(GString) culprits = g_string_new(NULL), others = g_string_new(NULL);
    for (unsigned pass = 0; pass < 2 && !culprits->len; pass++) {
        g_string_truncate(others, 0);
        for (unsigned i = 0; i < run->stage_count; i++) {
            const FlRunStage *stage = &run->stages[i];
            if (!fl_run_is_alive(stage) || stage->done)
                continue;
            if (pass == 0 && fl_run_is_held_up(stage))
                append_item(others, stage->config->name);
            else
                append_culprit(culprits, stage);
        }
    }
    if (!culprits->len)
        return;
    g_autofree char *held = others->len ? g_strdup_printf("; held up by that: %s", others->str) : g_strdup("");
    fl_run_say(run, "still waiting for %s%s; %s (or framelane stop %s --now) ends at once", culprits->str, held,
               run->signal ? "a second Ctrl-C" : "Ctrl-C twice", run->pipeline->name);
}

static gboolean on_wait(gpointer data)
{
    FlRun *run = data;
    run->waiting_source = 0;
    if (run->ending || run->kill_signal) /* which have deadlines and words of their own */
        return G_SOURCE_REMOVE;
    say_who(run);
    run->waiting_source = g_timeout_add(NEXT_WORD_MS, on_wait, run);
    return G_SOURCE_REMOVE;
}

void fl_run_watch_end(FlRun *run)
{
    if (!run->options.quiet && !run->ending && !run->waiting_source)
        run->waiting_source = g_timeout_add(FIRST_WORD_MS, on_wait, run);
}

/* ---- what is complete ---- */

char *fl_run_outputs_text(const FlRun *run)
{
    if (run->state != FL_RUN_RUNNING)
        return g_strdup("nothing was written");
    g_autoptr(GString) complete = g_string_new(NULL), incomplete = g_string_new(NULL);
    for (unsigned i = 0; i < run->stage_count; i++) {
        const FlRunStage *stage = &run->stages[i];
        const char *output = output_of(stage);
        g_autofree char *text = output ? g_strdup_printf("%s (%s)", output, stage->config->name) : NULL;
        if (text)
            append_item(stage->done ? complete : incomplete, text);
    }
    if (incomplete->len)
        return g_strdup_printf("not complete: %s%s%s", incomplete->str, complete->len ? "; complete: " : "", complete->str);
    if (complete->len)
        return g_strdup_printf("every output is complete: %s", complete->str);
    return g_strdup("there was no output to finish");
}
