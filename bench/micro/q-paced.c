/* How late does a sleeping consumer have a frame that comes every millisecond? From the time it was due, not from when the producer
 * got round to it, to the moment the consumer holds it. */
#include "lane.h"

static uint64_t period = 1000000;
static const struct micro_option options[] = {{.name = "period", .number = &period}, {0}};

#define CREDITS 256 /* a consumer may fall behind by so many before the producer would have to wait */

static void take_all(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    while ((frame = micro_take(consumer))) {
        micro_sample(consumer->arg, micro_now_ns() - fl_frame_desc(frame)->origin_ns);
        fl_frame_release(frame);
    }
}

/* The slot is there before the frame is due, as it is where a picture takes time to make. */
static void send(struct micro_producer *producer, uint64_t number, uint64_t due_ns)
{
    struct fl_frame *frame;
    struct fl_desc desc;
    micro_describe(&desc, number, 64);
    desc.origin_ns = due_ns;
    micro_must(fl_pool_acquire(producer->pool, &frame));
    micro_sleep_until_ns(due_ns);
    micro_must(fl_output_publish(producer->output, frame, &desc));
    fl_frame_unref(frame);
}

int main(int argc, char **argv)
{
    struct micro micro;
    struct micro_producer producer;
    uint64_t told = 0;
    micro_begin(&micro, argc, argv, options);
    struct micro_samples *samples = micro_samples_create(1 << 20);
    micro_producer_create(&producer, &micro, &(struct micro_lanes){.lane.credits = CREDITS}, 1);
    micro_consume(&producer, take_all, samples);
    micro_pin_self(&micro, 0);
    uint64_t end_ns = micro_end_ns(&micro), due = micro_now_ns();
    for (due += period; due < end_ns || told < 10; due += period)
        send(&producer, told++, due);
    micro_producer_finish(&producer);
    if (samples->count != told)
        micro_fail("%llu of %llu frames came", (unsigned long long)samples->count, (unsigned long long)told);
    micro_samples_figures(samples);
    return micro_end();
}
