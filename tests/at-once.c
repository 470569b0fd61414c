/* Calls that carry several frames do what as many single calls do: the same frames, in the same order, with the same words, the
 * same refusals and the same figures, on lanes of every kind; two worlds live through the same random days, one by single calls,
 * one by calls for several, and nobody can tell them apart. */
#include "check.h"
#include "picture.h"
#include "wiring.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { STEPS = 20000, SLOTS = 24, LANES = 5, HELD = 6, MOST = 7, LARGER = 8192 };
enum { MADE, ONWARD, OUTPUTS }; /* ONWARD: the forwarder's, which takes from the first lane of MADE */

struct end {
    unsigned from;
    struct fl_context *consumer;
    struct fl_output_lane *tx;
    struct fl_lane *rx;
    struct fl_frame *held[HELD];
    unsigned count;
};

/* What has been seen of a step, put in one number: the first that differs is found by its step. */
struct sight {
    uint64_t sum;
};

struct world {
    bool many;
    unsigned long long random;
    struct fl_context *maker, *forwarder;
    struct fl_pool *pool;
    struct fl_pool_info info;
    int fd;
    struct fl_output *outputs[OUTPUTS];
    uint64_t number;
    unsigned variant;
    struct end ends[LANES];
    struct sight sight;
};

static void see(struct world *world, uint64_t what)
{
    world->sight.sum = (world->sight.sum ^ what) * 0x9e3779b97f4a7c15ull + (world->sight.sum >> 29);
}

static void see_bytes(struct world *world, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < count; i++)
        see(world, at[i]);
}

static unsigned below(struct world *world, unsigned count)
{
    return next_random(&world->random) % count;
}

/* ---- the three calls, by one way or the other ---- */

static int publish(struct world *world, struct fl_output *output, const struct fl_publish *what, unsigned count)
{
    unsigned done = 0;
    int error = 0;
    if (world->many)
        return fl_output_publish_many(output, what, count);
    while (done < count && (error = fl_output_publish(output, what[done].frame, what[done].desc)) == 0)
        done++;
    return done > 0 ? (int)done : error;
}

static int take(struct world *world, struct end *end, struct fl_frame **frames, unsigned most)
{
    unsigned count = 0;
    int error = 0;
    if (world->many)
        return fl_lane_take_many(end->rx, frames, most);
    if (end == &world->ends[1]) /* of what is newest there is one */
        most = most > 1 ? 1 : most;
    while (count < most && (error = fl_lane_take(end->rx, &frames[count])) == 0)
        count++;
    return count > 0 ? (int)count : error;
}

static void release(struct world *world, struct fl_frame **frames, unsigned count)
{
    if (world->many) {
        fl_frame_release_many(frames, count);
        return;
    }
    for (unsigned i = 0; i < count; i++)
        fl_frame_release(frames[i]);
}

/* ---- wiring ---- */

static struct fl_context *make_reader(struct world *world)
{
    struct fl_context *context;
    CHECK_EQ(fl_context_create(&context), 0);
    wiring_pool_reader(context, world->fd, &world->info);
    return context;
}

static void add(struct world *world, unsigned which, unsigned from, struct fl_context *consumer, struct fl_lane_info info)
{
    struct end *end = &world->ends[which];
    *end = (struct end){.from = from, .consumer = consumer ? consumer : make_reader(world)};
    wiring_lane(world->outputs[from], end->consumer, &info, &end->tx, &end->rx);
}

static void create(struct world *world, bool many, unsigned long long seed, bool with_pipe)
{
    memset(world, 0, sizeof *world);
    world->many = many;
    world->random = seed;
    CHECK_EQ(fl_context_create(&world->maker), 0);
    world->info = (struct fl_pool_info){.id = 1, .slot_count = SLOTS, .slot_bytes = LARGER};
    world->pool = wiring_pool(world->maker, &world->info, &world->fd);
    world->forwarder = make_reader(world);
    CHECK_EQ(fl_output_create(world->maker, &world->outputs[MADE]), 0);
    CHECK_EQ(fl_output_create(world->forwarder, &world->outputs[ONWARD]), 0);
    add(world, 0, MADE, world->forwarder, (struct fl_lane_info){.credits = 9});
    add(world, 1, MADE, NULL, (struct fl_lane_info){.credits = 4, .when_full = FL_WHEN_FULL_LATEST});
    add(world, 2, MADE, NULL, (struct fl_lane_info){.credits = 5, .when_full = FL_WHEN_FULL_DROP});
    add(world, 3, ONWARD, NULL, (struct fl_lane_info){.credits = 6, .when_full = FL_WHEN_FULL_DROP});
    add(world, 4, with_pipe ? MADE : ONWARD, NULL,
        (struct fl_lane_info){.credits = 3, .transport = with_pipe ? FL_TRANSPORT_PIPE : FL_TRANSPORT_SHM});
}

static void destroy(struct world *world)
{
    for (unsigned i = 1; i < LANES; i++)
        fl_context_destroy(world->ends[i].consumer);
    fl_context_destroy(world->forwarder);
    fl_context_destroy(world->maker);
    close(world->fd);
}

/* ---- steps ---- */

/* Mostly described as before; now and then otherwise, and now and then as no frame can be. */
static void describe(struct world *world, struct fl_desc *desc)
{
    if (below(world, 4) == 0)
        world->variant = below(world, 3);
    picture_describe(desc, world->number++, 16, 4, 64);
    desc->dts = world->variant;
    desc->part = below(world, 3);
    desc->pts = below(world, 1000);
    if (below(world, 40) == 0)
        desc->planes[0].rows = LARGER;
}

/* As many slots as there are, up to a few, are filled and published: of those that are refused nothing is seen again. */
static void make(struct world *world)
{
    struct fl_frame *frames[MOST];
    struct fl_desc descs[MOST];
    struct fl_publish what[MOST];
    unsigned wanted = 1 + below(world, MOST), count = 0;
    while (count < wanted && fl_pool_acquire(world->pool, &frames[count]) == 0) {
        describe(world, &descs[count]);
        what[count] = (struct fl_publish){frames[count], &descs[count]};
        count++;
    }
    see(world, count);
    if (count > 0)
        see(world, (uint64_t)publish(world, world->outputs[MADE], what, count));
    release(world, frames, count);
}

static void look_at(struct world *world, struct fl_frame **frames, int count)
{
    see(world, (uint64_t)count);
    for (int i = 0; i < count; i++)
        see_bytes(world, fl_frame_desc(frames[i]), offsetof(struct fl_desc, planes)); /* a pipe lays planes out anew */
}

/* Onward as they came, or with other words. */
static void pass_on(struct world *world, struct fl_frame **frames, unsigned count)
{
    struct fl_desc descs[HELD];
    struct fl_publish what[HELD];
    bool restated = below(world, 2);
    for (unsigned i = 0; i < count; i++) {
        descs[i] = *fl_frame_desc(frames[i]);
        descs[i].duration = restated;
        what[i] = (struct fl_publish){frames[i], restated ? &descs[i] : fl_frame_desc(frames[i])};
    }
    see(world, (uint64_t)publish(world, world->outputs[ONWARD], what, count));
}

static void take_some(struct world *world, struct end *end)
{
    struct fl_frame **frames = &end->held[end->count];
    if (end->count == HELD)
        return;
    int got = take(world, end, frames, 1 + below(world, HELD - end->count));
    look_at(world, frames, got);
    if (got <= 0)
        return;
    end->count += (unsigned)got;
    if (end == &world->ends[0])
        pass_on(world, frames, (unsigned)got);
}

static void release_some(struct world *world, struct end *end)
{
    unsigned count = below(world, end->count + 1);
    release(world, end->held, count);
    memmove(end->held, end->held + count, (end->count - count) * sizeof *end->held);
    end->count -= count;
    if (below(world, 2))
        fl_context_service(end->consumer);
}

static void tell(struct world *world)
{
    struct fl_through through = {.number = world->number, .time_base_num = 1, .time_base_den = 25}, heard = {0};
    fl_output_through(world->outputs[MADE], &through);
    for (unsigned i = 0; i < LANES; i++)
        see(world, fl_lane_through(world->ends[i].rx, &heard) ? heard.number : UINT64_MAX);
}

static void look_around(struct world *world)
{
    for (unsigned i = 0; i < LANES; i++) {
        struct fl_output_stats sent;
        struct fl_lane_stats taken;
        fl_output_lane_get_stats(world->ends[i].tx, &sent);
        fl_lane_get_stats(world->ends[i].rx, &taken);
        CHECK(!fl_lane_fault(world->ends[i].rx) && !fl_output_lane_fault(world->ends[i].tx));
        sent.rings = sent.wakeups = taken.rings = taken.wakeups = 0;
        see_bytes(world, &sent, sizeof sent);
        see_bytes(world, &taken, sizeof taken);
    }
    see(world, fl_output_owes(world->outputs[MADE]));
    see(world, fl_output_listeners(world->outputs[MADE]));
}

static void step(struct world *world)
{
    struct end *end = &world->ends[below(world, LANES)];
    unsigned what = below(world, 200);
    if (what < 50)
        make(world);
    else if (what < 120)
        take_some(world, end);
    else if (what < 190)
        release_some(world, end);
    else if (what < 195)
        tell(world);
    else
        fl_context_service(below(world, 2) ? world->maker : world->forwarder);
    look_around(world);
}

/* Lanes are left one after the other, the output is closed, and what is there is taken to the end. */
static void end_all(struct world *world)
{
    fl_lane_leave(world->ends[2].rx);
    make(world);
    fl_output_lane_stop(world->ends[1].tx);
    make(world);
    fl_output_close(world->outputs[MADE]);
    make(world);
    for (unsigned i = 0; i < LANES; i++)
        for (unsigned turns = 0; turns < 2 * SLOTS; turns++) {
            take_some(world, &world->ends[i]);
            release_some(world, &world->ends[i]);
            fl_context_service(world->maker);
            fl_context_service(world->forwarder);
            look_around(world);
        }
    for (unsigned i = 0; i < LANES; i++)
        release(world, world->ends[i].held, world->ends[i].count);
}

static void live_twice(unsigned long long seed, bool with_pipe)
{
    static struct world single, many;
    create(&single, false, seed, with_pipe);
    create(&many, true, seed, with_pipe);
    for (unsigned i = 0; i < STEPS; i++) {
        step(&single);
        step(&many);
        if (single.sight.sum != many.sight.sum)
            CHECK_EQ(i, STEPS); /* the step at which they part */
    }
    end_all(&single);
    end_all(&many);
    CHECK_EQ(single.sight.sum, many.sight.sum);
    for (unsigned i = 0; i < LANES; i++) {
        struct fl_output_stats sent;
        fl_output_lane_get_stats(many.ends[i].tx, &sent);
        CHECK(sent.sent > STEPS / 50);
    }
    destroy(&single);
    destroy(&many);
}

static void shared_memory_cannot_tell(void)
{
    for (unsigned long long seed = 1; seed <= 3; seed++)
        live_twice(seed, false);
}

static void a_pipe_beside_it_cannot_tell(void)
{
    live_twice(4, true);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    static const struct check_case cases[] = {
        {"over shared memory nobody can tell", shared_memory_cannot_tell},
        {"with a pipe among the lanes nobody can tell", a_pipe_beside_it_cannot_tell},
    };
    return CHECK_RUN(cases);
}
