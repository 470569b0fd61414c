#include "commands.h"
#include "control-client.h"
#include "page.h"

#include <stdio.h>
#include <string.h>

#define PATIENCE_MS 3000

char *fl_command_status(const char *run, char **why)
{
    FlRemote *remote = fl_remote_open(run, why);
    char *text = remote && fl_remote_ask_status(remote, why) ? fl_remote_take_status(remote, PATIENCE_MS, why) : NULL;
    fl_remote_close(remote);
    return text;
}

static int show(const char *run, gboolean json)
{
    g_autofree char *why = NULL, *text = fl_command_status(run, &why);
    if (!text) {
        fprintf(stderr, "framelane status: %s\n", why);
        return 1;
    }
    if (json) {
        printf("%s\n", text);
        return 0;
    }
    FlShown *shown = fl_shown_parse(text);
    FlPageStyle style = {.lanes = TRUE, .guests = G_MAXUINT, .plain = !fl_page_has_utf8()};
    if (!shown) {
        fprintf(stderr, "framelane status: the answer of run '%s' cannot be read; is it of the same version (%s)?\n", run,
                FL_VERSION);
        return 1;
    }
    fl_page_print(shown, &style);
    fl_shown_free(shown);
    return 0;
}

int fl_cmd_status(int argc, char **argv)
{
    gboolean json = FALSE;
    const char *run = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return printf("%s", fl_command_help("status")), 0;
        if (strcmp(argv[i], "--json") == 0)
            json = TRUE;
        else if (argv[i][0] == '-')
            return fl_command_usage("status", "unknown option '%s'", argv[i]);
        else if (run)
            return fl_command_usage("status", "one RUN at a time ('%s' is too much)", argv[i]);
        else
            run = argv[i];
    }
    return run ? show(run, json) : fl_command_usage("status", "of which RUN? framelane ls lists them");
}
