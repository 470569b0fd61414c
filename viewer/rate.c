#include "rate.h"

#define WINDOW_NS 2000000000ull

static uint64_t kept(const struct fl_rate *rate)
{
    return rate->count < FL_RATE_MOST ? rate->count : FL_RATE_MOST;
}

static uint64_t last(const struct fl_rate *rate, uint64_t back)
{
    return rate->at_ns[(rate->count - 1 - back) % FL_RATE_MOST];
}

void fl_rate_add(struct fl_rate *rate, uint64_t now_ns)
{
    rate->at_ns[rate->count++ % FL_RATE_MOST] = now_ns;
}

double fl_rate_per_second(const struct fl_rate *rate, uint64_t now_ns)
{
    uint64_t within = 0;
    while (within < kept(rate) && now_ns - last(rate, within) <= WINDOW_NS)
        within++;
    if (within < 2)
        return 0;
    uint64_t span = last(rate, 0) - last(rate, within - 1);
    return span ? (double)(within - 1) * 1e9 / (double)span : 0;
}

uint64_t fl_rate_gap_ns(const struct fl_rate *rate, unsigned back)
{
    return back + 1 < kept(rate) ? last(rate, back) - last(rate, back + 1) : 0;
}

uint64_t fl_rate_longest_ns(const struct fl_rate *rate)
{
    uint64_t longest = 0;
    for (unsigned back = 0; back + 1 < kept(rate); back++)
        if (fl_rate_gap_ns(rate, back) > longest)
            longest = fl_rate_gap_ns(rate, back);
    return longest;
}
