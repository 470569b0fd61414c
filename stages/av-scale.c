#include "av-scale.h"

#include <errno.h>
#include <limits.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

int fl_scaler_parse_flags(const char *text, int *flags)
{
    struct SwsContext *sws = sws_alloc_context();
    int64_t value = 0;
    int ret = sws ? av_opt_set(sws, "sws_flags", text, 0) : AVERROR(ENOMEM);
    if (ret >= 0)
        ret = av_opt_get_int(sws, "sws_flags", 0, &value);
    sws_freeContext(sws);
    *flags = (int)value;
    return ret < 0 ? -EINVAL : 0;
}

bool fl_scaler_reads(enum AVPixelFormat format)
{
    return sws_isSupportedInput(format) || sws_isSupportedEndiannessConversion(format);
}

bool fl_scaler_writes(enum AVPixelFormat format)
{
    return sws_isSupportedOutput(format) || sws_isSupportedEndiannessConversion(format);
}

enum AVPixelFormat fl_scaler_default_format(enum AVPixelFormat from)
{
    if (fl_scaler_writes(from))
        return from;
    enum AVPixelFormat best = AV_PIX_FMT_NONE;
    const AVPixFmtDescriptor *source = av_pix_fmt_desc_get(from);
    for (const AVPixFmtDescriptor *each = av_pix_fmt_desc_next(NULL); each; each = av_pix_fmt_desc_next(each)) {
        enum AVPixelFormat format = av_pix_fmt_desc_get_id(each);
        if (fl_scaler_writes(format))
            best = av_find_best_pix_fmt_of_2(best, format, from, source && source->flags & AV_PIX_FMT_FLAG_ALPHA, NULL);
    }
    return best;
}

static bool same_side(const struct fl_scaler_side *a, const struct fl_scaler_side *b)
{
    return a->width == b->width && a->height == b->height && a->format == b->format;
}

/* By convention 4:2:0 has its chroma between the lines and on the left columns, as in MPEG-2; libswscale would centre it. */
static int chroma_line(enum AVPixelFormat format)
{
    return format == AV_PIX_FMT_YUV420P ? 128 : -513;
}

static int create_context(struct fl_scaler *s)
{
    struct SwsContext *sws = sws_alloc_context();
    if (!sws)
        return -ENOMEM;
    av_opt_set_int(sws, "srcw", s->from.width, 0);
    av_opt_set_int(sws, "srch", s->from.height, 0);
    av_opt_set_int(sws, "src_format", s->from.format, 0);
    av_opt_set_int(sws, "dstw", s->to.width, 0);
    av_opt_set_int(sws, "dsth", s->to.height, 0);
    av_opt_set_int(sws, "dst_format", s->to.format, 0);
    av_opt_set_int(sws, "sws_flags", s->flags, 0);
    av_opt_set_int(sws, "threads", s->threads, 0);
    if (s->from_range != AVCOL_RANGE_UNSPECIFIED)
        av_opt_set_int(sws, "src_range", s->from_range == AVCOL_RANGE_JPEG, 0);
    av_opt_set_int(sws, "src_v_chr_pos", chroma_line(s->from.format), 0);
    av_opt_set_int(sws, "dst_v_chr_pos", chroma_line(s->to.format), 0);
    int ret = sws_init_context(sws, NULL, NULL);
    if (ret < 0) {
        sws_freeContext(sws);
        return ret == AVERROR(ENOMEM) ? -ENOMEM : -EINVAL;
    }
    s->sws = sws;
    return 0;
}

static const int *coefficients(enum AVColorSpace matrix)
{
    bool known = matrix > AVCOL_SPC_RGB && matrix <= AVCOL_SPC_BT2020_CL && matrix != AVCOL_SPC_YCGCO;
    return sws_getCoefficients(known ? (int)matrix : AVCOL_SPC_BT470BG);
}

static void set_colour(struct fl_scaler *s)
{
    int *from, *to, full_from, full_to, brightness, contrast, saturation;
    if (sws_getColorspaceDetails(s->sws, &from, &full_from, &to, &full_to, &brightness, &contrast, &saturation) < 0)
        full_from = full_to = 0, brightness = 0, contrast = saturation = 1 << 16;
    if (s->from_range != AVCOL_RANGE_UNSPECIFIED)
        full_from = s->from_range == AVCOL_RANGE_JPEG;
    const int *matrix = coefficients(s->from_matrix);
    sws_setColorspaceDetails(s->sws, matrix, full_from, matrix, full_to, brightness, contrast, saturation);
    s->full_from = full_from;
    s->full_to = full_to;
}

int fl_scaler_set(struct fl_scaler *s, const AVFrame *from, const struct fl_scaler_side *to)
{
    struct fl_scaler_side side = {from->width, from->height, from->format};
    if (s->set && same_side(&side, &s->from) && same_side(to, &s->to) && from->color_range == s->from_range &&
        from->colorspace == s->from_matrix)
        return 0;
    fl_scaler_finish(s);
    s->from = side;
    s->to = *to;
    s->from_range = from->color_range;
    s->from_matrix = from->colorspace;
    if (!same_side(&s->from, &s->to)) {
        if (!fl_scaler_reads(side.format) || !fl_scaler_writes(to->format))
            return -EINVAL;
        int ret = create_context(s);
        if (ret < 0)
            return ret;
        set_colour(s);
    }
    s->set = true;
    return 0;
}

/* Only libswscale's way with whole frames uses several threads, and it wants counted buffers on both sides. */
int fl_scaler_run(struct fl_scaler *s, AVFrame *to, const AVFrame *from)
{
    int ret;
    if (s->threads != 1 && from->buf[0] && to->buf[0])
        ret = sws_scale_frame(s->sws, to, from);
    else
        ret = sws_scale(s->sws, (const uint8_t *const *)from->data, from->linesize, 0, from->height, to->data, to->linesize);
    if (ret >= 0)
        return 0;
    return ret == AVERROR(ENOMEM) ? -ENOMEM : -EINVAL;
}

void fl_scaler_words(const struct fl_scaler *s, AVFrame *to, const AVFrame *from)
{
    if (!s->sws)
        return;
    bool rgb = av_pix_fmt_desc_get(s->to.format)->flags & AV_PIX_FMT_FLAG_RGB;
    if (rgb)
        to->colorspace = AVCOL_SPC_RGB;
    else if (to->colorspace == AVCOL_SPC_RGB)
        to->colorspace = AVCOL_SPC_UNSPECIFIED;
    /* Unspecified stays unspecified where the samples keep their range: nothing is claimed that the source did not say. */
    if (rgb)
        to->color_range = from->color_range == AVCOL_RANGE_UNSPECIFIED ? AVCOL_RANGE_UNSPECIFIED : AVCOL_RANGE_JPEG;
    else if (from->color_range != AVCOL_RANGE_UNSPECIFIED || s->full_from != s->full_to)
        to->color_range = s->full_to ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    AVRational sar = from->sample_aspect_ratio;
    if (sar.num > 0 && sar.den > 0)
        av_reduce(&to->sample_aspect_ratio.num, &to->sample_aspect_ratio.den, (int64_t)sar.num * s->to.height * s->from.width,
                  (int64_t)sar.den * s->to.width * s->from.height, INT_MAX);
}

void fl_scaler_finish(struct fl_scaler *s)
{
    sws_freeContext(s->sws);
    s->sws = NULL;
    s->set = false;
}
