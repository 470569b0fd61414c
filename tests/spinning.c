/* A lane that spins looks again before it sleeps: who answers soon is seen without a system call, who does not is slept for, and
 * neither changes when a wait ends. */
#include "check.h"
#include "stand.h"

#include "../transport/internal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define LONG_NS 3600000000000ull

struct patience {
    unsigned looks, wanted;
};

static bool after_some_looks(void *arg)
{
    struct patience *patience = arg;
    return ++patience->looks >= patience->wanted;
}

static bool never(void *arg)
{
    return false;
}

static struct stand_lane *begin(struct stand *stand, uint64_t spin_ns)
{
    stand_create(stand, FL_TRANSPORT_SHM, 8, 4096);
    return stand_add_as(stand, &(struct fl_lane_info){.credits = 4, .spin_ns = spin_ns});
}

/* A sleep would raise `armed`, and a producer would then ring. */
static void who_answers_soon_is_not_slept_for(void)
{
    struct stand stand;
    struct stand_lane *lane = begin(&stand, LONG_NS);
    struct patience patience = {.wanted = 100};
    CHECK_EQ(fl_context_wait(lane->consumer, after_some_looks, &patience, -1), 0);
    CHECK_EQ(patience.looks, 100);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    CHECK_EQ(stand_sent(lane).rings, 0);
    CHECK_EQ(stand_next(lane), 0);
    stand_destroy(&stand);
}

static void a_deadline_within_the_spin_holds(void)
{
    struct stand stand;
    struct stand_lane *lane = begin(&stand, LONG_NS);
    CHECK_EQ(fl_context_wait(lane->consumer, never, NULL, 20000), -ETIMEDOUT);
    CHECK_EQ(fl_context_wait(lane->consumer, never, NULL, 0), -ETIMEDOUT);
    stand_destroy(&stand);
}

struct sleeper {
    struct stand_lane *lane;
    atomic_bool end;
    atomic_uint looks;
};

static bool is_to_end(void *arg)
{
    struct sleeper *sleeper = arg;
    atomic_fetch_add(&sleeper->looks, 1);
    return atomic_load(&sleeper->end);
}

static void *sleep_for_all(void *arg)
{
    struct sleeper *sleeper = arg;
    CHECK_EQ(fl_context_wait(sleeper->lane->consumer, is_to_end, sleeper, -1), 0);
    return NULL;
}

/* Who would be woken by the sleeper has no time left for that: the sleeper looks around once in 100 ms, and twice each time. */
static void nobody_waits_for_the_sleeper_beyond_a_deadline(void)
{
    enum { ROUNDS = 20 };
    struct stand stand;
    struct sleeper sleeper = {.lane = begin(&stand, 200000)};
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, sleep_for_all, &sleeper), 0);
    while (!atomic_load(&sleeper.lane->consumer->asleep)) /* it spins first */
        sched_yield();
    unsigned before = atomic_load(&sleeper.looks);
    for (unsigned i = 0; i < ROUNDS; i++)
        CHECK_EQ(fl_context_wait(sleeper.lane->consumer, never, NULL, 20000), -ETIMEDOUT);
    CHECK(atomic_load(&sleeper.looks) - before < ROUNDS);
    atomic_store(&sleeper.end, true);
    fl_context_kick(sleeper.lane->consumer);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    stand_destroy(&stand);
}

static bool is_ready(void *lane)
{
    return fl_lane_ready(lane);
}

static void *publish_one(void *stand)
{
    CHECK_EQ(stand_publish(stand, 0), 0);
    return NULL;
}

static void who_is_late_is_slept_for(void)
{
    struct stand stand;
    pthread_t thread;
    struct stand_lane *lane = begin(&stand, 1000);
    CHECK_EQ(fl_context_wait(lane->consumer, never, NULL, 1000000), -ETIMEDOUT);
    CHECK_EQ(pthread_create(&thread, NULL, publish_one, &stand), 0);
    CHECK_EQ(fl_context_wait(lane->consumer, is_ready, lane->rx, -1), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(stand_next(lane), 0);
    stand_destroy(&stand);
}

/* The longest of a context's lanes counts, of those that take and of those that announce. */
static void an_output_spins_as_well(void)
{
    struct stand stand;
    begin(&stand, 10);
    stand_add_as(&stand, &(struct fl_lane_info){.credits = 4, .spin_ns = LONG_NS});
    stand_add_as(&stand, &(struct fl_lane_info){.credits = 4});
    struct patience patience = {.wanted = 100};
    CHECK_EQ(fl_context_wait(stand.producer, after_some_looks, &patience, -1), 0);
    CHECK_EQ(patience.looks, 100);
    stand_destroy(&stand);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"who answers soon is not slept for", who_answers_soon_is_not_slept_for},
        {"a deadline within the spin holds", a_deadline_within_the_spin_holds},
        {"nobody waits for the sleeper beyond a deadline", nobody_waits_for_the_sleeper_beyond_a_deadline},
        {"who is late is slept for", who_is_late_is_slept_for},
        {"an output spins as well", an_output_spins_as_well},
    };
    return CHECK_RUN(cases);
}
