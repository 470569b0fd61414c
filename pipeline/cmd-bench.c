#include "commands.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef FL_LIBEXEC_DIR
#define FL_LIBEXEC_DIR "/usr/local/libexec/framelane"
#endif

/* Beside this one's folder when not installed, else in libexec: of this prefix, wherever it was moved to, or the one built for. */
static char *find_program(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(self ? self : "/usr/bin/framelane");
    char *candidates[] = {
        g_build_filename(folder, "..", "bench", "framelane-bench", NULL),
        g_build_filename(folder, "..", "libexec", "framelane", "bench", "framelane-bench", NULL),
        g_build_filename(FL_LIBEXEC_DIR, "bench", "framelane-bench", NULL),
    };
    char *found = NULL;
    for (unsigned i = 0; i < G_N_ELEMENTS(candidates); i++) {
        if (!found && access(candidates[i], X_OK) == 0)
            found = candidates[i];
        else
            g_free(candidates[i]);
    }
    return found;
}

/* The measuring is done by a program of its own: nothing of it belongs into the one that runs pipelines. */
int fl_cmd_bench(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return printf("%s", fl_command_help("bench")), 0;
    g_autofree char *program = find_program();
    if (program)
        execv(program, argv);
    fprintf(stderr, "framelane bench: framelane-bench cannot be started: finish the installation\n");
    return 4;
}
