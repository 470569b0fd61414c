#include "parse.h"

#include <string.h>

const struct fl_key fl_stage_keys[] = {
    {.name = "kind", .type = FL_KEY_STRING, .required = true, .help = "what the stage does (framelane inspect lists all)"},
    {.name = "input", .type = FL_KEY_STRING, .help = "name of the stage whose frames it takes"},
    {.name = "name", .type = FL_KEY_STRING, .help = "its name; inline form: as NAME, in a file the name of the section"},
    {.name = "optional",
     .type = FL_KEY_BOOL,
     .fallback = "false",
     .help = "it must not hold up the others: its lanes default to when-full=latest"},
    {.name = "spare-slots",
     .type = FL_KEY_INT,
     .fallback = "3",
     .help = "frames it gives that those outside may hold (framelane tap: three each), in memory of their own; 0: none"},
    {.name = "restart", .type = FL_KEY_STRING, .later = true, .help = "start it again when it dies"},
    {.name = "restart-delay", .type = FL_KEY_STRING, .later = true, .help = "how long to wait before that"},
    {.name = "replicas", .type = FL_KEY_INT, .later = true, .help = "how many processes share its work"},
    {0},
};

const struct fl_key fl_lane_keys[] = {
    {.name = "when-full",
     .type = FL_KEY_CHOICE,
     .choices = "wait|drop|latest",
     .help =
         "what happens when the consumer has no credit left: everything waits, this frame is left out, or only the newest counts"},
    {.name = "credits", .type = FL_KEY_INT, .help = "frames that may be under way; worked out where it is not given"},
    {.name = "stall-timeout", .type = FL_KEY_DURATION, .later = true, .help = "how long the consumer may take nothing"},
    {.name = "on-stall", .type = FL_KEY_STRING, .later = true, .help = "what happens then"},
    {.name = "while-down", .type = FL_KEY_STRING, .later = true, .help = "what happens while the consumer is restarted"},
    {.name = "batch",
     .type = FL_KEY_INT,
     .fallback = "1",
     .help = "frames that are announced together, at most half the credits: fewer wake-ups for more delay"},
    {.name = "batch-delay",
     .type = FL_KEY_DURATION,
     .fallback = "0",
     .help = "longest a batch may wait to fill; 0: until it is full"},
    {.name = "spin",
     .type = FL_KEY_DURATION,
     .fallback = "0",
     .help = "how long to look again before sleeping; costs CPU for nothing at the rates of cameras"},
    {.name = "convert", .type = FL_KEY_STRING, .later = true, .help = "convert the pixel format on this lane"},
    {0},
};

const struct fl_key fl_pipeline_keys[] = {
    {.name = "name", .type = FL_KEY_STRING, .help = "name of the run; otherwise that of the file"},
    {.name = "transport",
     .type = FL_KEY_CHOICE,
     .choices = "shm|pipe",
     .fallback = "shm",
     .help = "how frames cross from process to process"},
    {.name = "memory-limit", .type = FL_KEY_BYTES, .help = "most shared memory the pipeline may need"},
    {0},
};

const struct fl_key *fl_key_find(const struct fl_key *keys, const char *name)
{
    for (; keys->name; keys++)
        if (strcmp(keys->name, name) == 0)
            return keys;
    return NULL;
}

const char *fl_key_meaning(const struct fl_kind_info *kind, const char *name)
{
    const struct fl_key *key = kind ? fl_kind_key(kind, name) : NULL;
    return key && key->means ? key->means : name;
}

/* ---- values ---- */

static gboolean is_integer(const char *text)
{
    gsize digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 18 && !text[digits];
}

static gboolean is_choice(const char *choices, const char *text)
{
    g_auto(GStrv) list = g_strsplit(choices ? choices : "", "|", -1);
    return g_strv_contains((const char *const *)list, text);
}

/* As many parts as one of the forms has, none of them empty. */
static gboolean is_geometry(const char *forms, const char *text)
{
    unsigned width, height;
    g_auto(GStrv) parts = g_strsplit(text, ":", -1), list = g_strsplit(forms, "|", -1);
    if (fl_parse_size(text, &width, &height))
        return TRUE;
    for (char **part = parts; *part; part++)
        if (!**part || strspn(*part, "0123456789abcdefghijklmnopqrstuvwxyz_+-*/().") != strlen(*part))
            return FALSE;
    for (char **form = list; *form; form++) {
        g_auto(GStrv) wanted = g_strsplit(*form, ":", -1);
        if (g_strv_length(wanted) == g_strv_length(parts))
            return TRUE;
    }
    return FALSE;
}

static gboolean is_of_type(const struct fl_key *key, const char *text)
{
    gint64 number;
    unsigned width, height;
    int num, den;
    gboolean truth;
    switch (key->type) {
    case FL_KEY_STRING:
        return TRUE;
    case FL_KEY_INT:
        return is_integer(text) || is_choice(key->choices, text);
    case FL_KEY_BOOL:
        return fl_parse_bool(text, &truth);
    case FL_KEY_SIZE:
        return fl_parse_size(text, &width, &height);
    case FL_KEY_RATE:
        return fl_parse_rate(text, &num, &den);
    case FL_KEY_DURATION:
        return fl_parse_duration_ns(text, &number);
    case FL_KEY_BYTES:
        return fl_parse_bytes(text, &number);
    case FL_KEY_CHOICE:
        return is_choice(key->choices, text);
    case FL_KEY_GEOMETRY:
        return is_geometry(key->choices, text);
    }
    return FALSE;
}

static char *choices_text(const char *choices, const char *before)
{
    g_auto(GStrv) list = g_strsplit(choices, "|", -1);
    g_autofree char *joined = g_strjoinv(", ", list);
    return g_strdup_printf("%s%s", before, joined);
}

static char *value_hint(const struct fl_key *key, const char *text)
{
    g_auto(GStrv) list = key->choices ? g_strsplit(key->choices, "|", -1) : NULL;
    switch (key->type) {
    case FL_KEY_INT:
        return key->choices ? choices_text(key->choices, "takes a whole number, or: ") : g_strdup("takes a whole number from 0");
    case FL_KEY_BOOL:
        return g_strdup("takes true or false");
    case FL_KEY_SIZE:
        return g_strdup("takes a size: 1280x720");
    case FL_KEY_RATE:
        return g_strdup("takes frames a second: 30, 29.97 or 30000/1001");
    case FL_KEY_DURATION:
        return g_strdup("takes a time: 10s, 500ms, 2m");
    case FL_KEY_BYTES:
        return g_strdup("takes a number of bytes: 64k, 32MiB, 1GiB");
    case FL_KEY_GEOMETRY:
        return choices_text(key->choices, "takes: ");
    default: {
        g_autofree char *all = choices_text(key->choices, "takes: ");
        return fl_did_you_mean(text, (const char *const *)list, all);
    }
    }
}

static gboolean is_prefix(const struct fl_key *key)
{
    return g_str_has_suffix(key->name, ".") || key->means;
}

gboolean fl_check_value(const struct fl_key *key, const FlOption *option, const char *whose, FlDiagnostics *d)
{
    if (key->later) {
        fl_diagnose(d, option->key_place, "leave it out", "%s'%s' is documented, but not built yet", whose, option->key);
        return FALSE;
    }
    if (!*option->value && !is_prefix(key)) {
        fl_diagnose(d, option->key_place, key->help, "%s'%s' is empty", whose, option->key);
        return FALSE;
    }
    if (is_of_type(key, option->value))
        return TRUE;
    g_autofree char *hint = value_hint(key, option->value);
    fl_diagnose(d, option->value_place, hint, "%s%s cannot be '%s'", whose, option->key, option->value);
    return FALSE;
}

void fl_unknown_key(const FlOption *option, const char *whose, const char *more, const struct fl_key *const *tables,
                    FlDiagnostics *d)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (; *tables; tables++)
        for (const struct fl_key *key = *tables; key->name; key++)
            g_ptr_array_add(names, (gpointer)key->name);
    g_ptr_array_add(names, NULL);
    g_autofree char *hint = fl_did_you_mean(option->key, (const char *const *)names->pdata, more);
    fl_diagnose(d, option->key_place, hint, "%sunknown key '%s'", whose, option->key);
}
