#include "convert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/opt.h>
#include <libswscale/swscale.h>

#define ALIGN       64
#define SLACK_BYTES 1024 /* vector code writes whole vectors */

static bool same(const struct fl_convert *c, const struct fl_view_frame *frame, const struct fl_colour *colour,
                 enum AVPixelFormat format, unsigned width, unsigned height)
{
    return c->sws && c->from_width == frame->desc.width && c->from_height == frame->desc.height &&
           c->from_format == frame->format && c->colour.matrix == colour->matrix && c->colour.full == colour->full &&
           c->width == width && c->height == height && c->format == format;
}

/* The yuvj formats are their plain sisters with full range, which is stated apart. */
static enum AVPixelFormat plain(enum AVPixelFormat format)
{
    switch (format) {
    case AV_PIX_FMT_YUVJ420P:
        return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
        return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
        return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
        return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ411P:
        return AV_PIX_FMT_YUV411P;
    default:
        return format;
    }
}

static int set_up(struct fl_convert *c)
{
    enum AVPixelFormat from = plain(c->from_format);
    sws_freeContext(c->sws);
    c->sws = NULL;
    if (!sws_isSupportedInput(from))
        return -ENOTSUP;
    struct SwsContext *sws = sws_alloc_context();
    if (!sws)
        return -ENOMEM;
    av_opt_set_int(sws, "srcw", c->from_width, 0);
    av_opt_set_int(sws, "srch", c->from_height, 0);
    av_opt_set_int(sws, "src_format", from, 0);
    av_opt_set_int(sws, "dstw", c->width, 0);
    av_opt_set_int(sws, "dsth", c->height, 0);
    av_opt_set_int(sws, "dst_format", c->format, 0);
    av_opt_set_int(sws, "src_range", c->colour.full, 0);
    av_opt_set_int(sws, "dst_range", 1, 0);
    av_opt_set_int(sws, "sws_flags", SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, 0);
    if (from == AV_PIX_FMT_YUV420P) /* chroma between the lines, as in MPEG-2; libswscale would centre it */
        av_opt_set_int(sws, "src_v_chr_pos", 128, 0);
    if (sws_init_context(sws, NULL, NULL) < 0) {
        sws_freeContext(sws);
        return -ENOTSUP;
    }
    const int *matrix = fl_colour_coefficients(&c->colour);
    sws_setColorspaceDetails(sws, matrix, c->colour.full, matrix, 1, 0, 1 << 16, 1 << 16);
    c->sws = sws;
    return 0;
}

static int reserve(struct fl_convert *c)
{
    unsigned pixel = c->format == AV_PIX_FMT_RGB24 ? 3 : 4;
    c->stride = (int)((c->width * pixel + ALIGN - 1) / ALIGN * ALIGN);
    uint64_t need = (uint64_t)c->stride * c->height + SLACK_BYTES;
    if (need <= c->capacity)
        return 0;
    free(c->pixels);
    c->pixels = aligned_alloc(ALIGN, (need + ALIGN - 1) / ALIGN * ALIGN);
    c->capacity = c->pixels ? need : 0;
    return c->pixels ? 0 : -ENOMEM;
}

static int run(struct fl_convert *c, const struct fl_view_frame *frame)
{
    const uint8_t *from[4] = {frame->plane[0], frame->plane[1], frame->plane[2], frame->plane[3]};
    uint8_t *to[4] = {c->pixels};
    int from_strides[4], to_strides[4] = {c->stride};
    for (unsigned i = 0; i < 4; i++)
        from_strides[i] = frame->desc.planes[i].stride;
    return sws_scale(c->sws, from, from_strides, 0, (int)c->from_height, to, to_strides) < 0 ? -ENOTSUP : 0;
}

int fl_convert(struct fl_convert *c, const struct fl_view_frame *frame, enum AVPixelFormat format, unsigned width, unsigned height)
{
    struct fl_colour colour = fl_colour_of(frame);
    struct fl_view_frame *copy = NULL;
    int error = 0;
    width = width ? width : frame->desc.width;
    height = height ? height : frame->desc.height;
    if (!same(c, frame, &colour, format, width, height)) {
        c->from_width = frame->desc.width;
        c->from_height = frame->desc.height;
        c->from_format = frame->format;
        c->colour = colour;
        c->width = width;
        c->height = height;
        c->format = format;
        error = set_up(c);
    }
    if (error == 0)
        error = reserve(c);
    if (error == 0 && !frame->slack)
        error = fl_view_frame_copy(frame, &copy);
    if (error == 0)
        error = run(c, copy ? copy : frame);
    fl_view_frame_unref(copy);
    return error;
}

void fl_convert_finish(struct fl_convert *c)
{
    sws_freeContext(c->sws);
    free(c->pixels);
    *c = (struct fl_convert){0};
}
