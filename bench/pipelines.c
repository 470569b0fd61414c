#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The program that is measured: of the same tree as this one. */
static char *find_framelane(const char *programs)
{
    static const char *const places[] = {"../../pipeline/framelane", "../../../../bin/framelane"};
    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree char *path = g_build_filename(programs, places[i], NULL);
        if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
            return g_canonicalize_filename(path, NULL);
    }
    return g_find_program_in_path("framelane");
}

/* The words that measure a pipeline. The caller frees them. */
static GStrv words_for(const BenchOptions *options, const char *pipeline, int rounds)
{
    g_autoptr(GStrvBuilder) words = g_strv_builder_new();
    g_autofree char *script = g_build_filename(options->programs, "..", "pipelines.py", NULL),
                    *framelane = find_framelane(options->programs), *count = g_strdup_printf("%d", rounds);
    g_strv_builder_add_many(words, "python3", script, "--framelane", framelane ? framelane : "framelane", "--pipeline", pipeline,
                            "--rounds", count, NULL);
    if (options->film)
        g_strv_builder_add_many(words, "--clip", options->film, NULL);
    for (char **command = options->against; command && *command; command++)
        g_strv_builder_add_many(words, "--against", *command, NULL);
    return g_strv_builder_end(words);
}

int bench_pipelines(const BenchOptions *options)
{
    g_auto(GStrv) words = words_for(options, options->pipeline, options->rounds);
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    for (char **word = words; *word; word++)
        g_ptr_array_add(all, *word);
    if (options->json)
        g_ptr_array_add(all, "--json");
    if (options->folder) {
        g_ptr_array_add(all, "--output");
        g_ptr_array_add(all, options->folder);
    }
    g_ptr_array_add(all, NULL);
    execvp("python3", (char **)all->pdata);
    fprintf(stderr, "framelane bench: python3: %s (Debian: apt-get install python3)\n", strerror(errno));
    return 4;
}

char *bench_pipelines_lines(const BenchOptions *options, const char *pipeline, int rounds, int budget, char **reason)
{
    g_auto(GStrv) words = words_for(options, pipeline, rounds);
    g_autofree char *out = NULL, *err = NULL, *seconds = g_strdup_printf("%d", budget);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    int status;
    for (char **word = words; *word; word++)
        g_ptr_array_add(all, *word);
    char *const more[] = {"--budget", seconds, "--json", NULL};
    for (guint i = 0; i < G_N_ELEMENTS(more); i++)
        g_ptr_array_add(all, more[i]);
    if (!g_spawn_sync(NULL, (char **)all->pdata, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err, &status, &error))
        *reason = g_strdup_printf("%s (Debian: apt-get install python3)", error->message);
    else if (!*out) /* a code other than 0 with lines: it was measured, and frames were lost */
        *reason = g_strdup(*g_strchomp(err) ? err : "it said nothing");
    return *reason ? NULL : g_steal_pointer(&out);
}
