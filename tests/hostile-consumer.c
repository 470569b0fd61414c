/* Whatever a consumer writes into its own region, the producer's books stay as they are; its lane is closed, the others go on. */
#include "check.h"
#include "fake.h"
#include "stand.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { CREDITS = 4 };

/* Announcements 0, 1, 2 are outstanding and 0 has come back properly when an attack begins. */

static void returns_the_same_again(struct fake_consumer *fake)
{
    fake_return(fake, 0);
}

static void returns_one_twice(struct fake_consumer *fake)
{
    fake_return(fake, 1);
    fake_return(fake, 1);
}

static void returns_what_was_never_announced(struct fake_consumer *fake)
{
    fake_return(fake, 3);
}

static void returns_what_is_out_of_range(struct fake_consumer *fake)
{
    fake_return(fake, UINT64_MAX);
}

static void returns_what_only_looks_alike(struct fake_consumer *fake)
{
    fake_return(fake, 1ull << 32 | 1);
}

static void returns_more_than_it_holds(struct fake_consumer *fake)
{
    fl_store(&fake->returns->returned, 1 + 3, FL_RELEASE);
}

static void returns_a_world(struct fake_consumer *fake)
{
    fl_store(&fake->returns->returned, UINT64_MAX, FL_RELEASE);
}

static void takes_returns_back(struct fake_consumer *fake)
{
    fl_store(&fake->returns->returned, 0, FL_RELEASE);
}

struct attack {
    const char *name;
    void (*run)(struct fake_consumer *fake);
    const char *says;
    unsigned outstanding; /* afterwards: an honest return in front of the bad one counts */
};

#define NOT_HELD "returned a frame that it does not hold"
#define TOO_MANY "returned more frames than it holds"

static const struct attack attacks[] = {
    {"an index that came back before", returns_the_same_again, NOT_HELD, 2},
    {"an index twice", returns_one_twice, NOT_HELD, 1},
    {"an index to come", returns_what_was_never_announced, NOT_HELD, 2},
    {"an index out of range", returns_what_is_out_of_range, NOT_HELD, 2},
    {"an index with more bits", returns_what_only_looks_alike, NOT_HELD, 2},
    {"more returns than frames", returns_more_than_it_holds, TOO_MANY, 2},
    {"returns without number", returns_a_world, TOO_MANY, 2},
    {"returns taken back", takes_returns_back, TOO_MANY, 2},
};

static unsigned outstanding(const struct fl_output_lane *lane)
{
    struct fl_output_stats stats;
    fl_output_lane_get_stats(lane, &stats);
    return stats.outstanding;
}

static void attack_once(const struct attack *attack, uint32_t when_full)
{
    struct stand stand;
    struct fake_consumer fake;
    printf("    %s\n", attack->name);
    stand_create(&stand, FL_TRANSPORT_SHM, 12, 4096);
    struct fl_output_lane *bad = fake_consumer_create(&fake, stand.output, when_full, CREDITS);
    struct stand_lane *good = stand_add(&stand, FL_WHEN_FULL_WAIT, CREDITS);
    for (uint64_t number = 0; number < 3; number++) {
        CHECK_EQ(stand_publish(&stand, number), 0);
        CHECK_EQ(stand_next(good), number);
    }
    fake_return(&fake, 0);
    fl_context_service(stand.producer);
    CHECK_EQ(outstanding(bad), 2);
    attack->run(&fake);
    fl_context_service(stand.producer);
    CHECK_SAYS(fl_output_lane_fault(bad), attack->says);
    CHECK_EQ(outstanding(bad), attack->outstanding);
    CHECK_EQ(fl_output_listeners(stand.output), 1);
    for (uint64_t number = 3; number < 20; number++) { /* nobody waits for it any more */
        CHECK_EQ(stand_publish(&stand, number), 0);
        CHECK_EQ(stand_next(good), number);
    }
    fake_return(&fake, 1); /* too late */
    fl_context_service(stand.producer);
    CHECK_EQ(outstanding(bad), attack->outstanding);
    CHECK_EQ(fl_pool_free_slots(stand.pool), 12 - 1 - attack->outstanding);
    fl_output_lane_down(bad); /* it is dead now, by the supervisor's hand */
    CHECK_EQ(fl_pool_free_slots(stand.pool), 12 - 1);
    CHECK(fl_output_lane_fault(good->tx) == NULL);
    stand_destroy(&stand);
    fake_consumer_destroy(&fake);
}

static void every_attack_closes_only_its_lane(void)
{
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++)
        for (uint32_t when_full = FL_WHEN_FULL_WAIT; when_full <= FL_WHEN_FULL_LATEST; when_full++)
            attack_once(&attacks[i], when_full);
}

/* Any words at all in the whole region: the honest consumer gets every frame, and no slot is lost or given twice. */
static void random_words_do_no_harm(void)
{
    unsigned long long state = 5;
    for (unsigned round = 0; round < 300; round++) {
        struct stand stand;
        struct fake_consumer fake;
        stand_create(&stand, FL_TRANSPORT_SHM, 10, 4096);
        struct fl_output_lane *bad = fake_consumer_create(&fake, stand.output, FL_WHEN_FULL_DROP, CREDITS);
        struct stand_lane *good = stand_add(&stand, FL_WHEN_FULL_WAIT, CREDITS);
        for (uint64_t number = 0; number < 20; number++) {
            fl_word *word = (fl_word *)fake.returns + next_random(&state) % (4 * 8 + fake.places);
            fl_store(word, next_random(&state) % 3 ? next_random(&state) % 8 : UINT64_MAX - next_random(&state) % 3, FL_RELEASE);
            CHECK_EQ(stand_publish(&stand, number), 0);
            CHECK_EQ(stand_next(good), number);
        }
        fl_output_lane_down(bad);
        CHECK_EQ(fl_pool_free_slots(stand.pool), 9);
        CHECK(fl_output_lane_fault(good->tx) == NULL);
        stand_destroy(&stand);
        fake_consumer_destroy(&fake);
    }
}

static void a_full_bell_blocks_nobody(void)
{
    struct stand stand;
    struct fake_consumer fake;
    uint64_t most = UINT64_MAX - 1;
    stand_create(&stand, FL_TRANSPORT_SHM, 8, 4096);
    fake_consumer_create(&fake, stand.output, FL_WHEN_FULL_DROP, CREDITS);
    struct stand_lane *good = stand_add(&stand, FL_WHEN_FULL_WAIT, CREDITS);
    CHECK_EQ(write(fake.bell, &most, sizeof most), sizeof most);
    for (uint64_t number = 0; number < 20; number++) {
        fl_store(&fake.returns->armed, number + 1, FL_RELEASE); /* asks to be rung every time */
        CHECK_EQ(stand_publish(&stand, number), 0);
        CHECK_EQ(stand_next(good), number);
    }
    stand_destroy(&stand);
    fake_consumer_destroy(&fake);
}

struct noise {
    struct fake_consumer *fake;
    struct fl_output_lane *lane;
    uint64_t listened;
    unsigned ignored;
};

/* Rings before every sleep; content when several rings in a row have woken nobody. */
static bool is_ignored(void *arg)
{
    struct noise *noise = arg;
    struct fl_output_stats stats;
    fl_output_lane_get_stats(noise->lane, &stats);
    noise->ignored = stats.wakeups == noise->listened ? noise->ignored + 1 : 0;
    noise->listened = stats.wakeups;
    fake_ring_back(noise->fake);
    return noise->ignored > 6; /* it is asked twice a sleep */
}

static void a_bell_without_news_is_left_alone(void)
{
    struct stand stand;
    struct fake_consumer fake;
    struct noise noise = {.fake = &fake};
    stand_create(&stand, FL_TRANSPORT_SHM, 8, 4096);
    noise.lane = fake_consumer_create(&fake, stand.output, FL_WHEN_FULL_DROP, CREDITS);
    struct stand_lane *good = stand_add(&stand, FL_WHEN_FULL_WAIT, CREDITS);
    CHECK_EQ(fl_context_wait(stand.producer, is_ignored, &noise, -1), 0);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    CHECK_EQ(stand_next(good), 0);
    fake_return(&fake, 0); /* what it does is still seen, without its bell */
    fl_context_service(stand.producer);
    CHECK_EQ(outstanding(noise.lane), 0);
    stand_destroy(&stand);
    fake_consumer_destroy(&fake);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"every attack leaves the books alone and closes its own lane only", every_attack_closes_only_its_lane},
        {"random words in the region of returns do no harm", random_words_do_no_harm},
        {"a bell that somebody filled blocks nobody", a_full_bell_blocks_nobody},
        {"a bell without news is left alone", a_bell_without_news_is_left_alone},
    };
    return CHECK_RUN(cases);
}
