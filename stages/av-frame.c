/* Words: struct fl_desc <-> AVFrame. */
#include "av-frame.h"

#include <errno.h>
#include <string.h>

#include <libavutil/display.h>
#include <libavutil/imgutils.h>

#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
#define FRAME_DURATION(frame) ((frame)->duration)
#else
#define FRAME_DURATION(frame) ((frame)->pkt_duration)
#endif

enum AVPixelFormat fl_av_format(const struct fl_desc *desc)
{
    if (memchr(desc->format, 0, sizeof desc->format) == NULL)
        return AV_PIX_FMT_NONE;
    enum AVPixelFormat format = av_get_pix_fmt(desc->format);
    return fl_av_can_carry(format) ? format : AV_PIX_FMT_NONE;
}

bool fl_av_can_carry(enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *pixels = av_pix_fmt_desc_get(format);
    return pixels && !(pixels->flags & AV_PIX_FMT_FLAG_HWACCEL) && strlen(pixels->name) < sizeof((struct fl_desc *)0)->format;
}

static bool has_palette(enum AVPixelFormat format)
{
    return av_pix_fmt_desc_get(format)->flags & AV_PIX_FMT_FLAG_PAL;
}

unsigned fl_av_plane_count(enum AVPixelFormat format)
{
    int count = av_pix_fmt_count_planes(format);
    return count < 0 ? 0 : has_palette(format) ? 2 : (unsigned)count;
}

int fl_av_plane_size(enum AVPixelFormat format, int width, int height, unsigned plane, uint32_t *row_bytes, uint32_t *rows)
{
    const AVPixFmtDescriptor *pixels = av_pix_fmt_desc_get(format);
    if (!pixels || av_image_check_size2((unsigned)width, (unsigned)height, INT64_MAX, format, 0, NULL) < 0)
        return -EINVAL;
    if (plane == 1 && has_palette(format)) {
        *row_bytes = AVPALETTE_SIZE;
        *rows = 1;
        return 0;
    }
    int bytes = av_image_get_linesize(format, width, (int)plane);
    if (bytes <= 0)
        return -EINVAL;
    *row_bytes = (uint32_t)bytes;
    *rows = (uint32_t)(plane == 1 || plane == 2 ? AV_CEIL_RSHIFT(height, pixels->log2_chroma_h) : height);
    return 0;
}

int fl_av_check(const struct fl_desc *desc)
{
    enum AVPixelFormat format = fl_av_format(desc);
    if (desc->kind != FL_KIND_VIDEO || format == AV_PIX_FMT_NONE || desc->width > INT32_MAX || desc->height > INT32_MAX)
        return -EBADMSG;
    unsigned count = fl_av_plane_count(format);
    if (count == 0 || desc->plane_count < count || desc->plane_count > FL_MAX_PLANES)
        return -EBADMSG;
    for (unsigned i = 0; i < count; i++) {
        const struct fl_plane *plane = &desc->planes[i];
        uint32_t row_bytes, rows;
        if (fl_av_plane_size(format, (int)desc->width, (int)desc->height, i, &row_bytes, &rows) < 0)
            return -EBADMSG;
        if (plane->row_bytes < row_bytes || plane->rows < rows || plane->row_bytes > INT32_MAX || plane->stride == INT32_MIN)
            return -EBADMSG;
    }
    return 0;
}

/* ---- AVFrame -> words ---- */

static uint8_t field_order(const AVFrame *frame)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
    bool interlaced = frame->flags & AV_FRAME_FLAG_INTERLACED, top = frame->flags & AV_FRAME_FLAG_TOP_FIELD_FIRST;
#else
    bool interlaced = frame->interlaced_frame, top = frame->top_field_first;
#endif
    return !interlaced ? FL_FIELD_PROGRESSIVE : top ? FL_FIELD_TOP_FIRST : FL_FIELD_BOTTOM_FIRST;
}

static bool is_key(const AVFrame *frame)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
    return frame->flags & AV_FRAME_FLAG_KEY;
#else
    return frame->key_frame;
#endif
}

static uint8_t picture_type(const AVFrame *frame)
{
    switch (frame->pict_type) {
    case AV_PICTURE_TYPE_I:
        return 'I';
    case AV_PICTURE_TYPE_P:
        return 'P';
    case AV_PICTURE_TYPE_B:
        return 'B';
    default:
        return 0;
    }
}

static uint32_t describe_flags(const AVFrame *frame, struct fl_desc *desc)
{
    const AVFrameSideData *matrix = av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
    uint32_t flags = (is_key(frame) ? FL_FRAME_KEY : 0) | (frame->flags & AV_FRAME_FLAG_CORRUPT ? FL_FRAME_CORRUPT : 0);
    memset(desc->display_matrix, 0, sizeof desc->display_matrix);
    if (matrix && matrix->size >= sizeof desc->display_matrix) {
        memcpy(desc->display_matrix, matrix->data, sizeof desc->display_matrix);
        flags |= FL_FRAME_MATRIX;
    }
    return flags;
}

int fl_av_describe(const AVFrame *frame, AVRational time_base, struct fl_desc *desc)
{
    if (!fl_av_can_carry(frame->format))
        return -ENOTSUP;
    if (frame->width <= 0 || frame->height <= 0)
        return -EINVAL;
    desc->kind = FL_KIND_VIDEO;
    desc->pts = frame->pts;
    desc->dts = FL_NO_PTS;
    desc->duration = FRAME_DURATION(frame) > 0 ? FRAME_DURATION(frame) : 0;
    desc->time_base_num = time_base.num;
    desc->time_base_den = time_base.den;
    desc->flags = describe_flags(frame, desc);
    desc->width = (uint32_t)frame->width;
    desc->height = (uint32_t)frame->height;
    memset(desc->format, 0, sizeof desc->format);
    memcpy(desc->format, av_get_pix_fmt_name(frame->format), strlen(av_get_pix_fmt_name(frame->format)));
    AVRational sar = frame->sample_aspect_ratio;
    bool known = sar.num > 0 && sar.den > 0;
    desc->sar_num = known ? sar.num : 0;
    desc->sar_den = known ? sar.den : 1;
    desc->color_range = (uint8_t)frame->color_range;
    desc->color_primaries = (uint8_t)frame->color_primaries;
    desc->color_transfer = (uint8_t)frame->color_trc;
    desc->color_matrix = (uint8_t)frame->colorspace;
    desc->chroma_location = (uint8_t)frame->chroma_location;
    desc->field_order = field_order(frame);
    desc->repeat = (uint8_t)(frame->repeat_pict > 0 && frame->repeat_pict < 256 ? frame->repeat_pict : 0);
    desc->picture_type = picture_type(frame);
    return 0;
}

static int describe_plane(const AVFrame *frame, unsigned i, const uint8_t *base, uint64_t capacity, struct fl_plane *plane)
{
    if (fl_av_plane_size(frame->format, frame->width, frame->height, i, &plane->row_bytes, &plane->rows) < 0)
        return -ERANGE;
    uintptr_t data = (uintptr_t)frame->data[i], start = (uintptr_t)base;
    if (data < start || data - start >= capacity || data - start > UINT32_MAX)
        return -ERANGE;
    plane->offset = (uint32_t)(data - start);
    plane->stride = plane->rows > 1 ? frame->linesize[i] : (int32_t)plane->row_bytes;
    int64_t offset = plane->offset, reach = (int64_t)plane->stride * (int64_t)(plane->rows - 1);
    int64_t first = reach < 0 ? offset + reach : offset, last = reach < 0 ? offset : offset + reach;
    int64_t stride = plane->stride < 0 ? -(int64_t)plane->stride : plane->stride;
    if (first < 0 || (uint64_t)last + plane->row_bytes > capacity || (plane->rows > 1 && stride < (int64_t)plane->row_bytes))
        return -ERANGE;
    return 0;
}

int fl_av_describe_planes(const AVFrame *frame, const uint8_t *base, uint64_t capacity, struct fl_desc *desc)
{
    unsigned count = fl_av_plane_count(frame->format);
    memset(desc->planes, 0, sizeof desc->planes);
    for (unsigned i = 0; i < count; i++)
        if (describe_plane(frame, i, base, capacity, &desc->planes[i]) < 0)
            return -ERANGE;
    desc->plane_count = (uint16_t)count;
    return 0;
}

/* ---- words -> AVFrame ---- */

static void apply_fields(const struct fl_desc *desc, AVFrame *frame)
{
    bool interlaced = desc->field_order != FL_FIELD_PROGRESSIVE, top = desc->field_order == FL_FIELD_TOP_FIRST;
    bool key = desc->flags & FL_FRAME_KEY;
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
    frame->flags |=
        (interlaced ? AV_FRAME_FLAG_INTERLACED : 0) | (top ? AV_FRAME_FLAG_TOP_FIELD_FIRST : 0) | (key ? AV_FRAME_FLAG_KEY : 0);
#else
    frame->interlaced_frame = interlaced;
    frame->top_field_first = top;
    frame->key_frame = key;
#endif
    frame->flags |= desc->flags & FL_FRAME_CORRUPT ? AV_FRAME_FLAG_CORRUPT : 0;
    frame->repeat_pict = desc->repeat;
    frame->pict_type = desc->picture_type == 'I'   ? AV_PICTURE_TYPE_I
                       : desc->picture_type == 'P' ? AV_PICTURE_TYPE_P
                       : desc->picture_type == 'B' ? AV_PICTURE_TYPE_B
                                                   : AV_PICTURE_TYPE_NONE;
}

int fl_av_apply(const struct fl_desc *desc, AVFrame *frame)
{
    frame->format = fl_av_format(desc);
    frame->width = (int)desc->width;
    frame->height = (int)desc->height;
    frame->pts = desc->pts;
    frame->time_base = (AVRational){desc->time_base_num, desc->time_base_den};
    FRAME_DURATION(frame) = desc->duration;
    frame->sample_aspect_ratio = (AVRational){desc->sar_num, desc->sar_den > 0 ? desc->sar_den : 1};
    frame->color_range = desc->color_range;
    frame->color_primaries = desc->color_primaries;
    frame->color_trc = desc->color_transfer;
    frame->colorspace = desc->color_matrix;
    frame->chroma_location = desc->chroma_location;
    apply_fields(desc, frame);
    if (!(desc->flags & FL_FRAME_MATRIX))
        return 0;
    AVFrameSideData *matrix = av_frame_new_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX, sizeof desc->display_matrix);
    if (!matrix)
        return -ENOMEM;
    memcpy(matrix->data, desc->display_matrix, sizeof desc->display_matrix);
    return 0;
}
