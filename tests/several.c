/* What a call that carries several frames says, and does, where it cannot do all it was asked for. */
#include "check.h"
#include "fake.h"
#include "picture.h"
#include "stand.h"

#include "../transport/internal.h"

#include <errno.h>

enum { SLOTS = 12, MOST = 11 };

struct made {
    struct fl_frame *frames[MOST];
    struct fl_desc descs[MOST];
    struct fl_publish what[MOST];
};

static void make(struct stand *stand, struct made *made, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        CHECK_EQ(fl_pool_acquire(stand->pool, &made->frames[i]), 0);
        picture_describe(&made->descs[i], i, STAND_WIDTH, STAND_HEIGHT, STAND_WIDTH + 8);
        picture_fill(fl_frame_data(made->frames[i]), &made->descs[i], i);
        made->what[i] = (struct fl_publish){made->frames[i], &made->descs[i]};
    }
}

static struct stand_lane *begin(struct stand *stand, struct fl_lane_info info)
{
    stand_create(stand, FL_TRANSPORT_SHM, SLOTS, 4096);
    return stand_add_as(stand, &info);
}

static void end(struct stand *stand, struct made *made, unsigned count)
{
    fl_frame_release_many(made->frames, count);
    stand_destroy(stand);
}

static void the_last_of_those_announced_is_owed(void)
{
    struct stand stand;
    struct made made;
    struct stand_lane *lane = begin(&stand, (struct fl_lane_info){.credits = 3});
    make(&stand, &made, 6);
    CHECK_EQ(fl_output_publish_many(stand.output, made.what, 6), 4);
    CHECK(fl_output_owes(stand.output));
    CHECK_EQ(fl_output_publish_many(stand.output, made.what + 4, 2), -EAGAIN);
    CHECK_EQ(stand_next(lane), 0);
    CHECK_EQ(fl_output_publish_many(stand.output, made.what + 4, 2), 1); /* 3 is paid, 4 is owed */
    CHECK_EQ(stand_sent(lane).sent, 4);
    end(&stand, &made, 6);
}

static void a_bad_description_ends_the_call_before_it(void)
{
    struct stand stand;
    struct made made;
    struct stand_lane *lane = begin(&stand, (struct fl_lane_info){.credits = 8});
    make(&stand, &made, 4);
    made.descs[2].planes[0].rows = 1 << 20;
    CHECK_EQ(fl_output_publish_many(stand.output, made.what, 4), 2);
    CHECK_EQ(fl_output_publish_many(stand.output, made.what + 2, 2), -EBADMSG);
    CHECK(fl_frame_data(made.frames[1]) == NULL && fl_frame_data(made.frames[2]) != NULL);
    CHECK_EQ(fl_output_publish_many(stand.output, made.what + 3, 1), 1);
    CHECK_EQ(stand_next(lane), 0);
    CHECK_EQ(stand_next(lane), 1);
    CHECK_EQ(stand_next(lane), 3);
    end(&stand, &made, 4);
}

static void none_are_as_good_as_done(void)
{
    struct stand stand;
    struct fl_frame *frame = NULL;
    struct stand_lane *lane = begin(&stand, (struct fl_lane_info){.credits = 4});
    CHECK_EQ(fl_output_publish_many(stand.output, NULL, 0), 0);
    CHECK_EQ(fl_lane_take_many(lane->rx, &frame, 0), 0);
    fl_frame_release_many(NULL, 0);
    CHECK_EQ(fl_lane_take_many(lane->rx, &frame, 1), -EAGAIN);
    CHECK(frame == NULL);
    stand_destroy(&stand);
}

static void who_closes_is_told_so(void)
{
    struct stand stand;
    struct made made;
    struct fl_frame *frames[MOST];
    struct stand_lane *lane = begin(&stand, (struct fl_lane_info){.credits = 8});
    make(&stand, &made, 4);
    CHECK_EQ(fl_output_publish_many(stand.output, made.what, 3), 3);
    fl_output_close(stand.output);
    CHECK_EQ(fl_output_publish_many(stand.output, made.what + 3, 1), -EPIPE);
    CHECK_EQ(fl_lane_take_many(lane->rx, frames, MOST), 3);
    CHECK_EQ(fl_lane_take_many(lane->rx, frames + 3, MOST - 3), -ENODATA);
    fl_frame_release_many(frames, 3);
    stand_settle(&stand, lane);
    CHECK(fl_output_drained(stand.output));
    fl_lane_leave(lane->rx);
    CHECK_EQ(fl_lane_take_many(lane->rx, frames, MOST), -ENODATA);
    end(&stand, &made, 4);
}

/* The only listener turns out to lie while a call goes on: the frame it came to light with went nowhere, the next is refused. */
static void who_is_left_alone_within_a_call_is_told_by_it(void)
{
    struct stand stand;
    struct made made;
    struct fake_consumer fake;
    stand_create(&stand, FL_TRANSPORT_SHM, SLOTS, 4096);
    struct fl_output_lane *lane = fake_consumer_create(&fake, stand.output, FL_WHEN_FULL_WAIT, 2);
    make(&stand, &made, 5);
    CHECK_EQ(fl_output_publish_many(stand.output, made.what, 1), 1);
    fake_return(&fake, 77);
    CHECK_EQ(fl_output_publish_many(stand.output, made.what + 1, 4), 2);
    CHECK_SAYS(fl_output_lane_fault(lane), "does not hold");
    CHECK_EQ(fl_output_publish_many(stand.output, made.what + 3, 2), -EPIPE);
    end(&stand, &made, 5);
    fake_consumer_destroy(&fake);
}

/* Lanes that have been taken away hold nobody up, and their number is counted anew. */
static void who_has_no_lane_left_may_go_on(void)
{
    struct stand stand;
    struct stand_lane *lane = begin(&stand, (struct fl_lane_info){.credits = 2});
    fl_output_lane_stop(lane->tx);
    CHECK_EQ(stand_publish(&stand, 0), -EPIPE);
    CHECK_EQ(fl_output_detach(lane->tx), 0);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    stand_destroy(&stand);
}

/* ---- taking ---- */

static void what_stands_behind_is_said_by_the_next_call(void)
{
    struct fl_context *context;
    struct fake_producer fake;
    struct fl_frame *frames[MOST];
    CHECK_EQ(fl_context_create(&context), 0);
    struct fl_lane *lane = fake_producer_create(&fake, context, 1, 4);
    struct fl_entry entry = fake_entry(&fake, 0, 0), unknown = fake_entry(&fake, 1, 1), bad = fake_entry(&fake, 2, 2);
    unknown.pool = 99;
    bad.offset += 1;
    fake_announce(&fake, &entry);
    fake_announce(&fake, &unknown);
    CHECK_EQ(fl_lane_take_many(lane, frames, MOST), 1);
    CHECK_EQ(fl_lane_take_many(lane, frames + 1, MOST - 1), -ENOENT);
    fake.head--;
    entry = fake_entry(&fake, 1, 1);
    fake_announce(&fake, &entry); /* as if the pool had come */
    fake_announce(&fake, &bad);
    CHECK_EQ(fl_lane_take_many(lane, frames + 1, MOST - 1), 1);
    CHECK_EQ(fl_lane_take_many(lane, frames + 2, MOST - 2), -EBADMSG);
    CHECK_SAYS(fl_lane_fault(lane), "no slot's");
    CHECK_EQ(fl_lane_take_many(lane, frames + 2, MOST - 2), -EBADMSG);
    fl_frame_release_many(frames, 2);
    fl_context_destroy(context);
    fake_producer_destroy(&fake);
}

static void of_the_newest_there_is_one(void)
{
    struct stand stand;
    struct made made;
    struct fl_frame *frames[MOST];
    struct stand_lane *lane = begin(&stand, (struct fl_lane_info){.credits = 8, .when_full = FL_WHEN_FULL_LATEST});
    make(&stand, &made, 5);
    CHECK_EQ(fl_output_publish_many(stand.output, made.what, 5), 5);
    CHECK_EQ(fl_lane_take_many(lane->rx, frames, MOST), 1);
    CHECK_EQ(fl_frame_desc(frames[0])->number, 4);
    CHECK_EQ(stand_taken(lane).skipped, 4);
    fl_frame_release(frames[0]);
    end(&stand, &made, 5);
}

/* Two took different pools for the same lane: what is right for the one must be found right for the other. */
static void a_lane_that_is_narrowed_takes_nothing_else(void)
{
    struct stand stand;
    struct fl_frame *frame;
    struct stand_lane *lane = begin(&stand, (struct fl_lane_info){.credits = 4});
    CHECK_EQ(stand_publish(&stand, 0), 0);
    CHECK_EQ(stand_publish(&stand, 1), 0);
    CHECK_EQ(stand_next(lane), 0);
    CHECK_EQ(fl_lane_reach(lane->rx, 5), 0);
    CHECK_EQ(fl_lane_take(lane->rx, &frame), -EBADMSG);
    stand_destroy(&stand);
}

/* ---- showing, and giving back ---- */

/* How many announcements the consumer may see. */
static uint64_t shown(const struct stand_lane *lane)
{
    return fl_load(&lane->tx->tx.mine->head, FL_RELAXED);
}

static void a_call_is_shown_and_rings_once(void)
{
    struct stand stand;
    struct made made;
    struct stand_lane *lane = begin(&stand, (struct fl_lane_info){.credits = 8, .batch = 4, .batch_delay_ns = UINT64_MAX});
    make(&stand, &made, 8);
    fl_rx_arm(&lane->rx->rx, false); /* as if it slept */
    CHECK_EQ(fl_output_publish_many(stand.output, made.what, 3), 3);
    CHECK_EQ(shown(lane), 0);
    CHECK_EQ(stand_sent(lane).rings, 0);
    CHECK_EQ(fl_output_publish_many(stand.output, made.what + 3, 3), 3);
    CHECK_EQ(shown(lane), 6);
    CHECK_EQ(stand_sent(lane).rings, 1);
    end(&stand, &made, 8);
}

static void a_call_that_ends_early_shows_what_it_has(void)
{
    struct stand stand;
    struct made made;
    struct stand_lane *lane = begin(&stand, (struct fl_lane_info){.credits = 12});
    make(&stand, &made, 11);
    made.descs[10].planes[0].rows = 1 << 20;
    fl_rx_arm(&lane->rx->rx, false);
    CHECK_EQ(fl_output_publish_many(stand.output, made.what, 11), 10);
    CHECK_EQ(shown(lane), 10);
    CHECK_EQ(stand_sent(lane).rings, 1);
    for (int64_t number = 0; number < 10; number++)
        CHECK_EQ(stand_next(lane), number);
    end(&stand, &made, 11);
}

static void what_a_call_for_several_lets_go_of_is_shown(void)
{
    struct stand stand;
    struct made made;
    struct fl_output *output;
    struct fl_frame *frames[MOST];
    struct fl_publish onward[MOST];
    struct stand_lane *middle = begin(&stand, (struct fl_lane_info){.credits = 8});
    CHECK_EQ(fl_output_create(middle->consumer, &output), 0); /* nobody listens: what is overtaken goes back */
    make(&stand, &made, 5);
    CHECK_EQ(fl_output_publish_many(stand.output, made.what, 5), 5);
    CHECK_EQ(fl_lane_take_many(middle->rx, frames, 5), 5);
    for (unsigned i = 0; i < 5; i++)
        onward[i] = (struct fl_publish){frames[i], fl_frame_desc(frames[i])};
    CHECK_EQ(fl_output_publish_many(output, onward, 2), 2);
    fl_frame_release_many(frames, 2);
    CHECK_EQ(fl_output_publish_many(output, onward + 2, 3), 3);
    CHECK_EQ(fl_load(&middle->rx->rx.mine->returned, FL_RELAXED),
             1); /* the newest of the first call; the others of it wait on `released` */
    fl_frame_release_many(frames + 2, 3);
    fl_context_service(middle->consumer);
    CHECK_EQ(fl_load(&middle->rx->rx.mine->returned, FL_RELAXED), 4);
    end(&stand, &made, 5);
}

static void frames_of_two_contexts_and_of_none_are_given_back(void)
{
    struct stand stand;
    struct fl_frame *frames[MOST] = {NULL};
    struct stand_lane *first = begin(&stand, (struct fl_lane_info){.credits = 8});
    struct stand_lane *second = stand_add(&stand, FL_WHEN_FULL_WAIT, 8);
    for (uint64_t i = 0; i < 3; i++)
        CHECK_EQ(stand_publish(&stand, i), 0);
    CHECK_EQ(fl_lane_take_many(first->rx, frames, 3), 3);
    CHECK_EQ(fl_lane_take_many(second->rx, frames + 4, 3), 3);
    struct fl_frame *kept = fl_frame_ref(frames[5]);
    fl_frame_release_many(frames, MOST);
    fl_context_service(first->consumer);
    fl_context_service(second->consumer);
    CHECK_EQ(stand_taken(first).returned, 3);
    CHECK_EQ(stand_taken(second).returned, 2);
    fl_frame_release(kept);
    fl_context_service(second->consumer);
    CHECK_EQ(stand_taken(second).returned, 3);
    stand_destroy(&stand);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"the last of those announced is owed", the_last_of_those_announced_is_owed},
        {"a bad description ends the call before it", a_bad_description_ends_the_call_before_it},
        {"none are as good as done", none_are_as_good_as_done},
        {"who closes is told so", who_closes_is_told_so},
        {"who is left alone within a call is told by it", who_is_left_alone_within_a_call_is_told_by_it},
        {"who has no lane left may go on", who_has_no_lane_left_may_go_on},
        {"what stands behind is said by the next call", what_stands_behind_is_said_by_the_next_call},
        {"of the newest there is one", of_the_newest_there_is_one},
        {"a lane that is narrowed takes nothing else", a_lane_that_is_narrowed_takes_nothing_else},
        {"a call is shown and rings once", a_call_is_shown_and_rings_once},
        {"a call that ends early shows what it has", a_call_that_ends_early_shows_what_it_has},
        {"what a call for several lets go of is shown", what_a_call_for_several_lets_go_of_is_shown},
        {"frames of two contexts and of none are given back", frames_of_two_contexts_and_of_none_are_given_back},
    };
    return CHECK_RUN(cases);
}
