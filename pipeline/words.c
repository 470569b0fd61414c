/* Names, places and near misses: the small change of error messages. */
#include "budget.h"
#include "parse.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

/* Edit distance with neighbours swapped counting as one; case counts nothing. Bytes, as names are ASCII. */
static unsigned distance(const char *a, const char *b)
{
    gsize m = strlen(a), n = strlen(b), width = n + 1;
    g_autofree unsigned *rows = g_new0(unsigned, (m + 1) * width);
    for (gsize i = 0; i <= m; i++) {
        for (gsize j = 0; j <= n; j++) {
            unsigned *cell = &rows[i * width + j];
            if (i == 0 || j == 0) {
                *cell = (unsigned)(i + j);
                continue;
            }
            unsigned change = g_ascii_tolower(a[i - 1]) != g_ascii_tolower(b[j - 1]);
            *cell = MIN(MIN(cell[-(gssize)width] + 1, cell[-1] + 1), cell[-(gssize)width - 1] + change);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                *cell = MIN(*cell, rows[(i - 2) * width + j - 2] + 1);
        }
    }
    return rows[m * width + n];
}

const char *fl_nearest(const char *word, const char *const *candidates)
{
    gsize length = strlen(word);
    unsigned best = length <= 3 ? 2 : length <= 6 ? 3 : 4; /* this is too far */
    const char *nearest = NULL;
    if (length > 64)
        return NULL;
    for (; *candidates; candidates++) {
        unsigned d = distance(word, *candidates);
        if (d < best && d < strlen(*candidates)) {
            best = d;
            nearest = *candidates;
        }
    }
    return nearest;
}

char *fl_did_you_mean(const char *word, const char *const *candidates, const char *more)
{
    const char *nearest = candidates ? fl_nearest(word, candidates) : NULL;
    if (nearest)
        return more ? g_strdup_printf("did you mean '%s'?  (%s)", nearest, more) : g_strdup_printf("did you mean '%s'?", nearest);
    return g_strdup(more);
}

FlPlace fl_place_in(const char *file, const char *text, gsize start, gsize length, int first_line)
{
    const char *line = text;
    FlPlace place = {.file = g_intern_string(file), .line = first_line};
    for (const char *c = text; c < text + start; c++) {
        if (*c == '\n') {
            line = c + 1;
            place.line++;
        }
    }
    place.column = 1 + (int)g_utf8_strlen(line, text + start - line);
    const char *end = memchr(text + start, '\n', length);
    place.length = (int)g_utf8_strlen(text + start, end ? end - (text + start) : (gssize)length);
    return place;
}

char *fl_place_words(FlPlace place)
{
    gboolean one_line = place.file && place.file[0] == '-';
    return one_line ? g_strdup_printf("column %d", place.column) : g_strdup_printf("line %d", place.line);
}

gboolean fl_check_name(const FlWord *name, const char *what, FlDiagnostics *d)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    gsize length = strlen(name->text);
    if (length == 0) {
        fl_diagnose(d, name->place, "names are made of letters, digits, - and _", "the name of the %s is missing", what);
        return FALSE;
    }
    if (strspn(name->text, letters) != length || !g_ascii_isalnum(name->text[0])) {
        fl_diagnose(d, name->place, "names are made of a to z, A to Z, 0 to 9, - and _, and begin with a letter or digit of these",
                    "'%s' cannot be the name of a %s", name->text, what);
        return FALSE;
    }
    if (length > FL_NAME_MAX_BYTES) {
        g_autofree char *hint = g_strdup_printf("at most %d characters", FL_NAME_MAX_BYTES);
        fl_diagnose(d, name->place, hint, "the name '%s' is too long", name->text);
        return FALSE;
    }
    return TRUE;
}

GHashTable *fl_seen_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

gboolean fl_given_twice(GHashTable *seen, const FlWord *key, FlDiagnostics *d)
{
    const FlPlace *first = g_hash_table_lookup(seen, key->text);
    if (!first) {
        g_hash_table_insert(seen, g_strdup(key->text), g_memdup2(&key->place, sizeof key->place));
        return FALSE;
    }
    g_autofree char *where = fl_place_words(*first);
    g_autofree char *hint = g_strdup_printf("first in %s; leave one of them out", where);
    fl_diagnose(d, key->place, hint, "'%s' is given twice", key->text);
    return TRUE;
}

const char **fl_stage_names(const FlPipeline *p)
{
    const char **names = g_new0(const char *, p->stages->len + 1);
    for (guint i = 0; i < p->stages->len; i++)
        names[i] = ((FlStageConfig *)g_ptr_array_index(p->stages, i))->name;
    return names;
}

char *fl_stage_names_text(const FlPipeline *p)
{
    g_autofree const char **names = fl_stage_names(p);
    return g_strjoinv(", ", (char **)names);
}

const char **fl_kind_names(void)
{
    unsigned count = 0;
    while (fl_kinds[count].name)
        count++;
    const char **names = g_new0(const char *, count + 1);
    for (unsigned i = 0; i < count; i++)
        names[i] = fl_kinds[i].name;
    return names;
}

const char *fl_policy_name(unsigned when_full)
{
    static const char *const names[] = {
        [FL_WHEN_FULL_WAIT] = "wait", [FL_WHEN_FULL_DROP] = "drop", [FL_WHEN_FULL_LATEST] = "latest"};
    return when_full < G_N_ELEMENTS(names) ? names[when_full] : "?";
}

char *fl_reason_text(int error)
{
    struct rlimit limit;
    const char *reason = g_strerror(ABS(error));
    if (ABS(error) != EFBIG || getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return g_strdup(reason);
    g_autofree char *most = fl_bytes_text(limit.rlim_cur);
    return g_strdup_printf("%s: a file, and shared memory is one, may have %s here; raise that limit (ulimit -f)", reason, most);
}

const char *fl_place_remedy(int error)
{
    switch (ABS(error)) {
    case EACCES:
    case EPERM:
    case EROFS:
        return "; choose a place this user may write to";
    case ENOENT:
        return "; create its folder first";
    case EISDIR:
        return "; name a file in it";
    default:
        return "";
    }
}
