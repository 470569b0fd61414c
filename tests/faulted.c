/* A lane that has ended badly is no trouble to anybody: nothing of it is waited for, polled or told twice, and its first fault
 * stands. */
#include "check.h"
#include "fake.h"
#include "stand.h"

#include "../transport/internal.h"

#include <errno.h>

enum { CREDITS = 4 };

static bool second_look(void *asked)
{
    return ++*(unsigned *)asked > 1;
}

/* Its bell rings on; the wait that would hear it does not listen. */
static void nobody_listens_to_a_faulted_producer(void)
{
    struct fl_context *context;
    struct fake_producer fake;
    struct fl_frame *frame;
    struct fl_lane_stats stats;
    unsigned asked = 0;
    CHECK_EQ(fl_context_create(&context), 0);
    struct fl_lane *lane = fake_producer_create(&fake, context, 1, CREDITS);
    fake_count(&fake, 0, 100);
    CHECK_EQ(fl_lane_take(lane, &frame), -EBADMSG);
    fake_ring(&fake);
    CHECK_EQ(fl_context_wait(context, second_look, &asked, -1), 0);
    fl_lane_get_stats(lane, &stats);
    CHECK_EQ(stats.wakeups, 0);
    fl_context_destroy(context);
    fake_producer_destroy(&fake);
}

static void nobody_listens_to_a_faulted_consumer(void)
{
    struct stand stand;
    struct fake_consumer fake;
    unsigned asked = 0;
    stand_create(&stand, FL_TRANSPORT_SHM, 8, 4096);
    struct fl_output_lane *lane = fake_consumer_create(&fake, stand.output, FL_WHEN_FULL_DROP, CREDITS);
    fake_return(&fake, 0);
    fl_context_service(stand.producer);
    CHECK_SAYS(fl_output_lane_fault(lane), "returned more frames");
    CHECK_EQ(fl_context_wait(stand.producer, second_look, &asked, -1), 0);
    CHECK_EQ(stand_publish(&stand, 0), -EPIPE);
    stand_destroy(&stand);
    fake_consumer_destroy(&fake);
}

static void the_first_fault_stands(void)
{
    struct fl_context *context;
    struct fake_producer fake;
    struct fl_frame *held, *frame;
    CHECK_EQ(fl_context_create(&context), 0);
    struct fl_lane *lane = fake_producer_create(&fake, context, 1, CREDITS);
    struct fl_entry entry = fake_entry(&fake, 0, 0);
    fake_announce(&fake, &entry);
    CHECK_EQ(fl_lane_take(lane, &held), 0);
    fake_count(&fake, 1, 100);
    CHECK_EQ(fl_lane_take(lane, &frame), -EBADMSG);
    fl_store(&fake.versions[0].version, 5, FL_RELEASE); /* and the frame in hand is written over */
    fl_frame_release(held);
    fl_context_service(context);
    CHECK_SAYS(fl_lane_fault(lane), "announced more than it has credit for");
    fl_context_destroy(context);
    fake_producer_destroy(&fake);
}

/* A reader that does not read, and is stopped, is not slept for; nor is one that has a faulted pipe. */
static void a_stopped_pipe_is_not_waited_for(void)
{
    struct stand stand;
    unsigned asked = 0;
    stand_create(&stand, FL_TRANSPORT_PIPE, 4, 1 << 20);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 2);
    struct fl_frame *frame;
    struct fl_desc desc = {.kind = FL_KIND_PACKET, .plane_count = 1, .time_base_num = 1, .time_base_den = 25};
    desc.planes[0] = (struct fl_plane){.rows = 1, .row_bytes = 1 << 20};
    CHECK_EQ(fl_pool_acquire(stand.pool, &frame), 0);
    CHECK_EQ(fl_output_publish(stand.output, frame, &desc), 0); /* more than the pipe takes */
    fl_frame_unref(frame);
    CHECK(!fl_pipe_writer_idle(lane->tx->pipe));
    fl_output_lane_stop(lane->tx);
    CHECK_EQ(fl_context_wait(stand.producer, second_look, &asked, -1), 0);
    stand_destroy(&stand);
}

/* What is told on a lane that is stopped is kept to oneself; the others hear of it. */
static void a_stopped_lane_is_told_nothing(void)
{
    struct stand stand;
    struct fl_through through = {.number = 3, .time_base_num = 1, .time_base_den = 25}, heard;
    stand_create(&stand, FL_TRANSPORT_SHM, 8, 4096);
    struct stand_lane *stopped = stand_add(&stand, FL_WHEN_FULL_WAIT, 2), *other = stand_add(&stand, FL_WHEN_FULL_WAIT, 2);
    fl_output_lane_stop(stopped->tx);
    fl_output_through(stand.output, &through);
    CHECK(!fl_lane_through(stopped->rx, &heard));
    CHECK(fl_lane_through(other->rx, &heard));
    CHECK_EQ(stand_publish(&stand, 4), 0);
    CHECK_EQ(stand_next(stopped), -EAGAIN);
    CHECK_EQ(stand_next(other), 4);
    stand_destroy(&stand);
}

/* On a lane where only the newest counts, a lie among those that are passed over is found as well. */
static void a_lie_that_is_skipped_is_found(void)
{
    struct fl_context *context;
    struct fake_producer fake;
    struct fl_frame *frame;
    CHECK_EQ(fl_context_create(&context), 0);
    struct fl_lane *lane =
        fake_producer_create_as(&fake, context, 1, &(struct fl_lane_info){.credits = CREDITS, .when_full = FL_WHEN_FULL_LATEST});
    struct fl_entry good = fake_entry(&fake, 0, 0), bad = fake_entry(&fake, 1, 1);
    bad.type = 77;
    fake_announce(&fake, &bad);
    fake_announce(&fake, &good);
    CHECK_EQ(fl_lane_take(lane, &frame), -EBADMSG);
    CHECK_SAYS(fl_lane_fault(lane), "no known form");
    fl_context_destroy(context);
    fake_producer_destroy(&fake);
}

static void an_entry_of_no_known_form_ends_the_lane(void)
{
    struct fl_context *context;
    struct fake_producer fake;
    struct fl_frame *frame;
    CHECK_EQ(fl_context_create(&context), 0);
    struct fl_lane *lane = fake_producer_create(&fake, context, 1, CREDITS);
    struct fl_entry bad = fake_entry(&fake, 1, 1);
    bad.type = 2;
    fake_announce(&fake, &bad);
    CHECK_EQ(fl_lane_take(lane, &frame), -EBADMSG);
    CHECK_SAYS(fl_lane_fault(lane), "no known form");
    fl_context_destroy(context);
    fake_producer_destroy(&fake);
}

/* All asleep at once: more bells than are rung in one go. */
static void a_wide_fan_out_wakes_everybody(void)
{
    enum { WIDE = 100 };
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 8, 4096);
    for (unsigned i = 0; i < WIDE; i++)
        fl_rx_arm(&stand_add(&stand, FL_WHEN_FULL_WAIT, 2)->rx->rx, false);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    for (unsigned i = 0; i < WIDE; i++) {
        CHECK_EQ(stand_sent(&stand.lanes[i]).rings, 1);
        CHECK_EQ(stand_next(&stand.lanes[i]), 0);
    }
    stand_destroy(&stand);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"nobody listens to a faulted producer", nobody_listens_to_a_faulted_producer},
        {"nobody listens to a faulted consumer", nobody_listens_to_a_faulted_consumer},
        {"the first fault stands", the_first_fault_stands},
        {"a stopped pipe is not waited for", a_stopped_pipe_is_not_waited_for},
        {"a stopped lane is told nothing", a_stopped_lane_is_told_nothing},
        {"a lie that is skipped is found", a_lie_that_is_skipped_is_found},
        {"an entry of no known form ends the lane", an_entry_of_no_known_form_ends_the_lane},
        {"a wide fan-out wakes everybody", a_wide_fan_out_wakes_everybody},
    };
    return CHECK_RUN(cases);
}
