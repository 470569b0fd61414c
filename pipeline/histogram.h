/* A histogram of durations that one thread writes and any process reads: counts of log-linear buckets, eight to each doubling, from
 * a microsecond (1,024 ns) to a minute. A value read from it is within 6 % of what was put in; what is shorter or longer falls
 * into the first or last bucket. Counts only grow: the difference of two readings is the histogram of the time between them. */
#ifndef FL_HISTOGRAM_H
#define FL_HISTOGRAM_H

#include <assert.h>
#include <stdint.h>

#include "atomic.h"

#define FL_HISTOGRAM_UNIT_BITS 10
#define FL_HISTOGRAM_PART_BITS 3
#define FL_HISTOGRAM_PARTS     (1u << FL_HISTOGRAM_PART_BITS)
#define FL_HISTOGRAM_BUCKETS   192u

struct fl_histogram {
    fl_word count[FL_HISTOGRAM_BUCKETS];
};

static_assert(sizeof(struct fl_histogram) == FL_HISTOGRAM_BUCKETS * 8, "");

static inline unsigned fl_histogram_bucket(uint64_t ns)
{
    uint64_t units = ns >> FL_HISTOGRAM_UNIT_BITS;
    if (units < FL_HISTOGRAM_PARTS)
        return (unsigned)units;
    unsigned shift = 63u - (unsigned)__builtin_clzll(units) - FL_HISTOGRAM_PART_BITS;
    uint64_t bucket = (uint64_t)(shift + 1) * FL_HISTOGRAM_PARTS + ((units >> shift) & (FL_HISTOGRAM_PARTS - 1));
    return bucket < FL_HISTOGRAM_BUCKETS ? (unsigned)bucket : FL_HISTOGRAM_BUCKETS - 1;
}

/* The least value that falls into the bucket; that of the bucket behind the last is where the last one ends. */
static inline uint64_t fl_histogram_floor_ns(unsigned bucket)
{
    if (bucket < FL_HISTOGRAM_PARTS)
        return (uint64_t)bucket << FL_HISTOGRAM_UNIT_BITS;
    unsigned shift = bucket / FL_HISTOGRAM_PARTS - 1;
    return ((uint64_t)(FL_HISTOGRAM_PARTS + bucket % FL_HISTOGRAM_PARTS) << shift) << FL_HISTOGRAM_UNIT_BITS;
}

/* The one writer: `times` values of `ns` each. */
static inline void fl_histogram_add(struct fl_histogram *histogram, uint64_t ns, uint64_t times)
{
    fl_word *count = &histogram->count[fl_histogram_bucket(ns)];
    fl_store(count, fl_load(count, FL_RELAXED) + times, FL_RELAXED); /* own word; readers need no order */
}

/* A reading, in private memory. 32 bits are enough for the difference of two. */
struct fl_histogram_reading {
    uint32_t count[FL_HISTOGRAM_BUCKETS];
};

static inline void fl_histogram_read(const struct fl_histogram *histogram, struct fl_histogram_reading *reading)
{
    for (unsigned i = 0; i < FL_HISTOGRAM_BUCKETS; i++)
        reading->count[i] = (uint32_t)fl_load(&histogram->count[i], FL_RELAXED);
}

/* The value that `share` (0 .. 1) of what came between the two readings lies below; `before` NULL: since ever. 0 and `*count` 0
 * where nothing came. `count` may be NULL. */
uint64_t fl_histogram_quantile_ns(const struct fl_histogram_reading *now, const struct fl_histogram_reading *before, double share,
                                  uint64_t *count);

#endif
