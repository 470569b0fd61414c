/* Verbs that are programs of their own, so that `framelane` itself loads neither a terminal's library nor a window's: top, view,
 * snap. */
#include "commands.h"
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static gboolean asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return TRUE;
    return FALSE;
}

/* Becomes `name` with `word` before the arguments of the verb. Returns where it cannot. */
static int become(const char *name, const char *word, const char *remedy, int argc, char **argv)
{
    if (asks_for_help(argc, argv))
        return printf("%s", fl_command_help(argv[0])), 0;
    g_autofree char *program = fl_find_program(name);
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_ptr_array_add(words, program);
    g_ptr_array_add(words, (char *)word);
    for (int i = 1; i < argc; i++)
        g_ptr_array_add(words, argv[i]);
    g_ptr_array_add(words, NULL);
    if (program)
        execv(program, (char **)words->pdata);
    fprintf(stderr, "framelane %s: %s %s%s\n", argv[0], name,
            program ? g_strerror(errno) : "is not found, neither beside framelane nor in libexec", remedy);
    return 1;
}

int fl_cmd_top(int argc, char **argv)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *by = g_strconcat("--framelane=", self ? self : "framelane", NULL);
    return become("framelane-top", by, "; is the installation complete?", argc, argv);
}

int fl_cmd_view(int argc, char **argv)
{
    return become("framelane-view", argv[0], "; it is built where SDL2, SDL2_ttf and libpng are (framelane doctor)", argc, argv);
}
