#include "experiment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const mistakes[] = {"copy", "bells", "credits", NULL}; /* those that programs are built with: meson.build */

gboolean experiment_is_asked(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (g_str_equal(argv[i], "--experiment") || g_str_has_prefix(argv[i], "--experiment="))
            return TRUE;
    return FALSE;
}

static int list(void)
{
    for (guint i = 0; experiments[i]; i++)
        printf("%-14s %s\n", experiments[i]->name, experiments[i]->question);
    return fflush(stdout) == 0 ? 0 : 1;
}

static int run_one(const Experiment *experiment, const BenchOptions *options, const char *broken, const char *folder)
{
    g_autofree char *reason = NULL;
    ExperimentData data = {.experiment = experiment, .options = options, .broken = broken};
    BenchOutcome outcome = experiment_measure(&data, (guint)options->rounds, &reason);
    int status = outcome == BENCH_FAILED;
    if (outcome == BENCH_DONE)
        status = experiment_present(&data, options->json, folder);
    else
        fprintf(stderr, "framelane bench: %s: %s: %s\n", experiment->name, outcome == BENCH_SKIPPED ? "left out" : "FAILED",
                reason);
    experiment_data_finish(&data);
    return status;
}

static int run(const BenchOptions *options, const char *name, const char *broken, const char *folder)
{
    gboolean all = g_str_equal(name, "all"), found = FALSE;
    int status = 0;
    if (folder && g_mkdir_with_parents(folder, 0777) < 0) {
        fprintf(stderr, "framelane bench: %s: %s\n", folder, g_strerror(errno));
        return 1;
    }
    for (guint i = 0; experiments[i]; i++) {
        if (!all && !g_str_equal(name, experiments[i]->name))
            continue;
        found = TRUE;
        status |= run_one(experiments[i], options, broken, folder);
    }
    return found ? status : bench_usage("there is no experiment '%s'; --experiment list shows them", name);
}

/* Beside this executable, built or installed. */
static char *find_programs(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(self ? self : ".");
    return g_build_filename(folder, "experiment", NULL);
}

int experiment_main(int argc, char **argv)
{
    g_autofree char *name = NULL, *broken = NULL, *folder = NULL, *programs = find_programs();
    BenchOptions options = {.programs = programs};
    g_autoptr(GError) error = NULL;
    const GOptionEntry entries[] = {
        {"experiment", 0, 0, G_OPTION_ARG_STRING, &name, NULL, NULL},
        {"broken", 0, 0, G_OPTION_ARG_STRING, &broken, NULL, NULL},
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &folder, NULL, NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, NULL, NULL},
        {"quick", 0, 0, G_OPTION_ARG_NONE, &options.quick, NULL, NULL},
        {"rounds", 0, 0, G_OPTION_ARG_INT, &options.rounds, NULL, NULL},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        return bench_usage("%s", error->message);
    if (argc > 1)
        return bench_usage("'%s' means nothing with --experiment", argv[1]);
    if (options.rounds < 0 || options.rounds > 1000)
        return bench_usage("--rounds: 1 to 1000");
    if (broken && !g_strv_contains(mistakes, broken))
        return bench_usage("--broken: copy, bells or credits, not '%s'", broken);
    if (g_str_equal(name, "list"))
        return list();
    if (options.rounds == 0)
        options.rounds = options.quick ? 3 : 7;
    return run(&options, name, broken, folder);
}
