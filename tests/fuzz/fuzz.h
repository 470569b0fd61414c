/* What every fuzz target is made of.
 *
 * A target reads its input as a list of operations: most are what a hostile peer does to the memory or the pipe it may write, the
 * others what this process does meanwhile. After them it checks that the books balance. FUZZ_CHECK ends the process the way the
 * fuzzer notices; the CHECKs of tests/lib do the same here (fuzz-main.c).
 *
 * In these builds time passes only as the library looks at it or a target says so, and no sleep lasts.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FUZZ_CHECK(what) ((what) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #what))
_Noreturn void fuzz_failed(const char *file, int line, const char *what);

struct fuzz_input {
    const uint8_t *at, *end;
};

/* What an input says next; zeros behind its end. */
bool fuzz_more(const struct fuzz_input *in);
uint8_t fuzz_byte(struct fuzz_input *in);
uint64_t fuzz_raw(struct fuzz_input *in, unsigned bytes);

/* A number a liar would choose: near `near`, a power of two, the end of the world, or any. */
uint64_t fuzz_word(struct fuzz_input *in, uint64_t near);

/* Changes a few bytes of a record. */
void fuzz_spoil(struct fuzz_input *in, void *record, size_t bytes);

/* The batches and patience of a lane. */
struct fl_lane_info;
void fuzz_pace(struct fuzz_input *in, struct fl_lane_info *info);

/* The clock of the library, in this build: a microsecond for each look at it, and what a target lets pass. */
void fuzz_pass_ns(uint64_t ns);

/* Descriptors must not pile up: the lowest free one. */
int fuzz_free_fd(void);

/* ---- what a target defines ---- */

void fuzz_one(struct fuzz_input *in);

struct fuzz_seed {
    const uint8_t *bytes;
    size_t count;
};
#define FUZZ_SEED(...)                                                                                                             \
    {                                                                                                                              \
        (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})                                                     \
    }

/* Inputs to begin with, found ones included; an entry without bytes ends the list. */
extern const struct fuzz_seed fuzz_seeds[];

#endif
