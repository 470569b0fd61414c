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

int bench_pipelines(const BenchOptions *options)
{
    g_autofree char *script = g_build_filename(options->programs, "..", "pipelines.py", NULL),
                    *framelane = find_framelane(options->programs);
    g_autofree char *rounds = g_strdup_printf("%d", options->rounds);
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    const char *const fixed[] = {"python3",         script,     "--framelane", framelane ? framelane : "framelane", "--pipeline",
                                 options->pipeline, "--rounds", rounds};
    for (guint i = 0; i < G_N_ELEMENTS(fixed); i++)
        g_ptr_array_add(words, (gpointer)fixed[i]);
    for (char **command = options->against; command && *command; command++) {
        g_ptr_array_add(words, "--against");
        g_ptr_array_add(words, *command);
    }
    if (options->json)
        g_ptr_array_add(words, "--json");
    if (options->folder) {
        g_ptr_array_add(words, "--output");
        g_ptr_array_add(words, options->folder);
    }
    g_ptr_array_add(words, NULL);
    execvp("python3", (char **)words->pdata);
    fprintf(stderr, "framelane bench: python3: %s (Debian: apt-get install python3)\n", strerror(errno));
    return 4;
}
