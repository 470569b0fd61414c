/* The stage contract: all that a stage has to know to be written.
 *
 * A stage is one process that does one thing to frames. It is a module (stages/NAME.c) which ends in one const table,
 * `fl_stage_module`, and which the host (pipeline/host.c, inside framelane-stage) loads, feeds and supervises. A stage never sees
 * lanes, bells or the supervisor; it sees frames.
 *
 *   open     Once, before anything is wired. The options are there, and what every input will carry. The stage opens its input or
 *            checks what it is to make, and fills in each output (what it will carry, how large, how many slots it keeps) and each
 *            input's `hold`. Nothing may be destroyed yet: an output file is created but not cut off. Fails with fl_stage_fail.
 *   start    Once, when everything is wired: acquire and publish may be called from here on. Optional.
 *   process  A stage with inputs: once for each frame taken, in order within a port. The host holds a reference until process
 *            returns; a stage that keeps the frame takes its own (fl_frame_ref) and drops it when done, on any thread.
 *   produce  A stage without inputs: makes one step (usually one frame). Returns FL_STAGE_END after the last, or once
 *            fl_stage_stopping.
 *   ended    An input has ended: give what is still inside, finish what is complete. Called once a port, after its last process.
 *   set      A parameter changes, between two frames: see struct fl_stage_setting. Optional: without it nothing can be set.
 *   close    The last call, also after a failure; `priv` may be half-built. Everything the stage holds is released here.
 *
 * All on one thread, the owner. What other threads of a stage (a decoder's workers) may call says "any thread".
 * Errors: 0 or a negative errno; -ECANCELED means that the run is being stopped now and is no error to report: return it.
 * A stage that fails says why once, with fl_stage_fail, and returns what that gave.
 * Copies: where a stage copies a frame's payload instead of passing it on, it counts it (fl_stage_copied).
 */
#ifndef FL_STAGE_H
#define FL_STAGE_H

#include <framelane/output.h>
#include <framelane/side.h>

#pragma GCC visibility push(default)

#define FL_STAGE_MAX_PORTS 2
#define FL_STAGE_END 1         /* produce: nothing is left */
#define FL_STAGE_SIDE_MAX 49152 /* bytes of side data that describe a stream */

struct fl_stage;

/* What an output carries and what its consumers are told before they open. */
struct fl_stream {
    struct fl_desc first; /* as the first frame's will be: format, geometry, colour, time base; planes need not be set */
    int32_t rate_num, rate_den; /* nominal frames a second; 0/1: unknown or variable */
    int64_t duration;       /* of the whole stream in time_base units, 0: unknown */
    uint32_t side_bytes;    /* stream-level side data (HDR metadata; for packets one FL_SIDE_CODEC [+ FL_SIDE_METADATA] a stream) */
    uint32_t stream_count;  /* packets: coded streams; 0: the input has none */
    uint8_t side[FL_STAGE_SIDE_MAX];
};

struct fl_stage_input {
    /* Set by the host before open. */
    bool connected;
    const char *from;         /* name of the stage above */
    struct fl_stream stream;
    /* Set by the stage in open. */
    unsigned hold; /* frames of this input it keeps at once beyond the one in process; default 0 */
    bool unused;   /* it will take nothing here: the lane need not be wired */
};

struct fl_stage_output {
    bool connected; /* set by the host before open: somebody takes it */
    /* Set by the stage in open. */
    struct fl_stream stream;
    uint64_t payload_bytes; /* of the largest frame expected, with side data; 0: it only forwards (its pool comes on demand) */
    unsigned working_set;   /* slots it keeps itself at once (a decoder's references), at least 1 unless payload_bytes is 0 */
    bool forwards;          /* frames of input 0 are announced onward from here */
};

/* Whose fault it is decides the exit code of the run. */
enum fl_stage_error {
    FL_STAGE_ERROR_CONFIG = 3, /* the configuration asks for what does not exist */
    FL_STAGE_ERROR_START = 4,  /* input does not open, output cannot be made, no memory */
    FL_STAGE_ERROR_RUN = 1,    /* failed while running */
};

/* `framelane set RUN/STAGE KEY=VALUE`: what is processed or produced from here on is made with the value, nothing before. What
 * comes out late and was due before `next` must be made without it: a stage that keeps frames back sees to that.
 * `set` returns 0 once the value holds, or what fl_stage_refuse gave, and then nothing has changed; a failure after which the stage
 * cannot go on is fl_stage_fail's, as anywhere. Keys of the registry reach it only where their `set` says that they can change,
 * with values of their type, which fl_stage_string and its like already have; a value that is refused goes again. It may publish.
 * The host counts the changes into `parameters` of what is published: a stage passes on its input's. */
struct fl_stage_setting {
    const char *key, *value; /* valid during the call */
    bool rebuild; /* it may build anew what it works with, and change the format and size of what it gives; else it must not */
    const struct fl_desc *next; /* the frame that will be processed next; NULL for a source */
};

struct fl_stage_module {
    const char *kind;
    size_t priv_bytes; /* zeroed private state: fl_stage_priv */
    int (*open)(struct fl_stage *stage);
    int (*start)(struct fl_stage *stage);
    int (*process)(struct fl_stage *stage, unsigned port, struct fl_frame *frame);
    int (*produce)(struct fl_stage *stage);
    int (*ended)(struct fl_stage *stage, unsigned port);
    int (*set)(struct fl_stage *stage, const struct fl_stage_setting *setting);
    void (*close)(struct fl_stage *stage);
};

/* The one symbol a module exports. */
extern const struct fl_stage_module fl_stage_module;

/* ---- what the stage asks of the host ---- */

void *fl_stage_priv(struct fl_stage *stage);
const char *fl_stage_name(const struct fl_stage *stage);
struct fl_stage_input *fl_stage_input(struct fl_stage *stage, unsigned port);
struct fl_stage_output *fl_stage_output(struct fl_stage *stage, unsigned port);

/* Options as configured, or the registry's default; NULL / fallback-less numbers as stated. Text lives as long as the stage,
 * that of a key that is set in the run until it is set again. Types were checked against the registry by the supervisor. */
const char *fl_stage_string(const struct fl_stage *stage, const char *key);               /* NULL: not given, no default */
int64_t fl_stage_int(const struct fl_stage *stage, const char *key, int64_t otherwise);
bool fl_stage_bool(const struct fl_stage *stage, const char *key, bool otherwise);
int fl_stage_size(const struct fl_stage *stage, const char *key, unsigned *width, unsigned *height); /* -ENOENT: not given */
int fl_stage_rate(const struct fl_stage *stage, const char *key, int32_t *num, int32_t *den);        /* -ENOENT */
int64_t fl_stage_duration_ns(const struct fl_stage *stage, const char *key, int64_t otherwise);
/* Calls `each` for every option whose name begins with `prefix`, with the rest of its name, in the order given. */
void fl_stage_each_option(const struct fl_stage *stage, const char *prefix,
                          void (*each)(void *arg, const char *name, const char *value), void *arg);

/* The input file the supervisor opened, or -1 where `url` is no file (a URL, a device, a pattern). The stage owns it. */
int fl_stage_take_input_fd(struct fl_stage *stage);
/* Where "-" of an output leads, or -1. The stage owns it. */
int fl_stage_take_stdout_fd(struct fl_stage *stage);

/* A writable slot of at least `payload_bytes` on this output, waiting as long as it takes; a new pool generation is asked for where
 * the frame does not fit. -ECANCELED; -EPIPE as fl_stage_publish. The caller must unref it after publishing. */
int fl_stage_acquire(struct fl_stage *stage, unsigned port, uint64_t payload_bytes, struct fl_frame **frame);

/* The same for a decoder's callback, any thread: leaves the last slot alone, waits at most 20 ms, then -EAGAIN; where the frame
 * does not fit it asks for a new generation and answers -ENOSPC at once. The caller falls back to private memory and a
 * counted copy. */
int fl_stage_acquire_now(struct fl_stage *stage, unsigned port, uint64_t payload_bytes, struct fl_frame **frame);

/* Announces a frame (acquired, or taken: that is forwarding) with `desc`, after waiting for what the output still owes.
 * The caller keeps its reference. A source leaves number, epoch and origin_ns 0: the host counts them.
 * -ECANCELED; -EPIPE: nobody listens any more: a source then ends, others go on as if it had been sent. */
int fl_stage_publish(struct fl_stage *stage, unsigned port, struct fl_frame *frame, const struct fl_desc *desc);

/* "Nothing at or before this frame will still come from this output": for stages that made nothing of an input frame. */
void fl_stage_skipped(struct fl_stage *stage, unsigned port, const struct fl_desc *desc);

void fl_stage_copied(struct fl_stage *stage, uint64_t bytes); /* any thread */
/* The input is damaged here; the run goes on. The first text becomes the warning, all are counted. Any thread. */
void fl_stage_damage(struct fl_stage *stage, const char *text);

/* The stage has seen enough: it takes nothing more, is told the end of each input, and closes; the rest of the pipeline goes on.
 * Any thread. */
void fl_stage_leave(struct fl_stage *stage);

/* How an input is wired, and how it stands. False: it is not. From start on, any thread. */
struct fl_stage_lane {
    enum fl_when_full when_full;
    unsigned credits, held; /* held: frames taken here and not given back yet */
    uint64_t skipped;       /* `latest`: superseded, never seen here */
};
bool fl_stage_input_lane(const struct fl_stage *stage, unsigned port, struct fl_stage_lane *lane);

/* True once the run is to end early: first Ctrl-C, --for, --frames, or the supervisor gone. Any thread: an interrupt callback asks
 * it. */
bool fl_stage_stopping(const struct fl_stage *stage);
/* True when even draining is called off. Any thread. */
bool fl_stage_cancelled(const struct fl_stage *stage);

/* Between the two calls the stage waits for what is outside: its clock, a network. That is no work, and shows as what it is.
 * The owner. */
void fl_stage_outside(struct fl_stage *stage, bool begins);

/* Talk. One sentence without full stop: what, where, and what to do. The host adds the stage's name. Any thread. */
void fl_stage_info(struct fl_stage *stage, const char *format, ...) __attribute__((format(printf, 2, 3)));
void fl_stage_warn(struct fl_stage *stage, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Shown with --verbose only. */
void fl_stage_debug(struct fl_stage *stage, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Returns `error` (a negative errno), so that a stage can `return fl_stage_fail(...)`. Only the first failure is reported. */
int fl_stage_fail(struct fl_stage *stage, enum fl_stage_error whose, int error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Only in `set`: why it cannot be, one sentence as above, for the one who asked. Returns `error` (a negative errno: -EINVAL where
 * the key or the value is to blame). */
int fl_stage_refuse(struct fl_stage *stage, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

#pragma GCC visibility pop

#endif
