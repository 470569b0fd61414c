/* A mistake, on purpose: neither side looks whether the other sleeps; each rings every time. Read ahead of every file of a build of
 * the transport of its own (-include), it takes the place of the two looks at `armed`. */
#ifndef BENCH_BROKEN_BELLS_H
#define BENCH_BROKEN_BELLS_H

#include "../../transport/core.h"

/* In the way in which it slept last. */
static inline enum fl_must_ring broken_ring(uint64_t armed)
{
    return (armed & FL_ARMED_BY_WORD) != 0 ? FL_RING_WORD : FL_RING_FD;
}

#define fl_tx_must_ring(tx) broken_ring(fl_load(&(tx)->theirs->armed, FL_RELAXED))
#define fl_rx_must_ring(rx) broken_ring(fl_load(&(rx)->theirs->armed, FL_RELAXED))

#endif
