/* Words rewritten while they are read: another thread turns every word of its region from true to false and back, as fast as it
 * can, while the library takes, and while it publishes. Each word is read once and checked where it was copied to, so nothing but a
 * whole frame or a refusal comes out; an honest lane beside it gets every frame. */
#include "../lib/check.h"
#include "../lib/fake.h"
#include "../lib/stand.h"

#include "../../transport/internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CREDITS = 4, HONEST_EVERY = 512 };

static unsigned long takes = 200000, publishes = 50000;

struct liar {
    pthread_t thread;
    atomic_bool over;
    unsigned long long state;
    unsigned long long writes;
    struct fake_producer *producer;   /* whose announcements it rewrites, or */
    struct fl_return_region *returns; /* the returns, in so many places */
    unsigned places;
};

static void begin(struct liar *liar, void *(*lie)(void *liar))
{
    atomic_store(&liar->over, false);
    CHECK_EQ(pthread_create(&liar->thread, NULL, lie, liar), 0);
}

static void end(struct liar *liar)
{
    atomic_store(&liar->over, true);
    CHECK_EQ(pthread_join(liar->thread, NULL), 0);
}

/* ---- a producer's words ---- */

/* True most of the time, so that the lane gets far; the rest is chosen to pass one look and not the next. */
static void turn_entry(struct liar *liar, const struct fl_entry *good)
{
    struct fake_producer *fake = liar->producer;
    struct fl_entry entry = *good;
    unsigned which = next_random(&liar->state) % 64;
    entry.desc.planes[0].offset = which == 1 ? UINT32_MAX : 0;
    entry.desc.planes[0].rows = which == 2 ? UINT32_MAX : 4;
    entry.desc.plane_count = which == 3 ? 60000 : 1;
    entry.pool = which == 4 ? 0 : fake->pool_info.id;
    entry.offset = which == 5 ? UINT64_MAX - 4095 : entry.offset;
    entry.type = which == 6 ? FL_ENTRY_AS_BEFORE : which == 7 ? 77 : FL_ENTRY_WHOLE;
    fake_write(fake, next_random(&liar->state) % fake->places, &entry);
    liar->writes += FL_ENTRY_WORDS;
}

static void turn_header(struct liar *liar)
{
    struct fake_producer *fake = liar->producer;
    struct fl_announce_region *region = fake->announce;
    uint64_t returned = fl_load(&fake->returns->returned, FL_ACQUIRE), index = returned + next_random(&liar->state) % (CREDITS + 1);
    switch (next_random(&liar->state) % 64) {
    case 0:
        fake_count(fake, index, index / 2);
        break;
    case 1:
        fake_count(fake, index, index + 100);
        break;
    case 2:
        fl_store(&region->closed, index + next_random(&liar->state) % 2, FL_RELEASE);
        break;
    case 3:
        fl_store(&fake->versions[next_random(&liar->state) % 4].version, 3, FL_RELEASE);
        break;
    default:
        fl_store(&region->closed, 0, FL_RELEASE);
        for (uint64_t i = returned; i < returned + CREDITS; i++) /* so many are there, the others not yet */
            fake_count(fake, i, i < index ? i + 1 : i >= fake->places ? i + 1 - fake->places : 0);
        fl_store(&fake->versions[next_random(&liar->state) % 4].version, 2, FL_RELEASE);
    }
    fl_store(&region->armed, next_random(&liar->state), FL_RELAXED);
    fl_store(&region->through_number, next_random(&liar->state), FL_RELAXED);
    fl_store(&region->through_time_base, next_random(&liar->state) % 2 ? 1ull << 32 | 25 : 0, FL_RELAXED);
    fl_store(&region->through_seq, next_random(&liar->state) * 2ull, FL_RELEASE);
    liar->writes += 6;
}

static void *rewrite_announcements(void *arg)
{
    struct liar *liar = arg;
    struct fl_entry good[4];
    for (uint32_t slot = 0; slot < 4; slot++)
        good[slot] = fake_entry(liar->producer, slot, slot);
    while (!atomic_load_explicit(&liar->over, memory_order_relaxed)) {
        turn_entry(liar, &good[next_random(&liar->state) % 4]);
        turn_header(liar);
    }
    return NULL;
}

/* The lane as a new one would stand: everything taken is back, its counts go on from here. */
static void revive(struct fl_lane *lane)
{
    lane->fault = NULL;
    lane->rx.closed = 0;
    lane->rx.head = lane->rx.tail = lane->rx.returned;
    lane->checked_for = 0;
}

static void check_taken(const struct fake_producer *fake, const struct fl_frame *frame)
{
    const struct fl_desc *desc = fl_frame_desc(frame);
    uint64_t offset;
    const struct fl_pool *pool = fl_frame_pool(frame, &offset);
    struct fl_desc before = *desc;
    CHECK(pool != NULL);
    CHECK_EQ(fl_pool_info(pool)->id, fake->pool_info.id);
    CHECK_EQ(fl_desc_check(desc, fl_frame_capacity(frame)), 0);
    CHECK_EQ((offset - fake->first_slot) % fake->pool_info.slot_bytes, 0);
    CHECK((offset - fake->first_slot) / fake->pool_info.slot_bytes < fake->pool_info.slot_count);
    volatile uint8_t last = 0;
    for (unsigned i = 0; i < desc->plane_count; i++)
        last +=
            fl_frame_plane(frame, i)[(int64_t)(desc->planes[i].rows - 1) * desc->planes[i].stride + desc->planes[i].row_bytes - 1];
    CHECK_EQ(memcmp(&before, desc, sizeof before), 0); /* a private copy does not move */
}

static void take_honest(struct fake_producer *fake, struct fl_lane *lane, uint64_t number)
{
    struct fl_entry entry = fake_entry(fake, number % 4, number);
    struct fl_frame *frame;
    fake_announce(fake, &entry);
    CHECK_EQ(fl_lane_take(lane, &frame), 0);
    CHECK_EQ(fl_frame_desc(frame)->number, number);
    fl_frame_release(frame);
    CHECK(fl_lane_fault(lane) == NULL);
}

static void announcements_rewritten_while_they_are_taken(void)
{
    struct fl_context *context;
    struct fake_producer bad, good;
    struct fl_through through, latest = {0};
    uint64_t taken = 0, refused = 0, honest = 0;
    CHECK_EQ(fl_context_create(&context), 0);
    struct fl_lane *lane = fake_producer_create(&bad, context, 1, CREDITS);
    struct fl_lane *good_lane = fake_producer_create(&good, context, 2, CREDITS);
    struct liar liar = {.state = 1, .producer = &bad};
    begin(&liar, rewrite_announcements);
    for (unsigned long i = 0; i < takes || ((taken == 0 || refused == 0) && i < 100 * takes); i++) {
        struct fl_frame *frame;
        int error = fl_lane_take(lane, &frame);
        if (error == 0) {
            check_taken(&bad, frame);
            fl_frame_release(frame);
            taken++;
        } else if (error == -EBADMSG) {
            CHECK(fl_lane_fault(lane) != NULL);
            refused++;
        }
        fl_context_service(context);
        if (lane->fault || error == -ENODATA) /* a close that happened to be right ends the lane: it begins again */
            revive(lane);
        if (fl_lane_through(lane, &through)) {
            CHECK(through.time_base_num > 0 && through.time_base_den > 0 && !fl_through_is_later(&latest, &through));
            latest = through;
        }
        if (i % HONEST_EVERY == 0)
            take_honest(&good, good_lane, honest++);
    }
    end(&liar);
    printf("  %lu takes: %llu frames, %llu refusals; %llu words rewritten meanwhile; %llu honest frames\n", takes,
           (unsigned long long)taken, (unsigned long long)refused, liar.writes, (unsigned long long)honest);
    CHECK(taken > 0 && refused > 0);
    fl_context_destroy(context);
    fake_producer_destroy(&bad);
    fake_producer_destroy(&good);
}

/* ---- a consumer's words ---- */

static void *rewrite_returns(void *arg)
{
    struct liar *liar = arg;
    struct fl_return_region *region = liar->returns;
    while (!atomic_load_explicit(&liar->over, memory_order_relaxed)) {
        fl_word *entry = &region->entries[next_random(&liar->state) % liar->places];
        fl_store(entry, next_random(&liar->state) % 4 ? fl_load(&region->returned, FL_RELAXED) : next_random(&liar->state),
                 FL_RELAXED);
        if (next_random(&liar->state) % 16 == 0)
            fl_store(&region->returned, fl_load(&region->returned, FL_RELAXED) + next_random(&liar->state) % 3, FL_RELEASE);
        fl_store(&region->armed, next_random(&liar->state), FL_RELAXED);
        liar->writes += 3;
    }
    return NULL;
}

/* One hostile consumer from its first word to its end. Returns how many frames were published meanwhile. */
static unsigned long one_liar(unsigned long long seed, uint64_t *faults)
{
    struct stand stand;
    struct fake_consumer fake;
    unsigned long count = 0;
    stand_create(&stand, FL_TRANSPORT_SHM, 10, 4096);
    struct fl_output_lane *bad = fake_consumer_create(&fake, stand.output, FL_WHEN_FULL_DROP, CREDITS);
    struct stand_lane *good = stand_add(&stand, FL_WHEN_FULL_WAIT, CREDITS);
    struct liar liar = {.state = seed, .returns = fake.returns, .places = (unsigned)fake.places};
    begin(&liar, rewrite_returns);
    for (; count < 1000 && (count < 20 || !fl_output_lane_fault(bad)); count++) {
        CHECK_EQ(stand_publish(&stand, count), 0);
        CHECK_EQ(stand_next(good), count);
        fl_context_service(stand.producer);
    }
    end(&liar);
    *faults += fl_output_lane_fault(bad) != NULL;
    fl_output_lane_down(bad);
    CHECK_EQ(fl_pool_free_slots(stand.pool), 9);
    CHECK(fl_output_lane_fault(good->tx) == NULL);
    stand_destroy(&stand);
    fake_consumer_destroy(&fake);
    return count;
}

static void returns_rewritten_while_they_are_collected(void)
{
    unsigned long published = 0, liars = 0;
    uint64_t faults = 0;
    while (published < publishes)
        published += one_liar(++liars, &faults);
    printf("  %lu frames published beside %lu liars, of whom %llu were caught\n", published, liars, (unsigned long long)faults);
    CHECK(faults > 0);
}

int main(int count, char **arguments)
{
    static const struct check_case cases[] = {
        {"announcements rewritten while they are taken", announcements_rewritten_while_they_are_taken},
        {"returns rewritten while they are collected", returns_rewritten_while_they_are_collected},
    };
    if (count > 1) {
        takes = strtoul(arguments[1], NULL, 10);
        publishes = takes / 20;
    }
    return CHECK_RUN(cases);
}
