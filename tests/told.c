/* Whoever takes a frame finds the very description that it was announced with there, whatever else was announced before: in long
 * forms and short ones, on lanes that drop, skip, batch or come late, from two pools, by two outputs at once, and forwarded. */
#include "check.h"
#include "picture.h"
#include "wiring.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { STEPS = 300000, POOLS = 2, SLOTS = 24, KEPT = 1024, HELD = 3, MOST_LANES = 8, LATER = 2 };
enum { FIRST, SECOND, ONWARD, OUTPUTS }; /* ONWARD: the forwarder's, which takes from FIRST */

enum { PLAIN, OTHER_DTS, OTHER_WIDTH, OTHER_PARAMETERS, LARGE, VARIANTS };

struct end {
    unsigned from;
    struct fl_context *consumer;
    struct fl_output_lane *tx;
    struct fl_lane *rx;
    struct fl_frame *held[HELD];
    unsigned count;
    uint64_t taken, next; /* next: numbers rise */
};

struct world {
    unsigned long long random;
    struct fl_context *maker, *forwarder;
    struct fl_pool *pools[POOLS];
    struct fl_pool_info infos[POOLS];
    int fds[POOLS];
    struct fl_output *outputs[OUTPUTS];
    unsigned variant[OUTPUTS];
    uint64_t next[OUTPUTS];
    struct fl_desc sent[OUTPUTS][KEPT];
    struct end ends[MOST_LANES];
    unsigned end_count;
};

/* ---- wiring ---- */

static struct fl_context *make_reader(struct world *world)
{
    struct fl_context *context;
    CHECK_EQ(fl_context_create(&context), 0);
    for (unsigned i = 0; i < POOLS; i++)
        wiring_pool_reader(context, world->fds[i], &world->infos[i]);
    return context;
}

static void add(struct world *world, unsigned from, struct fl_context *consumer, struct fl_lane_info info)
{
    struct end *end = &world->ends[world->end_count++];
    *end = (struct end){.from = from, .consumer = consumer ? consumer : make_reader(world)};
    wiring_lane(world->outputs[from], end->consumer, &info, &end->tx, &end->rx);
}

static void create(struct world *world, unsigned long long seed)
{
    memset(world, 0, sizeof *world);
    world->random = seed;
    CHECK_EQ(fl_context_create(&world->maker), 0);
    for (unsigned i = 0; i < POOLS; i++) {
        world->infos[i] = (struct fl_pool_info){.id = 1 + i, .slot_count = SLOTS, .slot_bytes = 4096 * (1 + i)};
        world->pools[i] = wiring_pool(world->maker, &world->infos[i], &world->fds[i]);
    }
    world->forwarder = make_reader(world);
    for (unsigned i = 0; i < OUTPUTS; i++)
        CHECK_EQ(fl_output_create(i == ONWARD ? world->forwarder : world->maker, &world->outputs[i]), 0);
    add(world, FIRST, world->forwarder, (struct fl_lane_info){.credits = 6});
    add(world, FIRST, NULL, (struct fl_lane_info){.credits = 5, .when_full = FL_WHEN_FULL_LATEST});
    add(world, FIRST, NULL, (struct fl_lane_info){.credits = 3, .when_full = FL_WHEN_FULL_DROP});
    add(world, SECOND, NULL, (struct fl_lane_info){.credits = 8, .batch = 3});
    add(world, ONWARD, NULL, (struct fl_lane_info){.credits = 4, .when_full = FL_WHEN_FULL_DROP});
}

static void destroy(struct world *world)
{
    for (unsigned i = 1; i < world->end_count; i++)
        fl_context_destroy(world->ends[i].consumer);
    fl_context_destroy(world->forwarder);
    fl_context_destroy(world->maker);
    for (unsigned i = 0; i < POOLS; i++)
        close(world->fds[i]);
}

/* ---- steps ---- */

static unsigned below(struct world *world, unsigned count)
{
    return next_random(&world->random) % count;
}

/* Mostly as before; now and then another, or one that was there already: they differ in the first word of what a short form leaves
 * out, in the last, in one between, and LARGE needs a slot of the larger pool. */
static void describe(struct world *world, unsigned output, struct fl_desc *desc)
{
    if (below(world, 3) == 0)
        world->variant[output] = below(world, VARIANTS);
    unsigned variant = world->variant[output];
    picture_describe(desc, world->next[output], 16, variant == LARGE ? 100 : 4, 64);
    desc->dts = variant == OTHER_DTS;
    desc->parameters = variant == OTHER_PARAMETERS;
    desc->width += variant == OTHER_WIDTH;
    desc->epoch = below(world, 2);
    desc->part = below(world, 3);
    desc->pts = below(world, 1000);
    desc->origin_ns = below(world, 1000);
}

static void check_same(const struct fl_frame *frame, const struct fl_desc *desc)
{
    CHECK_EQ(memcmp(fl_frame_desc(frame), desc, sizeof *desc), 0);
}

static void publish(struct world *world, unsigned output, struct fl_frame *frame, bool own)
{
    struct fl_desc desc;
    describe(world, output, &desc);
    bool fits = world->variant[output] != LARGE || fl_frame_capacity(frame) >= 100 * 64;
    int error = fl_output_publish(world->outputs[output], frame, &desc);
    CHECK(fits ? error == 0 || error == -EAGAIN : error == -EBADMSG);
    if (error < 0)
        return;
    world->sent[output][world->next[output]++ % KEPT] = desc;
    if (own)
        check_same(frame, &desc);
}

/* Once on each output, on one, or on one of them twice. */
static void make(struct world *world)
{
    struct fl_frame *frame;
    if (fl_pool_acquire(world->pools[below(world, POOLS)], &frame) < 0)
        return;
    publish(world, below(world, 2), frame, true);
    if (below(world, 2))
        publish(world, below(world, 2), frame, true);
    fl_frame_unref(frame);
}

static void take(struct world *world, struct end *end)
{
    struct fl_frame *frame;
    if (end->count == HELD || fl_lane_take(end->rx, &frame) < 0)
        return;
    uint64_t number = fl_frame_desc(frame)->number;
    CHECK(number >= end->next && number < world->next[end->from]);
    check_same(frame, &world->sent[end->from][number % KEPT]);
    end->next = number + 1;
    end->taken++;
    end->held[end->count++] = frame;
    if (end == &world->ends[0])
        publish(world, ONWARD, frame, false);
}

/* What others have taken since has changed nothing. */
static void release(struct world *world, struct end *end)
{
    if (end->count == 0)
        return;
    unsigned which = below(world, end->count);
    struct fl_frame *frame = end->held[which];
    check_same(frame, &world->sent[end->from][fl_frame_desc(frame)->number % KEPT]);
    end->held[which] = end->held[--end->count];
    fl_frame_release(frame);
    fl_context_service(end->consumer);
}

static void go(struct world *world, unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        struct end *end = &world->ends[below(world, world->end_count)];
        if (below(world, 4) == 0)
            make(world);
        else if (below(world, 2))
            take(world, end);
        else
            release(world, end);
    }
}

static void every_frame_is_what_it_was_said_to_be(void)
{
    static struct world world;
    create(&world, 2026);
    for (unsigned i = 0; i < LATER; i++) {
        go(&world, STEPS / (LATER + 1));
        add(&world, i, NULL, (struct fl_lane_info){.credits = 4});
    }
    go(&world, STEPS / (LATER + 1));
    for (unsigned i = 0; i < world.end_count; i++) {
        CHECK(world.ends[i].taken > STEPS / 200);
        CHECK(fl_lane_fault(world.ends[i].rx) == NULL);
        CHECK(fl_output_lane_fault(world.ends[i].tx) == NULL);
    }
    destroy(&world);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"every frame is what it was said to be", every_frame_is_what_it_was_said_to_be},
    };
    return CHECK_RUN(cases);
}
