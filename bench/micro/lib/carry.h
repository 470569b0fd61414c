/* Frames of bytes from one process to another: the work both ends do, and the account of what it cost. Knows no transport.
 *
 * Every way of carrying is given the same work: the first process writes every byte of a frame (carry_fill), the second reads every
 * byte (carry_check) and compares the sum with the one that this frame must have, so a frame that came twice, torn, stale or short
 * fails the round. Both compile to the widest vectors the processor has and are the same code for every candidate. With `touch`
 * only so many bytes of each frame are written and read, whatever is carried: what is left then is the carrying.
 *
 *   first process                                             second process
 *   for (number = 0; carry_goes_on(carry, number); number++)  for (number = 0; a frame has come; number++)
 *       carry_fill(carry, data, number); send it                  carry_check(carry, data, number); give it back
 *   carry_ends(carry); end the stream                         carry_ends_here(carry)
 *   micro_join(...); carry_figures(carry);
 *
 * The account is CPU time, user and system, of both processes with all their threads, from the first frame after a tenth of the
 * time has gone (and `warm_up` frames at least) to the last frame: what a wait costs is in it, what start and end cost is not.
 */
#ifndef BENCH_CARRY_H
#define BENCH_CARRY_H

#include "../micro.h"

#include <stdatomic.h>

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
    uint64_t cpu_start_ns[2], cpu_stop_ns[2];
    _Atomic uint64_t seen; /* come so far */
    uint64_t wrong;
};

/* `touch` 0: all bytes. Both are multiples of 8. `warm_up`: frames that must have gone before any counts, for instance twice round
 * the buffers. carry_start starts the clock, when everything is set up. */
struct carry *carry_create(uint64_t bytes, uint64_t touch, uint64_t warm_up);
void carry_start(struct carry *carry, const struct micro *micro);

bool carry_goes_on(struct carry *carry, uint64_t number);
void carry_fill(const struct carry *carry, void *data, uint64_t number);
bool carry_counts(const struct carry *carry); /* warmed up; both processes may ask */
void carry_ends(struct carry *carry);

/* Notes in the second process that this frame has come, and reads the clock where the account starts. carry_check does it too. */
void carry_sees(struct carry *carry, uint64_t number);
void carry_check(struct carry *carry, const void *data, uint64_t number);
uint64_t carry_seen(const struct carry *carry); /* how many have; both processes may ask */
void carry_ends_here(struct carry *carry);

/* As carry_check where there is no second account: in one process, or where who sums keeps its own. */
void carry_check_here(struct carry *carry, const void *data, uint64_t number);

/* cpu_ns and its two parts, all per frame; per_second; frames. Fails the program when a frame was lost or its bytes were wrong. */
void carry_figures(const struct carry *carry);

/* Streams: all of it, however many calls that takes. A false from the second: the stream has ended before the first byte. */
void carry_write(int fd, const void *data, uint64_t bytes);
bool carry_read(int fd, void *data, uint64_t bytes);

/* The largest pipe of at most `bytes` that the system allows. Its size is put in `*got`. */
void carry_pipe(int ends[2], uint64_t bytes, uint64_t *got);

/* Private memory of this process, touched; huge pages where `huge` and where the system gives them. */
void *carry_memory(uint64_t bytes, bool huge);

#endif
