#include "commands.h"
#include "run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The measuring is done by a program of its own: nothing of it belongs into the one that runs pipelines. */
int fl_cmd_bench(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return printf("%s", fl_command_help("bench")), 0;
    g_autofree char *program = fl_find_program("bench/framelane-bench");
    if (program)
        execv(program, argv);
    fprintf(stderr, "framelane bench: framelane-bench cannot be started: finish the installation\n");
    return 4;
}
