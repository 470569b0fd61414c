#include "filter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/imgutils.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>

#include "av-log.h"

#define TRIAL_PICTURES 4

/* ---- making ---- */

static int add_source(struct filter_graph *g, const AVFrame *like, AVRational rate)
{
    AVBufferSrcParameters *parameters = av_buffersrc_parameters_alloc();
    g->source = parameters ? avfilter_graph_alloc_filter(g->graph, avfilter_get_by_name("buffer"), "in") : NULL;
    int ret = g->source ? 0 : AVERROR(ENOMEM);
    if (ret >= 0) {
        parameters->format = like->format;
        parameters->width = like->width;
        parameters->height = like->height;
        parameters->time_base = like->time_base;
        parameters->sample_aspect_ratio = like->sample_aspect_ratio;
        parameters->frame_rate = rate;
#if LIBAVFILTER_VERSION_MAJOR >= 10
        parameters->color_space = like->colorspace;
        parameters->color_range = like->color_range;
#endif
        ret = av_buffersrc_parameters_set(g->source, parameters);
    }
    av_free(parameters);
    return ret >= 0 ? avfilter_init_dict(g->source, NULL) : ret;
}

static bool is_one_video_pad(const AVFilterInOut *open, bool output)
{
    if (!open || open->next)
        return false;
    const AVFilterPad *pads = output ? open->filter_ctx->output_pads : open->filter_ctx->input_pads;
    return avfilter_pad_get_type(pads, open->pad_idx) == AVMEDIA_TYPE_VIDEO;
}

static int parse_chain(struct filter_graph *g, const char *text)
{
    AVFilterInOut *inputs = NULL, *outputs = NULL;
    int ret = avfilter_graph_parse2(g->graph, text, &inputs, &outputs);
    if (ret >= 0 && (!is_one_video_pad(inputs, false) || !is_one_video_pad(outputs, true))) {
        av_log(NULL, AV_LOG_ERROR, "it must have one video input and one video output\n");
        ret = AVERROR(EINVAL);
    }
    if (ret >= 0)
        ret = avfilter_link(g->source, 0, inputs->filter_ctx, (unsigned)inputs->pad_idx);
    if (ret >= 0)
        ret = avfilter_link(outputs->filter_ctx, (unsigned)outputs->pad_idx, g->sink, 0);
    avfilter_inout_free(&inputs);
    avfilter_inout_free(&outputs);
    return ret;
}

static bool has_own_source(const struct filter_graph *g)
{
    for (unsigned i = 0; i < g->graph->nb_filters; i++)
        if (g->graph->filters[i] != g->source && g->graph->filters[i]->nb_inputs == 0)
            return true;
    return false;
}

/* A loop without an end, or a last picture that stands for ever: only who stops the run ends it. */
static bool repeats_for_ever(const struct filter_graph *g)
{
    static const char *const counts[][2] = {{"loop", "loop"}, {"tpad", "stop"}};
    for (unsigned i = 0; i < g->graph->nb_filters; i++) {
        AVFilterContext *filter = g->graph->filters[i];
        for (unsigned k = 0; k < sizeof counts / sizeof *counts; k++) {
            int64_t count = 0;
            if (strcmp(filter->filter->name, counts[k][0]) == 0 &&
                av_opt_get_int(filter, counts[k][1], AV_OPT_SEARCH_CHILDREN, &count) >= 0 && count < 0)
                return true;
        }
    }
    return false;
}

int fl_filter_graph_create(struct filter_graph *g, const char *text, const AVFrame *like, AVRational rate)
{
    *g = (struct filter_graph){.graph = avfilter_graph_alloc()};
    if (!g->graph)
        return AVERROR(ENOMEM);
    g->graph->scale_sws_opts = av_strdup("flags=bicubic"); /* as ffmpeg's, for scalers that are put in between */
    int ret = add_source(g, like, rate);
    if (ret >= 0)
        ret = avfilter_graph_create_filter(&g->sink, avfilter_get_by_name("buffersink"), "out", NULL, NULL, g->graph);
    if (ret >= 0)
        ret = parse_chain(g, text);
    if (ret >= 0)
        ret = avfilter_graph_config(g->graph, NULL);
    if (ret < 0)
        fl_filter_graph_destroy(g);
    else
        g->endless = has_own_source(g) || repeats_for_ever(g);
    return ret;
}

void fl_filter_graph_destroy(struct filter_graph *g)
{
    avfilter_graph_free(&g->graph);
    g->source = g->sink = NULL;
}

/* ---- trying ---- */

/* Names of files that a filter reads do no harm. */
bool fl_filter_may_try(const char *text)
{
    static const char *const read[] = {"font", "text", "lut1d=", "lut3d="};
    for (const char *at = text; (at = strstr(at, "file")); at += strlen("file")) {
        bool harmless = false;
        for (unsigned i = 0; i < sizeof(read) / sizeof(read[0]); i++) {
            size_t bytes = strlen(read[i]);
            harmless |= (size_t)(at - text) >= bytes && !strncmp(at - bytes, read[i], bytes);
        }
        if (!harmless)
            return false;
    }
    return !strstr(text, "result");
}

/* Read-only, as a slot's picture is: a filter that works in place would copy it first. */
static AVFrame *create_blank(const AVFrame *like)
{
    AVFrame *blank = av_frame_alloc();
    if (!blank)
        return NULL;
    blank->format = like->format;
    blank->width = like->width;
    blank->height = like->height;
    int ret = av_frame_get_buffer(blank, 0);
    if (ret >= 0)
        ret = av_frame_copy_props(blank, like);
    if (ret >= 0) {
        ptrdiff_t strides[4] = {blank->linesize[0], blank->linesize[1], blank->linesize[2], blank->linesize[3]};
        ret = av_image_fill_black(blank->data, strides, blank->format, blank->color_range, blank->width, blank->height);
    }
    if (ret < 0)
        av_frame_free(&blank);
    return blank;
}

static void keep(void *opaque, uint8_t *data)
{
}

static int give_blank(struct filter_graph *g, const AVFrame *blank, AVFrame *shell, int64_t pts)
{
    AVBufferRef *memory = av_buffer_create(blank->buf[0]->data, blank->buf[0]->size, keep, NULL, AV_BUFFER_FLAG_READONLY);
    int ret = memory ? av_frame_ref(shell, blank) : AVERROR(ENOMEM);
    if (ret < 0) {
        av_buffer_unref(&memory);
        return ret;
    }
    av_buffer_unref(&shell->buf[0]);
    shell->buf[0] = memory;
    shell->pts = pts;
    ret = av_buffersrc_add_frame(g->source, shell);
    av_frame_unref(shell);
    return ret;
}

static void look_at(const AVFrame *out, const AVFrame *blank, struct filter_trial *trial)
{
    trial->seen = true;
    for (unsigned i = 0; i < AV_NUM_DATA_POINTERS && blank->buf[i]; i++)
        if (out->data[0] >= blank->buf[i]->data && out->data[0] < blank->buf[i]->data + blank->buf[i]->size)
            trial->forwards = true;
    av_frame_unref(trial->picture);
    av_frame_copy_props(trial->picture, out);
}

static int run_trial(struct filter_graph *g, const AVFrame *blank, AVRational rate, struct filter_trial *trial)
{
    AVFrame *shell = av_frame_alloc();
    int64_t step = rate.num > 0 ? av_rescale_q(1, av_inv_q(rate), blank->time_base) : 1;
    int ret = shell ? 0 : AVERROR(ENOMEM);
    for (int i = 0; i <= TRIAL_PICTURES && ret >= 0 && !trial->seen; i++) {
        ret = i < TRIAL_PICTURES ? give_blank(g, blank, shell, i * (step > 0 ? step : 1)) : av_buffersrc_add_frame(g->source, NULL);
        if (ret >= 0 && av_buffersink_get_frame(g->sink, shell) >= 0) {
            look_at(shell, blank, trial);
            trial->at_once = i == 0;
        }
        if (shell)
            av_frame_unref(shell);
    }
    av_frame_free(&shell);
    return ret;
}

int fl_filter_try(const char *text, const AVFrame *like, AVRational rate, struct filter_trial *trial)
{
    struct filter_graph graph;
    AVFrame *blank = create_blank(like);
    int ret = blank ? fl_filter_graph_create(&graph, text, like, rate) : AVERROR(ENOMEM);
    if (ret >= 0) {
        ret = run_trial(&graph, blank, rate, trial);
        fl_filter_graph_destroy(&graph);
    }
    av_frame_free(&blank);
    return ret;
}
