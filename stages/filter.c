#include "filter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>

#include "av-log.h"

#define HOLD 4 /* frames of the input that the chain may keep in their slots */

/* ---- open ---- */

static int fail_graph(struct fl_stage *stage, enum fl_stage_error whose, int error)
{
    struct filter *filter = fl_stage_priv(stage);
    char words[FL_FILTER_REASON_BYTES];
    fl_filter_explain(filter->chain.text, filter->like, filter->rate, error, words, sizeof(words));
    return fl_stage_fail(stage, whose, fl_av_errno(error), "%s", words);
}

static void describe_output(struct fl_stage *stage, const struct filter_trial *trial)
{
    struct filter *filter = fl_stage_priv(stage);
    struct fl_stage_output *output = fl_stage_output(stage, 0);
    const AVFilterContext *sink = filter->graph.sink;
    struct fl_desc *first = &output->stream.first;
    AVFrame *words = trial->seen ? trial->picture : filter->like;
    AVRational rate = av_buffersink_get_frame_rate(sink);
    words->format = av_buffersink_get_format(sink);
    words->width = av_buffersink_get_w(sink);
    words->height = av_buffersink_get_h(sink);
    words->sample_aspect_ratio = av_buffersink_get_sample_aspect_ratio(sink);
    fl_av_describe(words, av_buffersink_get_time_base(sink), first);
    output->stream.rate_num = rate.num > 0 && rate.den > 0 ? rate.num : 0;
    output->stream.rate_den = rate.num > 0 && rate.den > 0 ? rate.den : 1;
    output->stream.duration = 0;
}

static int plan_output(struct fl_stage *stage, const struct filter_trial *trial)
{
    struct filter *filter = fl_stage_priv(stage);
    struct fl_stage_output *output = fl_stage_output(stage, 0);
    const AVFilterContext *sink = filter->graph.sink;
    int width = av_buffersink_get_w(sink), height = av_buffersink_get_h(sink);
    struct fl_av_layout layout;
    int ret = fl_av_layout_init(&layout, av_buffersink_get_format(sink), width, height, width, height);
    if (ret < 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_CONFIG, ret,
                             "filter '%s' ends in %dx%d %s, which cannot be carried: end it with format=NAME", filter->chain.text,
                             width, height, av_get_pix_fmt_name(av_buffersink_get_format(sink)));
    describe_output(stage, trial);
    output->forwards = trial->forwards;
    output->payload_bytes = trial->forwards ? 0 : layout.payload_bytes;
    output->working_set = trial->forwards ? 0 : 1;
    return 0;
}

/* Makes the graph for the promised picture: that checks the chain, and tells what comes out. It is kept for the first frame. */
static int check_chain(struct fl_stage *stage)
{
    struct filter *filter = fl_stage_priv(stage);
    struct filter_trial trial = {.picture = av_frame_alloc()};
    int ret =
        trial.picture ? fl_filter_graph_create(&filter->graph, filter->chain.text, filter->like, filter->rate) : AVERROR(ENOMEM);
    if (ret >= 0 && fl_filter_may_try(filter->chain.text))
        ret = fl_filter_try(filter->chain.text, filter->like, filter->rate, &trial);
    ret = ret < 0 ? fail_graph(stage, FL_STAGE_ERROR_CONFIG, ret) : plan_output(stage, &trial);
    av_frame_free(&trial.picture);
    return ret;
}

static int filter_open(struct fl_stage *stage)
{
    struct filter *filter = fl_stage_priv(stage);
    struct fl_stage_input *input = fl_stage_input(stage, 0);
    struct fl_stage_output *output = fl_stage_output(stage, 0);
    const char *chain = fl_stage_string(stage, "filter");
    filter->like = av_frame_alloc();
    filter->shell = av_frame_alloc();
    filter->out = av_frame_alloc();
    fl_av_log_attach(stage);
    if (!filter->like || !filter->shell || !filter->out || fl_av_held_init(&filter->held, HOLD) < 0 ||
        (chain && fl_filter_text_set(&filter->chain, chain) < 0))
        return fl_stage_fail(stage, FL_STAGE_ERROR_START, -ENOMEM, "no memory");
    if (!chain)
        return fl_stage_fail(stage, FL_STAGE_ERROR_CONFIG, -EINVAL, "no chain is given: add filter=CHAIN");
    filter->rate = (AVRational){input->stream.rate_num, input->stream.rate_den > 0 ? input->stream.rate_den : 1};
    input->hold = HOLD;
    output->stream = input->stream;
    output->payload_bytes = output->working_set = 1;
    int ret = fl_av_apply(&input->stream.first, filter->like);
    if (ret < 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_START, ret, "no memory");
    if (filter->like->time_base.num <= 0 || filter->like->time_base.den <= 0)
        filter->like->time_base = AV_TIME_BASE_Q;
    bool known = filter->like->format != AV_PIX_FMT_NONE && filter->like->width > 0 && filter->like->height > 0;
    return known ? check_chain(stage) : 0;
}

/* ---- frames ---- */

static int announce(struct fl_stage *stage, const AVFrame *frame)
{
    struct filter *filter = fl_stage_priv(stage);
    AVRational time_base = av_buffersink_get_time_base(filter->graph.sink);
    struct fl_desc desc = {.epoch = 0};
    struct fl_frame *copy = NULL;
    fl_filter_identify(&filter->identity, frame, time_base, &desc);
    filter->given++;
    if (fl_stage_output(stage, 0)->forwards || !fl_av_frame_slot(frame))
        return fl_av_publish(stage, 0, frame, time_base, &desc);
    /* It lies in a slot of the input, but the stages below were not told to expect that. */
    int ret = fl_av_describe(frame, time_base, &desc);
    if (ret >= 0)
        ret = fl_av_copy_to_slot(stage, 0, frame, &desc, &copy);
    if (ret >= 0)
        ret = fl_stage_publish(stage, 0, copy, &desc);
    fl_frame_unref(copy);
    return ret;
}

static int fail_filter(struct fl_stage *stage, int error)
{
    struct filter *filter = fl_stage_priv(stage);
    return fl_stage_fail(stage, FL_STAGE_ERROR_RUN, fl_av_errno(error), "filter '%s' failed: %s", filter->chain.text,
                         fl_av_log_reason(error));
}

static int give_out(struct fl_stage *stage)
{
    struct filter *filter = fl_stage_priv(stage);
    for (;;) {
        int ret = av_buffersink_get_frame(filter->graph.sink, filter->out);
        filter->full |= ret == AVERROR_EOF;
        if (ret == AVERROR(EAGAIN) || ret == AVERROR_EOF)
            return 0;
        if (ret < 0)
            return fail_filter(stage, ret);
        ret = announce(stage, filter->out);
        av_frame_unref(filter->out);
        if (ret < 0 && ret != -EPIPE)
            return ret;
        if (filter->graph.endless && (ret == -EPIPE || fl_stage_stopping(stage)))
            return 0;
    }
}

static int give_in(struct fl_stage *stage, AVFrame *frame)
{
    struct filter *filter = fl_stage_priv(stage);
    fl_av_log_clear();
    int ret = av_buffersrc_add_frame(filter->graph.source, frame);
    return ret < 0 && ret != AVERROR_EOF ? fail_filter(stage, ret) : give_out(stage);
}

/* Filters that change the rate need to know when the last frame is over. */
int fl_filter_drain(struct fl_stage *stage)
{
    struct filter *filter = fl_stage_priv(stage);
    fl_av_log_clear();
    int ret = av_buffersrc_close(filter->graph.source, filter->end_pts, AV_BUFFERSRC_FLAG_PUSH);
    return ret < 0 && ret != AVERROR_EOF ? fail_filter(stage, ret) : give_out(stage);
}

static void note_end(struct filter *filter, const struct fl_desc *desc)
{
    AVRational time_base = {desc->time_base_num, desc->time_base_den};
    int64_t duration = desc->duration > 0     ? desc->duration
                       : filter->rate.num > 0 ? av_rescale_q(1, av_inv_q(filter->rate), time_base)
                                              : 0;
    if (desc->pts != FL_NO_PTS)
        filter->end_pts = desc->pts + duration;
}

static bool alike(const AVFrame *a, const AVFrame *b)
{
    return a->format == b->format && a->width == b->width && a->height == b->height && av_cmp_q(a->time_base, b->time_base) == 0
#if LIBAVFILTER_VERSION_MAJOR >= 10
           && a->colorspace == b->colorspace && a->color_range == b->color_range
#endif
        ;
}

/* What is in the old graph comes out before a new one is made. */
static int make_graph(struct fl_stage *stage)
{
    struct filter *filter = fl_stage_priv(stage);
    int ret = filter->graph.graph ? fl_filter_drain(stage) : 0;
    if (ret < 0)
        return ret;
    fl_filter_graph_destroy(&filter->graph);
    filter->full = false;
    av_frame_unref(filter->like);
    ret = av_frame_copy_props(filter->like, filter->shell);
    filter->like->format = filter->shell->format;
    filter->like->width = filter->shell->width;
    filter->like->height = filter->shell->height;
    filter->like->time_base = filter->shell->time_base;
    fl_av_log_clear();
    if (ret >= 0)
        ret = fl_filter_graph_create(&filter->graph, filter->chain.text, filter->like, filter->rate);
    fl_filter_identity_anew(&filter->identity);
    return ret < 0 ? fail_graph(stage, FL_STAGE_ERROR_RUN, ret) : 0;
}

/* Nothing came of this frame, and nothing is left of it inside: those who wait for it need wait no more. Only a chain that has
 * answered every frame at once so far is known to keep nothing. */
static void note_swallowed(struct fl_stage *stage, const struct fl_desc *desc, uint64_t given_before)
{
    struct filter *filter = fl_stage_priv(stage);
    const struct filter_identity *identity = &filter->identity;
    if (filter->given == given_before && identity->answered && !identity->late &&
        atomic_load_explicit(&filter->held.count, memory_order_relaxed) == 0)
        fl_stage_skipped(stage, 0, desc);
}

static int filter_process(struct fl_stage *stage, unsigned port, struct fl_frame *frame)
{
    struct filter *filter = fl_stage_priv(stage);
    const struct fl_desc *desc = fl_frame_desc(frame);
    uint64_t given_before = filter->given;
    if (filter->full) {
        fl_stage_skipped(stage, 0, desc);
        return 0;
    }
    int ret = fl_av_wrap(stage, frame, filter->shell);
    if (ret < 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_RUN, ret, "frame %llu is not what its description says",
                             (unsigned long long)desc->number);
    if (!filter->graph.graph || !alike(filter->shell, filter->like))
        ret = make_graph(stage);
    if (ret >= 0 && (ret = fl_av_held_admit(&filter->held, stage, filter->shell)) < 0)
        ret = fl_stage_fail(stage, FL_STAGE_ERROR_RUN, ret, "no memory");
    if (ret >= 0) {
        fl_filter_remember(&filter->identity, desc);
        note_end(filter, desc);
        ret = give_in(stage, filter->shell);
    }
    av_frame_unref(filter->shell);
    if (ret >= 0)
        note_swallowed(stage, desc, given_before);
    return ret;
}

static int filter_ended(struct fl_stage *stage, unsigned port)
{
    struct filter *filter = fl_stage_priv(stage);
    return filter->graph.graph && !filter->full ? fl_filter_drain(stage) : 0;
}

static void filter_close(struct fl_stage *stage)
{
    struct filter *filter = fl_stage_priv(stage);
    fl_filter_graph_destroy(&filter->graph);
    av_frame_free(&filter->like);
    av_frame_free(&filter->shell);
    av_frame_free(&filter->out);
    fl_filter_text_finish(&filter->chain);
    fl_av_held_finish(&filter->held);
    fl_av_log_detach();
}

const struct fl_stage_module fl_stage_module = {
    .kind = "filter",
    .priv_bytes = sizeof(struct filter),
    .open = filter_open,
    .process = filter_process,
    .ended = filter_ended,
    .set = fl_filter_set,
    .close = filter_close,
};
