/* What supervisor and stage say to each other, over the wire of framelane/wire.h. One socket pair a stage, minted by the
 * supervisor; the stage's control thread reads it for as long as the stage lives. The end of the socket is the other side's death.
 *
 *   supervisor                             stage
 *   CONFIG  options, input fd        ->
 *   OPEN    what the inputs carry    ->    open()
 *                                    <-    OPENED what the outputs carry, holds     | FAILED
 *   MAP     region to write          ->    (stats page first, then pools, announce and return regions)
 *                                    <-    MAPPED
 *   (the supervisor seals)
 *   POOL    a pool to read           ->
 *   LANE    the other region, bells  ->    (in the order of their ids)
 *   GO                               ->    start(); frames flow
 *                                    <-    LOG, FAULT, WANT_POOL, POOL_UNUSED at any time
 *   MAP, then READY (to the writer), POOL (before that, to its readers)    a new pool generation
 *   READY with an error              ->    (no pool: region 0 or the one that failed; -EBUSY: ask again later)
 *   POOL_UNUSED                      ->    (to readers: its writer has given that pool up, it may be unmapped)
 *   MAP, then SHOW                   ->    somebody looks on: the output's newest frame is shown in that region from now on
 *   SET     key, value, deadline     ->    a parameter is to change, at the next frame
 *                                    <-    SET_DONE each in its turn: at which frame it did, or why not
 *   MAP, then LANE with info.guest   ->    a lane for somebody outside, while frames flow
 *   LANE_STOP                        ->    its guest has left; what it holds stays its own
 *   LANE_DOWN                        ->    its guest is certainly dead; what it held comes back
 *                                    <-    LANE_LEFT: everything has come back, and the lane is gone
 *   STOP                             ->    what makes frames of its own ends; everything drains
 *   LANE_STOP, LANE_DOWN, LANE_ENDED ->    death of a neighbour
 *                                    <-    DONE     (after close(); the process then exits 0)
 *
 * OPEN is sent in topological order, sources first; MAP and LANE when every stage has answered.
 * All bodies are fixed-size; the supervisor trusts nothing in what a stage says.
 */
#ifndef FL_CONTROL_H
#define FL_CONTROL_H

#include <framelane/lane.h>
#include <framelane/pool.h>
#include "stage.h"

#define FL_CONTROL_FD 3 /* the stage's end, in the stage */

enum fl_control {
    FL_CONTROL_CONFIG = 1,
    FL_CONTROL_OPEN,
    FL_CONTROL_OPENED,
    FL_CONTROL_FAILED,
    FL_CONTROL_MAP,
    FL_CONTROL_MAPPED,
    FL_CONTROL_POOL,
    FL_CONTROL_LANE,
    FL_CONTROL_GO,
    FL_CONTROL_LOG,
    FL_CONTROL_FAULT,
    FL_CONTROL_WANT_POOL,
    FL_CONTROL_READY,
    FL_CONTROL_POOL_UNUSED,
    FL_CONTROL_STOP,
    FL_CONTROL_LANE_STOP,
    FL_CONTROL_LANE_DOWN,
    FL_CONTROL_LANE_ENDED,
    FL_CONTROL_DONE,
    FL_CONTROL_SHOW,
    FL_CONTROL_SET = 40,
    FL_CONTROL_SET_DONE,
    FL_CONTROL_LANE_LEFT,
};

enum fl_config_flags {
    FL_CONFIG_VERBOSE = 1 << 0,
    FL_CONFIG_INPUT_FD = 1 << 1,  /* fds[0] is the opened input */
    FL_CONFIG_STDOUT = 1 << 2,    /* the process's standard output is this stage's */
    FL_CONFIG_UNTRUSTED = 1 << 3, /* no_new_privs, rlimits, not dumpable before anything is parsed */
};

/* CONFIG: tail = "key NUL value NUL" ... */
struct fl_control_config {
    uint32_t flags;
    uint32_t option_count;
    uint64_t frames_limit; /* a source ends after that many, another stage takes no more; 0: none */
    uint32_t outputs_connected; /* a bit a port */
    uint32_t reserved;
};

/* OPEN: tail = `count` records of struct fl_control_stream_head, each followed by its side_bytes. */
struct fl_control_open {
    uint32_t count;
    uint32_t reserved;
};

/* A struct fl_stream as it crosses the wire: everything but the side data, which follows. */
struct fl_control_stream {
    uint32_t port;
    uint32_t side_bytes;
    struct fl_desc first;
    int32_t rate_num, rate_den;
    int64_t duration;
    uint32_t stream_count;
    uint32_t working_set;
    uint64_t payload_bytes; /* OPENED only, like the two beside it */
    uint32_t forwards;
    uint32_t reserved;
    char from[32]; /* OPEN only: name of the stage above */
};

/* OPENED: tail = `count` records as in OPEN. */
struct fl_control_opened {
    uint32_t count;
    uint32_t hold[FL_STAGE_MAX_PORTS];
    uint32_t unused; /* a bit an input port */
};

/* FAILED, LOG: tail = text (not NUL-terminated, at most 2,000 bytes count). */
struct fl_control_text {
    uint32_t level; /* LOG: enum fl_log_level; FAILED: enum fl_stage_error */
    int32_t error;  /* -errno */
};

enum fl_log_level { FL_LOG_WARNING = 1, FL_LOG_INFO = 2, FL_LOG_DEBUG = 3 };

enum fl_region_kind {
    FL_REGION_STATS = 1,
    FL_REGION_POOL = 2,
    FL_REGION_ANNOUNCE = 3,
    FL_REGION_RETURN = 4,
    FL_REGION_LATEST = 5, /* minted when somebody first looks on at the output */
    FL_REGION_EVENTS = 6, /* minted where the run is to tell what became of frames; `port` is enum fl_record */
};

/* What a stage records (framelane/events.h), each in a ring of its own, so that a flood of one does not drown the other. */
enum fl_record {
    FL_RECORD_DROPS = 0, /* frames that were dropped, and waits for who holds credit or slots */
    FL_RECORD_TRACE = 1, /* everything */
    FL_RECORD_COUNT,
};

/* MAP: fds[0] = memfd to map writable; a POOL region without fd is made in private memory (all its lanes are pipes). */
struct fl_control_map {
    uint32_t region; /* minted by the supervisor; for a pool its id */
    uint32_t kind;   /* enum fl_region_kind */
    uint32_t port;
    uint32_t reserved;
    uint64_t bytes;
    struct fl_pool_info pool;
};

/* MAPPED, READY, POOL_UNUSED. */
struct fl_control_region {
    uint32_t region;
    int32_t error; /* MAPPED: 0 or -errno */
};

/* POOL: fds[0] = sealed memfd. */
struct fl_control_pool {
    struct fl_pool_info pool;
    uint32_t ports; /* a bit an input port: its lane may bring frames that lie there */
    uint32_t reserved;
};

enum fl_lane_role { FL_LANE_PRODUCER = 1, FL_LANE_CONSUMER = 2 };

/* LANE: shm: fds = the peer's region, bell_out, bell_in; pipe: fds = this end. */
struct fl_control_lane {
    struct fl_lane_info info;
    uint32_t role; /* enum fl_lane_role */
    uint32_t port;
    uint32_t own_region; /* the region this end has mapped; 0 for a pipe */
    uint32_t reserved;
};

/* FAULT (tail = text); LANE_STOP, LANE_DOWN to the producer: stop; reclaim; LANE_ENDED to the consumer: its producer is dead.
 * LANE_LEFT of a guest's lane: it has been taken away, or could not be added (after a FAULT that says why). */
struct fl_control_lane_event {
    uint32_t lane;
    uint32_t epoch;
};

/* SHOW: the region is mapped and sealed. */
struct fl_control_show {
    uint32_t region;
    uint32_t port;
};

/* SET: tail = "key NUL value NUL". */
struct fl_control_set {
    uint32_t token; /* counts this stage's SETs from 1 */
    uint32_t flags; /* enum fl_set_flags */
    uint64_t deadline_ns; /* CLOCK_MONOTONIC; where no frame has come until then, nothing is changed any more */
};

enum fl_set_flags { FL_SET_REBUILD = 1 << 0 };

/* SET_DONE: tail = why not (not NUL-terminated, at most 2,000 bytes count). */
struct fl_control_set_done {
    uint32_t token;
    int32_t error;       /* 0: it holds; -errno: nothing has changed */
    uint64_t number;     /* of the first frame it holds for */
    uint32_t parameters; /* which that frame, and what follows, is announced with */
    uint32_t reserved;
};

struct fl_control_want_pool {
    uint32_t port;
    uint32_t reserved;
    uint64_t payload_bytes;
};

struct fl_control_go {
    uint64_t start_ns; /* CLOCK_MONOTONIC, the run's common zero */
};

#endif
