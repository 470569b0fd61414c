#include "stand.h"

#include "check.h"
#include "picture.h"

#include <errno.h>
#include <unistd.h>

void stand_create(struct stand *stand, uint32_t transport, uint32_t slots, uint64_t slot_bytes)
{
    *stand = (struct stand){.transport = transport, .pool_fd = -1, .pool_info = {.id = 1, .slot_count = slots}};
    stand->pool_info.slot_bytes = fl_pool_slot_bytes(slot_bytes);
    CHECK_EQ(fl_context_create(&stand->producer), 0);
    CHECK_EQ(fl_output_create(stand->producer, &stand->output), 0);
    if (transport == FL_TRANSPORT_PIPE)
        CHECK_EQ(fl_pool_create_private(stand->producer, &stand->pool_info, &stand->pool), 0);
    else
        stand->pool = wiring_pool(stand->producer, &stand->pool_info, &stand->pool_fd);
}

struct stand_lane *stand_add(struct stand *stand, uint32_t when_full, uint32_t credits)
{
    return stand_add_as(stand, &(struct fl_lane_info){.credits = credits, .when_full = when_full});
}

struct stand_lane *stand_add_as(struct stand *stand, const struct fl_lane_info *wanted)
{
    CHECK(stand->lane_count < STAND_MAX_LANES);
    struct stand_lane *lane = &stand->lanes[stand->lane_count++];
    struct fl_lane_info info = *wanted;
    info.transport = stand->transport;
    CHECK_EQ(fl_context_create(&lane->consumer), 0);
    if (stand->transport == FL_TRANSPORT_SHM)
        wiring_pool_reader(lane->consumer, stand->pool_fd, &stand->pool_info);
    wiring_lane(stand->output, lane->consumer, &info, &lane->tx, &lane->rx);
    return lane;
}

void stand_destroy(struct stand *stand)
{
    for (unsigned i = 0; i < stand->lane_count; i++)
        fl_context_destroy(stand->lanes[i].consumer);
    fl_context_destroy(stand->producer);
    if (stand->pool_fd >= 0)
        close(stand->pool_fd);
}

int stand_publish(struct stand *stand, uint64_t number)
{
    struct fl_frame *frame;
    struct fl_desc desc;
    if (fl_pool_acquire(stand->pool, &frame) < 0)
        return -ENOBUFS;
    picture_describe(&desc, number, STAND_WIDTH, STAND_HEIGHT, STAND_WIDTH + 8);
    picture_fill(fl_frame_data(frame), &desc, number);
    int error = fl_output_publish(stand->output, frame, &desc);
    fl_frame_unref(frame);
    return error;
}

int stand_take(struct stand_lane *lane, struct fl_frame **frame)
{
    int error = fl_lane_take(lane->rx, frame);
    if (error == 0)
        CHECK_EQ(picture_wrong_bytes(fl_frame_base(*frame), fl_frame_desc(*frame), fl_frame_desc(*frame)->number), 0);
    return error;
}

int64_t stand_next(struct stand_lane *lane)
{
    struct fl_frame *frame;
    int error = stand_take(lane, &frame);
    if (error < 0)
        return error;
    int64_t number = (int64_t)fl_frame_desc(frame)->number;
    fl_frame_release(frame);
    fl_context_service(lane->consumer);
    return number;
}

void stand_settle(struct stand *stand, struct stand_lane *lane)
{
    fl_context_service(lane->consumer);
    fl_context_service(stand->producer);
}

struct fl_output_stats stand_sent(const struct stand_lane *lane)
{
    struct fl_output_stats stats;
    fl_output_lane_get_stats(lane->tx, &stats);
    return stats;
}

struct fl_lane_stats stand_taken(const struct stand_lane *lane)
{
    struct fl_lane_stats stats;
    fl_lane_get_stats(lane->rx, &stats);
    return stats;
}
