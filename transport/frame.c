#include "internal.h"

#include <errno.h>

void fl_frame_init(struct fl_frame *frame, struct fl_context *context)
{
    frame->context = context;
    atomic_init(&frame->refs, 0);
    atomic_init(&frame->state, FL_SLOT_FREE);
}

const struct fl_desc *fl_frame_desc(const struct fl_frame *frame)
{
    return &frame->desc;
}

const uint8_t *fl_frame_base(const struct fl_frame *frame)
{
    return frame->base;
}

uint8_t *fl_frame_data(struct fl_frame *frame)
{
    if (frame->lane || atomic_load_explicit(&frame->state, memory_order_relaxed) != FL_SLOT_WRITING)
        return NULL;
    return (uint8_t *)frame->base;
}

size_t fl_frame_capacity(const struct fl_frame *frame)
{
    return frame->capacity;
}

const uint8_t *fl_frame_plane(const struct fl_frame *frame, unsigned plane)
{
    return plane < frame->desc.plane_count ? frame->base + frame->desc.planes[plane].offset : NULL;
}

bool fl_frame_published(const struct fl_frame *frame)
{
    return frame->lane || atomic_load_explicit(&frame->state, memory_order_relaxed) == FL_SLOT_PUBLISHED;
}

const struct fl_pool *fl_frame_pool(const struct fl_frame *frame, uint64_t *offset)
{
    if (offset)
        *offset = frame->offset;
    return frame->pool;
}

struct fl_frame *fl_frame_ref(struct fl_frame *frame)
{
    atomic_fetch_add_explicit(&frame->refs, 1, memory_order_relaxed);
    return frame;
}

/* True: it was the last. Release: this holder's reads of the pixels are over; acquire: so are everybody else's before the frame is
 * settled. Who holds the only reference is alone with it, for a new one is made of one that is held: it need not count. */
static bool drop_reference(struct fl_frame *frame)
{
    if (atomic_load_explicit(&frame->refs, memory_order_acquire) == 1) {
        atomic_store_explicit(&frame->refs, 0, memory_order_relaxed);
        return true;
    }
    return atomic_fetch_sub_explicit(&frame->refs, 1, memory_order_acq_rel) == 1;
}

/* Frames of one context, linked by `next` from the first to the last. */
static void release(struct fl_frame *first, struct fl_frame *last)
{
    struct fl_context *context = first->context;
    struct fl_frame *top = atomic_load_explicit(&context->released, memory_order_relaxed);
    do {
        last->next = top;
    } while (!atomic_compare_exchange_weak_explicit(&context->released, &top, first, memory_order_seq_cst, memory_order_relaxed));
    /* Pairs with the sleeper, which sets `asleep` and then looks at `released`: one of the two sees the other. */
    if (atomic_load_explicit(&context->asleep, memory_order_seq_cst))
        fl_context_kick(context);
}

void fl_frame_unref(struct fl_frame *frame)
{
    if (frame && drop_reference(frame))
        release(frame, frame);
}

void fl_frame_unref_many(struct fl_frame *const *frames, unsigned count)
{
    struct fl_frame *first = NULL, *last = NULL;
    for (unsigned i = 0; i < count; i++) {
        struct fl_frame *frame = frames[i];
        if (!frame || !drop_reference(frame))
            continue;
        if (first && first->context != frame->context) {
            release(first, last);
            first = NULL;
        }
        if (!first)
            last = frame;
        frame->next = first;
        first = frame;
    }
    if (first)
        release(first, last);
}

void fl_frame_book(struct fl_frame *frame)
{
    if (frame->booked++ == 0)
        fl_frame_ref(frame);
}

void fl_frame_unbook(struct fl_frame *frame)
{
    if (!frame || --frame->booked > 0)
        return;
    /* As in fl_frame_unref; but the lock is held, so the frame is settled here and now. */
    if (drop_reference(frame))
        fl_frame_settle(frame);
}

void fl_frame_settle(struct fl_frame *frame)
{
    if (frame->lane)
        fl_lane_settle(frame);
    else
        fl_pool_settle(frame);
}

static int check_plane(const struct fl_plane *plane, uint64_t capacity)
{
    if (plane->rows == 0 || plane->row_bytes == 0)
        return -EBADMSG;
    int64_t stride = plane->stride;
    int64_t reach = stride * (int64_t)(plane->rows - 1); /* |stride| < 2^31, rows < 2^32: no overflow in 64 bits */
    int64_t first = stride < 0 ? (int64_t)plane->offset + reach : (int64_t)plane->offset;
    int64_t last = stride < 0 ? (int64_t)plane->offset : (int64_t)plane->offset + reach;
    if (plane->rows > 1 && (stride < 0 ? -stride : stride) < (int64_t)plane->row_bytes)
        return -EBADMSG;
    if (first < 0 || (uint64_t)last + plane->row_bytes > capacity)
        return -EBADMSG;
    return 0;
}

int fl_desc_check(const struct fl_desc *desc, uint64_t capacity)
{
    if (desc->kind != FL_KIND_VIDEO && desc->kind != FL_KIND_PACKET)
        return -EBADMSG;
    if (desc->plane_count > FL_MAX_PLANES || (desc->kind == FL_KIND_VIDEO && desc->plane_count == 0))
        return -EBADMSG;
    if (desc->kind == FL_KIND_PACKET && desc->plane_count > 1)
        return -EBADMSG;
    for (unsigned i = 0; i < desc->plane_count; i++)
        if (check_plane(&desc->planes[i], capacity) < 0)
            return -EBADMSG;
    if ((uint64_t)desc->side_offset + desc->side_bytes > capacity)
        return -EBADMSG;
    if (desc->format[sizeof desc->format - 1] != 0 || desc->time_base_num <= 0 || desc->time_base_den <= 0)
        return -EBADMSG;
    return 0;
}

uint64_t fl_desc_payload_bytes(const struct fl_desc *desc)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < desc->plane_count && i < FL_MAX_PLANES; i++)
        bytes += (uint64_t)desc->planes[i].rows * desc->planes[i].row_bytes;
    return bytes;
}
