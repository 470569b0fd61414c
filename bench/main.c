#include "bench.h"
#include "experiment/experiment.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

gboolean bench_is_wanted(const BenchOptions *options, const char *name)
{
    gboolean wanted = options->only == NULL;
    for (char **start = options->only; start && *start; start++)
        wanted |= g_str_has_prefix(name, *start);
    return wanted;
}

double bench_seconds(const BenchOptions *options, double asked)
{
    double seconds = asked > 0 ? asked : 0.2;
    return options->quick ? seconds / 10 : seconds;
}

int bench_usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fprintf(stderr, "framelane bench: %s\n(framelane bench --help says more)\n", message);
    return EXIT_USAGE;
}

/* Beside this executable, built or installed. */
static char *find_programs(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(self ? self : ".");
    return g_build_filename(folder, "micro", NULL);
}

static gboolean names_something(const char *start)
{
    gboolean found = FALSE;
    for (const struct micro_experiment *e = micro_wake_experiments; e->name; e++)
        found |= g_str_has_prefix(e->name, start);
    for (const struct micro_experiment *e = micro_frame_experiments; e->name; e++)
        found |= g_str_has_prefix(e->name, start);
    for (const struct micro_sweep *s = micro_wake_sweeps; s->name; s++)
        found |= g_str_has_prefix(s->name, start);
    for (const struct micro_sweep *s = micro_frame_sweeps; s->name; s++)
        found |= g_str_has_prefix(s->name, start);
    return found;
}

/* What belongs to one kind of measurement means nothing to the other. */
static int check(const BenchOptions *options, gboolean micro)
{
    if (options->rounds < 0 || options->rounds > 1000)
        return bench_usage("--rounds: 1 to 1000");
    if (options->seconds < 0 || options->seconds > 60)
        return bench_usage("--seconds: more than 0, at most 60");
    if (!micro && (options->only || options->list || options->sweep))
        return bench_usage("--only, --list and --sweep belong to --micro");
    gboolean of_transports = options->transports || options->sizes || options->consumers || options->rates || options->works ||
                             options->pins || options->folder || options->film;
    if (options->against && !options->pipeline)
        return bench_usage("--against belongs to --pipeline");
    if (options->pipeline && strcmp(options->pipeline, "transcode") != 0 && !options->against)
        return bench_usage("--pipeline: against what? --against 'COMMAND'");
    if (options->pipeline && strcmp(options->pipeline, "transcode") != 0 && options->film)
        return bench_usage("--film belongs to --pipeline transcode, or to a report");
    if (options->pipeline && (micro || options->transports || options->sizes || options->consumers || options->rates))
        return bench_usage("--pipeline takes --against, --rounds, --json and -o");
    if (micro && of_transports)
        return bench_usage("--micro takes --only, not --transport, --size, --consumers, --rate, --work, --pin or -o");
    for (char **start = options->only; start && *start; start++)
        if (!names_something(*start))
            return bench_usage("--only: no question begins with '%s'; --list shows them", *start);
    return 0;
}

static int measure(const BenchOptions *options, gboolean micro)
{
    if (options->pipeline)
        return bench_pipelines(options);
    if (!micro)
        return bench_transports(options);
    if (options->list)
        return bench_list();
    if (options->sweep)
        return bench_sweep(options);
    g_autoptr(GPtrArray) all = bench_rounds(options);
    return bench_report(options, all);
}

int main(int argc, char **argv)
{
    if (experiment_is_asked(argc, argv))
        return experiment_main(argc, argv);
    BenchOptions options = {.programs = find_programs()};
    gboolean micro = FALSE, compare = FALSE;
    g_autoptr(GError) error = NULL;
    const GOptionEntry entries[] = {
        {"micro", 0, 0, G_OPTION_ARG_NONE, &micro, NULL, NULL},
        {"compare", 0, 0, G_OPTION_ARG_NONE, &compare, NULL, NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, NULL, NULL},
        {"quick", 0, 0, G_OPTION_ARG_NONE, &options.quick, NULL, NULL},
        {"list", 0, 0, G_OPTION_ARG_NONE, &options.list, NULL, NULL},
        {"sweep", 0, 0, G_OPTION_ARG_NONE, &options.sweep, NULL, NULL},
        {"rounds", 0, 0, G_OPTION_ARG_INT, &options.rounds, NULL, NULL},
        {"only", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.only, NULL, NULL},
        {"pipeline", 0, 0, G_OPTION_ARG_STRING, &options.pipeline, NULL, NULL},
        {"against", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.against, NULL, NULL},
        {"transport", 0, 0, G_OPTION_ARG_STRING, &options.transports, NULL, NULL},
        {"size", 0, 0, G_OPTION_ARG_STRING, &options.sizes, NULL, NULL},
        {"consumers", 0, 0, G_OPTION_ARG_STRING, &options.consumers, NULL, NULL},
        {"rate", 0, 0, G_OPTION_ARG_STRING, &options.rates, NULL, NULL},
        {"work", 0, 0, G_OPTION_ARG_STRING, &options.works, NULL, NULL},
        {"pin", 0, 0, G_OPTION_ARG_STRING, &options.pins, NULL, NULL},
        {"seconds", 0, 0, G_OPTION_ARG_DOUBLE, &options.seconds, NULL, NULL},
        {"film", 0, 0, G_OPTION_ARG_STRING, &options.film, NULL, NULL},
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options.folder, NULL, NULL},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_add_main_entries(context, entries, NULL);
    int status;
    if (!g_option_context_parse(context, &argc, &argv, &error))
        status = bench_usage("%s", error->message);
    else if (compare && argc != 3)
        status = bench_usage("--compare takes two files that --json has written");
    else if (compare)
        return bench_compare(argv[1], argv[2]);
    else if (argc > 1)
        status = bench_usage("'%s' means nothing here", argv[1]);
    else
        status = check(&options, micro);
    if (options.rounds == 0)
        options.rounds = options.quick ? 3 : 7;
    if (status == 0)
        status = measure(&options, micro);
    g_strfreev(options.only);
    g_free(options.programs);
    return status;
}
