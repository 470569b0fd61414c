/* Lanes, seen from the end that takes: one edge of the graph, one producer, one consumer.
 *
 * Announcements go forward through one region that only the producer writes; returns go back through one that only the consumer
 * writes; two bells (bell.h) say "look again". Or, with transport pipe, both are one pipe and frames are copied through it; the
 * calls are the same.
 *
 *   take:    0 and a frame with one reference | -EAGAIN nothing now | -ENODATA the producer has closed and everything was
 *            taken | -ENOENT the next announcement names a pool this process does not know yet: ask the supervisor, then take
 *            again | -EBADMSG the peer broke the protocol: the lane is dead, fl_lane_fault says how
 *   release: fl_frame_unref; the credit goes back when the last reference is gone, never at take
 */
#ifndef FRAMELANE_LANE_H
#define FRAMELANE_LANE_H

#include <framelane/context.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

enum fl_transport { FL_TRANSPORT_SHM = 0, FL_TRANSPORT_PIPE = 1 };

enum fl_when_full {
    FL_WHEN_FULL_WAIT = 0,   /* nothing may be lost: the whole output waits */
    FL_WHEN_FULL_DROP = 1,   /* this frame is not announced on this lane; counted */
    FL_WHEN_FULL_LATEST = 2, /* as drop, but the newest is sent on the next return, and the consumer skips to the newest */
};

#define FL_LANE_MAX_CREDITS 1024

/* What both ends are told by whoever wires them. The same values must be given to both. */
struct fl_lane_info {
    uint32_t id;      /* unique in a run */
    uint32_t epoch;   /* a restarted end means a new lane */
    uint32_t credits; /* frames that may be outstanding: 1 .. FL_LANE_MAX_CREDITS */
    uint32_t when_full; /* enum fl_when_full */
    uint32_t transport; /* enum fl_transport */
    /* Shared memory only; each 0 by default, which is right at the rates of cameras and screens.
     * Announcements (and returns) that one look at the other side may stand for: fewer fences and bells, for as much delay. They
     * are shown when so many have come together, before this side waits or when it finds nothing to do, and once `batch_delay_ns`
     * has passed and it comes by again (0: no such limit). Never more than half the credits. */
    uint32_t batch;
    uint64_t batch_delay_ns;
    /* How long fl_context_wait looks again before it sleeps: the largest of the context's lanes. It saves the way through the
     * kernel for who answers sooner, and costs a whole core for as long. */
    uint64_t spin_ns;
    /* Not 0: who takes here is a guest, and nothing depends on it: it is no listener, an output that closes does not wait for it,
     * and its policy is `drop` or `latest`. */
    uint32_t guest;
    uint32_t reserved;
};

/* File descriptors of one end. The end owns them after the call that takes them, also when it fails. -1 where there is none.
 *                   shm producer            shm consumer            pipe producer   pipe consumer
 *   announce        memfd, maps writable    memfd, maps read-only   write end       read end
 *   returns         memfd, maps read-only   memfd, maps writable    -1              -1
 *   bell_out        rings the consumer      rings the producer      -1              -1
 *   bell_in         hears of returns        hears of frames         -1              -1
 * The two ends of a bell's descriptor are those of fl_bell_mint. Ends that trust each other may also share a non-blocking eventfd.
 * Who has the write end of a pipe must ignore SIGPIPE: a reader that leaves is then noticed as one. */
struct fl_lane_fds {
    int announce, returns, bell_out, bell_in;
};

/* Sizes of the two regions of a lane with that many credits, for whoever mints them. */
uint64_t fl_lane_announce_bytes(uint32_t credits);
uint64_t fl_lane_return_bytes(uint32_t credits);

struct fl_lane; /* a consumer's end; the producer's belongs to an output */

struct fl_lane_stats {
    uint64_t taken, returned, skipped; /* skipped: superseded on a `latest` lane, returned unseen */
    uint64_t rings, wakeups;           /* bells rung at the producer; sleeps that this lane's bell ended */
    uint64_t copies, copied_bytes;     /* pipe only */
    uint64_t highest_outstanding;
    bool muted; /* the producer rings more than 1,000 times a second for nothing: this end is left to a look every 100 ms */
};

/* Wiring comes in two steps because a region gets its writer before it gets readers: an end first maps what it writes
 * (fl_shm_map_writer), and is attached when the peer's region has been sealed and arrived.
 * attach: the context owns the lane. `own` is what fl_shm_map_writer gave for the region this end writes (NULL for a pipe).
 * -EPERM, -EINVAL as fl_shm_map_reader; -ENOMEM. */
int fl_lane_attach(struct fl_context *context, const struct fl_lane_info *info, void *own, const struct fl_lane_fds *fds,
                   struct fl_lane **lane);

/* Names a pool this lane's frames may lie in. A lane that was told of none takes frames of every pool its context knows; from the
 * first call on, only of those named, so that one producer cannot point at another's pictures. Before or after
 * fl_context_add_pool; forgotten when the pool is destroyed. Any thread. -ENOMEM. */
int fl_lane_reach(struct fl_lane *lane, uint32_t pool_id);

/* See the head of this file. On a `latest` lane everything but the newest announcement is returned at once. */
int fl_lane_take(struct fl_lane *lane, struct fl_frame **frame);

/* The same for up to `most` frames that are there, in order: as if each were taken by itself until there is none, but the price of
 * a call is paid once for all. How many came into `frames`; when none did, what take says (0 if `most` is). What stands behind
 * those that came is said by the next call: the end, a fault, a pool that is not known. On a `latest` lane one at most. */
int fl_lane_take_many(struct fl_lane *lane, struct fl_frame **frames, unsigned most);

/* True if take would not answer -EAGAIN. For use in fl_context_wait's `ready`. */
bool fl_lane_ready(struct fl_lane *lane);

/* fl_context_wait for just that, in fewer steps. 0, or -ETIMEDOUT. */
int fl_lane_wait(struct fl_lane *lane, int64_t timeout_ns);

/* take, for whoever has nothing else to do: sleeps while there is nothing. As take, with -ETIMEDOUT in the place of -EAGAIN; in
 * fewer steps than take, wait and take again. `timeout_ns` < 0: for ever. */
int fl_lane_take_wait(struct fl_lane *lane, int64_t timeout_ns, struct fl_frame **frame);

/* "Nothing at or before this is still to come": false until the producer has said so once. Never goes backwards; the time base is
 * positive. */
struct fl_through {
    uint64_t number;
    int64_t pts;
    uint32_t epoch;
    int32_t time_base_num, time_base_den;
};
bool fl_lane_through(struct fl_lane *lane, struct fl_through *through);

/* The producer is dead (its pidfd fired; the supervisor said so): what is announced may still be taken, then -ENODATA. */
void fl_lane_producer_down(struct fl_lane *lane);

/* Leaves: tells the producer that nothing more will be taken. Frames in hand are still to be released. */
void fl_lane_leave(struct fl_lane *lane);

/* Why the lane is dead, or NULL. A phrase for a message: "announced a frame outside its pool". Any thread. */
const char *fl_lane_fault(const struct fl_lane *lane);

/* Any thread. */
void fl_lane_get_stats(const struct fl_lane *lane, struct fl_lane_stats *stats);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
