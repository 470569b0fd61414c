#include "histogram.h"

#include <stddef.h>

static uint32_t count_of(const struct fl_histogram_reading *now, const struct fl_histogram_reading *before, unsigned bucket)
{
    return now->count[bucket] - (before ? before->count[bucket] : 0); /* also where 32 bits have wrapped */
}

uint64_t fl_histogram_quantile_ns(const struct fl_histogram_reading *now, const struct fl_histogram_reading *before, double share,
                                  uint64_t *count)
{
    uint64_t all = 0, below = 0;
    for (unsigned i = 0; i < FL_HISTOGRAM_BUCKETS; i++)
        all += count_of(now, before, i);
    if (count)
        *count = all;
    if (all == 0)
        return 0;
    double wanted = share * (double)all;
    for (unsigned i = 0; i < FL_HISTOGRAM_BUCKETS; i++) {
        uint32_t here = count_of(now, before, i);
        if (here == 0 || (double)(below + here) < wanted) {
            below += here;
            continue;
        }
        uint64_t floor = fl_histogram_floor_ns(i), width = fl_histogram_floor_ns(i + 1) - floor;
        double part = (wanted - (double)below) / here;
        return floor + (uint64_t)((part < 0 ? 0 : part) * (double)width);
    }
    return fl_histogram_floor_ns(FL_HISTOGRAM_BUCKETS);
}
