/* How long does a handoff take when both sides watch? A frame is announced, and the next when it has come back, as in q-pingpong;
 * either both look again and again by their own calls (--how poll), or the lane is told to spin before it sleeps (--how wait). */
#include "lane.h"

#include <errno.h>
#include <string.h>

static const char *how = "poll";
static const struct micro_option options[] = {{.name = "how", .word = &how}, {0}};

#define BOUNCE 64 /* round trips between two looks at the clock */

static void poll_all(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    int error;
    while ((error = fl_lane_take(consumer->lane, &frame)) != -ENODATA) {
        if (error == 0)
            fl_frame_release(frame);
        else if (error != -EAGAIN)
            micro_must(error);
        else
            micro_relax();
    }
}

static void wait_all(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    while ((frame = micro_take(consumer)))
        fl_frame_release(frame);
}

static void await_return(struct micro_producer *producer, bool polls)
{
    if (!polls)
        micro_must(fl_output_wait_returns(producer->output, -1));
    while (fl_output_outstanding(producer->output) > 0)
        micro_relax();
}

static void send(struct micro_producer *producer, bool polls, struct micro_samples *samples, uint64_t end_ns)
{
    struct fl_frame *frame;
    struct fl_desc desc;
    micro_describe(&desc, 0, 64);
    micro_must(fl_pool_acquire(producer->pool, &frame));
    for (uint64_t before = micro_now_ns(); micro_wants_more(samples, before, end_ns);) {
        for (unsigned i = 0; i < BOUNCE; i++, desc.number++) {
            micro_must(fl_output_publish(producer->output, frame, &desc));
            await_return(producer, polls);
        }
        uint64_t now = micro_now_ns();
        micro_sample(samples, (now - before) / (2 * BOUNCE));
        before = now;
    }
    fl_frame_unref(frame);
}

int main(int argc, char **argv)
{
    struct micro micro;
    struct micro_producer producer;
    struct fl_output_stats stats;
    micro_begin(&micro, argc, argv, options);
    bool polls = strcmp(how, "poll") == 0;
    if (micro.pin == MICRO_ONE)
        micro_skip("two that spin on one core take turns only when the kernel ends a time slice");
    struct micro_samples *samples = micro_samples_create(1 << 20);
    struct micro_lanes like = {.lane = {.credits = 1, .spin_ns = polls ? 0 : 1000000}};
    micro_producer_create(&producer, &micro, &like, 1);
    micro_consume(&producer, polls ? poll_all : wait_all, NULL);
    micro_pin_self(&micro, 0);
    send(&producer, polls, samples, micro_end_ns(&micro));
    fl_output_lane_get_stats(producer.lanes[0], &stats);
    micro_producer_finish(&producer);
    micro_samples_figures(samples);
    micro_figure("sleeps", (double)stats.wakeups);
    return micro_end();
}
