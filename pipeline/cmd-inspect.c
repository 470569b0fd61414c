#include "commands.h"
#include "json.h"
#include "parse.h"
#include "run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FOUND = 0, NOT_FOUND = 1, USAGE = 2 };

static const char *const of_libav[] = {"codec", "filter", "muxer", "demuxer", NULL};

static const char *type_text(const struct fl_key *key)
{
    switch (key->type) {
    case FL_KEY_STRING:
        return "text";
    case FL_KEY_INT:
        return "number";
    case FL_KEY_BOOL:
        return "true|false";
    case FL_KEY_SIZE:
        return "WxH";
    case FL_KEY_RATE:
        return "frames a second";
    case FL_KEY_DURATION:
        return "time";
    case FL_KEY_BYTES:
        return "bytes";
    case FL_KEY_CHOICE:
    case FL_KEY_GEOMETRY:
        return key->choices;
    }
    return "";
}

/* ---- for people ---- */

static void print_kinds(void)
{
    for (gboolean later = FALSE; later <= TRUE; later++) {
        if (later)
            printf("\nnot built yet:\n");
        for (const struct fl_kind_info *kind = fl_kinds; kind->name; kind++)
            if (later == !!(kind->flags & FL_KIND_LATER))
                printf("%-8s  %s\n", kind->name, kind->summary);
    }
    printf(
        "\nframelane inspect KIND lists the keys of one; framelane inspect codec|filter|muxer|demuxer [NAME] what libav offers\n");
}

static void print_key(const struct fl_key *key)
{
    g_autofree char *name = g_strdup_printf("%s%s", key->name, g_str_has_suffix(key->name, ".") ? "NAME" : "");
    printf("  %-14s %-16s %s", name, type_text(key), key->help);
    if (key->later)
        printf(" (not built yet)");
    else if (key->required)
        printf(" (required)");
    else if (key->means)
        printf(" (short for %s)", key->means);
    else if (key->fallback)
        printf(" (default %s)", key->fallback);
    printf("\n");
}

static void print_keys(const char *title, const struct fl_key *keys)
{
    if (!keys->name)
        return;
    printf("\n%s\n", title);
    for (; keys->name; keys++)
        print_key(keys);
}

static void print_settable(const struct fl_kind_info *kind)
{
    gboolean any = FALSE;
    for (const struct fl_key *key = kind->keys; key->name; key++) {
        if (key->set)
            printf("%s  %-14s %s\n", any ? "" : "\nwhile it runs, by framelane set\n", key->name, key->set);
        any |= key->set != NULL;
    }
    if (kind->part)
        printf("%s  %-14s %s\n", any ? "" : "\nwhile it runs, by framelane set\n", kind->part->name, kind->part->help);
}

static void print_kind(const struct fl_kind_info *kind)
{
    printf("%s: %s\n", kind->name, kind->summary);
    if (kind->flags & FL_KIND_LATER) {
        printf("\nnot built yet\n");
        return;
    }
    printf("\ntakes %s; gives %s%s\n",
           kind->flags & FL_KIND_TAKES_PACKETS ? "frames and sound"
           : kind->flags & FL_KIND_TAKES_VIDEO ? "frames"
                                               : "nothing",
           kind->flags & FL_KIND_GIVES_PACKETS ? "frames and sound"
           : kind->flags & FL_KIND_GIVES_VIDEO ? "frames"
                                               : "nothing",
           kind->flags & FL_KIND_FORWARDS ? ", its input's own where it can" : "");
    if (kind->main_key)
        printf("main argument of the inline form: %s\n", kind->main_key);
    print_keys("keys", kind->keys);
    print_keys("keys of every stage", fl_stage_keys);
    print_settable(kind);
    if (kind->flags & FL_KIND_TAKES_VIDEO)
        print_keys("keys of the lane to it, also in [lane FROM -> TO]", fl_lane_keys);
    printf("\nexample\n  framelane run -e '%s'\n", kind->example);
}

/* ---- JSON ---- */

static void add_keys(JsonBuilder *json, const char *title, const struct fl_key *keys)
{
    fl_json_begin_list(json, title);
    for (; keys->name; keys++) {
        json_builder_begin_object(json);
        fl_json_text(json, "name", keys->name);
        fl_json_text(json, "type", type_text(keys));
        fl_json_text(json, "default", keys->fallback);
        fl_json_truth(json, "required", keys->required);
        fl_json_truth(json, "built", !keys->later);
        fl_json_text(json, "set", keys->set);
        fl_json_text(json, "means", keys->means);
        fl_json_text(json, "help", keys->help);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void add_kind(JsonBuilder *json, const struct fl_kind_info *kind)
{
    json_builder_begin_object(json);
    fl_json_text(json, "name", kind->name);
    fl_json_text(json, "summary", kind->summary);
    fl_json_truth(json, "built", !(kind->flags & FL_KIND_LATER));
    fl_json_truth(json, "takes_video", kind->flags & FL_KIND_TAKES_VIDEO);
    fl_json_truth(json, "gives_video", kind->flags & FL_KIND_GIVES_VIDEO);
    fl_json_truth(json, "takes_sound", kind->flags & FL_KIND_TAKES_PACKETS);
    fl_json_truth(json, "gives_sound", kind->flags & FL_KIND_GIVES_PACKETS);
    fl_json_text(json, "main_key", kind->main_key);
    fl_json_text(json, "example", kind->example);
    add_keys(json, "keys", kind->keys);
    fl_json_text(json, "part", kind->part ? kind->part->name : NULL);
    json_builder_end_object(json);
}

/* One kind, or all where `only` is NULL. */
static void print_json(const struct fl_kind_info *only)
{
    g_autoptr(JsonBuilder) json = fl_json_begin("kinds");
    fl_json_begin_list(json, "kinds");
    for (const struct fl_kind_info *kind = fl_kinds; kind->name; kind++)
        if (!only || kind == only)
            add_kind(json, kind);
    json_builder_end_array(json);
    add_keys(json, "stage_keys", fl_stage_keys);
    add_keys(json, "lane_keys", fl_lane_keys);
    g_autofree char *text = fl_json_finish(json);
    printf("%s\n", text);
}

/* ---- what libav offers, told by a process that loads it ---- */

static int ask_libav(const char *what, const char *name, gboolean json)
{
    g_autofree char *program = fl_run_find_stage_program();
    char *argv[6] = {program, "--inspect", (char *)what};
    int n = 3;
    if (name)
        argv[n++] = (char *)name;
    if (json)
        argv[n++] = "--json";
    if (program)
        execv(program, argv);
    fprintf(stderr, "framelane inspect: framelane-stage cannot be started; framelane doctor says what is missing\n");
    return NOT_FOUND;
}

static int inspect_kind(const char *name, gboolean json)
{
    const struct fl_kind_info *kind = fl_kind_find(name);
    if (!kind) {
        g_autofree const char **names = fl_kind_names();
        g_autofree char *hint =
            fl_did_you_mean(name, names,
                            "framelane inspect lists all kinds; for codecs and filters: framelane inspect codec NAME, "
                            "framelane inspect filter NAME");
        fprintf(stderr, "framelane inspect: there is no kind of stage called '%s'; %s\n", name, hint);
        return NOT_FOUND;
    }
    if (json)
        print_json(kind);
    else
        print_kind(kind);
    return FOUND;
}

int fl_cmd_inspect(int argc, char **argv)
{
    const char *words[3] = {0};
    unsigned count = 0;
    gboolean json = FALSE;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return printf("%s", fl_command_help("inspect")), FOUND;
        if (strcmp(argv[i], "--json") == 0)
            json = TRUE;
        else if (argv[i][0] == '-')
            return fl_command_usage("inspect", "unknown option '%s'", argv[i]);
        else if (count < G_N_ELEMENTS(words))
            words[count++] = argv[i];
    }
    gboolean libav = count && g_strv_contains(of_libav, words[0]);
    if (count > (libav ? 2u : 1u))
        return fl_command_usage("inspect", "'%s' is too much", words[count - 1]);
    if (libav && !words[1] && !json && fl_kind_find(words[0])) { /* a kind's name too: both are told */
        print_kind(fl_kind_find(words[0]));
        printf("\n");
        fflush(stdout); /* another program goes on */
    }
    if (libav)
        return ask_libav(words[0], words[1], json);
    if (count)
        return inspect_kind(words[0], json);
    if (json)
        print_json(NULL);
    else
        print_kinds();
    return FOUND;
}
