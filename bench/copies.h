/* What copies.c leaves of every process: one file, DIRECTORY/PID, that holds one struct tally. */
#ifndef BENCH_COPIES_H
#define BENCH_COPIES_H

#include <stdatomic.h>
#include <stdint.h>

#define TALLY_MAPPINGS 64

struct mapping {
    _Atomic uint64_t start, end; /* 0: free */
    uint64_t inode;
    uint64_t writable;
    _Atomic uint64_t encoder_pictures; /* given to an encoder with their first plane in here */
};

/* tests/copies.py reads it by these offsets. */
struct tally {
    char command[16];
    uint64_t row_bytes;
    _Atomic uint64_t calls, bytes;               /* of a row or more */
    _Atomic uint64_t shared_calls, shared_bytes; /* of those: from or to a memfd */
    _Atomic uint64_t encoder_elsewhere;          /* pictures given to an encoder from private memory */
    _Atomic uint64_t mapping_count;
    struct mapping mappings[TALLY_MAPPINGS];
};

#endif
