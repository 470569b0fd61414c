/* Returns that belong to somebody else: another lane of the same output, a lane that was there before, a lane of another output.
 * Each closes the lane it came over and touches no other. */
#include "../lib/check.h"
#include "../lib/fake.h"
#include "../lib/stand.h"

#include "../../transport/internal.h"

#include <stdio.h>

enum { CREDITS = 4, SLOTS = 12 };

static void frames_go_on(struct stand *stand, struct stand_lane *good, uint64_t *number, unsigned count)
{
    for (unsigned i = 0; i < count; i++, (*number)++) {
        CHECK_EQ(stand_publish(stand, *number), 0);
        CHECK_EQ(stand_next(good), *number);
    }
    CHECK(fl_output_lane_fault(good->tx) == NULL);
}

/* Index 2 is outstanding on one lane and not on the other. */
static void what_another_lane_holds_is_not_given_back(void)
{
    struct stand stand;
    struct fake_consumer bad, other;
    uint64_t number = 0;
    stand_create(&stand, FL_TRANSPORT_SHM, SLOTS, 4096);
    struct stand_lane *good = stand_add(&stand, FL_WHEN_FULL_WAIT, CREDITS);
    struct fl_output_lane *bad_lane = fake_consumer_create(&bad, stand.output, FL_WHEN_FULL_DROP, 2);
    struct fl_output_lane *other_lane = fake_consumer_create(&other, stand.output, FL_WHEN_FULL_DROP, CREDITS);
    frames_go_on(&stand, good, &number, 3);
    fake_return(&bad, 2);
    fl_context_service(stand.producer);
    CHECK_SAYS(fl_output_lane_fault(bad_lane), "does not hold");
    CHECK(fl_output_lane_fault(other_lane) == NULL);
    CHECK_EQ(other_lane->outstanding, 3);
    CHECK_EQ(bad_lane->outstanding, 2);
    fake_return(&other, 2);
    fl_context_service(stand.producer);
    CHECK_EQ(other_lane->outstanding, 2);
    frames_go_on(&stand, good, &number, 20);
    stand_destroy(&stand);
    fake_consumer_destroy(&bad);
    fake_consumer_destroy(&other);
}

/* A consumer that died and came back has a new lane; what it held of the old one it cannot return on the new. */
static void what_an_older_lane_held_is_not_given_back(void)
{
    struct stand stand;
    struct fake_consumer old, new;
    uint64_t number = 0;
    stand_create(&stand, FL_TRANSPORT_SHM, SLOTS, 4096);
    struct stand_lane *good = stand_add(&stand, FL_WHEN_FULL_WAIT, CREDITS);
    struct fl_output_lane *old_lane = fake_consumer_create(&old, stand.output, FL_WHEN_FULL_DROP, CREDITS);
    frames_go_on(&stand, good, &number, 4);
    fl_output_lane_down(old_lane);
    CHECK_EQ(old_lane->outstanding, 0);
    struct fl_output_lane *new_lane = fake_consumer_create(&new, stand.output, FL_WHEN_FULL_DROP, CREDITS);
    frames_go_on(&stand, good, &number, 2);
    CHECK_EQ(new_lane->outstanding, 2);
    fake_return(&old, 3); /* a ghost: nobody looks at that lane for what it holds any more */
    fake_return(&new, 3);
    fl_context_service(stand.producer);
    CHECK_SAYS(fl_output_lane_fault(new_lane), "does not hold");
    CHECK_EQ(new_lane->outstanding, 2);
    frames_go_on(&stand, good, &number, 20);
    fl_output_lane_down(new_lane);
    CHECK_EQ(fl_pool_free_slots(stand.pool), SLOTS - 1);
    stand_destroy(&stand);
    fake_consumer_destroy(&old);
    fake_consumer_destroy(&new);
}

/* All that a consumer can do it can do while frames are owed to it: the output must not wait for a lane that it has closed. */
static void a_faulted_lane_is_not_waited_for(void)
{
    struct stand stand;
    struct fake_consumer bad;
    uint64_t number = 0;
    stand_create(&stand, FL_TRANSPORT_SHM, SLOTS, 4096);
    struct stand_lane *good = stand_add(&stand, FL_WHEN_FULL_WAIT, CREDITS);
    struct fl_output_lane *bad_lane = fake_consumer_create(&bad, stand.output, FL_WHEN_FULL_WAIT, 2);
    frames_go_on(&stand, good, &number, 3); /* the third is owed to the bad one */
    CHECK(fl_output_owes(stand.output));
    fake_return(&bad, UINT64_MAX);
    fl_context_service(stand.producer);
    CHECK_SAYS(fl_output_lane_fault(bad_lane), "does not hold");
    CHECK(!fl_output_owes(stand.output));
    frames_go_on(&stand, good, &number, 20);
    fl_output_close(stand.output);
    fl_context_service(good->consumer);
    fl_context_service(stand.producer);
    CHECK(fl_output_drained(stand.output));
    stand_destroy(&stand);
    fake_consumer_destroy(&bad);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"what another lane holds is not given back", what_another_lane_holds_is_not_given_back},
        {"what an older lane held is not given back", what_an_older_lane_held_is_not_given_back},
        {"a faulted lane is not waited for", a_faulted_lane_is_not_waited_for},
    };
    return CHECK_RUN(cases);
}
