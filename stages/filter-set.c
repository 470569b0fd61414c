/* Changing a chain while frames flow, at one exact frame:
 *
 *   an option that libavfilter changes while it runs
 *       every frame that went in has come out        -> at once: the next one is the first that meets it
 *       the chain keeps frames back (fps, yadif, ..) -> queued in the filter for the time stamp of the next one, unless the filter
 *                                                       itself looks ahead
 *   other options, or another chain, with rebuild    -> a new graph is made, the old one gives out what it holds, frames go to the
 * new
 *
 * What is asked is tried first: on a graph that was made for it, where making one does no harm. So a value that cannot be leaves
 * the chain as it was.
 */
#include "filter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libavfilter/buffersink.h>
#include <libavutil/avstring.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>

#include "av-log.h"
#include "nearest.h"

#define LIST_BYTES 600

/* What is to change: option of the nth filter of the chain. */
struct target {
    const struct fl_stage_setting *setting;
    AVFilterContext *filter;
    unsigned nth;
    const char *option;
    char command[64], argument[1024]; /* what libavfilter is told */
};

/* ---- which filter ---- */

/* Those of the chain stand behind `in` and `out`, in its order, before those that libavfilter put in between. */
static bool is_of_chain(const AVFilterGraph *graph, unsigned i)
{
    return i >= 2 && i < graph->nb_filters && strncmp(graph->filters[i]->name, "auto_", 5) != 0;
}

static bool is_named(const AVFilterContext *filter)
{
    return strchr(filter->name, '@') != NULL;
}

static const char *name_of(const AVFilterContext *filter)
{
    return is_named(filter) ? filter->name : filter->filter->name;
}

static void append(char *list, const char *word)
{
    size_t used = strlen(list);
    if (used + strlen(word) + 3 < LIST_BYTES)
        snprintf(list + used, LIST_BYTES - used, "%s%s", used ? ", " : "", word);
}

static int refuse_filter(struct fl_stage *stage, const AVFilterGraph *graph, const char *name, unsigned found)
{
    char all[LIST_BYTES] = "", hint[80];
    struct fl_nearest_name nearest = {.word = name};
    for (unsigned i = 0; is_of_chain(graph, i + 2); i++) {
        append(all, name_of(graph->filters[i + 2]));
        fl_nearest_offer(&nearest, name_of(graph->filters[i + 2]));
    }
    if (found > 1)
        return fl_stage_refuse(stage, -EINVAL,
                               "the chain has %u filters called %s: name them in the chain (%s@a=...) and say which", found, name,
                               name);
    return fl_stage_refuse(stage, -EINVAL, "the chain has no filter '%s'%s  (it has: %s)", name,
                           fl_nearest_hint(&nearest, hint, sizeof(hint)), all);
}

static int find_filter(struct fl_stage *stage, const AVFilterGraph *graph, const char *name, struct target *target)
{
    unsigned found = 0;
    for (unsigned i = 0; is_of_chain(graph, i + 2); i++) {
        AVFilterContext *filter = graph->filters[i + 2];
        if (strcmp(filter->name, name) != 0 && strcmp(filter->filter->name, name) != 0)
            continue;
        target->filter = filter;
        target->nth = i;
        found++;
    }
    return found == 1 ? 0 : refuse_filter(stage, graph, name, found);
}

/* ---- which option ---- */

static bool is_timed(const AVFilterContext *filter)
{
    return filter->filter->flags & AVFILTER_FLAG_SUPPORT_TIMELINE;
}

static bool is_running_option(const AVOption *option)
{
    return option->type != AV_OPT_TYPE_CONST && option->flags & AV_OPT_FLAG_RUNTIME_PARAM;
}

/* What libavfilter says can change in a running filter. */
static const char *list_running(const AVFilterContext *filter, char list[LIST_BYTES])
{
    list[0] = 0;
    for (const AVOption *o = NULL; filter->filter->priv_class && (o = av_opt_next(filter->priv, o));)
        if (is_running_option(o))
            append(list, o->name);
    if (is_timed(filter))
        append(list, "enable");
    return list[0] ? list : "nothing";
}

static const AVOption *find_option(const struct target *target)
{
    const AVOption *option =
        target->filter->filter->priv_class ? av_opt_find(target->filter->priv, target->option, NULL, 0, 0) : NULL;
    return option && option->type != AV_OPT_TYPE_CONST ? option : NULL;
}

static int refuse_option(struct fl_stage *stage, const struct target *target)
{
    char list[LIST_BYTES], hint[80];
    struct fl_nearest_name nearest = {.word = target->option};
    for (const AVOption *o = NULL; target->filter->filter->priv_class && (o = av_opt_next(target->filter->priv, o));)
        fl_nearest_offer(&nearest, o->type == AV_OPT_TYPE_CONST ? NULL : o->name);
    return fl_stage_refuse(stage, -EINVAL, "%s has no option '%s'%s  (what can change while it runs: %s)",
                           target->filter->filter->name, target->option, fl_nearest_hint(&nearest, hint, sizeof(hint)),
                           list_running(target->filter, list));
}

/* drawtext takes all its options anew, by a command of its own. */
static int word_command(struct fl_stage *stage, struct target *target)
{
    bool reinit = !strcmp(target->filter->filter->name, "drawtext") && strcmp(target->option, "enable") != 0;
    char *escaped = NULL;
    int bytes = snprintf(target->command, sizeof(target->command), "%s", reinit ? "reinit" : target->option);
    if (!reinit)
        return av_strlcpy(target->argument, target->setting->value, sizeof(target->argument)) < sizeof(target->argument)
                   ? 0
                   : fl_stage_refuse(stage, -EINVAL, "a value of more than %zu bytes is too long", sizeof(target->argument) - 1);
    if (av_escape(&escaped, target->setting->value, ":", AV_ESCAPE_MODE_BACKSLASH, 0) < 0)
        return -ENOMEM;
    bytes = snprintf(target->argument, sizeof(target->argument), "%s=%s", target->option, escaped);
    av_free(escaped);
    if (bytes < (int)sizeof(target->argument))
        return 0;
    return fl_stage_refuse(stage, -EINVAL, "a value of more than %zu bytes is too long", sizeof(target->argument) - 1);
}

/* ---- trying ---- */

/* Another number where the size or format of anything between the filters is another. */
static uint64_t look_of(const AVFilterGraph *graph)
{
    uint64_t look = 14695981039346656037ull;
    for (unsigned i = 0; i < graph->nb_filters; i++) {
        for (unsigned pad = 0; pad < graph->filters[i]->nb_outputs; pad++) {
            const AVFilterLink *link = graph->filters[i]->outputs[pad];
            const int words[] = {link->w,
                                 link->h,
                                 link->format,
                                 link->sample_aspect_ratio.num,
                                 link->sample_aspect_ratio.den,
                                 link->time_base.num,
                                 link->time_base.den};
            for (unsigned w = 0; w < sizeof(words) / sizeof(words[0]); w++)
                look = (look ^ (uint32_t)words[w]) * 1099511628211ull;
        }
    }
    return look;
}

/* ENOSYS: libavfilter does not change it while it runs; ERANGE: it does, but sizes would change with it; 0; or an AVERROR. */
static int try_command(const struct filter *filter, const struct target *target)
{
    struct filter_graph trial;
    int ret = fl_filter_graph_create(&trial, filter->chain.text, filter->like, filter->rate);
    if (ret < 0)
        return ret;
    uint64_t look = look_of(trial.graph);
    char answer[64];
    fl_av_log_clear();
    ret = avfilter_process_command(trial.graph->filters[target->nth + 2], target->command, target->argument, answer, sizeof(answer),
                                   0);
    if (ret >= 0 && look_of(trial.graph) != look)
        ret = AVERROR(ERANGE);
    fl_filter_graph_destroy(&trial);
    return ret;
}

/* Where no second graph may be made, only what libavfilter itself says, and a value that its option takes. */
static int try_option(const struct target *target, const AVOption *option)
{
    AVFilterGraph *graph = avfilter_graph_alloc();
    bool live = option ? is_running_option(option) : is_timed(target->filter);
    AVFilterContext *bare = graph ? avfilter_graph_alloc_filter(graph, target->filter->filter, "bare") : NULL;
    int ret = !bare ? AVERROR(ENOMEM) : !live ? AVERROR(ENOSYS) : 0;
    fl_av_log_clear();
    if (ret >= 0 && option)
        ret = av_opt_set(bare->priv, target->option, target->setting->value, 0);
    avfilter_graph_free(&graph);
    return ret;
}

/* ---- at once, or queued ---- */

/* Filters that give frames other time stamps, or another order: time says nothing of which is which behind them. */
static bool keeps_times(const AVFilterGraph *graph)
{
    static const char *const shifters[] = {"setpts",        "loop", "reverse",  "random",
                                           "shuffleframes", "tpad", "telecine", "tinterlace"};
    for (unsigned i = 0; i < graph->nb_filters; i++)
        for (unsigned s = 0; s < sizeof(shifters) / sizeof(shifters[0]); s++)
            if (!strcmp(graph->filters[i]->filter->name, shifters[s]))
                return false;
    return true;
}

/* It wants later pictures for the one it gives: an option that changes would hold for those that it has still to give as well. */
static bool looks_ahead(const struct filter *filter, const struct target *target)
{
    bool may_try = fl_filter_may_try(filter->chain.text);
    char *words = may_try ? fl_filter_text_words(&filter->chain, target->nth) : NULL;
    struct filter_trial trial = {.picture = av_frame_alloc()};
    int ret = words && trial.picture ? fl_filter_try(words, filter->like, filter->rate, &trial) : AVERROR(ENOMEM);
    av_frame_free(&trial.picture);
    av_free(words);
    return ret < 0 || !trial.at_once;
}

static bool can_queue(const struct filter *filter, const struct target *target)
{
    const struct fl_desc *next = target->setting->next;
    return next->pts != FL_NO_PTS && next->time_base_den > 0 && keeps_times(filter->graph.graph) && !looks_ahead(filter, target);
}

static int command(struct filter *filter, const struct target *target)
{
    const struct fl_desc *next = target->setting->next;
    char answer[64];
    fl_av_log_clear();
    if (fl_filter_is_prompt(&filter->identity))
        return avfilter_process_command(target->filter, target->command, target->argument, answer, sizeof(answer), 0);
    double due = (double)next->pts * next->time_base_num / next->time_base_den;
    double little = 1e-9 + (due < 0 ? -due : due) * 1e-12; /* the filter works out its own times, in doubles as well */
    return avfilter_graph_queue_command(filter->graph.graph, target->filter->name, target->command, target->argument, 0,
                                        due - little);
}

/* ---- rebuilding ---- */

static bool can_carry(const struct filter_graph *graph)
{
    const AVFilterContext *sink = graph->sink;
    int width = av_buffersink_get_w(sink), height = av_buffersink_get_h(sink);
    struct fl_av_layout layout;
    return fl_av_layout_init(&layout, av_buffersink_get_format(sink), width, height, width, height) == 0;
}

static int refuse_rebuild(struct fl_stage *stage, const struct filter *filter, const char *text)
{
    if (filter->like->format == AV_PIX_FMT_NONE || filter->like->width <= 0)
        return fl_stage_refuse(stage, -EAGAIN, "it has seen no frame yet: ask again");
    if (filter->graph.endless)
        return fl_stage_refuse(stage, -EOPNOTSUPP,
                               "the chain has a source of its own, which would begin anew and never ends, or it "
                               "repeats without an end: it cannot be built anew while it runs");
    if (!fl_filter_may_try(text) && !fl_filter_may_try(filter->chain.text))
        return fl_stage_refuse(stage, -EOPNOTSUPP,
                               "the chain writes a file, which would be lost: it cannot be built anew while it runs");
    return 0;
}

static int refuse_text(struct fl_stage *stage, const struct filter *filter, int error, const char *text)
{
    char words[FL_FILTER_REASON_BYTES];
    fl_filter_explain(text, filter->like, filter->rate, error, words, sizeof(words));
    return fl_stage_refuse(stage, -EINVAL, "%s", words);
}

static int refuse_value(struct fl_stage *stage, const struct target *target, int error)
{
    return fl_stage_refuse(stage, -EINVAL, "%s.%s cannot be '%s': %s ('framelane inspect filter %s' lists its options)",
                           name_of(target->filter), target->option, target->setting->value, fl_av_log_reason(error),
                           target->filter->filter->name);
}

static int try_text(struct fl_stage *stage, const struct filter *filter, const struct target *target, const char *text)
{
    struct filter_graph trial;
    fl_av_log_clear();
    int ret = fl_filter_graph_create(&trial, text, filter->like, filter->rate);
    if (ret < 0)
        return refuse_value(stage, target, ret);
    fl_filter_graph_destroy(&trial);
    return 0;
}

/* A new graph of `text` in place of the one that is there, which gives out what it holds. */
static int rebuild(struct fl_stage *stage, struct filter *filter, const char *text)
{
    struct filter_graph fresh;
    int ret = refuse_rebuild(stage, filter, text);
    if (ret < 0)
        return ret;
    fl_av_log_clear();
    ret = fl_filter_graph_create(&fresh, text, filter->like, filter->rate);
    if (ret < 0)
        return refuse_text(stage, filter, ret, text);
    if (!can_carry(&fresh))
        ret = fl_stage_refuse(stage, -EINVAL, "'%s' ends in a format that cannot be carried: end it with format=NAME", text);
    else if (filter->graph.graph && !filter->full)
        ret = fl_filter_drain(stage);
    if (ret < 0) {
        fl_filter_graph_destroy(&fresh);
        return ret;
    }
    fl_filter_graph_destroy(&filter->graph);
    filter->graph = fresh;
    filter->full = false;
    fl_filter_identity_anew(&filter->identity);
    return 0;
}

/* ---- the whole ---- */

static int set_chain(struct fl_stage *stage, struct filter *filter, const struct fl_stage_setting *setting)
{
    if (!setting->rebuild)
        return fl_stage_refuse(stage, -EINVAL,
                               "another chain is another graph, whose pictures may have another size: add rebuild=true");
    int ret = rebuild(stage, filter, setting->value);
    if (ret < 0)
        return ret;
    ret = fl_filter_text_set(&filter->chain, setting->value);
    return ret < 0 ? fl_stage_fail(stage, FL_STAGE_ERROR_RUN, ret, "no memory") : 0;
}

static int refuse_live(struct fl_stage *stage, const struct target *target, int error)
{
    const char *name = name_of(target->filter);
    char list[LIST_BYTES];
    if (error == AVERROR(ENOSYS))
        return fl_stage_refuse(stage, -EINVAL,
                               "%s of %s cannot change while it runs (what can: %s): add rebuild=true to have the chain "
                               "built anew",
                               target->option, name, list_running(target->filter, list));
    if (error == AVERROR(ERANGE))
        return fl_stage_refuse(stage, -EINVAL, "%s.%s=%s makes pictures of another size: add rebuild=true if those below can cope",
                               name, target->option, target->setting->value);
    return refuse_value(stage, target, error);
}

/* The change itself: live where `live` is 0, else by a new graph, if that is allowed. */
static int change(struct fl_stage *stage, struct filter *filter, const struct target *target, int live, const char *text)
{
    bool prompt = fl_filter_is_prompt(&filter->identity);
    bool waits = live == 0 && (filter->full || (!prompt && !can_queue(filter, target)));
    if (live == 0 && !waits) {
        int ret = command(filter, target);
        return ret < 0 ? refuse_live(stage, target, ret) : 0;
    }
    if (!target->setting->rebuild && waits)
        return fl_stage_refuse(stage, -EINVAL, "%s: add rebuild=true to have it built anew",
                               filter->full ? "the chain takes no more frames"
                                            : "the chain keeps frames back in a way that lets no frame be named");
    if (!target->setting->rebuild || (live != 0 && live != AVERROR(ENOSYS) && live != AVERROR(ERANGE)))
        return refuse_live(stage, target, live);
    return rebuild(stage, filter, text);
}

/* As a chain with that option would be checked at the start, then as the running filter takes it. */
static int try_and_change(struct fl_stage *stage, struct filter *filter, const struct target *target, const AVOption *option)
{
    char *text = fl_filter_text_with(&filter->chain, target->nth, target->option, target->setting->value);
    bool may_try = fl_filter_may_try(filter->chain.text);
    int ret = !text ? -ENOMEM : may_try ? try_text(stage, filter, target, text) : 0;
    if (ret == 0)
        ret = change(stage, filter, target, may_try ? try_command(filter, target) : try_option(target, option), text);
    av_free(text);
    if (ret < 0)
        return ret;
    ret = fl_filter_text_change(&filter->chain, target->nth, target->option, target->setting->value);
    return ret < 0 ? fl_stage_fail(stage, FL_STAGE_ERROR_RUN, ret, "no memory") : 0;
}

static int set_option(struct fl_stage *stage, struct filter *filter, const struct fl_stage_setting *setting)
{
    struct target target = {.setting = setting};
    const char *dot = strrchr(setting->key, '.');
    char name[128];
    if (!filter->graph.graph)
        return fl_stage_refuse(stage, -EAGAIN, "it has seen no frame yet: ask again");
    snprintf(name, sizeof(name), "%.*s", (int)(dot - setting->key), setting->key);
    target.option = dot + 1;
    int ret = find_filter(stage, filter->graph.graph, name, &target);
    if (ret < 0)
        return ret;
    bool enable = !strcmp(target.option, "enable") && is_timed(target.filter);
    const AVOption *option = enable ? NULL : find_option(&target);
    if (!option && !enable)
        return refuse_option(stage, &target);
    if ((ret = word_command(stage, &target)) < 0)
        return ret;
    return try_and_change(stage, filter, &target, option);
}

int fl_filter_set(struct fl_stage *stage, const struct fl_stage_setting *setting)
{
    struct filter *filter = fl_stage_priv(stage);
    return strchr(setting->key, '.') ? set_option(stage, filter, setting) : set_chain(stage, filter, setting);
}
