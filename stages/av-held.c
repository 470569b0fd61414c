#include "av-held.h"

#include <errno.h>
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

static int make_room(AVFrame *spare, const AVFrame *like)
{
    bool fits = spare->buf[0] && spare->width == like->width && spare->height == like->height && spare->format == like->format;
    if (fits && av_frame_is_writable(spare))
        return 0;
    av_frame_unref(spare);
    spare->width = like->width;
    spare->height = like->height;
    spare->format = like->format;
    return av_frame_get_buffer(spare, 0);
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
