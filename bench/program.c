#include "bench.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>
#include <sys/wait.h>

#define EXIT_CANNOT   77
#define LIMIT_SECONDS 30 /* beyond what a round was asked to take */

static void keep_figure(JsonObject *object, const gchar *name, JsonNode *node, gpointer figures)
{
    (void)object;
    if (JSON_NODE_HOLDS_VALUE(node))
        g_hash_table_insert(figures, g_strdup(name), g_memdup2(&(double){json_node_get_double(node)}, sizeof(double)));
}

static gboolean read_figures(BenchRun *run, const char *text)
{
    g_autoptr(JsonNode) root = json_from_string(text, NULL);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root))
        return FALSE;
    run->figures = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    json_object_foreach_member(json_node_get_object(root), keep_figure, run->figures);
    return TRUE;
}

static GStrv arguments(const BenchOptions *options, const char *const *command, double seconds, const char *const extra[2])
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_autofree char *path = g_build_filename(options->programs, command[0], NULL);
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    g_strv_builder_add(builder, path);
    for (unsigned i = 1; i < MICRO_MAX_ARGUMENTS && command[i]; i++)
        g_strv_builder_add(builder, command[i]);
    if (extra)
        g_strv_builder_add_many(builder, extra[0], extra[1], NULL);
    g_strv_builder_add_many(builder, "--seconds", g_ascii_formatd(text, sizeof text, "%.3f", seconds), NULL);
    return g_strv_builder_end(builder);
}

struct talk {
    GMainLoop *loop;
    GSubprocess *process;
    char *out, *err;
    GError *error; /* why it could not be listened to to its end; NULL: it was */
    gboolean hung;
};

static gboolean kill_it(gpointer data)
{
    struct talk *talk = data;
    talk->hung = TRUE;
    g_subprocess_force_exit(talk->process);
    return G_SOURCE_CONTINUE;
}

static void ended(GObject *process, GAsyncResult *result, gpointer data)
{
    struct talk *talk = data;
    g_subprocess_communicate_utf8_finish(G_SUBPROCESS(process), result, &talk->out, &talk->err, &talk->error);
    g_main_loop_quit(talk->loop);
}

/* The caller's. */
static char *reason_of(const struct talk *talk, int status, guint limit)
{
    if (talk->hung)
        return g_strdup_printf("was at no end after %u s, and was killed", limit);
    if (talk->error)
        return g_strdup_printf("cannot be heard: %s", talk->error->message);
    if (talk->err && *talk->err)
        return g_strdup(g_strchomp(talk->err));
    if (status < 0)
        return g_strdup_printf("was killed by signal %d, silently", g_subprocess_get_term_sig(talk->process));
    return g_strdup_printf("ended with %d, silently", status);
}

/* What the program said, and how it ended; the timer sees to it that it does. */
static void listen(BenchRun *run, GSubprocess *process, double seconds)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    struct talk talk = {.loop = loop, .process = process};
    guint limit = (guint)ceil(seconds) + LIMIT_SECONDS, timer = g_timeout_add_seconds(limit, kill_it, &talk);
    g_subprocess_communicate_utf8_async(process, NULL, NULL, ended, &talk);
    g_main_loop_run(loop);
    g_source_remove(timer);
    int status = !talk.error && g_subprocess_get_if_exited(process) ? g_subprocess_get_exit_status(process) : -1;
    if (status == 0 && read_figures(run, talk.out))
        run->outcome = BENCH_DONE;
    else if (status == EXIT_CANNOT)
        run->outcome = BENCH_SKIPPED;
    run->hung = talk.hung;
    if (talk.hung || run->outcome != BENCH_DONE)
        run->reason = reason_of(&talk, status, limit);
    g_free(talk.out);
    g_free(talk.err);
    g_clear_error(&talk.error);
}

BenchRun *bench_run_words(const char *const *words, double seconds)
{
    BenchRun *run = g_new0(BenchRun, 1);
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) process = NULL;
    g_autofree char *name = g_path_get_basename(words[0]);
    run->outcome = BENCH_FAILED;
    /* A peer that was not there when this was built has no program: that is as good as not being there now. */
    if (g_str_has_prefix(name, "peer-") && !g_file_test(words[0], G_FILE_TEST_IS_EXECUTABLE)) {
        run->outcome = BENCH_SKIPPED;
        run->reason = g_strdup_printf("%s was not built", name);
        return run;
    }
    process = g_subprocess_newv(words, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, &error);
    if (process)
        listen(run, process, seconds);
    else
        run->reason = g_strdup(error->message);
    return run;
}

BenchRun *bench_run(const BenchOptions *options, const char *const *command, double seconds, const char *const extra[2])
{
    g_auto(GStrv) words = arguments(options, command, seconds, extra);
    return bench_run_words((const char *const *)words, seconds);
}

void bench_run_free(BenchRun *run)
{
    if (!run)
        return;
    if (run->figures)
        g_hash_table_unref(run->figures);
    g_free(run->reason);
    g_free(run);
}

gboolean bench_run_figure(const BenchRun *run, const char *name, double *value)
{
    const double *found = run->figures ? g_hash_table_lookup(run->figures, name) : NULL;
    if (found)
        *value = *found;
    return found != NULL;
}
