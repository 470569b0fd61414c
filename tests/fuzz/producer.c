/* The return region as a producer meets it. The hostile consumer writes any words at any moment between two calls; beside it an
 * honest one, which must get every frame. After every operation each reference of each slot is accounted for. */
#include "fuzz.h"

#include "../../transport/internal.h"
#include "../lib/fake.h"
#include "../lib/picture.h"
#include "../lib/stand.h"

#include <errno.h>
#include <string.h>

enum { SLOTS = 12, MOST_HELD = 2, MOST_AT_ONCE = 4, MOST_CREDITS = 4, MOST_SENT = 1024 };

struct world {
    struct stand stand;
    struct fake_consumer fake;
    struct fl_output_lane *bad;
    struct stand_lane *good;
    struct fl_frame *held[MOST_HELD]; /* acquired and not published */
    uint64_t number, arrived;         /* published; taken by the honest consumer */
    uint64_t through;
    uint64_t collected;   /* returns looked at so far */
    bool back[MOST_SENT]; /* the announcement was accepted as returned */
    uint32_t kept;        /* outstanding when the lane broke */
    bool faulted, closing, down;
};

/* ---- what must hold after every operation ---- */

static unsigned rows_of(const struct fl_output_lane *lane, const struct fl_frame *frame)
{
    unsigned count = 0;
    for (uint32_t i = 0; i <= lane->row_mask; i++)
        count += lane->rows[i].frame == frame;
    return count;
}

static void check_rows(const struct fl_output_lane *lane)
{
    FUZZ_CHECK(rows_of(lane, NULL) == lane->row_mask + 1 - lane->outstanding);
    FUZZ_CHECK(lane->stats.sent - lane->stats.returned == lane->outstanding);
    for (uint32_t i = 0; i <= lane->row_mask; i++) {
        if (!lane->rows[i].frame)
            continue;
        FUZZ_CHECK(lane->rows[i].index < lane->tx.head);
        for (uint32_t other = 0; other < i; other++)
            FUZZ_CHECK(!lane->rows[other].frame || lane->rows[other].index != lane->rows[i].index);
    }
}

static void check_slots(const struct world *world)
{
    const struct fl_pool *pool = world->stand.pool;
    unsigned free_slots = 0;
    for (uint32_t i = 0; i < pool->info.slot_count; i++) {
        const struct fl_frame *frame = &pool->frames[i];
        unsigned booked = rows_of(world->bad, frame) + rows_of(world->good->tx, frame) + (world->stand.output->newest == frame);
        unsigned refs = booked > 0;
        for (unsigned h = 0; h < MOST_HELD; h++)
            refs += world->held[h] == frame;
        FUZZ_CHECK(frame->booked == booked && atomic_load(&frame->refs) == refs);
        FUZZ_CHECK((atomic_load(&frame->state) == FL_SLOT_FREE) == (refs == 0));
        free_slots += refs == 0;
    }
    FUZZ_CHECK(pool->free_count == free_slots);
}

/* Each index that was accepted had been announced, to its last bit, and had not come back before. */
static void check_collected(struct world *world)
{
    const struct fl_tx *tx = &world->bad->tx;
    bool refused = world->bad->fault && !strcmp(world->bad->fault, "returned a frame that it does not hold");
    uint64_t accepted = tx->returned - (refused ? 1 : 0);
    for (; world->collected < accepted; world->collected++) {
        uint64_t index = fl_load(&tx->theirs->entries[world->collected & tx->mask], FL_RELAXED);
        FUZZ_CHECK(index < tx->head && index < MOST_SENT && !world->back[index]);
        world->back[index] = true;
    }
    if (!world->bad->fault || world->faulted || world->down)
        return;
    /* The phrase is the true one. */
    FUZZ_CHECK(refused == (fl_load(&tx->theirs->returned, FL_RELAXED) - accepted <= world->bad->outstanding));
}

static void check_fault(struct world *world)
{
    const struct fl_output_lane *lane = world->bad;
    const char *fault = fl_output_lane_fault(lane);
    FUZZ_CHECK(!world->faulted || fault);
    if (!fault) { /* then it has accepted all that was returned */
        FUZZ_CHECK(world->down || fl_load(&lane->tx.theirs->returned, FL_RELAXED) == lane->tx.returned);
        return;
    }
    FUZZ_CHECK(lane->stopped && fl_output_listeners(world->stand.output) == 1);
    FUZZ_CHECK(!world->faulted || world->down || lane->outstanding == world->kept);
    world->faulted = true;
    world->kept = lane->outstanding;
}

static void check_world(struct world *world)
{
    fl_context_service(world->stand.producer);
    check_rows(world->bad);
    check_rows(world->good->tx);
    check_slots(world);
    check_collected(world);
    check_fault(world);
    FUZZ_CHECK(!fl_output_lane_fault(world->good->tx));
}

/* ---- what this process does ---- */

static void honest_consumer(struct world *world)
{
    while (world->arrived < world->number)
        FUZZ_CHECK(stand_next(world->good) == (int64_t)world->arrived++);
}

static void publish(struct world *world)
{
    int error = stand_publish(&world->stand, world->number);
    if (error == 0)
        world->number++;
    else
        FUZZ_CHECK(error == (world->closing ? -EPIPE : -EAGAIN) || error == -ENOBUFS);
    if (error == -EAGAIN)
        FUZZ_CHECK(fl_output_owes(world->stand.output) && !fl_output_lane_fault(world->bad));
    honest_consumer(world);
}

/* With one call, whichever of them can be announced. */
static void publish_many(struct world *world, unsigned wanted)
{
    struct fl_frame *frames[MOST_AT_ONCE];
    struct fl_desc descs[MOST_AT_ONCE];
    struct fl_publish what[MOST_AT_ONCE];
    unsigned count = 0;
    while (count < wanted && fl_pool_acquire(world->stand.pool, &frames[count]) == 0) {
        picture_describe(&descs[count], world->number + count, STAND_WIDTH, STAND_HEIGHT, STAND_WIDTH + 8);
        picture_fill(fl_frame_data(frames[count]), &descs[count], world->number + count);
        what[count] = (struct fl_publish){frames[count], &descs[count]};
        count++;
    }
    int got = fl_output_publish_many(world->stand.output, what, count);
    if (got < 0)
        FUZZ_CHECK(got == (world->closing ? -EPIPE : -EAGAIN));
    else
        world->number += (unsigned)got;
    FUZZ_CHECK(got <= (int)count && (got == (int)count || world->closing || fl_output_owes(world->stand.output)));
    fl_frame_unref_many(frames, count);
    honest_consumer(world);
}

static bool ready_soon(void *asked)
{
    return ++*(unsigned *)asked > 3;
}

static void wait_a_little(struct world *world)
{
    unsigned asked = 0;
    int error = fl_context_wait(world->stand.producer, ready_soon, &asked, 5000);
    FUZZ_CHECK(error == 0 || error == -ETIMEDOUT);
}

static void hold(struct world *world, unsigned which)
{
    if (world->held[which]) {
        fl_frame_unref(world->held[which]);
        world->held[which] = NULL;
    } else {
        int error = fl_pool_acquire(world->stand.pool, &world->held[which]);
        FUZZ_CHECK(error == 0 || (error == -EAGAIN && !world->held[which]));
    }
}

static void tell_through(struct world *world, struct fuzz_input *in)
{
    struct fl_through through = {.epoch = fuzz_byte(in) % 2, .number = fuzz_byte(in), .time_base_num = 1, .time_base_den = 25};
    fl_output_through(world->stand.output, &through);
}

/* ---- what the consumer does ---- */

static void write_any(struct world *world, struct fuzz_input *in)
{
    fl_word *word = (fl_word *)world->fake.returns + fuzz_byte(in) % (32 + world->fake.places);
    fl_store(word, fuzz_word(in, fl_load(word, FL_RELAXED)), FL_RELEASE);
}

/* ---- an input ---- */

enum { RETURN, RETURNED, ANY, GONE, ARMED, PUBLISH, HOLD, THROUGH, CLOSE, STOP, DOWN, PASS, WAIT, PUBLISH_MANY, OPERATIONS };

static void lie(struct world *world, unsigned operation, struct fuzz_input *in)
{
    struct fl_return_region *region = world->fake.returns;
    switch (operation) {
    case RETURN:
        fake_return(&world->fake, fuzz_word(in, world->fake.returned));
        break;
    case RETURNED:
        world->fake.returned = fuzz_word(in, world->fake.returned);
        fl_store(&region->returned, world->fake.returned, FL_RELEASE);
        break;
    case ANY:
        write_any(world, in);
        break;
    case GONE:
        fl_store(&region->gone, fuzz_word(in, 1), FL_RELEASE);
        break;
    default:
        fl_store(&region->armed, fuzz_word(in, fl_load(&region->armed, FL_RELAXED)), FL_RELEASE);
    }
}

static void act(struct world *world, unsigned operation, struct fuzz_input *in)
{
    switch (operation) {
    case PUBLISH:
        publish(world);
        break;
    case PUBLISH_MANY:
        publish_many(world, 1 + fuzz_byte(in) % MOST_AT_ONCE);
        break;
    case HOLD:
        hold(world, fuzz_byte(in) % MOST_HELD);
        break;
    case THROUGH:
        tell_through(world, in);
        break;
    case CLOSE:
        fl_output_close(world->stand.output);
        world->closing = true;
        break;
    case STOP:
        fl_output_lane_stop(world->bad);
        break;
    case DOWN:
        fl_output_lane_down(world->bad);
        world->down = true;
        break;
    case PASS:
        fuzz_pass_ns(fuzz_byte(in) * 20000000ull);
        break;
    default:
        wait_a_little(world);
    }
}

/* The bad consumer is dead by the supervisor's word; everything else comes back by itself. */
static void settle(struct world *world)
{
    for (unsigned i = 0; i < MOST_HELD; i++) {
        fl_frame_unref(world->held[i]);
        world->held[i] = NULL;
    }
    fl_output_lane_down(world->bad);
    world->down = true;
    check_world(world);
    FUZZ_CHECK(world->bad->outstanding == 0);
    if (!world->closing)
        publish(world);
    fl_output_close(world->stand.output);
    honest_consumer(world);
    fl_context_service(world->stand.producer);
    FUZZ_CHECK(fl_pool_free_slots(world->stand.pool) == SLOTS && fl_output_drained(world->stand.output));
    FUZZ_CHECK(stand_next(world->good) == -ENODATA);
}

void fuzz_one(struct fuzz_input *in)
{
    struct world world = {0};
    int fd = fuzz_free_fd();
    stand_create(&world.stand, FL_TRANSPORT_SHM, SLOTS, 4096);
    world.good = stand_add(&world.stand, FL_WHEN_FULL_WAIT, MOST_AT_ONCE);
    struct fl_lane_info info = {.when_full = fuzz_byte(in) % 3, .credits = 1 + fuzz_byte(in) % MOST_CREDITS};
    fuzz_pace(in, &info);
    world.bad = fake_consumer_create_as(&world.fake, world.stand.output, &info);
    for (unsigned count = 0; fuzz_more(in) && count < 300; count++) {
        unsigned operation = fuzz_byte(in) % OPERATIONS;
        if (operation < PUBLISH)
            lie(&world, operation, in);
        else
            act(&world, operation, in);
        check_world(&world);
    }
    settle(&world);
    stand_destroy(&world.stand);
    fake_consumer_destroy(&world.fake);
    FUZZ_CHECK(fuzz_free_fd() == fd);
}

const struct fuzz_seed fuzz_seeds[] = {
    FUZZ_SEED(0, 2, 0, 0, PUBLISH, PUBLISH, RETURN, 0, PUBLISH, RETURN, 0, RETURN, 0, CLOSE),
    FUZZ_SEED(0, 0, 0, 0, PUBLISH, PUBLISH, PUBLISH, RETURN, 0, PUBLISH, STOP, PUBLISH), /* owed, paid, stopped */
    FUZZ_SEED(0, 1, 0, 0, PUBLISH_MANY, 3, RETURN, 0, PUBLISH_MANY, 1, RETURN, 0xe0, 1, PUBLISH_MANY, 2, PUBLISH_MANY,
              0),                                                                                /* several */
    FUZZ_SEED(1, 1, 0, 0, PUBLISH, PUBLISH, PUBLISH, RETURNED, 2, PUBLISH),                      /* more than it holds */
    FUZZ_SEED(2, 3, 0, 0, PUBLISH, PUBLISH, RETURN, 0x60, RETURN, 0x60, PUBLISH, DOWN, PUBLISH), /* the same one twice */
    FUZZ_SEED(0, 3, 0, 0, PUBLISH, PUBLISH, RETURN, 1, RETURNED, 0x40, PUBLISH),                 /* taken back */
    FUZZ_SEED(2, 0, 0, 0, PUBLISH, PUBLISH, THROUGH, 0, 1, CLOSE, PASS, 60, PASS, 1, WAIT),      /* grace runs out */
    FUZZ_SEED(0, 2, 0, 0, PUBLISH, GONE, 0, PUBLISH, HOLD, 0, HOLD, 1, HOLD, 0, ARMED, 1, PUBLISH, WAIT, ANY, 8, 1, PUBLISH),
    FUZZ_SEED(0, 3, 0, 0, PUBLISH, PUBLISH, RETURN, 0xe0, 1, 0, 0, 0, 1, 0, 0, 0, PUBLISH), /* an index with more bits */
    FUZZ_SEED(0, 3, 2, 1, PUBLISH, THROUGH, 0, 1, PUBLISH, PUBLISH, RETURN, 0, PASS, 1, PUBLISH, CLOSE, WAIT), /* batches */
    {0},
};
