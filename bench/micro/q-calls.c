/* How many system calls does an announcement cost while the consumer is busy? Every one of both processes is counted, by tracing
 * them: a third process runs the producer, which forks the consumer, and the kernel stops them at each call they make between the
 * thousandth announcement and the last.
 *
 * `--how poll`: the consumer is never out of work, for it does not wait; `--how wait`: both wait by the lane's own means, which
 * spin for `--spin` before they sleep. Every byte of the frames is written and read. */
#include "lane.h"
#include "lib/trace.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

static uint64_t frames = 11000, credits = 4, spin = 20000, batch, bytes = 65536;
static const char *how = "wait";
static const struct micro_option options[] = {
    {.name = "frames", .number = &frames},
    {.name = "credits", .number = &credits},
    {.name = "spin", .number = &spin},
    {.name = "batch", .number = &batch},
    {.name = "bytes", .number = &bytes},
    {.name = "how", .word = &how},
    {0},
};

#define WARM_UP 1000

static struct micro micro;
static struct shared {
    struct micro_trace trace; /* counts from the thousandth announcement to the last */
    _Atomic uint64_t answers;
} * shared;

static bool polls(void)
{
    return strcmp(how, "poll") == 0;
}

/* ---- the two that are watched ---- */

static void read_frame(const struct fl_frame *frame)
{
    const uint8_t *row = fl_frame_plane(frame, 0);
    uint8_t wanted = (uint8_t)fl_frame_desc(frame)->number;
    for (uint64_t i = 0; i < bytes; i++)
        if (row[i] != wanted)
            micro_fail("frame %llu is not as it was written", (unsigned long long)fl_frame_desc(frame)->number);
    atomic_fetch_add(&shared->answers, 1);
}

static void take_all(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    int error = 0;
    while (!polls() && (frame = micro_take(consumer))) {
        read_frame(frame);
        fl_frame_release(frame);
    }
    while (polls() && (error = fl_lane_take(consumer->lane, &frame)) != -ENODATA) {
        if (error == -EAGAIN)
            continue;
        micro_must(error);
        read_frame(frame);
        fl_frame_release(frame);
    }
}

static void fill(uint8_t *data, const struct fl_desc *desc)
{
    memset(data, (int)(desc->number & 0xff), bytes);
}

/* As micro_publish, but by looking again and again. */
static void publish_polling(struct micro_producer *producer, struct fl_desc *desc)
{
    struct fl_frame *frame;
    int error;
    while ((error = fl_pool_acquire(producer->pool, &frame)) == -EAGAIN)
        micro_relax();
    micro_must(error);
    fill(fl_frame_data(frame), desc);
    while ((error = fl_output_publish(producer->output, frame, desc)) == -EAGAIN)
        micro_relax();
    micro_must(error);
    fl_frame_unref(frame);
}

static void be_producer(void)
{
    struct micro_producer producer;
    struct micro_lanes like = {
        .lane = {.credits = (uint32_t)credits, .spin_ns = polls() ? 0 : spin, .batch = (uint32_t)batch},
        .slot_bytes = bytes,
    };
    struct fl_desc desc;
    micro_watch_children();
    micro_producer_create(&producer, &micro, &like, 1);
    micro_consume(&producer, take_all, NULL);
    micro_pin_self(&micro, 0);
    micro_describe(&desc, 0, bytes);
    for (; desc.number < frames; desc.number++) {
        if (desc.number == WARM_UP)
            atomic_store(&shared->trace.counting, 1);
        if (polls())
            publish_polling(&producer, &desc);
        else
            micro_publish(&producer, &desc, fill);
    }
    atomic_store(&shared->trace.counting, 0);
    micro_producer_finish(&producer);
}

int main(int argc, char **argv)
{
    micro_begin(&micro, argc, argv, options);
    if (frames <= WARM_UP)
        micro_fail("--frames: more than %d", WARM_UP);
    shared = micro_shared(sizeof *shared);
    micro_trace_run(&shared->trace, be_producer);
    uint64_t stops = atomic_load(&shared->trace.stops);
    if (atomic_load(&shared->answers) != frames)
        micro_fail("%llu of %llu frames came", (unsigned long long)atomic_load(&shared->answers), (unsigned long long)frames);
    micro_figure("calls_per_announcement", (double)stops / 2 / (double)(frames - WARM_UP));
    micro_figure("calls", (double)stops / 2);
    micro_figure("announcements", (double)(frames - WARM_UP));
    return micro_end();
}
