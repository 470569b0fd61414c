/* The private books of one process: what stands behind the handles of framelane/. Nothing here is shared between processes.
 *
 * One mutex (context.lock) guards all of it and is never held across a wait or a system call; bells to be rung are noted under the
 * lock and rung after it (a pipe's non-blocking reads and writes are the exception: they are the transport). References are atomic:
 * whoever drops the last one, on any thread, pushes the frame on `released`; the owner, or a thread that waits for a slot, settles
 * it.
 */
#ifndef FL_INTERNAL_H
#define FL_INTERNAL_H

#include <framelane/bell.h>
#include <framelane/events.h>
#include <framelane/output.h>
#include <framelane/shm.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "core.h"

#define FL_MAX_POOLS      256
#define FL_PEER_CHECK_NS  100000000ll  /* longest sleep without a look around */
#define FL_CLOSE_GRACE_NS 1000000000ll /* how long lanes other than `wait` are still paid after close */

/* Slot states; see pool.h for the arrows. */
enum fl_slot_state { FL_SLOT_FREE, FL_SLOT_WRITING, FL_SLOT_PUBLISHED };

struct fl_frame {
    struct fl_context *context;
    atomic_uint refs;
    struct fl_frame *next; /* on `released`, or on a lane's free handles */
    const uint8_t *base;
    uint64_t capacity;
    struct fl_pool *pool; /* NULL: came through a pipe */
    uint64_t offset, version;
    struct fl_lane *lane;   /* NULL: a slot of an own pool */
    uint64_t index;         /* taken: the announcement to return */
    uint32_t slot;          /* its number in the pool */
    uint32_t booked;        /* under the lock: places in outputs' books that name it; together they are one of `refs` */
    _Atomic uint32_t state; /* own: enum fl_slot_state */
    void *buffer;           /* pipe: private memory of `buffer_bytes` */
    uint64_t buffer_bytes;
    uint64_t told; /* which description (context.descriptions) `desc` is, but for the words of a short entry; 0: none of those */
    struct fl_desc desc;
};

struct fl_pool {
    struct fl_pool_info info;
    struct fl_context *context; /* NULL until a context knows it */
    uint8_t *base;
    uint64_t file_bytes;
    uint64_t payload_offset; /* where slot 0 starts */
    uint64_t a_slot;         /* 2^64 / slot_bytes, rounded up: to multiply by where one would divide */
    struct fl_slot_version *versions;
    bool writer;
    uint64_t held; /* frames of it that were taken and not yet given back */
    /* writer only */
    struct fl_frame *frames; /* one handle a slot */
    uint32_t *free_slots;    /* newest freed last */
    uint32_t free_count;
    uint32_t window; /* slots the rotation aims at: what the caches hold */
};

/* A bell to be rung, in the way that whoever sleeps has asked for. */
struct fl_bell {
    fl_word *word; /* it sleeps on this; NULL: on a descriptor, whose other end is */
    int fd;
};

/* Whether a bell rings without anything having moved; see judge_bell. */
struct fl_bell_watch {
    const struct fl_rx *rx; /* the consumer's side, or */
    const struct fl_tx *tx; /* the producer's; neither: a pipe */
    uint64_t *wakeups;      /* sleeps that it ended */
    uint64_t taken, seen, futile, futile_since_ns;
    bool muted; /* for good: left to the timer */
};

union fl_announcement {
    struct fl_entry entry;
    struct fl_short_entry short_entry;
    uint64_t words[FL_ENTRY_WORDS];
};

struct fl_lane {
    struct fl_context *context;
    struct fl_lane_info info;
    struct fl_lane_fds fds;
    struct fl_rx rx;
    struct fl_pipe_reader *pipe; /* instead of rx */
    struct fl_frame *frames;     /* one handle a credit */
    struct fl_frame *free_frames;
    bool producer_down, left;
    bool aside; /* over a pipe, or recorded: one look tells the busy path that there is something rarer to do */
    const char *fault;
    struct fl_through through;
    bool through_known;
    struct fl_lane_stats stats;
    struct fl_bell_watch bell_watch;
    uint32_t *reach; /* ids of the pools its frames may lie in; NULL: all that the context knows */
    uint32_t reach_count;
    struct fl_desc told;         /* the description of the newest announcement that came whole, not yet checked */
    uint64_t told_count;         /* which one it is; see struct fl_frame */
    struct fl_pool *checked_for; /* one of its own, for whose slots `told` has been found right; NULL: none */
    uint32_t batch;              /* returns a look at the producer's `armed` */
    uint32_t unlooked;           /* returns made since the last look; they are committed with it */
    uint64_t unlooked_since_ns;
    bool looking; /* within fl_lanes_look */
};

/* A row of the books: announcement `index` names `frame`. */
struct fl_row {
    uint64_t index;
    struct fl_frame *frame; /* NULL: free row */
};

struct fl_output_lane {
    struct fl_output *output;
    struct fl_lane_info info;
    struct fl_lane_fds fds;
    struct fl_tx tx;
    struct fl_pipe_writer *pipe;
    struct fl_row *rows; /* row_mask + 1 of them, as many as the ring has places; found from index & row_mask onward */
    uint32_t row_mask;
    uint32_t outstanding;
    uint32_t batch;    /* announcements a look at the consumer's `armed` */
    uint32_t unlooked; /* announcements pushed since the last look; they are committed with it */
    uint64_t unlooked_since_ns;
    bool looking;  /* within fl_output_look */
    bool urgent;   /* `through` or `closed` was stored since the last look: it is due at once */
    bool aside;    /* as in struct fl_lane */
    uint64_t told; /* the output's `told` of what was sent here last */
    bool owed;     /* the output's newest frame has not been sent here */
    bool stopped;  /* announce no more: consumer stopped, down, gone or faulted */
    bool told_closed;
    bool through_pending;
    bool in_gap; /* what came last was dropped */
    const char *fault;
    struct fl_output_stats stats;
    struct fl_bell_watch bell_watch;
    struct fl_output_lane *next_detached;
};

struct fl_output {
    struct fl_context *context;
    struct fl_output_lane **lanes;
    unsigned lane_count;
    struct fl_frame *newest;
    union fl_announcement announcement; /* of `newest` */
    uint64_t told;                      /* which description that is; another one when it differs from the one before */
    uint64_t checked_capacity;          /* the slot that the newest description was found to lie within */
    struct fl_latest_region *latest;    /* NULL: nobody is shown anything */
    bool forwards; /* it has announced frames of others: their credits hang on its returns, so these are never left to lie */
    bool restless; /* some lane is owed, a pipe, or waits to be told: there is something to do for it after each frame */
    struct fl_through through;
    bool through_known;
    bool deaf; /* nobody listens any more; see fl_output_count_listeners */
    bool closing;
    uint64_t close_ns;
};

#define FL_MAX_RECORDERS 2

/* A ring of events that this process writes; see events.h. */
struct fl_recorder {
    struct fl_events_tx tx;
    uint64_t bytes;
    uint32_t kinds; /* FL_EVENT_BITs it is written for */
};

_Static_assert(sizeof(struct fl_event) == FL_EVENT_WORDS * 8, "an event is its words");

struct fl_context {
    pthread_mutex_t lock;
    /* One thread sleeps for all that wait: see wait.c. */
    atomic_uint sleeper;  /* 1: somebody does */
    atomic_uint looks;    /* rises when the sleeper has armed the bells, and when it wakes: the others look again then */
    atomic_uint waiting;  /* the others */
    pthread_mutex_t turn; /* they sleep on `looked` with it */
    pthread_cond_t looked;
    struct fl_sleep *sleep;
    _Atomic uint64_t spin_ns; /* the longest of its lanes; they may come while somebody waits */
    atomic_bool batches;      /* some lane has more than one frame a look */
    bool reads_pipes;         /* some lane comes through one */
    unsigned keeping_back;    /* lanes with returns that have not been shown */
    uint32_t recording;       /* FL_EVENT_BITs that some recorder wants; 0: nobody has asked for events */
    int kick_fd;
    atomic_uint kicks;      /* a futex: how often it was kicked */
    unsigned kicks_heard;   /* of those: by who has the turn */
    atomic_uint asleep;     /* enum fl_asleep */
    atomic_bool by_fd_only; /* the kernel cannot wait for several words, or a lane is a pipe */
    _Atomic(struct fl_frame *) released;
    struct fl_pool *pools[FL_MAX_POOLS]; /* that others write, and own ones */
    unsigned pool_count;
    struct fl_lane **lanes;
    unsigned lane_count;
    struct fl_output **outputs;
    unsigned output_count;
    struct fl_bell *bells; /* noted under the lock, rung after it */
    unsigned bell_count, bell_capacity;
    struct fl_recorder recorders[FL_MAX_RECORDERS];
    unsigned recorder_count;
    atomic_uint ringing;             /* threads that ring noted bells just now */
    struct fl_output_lane *detached; /* lanes taken away, until nobody sleeps on their bells nor rings them */
    uint64_t descriptions;           /* there have been; each is numbered, so that what has not changed need not be copied */
};

/* What an announcement says beside the description it shares with the one before: the words of a short entry. */
static inline void fl_desc_follow(struct fl_desc *desc, const struct fl_desc *now)
{
    desc->number = now->number;
    desc->epoch = now->epoch;
    desc->part = now->part;
    desc->pts = now->pts;
    desc->origin_ns = now->origin_ns;
}

/* A frame is described by `whole`, the description `told`, but for the words of a short entry, which are those of `now`. */
static inline void fl_frame_describe(struct fl_frame *frame, const struct fl_desc *whole, const struct fl_desc *now, uint64_t told)
{
    if (frame->told != told) {
        frame->desc = *whole;
        frame->told = told;
    }
    fl_desc_follow(&frame->desc, now);
}

/* The order of "nothing at or before this": by epoch, then by number; pts may go backwards. */
static inline bool fl_through_is_later(const struct fl_through *a, const struct fl_through *b)
{
    return a->epoch != b->epoch ? a->epoch > b->epoch : a->number > b->number;
}

/* context.c */
void fl_context_lock(struct fl_context *context);
void fl_context_unlock(struct fl_context *context); /* and rings */
void fl_context_note_bell(struct fl_context *context, struct fl_bell bell);
void fl_context_bury(struct fl_context *context, struct fl_output_lane *lane); /* it stands in no output any more */
struct fl_output_lane *fl_context_exhume(struct fl_context *context); /* under the lock: what nobody can come by any more */
unsigned fl_context_ends(const struct fl_context *context);           /* of lanes, that are here */
int fl_context_reserve(struct fl_context *context);                   /* room for them; -ENOMEM */
void fl_context_suit(struct fl_context *context, const struct fl_lane_info *info); /* a lane that spins or batches has come */
/* Shows all that batches keep back, returns and announcements: whoever finds nothing to do may wait by asking again, and what it
 * waits for may hang on any of them. */
void fl_context_flush_locked(struct fl_context *context);
void fl_context_service_locked(struct fl_context *context);
/* As fl_context_wait, for a question that is asked with the lock held: a wait with one sleep then takes the lock three times in
 * all. */
int fl_context_wait_locked(struct fl_context *context, bool (*is_met)(void *arg), void *arg, int64_t timeout_ns);
void fl_context_tend_locked(struct fl_context *context); /* as service, but returns nobody waits for are left to lie */
struct fl_pool *fl_context_find_pool(struct fl_context *context, uint32_t id);
uint64_t fl_now_ns(void);

/* events.c; under the lock. */
static inline bool fl_records(const struct fl_context *context, enum fl_event_kind kind)
{
    return (context->recording & FL_EVENT_BIT(kind)) != 0;
}
void fl_record_sent(const struct fl_output_lane *lane);                      /* the newest frame, as it is sent */
void fl_record_taken(const struct fl_frame *frame, enum fl_event_kind kind); /* TAKEN, GIVEN_BACK */
void fl_record_drop(const struct fl_output_lane *lane, enum fl_drop why);    /* of the frame it was owed */
void fl_record_superseded(const struct fl_lane *lane, uint64_t index, const struct fl_desc *desc);
void fl_recorders_finish(struct fl_context *context);

/* bell.c */
void fl_ring(int bell);
void fl_bell_drain(int bell);                        /* neither ever sleeps */
void fl_bell_ring_word(void *word, bool is_private); /* wakes one who sleeps on the 32 bits at `word`, which have changed */

/* sleep.c: what one sleep waits for. */
enum fl_asleep { FL_AWAKE, FL_ASLEEP_BY_FD, FL_ASLEEP_BY_WORD };
bool fl_sleep_knows_words(void);
struct fl_sleep;
int fl_sleep_reserve(struct fl_context *context, unsigned ends); /* under the lock; -ENOMEM */
void fl_sleep_free(struct fl_sleep *sleep);                      /* accepts NULL */
/* Under the lock, by who has the turn. Says by `asleep` that it is going to sleep and how, and arms every bell: what is looked at
 * afterwards, under the same lock, cannot change unnoticed. What is to be listened to is then gathered. */
struct fl_sleep *fl_sleep_arm(struct fl_context *context);
void fl_sleep_gather(struct fl_context *context, struct fl_sleep *sleep);
/* Not under the lock. Until a bell rings, or `deadline_ns` or the time for a look around has come. True: some rang. */
bool fl_sleep_until(struct fl_context *context, struct fl_sleep *sleep, uint64_t deadline_ns);
void fl_sleep_judge(struct fl_sleep *sleep); /* under the lock, if some rang: whose bell rings for nothing */

/* wait.c */
void fl_sleep_let_go(struct fl_context *context); /* of detached lanes: at once where nobody sleeps, else as soon as it wakes */

/* huge.c */
void fl_shm_ask_for_huge_pages(int fd, uint64_t bytes); /* best effort, before the memory is allocated */

/* frame.c */
void fl_frame_init(struct fl_frame *frame, struct fl_context *context);
void fl_frame_settle(struct fl_frame *frame); /* under the lock, when the last reference is gone */
void fl_frame_book(struct fl_frame *frame);   /* under the lock: a row, or `newest`, names it */
void fl_frame_unbook(struct fl_frame *frame); /* and no longer; accepts NULL */

/* pool.c */
void fl_pool_settle(struct fl_frame *frame);                                       /* last reference of an own slot is gone */
bool fl_pool_slot_at(const struct fl_pool *pool, uint64_t offset, uint32_t *slot); /* false: no slot starts there */
uint64_t fl_page_bytes(void);
void fl_pool_look_at_caches(void); /* reads sysfs, so before a process gives up opening files: at fl_context_create */

/* lane.c */
void fl_lane_settle(struct fl_frame *frame); /* last reference of a taken frame is gone */
void fl_lane_destroy(struct fl_lane *lane);
void fl_lane_break(struct fl_lane *lane, const char *fault);
/* Nothing is taken any more, so nothing fills another batch: what is still in hand goes back as it is let go. */
void fl_lane_end_batches(struct fl_lane *lane);
void fl_lane_give_back(struct fl_lane *lane, uint64_t index); /* the producer sees it once the batch is shown */
bool fl_lane_ready_locked(struct fl_lane *lane);
void fl_lanes_look(struct fl_context *context, bool all); /* at `armed` of producers that were returned to */
uint32_t fl_lane_batch(const struct fl_lane_info *info);
void fl_lane_hear_through(struct fl_lane *lane, const struct fl_through *now);
void fl_lane_forget(struct fl_lane *lane, uint32_t pool_id); /* the pool is unmapped */
uint32_t fl_lane_places(uint32_t credits);
void fl_lane_close_fds(struct fl_lane_fds *fds);

/* output.c */
void fl_output_service(struct fl_output *output); /* collects, pays, tells, and says by `restless` if that is enough for now */
void fl_output_destroy(struct fl_output *output);
void fl_output_count_listeners(struct fl_output *output); /* after a lane has come, has stopped, or was taken away */

/* latest.c */
void fl_output_show(struct fl_output *output); /* the newest frame, to observers, where it is shown to any */

/* output-lane.c: the producer's books of one lane. All under the lock. */
void fl_output_lane_destroy(struct fl_output_lane *lane);
void fl_output_lanes_destroy(struct fl_output_lane *first); /* linked by next_detached; NULL: none; not under the lock */
void fl_output_lane_break(struct fl_output_lane *lane, const char *fault);
void fl_output_lane_halt(struct fl_output_lane *lane);    /* announce no more here */
void fl_output_lane_collect(struct fl_output_lane *lane); /* the returns so far */
void fl_output_lane_reclaim(struct fl_output_lane *lane); /* as if all had been returned */
void fl_output_lane_pay(struct fl_output_lane *lane);     /* what it is owed, as its policy says */
bool fl_output_lane_send(struct fl_output_lane *lane);    /* the newest frame, where nothing is owed; true: now it is */
void fl_output_lane_count_drop(struct fl_output_lane *lane, enum fl_drop why); /* the newest frame it was owed */
void fl_output_lane_tell(struct fl_output_lane *lane);                         /* `through` */
void fl_output_lane_close(struct fl_output_lane *lane);
bool fl_output_lane_drained(const struct fl_output_lane *lane);
void fl_output_returned(struct fl_output_lane *lane, struct fl_row *row);
void fl_output_look(struct fl_output *output, bool all); /* shows what was pushed, and rings who sleeps */

/* pipe.c: the same lane over a pipe. */
enum fl_pipe_type { FL_PIPE_FRAME = 1, FL_PIPE_THROUGH = 2, FL_PIPE_CLOSED = 3 };
int fl_pipe_writer_create(struct fl_output_lane *lane, struct fl_pipe_writer **writer);
void fl_pipe_writer_destroy(struct fl_pipe_writer *writer);
void fl_pipe_writer_queue(struct fl_output_lane *lane, struct fl_row *row); /* remembers the newest description for this row */
void fl_pipe_writer_progress(struct fl_output_lane *lane);
void fl_pipe_writer_through(struct fl_pipe_writer *writer, const struct fl_through *through);
void fl_pipe_writer_close(struct fl_pipe_writer *writer);
void fl_pipe_writer_give_up(struct fl_output_lane *lane); /* the reader is gone: frees every row and closes the pipe */
bool fl_pipe_writer_idle(const struct fl_pipe_writer *writer);
int fl_pipe_reader_create(struct fl_lane *lane, struct fl_pipe_reader **reader);
void fl_pipe_reader_destroy(struct fl_pipe_reader *reader);
bool fl_pipe_reader_progress(struct fl_lane *lane); /* true: a frame is complete, or the lane has ended or broken */
int fl_pipe_reader_take(struct fl_lane *lane, struct fl_frame **frame);
bool fl_pipe_reader_ended(const struct fl_lane *lane); /* everything was taken, and no more can come */
bool fl_pipe_reader_wants(const struct fl_lane *lane); /* its pipe is worth polling */

#endif
