/* What an announcement costs, and how late it is heard of, at a given rate: by batch, by spin, with a consumer that sleeps between
 * frames or (--busy 1) one that never does, for it looks again and again.
 *
 * publish_ns is the wall time of acquire and publish, on a core that the producer has to itself: it costs no system call to take.
 * consumer_ns is the CPU time of the consumer per frame, all of it. The producer waits for the due time by looking at the clock;
 * that is in neither. rings are the bells that the producer rang, as its lane counts them. */
#include "../micro/lane.h"

#include <errno.h>

static uint64_t period = 50000, batch = 1, spin, busy, credits = 256;
static const struct micro_option options[] = {
    {"period", &period}, {"batch", &batch}, {"spin", &spin}, {"busy", &busy}, {"credits", &credits}, {0},
};

/* Shared; written by the consumer. */
static struct heard {
    struct micro_samples *delays;
    uint64_t delay_sum_ns, cpu_ns;
} * heard;

static void hear(const struct fl_frame *frame)
{
    uint64_t delay = micro_now_ns() - fl_frame_desc(frame)->origin_ns;
    micro_sample(heard->delays, delay);
    heard->delay_sum_ns += delay;
}

static void poll_all(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    int error;
    while ((error = fl_lane_take(consumer->lane, &frame)) != -ENODATA) {
        if (error == 0) {
            hear(frame);
            fl_frame_release(frame);
        } else if (error == -EAGAIN) {
            micro_relax();
        } else {
            micro_must(error);
        }
    }
}

static void consume(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    uint64_t start_ns = micro_cpu_ns();
    if (busy)
        poll_all(consumer);
    while (!busy && (frame = micro_take(consumer))) {
        hear(frame);
        fl_frame_release(frame);
    }
    heard->cpu_ns = micro_cpu_ns() - start_ns;
}

/* One slot for each frame, as a stage does it. Looks again where a slot or credit is still out: a wait would show what the batch
 * keeps back. */
static uint64_t publish(struct micro_producer *producer, struct fl_desc *desc)
{
    struct fl_frame *frame;
    uint64_t before = micro_now_ns();
    int error;
    desc->origin_ns = before;
    while ((error = fl_pool_acquire(producer->pool, &frame)) == -EAGAIN)
        micro_relax();
    micro_must(error);
    while ((error = fl_output_publish(producer->output, frame, desc)) == -EAGAIN)
        micro_relax();
    micro_must(error);
    fl_frame_unref(frame);
    desc->number++;
    return micro_now_ns() - before;
}

static void wait_until(uint64_t due_ns)
{
    const uint64_t early_ns = 100000; /* a sleep may end so much later than asked */
    if (due_ns > micro_now_ns() + 2 * early_ns)
        micro_sleep_until_ns(due_ns - early_ns);
    while (micro_now_ns() < due_ns)
        micro_relax();
}

int main(int argc, char **argv)
{
    struct micro micro;
    struct micro_producer producer;
    struct fl_output_stats stats;
    struct fl_desc desc;
    struct micro_samples *publishing;
    uint64_t publish_sum_ns = 0;
    micro_begin(&micro, argc, argv, options);
    heard = micro_shared(sizeof *heard);
    heard->delays = micro_samples_create(1 << 20);
    publishing = micro_samples_create(1 << 20);
    struct micro_lanes like = {.lane = {.credits = (uint32_t)credits, .batch = (uint32_t)batch, .spin_ns = spin}};
    micro_producer_create(&producer, &micro, &like, 1);
    micro_consume(&producer, consume, NULL);
    micro_pin_self(&micro, 0);
    micro_describe(&desc, 0, 64);
    uint64_t end_ns = micro_end_ns(&micro), due_ns = micro_now_ns();
    /* whole batches, so that the last one is as full as the others */
    for (; desc.number % batch != 0 || desc.number < 4 * batch || micro_now_ns() < end_ns; due_ns += period) {
        wait_until(due_ns);
        uint64_t took_ns = publish(&producer, &desc);
        publish_sum_ns += took_ns;
        micro_sample(publishing, took_ns);
    }
    fl_output_lane_get_stats(producer.lanes[0], &stats);
    micro_producer_finish(&producer);
    double frames = (double)desc.number;
    if (heard->delays->count != desc.number)
        micro_fail("%llu of %llu frames came", (unsigned long long)heard->delays->count, (unsigned long long)desc.number);
    micro_figure("rings_per_frame", (double)stats.rings / frames);
    micro_figure("publish_ns", (double)publish_sum_ns / frames);
    micro_figure("publish_p50_ns", micro_percentile(publishing, 0.5));
    micro_figure("consumer_ns", (double)heard->cpu_ns / frames);
    micro_figure("cost_ns", (double)(publish_sum_ns + (busy ? 0 : heard->cpu_ns)) / frames);
    micro_figure("delay_ns", (double)heard->delay_sum_ns / frames);
    micro_figure("delay_p50_ns", micro_percentile(heard->delays, 0.5));
    micro_figure("frames", frames);
    return micro_end();
}
