/* How many frames a second can be announced to a consumer that is awake? Both sides look again and again, nobody sleeps; every
 * announcement is taken, its number checked, and given back. The same frame is announced each time (--fresh 1: a new slot is
 * acquired for each). Each by a call of its own, or as many as a batch has with one (--calls single|many). */
#include "lane.h"

#include <errno.h>
#include <string.h>

static uint64_t credits = 64, batch = 1, fresh, vary;
static const char *calls = "single";
static const struct micro_option options[] = {
    {.name = "credits", .number = &credits}, {.name = "batch", .number = &batch}, {.name = "fresh", .number = &fresh},
    {.name = "vary", .number = &vary},       {.name = "calls", .word = &calls},   {0},
};

#define CHECKED 1024 /* announcements between two looks at the clock */
#define MOST    64u  /* frames a call */

static unsigned frames_a_call(void)
{
    return strcmp(calls, "many") ? 1 : batch < MOST ? (unsigned)batch : MOST;
}

static int take(struct fl_lane *lane, struct fl_frame **frames, unsigned most)
{
    if (most > 1)
        return fl_lane_take_many(lane, frames, most);
    int error = fl_lane_take(lane, frames);
    return error < 0 ? error : 1;
}

static void release(struct fl_frame **frames, unsigned count)
{
    if (count > 1)
        fl_frame_release_many(frames, count);
    else
        fl_frame_release(frames[0]);
}

static void take_all(struct micro_consumer *consumer)
{
    struct fl_frame *frames[MOST];
    uint64_t expected = 0;
    int got;
    while ((got = take(consumer->lane, frames, frames_a_call())) != -ENODATA) {
        if (got == -EAGAIN) {
            micro_relax();
            continue;
        }
        micro_must(got);
        for (int i = 0; i < got; i++)
            if (fl_frame_desc(frames[i])->number != expected++)
                micro_fail("frame %llu came in the place of %llu", (unsigned long long)fl_frame_desc(frames[i])->number,
                           (unsigned long long)(expected - 1));
        release(frames, (unsigned)got);
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

static int publish(struct micro_producer *producer, const struct fl_publish *what, unsigned count)
{
    if (count > 1)
        return fl_output_publish_many(producer->output, what, count);
    int error = fl_output_publish(producer->output, what->frame, what->desc);
    return error < 0 ? error : 1;
}

static void publish_all(struct micro_producer *producer, const struct fl_publish *what, unsigned count)
{
    for (unsigned done = 0; done < count;) {
        int more = publish(producer, what + done, count - done);
        if (more > 0) {
            done += (unsigned)more;
            continue;
        }
        if (more != -EAGAIN)
            micro_must(more);
        micro_relax();
    }
}

static uint64_t send(struct micro_producer *producer, uint64_t end_ns)
{
    unsigned count = frames_a_call();
    uint64_t number = 0;
    struct fl_frame *frame = acquire(producer);
    struct fl_desc descs[MOST];
    struct fl_publish what[MOST];
    for (unsigned i = 0; i < count; i++) {
        micro_describe(&descs[i], 0, 64);
        what[i] = (struct fl_publish){frame, &descs[i]};
    }
    while (number % CHECKED != 0 || number == 0 || micro_now_ns() < end_ns) {
        for (unsigned i = 0; i < count; i++) {
            descs[i].number = number++;
            descs[i].duration = vary ? (int64_t)number : 0;
            what[i].frame = fresh ? acquire(producer) : frame;
        }
        publish_all(producer, what, count);
        for (unsigned i = 0; fresh && i < count; i++)
            fl_frame_unref(what[i].frame);
    }
    fl_frame_unref(frame);
    return number;
}

int main(int argc, char **argv)
{
    struct micro micro;
    struct micro_producer producer;
    micro_begin(&micro, argc, argv, options);
    if (micro.pin == MICRO_ONE)
        micro_skip("on one core the consumer is never awake beside the producer");
    if (strcmp(calls, "single") && strcmp(calls, "many"))
        micro_fail("--calls: single or many");
    if (batch == 0 || CHECKED % frames_a_call() != 0)
        micro_fail("--batch: a power of two");
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
