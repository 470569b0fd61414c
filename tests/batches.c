/* What a batch keeps back is shown when it is full, when its time has come, when something is told that must come after it, and
 * before the one who keeps it waits. */
#include "check.h"
#include "stand.h"

#include "../transport/internal.h"

#include <errno.h>

#define NEVER_NS UINT64_MAX

static struct stand_lane *begin(struct stand *stand, const struct fl_lane_info *info)
{
    stand_create(stand, FL_TRANSPORT_SHM, 12, 4096);
    return stand_add_as(stand, info);
}

static void publish(struct stand *stand, uint64_t from, uint64_t to)
{
    for (uint64_t number = from; number < to; number++)
        CHECK_EQ(stand_publish(stand, number), 0);
}

static void expect(struct stand_lane *lane, uint64_t from, uint64_t to)
{
    for (uint64_t number = from; number < to; number++)
        CHECK_EQ(stand_next(lane), number);
    CHECK_EQ(stand_next(lane), -EAGAIN);
}

static void a_full_batch_is_shown(void)
{
    struct stand stand;
    struct stand_lane *lane = begin(&stand, &(struct fl_lane_info){.credits = 8, .batch = 3, .batch_delay_ns = NEVER_NS});
    publish(&stand, 0, 2);
    expect(lane, 0, 0);
    publish(&stand, 2, 3);
    expect(lane, 0, 3);
    publish(&stand, 3, 5);
    expect(lane, 3, 3);
    publish(&stand, 5, 6);
    expect(lane, 3, 6);
    stand_destroy(&stand);
}

static void a_batch_is_at_most_half_the_credits(void)
{
    struct stand stand;
    struct stand_lane *lane = begin(&stand, &(struct fl_lane_info){.credits = 4, .batch = 100});
    publish(&stand, 0, 1);
    expect(lane, 0, 0);
    publish(&stand, 1, 2);
    expect(lane, 0, 2);
    stand_destroy(&stand);
    lane = begin(&stand, &(struct fl_lane_info){.credits = 1, .batch = 100}); /* which is none */
    publish(&stand, 0, 1);
    expect(lane, 0, 1);
    stand_destroy(&stand);
}

static void a_batch_is_shown_when_its_time_has_come(void)
{
    struct stand stand;
    struct stand_lane *lane = begin(&stand, &(struct fl_lane_info){.credits = 8, .batch = 4, .batch_delay_ns = 1});
    publish(&stand, 0, 1);
    fl_context_service(stand.producer); /* comes by again */
    expect(lane, 0, 1);
    stand_destroy(&stand);
}

static bool second_look(void *asked)
{
    return ++*(unsigned *)asked > 1;
}

static void a_batch_is_shown_before_its_producer_waits(void)
{
    struct stand stand;
    unsigned asked = 0;
    struct stand_lane *lane = begin(&stand, &(struct fl_lane_info){.credits = 8, .batch = 4});
    publish(&stand, 0, 2);
    expect(lane, 0, 0);
    CHECK_EQ(fl_context_wait(stand.producer, second_look, &asked, -1), 0);
    expect(lane, 0, 2);
    stand_destroy(&stand);
}

static void what_is_told_comes_after_the_batch(void)
{
    struct stand stand;
    struct fl_through through = {.number = 1, .time_base_num = 1, .time_base_den = 25}, heard;
    struct stand_lane *lane = begin(&stand, &(struct fl_lane_info){.credits = 8, .batch = 4});
    publish(&stand, 0, 2);
    fl_output_through(stand.output, &through);
    CHECK(fl_lane_through(lane->rx, &heard));
    expect(lane, 0, 2);
    publish(&stand, 2, 3);
    fl_output_close(stand.output);
    CHECK_EQ(stand_next(lane), 2);
    CHECK_EQ(stand_next(lane), -ENODATA);
    stand_destroy(&stand);
}

/* How many returns its producer sees. */
static uint64_t seen_back(const struct stand_lane *lane)
{
    return fl_load(&lane->tx->tx.theirs->returned, FL_ACQUIRE);
}

static void returns_are_shown_and_ring_once_a_batch(void)
{
    struct stand stand;
    struct stand_lane *lane = begin(&stand, &(struct fl_lane_info){.credits = 8, .batch = 2, .batch_delay_ns = NEVER_NS});
    for (uint64_t number = 0; number < 6; number += 2) {
        fl_tx_arm(&lane->tx->tx, false); /* as if it slept */
        publish(&stand, number, number + 2);
        CHECK_EQ(stand_next(lane), number);
        CHECK_EQ(stand_taken(lane).rings, number / 2);
        CHECK_EQ(seen_back(lane), number);
        CHECK_EQ(stand_next(lane), number + 1);
        CHECK_EQ(seen_back(lane), number + 2);
        CHECK_EQ(stand_taken(lane).rings, number / 2 + 1);
        CHECK_EQ(stand_taken(lane).returned, number + 2);
    }
    stand_destroy(&stand);
}

static void returns_ring_when_their_time_has_come(void)
{
    struct stand stand;
    struct stand_lane *lane = begin(&stand, &(struct fl_lane_info){.credits = 8, .batch = 2, .batch_delay_ns = 1});
    fl_tx_arm(&lane->tx->tx, false);
    publish(&stand, 0, 2);
    CHECK_EQ(stand_next(lane), 0);
    fl_context_service(lane->consumer);
    CHECK_EQ(stand_taken(lane).rings, 1);
    stand_destroy(&stand);
}

static void returns_ring_before_their_consumer_waits(void)
{
    struct stand stand;
    unsigned asked = 0;
    struct stand_lane *lane = begin(&stand, &(struct fl_lane_info){.credits = 8, .batch = 4, .batch_delay_ns = NEVER_NS});
    fl_tx_arm(&lane->tx->tx, false);
    publish(&stand, 0, 4);
    CHECK_EQ(stand_next(lane), 0);
    CHECK_EQ(stand_taken(lane).rings, 0);
    CHECK_EQ(fl_context_wait(lane->consumer, second_look, &asked, -1), 0);
    CHECK_EQ(stand_taken(lane).rings, 1);
    stand_destroy(&stand);
}

/* Each side waits for the other by looking again and again: neither's batch would ever fill. */
static void a_batch_is_shown_by_who_waits_by_asking_again(void)
{
    struct stand stand;
    struct fl_frame *held[3];
    struct stand_lane *lane = begin(&stand, &(struct fl_lane_info){.credits = 4, .batch = 2, .batch_delay_ns = NEVER_NS});
    publish(&stand, 0, 2);
    CHECK_EQ(stand_take(lane, &held[0]), 0);
    CHECK_EQ(stand_take(lane, &held[1]), 0);
    publish(&stand, 2, 5); /* the last is owed: there is no credit */
    CHECK_EQ(stand_next(lane), 2);
    CHECK_EQ(stand_take(lane, &held[2]), 0);
    CHECK_EQ(seen_back(lane), 0);
    CHECK_EQ(stand_next(lane), -EAGAIN); /* asks again: what it gave back is shown */
    CHECK_EQ(seen_back(lane), 1);
    CHECK_EQ(stand_publish(&stand, 5), 0); /* 4 is sent, 5 is owed */
    CHECK_EQ(stand_next(lane), -EAGAIN);
    CHECK_EQ(stand_publish(&stand, 6), -EAGAIN); /* asks again: what it sent is shown */
    CHECK_EQ(stand_next(lane), 4);
    for (unsigned i = 0; i < 3; i++)
        fl_frame_release(held[i]);
    stand_destroy(&stand);
}

static bool never(void *unused)
{
    return unused != NULL;
}

/* Who has other things to do asks for no time at all, by turns with them. */
static void a_batch_is_shown_by_who_waits_for_no_time(void)
{
    struct stand stand;
    struct stand_lane *lane = begin(&stand, &(struct fl_lane_info){.credits = 8, .batch = 4, .batch_delay_ns = NEVER_NS});
    publish(&stand, 0, 2);
    CHECK_EQ(fl_context_wait(stand.producer, never, NULL, 0), -ETIMEDOUT);
    CHECK_EQ(stand_next(lane), 0);
    CHECK_EQ(seen_back(lane), 0);
    CHECK_EQ(fl_context_wait(lane->consumer, never, NULL, 0), -ETIMEDOUT);
    CHECK_EQ(seen_back(lane), 1);
    stand_destroy(&stand);
}

/* The same where the library asks the question itself. */
static void a_batch_is_shown_by_who_waits_for_an_end(void)
{
    struct stand stand;
    struct stand_lane *lane = begin(&stand, &(struct fl_lane_info){.credits = 7, .batch = 3, .batch_delay_ns = NEVER_NS});
    CHECK_EQ(fl_output_wait(stand.output, 0), 0);
    publish(&stand, 0, 8); /* the last has no credit; the one before stands alone in its batch */
    CHECK_EQ(fl_output_wait(stand.output, 0), -ETIMEDOUT);
    CHECK_EQ(fl_lane_wait(lane->rx, 0), 0);
    for (int64_t number = 0; number < 7; number++)
        CHECK_EQ(stand_next(lane), number);
    CHECK_EQ(seen_back(lane), 6);
    CHECK_EQ(fl_lane_wait(lane->rx, 0), -ETIMEDOUT);
    CHECK_EQ(seen_back(lane), 7);
    CHECK_EQ(fl_output_wait(stand.output, 0), 0);
    stand_destroy(&stand);
}

/* All slots are in frames that nobody has been shown. */
static void a_batch_is_shown_by_who_finds_no_slot(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 2, 4096);
    struct stand_lane *lane = stand_add_as(&stand, &(struct fl_lane_info){.credits = 8, .batch = 4, .batch_delay_ns = NEVER_NS});
    publish(&stand, 0, 2);
    CHECK_EQ(stand_next(lane), -EAGAIN);
    CHECK_EQ(stand_publish(&stand, 2), -ENOBUFS);
    CHECK_EQ(stand_next(lane), 0);
    stand_destroy(&stand);
}

/* A stage behind the stand's lane, which announces onward, and the last one. */
static void add_behind(struct stand *stand, struct stand_lane *middle, const struct fl_lane_info *info, struct stand_lane *last,
                       struct fl_output **output)
{
    CHECK_EQ(fl_context_create(&last->consumer), 0);
    wiring_pool_reader(last->consumer, stand->pool_fd, &stand->pool_info);
    CHECK_EQ(fl_output_create(middle->consumer, output), 0);
    wiring_lane(*output, last->consumer, info, &last->tx, &last->rx);
}

static int pass_on(struct stand_lane *middle, struct fl_output *output)
{
    struct fl_frame *frame;
    CHECK_EQ(stand_take(middle, &frame), 0);
    int error = fl_output_publish(output, frame, fl_frame_desc(frame));
    fl_frame_release(frame);
    return error;
}

static void a_batch_goes_on_when_nothing_comes(void)
{
    struct stand stand;
    struct stand_lane last;
    struct fl_output *output;
    struct fl_lane_info info = {.credits = 4, .batch = 2, .batch_delay_ns = NEVER_NS};
    struct stand_lane *middle = begin(&stand, &(struct fl_lane_info){.credits = 4});
    add_behind(&stand, middle, &info, &last, &output);
    publish(&stand, 0, 1);
    CHECK_EQ(pass_on(middle, output), 0);
    CHECK_EQ(stand_next(&last), -EAGAIN);
    CHECK_EQ(stand_next(middle), -EAGAIN);
    CHECK_EQ(stand_next(&last), 0);
    fl_context_destroy(last.consumer);
    stand_destroy(&stand);
}

static void a_batch_goes_back_when_nothing_goes_on(void)
{
    struct stand stand;
    struct stand_lane last;
    struct fl_output *output;
    struct stand_lane *middle = begin(&stand, &(struct fl_lane_info){.credits = 8, .batch = 4, .batch_delay_ns = NEVER_NS});
    add_behind(&stand, middle, &(struct fl_lane_info){.credits = 1}, &last, &output);
    publish(&stand, 0, 4);
    CHECK_EQ(stand_next(middle), 0);
    CHECK_EQ(pass_on(middle, output), 0);
    CHECK_EQ(pass_on(middle, output), 0); /* owed */
    CHECK_EQ(seen_back(middle), 0);
    CHECK_EQ(pass_on(middle, output), -EAGAIN);
    CHECK_EQ(seen_back(middle), 1);
    fl_context_destroy(last.consumer);
    stand_destroy(&stand);
}

/* No batch at all: what a stage that forwards lets go of with a call is shown when the call is over. */
static void what_a_publish_lets_go_of_is_shown(void)
{
    struct stand stand;
    struct stand_lane last;
    struct fl_output *output;
    struct fl_through through = {.number = 1, .time_base_num = 1, .time_base_den = 25};
    struct stand_lane *middle = begin(&stand, &(struct fl_lane_info){.credits = 4});
    add_behind(&stand, middle, &(struct fl_lane_info){.credits = 4}, &last, &output);
    publish(&stand, 0, 3);
    CHECK_EQ(pass_on(middle, output), 0);
    CHECK_EQ(stand_next(&last), 0);
    CHECK_EQ(seen_back(middle), 0); /* it is the newest */
    CHECK_EQ(pass_on(middle, output), 0);
    CHECK_EQ(seen_back(middle), 1);
    CHECK_EQ(pass_on(middle, output), 0);
    CHECK_EQ(stand_next(&last), 1);
    fl_output_through(output, &through);
    CHECK_EQ(seen_back(middle), 2);
    fl_context_destroy(last.consumer);
    stand_destroy(&stand);
}

static void leaving_shows_what_was_given_back(void)
{
    struct stand stand;
    struct stand_lane *lane = begin(&stand, &(struct fl_lane_info){.credits = 8, .batch = 4, .batch_delay_ns = NEVER_NS});
    struct fl_frame *held;
    publish(&stand, 0, 4);
    CHECK_EQ(stand_next(lane), 0);
    CHECK_EQ(stand_take(lane, &held), 0);
    CHECK_EQ(seen_back(lane), 0);
    fl_lane_leave(lane->rx);
    CHECK_EQ(seen_back(lane), 1);
    fl_frame_release(held); /* and nothing is kept back from then on */
    fl_context_service(lane->consumer);
    CHECK_EQ(seen_back(lane), 2);
    stand_destroy(&stand);
}

static void after_a_fault_nothing_is_kept_back(void)
{
    struct stand stand;
    struct fl_frame *held;
    struct stand_lane *lane = begin(&stand, &(struct fl_lane_info){.credits = 8, .batch = 4, .batch_delay_ns = NEVER_NS});
    publish(&stand, 0, 4);
    CHECK_EQ(stand_next(lane), 0);
    CHECK_EQ(stand_take(lane, &held), 0);
    fl_store(&lane->tx->tx.mine->closed, 1, FL_RELEASE);
    CHECK_EQ(stand_next(lane), -EBADMSG);
    CHECK_EQ(seen_back(lane), 1);
    fl_frame_release(held);
    fl_context_service(lane->consumer);
    CHECK_EQ(seen_back(lane), 2);
    stand_destroy(&stand);
}

static void after_the_end_nothing_is_kept_back(void)
{
    struct stand stand;
    struct fl_frame *held;
    struct stand_lane *lane = begin(&stand, &(struct fl_lane_info){.credits = 8, .batch = 4, .batch_delay_ns = NEVER_NS});
    publish(&stand, 0, 1);
    fl_output_close(stand.output);
    CHECK_EQ(stand_take(lane, &held), 0);
    CHECK_EQ(stand_next(lane), -ENODATA);
    fl_frame_release(held);
    fl_context_service(lane->consumer);
    CHECK_EQ(seen_back(lane), 1);
    stand_destroy(&stand);
}

static void a_pipe_keeps_nothing_back(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_PIPE, 12, 4096);
    struct stand_lane *lane = stand_add_as(&stand, &(struct fl_lane_info){.credits = 8, .batch = 4, .batch_delay_ns = NEVER_NS});
    publish(&stand, 0, 1);
    expect(lane, 0, 1);
    stand_destroy(&stand);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a full batch is shown", a_full_batch_is_shown},
        {"a batch is at most half the credits", a_batch_is_at_most_half_the_credits},
        {"a batch is shown when its time has come", a_batch_is_shown_when_its_time_has_come},
        {"a batch is shown before its producer waits", a_batch_is_shown_before_its_producer_waits},
        {"what is told comes after the batch", what_is_told_comes_after_the_batch},
        {"returns are shown and ring once a batch", returns_are_shown_and_ring_once_a_batch},
        {"a batch is shown by who waits by asking again", a_batch_is_shown_by_who_waits_by_asking_again},
        {"a batch is shown by who waits for no time", a_batch_is_shown_by_who_waits_for_no_time},
        {"a batch is shown by who waits for an end", a_batch_is_shown_by_who_waits_for_an_end},
        {"a batch is shown by who finds no slot", a_batch_is_shown_by_who_finds_no_slot},
        {"a batch goes on when nothing comes", a_batch_goes_on_when_nothing_comes},
        {"a batch goes back when nothing goes on", a_batch_goes_back_when_nothing_goes_on},
        {"what a publish lets go of is shown", what_a_publish_lets_go_of_is_shown},
        {"leaving shows what was given back", leaving_shows_what_was_given_back},
        {"after the end nothing is kept back", after_the_end_nothing_is_kept_back},
        {"after a fault nothing is kept back", after_a_fault_nothing_is_kept_back},
        {"returns ring when their time has come", returns_ring_when_their_time_has_come},
        {"returns ring before their consumer waits", returns_ring_before_their_consumer_waits},
        {"a pipe keeps nothing back", a_pipe_keeps_nothing_back},
    };
    return CHECK_RUN(cases);
}
