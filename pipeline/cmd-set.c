#include "commands.h"
#include "control-client.h"
#include "description.h"
#include "json.h"

#include <stdio.h>
#include <string.h>

enum { SET = 0, NOT_SET = 1, NOT_VALID = 3 };

typedef struct {
    char *run; /* RUN of RUN/STAGE */
    FlRemoteSetting setting;
    gboolean json;
} Asked;

static void print_json(const Asked *asked, const struct fl_remote_done *done)
{
    const char *equals = strchr(asked->setting.assignment, '=');
    g_autofree char *key = g_strndup(asked->setting.assignment, (gsize)(equals - asked->setting.assignment));
    g_autoptr(JsonBuilder) b = fl_json_begin("set");
    fl_json_text(b, "run", asked->run);
    fl_json_text(b, "stage", asked->setting.stage);
    fl_json_text(b, "key", key);
    fl_json_text(b, "value", equals + 1);
    fl_json_int(b, "frame", done->number);
    fl_json_int(b, "parameters", done->parameters);
    g_autofree char *text = fl_json_finish(b);
    printf("%s\n", text);
}

static int set(const Asked *asked)
{
    g_autofree char *why = NULL;
    struct fl_remote_done done;
    gboolean blame = FALSE;
    FlRemote *remote = fl_remote_open(asked->run, &why);
    gboolean good = remote && fl_remote_set(remote, &asked->setting, &done, &blame, &why);
    fl_remote_close(remote);
    if (!good)
        fprintf(stderr, "framelane set: %s\n", why);
    else if (asked->json)
        print_json(asked, &done);
    else
        printf("frame %" G_GUINT64_FORMAT ": %s holds from here\n", done.number, asked->setting.assignment);
    return good ? SET : blame ? NOT_VALID : NOT_SET;
}

/* ---- the command line ---- */

/* 0, or 2 after a sentence. */
static int take_wait(Asked *asked, const char *text)
{
    gint64 ns;
    if (!text || !fl_parse_duration_ns(text, &ns) || ns < 1000000 || ns > FL_REMOTE_MOST_WAIT_MS * G_GINT64_CONSTANT(1000000))
        return fl_command_usage("set", "--wait takes a time up to %d s: 10s, 500ms", FL_REMOTE_MOST_WAIT_MS / 1000);
    asked->setting.wait_ms = (guint)(ns / 1000000);
    return 0;
}

static int take_word(Asked *asked, const char *word)
{
    const char *slash = strchr(word, '/');
    gboolean truth;
    if (!asked->run && (!slash || slash == word || !slash[1]))
        return fl_command_usage("set", "'%s' is no RUN/STAGE; framelane ls lists the runs", word);
    if (!asked->run) {
        asked->run = g_strndup(word, (gsize)(slash - word));
        asked->setting.stage = slash + 1;
    } else if (!asked->setting.assignment) {
        if (!strchr(word, '=') || word[0] == '=')
            return fl_command_usage("set", "'%s' is no KEY=VALUE", word);
        asked->setting.assignment = word;
    } else if (g_str_has_prefix(word, "rebuild=") && fl_parse_bool(word + strlen("rebuild="), &truth)) {
        asked->setting.rebuild = truth;
    } else {
        return fl_command_usage("set", "one KEY=VALUE at a time ('%s' is too much)", word);
    }
    return 0;
}

static int parse(Asked *asked, int argc, char **argv)
{
    int status = 0;
    for (int i = 1; i < argc && status == 0; i++) {
        if (strcmp(argv[i], "--json") == 0)
            asked->json = TRUE;
        else if (strcmp(argv[i], "--rebuild") == 0)
            asked->setting.rebuild = TRUE;
        else if (strcmp(argv[i], "--wait") == 0)
            status = take_wait(asked, argv[++i]);
        else if (argv[i][0] == '-')
            status = fl_command_usage("set", "unknown option '%s'", argv[i]);
        else
            status = take_word(asked, argv[i]);
    }
    if (status == 0 && !asked->setting.assignment)
        status = fl_command_usage("set", "write RUN/STAGE KEY=VALUE");
    return status;
}

int fl_cmd_set(int argc, char **argv)
{
    Asked asked = {0};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return printf("%s", fl_command_help("set")), SET;
    int status = parse(&asked, argc, argv);
    if (status == 0)
        status = set(&asked);
    g_free(asked.run);
    return status;
}
