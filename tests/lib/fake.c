#include "fake.h"

#include "check.h"
#include "picture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t places_for(uint32_t credits)
{
    uint64_t places = 4;
    while (places < credits)
        places *= 2;
    return places;
}

static void map_pool(struct fake_producer *fake, struct fl_context *reader, uint32_t pool_id)
{
    void *base;
    fake->pool_info = (struct fl_pool_info){.id = pool_id, .slot_count = 4, .slot_bytes = fl_pool_slot_bytes(1)};
    fake->pool_bytes = fl_pool_file_bytes(&fake->pool_info);
    fake->first_slot = fake->pool_bytes - fake->pool_info.slot_count * fake->pool_info.slot_bytes;
    int fd = fl_shm_mint("fake pool", fake->pool_bytes);
    CHECK(fd >= 0);
    CHECK_EQ(fl_shm_map_writer(fd, fake->pool_bytes, &base), 0);
    CHECK_EQ(fl_shm_seal(fd, fake->pool_bytes), 0);
    wiring_pool_reader(reader, fd, &fake->pool_info);
    close(fd);
    fake->pool = base;
    fake->versions = base;
    for (uint32_t i = 0; i < fake->pool_info.slot_count; i++)
        fl_store(&fake->versions[i].version, 2, FL_RELEASE);
}

struct fl_lane *fake_producer_create(struct fake_producer *fake, struct fl_context *context, uint32_t pool_id, uint32_t credits)
{
    struct fl_lane_info info = {.credits = credits, .when_full = FL_WHEN_FULL_WAIT};
    return fake_producer_create_as(fake, context, pool_id, &info);
}

struct fl_lane *fake_producer_create_as(struct fake_producer *fake, struct fl_context *context, uint32_t pool_id,
                                        const struct fl_lane_info *info)
{
    struct wiring wiring;
    const void *returns;
    memset(fake, 0, sizeof *fake);
    map_pool(fake, context, pool_id);
    wiring_mint(&wiring, info);
    wiring_map_producer(&wiring);
    wiring_map_consumer(&wiring);
    wiring_seal(&wiring);
    struct fl_lane *lane = wiring_attach_consumer(&wiring, context);
    fake->announce_bytes = fl_lane_announce_bytes(info->credits);
    fake->return_bytes = fl_lane_return_bytes(info->credits);
    CHECK_EQ(fl_shm_map_reader(wiring.returns, fake->return_bytes, &returns), 0);
    fake->announce = wiring.announce_own;
    fake->returns = returns;
    fake->places = places_for(info->credits);
    fake->bell = fcntl(wiring.to_consumer, F_DUPFD_CLOEXEC, 0);
    wiring_finish(&wiring);
    return lane;
}

void fake_producer_destroy(struct fake_producer *fake)
{
    fl_shm_unmap(fake->announce, fake->announce_bytes);
    fl_shm_unmap(fake->returns, fake->return_bytes);
    fl_shm_unmap(fake->pool, fake->pool_bytes);
    close(fake->bell);
}

struct fl_entry fake_entry(const struct fake_producer *fake, uint32_t slot, uint64_t number)
{
    struct fl_entry entry = {
        .pool = fake->pool_info.id,
        .offset = fake->first_slot + slot * fake->pool_info.slot_bytes,
        .version = 2,
    };
    picture_describe(&entry.desc, number, 16, 4, 16);
    return entry;
}

static fl_word *place_of(struct fake_producer *fake, uint64_t index)
{
    return &fake->announce->entries[index % fake->places * FL_ENTRY_WORDS];
}

void fake_write(struct fake_producer *fake, uint64_t index, const struct fl_entry *entry)
{
    uint64_t words[FL_ENTRY_WORDS];
    memcpy(words, entry, sizeof words);
    for (unsigned i = 0; i < FL_ENTRY_WORDS - 1; i++) /* the count stands in their midst */
        fl_store(&place_of(fake, index)[i < FL_COUNT_WORD ? i : i + 1], words[i], FL_RELAXED);
}

void fake_count(struct fake_producer *fake, uint64_t index, uint64_t count)
{
    fl_store(&place_of(fake, index)[FL_COUNT_WORD], count, FL_RELEASE);
}

void fake_announce(struct fake_producer *fake, const struct fl_entry *entry)
{
    fake_write(fake, fake->head, entry);
    fake_count(fake, fake->head, fake->head + 1);
    fl_store(&fake->announce->head, ++fake->head, FL_RELEASE);
}

/* In both ways: it does not look at how the other side listens. */
static void ring(fl_word *word, int bell)
{
    uint64_t one = 1;
    fl_store(word, fl_load(word, FL_RELAXED) + 1, FL_RELEASE);
    syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
    CHECK(write(bell, &one, sizeof one) == sizeof one || errno == EAGAIN); /* full: nobody listens to it */
}

void fake_ring(struct fake_producer *fake)
{
    ring(&fake->announce->bell, fake->bell);
}

void fake_ring_back(struct fake_consumer *fake)
{
    ring(&fake->returns->bell, fake->bell);
}

struct fl_output_lane *fake_consumer_create(struct fake_consumer *fake, struct fl_output *output, uint32_t when_full,
                                            uint32_t credits)
{
    struct fl_lane_info info = {.credits = credits, .when_full = when_full};
    return fake_consumer_create_as(fake, output, &info);
}

struct fl_output_lane *fake_consumer_create_as(struct fake_consumer *fake, struct fl_output *output,
                                               const struct fl_lane_info *info)
{
    struct wiring wiring;
    const void *announce;
    memset(fake, 0, sizeof *fake);
    wiring_mint(&wiring, info);
    wiring_map_producer(&wiring);
    wiring_map_consumer(&wiring);
    wiring_seal(&wiring);
    struct fl_output_lane *lane = wiring_attach_producer(&wiring, output);
    fake->announce_bytes = fl_lane_announce_bytes(info->credits);
    fake->return_bytes = fl_lane_return_bytes(info->credits);
    CHECK_EQ(fl_shm_map_reader(wiring.announce, fake->announce_bytes, &announce), 0);
    fake->returns = wiring.returns_own;
    fake->announce = announce;
    fake->places = places_for(info->credits);
    fake->bell = fcntl(wiring.to_producer, F_DUPFD_CLOEXEC, 0);
    wiring_finish(&wiring);
    return lane;
}

void fake_consumer_destroy(struct fake_consumer *fake)
{
    fl_shm_unmap(fake->announce, fake->announce_bytes);
    fl_shm_unmap(fake->returns, fake->return_bytes);
    close(fake->bell);
}

void fake_return(struct fake_consumer *fake, uint64_t index)
{
    fl_store(&fake->returns->entries[fake->returned % fake->places], index, FL_RELAXED);
    fl_store(&fake->returns->returned, ++fake->returned, FL_RELEASE);
}
