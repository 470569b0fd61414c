/* The stats page: one a stage, written by the stage alone, read by the supervisor and by whoever looks in.
 * Words are single and monotone unless stated; a reader may see them at slightly different moments. Nothing is written in it that
 * the stage would not have counted or measured anyhow: no clock is read for the page alone. */
#ifndef FL_STATS_H
#define FL_STATS_H

#include <assert.h>
#include <stddef.h>

#include "atomic.h"
#include "histogram.h"

#define FL_STATS_MAGIC 0x324154534c46ull /* "FLSTA2" */
#define FL_STATS_MAX_LANES 64

enum fl_stage_state {
    FL_STATE_OPENING = 0, FL_STATE_WIRED, FL_STATE_RUNNING, FL_STATE_DRAINING, FL_STATE_DONE
};

enum fl_waiting_for {
    FL_WAIT_NOTHING = 0, /* it works */
    FL_WAIT_INPUT,       /* frames from above; waiting_lane says from whom */
    FL_WAIT_CREDIT,      /* a `wait` lane below owes credit */
    FL_WAIT_SLOT,        /* a slot of its own pool */
    FL_WAIT_POOL,        /* a larger pool from the supervisor */
    FL_WAIT_OUTSIDE,     /* its file, network, clock or terminal */
    FL_WAIT_COUNT,
};

/* A lane as this end of it counts. In: sent is taken, dropped is superseded (returned unseen on a `latest` lane).
 * Out: dropped is left out for want of credit, or left over at the end. */
struct fl_stats_lane {
    fl_word lane; /* id; 0: unused */
    fl_word sent, returned, dropped, wakeups, copies, copied_bytes;
    fl_word last_dropped; /* out: number of the frame */
    fl_word waited_ns;    /* out: for its credit, or a slot it holds; in: for its frames. Without a wait that goes on */
    fl_word left_over;    /* out: of the dropped ones, those still owed at the end */
    /* Out: the frame that has been outstanding for longest, and since when it has been that (seen at a refresh, so up to 50 ms
     * late); 0: none is. */
    fl_word oldest_number, oldest_since_ns;
    fl_word gaps;         /* out: how often one or more frames in a row were dropped; in (not on a `wait` lane): how often numbers
                             were left out, also by a stage above that makes fewer frames than it takes */
    fl_word missing;      /* in: numbers left out */
    fl_word muted;        /* 1: the other end rings for nothing too often to be listened to; it is looked at every 100 ms */
    fl_word spare[1];
};

struct fl_stats {
    fl_word magic;
    fl_word state, waiting_for, waiting_lane, waiting_since_ns;
    fl_word frames_in, frames_out, packets_in, packets_out;
    fl_word copies, copied_bytes, damage;
    fl_word last_pts_us;   /* of the newest frame handled, in microseconds; INT64_MIN: none */
    fl_word busy_ns;       /* time spent in process/produce */
    fl_word slots, slots_free, pool_bytes;
    fl_word lanes_used;
    fl_word last_age_ns; /* of the newest picture handled: from when its source was due to give it until it was done with here */
    fl_word waited_ns[FL_WAIT_COUNT]; /* by cause; without a wait that goes on */
    fl_word parameters; /* of the newest picture given out, or taken where none is given */
    fl_word age_sum_ns;               /* of all that `age` holds */
    fl_word spare[5];
    struct fl_histogram work; /* ns in process/produce, a picture; waits for other stages not counted */
    struct fl_histogram age;  /* last_age_ns of every picture */
    struct fl_stats_lane lanes[FL_STATS_MAX_LANES]; /* in lanes first, then out lanes, as wired, then guests' */
};

static_assert(sizeof(struct fl_stats_lane) == 128, "a lane is two cache lines");
static_assert(offsetof(struct fl_stats, waiting_for) == 16, "");
static_assert(offsetof(struct fl_stats, frames_in) == 40, "");
static_assert(offsetof(struct fl_stats, last_pts_us) == 96, "");
static_assert(offsetof(struct fl_stats, last_age_ns) == 144, "");
static_assert(offsetof(struct fl_stats, waited_ns) == 152, "");
static_assert(offsetof(struct fl_stats, work) == 256, "the histogram begins on a cache line");
static_assert(offsetof(struct fl_stats, lanes) % 64 == 0, "a lane begins on a cache line");
static_assert(sizeof(struct fl_stats) == 256 + 2 * sizeof(struct fl_histogram) + 64 * 128, "");

#endif
