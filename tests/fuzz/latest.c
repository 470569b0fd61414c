/* The latest region, and the version table of a pool, as an observer meets them. The hostile writer sets any words between two
 * looks; a peek gives a frame that lies in its slot, or says why not, and holding on to it is never believed once the version has
 * moved. */
#include "fuzz.h"

#include "../../transport/internal.h"
#include "../lib/fake.h"
#include <framelane/latest.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct world {
    struct fl_context *context;
    struct fake_producer fake; /* for its pool */
    struct fl_latest_region *own;
    struct fl_observer *observer;
    struct fl_peek peek;
    bool has_peek;
    uint64_t peeks, lost;
};

static fl_word *version_of(struct world *world, uint64_t offset)
{
    return &world->fake.versions[(offset - world->fake.first_slot) / world->fake.pool_info.slot_bytes].version;
}

static void check_peek(struct world *world)
{
    const struct fl_desc *desc = &world->peek.desc;
    uint64_t slot_bytes = world->fake.pool_info.slot_bytes, offset = (uint64_t)(world->peek.base - world->fake.pool);
    volatile uint8_t last = 0;
    FUZZ_CHECK(world->peek.capacity == slot_bytes && world->peek.count > 0);
    FUZZ_CHECK(offset >= world->fake.first_slot && offset + slot_bytes <= world->fake.pool_bytes);
    FUZZ_CHECK((offset - world->fake.first_slot) % slot_bytes == 0);
    FUZZ_CHECK(fl_desc_check(desc, slot_bytes) == 0);
    FUZZ_CHECK(fl_load(version_of(world, offset), FL_RELAXED) == world->peek.version && (world->peek.version & 1) == 0);
    for (unsigned i = 0; i < desc->plane_count; i++) {
        const struct fl_plane *plane = &desc->planes[i];
        last += world->peek.base[(int64_t)plane->offset + (int64_t)(plane->rows - 1) * plane->stride + plane->row_bytes - 1];
    }
}

static void look(struct world *world)
{
    uint64_t seq = fl_load(&world->own->seq, FL_RELAXED);
    int error = fl_observer_peek(world->observer, &world->peek);
    FUZZ_CHECK(error == 0 || error == -EAGAIN || error == -ENOENT || error == -ESTALE || error == -EBADMSG);
    FUZZ_CHECK((error == -EAGAIN) == (seq == 0 || (seq & 1) != 0));
    world->peeks += error == 0;
    world->lost += error == -ESTALE;
    if (error < 0)
        return; /* what was seen before is still asked about */
    world->has_peek = true;
    check_peek(world);
}

static void ask_whether_it_holds(struct world *world)
{
    if (!world->has_peek)
        return;
    bool same = fl_load((const fl_word *)world->peek.place, FL_RELAXED) == world->peek.version;
    FUZZ_CHECK(fl_observer_holds(world->observer, &world->peek) == same);
    world->lost += !same;
}

/* ---- an input ---- */

enum { WRITE, SPOILT, ANY, SEQ, VERSION, PEEK, HOLDS, OPERATIONS };

static void write_entry(struct world *world, struct fuzz_input *in, bool spoilt)
{
    union fl_announcement copy = {.entry = fake_entry(&world->fake, fuzz_byte(in) % 4, 7)};
    copy.entry.version = fl_load(version_of(world, copy.entry.offset), FL_RELAXED);
    if (spoilt)
        fuzz_spoil(in, &copy.entry, sizeof copy.entry);
    fl_latest_write(world->own, copy.words);
}

static void act(struct world *world, unsigned operation, struct fuzz_input *in)
{
    fl_word *word = (fl_word *)world->own + fuzz_byte(in) % (sizeof *world->own / sizeof(fl_word));
    fl_word *version = &world->fake.versions[fuzz_byte(in) % 4].version;
    switch (operation) {
    case WRITE:
    case SPOILT:
        write_entry(world, in, operation == SPOILT);
        break;
    case ANY:
        fl_store(word, fuzz_word(in, fl_load(word, FL_RELAXED)), FL_RELEASE);
        break;
    case SEQ:
        fl_store(&world->own->seq, fuzz_word(in, fl_load(&world->own->seq, FL_RELAXED)), FL_RELEASE);
        break;
    case VERSION:
        fl_store(version, fuzz_word(in, fl_load(version, FL_RELAXED)), FL_RELEASE);
        break;
    case PEEK:
        look(world);
        break;
    default:
        ask_whether_it_holds(world);
    }
}

void fuzz_one(struct fuzz_input *in)
{
    struct world world = {0};
    struct fl_observer_stats stats;
    void *own;
    int before = fuzz_free_fd();
    FUZZ_CHECK(fl_context_create(&world.context) == 0);
    fake_producer_create(&world.fake, world.context, 1, 2);
    int fd = fl_shm_mint("latest", fl_latest_bytes());
    FUZZ_CHECK(fl_shm_map_writer(fd, fl_latest_bytes(), &own) == 0);
    FUZZ_CHECK(fl_observer_create(world.context, fd, &world.observer) == 0);
    close(fd);
    world.own = own;
    for (unsigned count = 0; fuzz_more(in) && count < 300; count++)
        act(&world, fuzz_byte(in) % OPERATIONS, in);
    fl_observer_get_stats(world.observer, &stats);
    FUZZ_CHECK(stats.peeks == world.peeks && stats.lost == world.lost);
    FUZZ_CHECK(!fl_pool_is_held(world.context->pools[0]));
    fl_observer_destroy(world.observer);
    fl_context_destroy(world.context);
    fl_shm_unmap(own, fl_latest_bytes());
    fake_producer_destroy(&world.fake);
    FUZZ_CHECK(fuzz_free_fd() == before);
}

const struct fuzz_seed fuzz_seeds[] = {
    FUZZ_SEED(WRITE, 0, 0, 0, PEEK, 0, 0, HOLDS, 0, 0, VERSION, 0, 0, 1, HOLDS, 0, 0, PEEK, 0, 0),
    FUZZ_SEED(PEEK, 0, 0, SEQ, 0, 0, 1, PEEK, 0, 0, SEQ, 0, 0, 1, PEEK, 0, 0),
    FUZZ_SEED(SPOILT, 0, 0, 1, 1, 2, 8, PEEK, 0, 0, SPOILT, 0, 0, 1, 1, 30, 0xa0, 0, PEEK, 0, 0, ANY, 16, 0, 1, PEEK, 0, 0),
    {0},
};
