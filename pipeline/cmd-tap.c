#include "commands.h"
#include "kind.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    char *run, *stage;
    const char *output, *format;
    guint64 frames;
} Words;

/* -1: none. */
static int find_format(const Words *w)
{
    const char *suffix = strrchr(w->output, '.');
    if (!w->format && strcmp(w->output, "-") == 0)
        return 0;
    for (unsigned i = 0; fl_tap_formats[i].name; i++) {
        g_auto(GStrv) suffixes = g_strsplit(fl_tap_formats[i].suffixes, " ", -1);
        if (w->format ? strcmp(fl_tap_formats[i].name, w->format) == 0
                      : suffix && g_strv_contains((const char *const *)suffixes, suffix))
            return (int)i;
    }
    return -1;
}

static void say(const char *text)
{
    fprintf(stderr, "framelane tap: warning: %s\n", text);
}

/* The stage's advice is for those who write pipelines ("put a filter before it"): here there is a better one. */
static void tell_failure(const FlTapResult *result)
{
    char *advice = strchr(result->why, ';');
    if (result->cannot_hold && advice)
        *advice = 0;
    const char *better = result->changed       ? "; nut goes on with the first: -o out.nut, or --format nut"
                         : result->cannot_hold ? "; nut can: -o out.nut, or --format nut"
                                               : "";
    fprintf(stderr, "framelane tap: %s%s\n", result->why, better);
}

static void tell_result(const Words *w, const FlTapResult *result)
{
    const char *where = strcmp(w->output, "-") == 0 ? "standard output" : w->output;
    fprintf(stderr, "%s/%s: %" G_GUINT64_FORMAT " frame%s written to %s, ", w->run, result->from, result->frames,
            result->frames == 1 ? "" : "s", where);
    if (result->missed)
        fprintf(stderr, "%" G_GUINT64_FORMAT " missed in %" G_GUINT64_FORMAT " gap%s\n", result->missed, result->gaps,
                result->gaps == 1 ? "" : "s");
    else
        fprintf(stderr, "none missed\n");
}

static int tap(const Words *w, int format)
{
    FlTapAsked asked = {
        .run = w->run,
        .stage = w->stage,
        .kind = fl_tap_formats[format].kind,
        .options = {"url", w->output},
        .writes_stdout = strcmp(w->output, "-") == 0,
        .frames = w->frames,
    };
    FlTapResult result;
    memcpy(asked.options + 2, fl_tap_formats[format].options, sizeof fl_tap_formats[format].options);
    fl_tap(&asked, say, &result);
    gboolean good = result.good || result.no_reader;
    if (!good && result.why)
        tell_failure(&result);
    if (result.run_died)
        fprintf(stderr, "framelane tap: run '%s' is gone without a word; was it killed?\n", w->run);
    if (good || (result.frames > 0 && !result.why))
        tell_result(w, &result);
    g_free(result.why);
    return result.killed ? 130 : good && !result.run_died ? 0 : 1;
}

/* RUN[/STAGE] */
static gboolean parse_place(Words *w, const char *text)
{
    const char *slash = strchr(text, '/');
    w->run = slash ? g_strndup(text, (gsize)(slash - text)) : g_strdup(text);
    w->stage = slash && slash[1] ? g_strdup(slash + 1) : NULL;
    return *w->run && (!w->stage || strlen(w->stage) < FL_REMOTE_NAME_BYTES);
}

/* 0, 1: --help has been printed, or 2: usage, told. */
static int parse(Words *w, int argc, char **argv)
{
    w->output = "-";
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        gboolean has_value = i + 1 < argc;
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
            return printf("%s", fl_command_help("tap")), 1;
        if ((strcmp(word, "-o") == 0 || strcmp(word, "--output") == 0) && has_value)
            w->output = argv[++i];
        else if (strcmp(word, "--format") == 0 && has_value)
            w->format = argv[++i];
        else if (strcmp(word, "--frames") == 0 && has_value) {
            if (!g_ascii_string_to_unsigned(argv[++i], 10, 1, G_MAXINT64, &w->frames, NULL))
                return fl_command_usage("tap", "--frames takes a number from 1 on, not '%s'", argv[i]);
        } else if (word[0] == '-')
            return fl_command_usage("tap", "unknown option '%s', or its value is missing", word);
        else if (w->run)
            return fl_command_usage("tap", "one RUN[/STAGE] at a time ('%s' is too much)", word);
        else if (!parse_place(w, word))
            return fl_command_usage("tap", "'%s' is no RUN[/STAGE]; framelane ls lists the runs, framelane status RUN its stages",
                                    word);
    }
    return w->run ? 0 : fl_command_usage("tap", "which RUN[/STAGE]? framelane ls lists the runs, framelane status RUN its stages");
}

int fl_cmd_tap(int argc, char **argv)
{
    Words w = {0};
    int status = parse(&w, argc, argv), format = status == 0 ? find_format(&w) : -1;
    if (status == 0 && format < 0)
        status = w.format ? fl_command_usage("tap", "--format takes y4m, nut or raw, not '%s'", w.format)
                          : fl_command_usage("tap", "the name '%s' tells no format: end it in .y4m, .nut or .raw, or say --format",
                                             w.output);
    else if (status == 0 && strcmp(w.output, "-") == 0 && isatty(STDOUT_FILENO))
        status = fl_command_usage("tap", "frames are nothing for a terminal: name a file with -o, or a reader behind a pipe");
    else if (status == 0)
        status = tap(&w, format);
    else if (status == 1)
        status = 0;
    g_free(w.run);
    g_free(w.stage);
    return status;
}
