#include "lane.h"

#include "../../tests/lib/wiring.h"

#include <errno.h>
#include <unistd.h>

void micro_producer_create(struct micro_producer *producer, const struct micro *micro, const struct micro_lanes *like,
                           unsigned consumers)
{
    *producer = (struct micro_producer){.micro = micro, .like = *like};
    if (consumers > MICRO_MAX_CONSUMERS)
        micro_fail("at most %d consumers", MICRO_MAX_CONSUMERS);
    if (producer->like.lane.credits == 0)
        producer->like.lane.credits = 4;
    producer->pool_info = (struct fl_pool_info){
        .id = 1,
        .slot_count = like->slots ? like->slots : producer->like.lane.credits * consumers + 2,
        .slot_bytes = fl_pool_slot_bytes(like->slot_bytes),
    };
    micro_must(fl_context_create(&producer->context));
    micro_must(fl_output_create(producer->context, &producer->output));
    producer->pool = wiring_pool(producer->context, &producer->pool_info, &producer->pool_fd);
}

struct consumer_start {
    const struct micro_producer *producer;
    void (*body)(struct micro_consumer *consumer);
    void *arg;
};

static void start_consumer(struct wiring_child *child)
{
    const struct consumer_start *start = child->arg;
    struct micro_consumer consumer = {
        .context = child->context,
        .lane = child->lane,
        .number = start->producer->consumer_count,
        .arg = start->arg,
    };
    micro_pin_self(start->producer->micro, consumer.number + 1);
    start->body(&consumer);
}

void micro_consume(struct micro_producer *producer, void (*body)(struct micro_consumer *consumer), void *arg)
{
    struct consumer_start start = {producer, body, arg};
    unsigned at = producer->consumer_count;
    if (at == MICRO_MAX_CONSUMERS)
        micro_fail("at most %d consumers", MICRO_MAX_CONSUMERS);
    micro_core_count(); /* asks before anything is pinned */
    producer->pids[at] = wiring_fork(producer->output, &producer->like.lane, producer->pool_fd, &producer->pool_info,
                                     start_consumer, &start, &producer->lanes[at]);
    producer->consumer_count++;
}

static bool is_drained(void *output)
{
    return fl_output_drained(output);
}

void micro_producer_finish(struct micro_producer *producer)
{
    fl_output_close(producer->output);
    micro_must(fl_context_wait(producer->context, is_drained, producer->output, -1));
    for (unsigned i = 0; i < producer->consumer_count; i++) {
        struct fl_output_stats stats;
        const char *fault = fl_output_lane_fault(producer->lanes[i]);
        fl_output_lane_get_stats(producer->lanes[i], &stats);
        if (fault)
            micro_fail("the lane of consumer %u broke: it %s", i, fault);
        bool waits = producer->like.lane.when_full == FL_WHEN_FULL_WAIT; /* only such a lane is waited for at the end */
        if ((waits && (stats.sent != stats.returned || stats.dropped)) || stats.copies)
            micro_fail("consumer %u: %llu sent, %llu returned, %llu dropped, %llu copied", i, (unsigned long long)stats.sent,
                       (unsigned long long)stats.returned, (unsigned long long)stats.dropped, (unsigned long long)stats.copies);
        micro_join(producer->pids[i]);
    }
    fl_context_destroy(producer->context);
    close(producer->pool_fd);
}

void micro_describe(struct fl_desc *desc, uint64_t number, uint64_t bytes)
{
    uint32_t row_bytes = bytes ? (uint32_t)bytes : 1;
    *desc = (struct fl_desc){
        .number = number,
        .pts = (int64_t)number,
        .dts = FL_NO_PTS,
        .time_base_num = 1,
        .time_base_den = 60,
        .kind = FL_KIND_VIDEO,
        .plane_count = 1,
        .width = row_bytes,
        .height = 1,
        .format = "gray",
        .planes = {{.offset = 0, .stride = (int32_t)row_bytes, .rows = 1, .row_bytes = row_bytes}},
    };
}

void micro_publish(struct micro_producer *producer, struct fl_desc *desc, void (*fill)(uint8_t *data, const struct fl_desc *desc))
{
    struct fl_frame *frame;
    int error = fl_pool_acquire(producer->pool, &frame);
    if (error == -EAGAIN)
        error = fl_pool_acquire_wait(producer->pool, -1, NULL, NULL, &frame);
    micro_must(error);
    if (fill)
        fill(fl_frame_data(frame), desc);
    while ((error = fl_output_publish(producer->output, frame, desc)) == -EAGAIN)
        micro_must(fl_output_wait(producer->output, -1));
    micro_must(error);
    fl_frame_unref(frame);
}

struct fl_frame *micro_take(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    int error = fl_lane_take_wait(consumer->lane, -1, &frame);
    if (error == -ENODATA)
        return NULL;
    if (error < 0)
        micro_fail("take: %s", fl_lane_fault(consumer->lane) ? fl_lane_fault(consumer->lane) : "a pool is not known");
    return frame;
}
