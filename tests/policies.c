/* What a lane without credit means: wait loses nothing and holds its whole output, drop counts, latest skips to the newest. */
#include "check.h"
#include "stand.h"

#include <errno.h>

static void wait_loses_nothing(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 8, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 2);
    uint64_t published = 0;
    for (int64_t taken = 0; taken < 50; taken++) {
        while (stand_publish(&stand, published) == 0)
            published++;
        CHECK(fl_output_owes(stand.output));
        CHECK_EQ(published, taken + 3); /* its credits, and the one that is owed */
        CHECK_EQ(stand_next(lane), taken);
    }
    CHECK_EQ(stand_sent(lane).dropped, 0);
    stand_destroy(&stand);
}

static void wait_holds_its_whole_output(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 32, 4096);
    struct stand_lane *slow = stand_add(&stand, FL_WHEN_FULL_WAIT, 1);
    struct stand_lane *quick = stand_add(&stand, FL_WHEN_FULL_WAIT, 16);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    CHECK_EQ(stand_publish(&stand, 1), 0); /* owed to the slow one, but sent to the quick one at once */
    CHECK_EQ(stand_publish(&stand, 2), -EAGAIN);
    CHECK_EQ(stand_next(quick), 0);
    CHECK_EQ(stand_next(quick), 1);
    CHECK_EQ(stand_next(quick), -EAGAIN);
    CHECK_EQ(stand_next(slow), 0);
    CHECK_EQ(stand_publish(&stand, 2), 0);
    CHECK_EQ(stand_next(quick), 2);
    CHECK_EQ(stand_next(slow), 1);
    stand_settle(&stand, slow);
    CHECK(!fl_output_owes(stand.output));
    CHECK_EQ(stand_next(slow), 2);
    stand_destroy(&stand);
}

static void drop_counts_and_hurts_nobody_else(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 32, 4096);
    struct stand_lane *slow = stand_add(&stand, FL_WHEN_FULL_DROP, 2);
    struct stand_lane *quick = stand_add(&stand, FL_WHEN_FULL_WAIT, 4);
    for (uint64_t number = 0; number < 10; number++) {
        CHECK_EQ(stand_publish(&stand, number), 0);
        CHECK_EQ(stand_next(quick), number);
    }
    CHECK_EQ(stand_sent(slow).sent, 2);
    CHECK_EQ(stand_sent(slow).dropped, 8);
    CHECK_EQ(stand_sent(slow).last_dropped_number, 9);
    CHECK_EQ(stand_sent(quick).dropped, 0);
    CHECK_EQ(stand_next(slow), 0);
    CHECK_EQ(stand_next(slow), 1);
    stand_settle(&stand, slow);
    CHECK_EQ(stand_next(slow), -EAGAIN); /* what was dropped does not come later */
    CHECK_EQ(stand_publish(&stand, 10), 0);
    CHECK_EQ(stand_next(slow), 10);
    stand_destroy(&stand);
}

static void latest_gets_the_newest_on_the_next_return(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 8, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_LATEST, 3);
    for (uint64_t number = 0; number < 10; number++)
        CHECK_EQ(stand_publish(&stand, number), 0);
    CHECK_EQ(stand_sent(lane).dropped, 6); /* 0 1 2 are announced, 9 is owed */
    struct fl_frame *frame;
    CHECK_EQ(stand_take(lane, &frame), 0);
    CHECK_EQ(fl_frame_desc(frame)->number, 2); /* the newest announcement; the others went back unseen */
    CHECK_EQ(stand_taken(lane).skipped, 2);
    fl_context_service(stand.producer);
    CHECK_EQ(stand_next(lane), 9); /* sent on the return, without anything being published */
    CHECK_EQ(stand_sent(lane).dropped, 6);
    fl_frame_release(frame);
    stand_settle(&stand, lane);
    CHECK_EQ(stand_sent(lane).outstanding, 0);
    CHECK_EQ(stand_next(lane), -EAGAIN);
    stand_destroy(&stand);
}

/* Three consumers that come by at random; whatever they do, the books of each add up. */
static void policies_side_by_side(void)
{
    enum { TOTAL = 2000 };
    struct stand stand;
    unsigned long long state = 7;
    int64_t last[3] = {-1, -1, -1}, got[3] = {0, 0, 0};
    stand_create(&stand, FL_TRANSPORT_SHM, 16, 4096);
    stand_add(&stand, FL_WHEN_FULL_WAIT, 3);
    stand_add(&stand, FL_WHEN_FULL_DROP, 2);
    stand_add(&stand, FL_WHEN_FULL_LATEST, 3);
    for (uint64_t number = 0; number < TOTAL || fl_output_owes(stand.output);) {
        if (number < TOTAL && stand_publish(&stand, number) == 0)
            number++;
        unsigned i = next_random(&state) % 3;
        int64_t next = stand_next(&stand.lanes[i]);
        if (next >= 0) {
            CHECK(next > last[i]);
            last[i] = next;
            got[i]++;
        }
        fl_context_service(stand.producer);
    }
    for (unsigned i = 0; i < 3; i++)
        for (int64_t next; (next = stand_next(&stand.lanes[i])) >= 0; fl_context_service(stand.producer)) {
            CHECK(next > last[i]);
            last[i] = next;
            got[i]++;
        }
    CHECK_EQ(got[0], TOTAL);
    CHECK_EQ(last[0], TOTAL - 1);
    CHECK_EQ(got[1] + (int64_t)stand_sent(&stand.lanes[1]).dropped, TOTAL);
    CHECK_EQ(got[2] + (int64_t)(stand_sent(&stand.lanes[2]).dropped + stand_taken(&stand.lanes[2]).skipped), TOTAL);
    CHECK_EQ(last[2], TOTAL - 1); /* whatever a viewer missed, it ends on the newest */
    stand_destroy(&stand);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a wait lane loses nothing", wait_loses_nothing},
        {"a wait lane without credit holds its whole output", wait_holds_its_whole_output},
        {"a drop lane counts what it misses and hurts nobody else", drop_counts_and_hurts_nobody_else},
        {"a latest lane skips to the newest, which is sent on the next return", latest_gets_the_newest_on_the_next_return},
        {"lanes of all policies beside each other keep their books", policies_side_by_side},
    };
    return CHECK_RUN(cases);
}
