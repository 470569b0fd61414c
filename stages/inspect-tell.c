#include "inspect.h"

#include <stdio.h>
#include <string.h>

static void print_string(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            printf("\\%c", *c);
        else if (*c < ' ')
            printf("\\u%04x", *c);
        else
            putchar(*c);
    }
    putchar('"');
}

static void next_member(struct fl_told *told)
{
    if (told->member)
        putchar(',');
    told->member = true;
}

static void print_name(struct fl_told *told, const char *name)
{
    next_member(told);
    print_string(name);
    putchar(':');
}

void fl_tell_begin(struct fl_told *told, const char *type)
{
    if (!told->json)
        return;
    printf("{\"schema\":1,\"type\":");
    print_string(type);
    told->member = true;
}

void fl_tell_end(struct fl_told *told)
{
    if (told->json)
        printf("}\n");
}

void fl_tell_list(struct fl_told *told, const char *name)
{
    if (!told->json)
        return;
    print_name(told, name);
    putchar('[');
    told->member = false;
}

void fl_tell_list_end(struct fl_told *told)
{
    if (told->json)
        putchar(']');
    told->member = true;
}

void fl_tell_object(struct fl_told *told, const char *heading)
{
    if (told->json) {
        next_member(told);
        putchar('{');
        told->member = false;
    } else {
        printf("%s%s\n", told->member ? "\n" : "", heading);
        told->member = true;
    }
}

void fl_tell_object_end(struct fl_told *told)
{
    if (told->json)
        putchar('}');
    told->member = true;
}

void fl_tell_text(struct fl_told *told, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    if (told->json) {
        print_name(told, name);
        print_string(text);
    } else {
        printf("  %-16s %s\n", name, text);
    }
}

void fl_tell_number(struct fl_told *told, const char *name, long long number)
{
    if (told->json) {
        print_name(told, name);
        printf("%lld", number);
    } else {
        printf("  %-16s %lld\n", name, number);
    }
}

void fl_tell_words(struct fl_told *told, const char *name, const char *(*nth)(const void *of, unsigned n), const void *of)
{
    if (!nth(of, 0))
        return;
    if (told->json) {
        print_name(told, name);
        putchar('[');
    } else {
        printf("  %-16s", name);
    }
    for (unsigned n = 0; nth(of, n); n++) {
        if (!told->json) {
            printf(" %s", nth(of, n));
            continue;
        }
        if (n)
            putchar(',');
        print_string(nth(of, n));
    }
    putchar(told->json ? ']' : '\n');
}

void fl_tell_entry(struct fl_told *told, const char *kind, const char *name, const char *summary)
{
    if (!told->json) {
        printf("%-8s %-24s %s\n", kind, name, summary ? summary : "");
        return;
    }
    fl_tell_object(told, name);
    fl_tell_text(told, "kind", kind);
    fl_tell_text(told, "name", name);
    fl_tell_text(told, "summary", summary);
    fl_tell_object_end(told);
}

/* ---- options ---- */

static const char *type_name(enum AVOptionType type)
{
    switch (type) {
    case AV_OPT_TYPE_FLAGS:
        return "flags";
    case AV_OPT_TYPE_BOOL:
        return "bool";
    case AV_OPT_TYPE_INT:
    case AV_OPT_TYPE_INT64:
    case AV_OPT_TYPE_UINT64:
        return "int";
    case AV_OPT_TYPE_DOUBLE:
    case AV_OPT_TYPE_FLOAT:
        return "number";
    case AV_OPT_TYPE_RATIONAL:
        return "ratio";
    case AV_OPT_TYPE_IMAGE_SIZE:
        return "size";
    case AV_OPT_TYPE_PIXEL_FMT:
        return "pixel format";
    case AV_OPT_TYPE_VIDEO_RATE:
        return "rate";
    case AV_OPT_TYPE_DURATION:
        return "duration";
    case AV_OPT_TYPE_COLOR:
        return "colour";
    default:
        return "text";
    }
}

struct choice {
    const AVClass *options;
    const AVOption *of;
};

/* The n-th named value of an option. */
static const char *nth_choice(const void *of, unsigned n)
{
    const struct choice *choice = of;
    const AVOption *o = NULL;
    while (choice->of->unit && (o = av_opt_next(&choice->options, o)))
        if (o->type == AV_OPT_TYPE_CONST && o->unit && strcmp(o->unit, choice->of->unit) == 0 && n-- == 0)
            return o->name;
    return NULL;
}

static void tell_option(struct fl_told *told, const AVClass *options, const AVOption *o)
{
    struct choice choice = {options, o};
    if (!told->json) {
        printf("    %-20s %-12s %s\n", o->name, type_name(o->type), o->help ? o->help : "");
        for (unsigned n = 0; nth_choice(&choice, n); n++)
            printf("%s%s", n ? " " : "                                      one of: ", nth_choice(&choice, n));
        if (nth_choice(&choice, 0))
            putchar('\n');
        return;
    }
    fl_tell_object(told, o->name);
    fl_tell_text(told, "name", o->name);
    fl_tell_text(told, "type", type_name(o->type));
    fl_tell_text(told, "help", o->help);
    fl_tell_words(told, "choices", nth_choice, &choice);
    fl_tell_object_end(told);
}

void fl_tell_options(struct fl_told *told, const AVClass *options, int purposes)
{
    const AVOption *o = NULL;
    if (!options || !options->option)
        return;
    if (!told->json)
        printf("  options\n");
    fl_tell_list(told, "options");
    while ((o = av_opt_next(&options, o)))
        if (o->type != AV_OPT_TYPE_CONST && (o->flags & purposes))
            tell_option(told, options, o);
    fl_tell_list_end(told);
}
