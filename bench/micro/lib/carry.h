/* Frames of bytes from one process to others: the work both ends do, and the account of what it cost. Knows no transport.
 *
 * Every way of carrying is given the same work: the first process writes a frame (carry_fill), each consumer reads it
 * (carry_check) and compares it with what this frame must hold, so a frame that came twice, torn, stale or short fails the round.
 * It is the same code for every candidate.
 *
 *   first process                                             a consumer
 *   for (number = 0; carry_goes_on(carry, number); number++)  carry_be_consumer(carry, which)
 *       carry_fill(carry, data, number); send it              for (number = 0; a frame has come; number++)
 *   carry_ends(carry); end the streams                            carry_check(carry, data, number); give it back
 *   micro_join(...); carry_figures(carry);                    carry_ends_here(carry)
 *
 * The account is CPU time, user and system, of all processes with all their threads, from the first frame after a tenth of the
 * time has gone (and `warm_up` frames at least) to the last frame: what a wait costs is in it, what start and end cost is not.
 * Over the same time it counts context switches and page faults, and at its end the memory of all processes (PSS).
 *
 * At a fixed rate frame n is due n periods after the first, whatever became of those before it (an open loop): carry_fill makes the
 * frame and then waits for that time, and latency runs from then until a consumer has read the last byte.
 */
#ifndef BENCH_CARRY_H
#define BENCH_CARRY_H

#include "../micro.h"

#include <stdatomic.h>

#define CARRY_MAX_CONSUMERS 32

/* What a program that carries frames can be asked to do; it gives CARRY_OPTIONS to micro_begin, and may set defaults before. */
struct carry_like {
    uint64_t bytes;     /* of a frame (3110400, 1080p I420): a multiple of 8, 64 at least */
    uint64_t touch;     /* of `sum`: only so many of them are written and read; 0: all */
    uint64_t consumers; /* 1 to CARRY_MAX_CONSUMERS */
    uint64_t rate;      /* frames a second; 0: as fast as it goes */
    /* sum         fill every byte, add all up: the cheapest work that shows every byte (the default)
     * none        the frame's number is written and read, and no other byte
     * touch       so is a word of each page
     * read        the number is written; every byte is read and its XXH3 compared. Buffers are filled before they are first used
     * write+read  every byte is written, and read as above */
    const char *work;
    const char *stall; /* what consumer 0 does: none; stop: nothing once the account has begun, until it ends; slow: a quarter of
                          the rate */
};
extern struct carry_like carry_like;

#define CARRY_OPTIONS                                                                                                              \
    {.name = "bytes", .number = &carry_like.bytes}, {.name = "touch", .number = &carry_like.touch},                                \
        {.name = "consumers", .number = &carry_like.consumers}, {.name = "rate", .number = &carry_like.rate},                      \
        {.name = "work", .word = &carry_like.work},                                                                                \
    {                                                                                                                              \
        .name = "stall", .word = &carry_like.stall                                                                                 \
    }

enum carry_work { CARRY_SUM, CARRY_NONE, CARRY_TOUCH, CARRY_READ, CARRY_WRITE_READ };
enum carry_stall { CARRY_NOBODY, CARRY_STOPS, CARRY_IS_SLOW };

/* What the kernel has counted for one process. */
struct carry_meter {
    uint64_t cpu_ns, switches, faults;
};

/* One process's part of the account. Written by it alone. */
struct carry_end {
    struct carry_meter start, stop;
    _Atomic uint64_t seen; /* frames that have come so far; the rest is of consumers too */
    uint64_t wrong;
    uint64_t in_time;          /* came within the second half of the account: what stalls has taken effect by then */
    uint64_t last_ns, gap_ns;  /* the longest time without a frame, in the account */
    uint64_t last_number;      /* and one */
    struct micro_samples *lag; /* at a fixed rate: from due to read */
    _Atomic int pid;
    uint64_t pad[16]; /* away from the next one's lines */
};

/* In shared memory. */
struct carry {
    uint64_t bytes;
    uint64_t touched; /* of them */
    uint64_t warm_up;
    uint64_t look_mask; /* the clock is looked at where number & look_mask is 0 */
    uint64_t warm_ns, end_ns;
    _Atomic uint64_t first; /* the first frame that counts; UINT64_MAX: still warming up */
    uint64_t frames;        /* sent in all */
    uint64_t start_ns, stop_ns;
    enum carry_work work;
    enum carry_stall stall;
    unsigned consumers;
    bool one_process; /* consumers are threads of the first process: there is one meter */
    bool may_lose;    /* by its own policy */
    double copies;    /* of a frame's bytes, for each frame, by all together: as the program is made */
    uint64_t period_ns, base_ns;
    uint64_t memory_bytes; /* PSS of all processes */
    struct micro_trace *trace;
    struct carry_end first_end;
    struct carry_end ends[CARRY_MAX_CONSUMERS];
};

/* `touch` 0: all bytes. `warm_up`: frames that must have gone before any counts, for instance twice round the buffers. The second
 * makes one that does what carry_like says. carry_start starts the clock, when everything is set up. */
struct carry *carry_create(uint64_t bytes, uint64_t touch, uint64_t warm_up);
struct carry *carry_create_like(const struct micro *micro, uint64_t warm_up);
void carry_start(struct carry *carry, const struct micro *micro);

bool carry_goes_on(struct carry *carry, uint64_t number);
void carry_fill(struct carry *carry, void *data, uint64_t number);
bool carry_counts(const struct carry *carry); /* warmed up; all processes may ask */
void carry_ends(struct carry *carry);

/* Says which consumer the calling thread is; 0 where it was never said. */
void carry_be_consumer(struct carry *carry, unsigned which);

/* Notes that this frame has come to this consumer, and reads the meter where the account starts. carry_check does it too. */
void carry_sees(struct carry *carry, uint64_t number);
void carry_check(struct carry *carry, const void *data, uint64_t number);
uint64_t carry_seen(const struct carry *carry);        /* how many have come to this consumer */
uint64_t carry_seen_by_all(const struct carry *carry); /* to the one that has fewest; anybody may ask */
void carry_ends_here(struct carry *carry);

/* As carry_check where there is no second account: in one process, or where who sums keeps its own. */
void carry_check_here(struct carry *carry, const void *data, uint64_t number);

/* Per frame, of all processes together: cpu_ns and its two parts, switches, faults, copies; calls where the run is traced.
 * per_second; frames; lost; memory_bytes. With several consumers others_per_second (over the second half of the time) and
 * others_gap_ns of all but consumer 0, and consumer0_per_second. At a rate lag_p1_ns ... lag_max_ns. Fails the program when a frame
 * was lost that might not be, or its bytes were wrong. */
void carry_figures(const struct carry *carry);

/* ---- carry-work.c: what is done to bytes ---- */

enum carry_work carry_work_named(const char *name); /* fails the program where there is none */
void carry_work_prepare(const struct carry *carry); /* before anybody forks */
void carry_work_write(const struct carry *carry, void *data, uint64_t number);
bool carry_work_holds(const struct carry *carry, const void *data, uint64_t number);

/* Streams: all of it, however many calls that takes. A false from the second: the stream has ended before the first byte. */
void carry_write(int fd, const void *data, uint64_t bytes);
bool carry_read(int fd, void *data, uint64_t bytes);

/* The largest pipe of at most `bytes` that the system allows. Its size is put in `*got`. */
void carry_pipe(int ends[2], uint64_t bytes, uint64_t *got);

/* A stream for each consumer. A consumer keeps the reading end of its own, the producer all the writing ends. */
struct carry_streams {
    int ends[CARRY_MAX_CONSUMERS][2];
    unsigned count;
};
int carry_streams_reader(struct carry_streams *streams, unsigned which);
void carry_streams_writer(struct carry_streams *streams);
void carry_streams_end(struct carry_streams *streams);

/* Forks the consumers, each of which runs body(which) and accounts for itself; the other waits for them. */
void carry_fork(struct carry *carry, const struct micro *micro, void (*body)(unsigned which));
void carry_join(const struct carry *carry);

/* Private memory of this process, touched; huge pages where `huge` and where the system gives them. */
void *carry_memory(uint64_t bytes, bool huge);

#endif
