/* framelane: all verbs. It starts the processes that touch media, and touches none itself. */
#include "commands.h"
#include "description.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name;
    int (*run)(int argc, char **argv); /* NULL: documented, not built yet */
} Verb;

static const Verb verbs[] = {
    {"run", fl_cmd_run},
    {"check", fl_cmd_check},
    {"inspect", fl_cmd_inspect},
    {"doctor", fl_cmd_doctor},
    {"ls", fl_cmd_ls},
    {"status", fl_cmd_status},
    {"stop", fl_cmd_stop},
    {"graph", fl_cmd_graph},
    {"top", fl_cmd_top},
    {"restart", NULL},
    {"set", fl_cmd_set},
    {"view", fl_cmd_view},
    {"snap", fl_cmd_view},
    {"tap", fl_cmd_tap},
    {"bench", fl_cmd_bench},
};

int fl_command_usage(const char *verb, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fprintf(stderr, "framelane %s: %s\n(framelane %s --help says more)\n", verb, message, verb);
    return 2;
}

static int print_help(const char *verb)
{
    const char *help = fl_command_help(verb);
    printf("%s", help);
    return 0;
}

static const Verb *find_verb(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(verbs); i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static int no_such_verb(const char *name)
{
    const char *names[G_N_ELEMENTS(verbs) + 1] = {0};
    for (unsigned i = 0; i < G_N_ELEMENTS(verbs); i++)
        names[i] = verbs[i].name;
    const char *nearest = fl_nearest(name, names);
    if (nearest)
        fprintf(stderr, "framelane: there is no verb '%s'; did you mean '%s'?\n", name, nearest);
    else
        fprintf(stderr, "framelane: there is no verb '%s'; framelane --help lists them\n", name);
    return 2;
}

static int not_built(const char *name)
{
    fprintf(stderr, "framelane: '%s' is documented, but not built yet; framelane --help lists what is\n", name);
    return 2;
}

static int help_of(int argc, char **argv)
{
    if (argc < 2)
        return print_help("");
    const Verb *verb = find_verb(argv[1]);
    if (!verb)
        return no_such_verb(argv[1]);
    return verb->run ? print_help(argv[1]) : not_built(argv[1]);
}

static int run_verb(int argc, char **argv)
{
    const Verb *verb = find_verb(argv[0]);
    if (!verb)
        return no_such_verb(argv[0]);
    if (!verb->run)
        return not_built(argv[0]);
    return verb->run(argc, argv);
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an answer of write(2), with words of its own */
    if (argc < 2) {
        fprintf(stderr, "%s", fl_command_help(""));
        return 2;
    }
    argc--;
    argv++;
    if (strcmp(argv[0], "--version") == 0) {
        printf("framelane %s\n", FL_VERSION);
        return 0;
    }
    if (strcmp(argv[0], "help") == 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)
        return help_of(argc, argv);
    if (argv[0][0] == '-')
        return fl_command_usage("run", "'%s' needs a verb before it, for example: framelane run %s ...", argv[0], argv[0]);
    return run_verb(argc, argv);
}
