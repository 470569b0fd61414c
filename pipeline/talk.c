#include "run.h"

#include <string.h>
#include <sys/wait.h>

#define TEXT_BYTES         2000
#define SENTENCES_A_SECOND 40

void fl_run_say(FlRun *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fl_run_hide_progress(run);
    fprintf(stderr, "run: %s\n", text);
}

char *fl_run_clean_text(const void *text, size_t bytes)
{
    g_autofree char *valid = g_utf8_make_valid(text ? text : "", (gssize)MIN(bytes, TEXT_BYTES));
    GString *clean = g_string_sized_new(strlen(valid));
    for (const char *c = valid; *c; c = g_utf8_next_char(c))
        g_string_append_unichar(clean, g_unichar_iscntrl(g_utf8_get_char(c)) ? ' ' : g_utf8_get_char(c));
    return g_strchomp(g_string_free(clean, FALSE));
}

/* FALSE where the stage has said too much in this second. */
static gboolean may_talk(FlRunStage *stage)
{
    gint64 second = g_get_monotonic_time() / G_USEC_PER_SEC;
    if (second != stage->talk_second) {
        if (stage->talk_left_out)
            fl_run_say(stage->run, "%s: %u more sentences in a second, left out", stage->config->name, stage->talk_left_out);
        stage->talk_second = second;
        stage->talk_count = stage->talk_left_out = 0;
    }
    if (stage->talk_count >= SENTENCES_A_SECOND && !stage->run->options.verbose) {
        stage->talk_left_out++;
        return FALSE;
    }
    stage->talk_count++;
    return TRUE;
}

void fl_run_take_log(FlRunStage *stage, const struct fl_received *message)
{
    const struct fl_control_text *head = message->body;
    const FlRunOptions *options = &stage->run->options;
    gboolean warning = head->level == FL_LOG_WARNING;
    if (head->level == FL_LOG_DEBUG ? !options->verbose : options->quiet && !warning)
        return;
    if (!may_talk(stage))
        return;
    g_autofree char *text = fl_run_clean_text(message->tail, message->tail_bytes);
    fl_run_say(stage->run, "%s: %s%s", stage->config->name, warning ? "warning: " : "", text);
}

char *fl_run_describe_death(const FlRunStage *stage)
{
    if (WIFSIGNALED(stage->wait_status)) {
        const char *name = sigabbrev_np(WTERMSIG(stage->wait_status));
        return name ? g_strdup_printf("killed by SIG%s", name)
                    : g_strdup_printf("killed by signal %d", WTERMSIG(stage->wait_status));
    }
    if (WEXITSTATUS(stage->wait_status) == 127)
        return g_strdup("could not be started");
    return g_strdup_printf("exited with status %d", WEXITSTATUS(stage->wait_status));
}
