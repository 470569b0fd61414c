/* The host: what stands around one stage in its process. Private to host*.c and stage-main.c.
 *
 * Two threads of its own. The owner runs the stage's functions and everything of the transport that belongs to the owner
 * (wiring, take, publish, wait). The control thread reads the socket for as long as the process lives, so that a word from the
 * supervisor is heard while the stage is deep in a decoder. It does itself what must not wait and touches no lane: it maps regions,
 * makes pools known, and sets flags; every other message it queues for the owner, and kicks.
 *
 *   files: host.c         the life of a stage, from CONFIG to DONE
 *          host-wiring.c  OPEN, OPENED and LANE: what comes in and goes out, and over what
 *          host-loop.c    frames in, the end of inputs, draining
 *          host-control.c the control thread, the queue, and life without a supervisor
 *          host-pools.c   regions that this process writes; pools, their generations
 *          host-io.c      fl_stage_acquire, fl_stage_publish
 *          host-setting.c parameters that change while frames flow
 *          host-talk.c    everything said to the supervisor
 *          host-events.c  what became of frames, for a run that is to tell
 *          host-guests.c  lanes that come and go while frames flow
 *          host-options.c, host-stats.c, host-confine.c
 *
 * `lock` guards what says so; the context's lock may be taken under it, never the other way round.
 */
#ifndef FL_HOST_H
#define FL_HOST_H

#include <pthread.h>
#include <stdatomic.h>

#include <framelane/events.h>
#include <framelane/shm.h>
#include <framelane/wire.h>

#include "control.h"
#include "kind.h"
#include "stats.h"

#define FL_HOST_CHANGES 32 /* of parameters, whose frames are remembered */
#define FL_HOST_POOL_WAIT_NS 2000000000ll /* how long an announcement may name a pool that is not known here yet */

struct fl_host_option {
    const char *key, *value;
};

struct fl_host_input {
    struct fl_lane *lane; /* NULL: not wired */
    uint32_t lane_id, lane_epoch, credits;
    enum fl_when_full when_full;
    uint64_t waited_ns; /* for its frames */
    bool open;         /* frames may still come, or its end has not been told to the stage */
    bool reported;     /* a FAULT has been sent */
    bool muted;        /* and it has been said that its bell is */
    uint64_t stuck_ns; /* since when the next frame names an unknown pool; 0: it does not */
    unsigned stuck_at; /* `pools_known` when that was last looked at */
    uint64_t number, missing, gaps; /* of the newest frame; numbers left out on the way to it. Not counted on a `wait` lane */
    uint32_t epoch;                 /* of the newest frame; 0: there was none */
};

struct fl_host_output_lane {
    struct fl_output_lane *lane;
    uint32_t lane_id, lane_epoch;
    enum fl_when_full when_full;
    uint64_t waited_ns; /* for its credit, or a slot it holds */
    uint64_t oldest_index, oldest_since_ns; /* 0 since: none is outstanding */
    bool reported;
    bool muted;   /* as above */
    bool guest;   /* stands behind all that are none */
    bool leaving; /* a guest's: stopped; goes when everything has come back */
};

struct fl_host_output {
    struct fl_output *output; /* NULL: nobody takes it */
    struct fl_host_output_lane lanes[FL_STATS_MAX_LANES];
    unsigned lane_count;
    uint64_t published;
    /* The newest generation. A thread counts itself into `users` before it loads `pool` and out when it has its frame: an older
     * generation is unmapped only while no one is counted, and who comes later loads the newer. Both sides seq_cst. */
    _Atomic(struct fl_pool *) pool;
    atomic_uint users;
    uint64_t wanted_bytes; /* lock: a larger generation has been asked for; 0: none under way */
    atomic_int refused;    /* -errno: the supervisor gives none; -EBUSY: not now */
};

/* A pool that this process has mapped, to write or to read. lock. */
struct fl_host_pool {
    struct fl_host_pool *next;
    struct fl_pool *pool;
    uint32_t id, port;
    uint32_t ports; /* read: a bit an input port whose lane may bring frames of it */
    bool own;     /* this process writes it */
    bool retired; /* a newer generation has taken its place */
    bool unused;  /* its writer says that no frame of it is outstanding */
};

/* An announce or return region that this process has mapped and no lane has taken yet. lock. */
struct fl_host_region {
    struct fl_host_region *next;
    uint32_t id;
    void *base;
    uint64_t bytes;
};

/* A message on its way from the control thread to the owner. */
struct fl_host_message {
    struct fl_host_message *next;
    uint32_t type;
    int fds[FL_WIRE_MAX_FDS];
    unsigned fd_count;
    size_t body_bytes, tail_bytes;
    const uint8_t *tail;
    _Alignas(16) uint8_t body[];
};

struct fl_stage {
    const struct fl_stage_module *module;
    const struct fl_kind_info *kind;
    void *priv;
    char name[64];
    struct fl_context *context;

    /* CONFIG */
    unsigned flags; /* enum fl_config_flags */
    uint64_t frames_limit;
    struct fl_host_option *options;
    unsigned option_count;
    char *option_text;
    int input_fd, stdout_fd;

    struct fl_stage_input inputs[FL_STAGE_MAX_PORTS];
    struct fl_stage_output outputs[FL_STAGE_MAX_PORTS];
    struct fl_host_input in[FL_STAGE_MAX_PORTS];
    struct fl_host_output out[FL_STAGE_MAX_PORTS];
    bool guests_leaving; /* the owner's: some guest's lane is */
    bool started;
    bool faulted; /* a neighbour broke the protocol: what is complete is finished, the run has failed */
    bool input_faulted; /* the same, by who is above: the end of what comes from here cannot be believed */

    /* Parameters; the owner. */
    struct fl_host_message *first_setting, *last_setting; /* SET, each of which waits for a frame of its own */
    struct fl_host_option *set_options; /* those of the registry's keys that have been set */
    unsigned set_option_count;
    uint32_t parameters; /* changes so far */
    /* Change n, counted from 0, holds from this frame on: at n % its length. Epoch 0: from when it was made, whatever the frame. */
    struct {
        uint64_t number;
        uint32_t epoch;
    } changes[FL_HOST_CHANGES];
    bool settled; /* no frame will come any more */
    char *refusal; /* why not, once fl_stage_refuse has said it */

    /* Set by the control thread, or by whoever fails first; read by all. */
    atomic_bool stopping, cancelled, alone; /* alone: the supervisor is dead */
    atomic_bool limit_reached;
    atomic_bool leaving; /* the stage takes nothing more */
    atomic_bool failed;

    /* The control thread. */
    int socket;
    int quit_fd;
    pthread_t control;
    bool control_runs;
    pthread_mutex_t lock, send_lock;
    struct fl_host_message *first_message, *last_message; /* lock */
    atomic_uint messages;                                 /* how many are queued */
    struct fl_host_pool *pools;                           /* lock */
    struct fl_host_region *regions;                       /* lock */
    atomic_uint pools_known;                              /* rises with each pool made known */
    atomic_bool pools_idle;                               /* some pool is retired or unused: the owner looks after it */

    /* Counters. The page is written by the owner alone; what other threads count waits in the atomics. */
    struct fl_stats *stats;
    struct fl_stats own_stats; /* until the page is mapped */
    _Atomic(struct fl_stats *) stats_page;
    _Atomic uint64_t copies, copied_bytes, damage;
    atomic_uint_fast64_t progress; /* rises while work gets done; read by the control thread */
    atomic_bool in_hand;           /* frames taken and not yet given back, or given and not yet returned */
    atomic_int state;              /* enum fl_stage_state */
    atomic_bool records;           /* some ring of events is mapped: see host-events.c */
    uint64_t frames_in, frames_out, packets_in, packets_out, busy_ns, waited_ns, refreshed_ns;
    uint64_t unit_ns;                   /* work since the last picture was done */
    uint64_t age_sum_ns, outside_ns;    /* outside: since when it waits for what is there */
    uint64_t waited_by_ns[FL_WAIT_COUNT]; /* waited_ns by cause */
};

/* host.c */
int fl_host_run(struct fl_stage *stage); /* the whole life; returns the exit status */
int fl_host_read_config(struct fl_stage *stage, const struct fl_received *message);

/* host-confine.c: what a process that parses bytes from outside may still do. Before it has a second thread. */
void fl_host_confine(void);

/* host-wiring.c. 0 or a negative errno; the failure has been reported. */
int fl_host_take_open(struct fl_stage *stage, const struct fl_host_message *message);
int fl_host_send_opened(struct fl_stage *stage);
int fl_host_take_lane(struct fl_stage *stage, struct fl_host_message *message);
void fl_host_take_show(struct fl_stage *stage, const struct fl_host_message *message);
void fl_host_take_lane_event(struct fl_stage *stage, const struct fl_host_message *message);

/* host-guests.c; the owner. */
/* It could not be attached: told to the supervisor, and the stage goes on. */
void fl_host_refuse_guest(struct fl_stage *stage, const struct fl_control_lane *lane, void *own, int error);
void fl_host_guest_leaves(struct fl_stage *stage, struct fl_host_output_lane *lane);
bool fl_host_guest_can_go(const struct fl_stage *stage); /* some lane that leaves has nothing outstanding */
void fl_host_tend_guests(struct fl_stage *stage);        /* takes those away */

/* host-loop.c; the owner. */
int fl_host_loop(struct fl_stage *stage);
void fl_host_end_inputs(struct fl_stage *stage);               /* tells the stage the end of every input it has not been told of */
void fl_host_close_outputs(struct fl_stage *stage, bool wait); /* announces the end, and waits for what is outstanding */
void fl_host_check_faults(struct fl_stage *stage); /* tells the supervisor of neighbours that broke the protocol, once each */

/* host-control.c */
int fl_host_control_start(struct fl_stage *stage);
void fl_host_control_stop(struct fl_stage *stage);
struct fl_host_message *fl_host_next_message(struct fl_stage *stage); /* NULL: none */
void fl_host_message_free(struct fl_host_message *message);           /* and the descriptors nobody has taken */
bool fl_host_interrupted(const struct fl_stage *stage);               /* the owner should stop waiting and look */
void fl_host_serve(struct fl_stage *stage);                           /* the owner: queued messages, idle pools */

/* host-setting.c; the owner. */
void fl_host_take_setting(struct fl_stage *stage, struct fl_host_message *message); /* takes the message over */
/* Before the frame `next`, or where the source makes its next one (NULL): the change whose turn it is. 0, or why the run of this
 * stage is over. */
int fl_host_apply_setting(struct fl_stage *stage, const struct fl_desc *next);
/* None will hold for any frame any more: those that wait and those that come are refused. */
void fl_host_settle(struct fl_stage *stage);
/* How many changes hold for that frame; one of before a change may come out after it. */
uint32_t fl_host_parameters_at(const struct fl_stage *stage, const struct fl_desc *desc);

/* host-pools.c */
/* Control thread unless stated. */
int fl_host_map(struct fl_stage *stage, const struct fl_control_map *map, int fd);
int fl_host_reach(struct fl_stage *stage, struct fl_lane *lane, unsigned port); /* its pools so far; lock */
int fl_host_add_pool(struct fl_stage *stage, const struct fl_control_pool *pool, int fd);
void *fl_host_take_region(struct fl_stage *stage, uint32_t id);          /* the owner; NULL: unknown */
void fl_host_pool_ready(struct fl_stage *stage, uint32_t id, int error); /* error < 0: there will be none */
void fl_host_pool_unused(struct fl_stage *stage, uint32_t id);
void fl_host_first_pools(struct fl_stage *stage); /* the owner, at GO: what has been mapped is current */
void fl_host_tend_pools(struct fl_stage *stage);  /* the owner: gives up generations that nothing needs any more */
int fl_host_want_pool(struct fl_stage *stage, unsigned port, uint64_t payload_bytes); /* any thread */
void fl_host_free_pools(struct fl_stage *stage);

/* host-talk.c. Never blocks for ever; -EPIPE when the supervisor is dead. */
int fl_host_send(struct fl_stage *stage, enum fl_control type, const void *body, size_t body_bytes, const void *tail,
                 size_t tail_bytes);
void fl_host_report_fault(struct fl_stage *stage, uint32_t lane, uint32_t epoch, const char *text);

/* host-options.c */
int fl_host_parse_options(struct fl_stage *stage, const void *text, size_t bytes, unsigned count);
/* From now on the option has that value, until it is settled whether it keeps it. 0 or -ENOMEM. */
int fl_host_push_option(struct fl_stage *stage, const char *key, const char *value);
void fl_host_settle_option(struct fl_stage *stage, bool keep); /* the one pushed last */
void fl_host_free_options(struct fl_stage *stage);

/* host-events.c. Nothing where no ring was given. */
int fl_host_map_events(struct fl_stage *stage, const struct fl_control_map *map, int fd); /* the control thread */
static inline bool fl_host_records(const struct fl_stage *stage)
{
    return atomic_load_explicit(&stage->records, memory_order_relaxed);
}
/* `desc` NULL: no frame is known yet. */
void fl_host_note_work(struct fl_stage *stage, enum fl_event_kind kind, uint32_t lane, const struct fl_desc *desc);
void fl_host_note_wait(struct fl_stage *stage, bool begins, enum fl_waiting_for what, uint32_t lane);
void fl_host_note_lost(struct fl_stage *stage); /* at the end: what nobody has given back */

/* host-stats.c; the owner. */
uint64_t fl_host_now_ns(void);
int64_t fl_host_pts_us(const struct fl_desc *desc); /* INT64_MIN: unknown */
void fl_host_set_state(struct fl_stage *stage, enum fl_stage_state state);
void fl_host_count(struct fl_stage *stage, const struct fl_desc *desc, bool out);
/* That many pictures are done, after `busy_ns` more of work; 0: none yet. */
void fl_host_worked(struct fl_stage *stage, uint64_t busy_ns, uint64_t pictures);
void fl_host_refresh_stats(struct fl_stage *stage); /* lanes, pools, and what other threads counted */
/* fl_context_wait, visible from outside. Clears itself. */
int fl_host_wait(struct fl_stage *stage, enum fl_waiting_for what, uint32_t lane, bool (*ready)(void *arg), void *arg,
                 int64_t timeout_ns);

#endif
