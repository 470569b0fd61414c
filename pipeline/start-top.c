/* `framelane top`: becomes framelane-top. */
#include "commands.h"
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int fl_cmd_top(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return printf("%s", fl_command_help("top")), 0;
    g_autofree char *program = fl_find_program("framelane-top"), *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *by = g_strconcat("--framelane=", self ? self : "framelane", NULL);
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_ptr_array_add(words, program);
    g_ptr_array_add(words, by);
    for (int i = 1; i < argc; i++)
        g_ptr_array_add(words, argv[i]);
    g_ptr_array_add(words, NULL);
    if (program)
        execv(program, (char **)words->pdata);
    fprintf(stderr, "framelane top: framelane-top %s; is the installation complete?\n",
            program ? g_strerror(errno) : "is not found, neither beside framelane nor in libexec");
    return 1;
}
