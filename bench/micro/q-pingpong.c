/* How long does a blocking handoff take when both sides sleep in between? A frame is announced, and the next when it has come back.
 * Half of a round trip is one way. The same frame is announced again and again, for making one is not the question. */
#include "lane.h"

static void take_all(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    while ((frame = micro_take(consumer)))
        fl_frame_release(frame);
}

static void send(struct micro_producer *producer, struct micro_samples *samples, uint64_t end_ns)
{
    struct fl_frame *frame;
    struct fl_desc desc;
    micro_describe(&desc, 0, 64);
    micro_must(fl_pool_acquire(producer->pool, &frame));
    uint64_t before = micro_now_ns();
    for (; micro_wants_more(samples, before, end_ns); desc.number++) {
        micro_must(fl_output_publish(producer->output, frame, &desc));
        micro_must(fl_output_wait_returns(producer->output, -1));
        uint64_t now = micro_now_ns();
        micro_sample(samples, (now - before) / 2);
        before = now;
    }
    fl_frame_unref(frame);
}

int main(int argc, char **argv)
{
    struct micro micro;
    struct micro_producer producer;
    struct fl_output_stats stats;
    micro_begin(&micro, argc, argv, NULL);
    struct micro_samples *samples = micro_samples_create(1 << 20);
    micro_producer_create(&producer, &micro, &(struct micro_lanes){.lane.credits = 1}, 1);
    micro_consume(&producer, take_all, NULL);
    micro_pin_self(&micro, 0);
    send(&producer, samples, micro_end_ns(&micro));
    fl_output_lane_get_stats(producer.lanes[0], &stats);
    micro_producer_finish(&producer);
    uint64_t trips = samples->count;
    micro_samples_figures(samples);
    micro_figure("sleeps_per_trip", (double)stats.wakeups / (double)trips);
    return micro_end();
}
