/* Whatever a producer writes into its own regions, the consumer notices before it acts on it; only that lane dies, with a phrase
 * that says why. Each attack runs beside an honest lane, which goes on. */
#include "check.h"
#include "fake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CREDITS = 4, LAP = 5 }; /* LAP: so many good frames first that every place has been used */

/* ---- the rings ---- */

static void writes_over_what_is_unread(struct fake_producer *fake)
{
    fake_count(fake, fake->head, fake->head + fake->places + 1);
}

static void announces_a_world(struct fake_producer *fake)
{
    fake_count(fake, fake->head, UINT64_MAX);
}

static void takes_announcements_back(struct fake_producer *fake)
{
    fake_count(fake, fake->head, fake->head - fake->places); /* less than stood there a lap ago */
}

static void counts_what_it_cannot_have_announced_yet(struct fake_producer *fake)
{
    fake_count(fake, fake->head, fake->head + 2);
}

static void closes_before_the_end(struct fake_producer *fake)
{
    fl_store(&fake->announce->closed, fake->head + 2, FL_RELEASE);
}

static void announces_after_the_end(struct fake_producer *fake)
{
    fl_store(&fake->announce->closed, fake->head + 1, FL_RELEASE);
    fake_count(fake, fake->head, fake->head + 1);
}

static void closes_with_all_ones(struct fake_producer *fake)
{
    fl_store(&fake->announce->closed, UINT64_MAX, FL_RELEASE);
}

/* ---- entries ---- */

#define ANNOUNCES(name, ...)                                                                                                       \
    static void name(struct fake_producer *fake)                                                                                   \
    {                                                                                                                              \
        struct fl_entry entry = fake_entry(fake, 1, 7);                                                                            \
        uint32_t slot_bytes = (uint32_t)fake->pool_info.slot_bytes;                                                                \
        struct fl_plane *plane = &entry.desc.planes[0];                                                                            \
        (void)slot_bytes, (void)plane;                                                                                             \
        __VA_ARGS__;                                                                                                               \
        fake_announce(fake, &entry);                                                                                               \
    }

ANNOUNCES(names_no_pool, entry.pool = 0)
ANNOUNCES(names_the_version_table, entry.offset = 0)
ANNOUNCES(names_no_slot, entry.offset += 8)
ANNOUNCES(names_a_slot_after_the_last, entry.offset = fake->first_slot + 4ull * slot_bytes)
ANNOUNCES(names_the_end_of_the_world, entry.offset = fake->first_slot - 1ull * slot_bytes)
ANNOUNCES(names_a_negative_offset, entry.offset = (uint64_t)0 - slot_bytes)
ANNOUNCES(names_an_odd_version, entry.version = 3; fl_store(&fake->versions[1].version, 3, FL_RELEASE))
ANNOUNCES(names_an_old_version, fl_store(&fake->versions[1].version, 4, FL_RELEASE))
ANNOUNCES(names_a_version_to_come, entry.version = 4)
ANNOUNCES(starts_a_plane_outside, plane->offset = slot_bytes)
ANNOUNCES(ends_a_plane_outside, plane->offset = slot_bytes - 63)
ANNOUNCES(has_a_row_too_many, plane->rows = slot_bytes / 16 + 1)
ANNOUNCES(multiplies_past_32_bits, plane->stride = 0x10000; plane->rows = 0x10001)
ANNOUNCES(multiplies_past_63_bits, plane->stride = INT32_MAX; plane->rows = UINT32_MAX; plane->offset = UINT32_MAX)
ANNOUNCES(goes_back_past_the_start, plane->stride = -16; plane->offset = 32)
ANNOUNCES(goes_back_a_world, plane->stride = INT32_MIN; plane->rows = UINT32_MAX)
ANNOUNCES(has_rows_wider_than_the_slot, plane->rows = 1; plane->row_bytes = UINT32_MAX)
ANNOUNCES(has_rows_that_overlap, plane->stride = 8)
ANNOUNCES(has_a_stride_of_nothing, plane->stride = 0)
ANNOUNCES(has_a_plane_without_rows, plane->rows = 0)
ANNOUNCES(has_a_bad_second_plane, entry.desc.plane_count = 2; entry.desc.planes[1] = (struct fl_plane){UINT32_MAX, 1, 1, 1})
ANNOUNCES(has_too_many_planes, entry.desc.plane_count = FL_MAX_PLANES + 1)
ANNOUNCES(has_no_plane, entry.desc.plane_count = 0)
ANNOUNCES(is_of_no_kind, entry.desc.kind = 9)
ANNOUNCES(is_a_packet_with_planes, entry.desc.kind = FL_KIND_PACKET; entry.desc.plane_count = 2; entry.desc.planes[1] = *plane)
ANNOUNCES(has_side_data_outside, entry.desc.side_offset = slot_bytes - 8; entry.desc.side_bytes = 16)
ANNOUNCES(has_side_data_that_wraps, entry.desc.side_offset = 16; entry.desc.side_bytes = UINT32_MAX)
ANNOUNCES(has_a_format_without_end, memset(entry.desc.format, 'x', sizeof entry.desc.format))
ANNOUNCES(has_a_time_base_of_nothing, entry.desc.time_base_den = 0)
ANNOUNCES(has_a_negative_time_base, entry.desc.time_base_num = -1)

struct attack {
    const char *name;
    void (*run)(struct fake_producer *fake);
    const char *says;
};

#define OUTSIDE "does not lie within its slot"
#define NO_SLOT "offset that is no slot's"
#define STALE   "has been overwritten"

static const struct attack attacks[] = {
    {"an unread entry written over", writes_over_what_is_unread, "more than it has credit for"},
    {"a count of all bits", announces_a_world, "more than it has credit for"},
    {"a count of the lap before", takes_announcements_back, "took announcements back"},
    {"a count too high by one", counts_what_it_cannot_have_announced_yet, "more than it has credit for"},
    {"closed before the last", closes_before_the_end, "after it had closed"},
    {"an entry after closed", announces_after_the_end, "after it had closed"},
    {"closed with all bits", closes_with_all_ones, "after it had closed"},
    {"no pool at all", names_no_pool, "cannot be its own"},
    {"the version table as a slot", names_the_version_table, NO_SLOT},
    {"an offset within a slot", names_no_slot, NO_SLOT},
    {"the slot after the last", names_a_slot_after_the_last, NO_SLOT},
    {"the page before the first slot", names_the_end_of_the_world, NO_SLOT},
    {"a negative offset", names_a_negative_offset, NO_SLOT},
    {"an odd version", names_an_odd_version, STALE},
    {"a version of the past", names_an_old_version, STALE},
    {"a version of the future", names_a_version_to_come, STALE},
    {"a plane that starts outside", starts_a_plane_outside, OUTSIDE},
    {"a plane that ends outside", ends_a_plane_outside, OUTSIDE},
    {"a row too many", has_a_row_too_many, OUTSIDE},
    {"stride * rows past 32 bits", multiplies_past_32_bits, OUTSIDE},
    {"stride * rows past 63 bits", multiplies_past_63_bits, OUTSIDE},
    {"bottom up, past the start", goes_back_past_the_start, OUTSIDE},
    {"bottom up, a world", goes_back_a_world, OUTSIDE},
    {"rows wider than the slot", has_rows_wider_than_the_slot, OUTSIDE},
    {"rows that overlap", has_rows_that_overlap, OUTSIDE},
    {"a stride of nothing", has_a_stride_of_nothing, OUTSIDE},
    {"a plane without rows", has_a_plane_without_rows, OUTSIDE},
    {"a bad second plane", has_a_bad_second_plane, OUTSIDE},
    {"too many planes", has_too_many_planes, OUTSIDE},
    {"a picture without planes", has_no_plane, OUTSIDE},
    {"no kind", is_of_no_kind, OUTSIDE},
    {"a packet with planes", is_a_packet_with_planes, OUTSIDE},
    {"side data outside", has_side_data_outside, OUTSIDE},
    {"side data that wraps", has_side_data_that_wraps, OUTSIDE},
    {"a format name without end", has_a_format_without_end, OUTSIDE},
    {"a time base of nothing", has_a_time_base_of_nothing, OUTSIDE},
    {"a negative time base", has_a_negative_time_base, OUTSIDE},
};

static void take_good(struct fake_producer *fake, struct fl_lane *lane, uint32_t slot, uint64_t number)
{
    struct fl_entry entry = fake_entry(fake, slot, number);
    struct fl_frame *frame;
    fake_announce(fake, &entry);
    CHECK_EQ(fl_lane_take(lane, &frame), 0);
    CHECK_EQ(fl_frame_desc(frame)->number, number);
    fl_frame_release(frame);
}

static void attack_once(const struct attack *attack)
{
    struct fl_context *context;
    struct fake_producer bad, good;
    struct fl_frame *frame, *held;
    CHECK_EQ(fl_context_create(&context), 0);
    struct fl_lane *bad_lane = fake_producer_create(&bad, context, 1, CREDITS);
    struct fl_lane *good_lane = fake_producer_create(&good, context, 2, CREDITS);
    struct fl_entry entry = fake_entry(&bad, 0, 0);
    printf("    %s\n", attack->name);
    for (unsigned lap = 0; lap < LAP; lap++)
        take_good(&bad, bad_lane, 0, lap);
    take_good(&good, good_lane, 0, 0);
    fake_announce(&bad, &entry);
    CHECK_EQ(fl_lane_take(bad_lane, &held), 0);
    attack->run(&bad);
    CHECK(fl_lane_ready(bad_lane)); /* there is something to be told */
    CHECK_EQ(fl_lane_take(bad_lane, &frame), -EBADMSG);
    CHECK_SAYS(fl_lane_fault(bad_lane), attack->says);
    entry = fake_entry(&bad, 2, 9);
    fake_announce(&bad, &entry);
    CHECK_EQ(fl_lane_take(bad_lane, &frame), -EBADMSG); /* dead for good, also if it behaves now */
    take_good(&good, good_lane, 1, 1);
    CHECK(fl_lane_fault(good_lane) == NULL);
    fl_frame_release(held); /* what was taken before is still given back */
    fl_context_service(context);
    CHECK_EQ(fl_load(&bad.returns->returned, FL_ACQUIRE), LAP + 1);
    fl_context_destroy(context);
    fake_producer_destroy(&bad);
    fake_producer_destroy(&good);
}

static void every_attack_kills_only_its_lane(void)
{
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++)
        attack_once(&attacks[i]);
}

/* One lane, whose producer is the fake. */
struct scene {
    struct fl_context *context;
    struct fake_producer fake;
    struct fl_lane *lane;
};

static void begin(struct scene *scene, const struct fl_lane_info *info)
{
    CHECK_EQ(fl_context_create(&scene->context), 0);
    scene->lane = fake_producer_create_as(&scene->fake, scene->context, 1, info);
}

static void end(struct scene *scene)
{
    fl_context_destroy(scene->context);
    fake_producer_destroy(&scene->fake);
}

/* The places are there, and nothing unread is written over; the credit is not there. */
static void nobody_announces_beyond_its_credit(void)
{
    enum { FEW = 3 };
    struct scene scene;
    struct fl_frame *held[FEW], *frame;
    begin(&scene, &(struct fl_lane_info){.credits = FEW});
    for (uint32_t i = 0; i <= FEW; i++) {
        struct fl_entry entry = fake_entry(&scene.fake, i, i);
        fake_announce(&scene.fake, &entry);
    }
    for (unsigned i = 0; i < FEW; i++)
        CHECK_EQ(fl_lane_take(scene.lane, &held[i]), 0);
    CHECK_EQ(fl_lane_take(scene.lane, &frame), -EBADMSG);
    CHECK_SAYS(fl_lane_fault(scene.lane), "more than it has credit for");
    for (unsigned i = 0; i < FEW; i++)
        fl_frame_release(held[i]);
    end(&scene);
}

/* A `latest` consumer shows what it skipped when it is done: who goes on announcing meanwhile has no credit for it. */
static void nobody_is_kept_skipping(void)
{
    enum { FEW = 3 };
    struct scene scene;
    struct fl_frame *frame;
    struct fl_lane_stats stats;
    struct fl_lane_info info = {.credits = FEW, .when_full = FL_WHEN_FULL_LATEST};
    begin(&scene, &info);
    for (uint32_t i = 0; i <= FEW; i++) { /* the last as if it had come while those before were skipped */
        struct fl_entry entry = fake_entry(&scene.fake, i, i);
        fake_announce(&scene.fake, &entry);
    }
    CHECK_EQ(fl_lane_take(scene.lane, &frame), -EBADMSG);
    CHECK_SAYS(fl_lane_fault(scene.lane), "more than it has credit for");
    fl_lane_get_stats(scene.lane, &stats);
    CHECK_EQ(stats.skipped, FEW);
    end(&scene);
}

/* Whoever was told that there is something finds it: announcing and taking back by turns does not keep a consumer awake. */
static void what_is_there_stays_there(void)
{
    struct scene scene;
    struct fl_frame *frame;
    begin(&scene, &(struct fl_lane_info){.credits = CREDITS});
    struct fl_entry entry = fake_entry(&scene.fake, 0, 0);
    fake_announce(&scene.fake, &entry);
    CHECK(fl_lane_ready(scene.lane));
    fake_count(&scene.fake, 0, 0);
    CHECK(fl_lane_ready(scene.lane));
    CHECK_EQ(fl_lane_take(scene.lane, &frame), 0);
    CHECK(!fl_lane_ready(scene.lane));
    fl_frame_release(frame);
    end(&scene);
}

/* The pool that this process writes itself is no other's to announce. */
static void nobody_announces_our_own_pool(void)
{
    struct scene scene;
    struct fl_frame *frame;
    struct fl_pool_info own = {.id = 5, .slot_count = 4, .slot_bytes = 1};
    int fd;
    begin(&scene, &(struct fl_lane_info){.credits = CREDITS});
    struct fl_entry entry = fake_entry(&scene.fake, 0, 0);
    wiring_pool(scene.context, &own, &fd);
    entry.pool = 5;
    entry.version = 0;
    fake_announce(&scene.fake, &entry);
    CHECK_EQ(fl_lane_take(scene.lane, &frame), -EBADMSG);
    CHECK_SAYS(fl_lane_fault(scene.lane), "cannot be its own");
    end(&scene);
    close(fd);
}

static void a_closed_lane_stays_closed(void)
{
    struct scene scene;
    struct fl_frame *frame;
    begin(&scene, &(struct fl_lane_info){.credits = CREDITS});
    take_good(&scene.fake, scene.lane, 0, 0);
    fl_store(&scene.fake.announce->closed, 2, FL_RELEASE);
    CHECK_EQ(fl_lane_take(scene.lane, &frame), -ENODATA);
    fl_store(&scene.fake.announce->closed, 0, FL_RELEASE);
    CHECK_EQ(fl_lane_take(scene.lane, &frame), -EBADMSG);
    CHECK_SAYS(fl_lane_fault(scene.lane), "after it had closed");
    end(&scene);
}

static void overwriting_what_is_held_is_noticed(void)
{
    struct scene scene;
    struct fl_frame *frame;
    begin(&scene, &(struct fl_lane_info){.credits = CREDITS});
    struct fl_entry entry = fake_entry(&scene.fake, 0, 0);
    fake_announce(&scene.fake, &entry);
    CHECK_EQ(fl_lane_take(scene.lane, &frame), 0);
    fl_store(&scene.fake.versions[0].version, 3, FL_RELEASE);
    fl_frame_release(frame);
    fl_context_service(scene.context);
    CHECK_SAYS(fl_lane_fault(scene.lane), "overwritten while it was held");
    end(&scene);
}

/* The consumer acts on its private copy: what the producer writes afterwards changes nothing. */
static void changing_an_entry_after_take_changes_nothing(void)
{
    struct scene scene;
    struct fl_frame *frame;
    begin(&scene, &(struct fl_lane_info){.credits = CREDITS});
    struct fl_entry entry = fake_entry(&scene.fake, 1, 5);
    fake_announce(&scene.fake, &entry);
    CHECK_EQ(fl_lane_take(scene.lane, &frame), 0);
    for (unsigned i = 0; i < scene.fake.places * FL_ENTRY_WORDS; i++)
        fl_store(&scene.fake.announce->entries[i], UINT64_MAX, FL_RELEASE);
    CHECK_EQ(memcmp(fl_frame_desc(frame), &entry.desc, sizeof entry.desc), 0);
    CHECK_EQ(fl_frame_capacity(frame), scene.fake.pool_info.slot_bytes);
    fl_frame_release(frame);
    fl_context_service(scene.context);
    CHECK(fl_lane_fault(scene.lane) == NULL);
    end(&scene);
}

static void through_that_goes_back_or_is_torn_is_not_believed(void)
{
    struct scene scene;
    struct fl_through heard;
    begin(&scene, &(struct fl_lane_info){.credits = CREDITS});
    fl_store(&scene.fake.announce->through_epoch, 1, FL_RELAXED);
    fl_store(&scene.fake.announce->through_number, 10, FL_RELAXED);
    fl_store(&scene.fake.announce->through_time_base, 1ull << 32 | 25, FL_RELAXED);
    fl_store(&scene.fake.announce->through_seq, 1, FL_RELEASE);
    CHECK(!fl_lane_through(scene.lane, &heard)); /* in the middle of it, for ever: the consumer does not wait */
    fl_store(&scene.fake.announce->through_seq, 2, FL_RELEASE);
    CHECK(fl_lane_through(scene.lane, &heard));
    CHECK_EQ(heard.number, 10);
    fl_store(&scene.fake.announce->through_number, 3, FL_RELAXED);
    fl_store(&scene.fake.announce->through_seq, 4, FL_RELEASE);
    CHECK(fl_lane_through(scene.lane, &heard));
    CHECK_EQ(heard.number, 10);
    fl_store(&scene.fake.announce->through_number, 20, FL_RELAXED);
    fl_store(&scene.fake.announce->through_time_base, 1ull << 32, FL_RELAXED); /* n / 0 seconds */
    fl_store(&scene.fake.announce->through_seq, 6, FL_RELEASE);
    CHECK(fl_lane_through(scene.lane, &heard));
    CHECK_EQ(heard.number, 10);
    CHECK_EQ(heard.time_base_den, 25);
    end(&scene);
}

struct noise {
    struct fake_producer *fake;
    struct fl_lane *lane;
    uint64_t listened, rings, news; /* one ring of so many moves something; 0: none does */
    unsigned ignored;
};

/* Rings before every sleep; content when three rings in a row have woken nobody. */
static bool is_ignored(void *arg)
{
    struct noise *noise = arg;
    struct fl_lane_stats stats;
    CHECK(noise->rings++ < 20000);
    if (noise->news && noise->rings % noise->news == 0)
        fl_store(&noise->fake->announce->head, noise->rings, FL_RELAXED);
    fl_lane_get_stats(noise->lane, &stats);
    noise->ignored = stats.wakeups == noise->listened ? noise->ignored + 1 : 0;
    noise->listened = stats.wakeups;
    fake_ring(noise->fake);
    return noise->ignored > 6; /* it is asked twice a sleep */
}

static bool is_ready(void *lane)
{
    return fl_lane_ready(lane);
}

/* A bell that rings for nothing costs its owner's time; after a while nobody listens to it, and every lane is still served. */
static void check_noise(uint64_t news)
{
    struct fl_context *context;
    struct fake_producer bad, good;
    CHECK_EQ(fl_context_create(&context), 0);
    struct fl_lane *bad_lane = fake_producer_create(&bad, context, 1, CREDITS);
    struct fl_lane *good_lane = fake_producer_create(&good, context, 2, CREDITS);
    struct noise noise = {.fake = &bad, .lane = bad_lane, .news = news};
    CHECK_EQ(fl_context_wait(context, is_ignored, &noise, -1), 0);
    struct fl_lane_stats stats;
    fl_lane_get_stats(bad_lane, &stats);
    CHECK(stats.muted);
    printf("  %llu rings listened to\n", (unsigned long long)noise.listened);
    CHECK_EQ(fl_context_wait(context, is_ready, good_lane, 0), -ETIMEDOUT);
    struct fl_entry entry = fake_entry(&good, 0, 0);
    struct fl_frame *frame;
    fake_announce(&good, &entry);
    fake_ring(&good);
    CHECK_EQ(fl_context_wait(context, is_ready, good_lane, -1), 0);
    CHECK_EQ(fl_lane_take(good_lane, &frame), 0);
    fl_frame_release(frame);
    entry = fake_entry(&bad, 0, 0);
    fake_announce(&bad, &entry);
    CHECK_EQ(fl_context_wait(context, is_ready, bad_lane, -1), 0);
    CHECK_EQ(fl_lane_take(bad_lane, &frame), 0);
    fl_frame_release(frame);
    fl_context_destroy(context);
    fake_producer_destroy(&bad);
    fake_producer_destroy(&good);
}

static void a_bell_without_news_is_left_alone(void)
{
    check_noise(0);
}

static void a_bell_with_next_to_no_news_is_left_alone(void)
{
    check_noise(500);
}

enum { HONEST_RINGS = 5000 };

static bool is_over(void *arg)
{
    struct noise *noise = arg;
    return is_ignored(noise) || noise->rings == HONEST_RINGS;
}

/* Who has taken what a ring is for before it is heard finds nothing then: one of two, at the worst. */
static void every_second_ring_may_be_late(void)
{
    struct fl_context *context;
    struct fake_producer fake;
    CHECK_EQ(fl_context_create(&context), 0);
    struct fl_lane *lane = fake_producer_create(&fake, context, 1, CREDITS);
    struct noise noise = {.fake = &fake, .lane = lane, .news = 2};
    CHECK_EQ(fl_context_wait(context, is_over, &noise, -1), 0);
    CHECK_EQ(noise.rings, HONEST_RINGS);
    fl_context_destroy(context);
    fake_producer_destroy(&fake);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"every attack is noticed and kills its own lane only", every_attack_kills_only_its_lane},
        {"nobody announces beyond its credit", nobody_announces_beyond_its_credit},
        {"nobody is kept skipping", nobody_is_kept_skipping},
        {"what is there stays there", what_is_there_stays_there},
        {"nobody announces our own pool", nobody_announces_our_own_pool},
        {"a closed lane stays closed", a_closed_lane_stays_closed},
        {"overwriting what is held is noticed", overwriting_what_is_held_is_noticed},
        {"changing an entry after take changes nothing", changing_an_entry_after_take_changes_nothing},
        {"a through that goes back or is never finished is not believed", through_that_goes_back_or_is_torn_is_not_believed},
        {"a bell without news is left alone", a_bell_without_news_is_left_alone},
        {"a bell with next to no news is left alone", a_bell_with_next_to_no_news_is_left_alone},
        {"every second ring may be late", every_second_ring_may_be_late},
    };
    return CHECK_RUN(cases);
}
