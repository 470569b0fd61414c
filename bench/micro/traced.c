/* Runs another program of this folder traced, so that it can say how many system calls it made: traced PROGRAM ARGUMENT... */
#include "lib/trace.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static char **command;

static void become(void)
{
    execv(command[0], command);
    micro_fail("%s: %s", command[0], strerror(errno));
}

int main(int argc, char **argv)
{
    if (argc < 2)
        micro_fail("what is to be traced?");
    command = argv + 1;
    micro_trace_run(micro_trace_offer(), become);
    return 0;
}
