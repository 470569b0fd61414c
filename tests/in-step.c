/* A producer that waits for each frame to come back, and a consumer that waits in the call that takes. */
#include "check.h"
#include "fake.h"
#include "stand.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SLOTS = 8, FRAMES = 2000 };
#define NEVER_NS 3600000000000000ull

static struct stand_lane *begin(struct stand *stand, struct fl_lane_info info)
{
    stand_create(stand, FL_TRANSPORT_SHM, SLOTS, 4096);
    return stand_add_as(stand, &info);
}

/* ---- taking ---- */

static void what_is_there_is_taken_at_once(void)
{
    struct stand stand;
    struct fl_frame *frame = NULL;
    struct stand_lane *lane = begin(&stand, (struct fl_lane_info){.credits = 4});
    CHECK_EQ(fl_lane_take_wait(lane->rx, 0, &frame), -ETIMEDOUT);
    CHECK(frame == NULL);
    CHECK_EQ(stand_publish(&stand, 7), 0);
    CHECK_EQ(fl_lane_take_wait(lane->rx, -1, &frame), 0);
    CHECK_EQ(fl_frame_desc(frame)->number, 7);
    CHECK_EQ(stand_taken(lane).taken, 1);
    CHECK_EQ(stand_taken(lane).highest_outstanding, 1);
    CHECK_EQ(stand_taken(lane).wakeups, 0);
    fl_frame_release(frame);
    stand_destroy(&stand);
}

static void the_end_is_no_timeout(void)
{
    struct stand stand;
    struct fl_frame *frame = NULL;
    struct stand_lane *lane = begin(&stand, (struct fl_lane_info){.credits = 4});
    CHECK_EQ(stand_publish(&stand, 0), 0);
    fl_output_close(stand.output);
    CHECK_EQ(fl_lane_take_wait(lane->rx, -1, &frame), 0);
    fl_frame_release(frame);
    CHECK_EQ(fl_lane_take_wait(lane->rx, -1, &frame), -ENODATA);
    stand_destroy(&stand);
}

static void who_has_left_takes_nothing(void)
{
    struct stand stand;
    struct fl_frame *frame = NULL;
    struct stand_lane *lane = begin(&stand, (struct fl_lane_info){.credits = 4});
    CHECK_EQ(stand_publish(&stand, 0), 0);
    fl_lane_leave(lane->rx);
    CHECK_EQ(fl_lane_take_wait(lane->rx, -1, &frame), -ENODATA);
    CHECK(frame == NULL);
    stand_destroy(&stand);
}

static void what_take_refuses_is_refused(void)
{
    struct fl_context *context;
    struct fake_producer fake;
    struct fl_frame *frame = NULL;
    CHECK_EQ(fl_context_create(&context), 0);
    struct fl_lane *lane = fake_producer_create(&fake, context, 1, 4);
    struct fl_entry unknown = fake_entry(&fake, 0, 0), bad = fake_entry(&fake, 0, 0);
    unknown.pool = 99;
    bad.offset += 1;
    fake_announce(&fake, &unknown);
    CHECK_EQ(fl_lane_take_wait(lane, -1, &frame), -ENOENT);
    fake_write(&fake, 0, &bad);
    CHECK_EQ(fl_lane_take_wait(lane, -1, &frame), -EBADMSG);
    CHECK_EQ(fl_lane_take_wait(lane, -1, &frame), -EBADMSG);
    CHECK_SAYS(fl_lane_fault(lane), "no slot");
    CHECK(frame == NULL);
    fl_context_destroy(context);
    fake_producer_destroy(&fake);
}

static const struct fl_lane_info in_batches = {.credits = 8, .batch = 4, .batch_delay_ns = NEVER_NS};

/* Whoever has nothing more to take may never ask again: nothing fills the batch. */
static void the_end_shows_what_a_batch_keeps_back(void)
{
    struct stand stand;
    struct fl_frame *frame;
    struct stand_lane *lane = begin(&stand, in_batches);
    for (uint64_t number = 0; number < 3; number++)
        CHECK_EQ(stand_publish(&stand, number), 0);
    fl_output_close(stand.output);
    for (uint64_t number = 0; number < 3; number++) {
        CHECK_EQ(fl_lane_take_wait(lane->rx, -1, &frame), 0);
        fl_frame_release(frame);
    }
    CHECK_EQ(fl_lane_take_wait(lane->rx, -1, &frame), -ENODATA);
    CHECK_EQ(fl_output_wait_returns(stand.output, 0), 0);
    CHECK(fl_output_drained(stand.output));
    stand_destroy(&stand);
}

/* The one before has been let go when the next is refused. */
static void refuse(uint32_t pool, uint64_t beside, int error)
{
    struct fl_context *context;
    struct fake_producer fake;
    struct fl_frame *frame;
    CHECK_EQ(fl_context_create(&context), 0);
    struct fl_lane *lane = fake_producer_create_as(&fake, context, 1, &in_batches);
    struct fl_entry good = fake_entry(&fake, 0, 0), bad = fake_entry(&fake, 1, 1);
    bad.pool = pool;
    bad.offset += beside;
    fake_announce(&fake, &good);
    fake_announce(&fake, &bad);
    CHECK_EQ(fl_lane_take_wait(lane, -1, &frame), 0);
    fl_frame_release(frame);
    CHECK_EQ(fl_lane_take_wait(lane, -1, &frame), error);
    CHECK_EQ(fake.returns->returned, 1);
    fl_context_destroy(context);
    fake_producer_destroy(&fake);
}

static void so_does_what_is_refused(void)
{
    refuse(99, 0, -ENOENT);
    refuse(1, 1, -EBADMSG);
}

/* ---- what is out ---- */

static void what_is_out_and_owed_is_counted(void)
{
    struct stand stand;
    struct stand_lane *lane = begin(&stand, (struct fl_lane_info){.credits = 2});
    CHECK_EQ(fl_output_outstanding(stand.output), 0);
    CHECK_EQ(fl_output_wait_returns(stand.output, 0), 0);
    for (uint64_t number = 0; number < 3; number++)
        CHECK_EQ(stand_publish(&stand, number), 0);
    CHECK_EQ(fl_output_outstanding(stand.output), 3); /* the last has no credit yet */
    CHECK_EQ(fl_output_wait_returns(stand.output, 0), -ETIMEDOUT);
    CHECK_EQ(stand_next(lane), 0);
    fl_context_service(lane->consumer);
    CHECK_EQ(fl_output_outstanding(stand.output), 2); /* it has gone out meanwhile */
    CHECK_EQ(stand_next(lane), 1);
    CHECK_EQ(stand_next(lane), 2);
    fl_context_service(lane->consumer);
    CHECK_EQ(fl_output_wait_returns(stand.output, 0), 0);
    CHECK_EQ(fl_output_outstanding(stand.output), 0);
    stand_destroy(&stand);
}

static void who_has_left_is_not_waited_for(void)
{
    struct stand stand;
    struct stand_lane *first = begin(&stand, (struct fl_lane_info){.credits = 2});
    struct stand_lane *second = stand_add(&stand, FL_WHEN_FULL_DROP, 2);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    CHECK_EQ(fl_output_outstanding(stand.output), 2);
    CHECK_EQ(stand_next(first), 0);
    fl_context_service(first->consumer);
    CHECK_EQ(fl_output_wait_returns(stand.output, 0), -ETIMEDOUT);
    fl_output_lane_stop(second->tx);
    CHECK_EQ(fl_output_wait_returns(stand.output, 0), 0);
    stand_destroy(&stand);
}

static void who_lies_is_not_waited_for(void)
{
    struct stand stand;
    struct fake_consumer fake;
    stand_create(&stand, FL_TRANSPORT_SHM, SLOTS, 4096);
    struct fl_output_lane *lane = fake_consumer_create(&fake, stand.output, FL_WHEN_FULL_WAIT, 2);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    CHECK_EQ(fl_output_outstanding(stand.output), 1);
    fake_return(&fake, 77);
    CHECK_EQ(fl_output_outstanding(stand.output), 0);
    CHECK_SAYS(fl_output_lane_fault(lane), "does not hold");
    stand_destroy(&stand);
    fake_consumer_destroy(&fake);
}

/* Whoever passes frames on owes their credit: what it hears of is shown at once. */
static void what_comes_back_goes_back(void)
{
    struct stand stand;
    struct stand_lane last;
    struct fl_output *output;
    struct fl_frame *frame;
    struct stand_lane *middle = begin(&stand, (struct fl_lane_info){.credits = 4});
    CHECK_EQ(fl_context_create(&last.consumer), 0);
    wiring_pool_reader(last.consumer, stand.pool_fd, &stand.pool_info);
    CHECK_EQ(fl_output_create(middle->consumer, &output), 0);
    wiring_lane(output, last.consumer, &(struct fl_lane_info){.credits = 4}, &last.tx, &last.rx);
    for (uint64_t number = 0; number < 2; number++) { /* the first is no longer the newest then */
        CHECK_EQ(stand_publish(&stand, number), 0);
        CHECK_EQ(stand_take(middle, &frame), 0);
        CHECK_EQ(fl_output_publish(output, frame, fl_frame_desc(frame)), 0);
        fl_frame_release(frame);
    }
    CHECK_EQ(fl_output_outstanding(stand.output), 2);
    CHECK_EQ(stand_next(&last), 0);
    fl_context_service(last.consumer);
    CHECK_EQ(fl_output_outstanding(output), 1);
    CHECK_EQ(fl_output_outstanding(stand.output), 1);
    fl_context_destroy(last.consumer);
    stand_destroy(&stand);
}

/* Whoever asks again and again waits as well: for what a batch would keep back, and others for what it has let go of. */
static void who_asks_again_keeps_nothing_back(void)
{
    struct stand stand;
    struct fl_output *output;
    struct fl_output_lane *tx;
    struct fl_lane *rx;
    struct fl_frame *frame;
    struct stand_lane *middle = begin(&stand, in_batches);
    CHECK_EQ(fl_output_create(middle->consumer, &output), 0);
    wiring_lane(output, stand.producer, &in_batches, &tx, &rx);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    CHECK_EQ(fl_output_outstanding(stand.output), 1);
    CHECK_EQ(stand_take(middle, &frame), 0);
    CHECK_EQ(fl_output_publish(output, frame, fl_frame_desc(frame)), 0);
    CHECK(!fl_lane_ready(rx));
    CHECK_EQ(stand_publish(&stand, 1), 0);
    CHECK_EQ(fl_output_outstanding(stand.output), 2);
    fl_frame_release(frame);
    CHECK_EQ(stand_take(middle, &frame), 0);
    fl_frame_release(frame);
    CHECK_EQ(fl_output_outstanding(output), 1);
    CHECK(fl_lane_ready(rx));
    CHECK_EQ(fl_output_outstanding(stand.output), 1);
    stand_destroy(&stand);
}

static void over_a_pipe_what_is_written_is_back(void)
{
    struct stand stand;
    uint64_t number = 0;
    stand_create(&stand, FL_TRANSPORT_PIPE, SLOTS, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 2);
    do {
        CHECK_EQ(fl_output_wait_returns(stand.output, 0), 0);
        CHECK_EQ(stand_publish(&stand, number++), 0);
    } while (fl_output_outstanding(stand.output) == 0);
    CHECK_EQ(fl_output_outstanding(stand.output), 1);
    CHECK_EQ(fl_output_wait_returns(stand.output, 0), -ETIMEDOUT);
    for (uint64_t taken = 0; taken < number - 1; taken++)
        CHECK_EQ(stand_next(lane), taken);
    CHECK_EQ(fl_output_wait_returns(stand.output, -1), 0);
    CHECK_EQ(stand_next(lane), number - 1);
    stand_destroy(&stand);
}

/* ---- both, asleep by turns ---- */

static atomic_ulong *let_go; /* shared: frames that the consumer is about to let go */

static void take_each(struct wiring_child *child)
{
    struct fl_frame *frame;
    uint64_t expected = 0;
    int error;
    while ((error = fl_lane_take_wait(child->lane, -1, &frame)) == 0) {
        CHECK_EQ(fl_frame_desc(frame)->number, expected++);
        atomic_fetch_add(let_go, 1);
        fl_frame_release(frame);
    }
    CHECK_EQ(error, -ENODATA);
    CHECK_EQ(expected, FRAMES);
}

/* Each frame has been let go when the wait for it is over, whatever a batch would keep back. */
static void go_in_step(struct fl_lane_info info)
{
    struct stand stand;
    struct fl_output_lane *lane;
    let_go = mmap(NULL, sizeof *let_go, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(let_go != MAP_FAILED);
    stand_create(&stand, FL_TRANSPORT_SHM, SLOTS, 4096);
    pid_t child = wiring_fork(stand.output, &info, stand.pool_fd, &stand.pool_info, take_each, NULL, &lane);
    for (uint64_t number = 0; number < FRAMES; number++) {
        CHECK_EQ(stand_publish(&stand, number), 0);
        CHECK_EQ(fl_output_wait_returns(stand.output, -1), 0);
        CHECK_EQ(atomic_load(let_go), number + 1);
        CHECK_EQ(fl_output_outstanding(stand.output), 0);
    }
    fl_output_close(stand.output);
    wait_for_child(child, 0);
    stand_destroy(&stand);
    munmap(let_go, sizeof *let_go);
}

static void each_is_back_before_the_next(void)
{
    go_in_step((struct fl_lane_info){.credits = 1});
    go_in_step((struct fl_lane_info){.credits = 4});
}

static void a_batch_holds_nobody_up(void)
{
    go_in_step(in_batches);
}

static void who_spins_goes_in_step_as_well(void)
{
    go_in_step((struct fl_lane_info){.credits = 2, .spin_ns = 20000});
}

int main(void)
{
    static const struct check_case cases[] = {
        {"what is there is taken at once", what_is_there_is_taken_at_once},
        {"the end is no timeout", the_end_is_no_timeout},
        {"who has left takes nothing", who_has_left_takes_nothing},
        {"what take refuses is refused", what_take_refuses_is_refused},
        {"the end shows what a batch keeps back", the_end_shows_what_a_batch_keeps_back},
        {"so does what is refused", so_does_what_is_refused},
        {"what is out and owed is counted", what_is_out_and_owed_is_counted},
        {"who has left is not waited for", who_has_left_is_not_waited_for},
        {"who lies is not waited for", who_lies_is_not_waited_for},
        {"what comes back goes back", what_comes_back_goes_back},
        {"who asks again keeps nothing back", who_asks_again_keeps_nothing_back},
        {"over a pipe what is written is back", over_a_pipe_what_is_written_is_back},
        {"each is back before the next", each_is_back_before_the_next},
        {"a batch holds nobody up", a_batch_holds_nobody_up},
        {"who spins goes in step as well", who_spins_goes_in_step_as_well},
    };
    return CHECK_RUN(cases);
}
