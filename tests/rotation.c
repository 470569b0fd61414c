/* A large pool costs nothing while it is not needed: with a few frames in use only a few slots are ever touched. */
#include "check.h"
#include "stand.h"

#include <stdio.h>
#include <string.h>

enum { SLOTS = 64, MOST_IN_USE = 5 };

/* Keeps between 2 and 5 slots in use for a while, gives them back in any order, and counts the slots that were touched. */
static unsigned touched_slots(uint64_t slot_bytes)
{
    struct fl_context *context;
    struct fl_pool *pool;
    struct fl_pool_info info = {.id = 1, .slot_count = SLOTS, .slot_bytes = slot_bytes};
    struct fl_frame *held[MOST_IN_USE];
    bool touched[SLOTS] = {false};
    unsigned count = 0, distinct = 0;
    unsigned long long state = 11;
    CHECK_EQ(fl_context_create(&context), 0);
    CHECK_EQ(fl_pool_create_private(context, &info, &pool), 0);
    uint64_t first = UINT64_MAX, offset;
    CHECK_EQ(fl_pool_acquire(pool, &held[0]), 0);
    const uint8_t *base = fl_frame_base(held[0]);
    fl_frame_pool(held[0], &offset);
    base -= offset;
    first = fl_pool_file_bytes(&info) - SLOTS * slot_bytes;
    fl_frame_unref(held[0]);
    for (unsigned step = 0; step < 5000; step++) {
        if (count < 2 || (count < MOST_IN_USE && next_random(&state) % 2)) {
            CHECK_EQ(fl_pool_acquire(pool, &held[count]), 0);
            CHECK(fl_frame_base(held[count]) >= base + first);
            fl_frame_pool(held[count++], &offset);
            touched[(offset - first) / slot_bytes] = true;
        } else {
            unsigned which = next_random(&state) % count;
            fl_frame_unref(held[which]);
            held[which] = held[--count];
        }
    }
    while (count > 0)
        fl_frame_unref(held[--count]);
    for (unsigned i = 0; i < SLOTS; i++)
        distinct += touched[i];
    fl_context_destroy(context);
    return distinct;
}

static void a_large_slot_keeps_to_a_few(void)
{
    unsigned distinct = touched_slots(1 << 20);
    printf("  1 MiB slots: %u of %d touched\n", distinct, SLOTS);
    CHECK(distinct >= MOST_IN_USE && distinct <= 16); /* 14 MiB of cache at most, and a little slack */
}

static void a_small_slot_uses_the_cache_there_is(void)
{
    unsigned distinct = touched_slots(64 << 10);
    printf("  64 KiB slots: %u of %d touched\n", distinct, SLOTS);
    CHECK(distinct >= 32);
}

static void all_slots_are_there_when_needed(void)
{
    struct stand stand;
    struct fl_frame *held[SLOTS], *none;
    bool seen[SLOTS] = {false};
    uint64_t offset;
    stand_create(&stand, FL_TRANSPORT_SHM, SLOTS, 4096);
    uint64_t first = fl_pool_file_bytes(&stand.pool_info) - SLOTS * 4096;
    for (unsigned round = 0; round < 3; round++) {
        memset(seen, 0, sizeof seen);
        for (unsigned i = 0; i < SLOTS; i++) {
            CHECK_EQ(fl_pool_acquire(stand.pool, &held[i]), 0);
            fl_frame_pool(held[i], &offset);
            CHECK(!seen[(offset - first) / 4096]);
            seen[(offset - first) / 4096] = true;
        }
        CHECK(fl_pool_acquire(stand.pool, &none) < 0);
        CHECK(fl_pool_acquire_wait(stand.pool, 0, NULL, NULL, &none) < 0);
        for (unsigned i = 0; i < SLOTS; i++)
            fl_frame_unref(held[(i * 37 + round) % SLOTS]);
        CHECK_EQ(fl_pool_free_slots(stand.pool), SLOTS);
    }
    stand_destroy(&stand);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"large slots: the same few are used again", a_large_slot_keeps_to_a_few},
        {"small slots: as many as the caches hold", a_small_slot_uses_the_cache_there_is},
        {"every slot can be had when it is needed", all_slots_are_there_when_needed},
    };
    return CHECK_RUN(cases);
}
