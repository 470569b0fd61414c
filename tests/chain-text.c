/* An option that is changed in a chain's text is what libavfilter then reads there, in that filter and in no other. */
#include "filter.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>

static const char *const chains[] = {
    "drawbox",
    "drawbox=",
    "drawbox=1:2:3:4",
    " drawbox = x=1:color=red , hflip",
    "hflip,drawbox=x=1,drawbox=x=2",
    "[in] split [a][b]; [a] drawbox=color=red [c] ; [b]vflip[d];[c][d]hstack",
    "sws_flags=lanczos;scale=10:10,drawbox=x=1",
    "drawtext=text='a,b\\:c;[d]',drawbox@two=x=3",
    "drawtext=text=it\\\\\\'s,drawbox=x=1:enable='between(t,0,1)'",
    "drawbox=x=w\\,1\n,\tvflip",
};
static const char *const values[] = {"blue", "a:b", "a,b;[c]", "it's", "\\", " x ", "a=b", "min(w\\,1)", "'", ""};

static AVFilterGraph *read_chain(const char *text)
{
    AVFilterInOut *in = NULL, *out = NULL;
    AVFilterGraph *graph = avfilter_graph_alloc();
    if (avfilter_graph_parse2(graph, text, &in, &out) < 0)
        avfilter_graph_free(&graph);
    avfilter_inout_free(&in);
    avfilter_inout_free(&out);
    return graph;
}

/* drawbox and drawtext have an option that takes any text. */
static const char *text_option(const AVFilterContext *filter)
{
    return !strcmp(filter->filter->name, "drawbox") ? "width" : !strcmp(filter->filter->name, "drawtext") ? "fontcolor_expr" : NULL;
}

static char *value_of(AVFilterContext *filter, const char *option)
{
    uint8_t *value = NULL;
    return av_opt_get(filter->priv, option, 0, &value) < 0 ? NULL : (char *)value;
}

static void check_others(const AVFilterGraph *before, const AVFilterGraph *after, unsigned changed)
{
    CHECK_EQ(before->nb_filters, after->nb_filters);
    for (unsigned i = 0; i < before->nb_filters; i++) {
        const char *option = text_option(before->filters[i]);
        char *old = option ? value_of(before->filters[i], option) : NULL,
             *now = option ? value_of(after->filters[i], option) : NULL;
        CHECK(!strcmp(before->filters[i]->name, after->filters[i]->name));
        CHECK(i == changed || !option || !strcmp(old, now));
        av_free(old);
        av_free(now);
    }
}

static void change(const char *chain, unsigned nth, const char *option, const char *value)
{
    struct filter_text text = {.change_count = 0};
    CHECK_EQ(fl_filter_text_set(&text, chain), 0);
    CHECK_EQ(fl_filter_text_change(&text, nth, option, "first"), 0);
    CHECK_EQ(fl_filter_text_change(&text, nth, option, value), 0);
    CHECK_EQ(text.change_count, 1);
    AVFilterGraph *before = read_chain(chain), *after = read_chain(text.text);
    CHECK(before && after);
    char *read = value_of(after->filters[nth], option);
    if (!read || strcmp(read, value) != 0)
        printf("'%s': %s='%s' is read as '%s' in '%s'\n", chain, option, value, read ? read : "(nothing)", text.text);
    CHECK(read && !strcmp(read, value));
    check_others(before, after, nth);
    av_free(read);
    avfilter_graph_free(&before);
    avfilter_graph_free(&after);
    fl_filter_text_finish(&text);
}

static void every_value_is_read_as_it_was_meant(void)
{
    for (unsigned c = 0; c < sizeof(chains) / sizeof(chains[0]); c++) {
        AVFilterGraph *graph = read_chain(chains[c]);
        if (!graph)
            continue; /* drawtext is not in every libavfilter */
        for (unsigned nth = 0; nth < graph->nb_filters; nth++)
            for (unsigned v = 0; text_option(graph->filters[nth]) && v < sizeof(values) / sizeof(values[0]); v++)
                change(chains[c], nth, text_option(graph->filters[nth]), values[v]);
        avfilter_graph_free(&graph);
    }
}

static void what_is_not_there_cannot_change(void)
{
    struct filter_text text = {.change_count = 0};
    CHECK_EQ(fl_filter_text_set(&text, "hflip,vflip"), 0);
    CHECK(!fl_filter_text_with(&text, 2, "x", "1"));
    CHECK(fl_filter_text_change(&text, 2, "x", "1") < 0);
    CHECK(!strcmp(text.text, "hflip,vflip"));
    CHECK_EQ(fl_filter_text_change(&text, 1, "enable", "1"), 0);
    CHECK_EQ(fl_filter_text_set(&text, "negate"), 0);
    CHECK(!strcmp(text.text, "negate"));
    fl_filter_text_finish(&text);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"every value is read as it was meant", every_value_is_read_as_it_was_meant},
        {"what is not there cannot change", what_is_not_there_cannot_change},
    };
    av_log_set_level(AV_LOG_QUIET);
    return CHECK_RUN(cases);
}
