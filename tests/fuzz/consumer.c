/* The announce region, and the version table of a pool, as a consumer meets them. The hostile producer writes any words at any
 * moment between two calls; beside it an honest one, whose every frame must arrive. */
#include "fuzz.h"

#include "../../transport/internal.h"
#include "../lib/fake.h"

#include <errno.h>
#include <string.h>

enum { MOST_HELD = 8, MOST_TAKEN = 4096 };

struct world {
    struct fl_context *context;
    struct fake_producer bad, good;
    struct fl_lane *lane, *good_lane;
    struct fl_frame *held[MOST_HELD];
    uint64_t taken, returned; /* frames taken here; returns seen in the region */
    bool back[MOST_TAKEN];    /* the announcement came back */
    struct fl_through through;
    bool through_known, left, down, faulted;
    uint64_t honest;
};

/* ---- what must hold after every operation ---- */

static void check_frame(const struct world *world, const struct fl_frame *frame)
{
    const struct fl_desc *desc = fl_frame_desc(frame);
    uint64_t offset, slot_bytes = world->bad.pool_info.slot_bytes;
    const struct fl_pool *pool = fl_frame_pool(frame, &offset);
    FUZZ_CHECK(pool && fl_pool_info(pool)->slot_bytes == slot_bytes);
    FUZZ_CHECK(fl_frame_capacity(frame) == slot_bytes);
    FUZZ_CHECK(offset >= world->bad.first_slot && (offset - world->bad.first_slot) % slot_bytes == 0);
    FUZZ_CHECK((offset - world->bad.first_slot) / slot_bytes < world->bad.pool_info.slot_count);
    FUZZ_CHECK(!pool->writer && (frame->version & 1) == 0);
    FUZZ_CHECK(fl_load(&pool->versions[(offset - world->bad.first_slot) / slot_bytes].version, FL_RELAXED) == frame->version);
    FUZZ_CHECK(fl_desc_check(desc, slot_bytes) == 0);
    for (unsigned i = 0; i < desc->plane_count; i++)
        for (uint64_t row = 0; row < desc->planes[i].rows && row < 4096; row++) {
            const uint8_t *first = fl_frame_plane(frame, i) + (int64_t)row * desc->planes[i].stride;
            FUZZ_CHECK(first >= fl_frame_base(frame));
            FUZZ_CHECK(first + desc->planes[i].row_bytes <= fl_frame_base(frame) + slot_bytes);
        }
}

static void check_returns(struct world *world)
{
    const struct fl_return_region *region = world->bad.returns;
    uint64_t returned = fl_load(&region->returned, FL_ACQUIRE);
    struct fl_lane_stats stats;
    fl_lane_get_stats(world->lane, &stats);
    FUZZ_CHECK(returned >= world->returned && returned + world->lane->unlooked == stats.returned); /* but for those in a batch */
    FUZZ_CHECK(stats.returned <= stats.taken && stats.taken - stats.returned <= world->lane->info.credits);
    if (returned - world->returned > world->bad.places) /* announced without credit, and returned before anybody looked */
        world->returned = returned - world->bad.places;
    while (world->returned < returned) {
        uint64_t index = fl_load(&region->entries[world->returned++ % world->bad.places], FL_RELAXED);
        FUZZ_CHECK(index < stats.taken && !world->back[index]);
        world->back[index] = true;
    }
}

static void check_lane(struct world *world)
{
    check_returns(world);
    FUZZ_CHECK(world->lane->rx.head - world->lane->rx.tail <= 1);
    FUZZ_CHECK(!world->faulted || fl_lane_fault(world->lane));
    world->faulted = fl_lane_fault(world->lane) != NULL;
    FUZZ_CHECK(!world->faulted || fl_lane_ready(world->lane));
}

/* ---- what this process does ---- */

static void keep(struct world *world, struct fl_frame *frame)
{
    unsigned i = 0;
    while (i < MOST_HELD - 1 && world->held[i])
        i++;
    fl_frame_release(world->held[i]);
    world->held[i] = frame;
}

/* With the call for one frame, or with that for several (`most` > 0), which says what stands behind the frames the next time. */
static void take(struct world *world, unsigned most)
{
    struct fl_frame *frames[MOST_HELD];
    bool faulted = fl_lane_fault(world->lane) != NULL;
    int got = most > 0 ? fl_lane_take_many(world->lane, frames, most) : fl_lane_take(world->lane, frames);
    if (got >= 0) {
        FUZZ_CHECK(!faulted && !world->left && got <= (int)most);
        for (int i = 0; i < got + (most == 0); i++) {
            check_frame(world, frames[i]);
            keep(world, frames[i]);
        }
        return;
    }
    FUZZ_CHECK(got == -EAGAIN || got == -ENODATA || got == -ENOENT || got == -EBADMSG);
    FUZZ_CHECK((got == -EBADMSG) == (fl_lane_fault(world->lane) && !world->left));
    if (got == -ENODATA)
        FUZZ_CHECK(world->left || world->down || world->lane->rx.closed == world->lane->rx.tail + 1);
    if (got == -EAGAIN)
        FUZZ_CHECK(!world->left && !world->down);
}

static void release_all(struct world *world)
{
    fl_frame_release_many(world->held, MOST_HELD);
    memset(world->held, 0, sizeof world->held);
}

static void ask_through(struct world *world)
{
    struct fl_through now;
    bool known = fl_lane_through(world->lane, &now);
    FUZZ_CHECK(known || !world->through_known);
    if (!known)
        return;
    FUZZ_CHECK(now.time_base_num > 0 && now.time_base_den > 0);
    FUZZ_CHECK(!world->through_known || !fl_through_is_later(&world->through, &now));
    world->through = now;
    world->through_known = true;
}

struct patience {
    struct fl_lane *lane;
    unsigned asked;
};

static bool ready_soon(void *arg)
{
    struct patience *patience = arg;
    return fl_lane_ready(patience->lane) || patience->asked++ > 3;
}

static void wait_a_little(struct world *world)
{
    struct patience patience = {world->lane, 0};
    int error = fl_context_wait(world->context, ready_soon, &patience, 5000);
    FUZZ_CHECK(error == 0 || error == -ETIMEDOUT);
}

/* ---- what the producer does ---- */

/* `type`: FL_ENTRY_AS_BEFORE leaves out what the announcement before has said. */
static void announce(struct world *world, struct fuzz_input *in, unsigned type, bool spoilt)
{
    struct fl_entry entry = fake_entry(&world->bad, fuzz_byte(in) % 4, world->bad.head);
    entry.version = fl_load(&world->bad.versions[(entry.offset - world->bad.first_slot) / 4096].version, FL_RELAXED);
    entry.type = type;
    if (spoilt)
        fuzz_spoil(in, &entry, sizeof entry);
    fake_announce(&world->bad, &entry);
}

static void write_through(struct world *world, struct fuzz_input *in)
{
    struct fl_announce_region *region = world->bad.announce;
    fl_word *words[] = {&region->through_epoch, &region->through_number, &region->through_pts, &region->through_time_base};
    fl_word *word = words[fuzz_byte(in) % 4];
    fl_store(word, fuzz_word(in, fl_load(word, FL_RELAXED)), FL_RELEASE);
    fl_store(&region->through_time_base, fuzz_byte(in) % 8 ? 1ull << 32 | 25 : fuzz_word(in, 1), FL_RELEASE);
    fl_store(&region->through_seq, fuzz_byte(in) % 8 ? 2 * world->bad.head + 2 : fuzz_word(in, 2), FL_RELEASE);
}

static void write_any(struct world *world, struct fuzz_input *in)
{
    uint64_t words = 32 + world->bad.places * FL_ENTRY_WORDS;
    fl_word *word = (fl_word *)world->bad.announce + fuzz_raw(in, 2) % words;
    fl_store(word, fuzz_word(in, fl_load(word, FL_RELAXED)), FL_RELEASE);
}

static void write_version(struct world *world, struct fuzz_input *in)
{
    fl_word *version = &world->bad.versions[fuzz_byte(in) % 4].version;
    fl_store(version, fuzz_word(in, fl_load(version, FL_RELAXED)), FL_RELEASE);
}

/* ---- an input ---- */

enum {
    ANNOUNCE,
    SPOILT,
    SHORT,
    SPOILT_SHORT,
    HEAD,
    COUNT,
    CLOSED,
    THROUGH,
    ANY,
    VERSION,
    TAKE,
    RELEASE,
    ASK,
    SERVICE,
    LEAVE,
    DOWN,
    ARMED,
    WAIT,
    TAKE_MANY,
    RELEASE_ALL,
    OPERATIONS
};

static void lie(struct world *world, unsigned operation, struct fuzz_input *in)
{
    struct fl_announce_region *region = world->bad.announce;
    switch (operation) {
    case ANNOUNCE:
        announce(world, in, FL_ENTRY_WHOLE, false);
        break;
    case SPOILT:
        announce(world, in, FL_ENTRY_WHOLE, true);
        break;
    case SHORT:
        announce(world, in, FL_ENTRY_AS_BEFORE, false);
        break;
    case SPOILT_SHORT:
        announce(world, in, FL_ENTRY_AS_BEFORE, true);
        break;
    case HEAD:
        world->bad.head = fuzz_word(in, world->bad.head);
        break;
    case COUNT:
        fake_count(&world->bad, world->bad.head, fuzz_word(in, world->bad.head));
        break;
    case CLOSED:
        fl_store(&region->closed, fuzz_word(in, world->bad.head + 1), FL_RELEASE);
        break;
    case THROUGH:
        write_through(world, in);
        break;
    case ANY:
        write_any(world, in);
        break;
    case VERSION:
        write_version(world, in);
        break;
    default:
        fl_store(&region->armed, fuzz_word(in, fl_load(&region->armed, FL_RELAXED)), FL_RELEASE);
    }
}

static void act(struct world *world, unsigned operation, struct fuzz_input *in)
{
    struct fl_frame **held = &world->held[fuzz_byte(in) % MOST_HELD];
    switch (operation) {
    case TAKE:
        take(world, 0);
        break;
    case TAKE_MANY:
        take(world, 1 + fuzz_byte(in) % MOST_HELD);
        break;
    case RELEASE_ALL:
        release_all(world);
        break;
    case RELEASE:
        fl_frame_release(*held);
        *held = NULL;
        break;
    case ASK:
        ask_through(world);
        break;
    case LEAVE:
        fl_lane_leave(world->lane);
        world->left = true;
        break;
    case DOWN:
        fl_lane_producer_down(world->lane);
        world->down = true;
        break;
    case WAIT:
        fake_ring(&world->bad);
        wait_a_little(world);
        break;
    default:
        fl_context_service(world->context);
    }
}

static void honest_frame(struct world *world)
{
    struct fl_frame *frame;
    struct fl_entry entry = fake_entry(&world->good, world->honest % 4, world->honest);
    fake_announce(&world->good, &entry);
    FUZZ_CHECK(fl_lane_take(world->good_lane, &frame) == 0);
    FUZZ_CHECK(fl_frame_desc(frame)->number == world->honest++);
    fl_frame_release(frame);
    fl_context_service(world->context);
    FUZZ_CHECK(fl_load(&world->good.returns->returned, FL_ACQUIRE) == world->honest && !fl_lane_fault(world->good_lane));
}

/* Everything taken goes back, and then every handle is free and no pool is held. */
static void settle(struct world *world)
{
    unsigned handles = 0;
    struct fl_lane_stats stats;
    for (unsigned i = 0; i < MOST_HELD; i++)
        fl_frame_release(world->held[i]);
    fl_context_service(world->context);
    check_lane(world);
    fl_lane_get_stats(world->lane, &stats);
    FUZZ_CHECK(stats.taken == stats.returned);
    for (const struct fl_frame *frame = world->lane->free_frames; frame; frame = frame->next)
        handles++;
    FUZZ_CHECK(handles == world->lane->info.credits);
    for (unsigned i = 0; i < world->context->pool_count; i++)
        FUZZ_CHECK(!fl_pool_is_held(world->context->pools[i]));
}

void fuzz_one(struct fuzz_input *in)
{
    struct world world = {0};
    struct fl_pool_info own = {.id = 3, .slot_count = 1, .slot_bytes = fl_pool_slot_bytes(1)};
    struct fl_pool *own_pool; /* which nobody else may announce */
    int fd = fuzz_free_fd();
    FUZZ_CHECK(fl_context_create(&world.context) == 0);
    struct fl_lane_info info = {.credits = 1 + fuzz_byte(in) % 6, .when_full = fuzz_byte(in) % 3};
    fuzz_pace(in, &info);
    world.lane = fake_producer_create_as(&world.bad, world.context, 1, &info);
    FUZZ_CHECK(fl_pool_create_private(world.context, &own, &own_pool) == 0);
    world.good_lane = fake_producer_create(&world.good, world.context, 2, 2);
    for (unsigned count = 0; fuzz_more(in) && count < 300; count++) {
        unsigned operation = fuzz_byte(in) % OPERATIONS;
        if (operation <= VERSION || operation == ARMED)
            lie(&world, operation, in);
        else
            act(&world, operation, in);
        check_lane(&world);
    }
    honest_frame(&world);
    settle(&world);
    fl_context_destroy(world.context);
    fake_producer_destroy(&world.bad);
    fake_producer_destroy(&world.good);
    FUZZ_CHECK(fuzz_free_fd() == fd);
}

const struct fuzz_seed fuzz_seeds[] = {
    FUZZ_SEED(3, 0, 0, 0, ANNOUNCE, 0, TAKE, 0, RELEASE, 0, ANNOUNCE, 1, ANNOUNCE, 2, TAKE, 0, TAKE, 0, RELEASE, 1, RELEASE, 0,
              SERVICE, 0),
    FUZZ_SEED(3, 0, 0, 0, ANNOUNCE, 0, SHORT, 1, SHORT, 2, TAKE_MANY, 0, 7, RELEASE_ALL, 0, ANNOUNCE, 0, SPOILT, 0, 1, 0, 3,
              TAKE_MANY, 0, 7, TAKE_MANY, 0, 7),                                                   /* a fault behind a frame */
    FUZZ_SEED(3, 0, 0, 0, ANNOUNCE, 0, CLOSED, 0, TAKE, 0, TAKE, 0, CLOSED, 0x60, TAKE, 0),        /* closed, then open again */
    FUZZ_SEED(3, 2, 0, 0, ANNOUNCE, 0, ANNOUNCE, 1, ANNOUNCE, 2, TAKE, 0, RELEASE, 0, SERVICE, 0), /* a `latest` lane skips */
    FUZZ_SEED(3, 0, 0, 0, ANNOUNCE, 0, TAKE, 0, VERSION, 0, 1, RELEASE, 0, SERVICE, 0),            /* overwritten while held */
    /* released together and skipped by one take: more returns than there are places */
    FUZZ_SEED(0x3, 0x17, 0x0, 0xed, 0xef, 0x5c, 0x0, 0x50, 0x62, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0xa, 0x0, 0x9, 0x3, 0x0, 0x0, 0x0,
              0x2, 0x1, 0x2, 0x0, 0x13, 0x7, 0x0, 0x0, 0x12, 0x2, 0x0, 0x1, 0x0, 0x1, 0x0, 0x3, 0x12, 0x0, 0x7, 0x12, 0x0, 0x0, 0xd,
              0x0, 0x0, 0x7),
    FUZZ_SEED(3, 0, 0, 0, COUNT, 63, TAKE, 0), /* far ahead */
    FUZZ_SEED(0, 0, 0, 0, ANNOUNCE, 0, TAKE, 0, RELEASE, 0, ANNOUNCE, 0, TAKE, 0, RELEASE, 0, ANNOUNCE, 0, TAKE, 0, RELEASE, 0,
              ANNOUNCE, 0, TAKE, 0, RELEASE, 0, COUNT, 0x60, TAKE, 0), /* back by more than a lap */
    FUZZ_SEED(3, 0, 0, 0, SPOILT, 0, 1, 0, 3, TAKE, 0),                /* a pool nobody knows, and our own */
    FUZZ_SEED(3, 0, 0, 0, SPOILT, 0, 2, 0, 2, 4, 0x60, TAKE, 0),
    FUZZ_SEED(3, 0, 0, 0, ANNOUNCE, 0, TAKE, 0, RELEASE, 0, SPOILT, 1, 1, 32, 0xa8, 0, TAKE, 0), /* good, then not */
    FUZZ_SEED(3, 0, 0, 0, SPOILT, 0, 1, 0, 1, TAKE, 0),                                          /* a pool nobody knows */
    FUZZ_SEED(3, 0, 0, 0, SPOILT, 0, 1, 2, 8, TAKE, 0, SPOILT, 0, 1, 30, 0xa0, 0, TAKE, 0),      /* an offset; a plane */
    FUZZ_SEED(3, 0, 0, 0, THROUGH, 1, 9, 1, 1, ASK, 0, THROUGH, 1, 0x40, 1, 1, ASK, 0, LEAVE, 0, TAKE, 0),
    FUZZ_SEED(3, 0, 0, 0, ARMED, 1, ANNOUNCE, 0, WAIT, 0, TAKE, 0, RELEASE, 0, WAIT, 0, DOWN, 0, TAKE, 0),
    FUZZ_SEED(5, 0, 3, 1, ANNOUNCE, 0, ANNOUNCE, 1, TAKE, 0, RELEASE, 0, TAKE, 0, WAIT, 0, RELEASE, 0, SERVICE, 0),
    FUZZ_SEED(3, 0, 0, 0, SHORT, 0, TAKE, 0), /* as nothing before */
    FUZZ_SEED(3, 0, 0, 0, ANNOUNCE, 0, SHORT, 1, SPOILT_SHORT, 2, 1, 1, 2, TAKE, 0, TAKE, 0, RELEASE, 0, TAKE, 1),
    {0},
};
