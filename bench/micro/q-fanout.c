/* What does one more consumer cost a producer, in its own CPU time per frame? That of acquire, publish and letting go, which hears
 * of the returns of the frame before, less what the same costs without any consumer; by the number of consumers.
 *
 * `--asleep 1`: each of them sleeps and has to be rung, every time. `--asleep 0`: they look again and again (where they outnumber
 * the cores, they give way to one another), so nobody is rung. All have returned the last frame before the next is made. */
#include "lane.h"
#include "lib/bare.h"

#include <errno.h>
#include <sched.h>

static uint64_t consumers = 1, pause_ns = 200000, asleep = 1;
static const struct micro_option options[] = {{.name = "consumers", .number = &consumers},
                                              {.name = "pause", .number = &pause_ns},
                                              {.name = "asleep", .number = &asleep},
                                              {0}};

#define CREDITS 4

static struct bare_word *given_back; /* shared: a word for each consumer, how many frames it has returned */

static void give_back(struct micro_consumer *consumer, struct fl_frame *frame)
{
    uint64_t number = fl_frame_desc(frame)->number;
    fl_frame_release(frame);
    fl_context_service(consumer->context);
    bare_store(&given_back[consumer->number], number);
}

static void sleep_between(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    while ((frame = micro_take(consumer)))
        give_back(consumer, frame);
}

static void stay_awake(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    int error;
    while ((error = fl_lane_take(consumer->lane, &frame)) != -ENODATA) {
        if (error == 0) {
            give_back(consumer, frame);
        } else if (error == -EAGAIN) {
            if (consumers >= micro_core_count())
                sched_yield();
            else
                micro_relax();
        } else {
            micro_must(error);
        }
    }
}

/* ---- the producer ---- */

/* All have returned the frame before this one, and who is to sleep does. */
static void settle(const struct micro_producer *producer, uint64_t number)
{
    for (unsigned i = 0; i < producer->consumer_count; i++)
        while (bare_load(&given_back[i]) + 1 != number)
            if (asleep)
                micro_sleep_until_ns(micro_now_ns() + 50000);
    if (asleep)
        micro_sleep_until_ns(micro_now_ns() + pause_ns);
}

static uint64_t send_one(struct micro_producer *producer, struct fl_desc *desc)
{
    struct fl_frame *frame;
    uint64_t before = asleep ? micro_cpu_ns() : micro_now_ns();
    micro_must(fl_pool_acquire(producer->pool, &frame));
    micro_must(fl_output_publish(producer->output, frame, desc));
    fl_frame_unref(frame);
    desc->number++;
    return (asleep ? micro_cpu_ns() : micro_now_ns()) - before;
}

static uint64_t rings(const struct micro_producer *producer)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < producer->consumer_count; i++) {
        struct fl_output_stats stats;
        fl_output_lane_get_stats(producer->lanes[i], &stats);
        sum += stats.rings;
    }
    return sum;
}

/* The median cost of a frame; only those count for which every consumer was as it was to be. Awake, a producer that has its core to
 * itself is measured by the wall clock, which costs it no system call. */
static double cost(struct micro_producer *producer, struct fl_desc *desc, uint64_t end_ns)
{
    struct micro_samples *samples = micro_samples_create(1 << 20);
    for (uint64_t tried = 1; micro_wants_more(samples, micro_now_ns(), end_ns); tried++) {
        settle(producer, desc->number);
        uint64_t before = rings(producer), cost_ns = send_one(producer, desc);
        if (rings(producer) - before == (asleep ? producer->consumer_count : 0))
            micro_sample(samples, cost_ns);
        else if (tried > 1000 && samples->count * 4 < tried)
            micro_fail("in %llu of %llu frames somebody was %s", (unsigned long long)(tried - samples->count),
                       (unsigned long long)tried, asleep ? "awake" : "asleep");
    }
    return micro_percentile(samples, 0.5);
}

int main(int argc, char **argv)
{
    struct micro micro;
    struct micro_producer producer;
    struct fl_desc desc;
    micro_begin(&micro, argc, argv, options);
    if (consumers == 0)
        micro_fail("--consumers: at least one");
    given_back = micro_shared(MICRO_MAX_CONSUMERS * sizeof *given_back);
    micro_producer_create(&producer, &micro, &(struct micro_lanes){.lane.credits = CREDITS}, (unsigned)consumers);
    micro_describe(&desc, 0, 64);
    micro_pin_self(&micro, 0);
    struct micro quarter = {.seconds = micro.seconds / 4};
    double alone = cost(&producer, &desc, micro_end_ns(&quarter));
    for (uint64_t i = 0; i < consumers; i++) {
        bare_store(&given_back[i], desc.number - 1);
        micro_consume(&producer, asleep ? sleep_between : stay_awake, NULL);
    }
    uint64_t first = desc.number;
    double together = cost(&producer, &desc, micro_end_ns(&micro));
    micro_producer_finish(&producer);
    micro_figure("cpu_ns", (together - alone) / (double)consumers);
    micro_figure("alone_ns", alone);
    micro_figure("frame_ns", together);
    micro_figure("frames", (double)(desc.number - first));
    return micro_end();
}
