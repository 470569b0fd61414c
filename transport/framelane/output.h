/* Outputs: where a stage announces. Any number of lanes, one pool or none.
 *
 * A producer's loop:
 *
 *   fl_pool_acquire_wait(pool, ...);  fill fl_frame_data(frame);  fl_output_publish(output, frame, &desc);  fl_frame_unref(frame);
 *
 * A stage that changes no pixel publishes the frame it has taken with another description: nothing is copied, and the credit of
 * the lane it came from goes back when everybody below has returned it.
 *
 * publish never blocks. It goes first to every lane that has credit; a `wait` lane without credit is still owed the frame, and the
 * next publish answers -EAGAIN until that has been paid (fl_output_owes; fl_output_wait and fl_context_wait pay).
 */
#ifndef FRAMELANE_OUTPUT_H
#define FRAMELANE_OUTPUT_H

#include <framelane/lane.h>
#include <framelane/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct fl_output;
struct fl_output_lane; /* the producer's end of one lane */

struct fl_output_stats {
    uint64_t sent, returned, dropped; /* dropped: by policy `drop` or `latest` for want of credit, or left over at the end */
    uint64_t left_over;           /* of the dropped ones: still owed at the end */
    uint64_t last_dropped_number;
    uint64_t gaps; /* how often one or more frames in a row were dropped */
    uint64_t rings, wakeups;
    uint64_t copies, copied_bytes; /* pipe only: payloads written */
    uint32_t outstanding, credits;
    bool muted; /* the consumer rings more than 1,000 times a second for nothing: it is left to a look every 100 ms */
};

/* The context owns the output. -ENOMEM. */
int fl_output_create(struct fl_context *context, struct fl_output **output);

/* Adds a lane; may be done while frames flow. `own` as for fl_lane_attach. -EINVAL: also a guest that would be waited for. */
int fl_output_attach(struct fl_output *output, const struct fl_lane_info *info, void *own, const struct fl_lane_fds *fds,
                     struct fl_output_lane **lane);

/* Announces `frame` with `desc` on every lane. The caller keeps its reference. The first publish of an acquired slot ends its
 * WRITING. 0, -EAGAIN (a `wait` lane is still owed the frame before), -EBADMSG (desc does not fit the slot: a bug of the caller),
 * -EPIPE (every lane is closed or down, or a guest's: nobody listens). */
int fl_output_publish(struct fl_output *output, struct fl_frame *frame, const struct fl_desc *desc);

/* The same for several, in order: as if each were published by itself until one is refused, but the price of a call is paid once
 * for all. How many were announced; when the first was refused, what publish says of it. Fewer than `count` is no fault: the next
 * call, with those that are left, says why. (Once a `wait` lane is owed a frame, that frame is the last of those announced.) What a
 * call announces is shown at its end, all together, if that fills the lane's batch. A frame may stand there more than once. */
struct fl_publish {
    struct fl_frame *frame;
    const struct fl_desc *desc; /* fl_frame_desc(frame), for a taken frame that goes on as it came */
};
int fl_output_publish_many(struct fl_output *output, const struct fl_publish *what, unsigned count);

/* True while some `wait` lane has not been sent the newest frame. */
bool fl_output_owes(const struct fl_output *output);

/* fl_context_wait until it does not, in fewer steps. 0, or -ETIMEDOUT. */
int fl_output_wait(struct fl_output *output, int64_t timeout_ns);

/* Announcements that have not come back, and those that are owed, of every lane that is not stopped, guests' not counted: pays and
 * collects what it can first, and does not wait; while there are any, it also shows what batches keep back, for whoever asks again
 * until there are none. (Over a pipe a frame is back when it has been written.) wait_returns sleeps until there are none: for a
 * producer in step with its consumers. One that keeps a frame until it has another is waited for in vain, and so is one that has
 * died, until its lane is stopped or down. 0, or -ETIMEDOUT. */
unsigned fl_output_outstanding(struct fl_output *output);
int fl_output_wait_returns(struct fl_output *output, int64_t timeout_ns);

/* Says "nothing at or before this is still to come" on every lane, as far as it owes nothing. Never goes backwards. */
void fl_output_through(struct fl_output *output, const struct fl_through *through);

/* Ends the output: `closed` is written on each lane once it owes nothing. Frames may no longer be published (-EPIPE). */
void fl_output_close(struct fl_output *output);

/* True when after close every lane has been told and every frame of a `wait` lane has come back. */
bool fl_output_drained(const struct fl_output *output);

/* STOP: announce no more on this lane (its consumer is dead or leaves); nothing is reclaimed.
 * DOWN: its consumer is certainly dead; its outstanding frames are reclaimed. Only on the supervisor's word. */
void fl_output_lane_stop(struct fl_output_lane *lane);
void fl_output_lane_down(struct fl_output_lane *lane);

/* Takes a lane away that announces no more and has nothing outstanding; its memory and descriptors go with it, and the handle is
 * gone. Where another thread of this process sleeps on its bell, they go when that thread wakes. May be done while frames flow.
 * -EBUSY: it is not stopped, or frames are outstanding. */
int fl_output_detach(struct fl_output_lane *lane);

/* Consumers that are still there (not stopped, down, or gone), guests not counted. */
unsigned fl_output_listeners(const struct fl_output *output);

/* Any thread. */
const char *fl_output_lane_fault(const struct fl_output_lane *lane);
void fl_output_lane_get_stats(const struct fl_output_lane *lane, struct fl_output_stats *stats);

/* The announcement on this lane that has been outstanding for longest: who looks again and finds the same knows for how long it is
 * held. False: none is. */
struct fl_outstanding {
    uint64_t index;  /* counts announcements of the lane */
    uint64_t number; /* of its frame */
};
bool fl_output_lane_oldest(const struct fl_output_lane *lane, struct fl_outstanding *oldest);

/* Records what is still outstanding as FL_DROP_LOST (events.h): for a producer that ends. */
void fl_output_lane_record_lost(const struct fl_output_lane *lane);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
