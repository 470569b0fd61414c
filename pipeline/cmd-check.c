#include "commands.h"
#include "check-report.h"
#include "estimate.h"

#include <stdio.h>
#include <string.h>

enum { VALID = 0, USAGE = 2, INVALID = 3 };

typedef struct {
    gboolean help, json, probe;
    char *expression, *transport;
    char **set, **files;
} Words;

static gboolean parse_words(int argc, char **argv, Words *w, GError **error)
{
    const GOptionEntry entries[] = {
        {"help", 'h', 0, G_OPTION_ARG_NONE, &w->help, NULL, NULL},
        {"expression", 'e', 0, G_OPTION_ARG_STRING, &w->expression, NULL, NULL},
        {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &w->set, NULL, NULL},
        {"transport", 0, 0, G_OPTION_ARG_STRING, &w->transport, NULL, NULL},
        {"probe", 0, 0, G_OPTION_ARG_NONE, &w->probe, NULL, NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &w->json, NULL, NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &w->files, NULL, NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, &argc, &argv, error);
}

static int check_words(const Words *w)
{
    unsigned files = w->files ? g_strv_length(w->files) : 0;
    if (w->probe)
        return fl_command_usage("check", "--probe is documented, but not built yet");
    if (files + (w->expression != NULL) != 1)
        return fl_command_usage("check", "what is to be checked? give one FILE, or -e 'decode in.mkv ! hash'");
    if (w->transport && strcmp(w->transport, "shm") != 0 && strcmp(w->transport, "pipe") != 0)
        return fl_command_usage("check", "--transport is 'shm' or 'pipe', not '%s'", w->transport);
    return 0;
}

/* `stands`: the graph stands, whatever else is wrong. */
static FlPipeline *load(const Words *w, FlDiagnostics *d, gboolean *stands)
{
    FlPipeline *p = w->expression ? fl_inline_parse(w->expression, d) : fl_config_load(w->files[0], d);
    *stands = FALSE;
    if (!p)
        return NULL;
    for (char **set = w->set; set && *set; set++)
        fl_pipeline_set(p, *set, d);
    if (w->transport)
        p->transport = strcmp(w->transport, "pipe") == 0 ? FL_TRANSPORT_PIPE : FL_TRANSPORT_SHM;
    *stands = fl_graph_check(p, d);
    return p;
}

static int check(const Words *w)
{
    const char *file = w->expression ? "-e" : w->files[0];
    FlDiagnostics *d = fl_diagnostics_new();
    gboolean stands;
    FlPipeline *p = load(w, d, &stands);
    FlBudget *budget = NULL;
    if (stands) {
        g_autofree struct fl_budget_stage *estimates = fl_estimate(p, d->errors == 0);
        budget = fl_budget_new(p, estimates, NULL, d);
    }
    gboolean valid = d->errors == 0;
    fl_diagnostics_print(d, file);
    if (w->json)
        fl_check_print_json(file, valid ? p : NULL, budget, d);
    else if (valid)
        fl_check_print(p, budget);
    fl_budget_free(budget);
    fl_pipeline_free(p);
    fl_diagnostics_free(d);
    return valid ? VALID : INVALID;
}

int fl_cmd_check(int argc, char **argv)
{
    Words words = {0};
    g_autoptr(GError) error = NULL;
    int status;
    if (!parse_words(argc, argv, &words, &error))
        status = fl_command_usage("check", "%s", error->message);
    else if (words.help)
        status = (printf("%s", fl_command_help("check")), VALID);
    else
        status = (status = check_words(&words)) ? status : check(&words);
    g_free(words.expression);
    g_free(words.transport);
    g_strfreev(words.set);
    g_strfreev(words.files);
    return status;
}
