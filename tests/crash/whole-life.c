#include "whole-life.h"

#include "../lib/check.h"
#include "life-lane.h"
#include "payload.h"

#include <errno.h>
#include <string.h>

enum { GENERATIONS = 2, LANES = 4, SLOTS = 12, ROUNDS = 6, FRAMES = GENERATIONS * ROUNDS };
enum { TO_MIDDLE, TO_RECORDER, TO_PIPE, FROM_MIDDLE }; /* the lanes */
enum { GENERATION = 7 };                               /* a message: this pool is new */

static const int64_t patience_ns = 2000000000;

/* maker --TO_MIDDLE--> middle --FROM_MIDDLE--> last; maker --TO_RECORDER--> last; maker --TO_PIPE--> last */
struct life {
    int control[2];
    struct fl_context *maker, *middle, *last;
    struct fl_pool_info info;
    struct fl_pool *pool; /* the maker's newest */
    int pool_fd;
    struct fl_output *made, *forwarded;
    int latest_fd;
    void *latest; /* until the output has taken it over */
    struct fl_observer *observer;
    struct life_lane lanes[LANES];
    struct fl_frame *frame, *taken; /* in hand */
    struct fl_received message;
    uint64_t number;
};

/* ---- generations of the pool ---- */

static int learn_pool(struct life *life, struct fl_context *context)
{
    struct fl_pool *pool;
    int error = fl_pool_map_reader(life->message.fds[0], life->message.body, &pool);
    if (error < 0)
        return error;
    error = fl_context_add_pool(context, pool);
    if (error < 0)
        fl_pool_destroy(pool);
    return error;
}

static int reach_pool(struct life *life)
{
    int error = 0;
    for (unsigned i = 0; i < LANES && error == 0; i++)
        error = life->lanes[i].rx ? fl_lane_reach(life->lanes[i].rx, life->info.id) : 0;
    return error;
}

static int receive_pool(struct life *life)
{
    int error = fl_wire_receive(life->control[1], 0, &life->message);
    if (error < 0)
        return error;
    if (life->message.type != GENERATION || life->message.fd_count != 1)
        error = -EPROTO;
    if (error == 0)
        error = learn_pool(life, life->middle);
    if (error == 0)
        error = learn_pool(life, life->last);
    if (error == 0)
        error = reach_pool(life);
    fl_wire_close_fds(&life->message);
    return error;
}

static int make_pool(struct life *life)
{
    life->info = (struct fl_pool_info){.id = life->info.id + 1, .slot_count = SLOTS, .slot_bytes = fl_pool_slot_bytes(1)};
    uint64_t bytes = fl_pool_file_bytes(&life->info);
    life->pool_fd = fl_shm_mint("generation", bytes);
    if (life->pool_fd < 0)
        return life->pool_fd;
    int error = fl_pool_map_writer(life->maker, life->pool_fd, &life->info, &life->pool);
    if (error == 0)
        error = fl_shm_seal(life->pool_fd, bytes);
    if (error == 0)
        error = fl_wire_send(life->control[0], GENERATION, &life->info, sizeof life->info, "tail", 4, &life->pool_fd, 1);
    life_close(&life->pool_fd);
    return error;
}

/* ---- frames ---- */

static bool can_go(void *arg)
{
    return !fl_output_owes(arg);
}

static int make_frame(struct life *life)
{
    struct fl_desc desc;
    struct fl_through through = {.epoch = 1, .number = life->number, .time_base_num = 1, .time_base_den = 25};
    int error = fl_pool_acquire_wait(life->pool, patience_ns, NULL, NULL, &life->frame);
    if (error == 0)
        error = fl_context_wait(life->maker, can_go, life->made, patience_ns);
    if (error < 0)
        return error;
    payload_write(fl_frame_data(life->frame), life->number);
    payload_describe(&desc, life->number);
    error = fl_output_publish(life->made, life->frame, &desc);
    fl_output_through(life->made, &through);
    fl_frame_unref(life->frame);
    life->frame = NULL;
    return error;
}

/* What arrives is whole and the next in order, whatever has failed. */
static int take(struct life *life, unsigned lane)
{
    int error = fl_lane_take(life->lanes[lane].rx, &life->taken);
    if (error < 0)
        return error;
    CHECK_EQ(fl_frame_desc(life->taken)->number, life->number);
    CHECK(payload_is_whole(life->taken));
    return 0;
}

static void release(struct life *life)
{
    fl_frame_unref(life->taken);
    life->taken = NULL;
}

/* A frame of a pool the taker does not know is asked for, and then taken. */
static int take_first(struct life *life)
{
    int error = take(life, TO_MIDDLE);
    if (error != -ENOENT)
        return error;
    error = receive_pool(life);
    return error < 0 ? error : take(life, TO_MIDDLE);
}

static int forward(struct life *life)
{
    int error = take_first(life);
    if (error < 0)
        return error;
    struct fl_desc desc = *fl_frame_desc(life->taken);
    desc.duration = 2;
    error = fl_output_publish(life->forwarded, life->taken, &desc);
    release(life);
    return error;
}

/* Nothing is made between a look and the next, so what is seen holds. */
static int peek(struct life *life)
{
    struct fl_peek peek;
    int error = fl_observer_peek(life->observer, &peek);
    if (error < 0)
        return error;
    CHECK_EQ(peek.desc.number, life->number);
    CHECK(payload_at_is_whole(peek.base, peek.desc.number));
    CHECK(fl_observer_holds(life->observer, &peek));
    return 0;
}

static int carry_one(struct life *life)
{
    int error = make_frame(life);
    if (error == 0)
        error = forward(life);
    if (error == 0)
        error = peek(life);
    for (unsigned lane = TO_RECORDER; lane < LANES && error == 0; lane++) {
        error = take(life, lane);
        release(life);
    }
    fl_context_service(life->last);
    fl_context_service(life->middle);
    fl_context_service(life->maker);
    life->number++;
    return error;
}

/* ---- the story ---- */

static int begin(struct life *life)
{
    int error = fl_wire_pair(life->control);
    if (error == 0)
        error = fl_context_create(&life->maker);
    if (error == 0)
        error = fl_context_create(&life->middle);
    if (error == 0)
        error = fl_context_create(&life->last);
    if (error == 0)
        error = fl_output_create(life->maker, &life->made);
    if (error == 0)
        error = fl_output_create(life->middle, &life->forwarded);
    return error;
}

static int first_generation(struct life *life)
{
    int error = make_pool(life);
    return error < 0 ? error : receive_pool(life);
}

static int wire(struct life *life)
{
    static const struct fl_lane_info infos[LANES] = {
        [TO_MIDDLE] = {.id = 1, .epoch = 1, .credits = 4},
        [TO_RECORDER] = {.id = 2, .epoch = 1, .credits = 4, .when_full = FL_WHEN_FULL_DROP},
        [TO_PIPE] = {.id = 3, .epoch = 1, .credits = 4, .transport = FL_TRANSPORT_PIPE},
        [FROM_MIDDLE] = {.id = 4, .epoch = 1, .credits = 4, .when_full = FL_WHEN_FULL_LATEST},
    };
    int error = 0;
    for (unsigned i = 0; i < LANES && error == 0; i++)
        error = life_lane_wire(&life->lanes[i], &infos[i], i == FROM_MIDDLE ? life->forwarded : life->made,
                               i == TO_MIDDLE ? life->middle : life->last, life->control);
    return error < 0 ? error : reach_pool(life);
}

static int show_latest(struct life *life)
{
    if ((life->latest_fd = fl_shm_mint("latest", fl_latest_bytes())) < 0)
        return life->latest_fd;
    int error = fl_shm_map_writer(life->latest_fd, fl_latest_bytes(), &life->latest);
    if (error == 0)
        error = fl_shm_seal(life->latest_fd, fl_latest_bytes());
    if (error == 0)
        error = fl_output_show_latest(life->made, life->latest);
    if (error < 0)
        return error;
    life->latest = NULL;
    return fl_observer_create(life->last, life->latest_fd, &life->observer);
}

/* Memory of its own, as an output has it all of whose lanes are pipes. */
static int make_private_pool(struct life *life)
{
    struct fl_pool_info info = {.id = 99, .slot_count = 2, .slot_bytes = life->info.slot_bytes};
    struct fl_pool *pool;
    int error = fl_pool_create_private(life->middle, &info, &pool);
    if (error == 0)
        error = fl_pool_acquire(pool, &life->frame);
    if (error < 0)
        return error;
    fl_frame_unref(life->frame);
    life->frame = NULL;
    return 0;
}

static int carry(struct life *life)
{
    int error = 0;
    for (unsigned i = 0; i < ROUNDS && error == 0; i++)
        error = carry_one(life);
    return error;
}

static int next_generation(struct life *life)
{
    return make_pool(life); /* the takers hear of it when they meet it */
}

static bool third_look(void *looks)
{
    return ++*(unsigned *)looks >= 3;
}

static int sleep_a_little(struct life *life)
{
    struct fl_context *all[] = {life->maker, life->middle, life->last};
    int error = 0;
    for (unsigned i = 0; i < 3 && error == 0; i++) {
        unsigned looks = 0;
        fl_context_kick(all[i]);
        error = fl_context_wait(all[i], third_look, &looks, patience_ns);
    }
    return error;
}

/* Each is armed by now: what comes rings their bells, which then are there to be drained. */
static int ring_and_drain(struct life *life)
{
    int error = carry_one(life);
    return error < 0 ? error : sleep_a_little(life);
}

static int finish(struct life *life)
{
    struct fl_through through;
    int error = 0;
    fl_output_close(life->made);
    fl_output_close(life->forwarded);
    for (unsigned i = 0; i < LANES && error == 0; i++) {
        struct fl_frame *frame;
        error = fl_lane_take(life->lanes[i].rx, &frame);
        CHECK(error < 0);
        error = error == -ENODATA ? 0 : error;
    }
    fl_context_service(life->maker);
    if (error == 0 && !fl_output_drained(life->made))
        error = -EBUSY;
    if (error == 0 && !(fl_lane_through(life->lanes[TO_RECORDER].rx, &through) && through.number == life->number - 1))
        error = -EPROTO;
    if (error == 0 && fl_pool_free_slots(life->pool) != SLOTS)
        error = -EUCLEAN;
    return error;
}

static void take_down(struct life *life)
{
    fl_frame_unref(life->frame);
    fl_frame_unref(life->taken);
    for (unsigned i = 0; i < LANES; i++)
        life_lane_unwire(&life->lanes[i]);
    fl_observer_destroy(life->observer);
    fl_shm_unmap(life->latest, fl_latest_bytes());
    fl_context_destroy(life->last);
    fl_context_destroy(life->middle);
    fl_context_destroy(life->maker);
    life_close(&life->pool_fd);
    life_close(&life->latest_fd);
    life_close(&life->control[0]);
    life_close(&life->control[1]);
}

int whole_life(const char **step)
{
    static const struct {
        const char *name;
        int (*live)(struct life *life);
    } story[] = {
        {"begin", begin},
        {"the first generation", first_generation},
        {"wire the lanes", wire},
        {"show the latest", show_latest},
        {"a pool in private memory", make_private_pool},
        {"carry frames", carry},
        {"sleep", sleep_a_little},
        {"ring and drain", ring_and_drain},
        {"the next generation", next_generation},
        {"carry frames of two generations", carry},
        {"finish", finish},
    };
    static struct life life;
    int error = 0;
    memset(&life, 0, sizeof life);
    life.control[0] = life.control[1] = life.pool_fd = life.latest_fd = -1;
    for (unsigned i = 0; i < LANES; i++)
        life_lane_init(&life.lanes[i]);
    for (unsigned i = 0; i < sizeof story / sizeof *story && error == 0; i++) {
        *step = story[i].name;
        error = story[i].live(&life);
    }
    take_down(&life);
    return error;
}
