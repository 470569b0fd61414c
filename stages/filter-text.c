/* A chain as text. A changed option is written behind its filter's other options, where libavfilter lets it overrule them; so any
 * graph that is made later has it as well. */
#include "filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/avstring.h>
#include <libavutil/bprint.h>
#include <libavutil/mem.h>

#define BLANKS " \n\t\r"

/* ---- where filters stand ---- */

/* The first of `stops` that is neither quoted nor escaped, or the end. */
static const char *find_stop(const char *at, const char *stops)
{
    bool quoted = false;
    for (; *at; at++) {
        if (*at == '\'')
            quoted = !quoted;
        else if (!quoted && *at == '\\' && at[1])
            at++;
        else if (!quoted && strchr(stops, *at))
            break;
    }
    return at;
}

static const char *skip_labels(const char *at)
{
    at += strspn(at, BLANKS);
    while (*at == '[') {
        at = find_stop(at + 1, "]");
        at += *at == ']';
        at += strspn(at, BLANKS);
    }
    return at;
}

/* The words of the nth filter, without blanks behind them. False: there are not so many. */
static bool find_filter(const char *text, unsigned nth, const char **begin, const char **end)
{
    if (!strncmp(text, "sws_flags=", strlen("sws_flags="))) {
        text = find_stop(text, ";");
        text += *text == ';';
    }
    for (;;) {
        *begin = skip_labels(text);
        const char *stop = find_stop(*begin, "[],;");
        if (stop == *begin)
            return false;
        if (nth-- == 0) {
            *end = stop;
            while (*end > *begin && strchr(BLANKS, (*end)[-1]) && (*end - 1 == *begin || (*end)[-2] != '\\'))
                (*end)--;
            return true;
        }
        text = skip_labels(stop);
        if (*text != ',' && *text != ';')
            return false;
        text++;
    }
}

/* ---- writing ---- */

/* ":option=value", with what means something to options escaped, and that once more for the chain. */
static int put_option(AVBPrint *out, const struct filter_change *change, bool first)
{
    char *once = NULL, *twice = NULL;
    int ret = av_escape(&once, change->value, ":", AV_ESCAPE_MODE_BACKSLASH, 0);
    if (ret >= 0)
        ret = av_escape(&twice, once, "[],;", AV_ESCAPE_MODE_BACKSLASH, 0);
    if (ret >= 0)
        av_bprintf(out, "%c%s=%s", first ? '=' : ':', change->option, twice);
    av_free(once);
    av_free(twice);
    return ret < 0 ? -ENOMEM : 0;
}

static int put_changes(AVBPrint *out, const struct filter_text *text, unsigned nth, const struct filter_change *last, bool bare)
{
    int ret = 0;
    for (unsigned i = 0; i < text->change_count && ret == 0; i++) {
        const struct filter_change *change = &text->changes[i];
        if (change->nth != nth || (last && last->nth == nth && !strcmp(last->option, change->option)))
            continue;
        ret = put_option(out, change, bare);
        bare = false;
    }
    return ret == 0 && last && last->nth == nth ? put_option(out, last, bare) : ret;
}

/* `last` is one change more, or NULL. */
static char *compose(const struct filter_text *text, const struct filter_change *last)
{
    const char *at = text->chain, *begin, *end;
    char *whole = NULL;
    AVBPrint out;
    int ret = 0;
    av_bprint_init(&out, 0, AV_BPRINT_SIZE_UNLIMITED);
    for (unsigned nth = 0; ret == 0 && find_filter(text->chain, nth, &begin, &end); nth++) {
        bool bare = find_stop(begin, "=[],;") >= end;
        av_bprint_append_data(&out, at, (unsigned)(end - at));
        ret = put_changes(&out, text, nth, last, bare);
        at = end;
    }
    av_bprintf(&out, "%s", at);
    if (av_bprint_finalize(&out, ret == 0 ? &whole : NULL) < 0)
        return NULL;
    return whole;
}

char *fl_filter_text_with(const struct filter_text *text, unsigned nth, const char *option, const char *value)
{
    const char *begin, *end;
    const struct filter_change change = {nth, (char *)option, (char *)value};
    return find_filter(text->chain, nth, &begin, &end) ? compose(text, &change) : NULL;
}

char *fl_filter_text_words(const struct filter_text *text, unsigned nth)
{
    const char *begin, *end;
    return find_filter(text->text, nth, &begin, &end) ? av_strndup(begin, (size_t)(end - begin)) : NULL;
}

/* ---- changing ---- */

static void forget(struct filter_change *change)
{
    free(change->option);
    free(change->value);
}

/* Takes the change over; an older one of the same option goes. */
static void put_last(struct filter_text *text, const struct filter_change *change)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < text->change_count; i++) {
        if (text->changes[i].nth == change->nth && !strcmp(text->changes[i].option, change->option))
            forget(&text->changes[i]);
        else
            text->changes[kept++] = text->changes[i];
    }
    text->changes[kept++] = *change;
    text->change_count = kept;
}

int fl_filter_text_change(struct filter_text *text, unsigned nth, const char *option, const char *value)
{
    char *whole = fl_filter_text_with(text, nth, option, value);
    struct filter_change *more = realloc(text->changes, (text->change_count + 1) * sizeof(*more));
    struct filter_change change = {nth, strdup(option), strdup(value)};
    text->changes = more ? more : text->changes;
    if (!more || !change.option || !change.value || !whole) {
        forget(&change);
        av_free(whole);
        return -ENOMEM;
    }
    put_last(text, &change);
    av_free(text->text);
    text->text = whole;
    return 0;
}

int fl_filter_text_set(struct filter_text *text, const char *chain)
{
    struct filter_text fresh = {.chain = strdup(chain), .text = av_strdup(chain)};
    if (!fresh.chain || !fresh.text) {
        fl_filter_text_finish(&fresh);
        return -ENOMEM;
    }
    fl_filter_text_finish(text);
    *text = fresh;
    return 0;
}

void fl_filter_text_finish(struct filter_text *text)
{
    for (unsigned i = 0; i < text->change_count; i++)
        forget(&text->changes[i]);
    free(text->changes);
    free(text->chain);
    av_free(text->text);
    *text = (struct filter_text){.change_count = 0};
}
