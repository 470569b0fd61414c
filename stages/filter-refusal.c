/* Why libavfilter does not make a chain, in words for people. Its own name the value at best; which filter that stands in, and
 * which option, is found by making the filters one by one. */
#include "filter.h"

#include <stdio.h>
#include <string.h>
#include <libavutil/avstring.h>
#include <libavutil/bprint.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>

#include "av-log.h"
#include "nearest.h"

#define REASON_BYTES 256

/* A filter's words, taken apart. */
struct words {
    char *all;     /* as the chain has them, without what was escaped for the chain */
    char name[64]; /* "eq"; of an instance ("eq@look") too */
    const char *arguments;
};

static bool take_apart(const struct filter_text *chain, unsigned nth, struct words *words)
{
    char *escaped = fl_filter_text_words(chain, nth);
    const char *at = escaped;
    *words = (struct words){.all = escaped ? av_get_token(&at, "") : NULL};
    av_free(escaped);
    if (!words->all)
        return false;
    const char *equals = strchr(words->all, '=');
    size_t bytes = strcspn(words->all, "=@");
    words->arguments = equals ? equals + 1 : "";
    snprintf(words->name, sizeof(words->name), "%.*s", (int)bytes, words->all);
    return true;
}

/* ---- which filter ---- */

static bool refuses_words(const struct words *words)
{
    AVFilterGraph *graph = avfilter_graph_alloc();
    const AVFilter *kind = avfilter_get_by_name(words->name);
    AVFilterContext *filter = graph && kind ? avfilter_graph_alloc_filter(graph, kind, "bare") : NULL;
    bool refuses = !filter || avfilter_init_str(filter, words->arguments) < 0;
    avfilter_graph_free(&graph);
    return refuses;
}

/* The first that is not made even by itself; -1: none. */
static int find_by_words(const struct filter_text *chain)
{
    struct words words;
    for (unsigned nth = 0; take_apart(chain, nth, &words); nth++) {
        bool refuses = refuses_words(&words);
        av_free(words.all);
        if (refuses)
            return (int)nth;
    }
    return -1;
}

/* The first that the pictures do not get through; -1: none, or the chain branches. */
static int find_by_pictures(const struct filter_text *chain, const AVFrame *like, AVRational rate)
{
    AVBPrint so_far;
    int found = -1;
    if (strpbrk(chain->text, "[;"))
        return -1;
    av_bprint_init(&so_far, 0, AV_BPRINT_SIZE_UNLIMITED);
    char *words;
    for (unsigned nth = 0; found < 0 && (words = fl_filter_text_words(chain, nth)); nth++) {
        struct filter_graph trial;
        av_bprintf(&so_far, "%s%s", nth ? "," : "", words);
        av_free(words);
        if (!av_bprint_is_complete(&so_far))
            break;
        if (fl_filter_graph_create(&trial, so_far.str, like, rate) < 0)
            found = (int)nth;
        else
            fl_filter_graph_destroy(&trial);
    }
    av_bprint_finalize(&so_far, NULL);
    return found;
}

/* ---- which option ---- */

static bool is_refused(const struct words *words, const char *option, const char *value)
{
    AVFilterGraph *graph = avfilter_graph_alloc();
    const AVFilter *kind = avfilter_get_by_name(words->name);
    AVFilterContext *bare = graph && kind ? avfilter_graph_alloc_filter(graph, kind, "bare") : NULL;
    bool timed = kind && kind->flags & AVFILTER_FLAG_SUPPORT_TIMELINE && !strcmp(option, "enable");
    bool refused = bare && !timed && kind->priv_class && av_opt_set(bare->priv, option, value, 0) < 0;
    avfilter_graph_free(&graph);
    return refused;
}

/* By itself, or the one whose value stands in the complaint. Only options that are named are looked at. */
static bool find_option(const struct words *words, const char *reason, char **option, char **value)
{
    const char *at = words->arguments;
    char quoted[REASON_BYTES];
    while (*at && av_opt_get_key_value(&at, "=", ":", AV_OPT_FLAG_IMPLICIT_KEY, option, value) >= 0) {
        snprintf(quoted, sizeof(quoted), "'%s'", *value);
        if (*option && (strstr(reason, quoted) || is_refused(words, *option, *value)))
            return true;
        av_freep(option);
        av_freep(value);
        at += *at == ':';
    }
    return false;
}

static bool has_option(const struct words *words, const char *option)
{
    const AVFilter *kind = avfilter_get_by_name(words->name);
    const AVClass *class = kind ? kind->priv_class : NULL;
    return !strcmp(option, "enable") ||
           (class && av_opt_find(&class, option, NULL, 0, AV_OPT_SEARCH_FAKE_OBJ | AV_OPT_SEARCH_CHILDREN));
}

/* ---- in words ---- */

static void explain_filter(const struct words *words, const char *reason, char *text, unsigned bytes)
{
    char *option = NULL, *value = NULL;
    bool known = find_option(words, reason, &option, &value);
    if (known && !has_option(words, option))
        snprintf(text, bytes, "filter '%s' has no option '%s' ('framelane inspect filter %s' lists them)", words->name, option,
                 words->name);
    else if (known)
        snprintf(text, bytes, "'%s' of filter '%s' cannot be '%s': %s ('framelane inspect filter %s' lists its options)", option,
                 words->name, value, reason, words->name);
    else
        snprintf(text, bytes, "filter '%s' is not possible here: %s ('framelane inspect filter %s' lists its options)", words->all,
                 reason, words->name);
    av_free(option);
    av_free(value);
}

static void explain_name(const char *name, char *text, unsigned bytes)
{
    struct fl_nearest_name nearest = {.word = name};
    char hint[80];
    const AVFilter *each;
    void *state = NULL;
    while ((each = av_filter_iterate(&state)))
        fl_nearest_offer(&nearest, each->name);
    snprintf(text, bytes, "there is no filter '%s'%s", name, fl_nearest_hint(&nearest, hint, sizeof(hint)));
}

void fl_filter_explain(const char *chain, const AVFrame *like, AVRational rate, int error, char *text, unsigned bytes)
{
    struct filter_text parsed = {0};
    struct words words = {0};
    char reason[REASON_BYTES];
    int nth = -1;
    snprintf(reason, sizeof(reason), "%s", fl_av_log_reason(error)); /* before more is tried, and complained of */
    if (fl_filter_may_try(chain) && fl_filter_text_set(&parsed, chain) == 0)
        nth = find_by_words(&parsed);
    if (nth < 0 && parsed.text)
        nth = find_by_pictures(&parsed, like, rate);
    if (nth < 0 || !take_apart(&parsed, (unsigned)nth, &words))
        snprintf(text, bytes, "filter '%s' is not possible here: %s", chain, reason);
    else if (!avfilter_get_by_name(words.name))
        explain_name(words.name, text, bytes);
    else
        explain_filter(&words, reason, text, bytes);
    av_free(words.all);
    fl_filter_text_finish(&parsed);
}
