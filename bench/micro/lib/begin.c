#include "../micro.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum { EXIT_WRONG = 1, EXIT_USAGE = 2, EXIT_SKIPPED = 77 };

static const char *program = "micro";

_Noreturn static void leave(int status, const char *format, va_list arguments)
{
    fprintf(stderr, "%s: ", program);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    fflush(NULL);
    _Exit(status);
}

void micro_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    leave(EXIT_WRONG, format, arguments);
}

void micro_skip(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    leave(EXIT_SKIPPED, format, arguments);
}

_Noreturn __attribute__((format(printf, 1, 2))) static void usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    leave(EXIT_USAGE, format, arguments);
}

long micro_call_failed(long result, const char *what)
{
    if (result < 0)
        micro_fail("%s: %s", what, strerror(errno));
    return result;
}

int micro_must_failed(int result, const char *what)
{
    if (result < 0)
        micro_fail("%s: %s", what, strerror(-result));
    return result;
}

/* ---- arguments ---- */

static uint64_t number(const char *name, const char *text)
{
    static const struct {
        const char *unit;
        uint64_t factor;
    } units[] = {{"", 1}, {"K", 1ull << 10}, {"M", 1ull << 20}, {"G", 1ull << 30}, {"us", 1000}, {"ms", 1000000}};
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    for (unsigned i = 0; i < sizeof units / sizeof *units; i++)
        if (end != text && strcmp(end, units[i].unit) == 0)
            return value * units[i].factor;
    usage("--%s: '%s' is no number", name, text);
}

static enum micro_pin pinning(const char *text)
{
    static const char *const words[] = {[MICRO_FREE] = "free", [MICRO_ACROSS] = "across", [MICRO_ONE] = "one"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i]) == 0)
            return (enum micro_pin)i;
    usage("--pin: across, one or free, not '%s'", text);
}

static void read_one(struct micro *micro, const char *name, const char *value, const struct micro_option *options)
{
    if (strcmp(name, "seconds") == 0) {
        micro->seconds = strtod(value, NULL);
        return;
    }
    if (strcmp(name, "pin") == 0) {
        micro->pin = pinning(value);
        return;
    }
    for (; options && options->name; options++) {
        if (strcmp(name, options->name) != 0)
            continue;
        if (options->word)
            *options->word = value;
        else
            *options->number = number(name, value);
        return;
    }
    usage("--%s means nothing here", name);
}

void micro_begin(struct micro *micro, int argc, char **argv, const struct micro_option *options)
{
    const char *slash = strrchr(argv[0], '/');
    program = slash ? slash + 1 : argv[0];
    *micro = (struct micro){.seconds = 0.2, .pin = MICRO_ACROSS};
    micro_watch_children();
    micro_call(prctl(PR_SET_TIMERSLACK, 1)); /* sleeps end when they should, not when it suits */
    for (int i = 1; i < argc; i += 2) {
        if (strncmp(argv[i], "--", 2) != 0 || i + 1 >= argc)
            usage("'%s': expected --NAME VALUE", argv[i]);
        read_one(micro, argv[i] + 2, argv[i + 1], options);
    }
    if (!(micro->seconds > 0 && micro->seconds <= 60))
        usage("--seconds: more than 0, at most 60");
    if (micro->pin == MICRO_ACROSS && micro_core_count() < 2)
        micro_skip("this process may use one core only");
}

/* ---- figures ---- */

static struct {
    const char *name;
    double value;
} figures[64];
static unsigned figure_count;

void micro_figure(const char *name, double value)
{
    if (figure_count == sizeof figures / sizeof *figures)
        micro_fail("too many figures");
    figures[figure_count].name = name;
    figures[figure_count++].value = value;
}

int micro_end(void)
{
    for (unsigned i = 0; i < figure_count; i++)
        printf("%s\"%s\": %.9g", i ? ", " : "{", figures[i].name, figures[i].value);
    printf("}\n");
    return fflush(stdout) == 0 ? 0 : EXIT_WRONG;
}
