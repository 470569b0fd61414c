/* How often something happens, and the longest it did not: the moments of the last few hundred times. Pure. */
#ifndef FL_VIEW_RATE_H
#define FL_VIEW_RATE_H

#include <stdint.h>

#define FL_RATE_MOST 256

struct fl_rate {
    uint64_t at_ns[FL_RATE_MOST]; /* a ring */
    uint64_t count;
};

void fl_rate_add(struct fl_rate *rate, uint64_t now_ns);

/* Times a second over the last two seconds before `now_ns`; 0: fewer than two. */
double fl_rate_per_second(const struct fl_rate *rate, uint64_t now_ns);

/* The longest time between two of those in the ring; 0: fewer than two. */
uint64_t fl_rate_longest_ns(const struct fl_rate *rate);

/* Time before the `back`th last one (0: the last); 0: not known any more. */
uint64_t fl_rate_gap_ns(const struct fl_rate *rate, unsigned back);

#endif
