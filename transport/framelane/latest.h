/* The newest frame of an output, for whoever wants to look without a lane: a preview, a probe, a tap that must cost the producer
 * nothing, however many there are.
 *
 * An output may show its newest announcement in a region of its own (a memfd like all others: one writer, sealed, read-only for
 * everybody else). An observer has no credit, so nothing waits for it and nothing is kept for it: it peeks, copies what it
 * needs, and then asks whether it still holds. The newest frame's slot is not used again while it is the newest, so an observer
 * that copies within a frame's time mostly succeeds; where it does not, it is counted and told.
 *
 *   fl_observer_peek(observer, &peek); copy or reduce the pixels; if (fl_observer_holds(observer, &peek)) it is of one frame
 *
 * There is no bell: an observer comes by at its own pace.
 */
#ifndef FRAMELANE_LATEST_H
#define FRAMELANE_LATEST_H

#include <framelane/output.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* Bytes the region must have, for whoever mints it. */
uint64_t fl_latest_bytes(void);

/* Shows every frame published from now on, and the newest there is. `own` is what fl_shm_map_writer gave for the region; the
 * output owns it. May be done while frames flow. Costs a publish the writing of 256 bytes. -EALREADY. */
int fl_output_show_latest(struct fl_output *output, void *own);

struct fl_observer;

/* `fd`: the sealed region; it stays the caller's. The context is asked for pools and must outlive the observer. -EPERM, -EINVAL as
 * fl_shm_map_reader; -ENOMEM. destroy accepts NULL. */
int fl_observer_create(struct fl_context *context, int fd, struct fl_observer **observer);
void fl_observer_destroy(struct fl_observer *observer);

/* One look. The description is a private, checked copy; `base` is where the slot starts, in place: what it points to may change at
 * any time until fl_observer_holds says that it did not. */
struct fl_peek {
    struct fl_desc desc;
    const uint8_t *base;
    uint64_t capacity;
    uint64_t count; /* rises with every announcement: equal counts are the same frame */
    const void *place; /* private */
    uint64_t version;  /* private */
};

/* 0; -EAGAIN: nothing has been shown yet, or it is changing just now (look again); -ENOENT: a pool this process does not know yet;
 * -ESTALE: what is shown has been overwritten already; -EBADMSG: the writer broke the protocol. The context's owner. */
int fl_observer_peek(struct fl_observer *observer, struct fl_peek *peek);

/* True if everything read from the slot since the peek was of that frame. */
bool fl_observer_holds(struct fl_observer *observer, const struct fl_peek *peek);

struct fl_observer_stats {
    uint64_t peeks, lost; /* lost: overwritten before or while it was read */
};
void fl_observer_get_stats(const struct fl_observer *observer, struct fl_observer_stats *stats);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
