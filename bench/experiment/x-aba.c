/* How many bits does a version need? One process counts a version up; another reads it, pauses, reads it again, and takes an equal
 * one for "nothing has changed". With all 64 bits it knows the truth, so for every narrower version it can be told when that would
 * have been fooled: whenever the updates in between are a multiple of 2^bits.
 *
 * Pauses are random, up to `--pause`. One run answers for all widths: a counter of b bits is the lower b bits of a wider one. */
#include "../micro/lib/bare.h"

#include <stdlib.h>

static uint64_t pause_ns = 50000, gap = 1;
static const struct micro_option options[] = {{"pause", &pause_ns}, {"gap", &gap}, {0}};

#define WIDTHS 12 /* 2, 4 ... 24 bits */

static struct bare_word *version, *over;

static void count_up(void *arg)
{
    for (uint64_t number = 1; bare_load(over) == 0; number++) {
        atomic_store_explicit(&version->value, number, memory_order_release);
        for (uint64_t i = 0; i < gap; i++)
            micro_relax();
    }
}

struct count {
    uint64_t could, fooled, fooled_below; /* pauses of 2^bits updates or more; fooled; fooled by fewer: never */
};

static void note(struct count counts[WIDTHS], uint64_t before, uint64_t after)
{
    uint64_t updates = after - before;
    for (unsigned i = 0; i < WIDTHS; i++) {
        unsigned bits = 2 * (i + 1);
        uint64_t mask = (1ull << bits) - 1;
        bool fooled = updates > 0 && (before & mask) == (after & mask);
        counts[i].could += updates > mask;
        counts[i].fooled += fooled;
        counts[i].fooled_below += fooled && updates <= mask;
    }
}

static void report(const struct count counts[WIDTHS], uint64_t pauses)
{
    static const char *const share[WIDTHS] = {"fooled_2",  "fooled_4",  "fooled_6",  "fooled_8",  "fooled_10", "fooled_12",
                                              "fooled_14", "fooled_16", "fooled_18", "fooled_20", "fooled_22", "fooled_24"};
    static const char *const could[WIDTHS] = {"could_2",  "could_4",  "could_6",  "could_8",  "could_10", "could_12",
                                              "could_14", "could_16", "could_18", "could_20", "could_22", "could_24"};
    uint64_t below = 0;
    for (unsigned i = 0; i < WIDTHS; i++) {
        micro_figure(share[i], (double)counts[i].fooled / (double)pauses);
        micro_figure(could[i], (double)counts[i].could / (double)pauses);
        below += counts[i].fooled_below;
    }
    micro_figure("fooled_below", (double)below);
}

int main(int argc, char **argv)
{
    struct micro micro;
    struct drand48_data random;
    struct count counts[WIDTHS] = {{0}};
    uint64_t pauses = 0, updates = 0, most = 0;
    micro_begin(&micro, argc, argv, options);
    if (micro.pin == MICRO_ONE)
        micro_skip("on one core nothing changes while the reader looks");
    version = micro_shared(2 * sizeof *version);
    over = micro_shared(sizeof *over);
    srand48_r((long)micro_now_ns(), &random);
    pid_t child = micro_fork(&micro, 1, count_up, NULL);
    micro_pin_self(&micro, 0);
    while (bare_load(version) == 0)
        micro_relax();
    uint64_t first = bare_load(version), start_ns = micro_now_ns(), end_ns = micro_end_ns(&micro), now_ns = start_ns;
    for (; now_ns < end_ns || pauses < 100; pauses++) {
        double u;
        drand48_r(&random, &u);
        uint64_t before = bare_load(version), until_ns = micro_now_ns() + (uint64_t)(u * (double)pause_ns);
        while ((now_ns = micro_now_ns()) < until_ns)
            micro_relax();
        uint64_t after = bare_load(version);
        note(counts, before, after);
        updates += after - before;
        most = after - before > most ? after - before : most;
    }
    micro_figure("updates_per_second", (double)(bare_load(version) - first) * 1e9 / (double)(micro_now_ns() - start_ns));
    bare_store(over, 1);
    micro_join(child);
    report(counts, pauses);
    micro_figure("updates_per_pause", (double)updates / (double)pauses);
    micro_figure("most_updates", (double)most);
    micro_figure("pauses", (double)pauses);
    return micro_end();
}
