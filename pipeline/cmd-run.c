#include "commands.h"
#include "door.h"
#include "parse.h"
#include "telling.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    gboolean help, quiet, verbose, dry_run;
    char *expression, *name, *transport, *view, *duration, *max_drop;
    FlTellingWords telling;
    char **set, **files;
    gint64 frames; /* 0: no limit */
} Words;

/* ---- the command line ---- */

static gboolean take_frames(const char *name, const char *value, gpointer data, GError **error)
{
    Words *words = data;
    if (g_ascii_string_to_signed(value, 10, 1, G_MAXINT64, &words->frames, NULL))
        return TRUE;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s is a whole number from 1, not '%s'", name, value);
    return FALSE;
}

/* GOption says which option it does not know, and not which was meant. */
static void suggest(const GOptionEntry *entries, GError *error)
{
    const char *names[32] = {0}, *word = strstr(error->message, "--");
    if (!word || !g_error_matches(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION))
        return;
    for (unsigned i = 0, shown = 0; entries[i].long_name && shown + 1 < G_N_ELEMENTS(names); i++)
        if (!(entries[i].flags & G_OPTION_FLAG_HIDDEN))
            names[shown++] = entries[i].long_name;
    g_autofree char *given = g_strndup(word + 2, strcspn(word + 2, "="));
    const char *nearest = fl_nearest(given, names);
    if (!nearest)
        return;
    char *message = g_strdup_printf("%s; did you mean --%s?", error->message, nearest);
    g_free(error->message);
    error->message = message;
}

/* GOption would take the word after --json for its value: --json=FILE becomes an option of its own. */
static char **split_json(int argc, char **argv)
{
    char **copy = g_new0(char *, argc + 1);
    for (int i = 0; i < argc; i++)
        copy[i] = g_str_has_prefix(argv[i], "--json=") ? g_strconcat("--json-file=", argv[i] + strlen("--json="), NULL)
                                                       : g_strdup(argv[i]);
    return copy;
}

static gboolean parse_words(int argc, char **argv, Words *w, GError **error)
{
    const GOptionEntry entries[] = {
        {"help", 'h', 0, G_OPTION_ARG_NONE, &w->help, NULL, NULL},
        {"expression", 'e', 0, G_OPTION_ARG_STRING, &w->expression, NULL, NULL},
        {"name", 0, 0, G_OPTION_ARG_STRING, &w->name, NULL, NULL},
        {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &w->set, NULL, NULL},
        {"transport", 0, 0, G_OPTION_ARG_STRING, &w->transport, NULL, NULL},
        {"view", 0, 0, G_OPTION_ARG_STRING, &w->view, NULL, NULL},
        {"frames", 0, 0, G_OPTION_ARG_CALLBACK, take_frames, NULL, NULL},
        {"for", 0, 0, G_OPTION_ARG_STRING, &w->duration, NULL, NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &w->telling.json, NULL, NULL},
        {"json-file", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &w->telling.json_file, NULL, NULL},
        {"drop-log", 0, 0, G_OPTION_ARG_FILENAME, &w->telling.drop_log, NULL, NULL},
        {"trace", 0, 0, G_OPTION_ARG_FILENAME, &w->telling.trace, NULL, NULL},
        {"metrics", 0, 0, G_OPTION_ARG_FILENAME, &w->telling.metrics, NULL, NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &w->quiet, NULL, NULL},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &w->verbose, NULL, NULL},
        {"dry-run", 0, 0, G_OPTION_ARG_NONE, &w->dry_run, NULL, NULL},
        {"max-drop", 0, 0, G_OPTION_ARG_STRING, &w->max_drop, NULL, NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &w->files, NULL, NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    GOptionGroup *group = g_option_group_new("run", NULL, NULL, w, NULL);
    g_option_group_add_entries(group, entries);
    g_option_context_set_main_group(context, group);
    g_option_context_set_help_enabled(context, FALSE);
    g_auto(GStrv) words = split_json(argc, argv);
    g_autofree char **left = g_memdup2(words, sizeof *words * ((gsize)argc + 1)); /* GOption takes words out of it */
    if (g_option_context_parse(context, &argc, &left, error))
        return TRUE;
    suggest(entries, *error);
    return FALSE;
}

static void words_clear(Words *w)
{
    char *texts[] = {w->expression, w->name, w->transport, w->view, w->duration, w->max_drop};
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
    fl_telling_clear_words(&w->telling);
    g_strfreev(w->set);
    g_strfreev(w->files);
}

/* 0, or 2 after saying what is wrong. */
static int check_words(const Words *w)
{
    unsigned files = w->files ? g_strv_length(w->files) : 0;
    if (w->expression && files)
        return fl_command_usage("run", "either a FILE or -e '...', not both ('%s' is too much)", w->files[0]);
    if (!w->expression && !files)
        return fl_command_usage("run", "what is to be run? give a FILE, or -e 'decode in.mkv ! hash'");
    if (files > 1)
        return fl_command_usage("run", "one FILE at a time ('%s' is too much)", w->files[1]);
    if (w->quiet && w->verbose)
        return fl_command_usage("run", "--quiet and --verbose contradict each other");
    if (w->transport && strcmp(w->transport, "shm") != 0 && strcmp(w->transport, "pipe") != 0)
        return fl_command_usage("run", "--transport is 'shm' or 'pipe', not '%s'", w->transport);
    return fl_telling_check(&w->telling);
}

static int parse_max_drop(const char *text, FlRunOptions *options)
{
    char *end;
    options->max_drop = g_ascii_strtod(text, &end);
    options->max_drop_set = TRUE;
    options->max_drop_is_share = strcmp(end, "%") == 0;
    if (end == text || (*end && !options->max_drop_is_share) || !(options->max_drop >= 0))
        return fl_command_usage("run", "--max-drop is a share (1%%) or a number of frames, not '%s'", text);
    if (options->max_drop_is_share)
        options->max_drop /= 100;
    return 0;
}

static int fill_options(const Words *w, FlRunOptions *options)
{
    options->quiet = w->quiet;
    options->verbose = w->verbose;
    options->frames_limit = (uint64_t)w->frames;
    if (w->duration && (!fl_parse_duration_ns(w->duration, &options->for_ns) || options->for_ns <= 0))
        return fl_command_usage("run", "--for is a time such as 10s, 500ms or 2m, not '%s'", w->duration);
    return w->max_drop ? parse_max_drop(w->max_drop, options) : 0;
}

/* ---- the pipeline ---- */

/* 0 and the pipeline, or an exit code after saying what is wrong. */
static int load(const Words *w, FlPipeline **pipeline)
{
    const char *file = w->expression ? "-e" : w->files[0];
    FlDiagnostics *d = fl_diagnostics_new();
    FlPipeline *p = w->expression ? fl_inline_parse(w->expression, d) : fl_config_load(file, d);
    if (p && w->name)
        fl_pipeline_assign(p, &(FlWord){"name", {0}}, &(FlWord){w->name, {"--name", 1, 1, (int)strlen(w->name)}}, d);
    if (p && w->view)
        fl_pipeline_show(p, w->view, d);
    for (char **set = w->set; p && set && *set; set++)
        fl_pipeline_set(p, *set, d);
    if (p && w->transport)
        p->transport = strcmp(w->transport, "pipe") == 0 ? FL_TRANSPORT_PIPE : FL_TRANSPORT_SHM;
    if (p)
        fl_graph_check(p, d);
    fl_diagnostics_print(d, file);
    gboolean good = p && d->errors == 0;
    fl_diagnostics_free(d);
    *pipeline = p;
    return good ? 0 : FL_EXIT_CONFIG;
}

static void print_plan(const FlPipeline *p)
{
    printf("%s over %s\n", p->name, p->transport == FL_TRANSPORT_PIPE ? "pipes" : "shared memory");
    for (unsigned i = 0; i < p->stages->len; i++) {
        const FlStageConfig *stage = g_ptr_array_index(p->stages, i);
        printf("  stage %s: %s", stage->name, stage->kind->name);
        for (unsigned o = 0; o < stage->options->len; o++) {
            const FlOption *option = g_ptr_array_index(stage->options, o);
            printf(" %s=%s", option->key, option->value);
        }
        printf("\n");
    }
    for (unsigned i = 0; i < p->lanes->len; i++) {
        const FlLaneConfig *lane = g_ptr_array_index(p->lanes, i);
        g_autofree char *credits = lane->credits ? g_strdup_printf("%u", lane->credits) : g_strdup("auto");
        printf("  lane %s -> %s: %s, when-full=%s credits=%s\n", lane->from->name, lane->to->name,
               lane->from_port ? "packets" : "video", fl_policy_name(lane->when_full), credits);
    }
}

/* ---- the run ---- */

/* Makes the run one that others find. A name it was given is its own or nobody's; one it has from its file may be another. */
static void open_door(FlRun *run, FlPipeline *p)
{
    gboolean taken;
    g_autofree char *why = NULL, *name = NULL;
    run->door = fl_door_open(run, &taken, &why);
    if (!run->door && taken && !p->named) {
        name = g_steal_pointer(&p->name);
        p->name = g_strdup_printf("%.20s-%d", name, (int)getpid());
        g_clear_pointer(&why, g_free);
        run->door = fl_door_open(run, &taken, &why);
    }
    if (!run->door && taken)
        fl_run_fail(run, FL_EXIT_START, "%s; end it with framelane stop %s, or give this one another (--name, or in [pipeline])",
                    why, p->name);
    else if (!run->door)
        fl_run_say(run, "warning: ls, status, top and stop will not find this run: %s", why);
    else if (name && !run->options.quiet)
        fl_run_say(run, "another run is called '%s'; this one is '%s' (--name gives it one of its own)", name, p->name);
}

static int start(const Words *w, FlPipeline *p, FlRunOptions *options)
{
    int exit_code = fl_telling_open(&w->telling, p, options);
    if (!exit_code) {
        FlRun *run = fl_run_new(p, options);
        open_door(run, p);
        exit_code = fl_run_supervise(run);
        fl_run_free(run);
    }
    fl_telling_close(options);
    return exit_code;
}

static int run_words(const Words *w)
{
    FlRunOptions options = {0};
    FlPipeline *p = NULL;
    int exit_code = check_words(w);
    if (!exit_code)
        exit_code = fill_options(w, &options);
    if (!exit_code)
        exit_code = load(w, &p);
    if (!exit_code && w->dry_run)
        print_plan(p);
    else if (!exit_code)
        exit_code = start(w, p, &options);
    if (p)
        fl_pipeline_free(p);
    return exit_code;
}

/* Whatever is opened later must not become standard input, output or error of a stage. */
static void fill_standard_fds(void)
{
    int fd;
    while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO)
        ;
    if (fd >= 0)
        close(fd);
}

int fl_cmd_run(int argc, char **argv)
{
    Words words = {0};
    g_autoptr(GError) error = NULL;
    int exit_code;
    fill_standard_fds();
    signal(SIGPIPE, SIG_IGN);
    if (!parse_words(argc, argv, &words, &error)) {
        exit_code = fl_command_usage("run", "%s", error->message);
    } else if (words.help) {
        printf("%s", fl_command_help("run"));
        exit_code = FL_EXIT_OK;
    } else {
        exit_code = run_words(&words);
    }
    words_clear(&words);
    return exit_code;
}
