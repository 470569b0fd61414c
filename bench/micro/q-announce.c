/* How many frames a second can be announced to a consumer that is awake? Both sides look again and again, nobody sleeps; every
 * announcement is taken, its number checked, and given back. The same frame is announced each time (--fresh 1: a new slot is
 * acquired for each). */
#include "lane.h"

#include <errno.h>

static uint64_t credits = 64, batch = 1, fresh, vary;
static const struct micro_option options[] = {
    {.name = "credits", .number = &credits},
    {.name = "batch", .number = &batch},
    {.name = "fresh", .number = &fresh},
    {.name = "vary", .number = &vary},
    {0},
};

#define CHECKED 1024 /* announcements between two looks at the clock */

static void take_all(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    uint64_t expected = 0;
    int error;
    while ((error = fl_lane_take(consumer->lane, &frame)) != -ENODATA) {
        if (error == 0) {
            if (fl_frame_desc(frame)->number != expected++)
                micro_fail("frame %llu came in the place of %llu", (unsigned long long)fl_frame_desc(frame)->number,
                           (unsigned long long)(expected - 1));
            fl_frame_release(frame);
        } else if (error == -EAGAIN) {
            micro_relax();
        } else {
            micro_must(error);
        }
    }
    *(uint64_t *)consumer->arg = expected;
}

static struct fl_frame *acquire(struct micro_producer *producer)
{
    struct fl_frame *frame;
    int error;
    while ((error = fl_pool_acquire(producer->pool, &frame)) == -EAGAIN)
        micro_relax();
    micro_must(error);
    return frame;
}

static void publish(struct micro_producer *producer, struct fl_frame *frame, const struct fl_desc *desc)
{
    int error;
    while ((error = fl_output_publish(producer->output, frame, desc)) == -EAGAIN)
        micro_relax();
    micro_must(error);
}

static uint64_t send(struct micro_producer *producer, uint64_t end_ns)
{
    struct fl_frame *frame = acquire(producer);
    struct fl_desc desc;
    micro_describe(&desc, 0, 64);
    while (desc.number % CHECKED != 0 || desc.number == 0 || micro_now_ns() < end_ns) {
        publish(producer, frame, &desc);
        desc.number++;
        desc.duration = vary ? (int64_t)desc.number : 0;
        if (fresh) {
            fl_frame_unref(frame);
            frame = acquire(producer);
        }
    }
    fl_frame_unref(frame);
    return desc.number;
}

int main(int argc, char **argv)
{
    struct micro micro;
    struct micro_producer producer;
    micro_begin(&micro, argc, argv, options);
    if (micro.pin == MICRO_ONE)
        micro_skip("on one core the consumer is never awake beside the producer");
    uint64_t *taken = micro_shared(sizeof *taken);
    struct micro_lanes like = {.lane = {.credits = (uint32_t)credits, .batch = (uint32_t)batch}};
    micro_producer_create(&producer, &micro, &like, 1);
    micro_consume(&producer, take_all, taken);
    micro_pin_self(&micro, 0);
    uint64_t start_ns = micro_now_ns(), count = send(&producer, micro_end_ns(&micro));
    double seconds = (double)(micro_now_ns() - start_ns) / 1e9;
    micro_producer_finish(&producer);
    if (*taken != count)
        micro_fail("%llu of %llu announcements came", (unsigned long long)*taken, (unsigned long long)count);
    micro_figure("per_second", (double)count / seconds);
    micro_figure("ns", seconds * 1e9 / (double)count);
    micro_figure("announcements", (double)count);
    return micro_end();
}
