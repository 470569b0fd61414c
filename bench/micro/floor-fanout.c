/* Floor of q-fanout: one eventfd write for each of so many sleepers. `--asleep 0`: for each of so many who watch, a word read that
 * it has written and a word written that it watches, then one full fence for all; less what the clock and a fence cost alone. */
#include "lib/bare.h"

#include <sched.h>
#include <unistd.h>

static uint64_t consumers = 1, pause_ns = 200000, asleep = 1;
static const char *how = "read";
static const struct micro_option options[] = {
    {.name = "consumers", .number = &consumers},
    {.name = "pause", .number = &pause_ns},
    {.name = "hear", .word = &how},
    {.name = "asleep", .number = &asleep},
    {0},
};

#define STOP          UINT64_MAX
#define MAX_CONSUMERS 32

struct sleeper {
    struct bare_bell bell;
    struct bare_word *news, *heard;
};

static void sleeper(void *arg)
{
    struct sleeper *self = arg;
    for (uint64_t seen = 0; (seen = bare_await(&self->bell, self->news, seen)) != STOP;)
        bare_store(self->heard, seen);
}

/* All have heard; then long enough for the last of them to be asleep again. */
static void settle(struct sleeper *sleepers, uint64_t number)
{
    for (uint64_t i = 0; i < consumers; i++)
        while (bare_load(sleepers[i].heard) != number)
            micro_sleep_until_ns(micro_now_ns() + 50000);
    micro_sleep_until_ns(micro_now_ns() + pause_ns);
}

/* The CPU time of ringing them all, and how many there were: who does not sleep after all is not rung. */
static uint64_t ring_all(struct sleeper *sleepers, uint64_t number, uint64_t *rings)
{
    uint64_t one = 1;
    for (uint64_t i = 0; i < consumers; i++)
        bare_store(sleepers[i].news, number);
    uint64_t before = micro_cpu_ns();
    for (uint64_t i = 0; i < consumers; i++)
        if (bare_must_ring(&sleepers[i].bell)) {
            micro_call(write(sleepers[i].bell.ring, &one, sizeof one));
            ++*rings;
        }
    return micro_cpu_ns() - before;
}

/* Only frames for which every one had to be rung count. Returns how many there were of any kind. */
static uint64_t measure(struct sleeper *sleepers, struct micro_samples *samples, uint64_t end_ns)
{
    uint64_t number = 0;
    while (micro_wants_more(samples, micro_now_ns(), end_ns)) {
        uint64_t rings = 0;
        settle(sleepers, number);
        uint64_t cpu_ns = ring_all(sleepers, ++number, &rings);
        if (rings == consumers)
            micro_sample(samples, cpu_ns / consumers);
        else if (number > 1000 && samples->count * 4 < number)
            micro_fail("in %llu of %llu frames somebody was awake", (unsigned long long)(number - samples->count),
                       (unsigned long long)number);
    }
    return number;
}

/* ---- who watches ---- */

static void watcher(void *arg)
{
    struct sleeper *self = arg;
    for (uint64_t seen = 0, now; (now = bare_load(self->news)) != STOP;) {
        if (now != seen)
            bare_store(self->heard, seen = now);
        else if (consumers >= micro_core_count())
            sched_yield();
        else
            micro_relax();
    }
}

static uint64_t tell_all(struct sleeper *sleepers, uint64_t count, uint64_t number)
{
    uint64_t before = micro_now_ns(), heard = 0;
    for (uint64_t i = 0; i < count; i++)
        heard += bare_load(sleepers[i].heard);
    __asm__ __volatile__("" : : "r"(heard) : "memory");
    for (uint64_t i = 0; i < count; i++)
        bare_store(sleepers[i].news, number);
    atomic_thread_fence(memory_order_seq_cst);
    return micro_now_ns() - before;
}

static uint64_t measure_awake(struct sleeper *sleepers, struct micro_samples *samples, uint64_t end_ns)
{
    struct micro_samples *alone = micro_samples_create(1 << 10);
    for (unsigned i = 0; i < 1 << 10; i++)
        micro_sample(alone, tell_all(sleepers, 0, 0));
    uint64_t number = 0, alone_ns = (uint64_t)micro_percentile(alone, 0.5);
    while (micro_wants_more(samples, micro_now_ns(), end_ns)) {
        for (uint64_t i = 0; i < consumers; i++)
            while (bare_load(sleepers[i].heard) != number)
                ;
        uint64_t together_ns = tell_all(sleepers, consumers, ++number);
        micro_sample(samples, together_ns > alone_ns ? (together_ns - alone_ns) / consumers : 0);
    }
    return number;
}

int main(int argc, char **argv)
{
    struct micro micro;
    static struct sleeper sleepers[MAX_CONSUMERS];
    pid_t pids[MAX_CONSUMERS];
    uint64_t rings = 0;
    micro_begin(&micro, argc, argv, options);
    if (consumers == 0 || consumers > MAX_CONSUMERS)
        micro_fail("1 to %d consumers", MAX_CONSUMERS);
    struct micro_samples *samples = micro_samples_create(1 << 16);
    for (uint64_t i = 0; i < consumers; i++) {
        bare_bell_init(&sleepers[i].bell, how);
        sleepers[i].news = micro_shared(sizeof *sleepers[i].news);
        sleepers[i].heard = micro_shared(sizeof *sleepers[i].heard);
        pids[i] = micro_fork(&micro, 1 + (unsigned)i, asleep ? sleeper : watcher, &sleepers[i]);
    }
    micro_pin_self(&micro, 0);
    uint64_t frames = (asleep ? measure : measure_awake)(sleepers, samples, micro_end_ns(&micro));
    ring_all(sleepers, STOP, &rings);
    for (uint64_t i = 0; i < consumers; i++)
        micro_join(pids[i]);
    micro_figure("cpu_ns", micro_percentile(samples, 0.5));
    micro_figure("frames", (double)frames);
    micro_figure("samples", (double)samples->count);
    return micro_end();
}
