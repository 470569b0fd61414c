#include "frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/common.h>
#include <libavutil/imgutils.h>

#define SLACK_BYTES 128
#define ALIGN       64
#define NS          1000000000ll

/* ---- checks ---- */

static unsigned plane_count(enum AVPixelFormat format, const AVPixFmtDescriptor *pixels)
{
    int planes = av_pix_fmt_count_planes(format);
    return pixels->flags & AV_PIX_FMT_FLAG_PAL ? 2 : planes < 0 ? 0 : (unsigned)planes;
}

/* Bytes a row and rows of a plane, as the format has them at that size. False: no such picture can be. */
static bool plane_size(const struct fl_view_frame *frame, unsigned plane, uint64_t *row_bytes, uint64_t *rows)
{
    if (frame->pixels->flags & AV_PIX_FMT_FLAG_PAL && plane == 1) {
        *row_bytes = AVPALETTE_SIZE;
        *rows = 1;
        return true;
    }
    bool chroma = (plane == 1 || plane == 2) && !(frame->pixels->flags & AV_PIX_FMT_FLAG_RGB);
    int bytes = av_image_get_linesize(frame->format, (int)frame->desc.width, (int)plane);
    *row_bytes = bytes > 0 ? (uint64_t)bytes : 0;
    *rows = chroma ? (uint64_t)AV_CEIL_RSHIFT((int)frame->desc.height, frame->pixels->log2_chroma_h) : frame->desc.height;
    return bytes > 0;
}

static int check(struct fl_view_frame *frame, uint64_t capacity)
{
    const struct fl_desc *desc = &frame->desc;
    unsigned planes = plane_count(frame->format, frame->pixels);
    uint64_t last = 0;
    if (av_image_check_size(desc->width, desc->height, 0, NULL) < 0 || desc->plane_count < planes || planes > FL_MAX_PLANES)
        return -EBADMSG;
    for (unsigned i = 0; i < planes; i++) {
        const struct fl_plane *plane = &desc->planes[i];
        uint64_t row_bytes, rows;
        if (!plane_size(frame, i, &row_bytes, &rows) || plane->row_bytes < row_bytes || plane->rows < rows)
            return -EBADMSG;
        uint64_t end = plane->offset + (plane->stride > 0 ? (uint64_t)plane->stride * (rows - 1) : 0) + row_bytes;
        last = end > last ? end : last;
    }
    frame->slack = capacity >= SLACK_BYTES && last <= capacity - SLACK_BYTES;
    return 0;
}

/* ---- life ---- */

/* All but planes and holder. */
static int begin(const struct fl_desc *desc, uint64_t capacity, uint64_t now_ns, struct fl_view_frame *frame)
{
    char name[sizeof desc->format + 1] = {0};
    memcpy(name, desc->format, sizeof desc->format);
    enum AVPixelFormat format = av_get_pix_fmt(name);
    const AVPixFmtDescriptor *pixels = av_pix_fmt_desc_get(format);
    if (desc->kind != FL_KIND_VIDEO || !pixels || pixels->flags & AV_PIX_FMT_FLAG_HWACCEL)
        return -ENOTSUP;
    *frame = (struct fl_view_frame){.desc = *desc, .pixels = pixels, .format = format, .arrived_ns = now_ns};
    atomic_init(&frame->refs, 1);
    return check(frame, capacity);
}

int fl_view_frame_wrap(struct fl_frame *from, uint64_t now_ns, struct fl_view_frame **out)
{
    struct fl_view_frame *frame = calloc(1, sizeof *frame);
    int error = frame ? begin(fl_frame_desc(from), fl_frame_capacity(from), now_ns, frame) : -ENOMEM;
    if (error < 0) {
        free(frame);
        return error;
    }
    for (unsigned i = 0; i < plane_count(frame->format, frame->pixels); i++)
        frame->plane[i] = fl_frame_plane(from, i);
    frame->held = fl_frame_ref(from);
    *out = frame;
    return 0;
}

int fl_view_frame_of_bytes(const struct fl_desc *desc, const uint8_t *base, uint64_t capacity, uint64_t now_ns,
                           struct fl_view_frame **out)
{
    struct fl_view_frame there;
    int error = fl_desc_check(desc, capacity);
    if (error == 0)
        error = begin(desc, capacity, now_ns, &there);
    if (error < 0)
        return error;
    for (unsigned i = 0; i < plane_count(there.format, there.pixels); i++)
        there.plane[i] = base + desc->planes[i].offset;
    return fl_view_frame_copy(&there, out);
}

static uint64_t stride_of(uint64_t row_bytes)
{
    return (row_bytes + ALIGN - 1) / ALIGN * ALIGN;
}

/* Planes lie behind the struct, each with slack after it. */
static uint64_t lay_out(const struct fl_view_frame *frame, uint64_t offset[FL_MAX_PLANES])
{
    uint64_t at = stride_of(sizeof *frame);
    for (unsigned i = 0; i < plane_count(frame->format, frame->pixels); i++) {
        uint64_t row_bytes, rows;
        plane_size(frame, i, &row_bytes, &rows);
        offset[i] = at;
        at += stride_of(row_bytes) * rows + SLACK_BYTES;
    }
    return at;
}

static void copy_planes(const struct fl_view_frame *from, struct fl_view_frame *to, const uint64_t *offset)
{
    for (unsigned i = 0; i < plane_count(from->format, from->pixels); i++) {
        uint64_t row_bytes, rows;
        plane_size(from, i, &row_bytes, &rows);
        uint8_t *row = (uint8_t *)to + offset[i];
        to->plane[i] = row;
        for (uint64_t y = 0; y < rows; y++)
            memcpy(row + y * stride_of(row_bytes), from->plane[i] + (ptrdiff_t)y * from->desc.planes[i].stride, row_bytes);
        to->desc.planes[i].stride = (int32_t)stride_of(row_bytes);
    }
}

int fl_view_frame_copy(const struct fl_view_frame *frame, struct fl_view_frame **out)
{
    uint64_t offset[FL_MAX_PLANES], bytes = lay_out(frame, offset);
    struct fl_view_frame *copy = aligned_alloc(ALIGN, stride_of(bytes));
    if (!copy)
        return -ENOMEM;
    memcpy(copy, frame, sizeof *copy);
    atomic_init(&copy->refs, 1);
    copy->held = NULL;
    copy->bytes = bytes;
    copy->slack = true;
    copy_planes(frame, copy, offset);
    *out = copy;
    return 0;
}

struct fl_view_frame *fl_view_frame_ref(struct fl_view_frame *frame)
{
    atomic_fetch_add_explicit(&frame->refs, 1, memory_order_relaxed);
    return frame;
}

void fl_view_frame_unref(struct fl_view_frame *frame)
{
    if (!frame || atomic_fetch_sub_explicit(&frame->refs, 1, memory_order_acq_rel) > 1)
        return;
    fl_frame_unref(frame->held);
    free(frame);
}

/* ---- identity and time ---- */

int fl_view_frame_compare(const struct fl_view_frame *a, const struct fl_view_frame *b)
{
    const struct fl_desc *x = &a->desc, *y = &b->desc;
    if (x->epoch != y->epoch)
        return x->epoch < y->epoch ? -1 : 1;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x->part < y->part ? -1 : x->part > y->part;
}

bool fl_view_frame_same(const struct fl_view_frame *a, const struct fl_view_frame *b)
{
    return fl_view_frame_compare(a, b) == 0;
}

static int64_t to_ns(const struct fl_desc *desc, int64_t time)
{
    if (desc->time_base_num <= 0 || desc->time_base_den <= 0)
        return FL_NO_PTS;
    __int128 ns = (__int128)time * desc->time_base_num * NS / desc->time_base_den;
    return ns > INT64_MAX || ns <= INT64_MIN ? FL_NO_PTS : (int64_t)ns;
}

int64_t fl_view_frame_pts_ns(const struct fl_view_frame *frame)
{
    return frame->desc.pts == FL_NO_PTS ? FL_NO_PTS : to_ns(&frame->desc, frame->desc.pts);
}

int64_t fl_view_frame_duration_ns(const struct fl_view_frame *frame)
{
    int64_t ns = to_ns(&frame->desc, frame->desc.duration);
    return ns == FL_NO_PTS || ns < 0 ? 0 : ns;
}

/* ---- components ---- */

static bool is_chroma(const struct fl_view_frame *frame, unsigned component)
{
    return (component == 1 || component == 2) && frame->pixels->nb_components >= 3 && !(frame->pixels->flags & AV_PIX_FMT_FLAG_RGB);
}

unsigned fl_view_component_width(const struct fl_view_frame *frame, unsigned component)
{
    return (unsigned)AV_CEIL_RSHIFT((int)frame->desc.width, is_chroma(frame, component) ? frame->pixels->log2_chroma_w : 0);
}

unsigned fl_view_component_height(const struct fl_view_frame *frame, unsigned component)
{
    return (unsigned)AV_CEIL_RSHIFT((int)frame->desc.height, is_chroma(frame, component) ? frame->pixels->log2_chroma_h : 0);
}

void fl_view_component_read(const struct fl_view_frame *frame, unsigned component, unsigned x, unsigned y, unsigned count,
                            uint16_t *values)
{
    const uint8_t *data[FL_MAX_PLANES] = {frame->plane[0], frame->plane[1], frame->plane[2], frame->plane[3]};
    int strides[FL_MAX_PLANES];
    for (unsigned i = 0; i < FL_MAX_PLANES; i++)
        strides[i] = frame->desc.planes[i].stride;
    bool palette = frame->pixels->flags & AV_PIX_FMT_FLAG_PAL;
    av_read_image_line2(values, data, strides, frame->pixels, (int)x, (int)y, (int)component, (int)count, palette, sizeof *values);
}

const char *fl_view_component_name(const struct fl_view_frame *frame, unsigned component)
{
    static const char *const rgb[4] = {"R", "G", "B", "A"}, *const yuv[4] = {"Y", "U", "V", "A"};
    static const char *const grey[4] = {"Y", "A", "3", "4"}, *const xyz[4] = {"X", "Y", "Z", "4"};
    const char *const *names = frame->pixels->nb_components < 3              ? grey
                               : frame->pixels->flags & AV_PIX_FMT_FLAG_RGB  ? rgb
                               : strncmp(frame->pixels->name, "xyz", 3) == 0 ? xyz
                                                                             : yuv;
    return names[component % 4];
}
