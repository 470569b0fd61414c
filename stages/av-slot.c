/* Pixels: slots under AVFrames. */
#include "av-frame.h"
#include "av-log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/imgutils.h>

/* ---- which AVBuffers are slots ---- */

/* One AVBuffer over a slot. All of them stand in a list, so that a frame that comes back from libav can be recognised by where its
 * planes lie, whatever libav made of its AVBufferRefs. There are never more than slots, so the list is short. */
struct cover {
    struct fl_frame *frame;
    struct cover *next, **at;
};

static pthread_mutex_t covers_lock = PTHREAD_MUTEX_INITIALIZER;
static struct cover *covers;

static void uncover(void *opaque, uint8_t *data)
{
    struct cover *cover = opaque;
    pthread_mutex_lock(&covers_lock);
    *cover->at = cover->next;
    if (cover->next)
        cover->next->at = cover->at;
    pthread_mutex_unlock(&covers_lock);
    fl_frame_unref(cover->frame);
    free(cover);
}

static AVBufferRef *cover_slot(struct fl_frame *frame, int flags)
{
    struct cover *cover = malloc(sizeof *cover);
    if (!cover)
        return NULL;
    cover->frame = frame;
    AVBufferRef *buffer = av_buffer_create((uint8_t *)fl_frame_base(frame), fl_frame_capacity(frame), uncover, cover, flags);
    if (!buffer) {
        free(cover);
        return NULL;
    }
    fl_frame_ref(frame);
    pthread_mutex_lock(&covers_lock);
    cover->next = covers;
    cover->at = &covers;
    if (covers)
        covers->at = &cover->next;
    covers = cover;
    pthread_mutex_unlock(&covers_lock);
    return buffer;
}

static bool all_within(const AVFrame *frame, const uint8_t *base, size_t capacity)
{
    unsigned count = fl_av_plane_count(frame->format);
    for (unsigned i = 0; i < count; i++)
        if ((uintptr_t)frame->data[i] < (uintptr_t)base || (uintptr_t)frame->data[i] - (uintptr_t)base >= capacity)
            return false;
    return count > 0;
}

struct fl_frame *fl_av_frame_slot(const AVFrame *frame)
{
    struct fl_frame *found = NULL;
    if (!frame->buf[0])
        return NULL;
    pthread_mutex_lock(&covers_lock);
    for (struct cover *c = covers; c && !found; c = c->next)
        if (frame->buf[0]->data == fl_frame_base(c->frame) &&
            all_within(frame, fl_frame_base(c->frame), fl_frame_capacity(c->frame)))
            found = c->frame;
    pthread_mutex_unlock(&covers_lock);
    return found;
}

/* ---- a taken frame for libav ---- */

static bool has_slack(const struct fl_frame *frame)
{
    const struct fl_desc *desc = fl_frame_desc(frame);
    for (unsigned i = 0; i < desc->plane_count; i++) {
        const struct fl_plane *plane = &desc->planes[i];
        int64_t reach = (int64_t)plane->stride * (int64_t)(plane->rows - 1);
        uint64_t last = (uint64_t)plane->offset + (reach > 0 ? (uint64_t)reach : 0) + plane->row_bytes;
        if (last + FL_AV_ALIGN > fl_frame_capacity(frame))
            return false;
    }
    return true;
}

/* Side data is parsed: copied first, so that nobody changes it between check and use. */
static int take_side(const struct fl_frame *frame, AVFrame *out)
{
    const struct fl_desc *desc = fl_frame_desc(frame);
    if (desc->side_bytes == 0)
        return 0;
    if (desc->side_bytes > FL_AV_SIDE_BYTES)
        return -EBADMSG;
    uint8_t *copy = malloc(desc->side_bytes);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, fl_frame_base(frame) + desc->side_offset, desc->side_bytes);
    int error = fl_av_side_to_frame(copy, desc->side_bytes, out);
    free(copy);
    return error;
}

static void point_at_planes(const struct fl_frame *frame, AVFrame *out)
{
    const struct fl_desc *desc = fl_frame_desc(frame);
    unsigned count = fl_av_plane_count(out->format);
    for (unsigned i = 0; i < count; i++) {
        out->data[i] = (uint8_t *)fl_frame_base(frame) + desc->planes[i].offset;
        /* The stride of a single row is never used, so it may be anything; libav asks that it covers the row all the same. */
        out->linesize[i] = desc->planes[i].rows > 1 ? desc->planes[i].stride : (int)desc->planes[i].row_bytes;
    }
}

/* The view becomes a private copy. */
static int detach(struct fl_stage *stage, AVFrame *view)
{
    AVFrame *copy = av_frame_alloc();
    if (!copy)
        return -ENOMEM;
    copy->format = view->format;
    copy->width = view->width;
    copy->height = view->height;
    int error = fl_av_errno(av_frame_get_buffer(copy, 0));
    if (error == 0)
        error = fl_av_errno(av_frame_copy(copy, view));
    if (error == 0)
        error = fl_av_errno(av_frame_copy_props(copy, view));
    if (error == 0) {
        av_frame_unref(view);
        av_frame_move_ref(view, copy);
        fl_stage_copied(stage, (uint64_t)av_image_get_buffer_size(view->format, view->width, view->height, 1));
    }
    av_frame_free(&copy);
    return error;
}

int fl_av_wrap(struct fl_stage *stage, struct fl_frame *frame, AVFrame *out)
{
    const struct fl_desc *desc = fl_frame_desc(frame);
    int error = fl_av_check(desc);
    if (error < 0)
        return error;
    error = fl_av_apply(desc, out);
    if (error == 0)
        error = take_side(frame, out);
    if (error == 0) {
        out->buf[0] = cover_slot(frame, AV_BUFFER_FLAG_READONLY);
        error = out->buf[0] ? 0 : -ENOMEM;
    }
    if (error == 0) {
        point_at_planes(frame, out);
        if (!has_slack(frame))
            error = detach(stage, out);
    }
    if (error < 0)
        av_frame_unref(out);
    return error;
}

/* ---- own slots ---- */

static bool strides_aligned(const int strides[4])
{
    for (int i = 0; i < 4; i++)
        if (strides[i] % FL_AV_ALIGN != 0)
            return false;
    return true;
}

/* Widens the picture until every stride is aligned, instead of each stride for itself: some codecs take strides of chroma and luma
 * to be in the ratio of their widths. */
static int align_strides(enum AVPixelFormat format, int width, int strides[4])
{
    for (;;) {
        if (width <= 0 || width > INT32_MAX / 2 || av_image_fill_linesizes(strides, format, width) < 0)
            return -EINVAL;
        if (strides_aligned(strides))
            return 0;
        width += width & -width; /* one more trailing zero bit in the width each time: this ends */
    }
}

int fl_av_layout_init(struct fl_av_layout *layout, enum AVPixelFormat format, int width, int height, int alloc_width,
                      int alloc_height)
{
    int strides[4];
    uint64_t at = 0;
    if (!fl_av_can_carry(format))
        return -ENOTSUP;
    if (width <= 0 || height <= 0 || alloc_width < width || alloc_height < height)
        return -EINVAL;
    int error = align_strides(format, alloc_width, strides);
    if (error < 0)
        return error;
    *layout = (struct fl_av_layout){.format = format, .width = width, .height = height, .plane_count = fl_av_plane_count(format)};
    for (unsigned i = 0; i < layout->plane_count; i++) {
        uint32_t row_bytes, rows;
        if (fl_av_plane_size(format, alloc_width, alloc_height, i, &row_bytes, &rows) < 0)
            return -EINVAL;
        layout->offset[i] = (uint32_t)at;
        layout->stride[i] = strides[i];
        at += (uint64_t)rows * (uint64_t)(strides[i] ? strides[i] : (int)row_bytes) + FL_AV_SLACK_BYTES;
        at = (at + FL_AV_ALIGN - 1) / FL_AV_ALIGN * FL_AV_ALIGN;
        if (at > UINT32_MAX - FL_AV_SIDE_BYTES)
            return -EOVERFLOW;
    }
    layout->payload_bytes = at + FL_AV_SIDE_BYTES;
    return 0;
}

int fl_av_slot_frame(struct fl_frame *slot, const struct fl_av_layout *layout, bool keep, AVFrame *out)
{
    uint8_t *base = fl_frame_data(slot);
    if (!base)
        return -EINVAL;
    if (fl_frame_capacity(slot) < layout->payload_bytes)
        return -ENOSPC;
    out->buf[0] = cover_slot(slot, keep ? AV_BUFFER_FLAG_READONLY : 0);
    if (!out->buf[0])
        return -ENOMEM;
    out->format = layout->format;
    out->width = layout->width;
    out->height = layout->height;
    for (unsigned i = 0; i < layout->plane_count; i++) {
        out->data[i] = base + layout->offset[i];
        out->linesize[i] = layout->stride[i];
    }
    out->extended_data = out->data;
    return 0;
}

/* ---- announcing what libav made ---- */

int fl_av_copy_to_slot(struct fl_stage *stage, unsigned port, const AVFrame *frame, struct fl_desc *desc, struct fl_frame **slot)
{
    struct fl_av_layout layout;
    AVFrame *view = av_frame_alloc();
    struct fl_frame *fresh = NULL;
    int error =
        view ? fl_av_layout_init(&layout, frame->format, frame->width, frame->height, frame->width, frame->height) : -ENOMEM;
    if (error == 0)
        error = fl_stage_acquire(stage, port, layout.payload_bytes, &fresh);
    if (error == 0)
        error = fl_av_slot_frame(fresh, &layout, false, view);
    if (error == 0)
        error = fl_av_errno(av_frame_copy(view, frame));
    if (error == 0)
        error = fl_av_describe_planes(view, fl_frame_base(fresh), fl_frame_capacity(fresh), desc);
    if (error == 0) {
        fl_av_put_side(frame, fresh, desc);
        fl_stage_copied(stage, fl_desc_payload_bytes(desc));
        *slot = fl_frame_ref(fresh);
    }
    av_frame_free(&view);
    fl_frame_unref(fresh);
    return error;
}

static int publish_described(struct fl_stage *stage, unsigned port, const AVFrame *frame, struct fl_desc *desc)
{
    struct fl_frame *slot = fl_av_frame_slot(frame);
    if (slot && fl_av_describe_planes(frame, fl_frame_base(slot), fl_frame_capacity(slot), desc) == 0) {
        fl_av_put_side(frame, slot, desc);
        return fl_stage_publish(stage, port, slot, desc);
    }
    int error = fl_av_copy_to_slot(stage, port, frame, desc, &slot);
    if (error < 0)
        return error;
    error = fl_stage_publish(stage, port, slot, desc);
    fl_frame_unref(slot);
    return error;
}

int fl_av_publish(struct fl_stage *stage, unsigned port, const AVFrame *frame, AVRational time_base, const struct fl_desc *like)
{
    struct fl_desc desc = {.epoch = 0};
    if (like) {
        desc.number = like->number;
        desc.epoch = like->epoch;
        desc.part = like->part;
        desc.origin_ns = like->origin_ns;
        desc.parameters = like->parameters;
        desc.stream = like->stream;
    }
    int error = fl_av_describe(frame, time_base, &desc);
    if (error < 0) {
        const char *name = av_get_pix_fmt_name(frame->format);
        return fl_stage_fail(stage, FL_STAGE_ERROR_RUN, error,
                             "pictures of %dx%d in pixel format %s cannot be carried; choose another format", frame->width,
                             frame->height, name ? name : "(unknown)");
    }
    return publish_described(stage, port, frame, &desc);
}
