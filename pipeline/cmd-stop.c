#include "commands.h"
#include "control-client.h"

#include <stdio.h>
#include <string.h>

static int stop(const char *run, gboolean now)
{
    g_autofree char *why = NULL;
    int exit_code, status = 1;
    FlRemote *remote = fl_remote_open(run, &why);
    if (!remote || !fl_remote_stop(remote, now, &why))
        fprintf(stderr, "framelane stop: %s\n", why);
    else if (!fl_remote_await_end(remote, &exit_code))
        fprintf(stderr, "framelane stop: run '%s' is gone without a word; was it killed?\n", run);
    else if (exit_code == 0 || now)
        status =
            (fprintf(stderr, "%s: stopped%s\n", run,
                     exit_code ? " at once; its own output says which of its outputs are complete" : ", its outputs are closed"),
             0);
    else
        fprintf(stderr, "framelane stop: run '%s' has ended with exit code %d; its own output says why\n", run, exit_code);
    fl_remote_close(remote);
    return status;
}

int fl_cmd_stop(int argc, char **argv)
{
    gboolean now = FALSE;
    const char *run = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return printf("%s", fl_command_help("stop")), 0;
        if (strcmp(argv[i], "--now") == 0)
            now = TRUE;
        else if (argv[i][0] == '-')
            return fl_command_usage("stop", "unknown option '%s'", argv[i]);
        else if (run)
            return fl_command_usage("stop", "one RUN at a time ('%s' is too much)", argv[i]);
        else
            run = argv[i];
    }
    return run ? stop(run, now) : fl_command_usage("stop", "which RUN? framelane ls lists them");
}
