/* One run, as its supervisor knows it. Private to the files named here; cmd-run.c makes it, everything lives on its one thread.
 *
 *   launch.c       framelane-stage processes: fork, descriptors, signals
 *   inputs.c       the files that stages read, opened for them
 *   supervise.c    the main loop: control sockets, exits, signals, the clock
 *   opening.c      CONFIG, OPEN and OPENED: what every lane will carry
 *   wiring.c       memory minted, mapped, sealed and handed on; lanes; GO
 *   generations.c  pools that grow while frames flow
 *   ending.c       STOP, deaths, deadlines, the verdict
 *   unfinished.c   for whom an end waits, which outputs are complete
 *   talk.c         sentences on stderr
 *   tally.c        the numbers of the stats pages, added up
 *   live.c         what they were in the last seconds
 *   progress.c, report.c   the line on a terminal, the summary; JSON
 *   door.c, answers.c, setting.c, status.c   the control socket, and what is answered there
 *   attach.c, take.c                         what those outside are given of an output
 *   journal.c, drop-log.c, trace.c   what became of each frame, where that is asked for; metrics.c, metrics-text.c for Prometheus
 *
 * The life of a run, and who moves it on:
 *
 *   OPENING --the last OPENED--> WIRING --the last region sealed--> RUNNING --the last process reaped--> (over)
 *      any state --a stage failed, died or lied; a first signal before RUNNING--> the same state with `ending` set: STOP has been
 *                  sent, no more is started, and who makes no progress is killed
 *      any state --second signal--> every process killed
 *
 * Nothing a stage says is trusted: every message is checked for size, state and range; what it says of its streams is carried on
 * unread.
 */
#ifndef FL_RUN_H
#define FL_RUN_H

#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <framelane/shm.h>
#include <framelane/wire.h>

#include "budget.h"
#include "control.h"
#include "description.h"
#include "stats.h"

typedef struct FlRun FlRun;
typedef struct FlRunStage FlRunStage;
typedef struct FlRunLane FlRunLane;
typedef struct FlLive FlLive;       /* live.h */
typedef struct FlDoor FlDoor;       /* door.h */
typedef struct FlJournal FlJournal; /* journal.h */
typedef struct FlMetrics FlMetrics; /* metrics.h */

enum fl_exit {
    FL_EXIT_OK = 0,
    FL_EXIT_FAILED = 1,
    FL_EXIT_USAGE = 2,
    FL_EXIT_CONFIG = 3,
    FL_EXIT_START = 4,
    FL_EXIT_DROPS = 5,
};

/* A memfd from mint to seal, and a pool for as long as its writer needs it. */
typedef struct {
    uint32_t id; /* for a pool its id; unique in the run, never 0 */
    enum fl_region_kind kind;
    FlRunStage *writer;
    unsigned port;
    struct fl_pool_info pool;
    uint64_t bytes;
    int fd; /* -1: a pool in its writer's private memory. A pool keeps it for those who attach later */
    gboolean mapped;
    gboolean later; /* a pool minted while frames flow */
} FlRunRegion;

struct FlRunLane {
    const FlLaneConfig *config;
    FlRunStage *from, *to;
    struct fl_lane_info info;
    gboolean unwired;                /* one of its ends has no use for it */
    gboolean stopped;                /* LANE_STOP or LANE_ENDED has been sent */
    FlRunRegion *announce, *returns; /* shm only */
};

enum fl_stage_life {
    FL_LIFE_NEW = 0, /* not started */
    FL_LIFE_STARTED, /* forked; has its CONFIG */
    FL_LIFE_OPENING, /* OPEN was sent: every stage above it has answered */
    FL_LIFE_OPENED,
    FL_LIFE_RUNNING, /* GO */
    FL_LIFE_DONE,    /* said so; about to exit */
    FL_LIFE_REAPED,
};

struct FlRunStage {
    FlRun *run;
    const FlStageConfig *config;
    unsigned index; /* in pipeline->stages: topological */
    enum fl_stage_life life;
    pid_t pid;
    int pidfd, control; /* -1 when closed */
    guint control_source, exit_source, socket_deadline;
    int input_fd; /* until CONFIG */
    gboolean writes_stdout;

    /* OPENED */
    struct fl_control_stream stream[FL_STAGE_MAX_PORTS];
    GBytes *side[FL_STAGE_MAX_PORTS]; /* NULL: this output was not answered */
    unsigned hold[FL_STAGE_MAX_PORTS];

    const struct fl_stats *stats;              /* mapped read-only; NULL before WIRING. Stays after the process is gone */
    int stats_fd;                              /* sealed; -1 before */
    FlRunRegion *latest[FL_STAGE_MAX_PORTS];   /* in regions; NULL: nobody has looked on yet */
    uint64_t wanted_bytes[FL_STAGE_MAX_PORTS]; /* WANT_POOL that waits for an older generation to be given up; 0: none */
    uint64_t largest_slot[FL_STAGE_MAX_PORTS]; /* of any generation so far */
    guint wanted_timer;
    uint32_t sets_asked, sets_answered; /* SET and SET_DONE, which comes in their order */
    GQueue arguments;                   /* of each SET not yet answered: the main argument it sets, NULL: another key */
    char *argument;                     /* the main argument as it was set last; NULL: as it is in the configuration */

    /* How it ended. */
    gboolean failed; /* FAILED has come: it has said why */
    gboolean done;   /* DONE has come */
    gboolean killed; /* by the supervisor, which has said why */
    int wait_status;
    struct rusage usage;

    gint64 talk_second; /* sentences in this second, so that a mad stage cannot flood a log */
    unsigned talk_count, talk_left_out;
    uint64_t tick_busy_ns, tick_cpu_ns, tick_frames; /* at the last progress line */
};

enum fl_run_state { FL_RUN_OPENING = 0, FL_RUN_WIRING, FL_RUN_RUNNING };

/* A file that the run tells something in. After the first error nothing more is written: what is there is whole up to some point.
 */
typedef struct {
    FILE *file; /* NULL: none */
    const char *name;
    int error; /* errno of the first write that failed; 0: none has */
} FlToldFile;

typedef struct {
    uint64_t frames_limit; /* 0: none */
    gint64 for_ns;         /* 0: no limit */
    gboolean quiet, verbose;
    gboolean max_drop_set, max_drop_is_share;
    double max_drop; /* a share of what was offered, or a count */
    FILE *json;      /* NULL: none */
    FlToldFile drop_log, trace;
    FlMetrics *metrics; /* NULL: none */
} FlRunOptions;

struct FlRun {
    const FlPipeline *pipeline;
    FlRunOptions options;
    char *program; /* framelane-stage */
    enum fl_run_state state;
    GMainLoop *loop;
    FlRunStage *stages; /* parallel to pipeline->stages */
    FlRunLane *lanes;   /* parallel to pipeline->lanes */
    unsigned stage_count, lane_count;
    FlBudget *budget;
    GHashTable *regions; /* id -> FlRunRegion, until sealed; pools until given up */
    uint32_t next_id;
    unsigned unmapped; /* regions of the start that still wait for MAPPED */
    unsigned alive;    /* processes not reaped */

    /* The end. */
    gboolean stopping; /* STOP has been sent to the sources */
    gboolean ending;   /* because something failed */
    int exit_code;     /* of the first failure */
    char *error;       /* its sentence */
    int signal;        /* the first that came; 0: none */
    gint64 signal_us;
    int kill_signal;   /* the second: everything was killed */
    uint64_t progress; /* a sum that changes while anything moves */
    gint64 progress_us;

    int signal_fd;
    sigset_t old_mask;
    guint tick_source, deadline_source, for_source, signal_source, waiting_source;
    gint64 launched_us, go_us, ended_us;
    uint64_t pool_bytes, pool_bytes_peak;
    gboolean line_shown, json_failed;
    gint64 tick_us; /* the last progress line: when, and how far it was */
    uint64_t tick_frames;
    gint64 tick_pts_us;          /* G_MININT64: unknown */
    struct fl_received received; /* the message in hand */
    FlLive *live;
    FlDoor *door;       /* NULL: nobody can look in */
    FlJournal *journal; /* NULL: nobody asked what becomes of frames */
};

/* launch.c. */
/* One of the executables that belong to this one: beside it when not installed ("folder/name": beside its folder), else in libexec
 * of this prefix, wherever that was moved to, or of the one built for. NULL: there is none. To g_free. */
char *fl_find_program(const char *name);
char *fl_run_find_stage_program(void); /* NULL: there is none */
/* -errno. The child is not yet watched. */
int fl_run_spawn(FlRunStage *stage);
/* In a child: becomes framelane-stage, with `socket` as its end of the control socket. */
typedef struct {
    char *const *argv;
    int socket, nothing; /* nothing: /dev/null, open */
    gboolean writes_stdout;
    const sigset_t *mask; /* of its signals */
} FlStageProcess;
void fl_become_stage(const FlStageProcess *process) G_GNUC_NORETURN;
void fl_run_kill(FlRunStage *stage); /* SIGKILL; accepts one that is gone */

/* inputs.c. FALSE: a sentence has been said for each that does not open. */
gboolean fl_run_open_inputs(FlRun *run);

/* supervise.c */
FlRun *fl_run_new(const FlPipeline *pipeline, const FlRunOptions *options);
int fl_run_supervise(FlRun *run); /* starts everything, returns the exit code when every process is reaped */
void fl_run_free(FlRun *run);
/* Sends to a stage; silently nothing where it is gone (its death is told elsewhere). FALSE: the message cannot be sent at all. */
typedef struct {
    enum fl_control type;
    const void *body, *tail;
    size_t body_bytes, tail_bytes;
    const int *fds;
    unsigned fd_count;
} FlRunMessage;
gboolean fl_run_send(FlRunStage *stage, const FlRunMessage *message);
void fl_run_hear(FlRunStage *stage); /* takes what it has said by now; a few messages at most */

/* opening.c */
gboolean fl_run_send_config(FlRunStage *stage);
void fl_run_open_ready(FlRun *run); /* OPEN to every stage whose inputs are known */
void fl_run_take_opened(FlRunStage *stage, const struct fl_received *message);

/* wiring.c */
void fl_run_wire(FlRun *run);
/* Both bells of a lane: the producer rings FORWARD and hears BACK. */
enum { FL_FORWARD, FL_BACK };
typedef struct {
    int ring[2], hear[2];
} FlBells;
int fl_bells_mint(FlBells *bells); /* -errno: there are none */
void fl_bells_close(FlBells *bells);
void fl_run_take_mapped(FlRunStage *stage, const struct fl_received *message);
/* A region known to the run and sent to its writer; NULL and -errno. A private pool where `shared` is FALSE. */
FlRunRegion *fl_run_mint(FlRun *run, const FlRunRegion *like, gboolean shared, int *error);
/* Sends a sealed pool to every stage its frames can reach, or (unused) word that it is not needed any more. */
void fl_run_tell_readers(FlRun *run, const FlRunRegion *pool, gboolean unused);
/* Shared memory that the system can still give, in bytes. */
uint64_t fl_run_memory_available(void);

/* generations.c */
void fl_run_take_want_pool(FlRunStage *stage, const struct fl_received *message);
void fl_run_take_pool_unused(FlRunStage *stage, const struct fl_received *message);
void fl_run_generation_mapped(FlRunRegion *pool, int error);

/* setting.c */
void fl_run_take_set_done(FlRunStage *stage, const struct fl_received *message);

/* unfinished.c */
/* The sources have been stopped: says from time to time for whom the end still waits, unless --quiet. */
void fl_run_watch_end(FlRun *run);
/* Which outputs are complete and which are not, as the rest of a sentence. To g_free. */
char *fl_run_outputs_text(const FlRun *run);

/* ending.c */
static inline gboolean fl_run_is_alive(const FlRunStage *stage)
{
    return stage->life != FL_LIFE_NEW && stage->life != FL_LIFE_REAPED;
}
/* TRUE where another stage that is alive must move before this one can. */
gboolean fl_run_is_held_up(const FlRunStage *stage);
void fl_run_stop_sources(FlRun *run);
/* The run has failed: says the sentence, remembers the first exit code, stops the sources, starts the deadline. */
void fl_run_fail(FlRun *run, int exit_code, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* The stage broke the protocol: killed, with that sentence. */
void fl_run_broke(FlRunStage *stage, const char *what);
void fl_run_take_failed(FlRunStage *stage, const struct fl_received *message);
void fl_run_take_fault(FlRunStage *stage, const struct fl_received *message);
void fl_run_take_signal(FlRun *run, int signal);
/* Asked for from outside: like the first signal, or (now) like the second; what has been begun is not begun again. */
void fl_run_take_stop(FlRun *run, gboolean now);
void fl_run_stage_ended(FlRunStage *stage); /* reaped: wait_status and usage are there */
int fl_run_verdict(FlRun *run);             /* exit code, after the last */

/* talk.c. One line "run: ..." on stderr; the progress line steps aside. */
void fl_run_say(FlRun *run, const char *format, ...) G_GNUC_PRINTF(2, 3);
void fl_run_take_log(FlRunStage *stage, const struct fl_received *message);
/* Text of a stage made fit for a terminal: valid UTF-8, no control characters, at most 2,000 bytes. */
char *fl_run_clean_text(const void *text, size_t bytes);
char *fl_run_describe_death(const FlRunStage *stage); /* "killed by SIGSEGV", "exited with status 3" */

/* tally.c */
typedef struct {
    uint64_t sent, taken, returned, dropped, skipped, wakeups, copies, copied_bytes, last_dropped;
    uint64_t left_over;                      /* of the dropped ones */
    uint64_t oldest_number, oldest_since_ns; /* outstanding for longest; since 0: none is */
    uint64_t in_use, held; /* credits that the producer has given away; frames the consumer has in hand: each by its own books */
} FlLaneTally;
typedef struct {
    uint64_t frames_in, frames_out, dropped_policy, dropped_error, dropped_packets, copies, copied_bytes, decode_errors;
} FlTally;
/* A word of a stage's page, 0 where there is none yet. */
#define FL_RUN_STAT(stage, field) ((stage)->stats ? fl_load(&(stage)->stats->field, FL_RELAXED) : 0)
void fl_run_tally_lane(const FlRunLane *lane, FlLaneTally *tally);
/* Of a lane that leads outside, by its id, as the stage whose output it is counts it; what the other end counts is 0. */
void fl_run_tally_guest(const FlRunStage *stage, uint32_t lane, FlLaneTally *tally);
uint64_t fl_run_lane_lost(const FlRunLane *lane); /* frames announced to a consumer that died, and never given back */
void fl_run_tally(const FlRun *run, FlTally *tally);
uint64_t fl_run_stage_copies(const FlRunStage *stage, uint64_t *bytes); /* its own and those of its ends of lanes */
uint64_t fl_run_stage_frames(const FlRunStage *stage);                  /* what it has handled: in, or out for a source */
gboolean fl_run_is_source(const FlRunStage *stage);
const char *fl_run_argument(const FlRunStage *stage); /* the main argument, as it is now; NULL: none */
gboolean fl_run_is_sink(const FlRunStage *stage);
uint64_t fl_run_progress(const FlRun *run); /* a sum that changes while anything moves */
/* How far the slowest far end is, in microseconds of the source's time. FALSE: nobody knows. */
gboolean fl_run_position_us(const FlRun *run, gint64 *position_us);
uint64_t fl_run_cpu_ns(const FlRunStage *stage);     /* user and system so far; while it lives without a look at its page */
double fl_run_seconds(gint64 from_us, gint64 to_us); /* 0 where `from` never came */

/* progress.c */
void fl_run_show_progress(FlRun *run); /* once a second */
void fl_run_hide_progress(FlRun *run);
void fl_run_show_summary(FlRun *run);

/* report.c: JSON lines; nothing where none was asked for */
void fl_run_report_progress(FlRun *run);
void fl_run_report_end(FlRun *run, int exit_code);

#endif
