/* A guest takes what it can and changes nothing: nobody waits for it, it keeps nobody going, and when it has left nothing of it
 * stays. */
#include "check.h"
#include "stand.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

static struct stand_lane *add_guest(struct stand *stand, uint32_t when_full)
{
    return stand_add_as(stand, &(struct fl_lane_info){.credits = 3, .when_full = when_full, .guest = 1});
}

static void it_comes_and_misses_while_frames_flow(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 12, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 4), *guest = NULL;
    for (uint64_t number = 0; number < 40; number++) {
        if (number == 10)
            guest = add_guest(&stand, FL_WHEN_FULL_DROP);
        CHECK_EQ(stand_publish(&stand, number), 0);
        CHECK_EQ(stand_next(lane), number);
        if (number >= 10 && number < 20)
            CHECK_EQ(stand_next(guest), number);
        if (number == 30) /* it has missed 23 to 30, and what it held comes back */
            for (int64_t held = 20; held < 23; held++)
                CHECK_EQ(stand_next(guest), held);
    }
    CHECK_EQ(stand_next(guest), 31);
    CHECK_EQ(stand_sent(guest).dropped, 8 + 6);
    CHECK_EQ(stand_sent(guest).gaps, 2);
    CHECK_EQ(stand_sent(lane).gaps, 0);
    stand_destroy(&stand);
}

static void it_keeps_nobody_going(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 12, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 4);
    add_guest(&stand, FL_WHEN_FULL_LATEST);
    CHECK_EQ(fl_output_listeners(stand.output), 1);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    fl_output_lane_stop(lane->tx);
    CHECK_EQ(fl_output_listeners(stand.output), 0);
    CHECK_EQ(stand_publish(&stand, 1), -EPIPE);
    stand_destroy(&stand);
}

static void nobody_waits_for_it(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 12, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 4), *guest = add_guest(&stand, FL_WHEN_FULL_LATEST);
    for (uint64_t number = 0; number < 8; number++) {
        CHECK_EQ(stand_publish(&stand, number), 0);
        CHECK_EQ(stand_next(lane), number);
    }
    fl_context_service(lane->consumer);
    CHECK_EQ(fl_output_wait_returns(stand.output, 0), 0);
    CHECK_EQ(fl_output_outstanding(stand.output), 0);
    fl_output_close(stand.output);
    CHECK(fl_output_drained(stand.output)); /* the newest is owed to a guest without credit: it will not have it */
    CHECK_EQ(stand_next(lane), -ENODATA);
    CHECK_EQ(stand_next(guest), 2);
    CHECK_EQ(stand_next(guest), -ENODATA);
    stand_destroy(&stand);
}

static void none_is_waited_for(void)
{
    struct stand stand;
    struct wiring wiring;
    struct fl_output_lane *tx;
    stand_create(&stand, FL_TRANSPORT_SHM, 4, 4096);
    wiring_mint(&wiring, &(struct fl_lane_info){.credits = 3, .guest = 1});
    struct fl_lane_fds fds = {-1, -1, -1, -1};
    CHECK_EQ(fl_output_attach(stand.output, &wiring.info, NULL, &fds, &tx), -EINVAL);
    wiring_finish(&wiring);
    stand_destroy(&stand);
}

/* ---- leaving ---- */

static int mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    int count = 0;
    for (int c; maps && (c = fgetc(maps)) != EOF;)
        count += c == '\n';
    CHECK(maps && fclose(maps) == 0);
    return count;
}

static void drop_guest(struct stand *stand)
{
    fl_context_destroy(stand->lanes[--stand->lane_count].consumer);
}

/* Returned everything, or certainly dead: each in turn. */
static void visit(struct stand *stand, struct stand_lane *lane, uint64_t *number, bool dies)
{
    struct stand_lane *guest = add_guest(stand, FL_WHEN_FULL_DROP);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(stand_publish(stand, *number), 0);
        CHECK_EQ(stand_next(lane), (*number)++);
    }
    CHECK_EQ(fl_output_detach(guest->tx), -EBUSY); /* it is not stopped */
    fl_output_lane_stop(guest->tx);
    CHECK_EQ(fl_output_detach(guest->tx), -EBUSY); /* it holds frames */
    while (!dies && stand_next(guest) >= 0)
        ;
    fl_context_service(stand->producer);
    if (dies)
        fl_output_lane_down(guest->tx);
    CHECK_EQ(fl_output_detach(guest->tx), 0);
    drop_guest(stand);
}

static void it_leaves_nothing(void)
{
    struct stand stand;
    uint64_t number = 0;
    stand_create(&stand, FL_TRANSPORT_SHM, 12, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 4);
    visit(&stand, lane, &number, false);
    int fds = open_fds(), maps = mappings();
    for (unsigned i = 0; i < 200; i++)
        visit(&stand, lane, &number, i % 2);
    CHECK_EQ(open_fds(), fds);
    CHECK(mappings() <= maps + 2); /* the heap may grow */
    CHECK_EQ(fl_pool_free_slots(stand.pool), 11);
    stand_destroy(&stand);
}

/* ---- while another thread sleeps ---- */

struct sleeper {
    struct fl_context *context;
    atomic_bool asleep, over;
};

static bool is_over(void *arg)
{
    struct sleeper *sleeper = arg;
    atomic_store(&sleeper->asleep, true); /* the bells are armed, or will be: either way the next look is the sleep's */
    return atomic_load(&sleeper->over);
}

static void *sleep_for_all(void *arg)
{
    struct sleeper *sleeper = arg;
    CHECK_EQ(fl_context_wait(sleeper->context, is_over, sleeper, -1), 0);
    return NULL;
}

static void others_may_sleep_meanwhile(void)
{
    struct stand stand;
    uint64_t number = 0;
    pthread_t thread;
    stand_create(&stand, FL_TRANSPORT_SHM, 12, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 4);
    visit(&stand, lane, &number, false);
    int fds = open_fds();
    struct sleeper sleeper = {.context = stand.producer};
    CHECK_EQ(pthread_create(&thread, NULL, sleep_for_all, &sleeper), 0);
    while (!atomic_load(&sleeper.asleep))
        ;
    for (unsigned i = 0; i < 300; i++)
        visit(&stand, lane, &number, i % 2);
    atomic_store(&sleeper.over, true);
    fl_context_kick(stand.producer);
    pthread_join(thread, NULL);
    visit(&stand, lane, &number, false); /* whatever was left for the sleeper goes at the latest now */
    CHECK_EQ(open_fds(), fds);
    stand_destroy(&stand);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a guest comes while frames flow, and what it misses is counted", it_comes_and_misses_while_frames_flow},
        {"a guest keeps nobody going", it_keeps_nobody_going},
        {"an output that closes waits for no guest", nobody_waits_for_it},
        {"a guest that would be waited for is refused", none_is_waited_for},
        {"a guest that has left leaves nothing", it_leaves_nothing},
        {"a guest may leave while another thread sleeps on its bell", others_may_sleep_meanwhile},
    };
    return CHECK_RUN(cases);
}
