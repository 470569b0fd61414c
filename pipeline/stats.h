/* The stats page: one a stage, written by the stage alone, read by the supervisor and by whoever looks in.
 * Words are single and monotone unless stated; a reader may see them at slightly different moments. */
#ifndef FL_STATS_H
#define FL_STATS_H

#include <assert.h>
#include "atomic.h"

#define FL_STATS_MAGIC 0x314154534c46ull /* "FLSTA1" */
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
};

struct fl_stats_lane {
    fl_word lane; /* id; 0: unused */
    fl_word sent, returned, dropped, wakeups, copies, copied_bytes;
    fl_word last_dropped;
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
    struct fl_stats_lane lanes[FL_STATS_MAX_LANES]; /* in lanes first, then out lanes, as wired */
};

static_assert(sizeof(struct fl_stats_lane) == 64, "a lane is one cache line");

#endif
