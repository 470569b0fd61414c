#include "av-held.h"

#include <errno.h>
#include <string.h>
#include <libavutil/imgutils.h>

#include "av-frame.h"
#include "av-log.h"

int fl_av_held_init(struct fl_av_held *held, unsigned limit)
{
    held->limit = limit;
    held->spare = av_frame_alloc();
    return held->spare ? 0 : -ENOMEM;
}

static void let_go(void *opaque, uint8_t *data)
{
    atomic_uint *count = opaque;
    atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
}

/* One more buffer, which libav keeps and drops together with the slot's. */
static int count_slot(struct fl_av_held *held, AVFrame *view)
{
    unsigned i = 0;
    while (i < AV_NUM_DATA_POINTERS && view->buf[i])
        i++;
    if (i == AV_NUM_DATA_POINTERS)
        return 0;
    view->buf[i] = av_buffer_create((uint8_t *)&held->count, sizeof(held->count), let_go, &held->count, AV_BUFFER_FLAG_READONLY);
    if (!view->buf[i])
        return -ENOMEM;
    atomic_fetch_add_explicit(&held->count, 1, memory_order_relaxed);
    return 0;
}

static bool fits(AVFrame *spare, const AVFrame *like)
{
    return spare->buf[0] && spare->width == like->width && spare->height == like->height && spare->format == like->format &&
           !memcmp(spare->linesize, like->linesize, sizeof(spare->linesize)) && av_frame_is_writable(spare);
}

/* With the strides of the original: filters that work on several frames take them to be the same. */
static int make_room(AVFrame *spare, const AVFrame *like)
{
    size_t start[FL_MAX_PLANES], total = 0;
    unsigned count = fl_av_plane_count(like->format);
    if (fits(spare, like))
        return 0;
    av_frame_unref(spare);
    for (unsigned i = 0; i < count; i++) {
        uint32_t row_bytes, rows;
        if (fl_av_plane_size(like->format, like->width, like->height, i, &row_bytes, &rows) < 0)
            return AVERROR(EINVAL);
        size_t stride = (size_t)(like->linesize[i] < 0 ? -(int64_t)like->linesize[i] : like->linesize[i]);
        size_t bytes = stride * (rows - 1) + (stride > row_bytes ? stride : row_bytes) + FL_AV_SLACK_BYTES;
        start[i] = total + (like->linesize[i] < 0 ? stride * (rows - 1) : 0);
        total += (bytes + FL_AV_ALIGN - 1) / FL_AV_ALIGN * FL_AV_ALIGN;
        spare->linesize[i] = like->linesize[i];
    }
    spare->buf[0] = av_buffer_allocz(total + FL_AV_ALIGN);
    if (!spare->buf[0])
        return AVERROR(ENOMEM);
    for (unsigned i = 0; i < count; i++)
        spare->data[i] = (uint8_t *)(((uintptr_t)spare->buf[0]->data + FL_AV_ALIGN - 1) / FL_AV_ALIGN * FL_AV_ALIGN) + start[i];
    spare->width = like->width;
    spare->height = like->height;
    spare->format = like->format;
    return 0;
}

static int detach(struct fl_av_held *held, struct fl_stage *stage, AVFrame *view)
{
    AVFrame *copy = av_frame_alloc();
    int ret = copy ? make_room(held->spare, view) : AVERROR(ENOMEM);
    if (ret >= 0)
        ret = av_frame_copy(held->spare, view);
    if (ret >= 0)
        ret = av_frame_ref(copy, held->spare);
    if (ret >= 0)
        ret = av_frame_copy_props(copy, view);
    if (ret >= 0) {
        fl_stage_copied(stage, (uint64_t)av_image_get_buffer_size(view->format, view->width, view->height, 1));
        av_frame_unref(view);
        av_frame_move_ref(view, copy);
    }
    av_frame_free(&copy);
    return fl_av_errno(ret);
}

int fl_av_held_admit(struct fl_av_held *held, struct fl_stage *stage, AVFrame *view)
{
    if (!fl_av_frame_slot(view))
        return 0;
    if (atomic_load_explicit(&held->count, memory_order_relaxed) >= held->limit)
        return detach(held, stage, view);
    return count_slot(held, view);
}

void fl_av_held_finish(struct fl_av_held *held)
{
    av_frame_free(&held->spare);
}
