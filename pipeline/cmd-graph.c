#include "commands.h"
#include "control-client.h"
#include "drawing.h"
#include "page.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { GOOD = 0, FAILED = 1, INVALID = 3 };

typedef struct {
    gboolean help, live;
    char *expression, *format;
    char **set, **subjects;
} Words;

static gboolean parse_words(int argc, char **argv, Words *w, GError **error)
{
    const GOptionEntry entries[] = {
        {"help", 'h', 0, G_OPTION_ARG_NONE, &w->help, NULL, NULL},
        {"expression", 'e', 0, G_OPTION_ARG_STRING, &w->expression, NULL, NULL},
        {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &w->set, NULL, NULL},
        {"format", 0, 0, G_OPTION_ARG_STRING, &w->format, NULL, NULL},
        {"live", 0, 0, G_OPTION_ARG_NONE, &w->live, NULL, NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &w->subjects, NULL, NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, &argc, &argv, error);
}

static int check_words(const Words *w)
{
    static const char *const formats[] = {"text", "dot", "svg", "json", NULL};
    unsigned subjects = w->subjects ? g_strv_length(w->subjects) : 0;
    if (subjects + (w->expression != NULL) != 1)
        return fl_command_usage("graph", "of what? give one FILE or RUN, or -e 'decode in.mkv ! hash'");
    if (w->format && !g_strv_contains(formats, w->format))
        return fl_command_usage("graph", "--format is text, dot, svg or json, not '%s'", w->format);
    return 0;
}

/* ---- what is drawn ---- */

static FlDrawing *of_text(const Words *w)
{
    const char *file = w->expression ? "-e" : w->subjects[0];
    FlDiagnostics *d = fl_diagnostics_new();
    FlPipeline *p = w->expression ? fl_inline_parse(w->expression, d) : fl_config_load(file, d);
    for (char **set = w->set; p && set && *set; set++)
        fl_pipeline_set(p, *set, d);
    if (p)
        fl_graph_check(p, d);
    fl_diagnostics_print(d, file);
    FlDrawing *drawing = p && d->errors == 0 ? fl_drawing_of_pipeline(p) : NULL;
    fl_diagnostics_free(d);
    fl_pipeline_free(p);
    return drawing;
}

static FlDrawing *of_run(const Words *w)
{
    g_autofree char *why = NULL, *text = fl_command_status(w->subjects[0], &why);
    FlShown *shown = text ? fl_shown_parse(text) : NULL;
    if (!shown)
        fprintf(stderr, "framelane graph: there is no file '%s', and %s\n", w->subjects[0],
                why ? why : "what the run says cannot be read");
    FlDrawing *drawing = shown ? fl_drawing_of_run(shown, w->live) : NULL;
    fl_shown_free(shown);
    return drawing;
}

/* ---- how ---- */

/* graphviz draws; its own words go to standard error. */
static int print_svg(const char *dot)
{
    g_autofree char *program = g_find_program_in_path("dot");
    if (!program) {
        fprintf(stderr, "framelane graph: --format svg needs dot: apt install graphviz; --format dot prints what it would draw\n");
        return FAILED;
    }
    g_autofree char *quoted = g_shell_quote(program), *command = g_strconcat(quoted, " -Tsvg", NULL);
    fflush(stdout);
    FILE *to = popen(command, "we");
    gboolean written = to && fputs(dot, to) >= 0;
    int status = to ? pclose(to) : -1;
    if (written && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return GOOD;
    fprintf(stderr, "framelane graph: '%s' failed\n", program);
    return FAILED;
}

static int print(const FlDrawing *drawing, const char *format)
{
    g_autofree char *text = NULL;
    if (strcmp(format, "text") == 0)
        text = fl_drawing_text(drawing, !fl_page_has_utf8());
    else if (strcmp(format, "json") == 0)
        text = fl_drawing_json(drawing);
    else
        text = fl_drawing_dot(drawing);
    if (strcmp(format, "svg") == 0)
        return print_svg(text);
    fputs(text, stdout);
    return GOOD;
}

static int draw(const Words *w)
{
    gboolean is_text = w->expression || strchr(w->subjects[0], '/') || g_file_test(w->subjects[0], G_FILE_TEST_EXISTS);
    if (is_text && w->live)
        return fl_command_usage("graph", "--live shows figures of a RUN; '%s' is none",
                                w->expression ? "an expression" : w->subjects[0]);
    if (!is_text && w->set)
        return fl_command_usage("graph", "--set changes a FILE or an expression as it is read, not a RUN");
    FlDrawing *drawing = is_text ? of_text(w) : of_run(w);
    int status = drawing ? print(drawing, w->format ? w->format : "text") : is_text ? INVALID : FAILED;
    fl_drawing_free(drawing);
    return status;
}

int fl_cmd_graph(int argc, char **argv)
{
    Words words = {0};
    g_autoptr(GError) error = NULL;
    int status;
    if (!parse_words(argc, argv, &words, &error))
        status = fl_command_usage("graph", "%s", error->message);
    else if (words.help)
        status = (printf("%s", fl_command_help("graph")), GOOD);
    else
        status = (status = check_words(&words)) ? status : draw(&words);
    g_free(words.expression);
    g_free(words.format);
    g_strfreev(words.set);
    g_strfreev(words.subjects);
    return status;
}
