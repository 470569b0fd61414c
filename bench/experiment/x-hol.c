/* One of three consumers stalls for `--stall` over every frame it takes. What do the other two get, of what was due?
 *
 *   --how lanes  a lane each, with credits of its own (4); two may lose nothing (`wait`), the one that stalls may (`drop`)
 *   --how fifo   one queue that all read in order, of as many places as the lanes' pool has slots; a place is free again when all
 *                have read it
 *
 * A source that offers `--frames` frames, one each `--period`, and has ended when the last was due and a fifth of that time has
 * passed. others_share is what the worse of the two got of what was offered. Jain's index is that of the three shares, each of what
 * its consumer could have taken at its own pace: 1 when all get what they can use, 1/3 when one does and two starve. */
#include "../micro/lane.h"
#include "../micro/lib/bare.h"
#include "../micro/lib/ring.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static uint64_t stall, frames = 300, period = 500000;
static const char *how = "lanes";
static const struct micro_option options[] = {
    {"stall", &stall}, {"frames", &frames}, {"period", &period}, {"how", .word = &how}, {0},
};

#define CONSUMERS 3
#define STALLING  2 /* the last of them */
#define CREDITS   4
#define SLOTS     (CREDITS * CONSUMERS + 2)

static struct bare_word *got;  /* by consumer */
static struct bare_word *over; /* nobody stalls any more */

static void work(unsigned consumer)
{
    if (bare_load(over))
        return;
    bare_store(&got[consumer], bare_load(&got[consumer]) + 1);
    if (consumer == STALLING && stall > 0)
        micro_sleep_until_ns(micro_now_ns() + stall);
}

/* Sends what is due by now, if there is room; the last moment is `end_ns`. */
static void offer(bool (*send)(void *arg, uint64_t number, uint64_t end_ns), void *arg)
{
    uint64_t start_ns = micro_now_ns(), end_ns = start_ns + frames * period * 6 / 5;
    for (uint64_t number = 0; number < frames; number++) {
        micro_sleep_until_ns(start_ns + number * period);
        if (!send(arg, number, end_ns))
            break;
    }
    micro_sleep_until_ns(start_ns + frames * period);
    bare_store(over, 1);
}

/* ---- lanes ---- */

static void take_all(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    while ((frame = micro_take(consumer))) {
        work(consumer->number);
        fl_frame_release(frame);
    }
}

static int64_t left(uint64_t end_ns)
{
    uint64_t now = micro_now_ns();
    return now < end_ns ? (int64_t)(end_ns - now) : 0;
}

static bool publish(void *arg, uint64_t number, uint64_t end_ns)
{
    struct micro_producer *producer = arg;
    struct fl_frame *frame;
    struct fl_desc desc;
    int error = fl_pool_acquire_wait(producer->pool, left(end_ns), NULL, NULL, &frame);
    if (error == -ETIMEDOUT)
        return false;
    micro_must(error);
    micro_describe(&desc, number, 64);
    while ((error = fl_output_publish(producer->output, frame, &desc)) == -EAGAIN)
        if (fl_output_wait(producer->output, left(end_ns)) == -ETIMEDOUT)
            break;
    fl_frame_unref(frame);
    if (error == -EAGAIN)
        return false;
    micro_must(error);
    return true;
}

static bool is_drained(void *output)
{
    return fl_output_drained(output);
}

static void run_lanes(const struct micro *micro)
{
    struct micro_producer producer;
    struct fl_output_stats stats;
    struct micro_lanes like = {.lane.credits = CREDITS, .slots = SLOTS};
    micro_producer_create(&producer, micro, &like, CONSUMERS);
    for (unsigned i = 0; i < CONSUMERS; i++) {
        producer.like.lane.when_full = i == STALLING ? FL_WHEN_FULL_DROP : FL_WHEN_FULL_WAIT;
        micro_consume(&producer, take_all, NULL);
    }
    micro_pin_self(micro, 0);
    offer(publish, &producer);
    fl_output_lane_get_stats(producer.lanes[STALLING], &stats);
    micro_figure("held_by_stalled", stats.outstanding);
    fl_output_close(producer.output);
    micro_must(fl_context_wait(producer.context, is_drained, producer.output, -1));
    for (unsigned i = 0; i < CONSUMERS; i++)
        micro_join(producer.pids[i]);
    fl_context_destroy(producer.context);
}

/* ---- one queue ---- */

struct reader {
    struct ring ring; /* each knows the same places; the writer waits for the slowest */
    unsigned number;
};

static void read_all(void *arg)
{
    struct reader *reader = arg;
    for (uint64_t number = 0; ring_wait(&reader->ring, number); number++) {
        work(reader->number);
        ring_return(&reader->ring, number);
    }
}

static bool append(void *arg, uint64_t number, uint64_t end_ns)
{
    struct reader *readers = arg;
    for (unsigned i = 0; i < CONSUMERS; i++)
        ring_room(&readers[i].ring, number);
    if (left(end_ns) == 0)
        return false;
    for (unsigned i = 0; i < CONSUMERS; i++)
        ring_send(&readers[i].ring, number);
    return true;
}

static void run_fifo(const struct micro *micro)
{
    struct reader readers[CONSUMERS];
    pid_t pids[CONSUMERS];
    for (unsigned i = 0; i < CONSUMERS; i++) {
        readers[i].number = i;
        ring_init(&readers[i].ring, SLOTS);
        pids[i] = micro_fork(micro, 1 + i, read_all, &readers[i]);
    }
    micro_pin_self(micro, 0);
    offer(append, readers);
    uint64_t most = 0;
    for (unsigned i = 0; i < CONSUMERS; i++)
        most = bare_load(readers[i].ring.head) > most ? bare_load(readers[i].ring.head) : most;
    for (unsigned i = 0; i < CONSUMERS; i++)
        ring_end(&readers[i].ring, most);
    for (unsigned i = 0; i < CONSUMERS; i++)
        micro_join(pids[i]);
    micro_figure("held_by_stalled", 0);
}

/* ---- shares ---- */

static double share_of(unsigned consumer)
{
    double time_ns = (double)frames * (double)period, could = (double)frames;
    if (consumer == STALLING && stall > 0)
        could = fmin(could, ceil(time_ns / (double)stall));
    return fmin((double)bare_load(&got[consumer]) / could, 1);
}

int main(int argc, char **argv)
{
    struct micro micro;
    double sum = 0, squares = 0;
    micro_begin(&micro, argc, argv, options);
    got = micro_shared(CONSUMERS * sizeof *got);
    over = micro_shared(sizeof *over);
    if (strcmp(how, "fifo") == 0)
        run_fifo(&micro);
    else
        run_lanes(&micro);
    for (unsigned i = 0; i < CONSUMERS; i++) {
        sum += share_of(i);
        squares += share_of(i) * share_of(i);
    }
    micro_figure("others_share", fmin(share_of(0), share_of(1)));
    micro_figure("others_per_second", fmin(share_of(0), share_of(1)) * 1e9 / (double)period);
    micro_figure("stalled_share", share_of(STALLING));
    micro_figure("jain", squares > 0 ? sum * sum / (CONSUMERS * squares) : 0);
    return micro_end();
}
