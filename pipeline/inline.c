/* The inline form: decode in.mkv as cam ! scale 1280:-2 ! encode a.mp4 ; cam ! hash
 *
 * Words are split as a shell would. They make segments, separated by `!`, which make chains, separated by `;`. A segment becomes a
 * stage, or, where it is a single word that opens a chain, the name of a stage whose frames the chain goes on with. */
#include "parse.h"
#include "shell-words.h"

#include <string.h>
#include <unistd.h>

typedef struct {
    GPtrArray *words;     /* FlShellWord* */
    gboolean opens;       /* a chain */
    gboolean continues;   /* its word is a name */
    FlStageConfig *stage; /* of the kind in the first word; NULL where `continues` */
} Segment;

typedef struct {
    const char *text;
    FlPipeline *p;
    FlDiagnostics *d;
    GPtrArray *segments; /* Segment* */
} Parser;

static FlShellWord *word_at(const Segment *segment, guint i)
{
    return g_ptr_array_index(segment->words, i);
}

static FlWord as_word(const Parser *parser, const FlShellWord *word)
{
    return (FlWord){word->text, fl_shell_word_place(word, parser->text, 0, strlen(word->text))};
}

static gboolean is_bare(const FlShellWord *word, const char *text)
{
    return !word->quoted && strcmp(word->text, text) == 0;
}

/* ---- segments ---- */

static void segment_free(gpointer data)
{
    Segment *segment = data;
    g_ptr_array_unref(segment->words);
    g_free(segment);
}

static Segment *segment_new(gboolean opens)
{
    Segment *segment = g_new0(Segment, 1);
    segment->words = g_ptr_array_new();
    segment->opens = opens;
    return segment;
}

/* FALSE after an error: there is nothing between two separators. `;` at the very end ends nothing. */
static gboolean end_segment(Parser *parser, Segment *segment, const FlShellWord *separator)
{
    if (segment->words->len) {
        g_ptr_array_add(parser->segments, segment);
        return TRUE;
    }
    segment_free(segment);
    parser->p->gaps |= separator != NULL;
    if (separator)
        fl_diagnose(parser->d, as_word(parser, separator).place, "stages are joined by ' ! ', chains by ' ; '",
                    "a stage is missing before '%s'", separator->text);
    return FALSE;
}

static void split_segments(Parser *parser, const GPtrArray *words)
{
    Segment *segment = segment_new(TRUE);
    const FlShellWord *last = NULL;
    for (guint i = 0; i < words->len; i++) {
        FlShellWord *word = g_ptr_array_index(words, i);
        last = word;
        if (!is_bare(word, "!") && !is_bare(word, ";")) {
            g_ptr_array_add(segment->words, word);
            continue;
        }
        end_segment(parser, segment, word);
        segment = segment_new(word->text[0] == ';');
    }
    if (!end_segment(parser, segment, NULL) && last && is_bare(last, "!")) {
        fl_diagnose(parser->d, as_word(parser, last).place, "name the stage that takes the frames, for example null",
                    "a stage is missing after '!'");
        parser->p->gaps = TRUE;
    }
}

/* ---- which segments are names ---- */

static gboolean is_named_explicitly(const Parser *parser, const char *name)
{
    for (guint s = 0; s < parser->segments->len; s++) {
        const Segment *segment = g_ptr_array_index(parser->segments, s);
        for (guint w = 1; w + 1 < segment->words->len; w++)
            if (is_bare(word_at(segment, w), "as") && strcmp(word_at(segment, w + 1)->text, name) == 0)
                return TRUE;
    }
    return FALSE;
}

/* A source without required keys: its bare kind is a whole stage. */
static gboolean stands_alone(const struct fl_kind_info *kind)
{
    if (kind->flags & FL_KIND_TAKES_VIDEO)
        return FALSE;
    for (const struct fl_key *key = kind->keys; key->name; key++)
        if (key->required)
            return FALSE;
    return TRUE;
}

static gboolean is_made_elsewhere(const Parser *parser, const Segment *self, const char *kind)
{
    for (guint s = 0; s < parser->segments->len; s++) {
        const Segment *segment = g_ptr_array_index(parser->segments, s);
        if (segment != self && (!segment->opens || segment->words->len > 1) && strcmp(word_at(segment, 0)->text, kind) == 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean is_name(const Parser *parser, const Segment *segment)
{
    const char *word = word_at(segment, 0)->text;
    const struct fl_kind_info *kind = fl_kind_find(word);
    if (!segment->opens || segment->words->len > 1)
        return FALSE;
    if (!kind || is_named_explicitly(parser, word))
        return TRUE;
    return !stands_alone(kind) && is_made_elsewhere(parser, segment, word);
}

/* ---- stages ---- */

/* `a;` or `!b`: the separator that the word begins or ends with, or 0. */
static char glued_separator(const FlShellWord *word)
{
    gsize length = strlen(word->text);
    char last = length ? word->text[length - 1] : 0, first = word->text[0];
    if (word->quoted)
        return 0;
    return last == ';' || last == '!' ? last : first == ';' || first == '!' ? first : 0;
}

static char *separator_hint(char separator)
{
    return g_strdup_printf("'%c' separates only as a word of its own: put spaces around it", separator);
}

static gboolean is_known_key(const struct fl_kind_info *kind, const char *name)
{
    return fl_kind_key(kind, name) || fl_key_find(fl_stage_keys, name) || fl_key_find(fl_lane_keys, name);
}

/* KEY of KEY=VALUE, or NULL. */
static char *key_of(const FlShellWord *word)
{
    const char *equals = strchr(word->text, '=');
    return equals && equals != word->text ? g_strndup(word->text, (gsize)(equals - word->text)) : NULL;
}

static void take_option(Parser *parser, Segment *segment, GHashTable *seen, const FlShellWord *word, const char *key)
{
    gsize key_length = strlen(key);
    const char *value = word->text + key_length + 1;
    FlWord key_word = {key, fl_shell_word_place(word, parser->text, 0, key_length)};
    FlWord value_word = {value, fl_shell_word_place(word, parser->text, key_length + 1, strlen(value))};
    if (fl_given_twice(seen, &key_word, parser->d))
        return;
    if (strcmp(key, "kind") == 0)
        fl_diagnose(parser->d, key_word.place, "leave it out", "the kind is the first word of a stage");
    else if (strcmp(key, "name") == 0)
        fl_check_name(&value_word, "stage", parser->d);
    else
        fl_stage_assign(segment->stage, &key_word, &value_word, parser->d);
}

static void take_name(Parser *parser, GHashTable *seen, const FlShellWord *word)
{
    FlWord name = as_word(parser, word);
    if (!fl_given_twice(seen, &(FlWord){"name", name.place}, parser->d))
        fl_check_name(&name, "stage", parser->d);
}

static void take_stray(Parser *parser, Segment *segment, guint i, const char *main_argument)
{
    const FlShellWord *word = word_at(segment, i);
    const struct fl_kind_info *kind = segment->stage->kind;
    char glued = glued_separator(word) ? glued_separator(word) : glued_separator(word_at(segment, i - 1));
    g_autofree char *hint = NULL;
    parser->p->gaps |= glued != 0;
    if (glued)
        hint = separator_hint(glued);
    else if (main_argument && strchr(main_argument, '='))
        hint = g_strdup_printf("'%s' was taken as the %s of '%s', as it begins with no key of its", main_argument, kind->main_key,
                               kind->name);
    else if (kind->main_key)
        hint = g_strdup_printf("a stage is KIND [%s] [KEY=VALUE]... [as NAME]; quote a word that contains spaces", kind->main_key);
    else
        hint = g_strdup_printf("'%s' has no main argument; its keys are listed by framelane inspect %s", kind->name, kind->name);
    fl_diagnose(parser->d, as_word(parser, word).place, hint, "unexpected word '%s'", word->text);
}

static void take_arguments(Parser *parser, Segment *segment)
{
    const struct fl_kind_info *kind = segment->stage->kind;
    const char *main_argument = NULL;
    g_autoptr(GHashTable) seen = fl_seen_new();
    for (guint i = 1; i < segment->words->len; i++) {
        const FlShellWord *word = word_at(segment, i);
        g_autofree char *key = key_of(word);
        if (is_bare(word, "as") && i + 1 < segment->words->len) {
            take_name(parser, seen, word_at(segment, ++i));
        } else if (is_bare(word, "as")) {
            fl_diagnose(parser->d, as_word(parser, word).place, "write: as NAME", "a name is missing after 'as'");
        } else if (i == 1 && kind->main_key && !(key && is_known_key(kind, key))) {
            FlWord value = as_word(parser, word);
            main_argument = word->text;
            fl_given_twice(seen, &(FlWord){kind->main_key, value.place}, parser->d);
            fl_stage_assign(segment->stage, &(FlWord){kind->main_key, value.place}, &value, parser->d);
        } else if (key) {
            take_option(parser, segment, seen, word, key);
        } else if (is_bare(word, "|")) { /* what follows is meant as another stage */
            fl_diagnose(parser->d, as_word(parser, word).place, "stages are joined by '!': decode in.mkv ! encode out.mp4",
                        "unexpected word '|'");
            parser->p->gaps = TRUE;
            return;
        } else {
            take_stray(parser, segment, i, main_argument);
        }
    }
}

/* ---- names and chains ---- */

/* as NAME, or name=NAME; whether it can be one is looked at with the other arguments. */
static void name_explicitly(const Parser *parser, Segment *segment)
{
    for (guint i = 1; i < segment->words->len; i++) {
        const FlShellWord *word = word_at(segment, i);
        gsize offset = g_str_has_prefix(word->text, "name=") ? strlen("name=") : 0;
        if (is_bare(word, "as") && i + 1 < segment->words->len)
            word = word_at(segment, ++i);
        else if (!offset)
            continue;
        segment->stage->name = g_strdup(word->text + offset);
        segment->stage->place = fl_shell_word_place(word, parser->text, offset, strlen(word->text) - offset);
        return;
    }
}

static void check_names(Parser *parser)
{
    g_autoptr(GHashTable) seen = fl_seen_new();
    for (guint i = 0; i < parser->p->stages->len; i++) {
        FlStageConfig *stage = g_ptr_array_index(parser->p->stages, i);
        const FlPlace *first = stage->name ? g_hash_table_lookup(seen, stage->name) : NULL;
        if (first) {
            g_autofree char *hint = g_strdup_printf("first in column %d; give this one another name", first->column);
            fl_diagnose(parser->d, stage->place, hint, "the name '%s' is given twice", stage->name);
        } else if (stage->name) {
            g_hash_table_insert(seen, g_strdup(stage->name), g_memdup2(&stage->place, sizeof stage->place));
        }
    }
}

/* scale, scale2, scale3 ... */
static void name_by_kind(Parser *parser, FlStageConfig *stage, const char *kind)
{
    g_autofree char *name = g_strdup(kind);
    for (unsigned n = 2; fl_pipeline_find(parser->p, name); n++) {
        g_free(name);
        name = g_strdup_printf("%s%u", kind, n);
    }
    stage->name = g_steal_pointer(&name);
}

/* A name that does not exist may be meant as a kind; a stage in its place keeps what follows from being an error too. */
static FlStageConfig *find_continued(Parser *parser, const Segment *segment)
{
    FlWord name = as_word(parser, word_at(segment, 0));
    FlStageConfig *stage = fl_pipeline_find(parser->p, name.text);
    if (stage)
        return stage;
    g_autofree const char **stages = fl_stage_names(parser->p), **kinds = fl_kind_names();
    g_autofree char *all = fl_stage_names_text(parser->p), *more = g_strdup_printf("stages: %s", all);
    const char *nearest = fl_nearest(name.text, stages) ? NULL : fl_nearest(name.text, kinds);
    const char *const only[] = {nearest, NULL};
    const char *separator = strpbrk(name.text, "!;");
    g_autofree char *hint = separator ? separator_hint(*separator) : fl_did_you_mean(name.text, nearest ? only : stages, more);
    fl_diagnose(parser->d, name.place, hint, "'%s' is neither a kind of stage nor the name of one", name.text);
    return fl_pipeline_add_stage(parser->p, name.text, name.place);
}

/* A chain that is nothing but a name goes nowhere. */
static void check_goes_on(Parser *parser, guint i)
{
    const Segment *segment = g_ptr_array_index(parser->segments, i);
    const Segment *next = i + 1 < parser->segments->len ? g_ptr_array_index(parser->segments, i + 1) : NULL;
    FlWord name = as_word(parser, word_at(segment, 0));
    if ((!next || next->opens) && fl_pipeline_find(parser->p, name.text))
        fl_diagnose(parser->d, name.place, "a chain that begins with a name goes on with ' ! '",
                    "nothing takes the frames of '%s' here", name.text);
}

static void join_chains(Parser *parser)
{
    const Segment *before = NULL;
    FlStageConfig *from = NULL;
    for (guint i = 0; i < parser->segments->len; i++) {
        const Segment *segment = g_ptr_array_index(parser->segments, i);
        if (before && !segment->opens)
            fl_stage_add_input(segment->stage, from->name, as_word(parser, word_at(before, 0)).place);
        if (segment->continues)
            check_goes_on(parser, i);
        from = segment->continues ? find_continued(parser, segment) : segment->stage;
        before = segment;
    }
}

static void set_kind(Parser *parser, FlStageConfig *stage, const FlShellWord *word)
{
    FlWord kind = as_word(parser, word);
    char glued = fl_kind_find(word->text) ? 0 : glued_separator(word);
    if (glued) {
        g_autofree char *hint = separator_hint(glued);
        fl_diagnose(parser->d, kind.place, hint, "there is no kind of stage called '%s'", kind.text);
    } else {
        fl_stage_set_kind(stage, &kind, parser->d);
    }
}

static void make_stages(Parser *parser)
{
    for (guint i = 0; i < parser->segments->len; i++) {
        Segment *segment = g_ptr_array_index(parser->segments, i);
        segment->continues = is_name(parser, segment);
        if (segment->continues)
            continue;
        segment->stage = fl_pipeline_add_stage(parser->p, NULL, as_word(parser, word_at(segment, 0)).place);
        set_kind(parser, segment->stage, word_at(segment, 0));
        name_explicitly(parser, segment);
    }
}

static void make_pipeline(Parser *parser)
{
    make_stages(parser);
    check_names(parser);
    for (guint i = 0; i < parser->segments->len; i++) {
        Segment *segment = g_ptr_array_index(parser->segments, i);
        const struct fl_kind_info *kind = segment->stage ? segment->stage->kind : NULL;
        if (segment->stage && !segment->stage->name)
            name_by_kind(parser, segment->stage, word_at(segment, 0)->text);
        if (kind && !(kind->flags & FL_KIND_LATER))
            take_arguments(parser, segment);
    }
    join_chains(parser);
}

FlPipeline *fl_inline_parse(const char *text, FlDiagnostics *d)
{
    fl_diagnostics_add_source(d, "-e", text);
    g_autoptr(GPtrArray) words = fl_shell_words(text, d);
    if (!words)
        return NULL;
    if (!words->len) {
        fl_diagnose(d, (FlPlace){.file = "-e"}, "for example: -e 'decode in.mkv ! hash'", "the pipeline is empty");
        return NULL;
    }
    Parser parser = {.text = text, .p = fl_pipeline_new("-e"), .d = d};
    parser.segments = g_ptr_array_new_with_free_func(segment_free);
    parser.p->name = g_strdup_printf("run-%d", (int)getpid());
    split_segments(&parser, words);
    if (fl_check_stage_count(parser.p, parser.segments->len, d))
        make_pipeline(&parser);
    g_ptr_array_unref(parser.segments);
    return parser.p;
}
