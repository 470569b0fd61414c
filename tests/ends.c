/* How a lane ends, for every reason there is, and what `through` may say before. */
#include "check.h"
#include "stand.h"

#include <errno.h>

static struct fl_through at(uint64_t number)
{
    return (struct fl_through){.epoch = 1, .number = number, .pts = (int64_t)number, .time_base_num = 1, .time_base_den = 25};
}

static int64_t heard_through(struct stand_lane *lane)
{
    struct fl_through through;
    return fl_lane_through(lane->rx, &through) ? (int64_t)through.number : -1;
}

static void the_last_frame_is_not_lost(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 8, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 3);
    CHECK_EQ(stand_next(lane), -EAGAIN);
    for (uint64_t number = 0; number < 3; number++)
        CHECK_EQ(stand_publish(&stand, number), 0);
    fl_output_close(stand.output);
    CHECK_EQ(stand_publish(&stand, 3), -EPIPE);
    for (int64_t number = 0; number < 3; number++) {
        CHECK(fl_lane_ready(lane->rx));
        CHECK_EQ(stand_next(lane), number);
    }
    CHECK(fl_lane_ready(lane->rx));
    CHECK_EQ(stand_next(lane), -ENODATA);
    CHECK_EQ(stand_next(lane), -ENODATA);
    CHECK(fl_lane_fault(lane->rx) == NULL);
    stand_destroy(&stand);
}

static void what_is_owed_goes_before_the_end(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 8, 4096);
    struct stand_lane *slow = stand_add(&stand, FL_WHEN_FULL_WAIT, 1);
    struct stand_lane *viewer = stand_add(&stand, FL_WHEN_FULL_LATEST, 1);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    CHECK_EQ(stand_publish(&stand, 1), 0);
    fl_output_close(stand.output);
    CHECK(!fl_output_drained(stand.output));
    CHECK_EQ(stand_next(slow), 0);
    CHECK_EQ(stand_next(slow), -EAGAIN); /* not the end: one is owed */
    fl_context_service(stand.producer);
    CHECK_EQ(stand_next(slow), 1);
    CHECK_EQ(stand_next(slow), -ENODATA);
    CHECK_EQ(stand_next(viewer), 0);
    fl_context_service(stand.producer);
    CHECK_EQ(stand_next(viewer), 1);
    CHECK_EQ(stand_next(viewer), -ENODATA);
    fl_context_service(stand.producer);
    CHECK(fl_output_drained(stand.output));
    CHECK_EQ(fl_pool_free_slots(stand.pool), 8); /* also the newest is let go */
    stand_destroy(&stand);
}

static bool is_drained(void *output)
{
    return fl_output_drained(output);
}

static void a_viewer_that_sleeps_is_not_waited_for(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 8, 4096);
    struct stand_lane *viewer = stand_add(&stand, FL_WHEN_FULL_LATEST, 3);
    for (uint64_t number = 0; number < 5; number++)
        CHECK_EQ(stand_publish(&stand, number), 0);
    fl_output_close(stand.output);
    CHECK_EQ(fl_context_wait(stand.producer, is_drained, stand.output, -1), 0);
    CHECK_EQ(stand_sent(viewer).dropped, 2); /* one overtaken, one left over */
    CHECK_EQ(stand_sent(viewer).last_dropped_number, 4);
    stand_destroy(&stand);
}

static void drained_means_that_all_came_back(void)
{
    struct stand stand;
    struct fl_frame *frame;
    stand_create(&stand, FL_TRANSPORT_SHM, 4, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 2);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    CHECK(!fl_output_drained(stand.output));
    fl_output_close(stand.output);
    CHECK_EQ(stand_take(lane, &frame), 0);
    fl_context_service(stand.producer);
    CHECK(!fl_output_drained(stand.output));
    fl_frame_release(frame);
    stand_settle(&stand, lane);
    CHECK(fl_output_drained(stand.output));
    stand_destroy(&stand);
}

static void through_never_passes_what_is_owed(void)
{
    struct stand stand;
    struct fl_through through = at(1);
    stand_create(&stand, FL_TRANSPORT_SHM, 8, 4096);
    struct stand_lane *slow = stand_add(&stand, FL_WHEN_FULL_WAIT, 1);
    struct stand_lane *quick = stand_add(&stand, FL_WHEN_FULL_WAIT, 4);
    CHECK_EQ(heard_through(slow), -1);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    CHECK_EQ(stand_publish(&stand, 1), 0);
    fl_output_through(stand.output, &through);
    CHECK_EQ(heard_through(slow), -1);
    CHECK_EQ(heard_through(quick), 1);
    CHECK_EQ(stand_next(slow), 0);
    CHECK_EQ(heard_through(slow), -1);
    fl_context_service(stand.producer);
    CHECK_EQ(heard_through(slow), 1); /* the frame is in the ring before the word */
    CHECK_EQ(stand_next(slow), 1);
    stand_destroy(&stand);
}

static void through_goes_forward_only(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 4, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 1);
    struct fl_through ten = at(10), three = at(3), again = at(0), heard;
    fl_output_through(stand.output, &ten);
    fl_output_through(stand.output, &three);
    CHECK_EQ(heard_through(lane), 10);
    again.epoch = 2;
    again.pts = -7;
    fl_output_through(stand.output, &again);
    CHECK(fl_lane_through(lane->rx, &heard));
    CHECK_EQ(heard.number, 0);
    CHECK_EQ(heard.epoch, 2);
    CHECK_EQ(heard.pts, -7);
    CHECK_EQ(heard.time_base_num, 1);
    CHECK_EQ(heard.time_base_den, 25);
    stand_destroy(&stand);
}

static void death_is_no_end_until_somebody_says_so(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 4, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 3);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    CHECK_EQ(stand_publish(&stand, 1), 0);
    fl_context_destroy(stand.producer); /* without a word, as a killed one */
    stand.producer = NULL;
    CHECK_EQ(stand_next(lane), 0);
    fl_lane_producer_down(lane->rx);
    CHECK_EQ(stand_next(lane), 1); /* a frame that was announced is whole and may be taken */
    CHECK(fl_lane_ready(lane->rx));
    CHECK_EQ(stand_next(lane), -ENODATA);
    stand_destroy(&stand);
}

static void who_leaves_gives_back_what_it_holds(void)
{
    struct stand stand;
    struct fl_frame *frame;
    stand_create(&stand, FL_TRANSPORT_SHM, 4, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 1);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    CHECK_EQ(stand_publish(&stand, 1), 0);
    CHECK_EQ(stand_take(lane, &frame), 0);
    fl_lane_leave(lane->rx);
    CHECK_EQ(stand_next(lane), -ENODATA);
    CHECK_EQ(stand_publish(&stand, 2), -EPIPE); /* nobody listens */
    CHECK_EQ(fl_output_listeners(stand.output), 0);
    CHECK(!fl_output_owes(stand.output));
    CHECK_EQ(stand_sent(lane).outstanding, 1);
    fl_frame_release(frame);
    stand_settle(&stand, lane);
    CHECK_EQ(stand_sent(lane).outstanding, 0);
    stand_destroy(&stand);
}

static void only_the_dead_lose_their_frames(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 4, 4096);
    struct stand_lane *dead = stand_add(&stand, FL_WHEN_FULL_WAIT, 2);
    struct stand_lane *other = stand_add(&stand, FL_WHEN_FULL_WAIT, 4);
    for (uint64_t number = 0; number < 3; number++)
        CHECK_EQ(stand_publish(&stand, number), 0);
    CHECK_EQ(stand_publish(&stand, 3), -EAGAIN);
    fl_output_lane_stop(dead->tx);
    CHECK(!fl_output_owes(stand.output));
    CHECK_EQ(stand_sent(dead).outstanding, 2); /* stopped, perhaps still alive: nothing is taken back */
    for (int64_t number = 0; number < 3; number++)
        CHECK_EQ(stand_next(other), number);
    CHECK_EQ(fl_pool_free_slots(stand.pool), 1);
    fl_output_lane_down(dead->tx);
    CHECK_EQ(stand_sent(dead).outstanding, 0);
    CHECK_EQ(fl_pool_free_slots(stand.pool), 3); /* all but the newest */
    CHECK_EQ(stand_publish(&stand, 3), 0);
    CHECK_EQ(stand_next(other), 3);
    stand_destroy(&stand);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"the last frame before the end is not lost", the_last_frame_is_not_lost},
        {"what is owed goes before the end", what_is_owed_goes_before_the_end},
        {"a viewer that sleeps is not waited for", a_viewer_that_sleeps_is_not_waited_for},
        {"drained means that every frame came back", drained_means_that_all_came_back},
        {"through never passes a frame that is owed", through_never_passes_what_is_owed},
        {"through goes forward only", through_goes_forward_only},
        {"death is no end until somebody says so", death_is_no_end_until_somebody_says_so},
        {"who leaves gives back what it holds", who_leaves_gives_back_what_it_holds},
        {"a slot is taken back from the dead only", only_the_dead_lose_their_frames},
    };
    return CHECK_RUN(cases);
}
