/* In the place of pipeline/launch.c in a fuzz build: there are no processes, and to be killed is a mark. Sentences are made, and
 * nobody reads them. */
#include "../../pipeline/commands.h"
#include "../../pipeline/run.h"

#include <errno.h>
#include <stdarg.h>

char *fl_find_program(const char *name)
{
    return NULL;
}

int fl_command_usage(const char *verb, const char *format, ...)
{
    return 2;
}

char *fl_run_find_stage_program(void)
{
    return NULL;
}

int fl_run_spawn(FlRunStage *stage)
{
    return -ENOSYS;
}

void fl_run_kill(FlRunStage *stage)
{
    stage->killed = TRUE;
}

int fuzz_fprintf(FILE *file, const char *format, ...);
int fuzz_fprintf(FILE *file, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return count;
}
