/* A larger pool while frames of the first are still held: old frames stay whole, a pool nobody has told of yet is asked for. */
#include "check.h"
#include "picture.h"
#include "stand.h"

#include <errno.h>
#include <unistd.h>

static int publish_from(struct stand *stand, struct fl_pool *pool, uint64_t number, uint32_t width, uint32_t height)
{
    struct fl_frame *frame;
    struct fl_desc desc;
    CHECK_EQ(fl_pool_acquire(pool, &frame), 0);
    picture_describe(&desc, number, width, height, (int32_t)width);
    if (fl_desc_check(&desc, fl_frame_capacity(frame)) == 0)
        picture_fill(fl_frame_data(frame), &desc, number);
    int error = fl_output_publish(stand->output, frame, &desc);
    fl_frame_unref(frame);
    return error;
}

static void the_old_stays_while_it_is_held(void)
{
    struct stand stand;
    struct fl_frame *old[2], *larger, *none;
    struct fl_pool_info second = {.id = 2, .slot_count = 3, .slot_bytes = 640 * 360};
    int fd;
    stand_create(&stand, FL_TRANSPORT_SHM, 4, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 4);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    CHECK_EQ(stand_publish(&stand, 1), 0);
    CHECK_EQ(publish_from(&stand, stand.pool, 2, 640, 360), -EBADMSG); /* it does not fit: that is what a generation is for */
    CHECK_EQ(stand_take(lane, &old[0]), 0);
    struct fl_pool *pool = wiring_pool(stand.producer, &second, &fd);
    CHECK_EQ(publish_from(&stand, pool, 2, 640, 360), 0);
    CHECK_EQ(stand_take(lane, &old[1]), 0);
    CHECK_EQ(stand_take(lane, &none), -ENOENT);
    CHECK_EQ(stand_take(lane, &none), -ENOENT); /* and again, until somebody tells */
    CHECK(fl_lane_fault(lane->rx) == NULL);
    CHECK(!fl_context_has_pool(lane->consumer, 2));
    wiring_pool_reader(lane->consumer, fd, &second);
    CHECK(fl_context_has_pool(lane->consumer, 2));
    CHECK_EQ(stand_take(lane, &larger), 0);
    CHECK_EQ(fl_frame_desc(larger)->width, 640);
    CHECK_EQ(fl_pool_info(fl_frame_pool(larger, NULL))->id, 2);
    for (unsigned i = 0; i < 2; i++)
        CHECK_EQ(picture_wrong_bytes(fl_frame_base(old[i]), fl_frame_desc(old[i]), i), 0);
    const struct fl_pool *first = fl_frame_pool(old[0], NULL);
    fl_frame_release(old[0]);
    CHECK(fl_pool_is_held((struct fl_pool *)first)); /* whatever its writer says: it may not be unmapped here */
    fl_frame_release(old[1]);
    CHECK(!fl_pool_is_held((struct fl_pool *)first));
    stand_settle(&stand, lane);
    CHECK_EQ(fl_pool_free_slots(stand.pool), 4); /* the newest is in the new pool: nobody names the old one any more */
    fl_pool_destroy(stand.pool);
    CHECK_EQ(picture_wrong_bytes(fl_frame_base(larger), fl_frame_desc(larger), 2), 0);
    fl_frame_release(larger);
    stand_settle(&stand, lane);
    CHECK_EQ(publish_from(&stand, pool, 3, 640, 360), 0);
    CHECK_EQ(stand_next(lane), 3);
    close(fd);
    stand_destroy(&stand);
}

static void both_may_be_announced_in_turn(void)
{
    struct stand stand;
    struct fl_pool_info second = {.id = 2, .slot_count = 3, .slot_bytes = 32768};
    int fd;
    stand_create(&stand, FL_TRANSPORT_SHM, 3, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 2);
    struct fl_pool *pool = wiring_pool(stand.producer, &second, &fd);
    wiring_pool_reader(lane->consumer, fd, &second);
    for (uint64_t number = 0; number < 100; number++) {
        CHECK_EQ(number % 3 ? stand_publish(&stand, number) : publish_from(&stand, pool, number, 100, 300), 0);
        CHECK_EQ(stand_next(lane), number);
    }
    close(fd);
    stand_destroy(&stand);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"frames of the first generation stay whole while they are held", the_old_stays_while_it_is_held},
        {"two generations may be announced in turn", both_may_be_announced_in_turn},
    };
    return CHECK_RUN(cases);
}
