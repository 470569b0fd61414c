#include "../micro.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

uint64_t micro_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t micro_cpu_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t micro_end_ns(const struct micro *micro)
{
    return micro_now_ns() + (uint64_t)(micro->seconds * 1e9);
}

void micro_sleep_until_ns(uint64_t when_ns)
{
    struct timespec when = {(time_t)(when_ns / 1000000000ull), (long)(when_ns % 1000000000ull)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
        continue;
}

struct micro_samples *micro_samples_create(uint64_t capacity)
{
    struct micro_samples *samples = micro_shared(sizeof *samples);
    samples->values = micro_shared(capacity * sizeof *samples->values);
    samples->capacity = capacity;
    return samples;
}

static int compare(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return (first > second) - (first < second);
}

static uint64_t kept(const struct micro_samples *samples)
{
    return samples->count < samples->capacity ? samples->count : samples->capacity;
}

/* Leaves the warm-up out and sorts the rest, once. */
static void settle(struct micro_samples *samples)
{
    uint64_t count = kept(samples), warm_up = count / 10;
    if (samples->sorted)
        return;
    samples->sorted = true;
    if (count == 0)
        micro_fail("nothing was measured");
    samples->values += warm_up;
    samples->count = samples->capacity = count - warm_up;
    qsort(samples->values, samples->count, sizeof *samples->values, compare);
}

double micro_percentile(struct micro_samples *samples, double share)
{
    settle(samples);
    uint64_t at = (uint64_t)(share * (double)samples->count);
    return (double)samples->values[at < samples->count ? at : samples->count - 1];
}

void micro_samples_figures(struct micro_samples *samples)
{
    micro_figure("p50_ns", micro_percentile(samples, 0.50));
    micro_figure("p99_ns", micro_percentile(samples, 0.99));
    micro_figure("max_ns", micro_percentile(samples, 1));
    micro_figure("samples", (double)samples->count);
}
