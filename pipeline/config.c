/* A configuration file as a pipeline. The syntax is GKeyFile's, read strictly: what GKeyFile would merge or skip in silence is an
 * error here, and every word keeps its place. */
#include "parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MOST_BYTES (1 << 20)

/* [lane A -> B], until all stages are known. */
typedef struct {
    char *from, *to;
    FlPlace place, from_place, to_place;
    GPtrArray *options; /* FlOption* */
} LaneSection;

typedef enum { BEFORE_ANY, SKIPPED, OF_PIPELINE, OF_STAGE, OF_LANE } Section;

typedef struct {
    const char *file;
    FlPipeline *p;
    FlDiagnostics *d;
    int line_number;
    const char *line;
    Section section;
    FlStageConfig *stage; /* OF_STAGE */
    LaneSection *lane;    /* OF_LANE */
    GHashTable *sections; /* "stage cam" -> FlPlace* */
    GHashTable *keys;     /* of this section -> FlPlace* */
    GPtrArray *lanes;     /* LaneSection* */
} Reader;

static void lane_section_free(gpointer data)
{
    LaneSection *lane = data;
    g_free(lane->from);
    g_free(lane->to);
    g_ptr_array_unref(lane->options);
    g_free(lane);
}

/* Of `length` bytes at `at`, which lies in the current line. */
static FlPlace place_of(const Reader *r, const char *at, gsize length)
{
    return fl_place_in(r->file, r->line, (gsize)(at - r->line), length, r->line_number);
}

static const char *skip_spaces(const char *c)
{
    return c + strspn(c, " \t");
}

static gsize trimmed_length(const char *text, gsize length)
{
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        length--;
    return length;
}

/* ---- sections ---- */

static void finish_section(Reader *r)
{
    if (r->section == OF_STAGE && !g_hash_table_contains(r->keys, "kind"))
        fl_diagnose(r->d, r->stage->place, "add kind = ...  (framelane inspect lists all kinds)", "stage '%s' has no kind",
                    r->stage->name);
    r->section = SKIPPED;
    g_hash_table_remove_all(r->keys);
}

static gboolean is_first_of_its_name(Reader *r, const char *name, FlPlace place)
{
    const FlPlace *first = g_hash_table_lookup(r->sections, name);
    if (!first) {
        g_hash_table_insert(r->sections, g_strdup(name), g_memdup2(&place, sizeof place));
        return TRUE;
    }
    g_autofree char *hint = g_strdup_printf("first in line %d; give this one another name, or join the two", first->line);
    fl_diagnose(r->d, place, hint, "section [%s] is given twice", name);
    return FALSE;
}

static void begin_stage(Reader *r, const char *name, FlPlace place)
{
    g_autofree char *section = g_strdup_printf("stage %s", name);
    if (!fl_check_name(&(FlWord){name, place}, "stage", r->d) || !is_first_of_its_name(r, section, place)) {
        r->p->gaps = TRUE;
        return;
    }
    r->stage = fl_pipeline_add_stage(r->p, name, place);
    r->section = OF_STAGE;
}

static void begin_lane(Reader *r, const char *names, gsize length)
{
    g_autofree char *text = g_strndup(names, length);
    char *arrow = strstr(text, "->");
    if (!arrow) {
        fl_diagnose(r->d, place_of(r, names, length), "write [lane FROM -> TO]", "a lane goes from one stage to another");
        return;
    }
    LaneSection *lane = g_new0(LaneSection, 1);
    const char *to = skip_spaces(arrow + 2);
    lane->from = g_strndup(text, trimmed_length(text, (gsize)(arrow - text)));
    lane->to = g_strdup(to);
    lane->place = place_of(r, names, length);
    lane->from_place = place_of(r, names, strlen(lane->from));
    lane->to_place = place_of(r, names + (to - text), strlen(to));
    lane->options = g_ptr_array_new_with_free_func(fl_option_free);
    g_ptr_array_add(r->lanes, lane);
    g_autofree char *section = g_strdup_printf("lane %s -> %s", lane->from, lane->to);
    if (is_first_of_its_name(r, section, lane->place)) {
        r->lane = lane;
        r->section = OF_LANE;
    } else {
        g_ptr_array_remove(r->lanes, lane);
    }
}

static void begin_section(Reader *r, const char *header, gsize length)
{
    gsize word = strcspn(header, " \t]");
    const char *rest = skip_spaces(header + word);
    gsize rest_length = rest < header + length ? (gsize)(header + length - rest) : 0;
    g_autofree char *type = g_strndup(header, word), *name = g_strndup(rest, rest_length);
    if (strcmp(type, "pipeline") == 0 && !rest_length) {
        if (is_first_of_its_name(r, "pipeline", place_of(r, header, length)))
            r->section = OF_PIPELINE;
    } else if (strcmp(type, "stage") == 0) {
        begin_stage(r, name, rest_length ? place_of(r, rest, rest_length) : place_of(r, header, length));
    } else if (strcmp(type, "lane") == 0 && rest_length) {
        begin_lane(r, rest, rest_length);
    } else {
        static const char *const types[] = {"pipeline", "stage", "lane", NULL};
        g_autofree char *hint = fl_did_you_mean(type, types, "sections: [pipeline], [stage NAME], [lane FROM -> TO]");
        fl_diagnose(r->d, place_of(r, header, length), hint, "unknown section [%.*s]", (int)length, header);
        r->p->gaps = TRUE;
    }
}

static void read_header(Reader *r, const char *bracket)
{
    const char *header = skip_spaces(bracket + 1), *end = strchr(header, ']');
    finish_section(r);
    if (!end) {
        fl_diagnose(r->d, place_of(r, bracket, strlen(bracket)), "end it with ]", "the section's name does not end");
        r->p->gaps = TRUE;
        return;
    }
    if (*skip_spaces(end + 1))
        fl_diagnose(r->d, place_of(r, skip_spaces(end + 1), strlen(skip_spaces(end + 1))),
                    "a comment needs a line of its own, beginning with #", "nothing may stand behind a section's name");
    begin_section(r, header, trimmed_length(header, (gsize)(end - header)));
}

/* ---- keys ---- */

static void warn_of_comment(Reader *r, const FlWord *value)
{
    const char *hash = value->text;
    while ((hash = strchr(hash + 1, '#')) && hash[-1] != ' ' && hash[-1] != '\t')
        ;
    if (!hash)
        return;
    FlPlace place = value->place;
    place.column += (int)g_utf8_strlen(value->text, hash - value->text);
    place.length = (int)g_utf8_strlen(hash, -1);
    fl_diagnose_warning(r->d, place, "a comment needs a line of its own",
                        "this is part of the value: values go on to the end of the line");
}

static void assign(Reader *r, const FlWord *key, const FlWord *value)
{
    if (r->section == BEFORE_ANY) {
        fl_diagnose(r->d, key->place, "begin with [pipeline] or [stage NAME]", "key '%s' stands before any section", key->text);
        return;
    }
    if (*value->text)
        warn_of_comment(r, value);
    if (r->section == SKIPPED || fl_given_twice(r->keys, key, r->d))
        return;
    if (r->section == OF_PIPELINE) {
        fl_pipeline_assign(r->p, key, value, r->d);
    } else if (r->section == OF_STAGE) {
        fl_stage_assign(r->stage, key, value, r->d);
    } else {
        FlOption option = {g_strdup(key->text), g_strdup(value->text), key->place, value->place};
        g_ptr_array_add(r->lane->options, g_memdup2(&option, sizeof option));
    }
}

static void read_key(Reader *r, const char *first)
{
    const char *equals = strchr(first, '=');
    gsize key_length = trimmed_length(first, equals ? (gsize)(equals - first) : strlen(first));
    if (!equals || !key_length) {
        const char *hint =
            *first == ';' ? "comments begin with #" : "lines are KEY = VALUE, [SECTION], or a comment that begins with #";
        fl_diagnose(r->d, place_of(r, first, trimmed_length(first, strlen(first))), hint, "this is neither a key nor a section");
        r->p->gaps = TRUE;
        return;
    }
    const char *at = skip_spaces(equals + 1);
    gsize value_length = trimmed_length(at, strlen(at));
    g_autofree char *key = g_strndup(first, key_length), *value = g_strndup(at, value_length);
    assign(r, &(FlWord){key, place_of(r, first, key_length)}, &(FlWord){value, place_of(r, at, value_length)});
}

static void read_line(Reader *r)
{
    const char *first = skip_spaces(r->line);
    if (!*first || *first == '#')
        return;
    if (first != r->line)
        fl_diagnose(r->d, place_of(r, r->line, (gsize)(first - r->line)), "begin it in the first column",
                    "spaces before a key or section");
    if (*first == '[')
        read_header(r, first);
    else
        read_key(r, first);
}

static void read_lines(Reader *r, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        gsize length = strlen(*line);
        if (length && (*line)[length - 1] == '\r')
            (*line)[length - 1] = 0;
        r->line = *line;
        r->line_number++;
        read_line(r);
    }
    finish_section(r);
}

/* ---- lanes, once every stage is known ---- */

static FlStageConfig *find_end(Reader *r, const char *name, FlPlace place)
{
    FlStageConfig *stage = fl_pipeline_find(r->p, name);
    if (stage)
        return stage;
    g_autofree const char **names = fl_stage_names(r->p);
    g_autofree char *all = fl_stage_names_text(r->p), *more = g_strdup_printf("stages: %s", all);
    g_autofree char *hint = fl_did_you_mean(name, names, more);
    fl_diagnose(r->d, place, hint, "lane: stage '%s' does not exist", name);
    return NULL;
}

static void resolve_lane(Reader *r, const LaneSection *section)
{
    FlStageConfig *from = find_end(r, section->from, section->from_place), *to = find_end(r, section->to, section->to_place);
    FlStageConfig no_from = {.name = section->from}, no_to = {.name = section->to}; /* its keys are looked at all the same */
    FlLaneConfig *lane = fl_graph_lane_new(from ? from : &no_from, to ? to : &no_to, 0, section->place);
    for (guint i = 0; i < section->options->len; i++)
        fl_lane_assign(lane, g_ptr_array_index(section->options, i), r->d);
    if (from && to)
        g_ptr_array_add(r->p->lanes, lane);
    else
        g_free(lane);
}

/* ---- the file ---- */

static gboolean refuse(FlDiagnostics *d, const char *path, const char *what, const char *hint)
{
    fl_diagnose(d, (FlPlace){.file = g_intern_string(path)}, hint, "%s", what);
    return FALSE;
}

static gboolean read_bytes(const char *path, GString *text, FlDiagnostics *d)
{
    char buffer[8192];
    FILE *file = fopen(path, "re");
    gsize got = 0;
    if (!file) {
        g_autofree char *what = g_strdup_printf("cannot be read: %s", g_strerror(errno));
        return refuse(d, path, what, "name a configuration file, or give the pipeline itself with -e 'decode in.mkv ! ...'");
    }
    while (text->len <= MOST_BYTES && (got = fread(buffer, 1, sizeof buffer, file)) > 0)
        g_string_append_len(text, buffer, (gssize)got);
    int error = ferror(file) ? errno : 0;
    fclose(file);
    if (error) {
        g_autofree char *what = g_strdup_printf("cannot be read: %s", g_strerror(error));
        return refuse(d, path, what, error == EISDIR ? "name a file in it" : NULL);
    }
    return TRUE;
}

static gboolean check_text(const char *path, const GString *text, FlDiagnostics *d)
{
    const char *end = text->str;
    if (text->len && strspn(text->str, " \t\r\n") == text->len)
        return refuse(d, path, "the file is empty",
                      "a pipeline has at least a [stage NAME] that makes frames and one that takes them");
    if (!text->len)
        return refuse(d, path, "the file is empty",
                      "a pipeline has at least a [stage NAME] that makes frames and one that takes them");
    if (text->len > MOST_BYTES || memchr(text->str, 0, text->len))
        return refuse(d, path, "is no configuration file, but binary or too large",
                      "to read a video, give the pipeline itself: -e 'decode FILE ! ...'");
    if (!g_utf8_validate(text->str, (gssize)text->len, &end)) {
        int line = 1;
        for (const char *c = text->str; c < end; c++)
            line += *c == '\n';
        fl_diagnose(d, (FlPlace){.file = g_intern_string(path), .line = line}, "save it as UTF-8", "this line is no UTF-8 text");
        return FALSE;
    }
    return TRUE;
}

/* cam1 for /etc/framelane/cam1.ini */
static char *name_of_file(const char *path)
{
    char *name = g_path_get_basename(path);
    char *dot = strrchr(name, '.');
    if (dot && dot != name)
        *dot = 0;
    if (strlen(name) > FL_NAME_MAX_BYTES)
        name[FL_NAME_MAX_BYTES] = 0;
    for (char *c = name; *c; c++)
        if (!g_ascii_isalnum(*c) && *c != '-' && *c != '_')
            *c = '-';
    return name;
}

FlPipeline *fl_config_load(const char *path, FlDiagnostics *d)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (!read_bytes(path, text, d) || !check_text(path, text, d))
        return NULL;
    if (g_str_has_prefix(text->str, "\xef\xbb\xbf"))
        g_string_erase(text, 0, 3);
    fl_diagnostics_add_source(d, path, text->str);
    Reader r = {.file = path, .p = fl_pipeline_new(path), .d = d};
    r.sections = fl_seen_new();
    r.keys = fl_seen_new();
    r.lanes = g_ptr_array_new_with_free_func(lane_section_free);
    read_lines(&r, text->str);
    gboolean bearable = fl_check_stage_count(r.p, r.p->stages->len, d);
    for (guint i = 0; bearable && i < r.lanes->len; i++)
        resolve_lane(&r, g_ptr_array_index(r.lanes, i));
    if (!r.p->name)
        r.p->name = name_of_file(path);
    g_hash_table_unref(r.sections);
    g_hash_table_unref(r.keys);
    g_ptr_array_unref(r.lanes);
    return r.p;
}
