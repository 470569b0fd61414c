#include "operations.h"

#include "../lib/check.h"
#include "payload.h"

#include <signal.h>

/* ---- the producer ---- */

static void publish_one(struct victim *who)
{
    CHECK_EQ(scene_publish(who->pool, who->output, &who->number), 0);
}

static void publish_two(struct victim *who)
{
    publish_one(who);
    publish_one(who);
}

static void acquire(struct victim *who)
{
    CHECK_EQ(fl_pool_acquire(who->pool, &who->frames[0]), 0);
}

static void publish_two_and_acquire(struct victim *who)
{
    publish_two(who);
    acquire(who);
}

static void fill(struct victim *who)
{
    payload_write(fl_frame_data(who->frames[0]), who->number);
}

static void publish_two_and_fill(struct victim *who)
{
    publish_two_and_acquire(who);
    fill(who);
}

static void publish_one_and_fill(struct victim *who)
{
    publish_one(who);
    acquire(who);
    fill(who);
}

static void publish(struct victim *who)
{
    struct fl_desc desc;
    payload_describe(&desc, who->number);
    CHECK_EQ(fl_output_publish(who->output, who->frames[0], &desc), 0);
    fl_frame_unref(who->frames[0]);
}

static void publish_two_and_fill_two(struct victim *who)
{
    publish_two(who);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(fl_pool_acquire(who->pool, &who->frames[i]), 0);
        payload_write(fl_frame_data(who->frames[i]), who->number + i);
    }
}

static void publish_both(struct victim *who)
{
    struct fl_desc descs[2];
    payload_describe(&descs[0], who->number);
    payload_describe(&descs[1], who->number + 1);
    const struct fl_publish what[2] = {{who->frames[0], &descs[0]}, {who->frames[1], &descs[1]}};
    CHECK_EQ(fl_output_publish_many(who->output, what, 2), 2);
    fl_frame_unref_many(who->frames, 2);
}

/* The last one is owed to both lanes. */
static void publish_beyond_credit(struct victim *who)
{
    for (unsigned i = 0; i <= SCENE_CREDITS; i++)
        publish_one(who);
    CHECK(fl_output_owes(who->output));
}

static void take_one_of_each(struct scene *scene)
{
    CHECK_EQ(scene_take(scene, 0), 0);
    CHECK_EQ(scene_take(scene, 1), 0);
    scene_doze(scene);
}

static void hold_one(struct scene *scene)
{
    scene_hold(scene);
    scene_doze(scene);
}

static void abandon(struct victim *who)
{
    fl_frame_unref(who->frames[0]);
    fl_context_service(who->context);
}

static void say_through(struct victim *who)
{
    struct fl_through through = {.epoch = 1, .number = 1, .pts = 1, .time_base_num = 1, .time_base_den = 25};
    fl_output_through(who->output, &through);
}

static void close_output(struct victim *who)
{
    fl_output_close(who->output);
}

/* ---- both ends ---- */

static bool third_look(void *looks)
{
    return ++*(unsigned *)looks >= 3;
}

/* Kicked beforehand: it arms, sleeps no time at all, drains its bell and looks again. */
static void arm_and_sleep(struct victim *who)
{
    unsigned looks = 0;
    CHECK_EQ(fl_context_wait(who->context, third_look, &looks, -1), 0);
}

static void kick(struct victim *who)
{
    fl_context_kick(who->context);
}

static void publish_two_and_kick(struct victim *who)
{
    publish_two(who);
    kick(who);
}

static void service(struct victim *who)
{
    fl_context_service(who->context);
}

static void destroy(struct victim *who)
{
    fl_context_destroy(who->context);
}

/* ---- the consumer ---- */

static void take(struct victim *who)
{
    CHECK_EQ(fl_lane_take(who->rx, &who->frames[0]), 0);
}

static void take_all(struct victim *who)
{
    for (unsigned i = 0; i < SCENE_CREDITS; i++)
        CHECK_EQ(fl_lane_take(who->rx, &who->frames[i]), 0);
}

/* More returns than the ring has places: what stands in a place from the lap before is no longer outstanding. */
static void go_round(struct victim *who)
{
    take_all(who);
    for (unsigned i = 0; i < SCENE_CREDITS; i++)
        fl_frame_release(who->frames[i]);
    fl_context_service(who->context);
    raise(SIGSTOP);
    take_all(who);
    fl_frame_release(who->frames[0]);
    fl_context_service(who->context);
}

static void announce_again(struct scene *scene)
{
    for (unsigned i = 0; i < SCENE_CREDITS; i++) {
        CHECK_EQ(scene_take(scene, 1), 0);
        CHECK_EQ(scene_publish(scene->pool, scene->output, &scene->number), 0);
    }
}

static void read_and_release(struct victim *who)
{
    CHECK(payload_is_whole(who->frames[1]));
    fl_frame_release(who->frames[1]);
    fl_context_service(who->context);
}

static void take_and_release(struct victim *who)
{
    take(who);
    fl_frame_release(who->frames[0]);
    fl_context_service(who->context);
}

static void take_and_release_at_once(struct victim *who)
{
    CHECK_EQ(fl_lane_take_many(who->rx, who->frames, SCENE_CREDITS), SCENE_CREDITS);
    fl_frame_release_many(who->frames, SCENE_CREDITS);
    fl_context_service(who->context);
}

static void leave(struct victim *who)
{
    fl_lane_leave(who->rx);
}

/* ---- the one between ---- */

static void forward(struct victim *who)
{
    struct fl_desc desc;
    take(who);
    desc = *fl_frame_desc(who->frames[0]);
    desc.duration = 2; /* the same pixels with other words */
    CHECK_EQ(fl_output_publish(who->output, who->frames[0], &desc), 0);
    fl_frame_unref(who->frames[0]);
}

static void forward_two(struct victim *who)
{
    forward(who);
    forward(who);
}

static void take_forwarded(struct scene *scene)
{
    CHECK_EQ(scene_take(scene, 2), 0);
    scene_doze(scene);
}

#define PRODUCER(low, high)  .role = SCENE_PRODUCER, .limits = {{low, low}, {high, high}}
#define CONSUMER(count)      .role = SCENE_CONSUMER, .announced = (count)
#define FORWARDER(low, high) .role = SCENE_FORWARDER, .announced = 3, .limits = {{low}, {high}}
#define PIPE                 .transport = FL_TRANSPORT_PIPE

const struct operation operations[] = {
    {"producer: attach", PRODUCER(0, 0), .attaches = true, .operate = scene_attach_victim},
    {"producer: acquire", PRODUCER(2, 2), .prepare = publish_two, .operate = acquire, .meanwhile = hold_one},
    {"producer: fill", PRODUCER(2, 2), .prepare = publish_two_and_acquire, .operate = fill, .meanwhile = hold_one},
    {"producer: publish", PRODUCER(2, 3), .prepare = publish_two_and_fill, .operate = publish, .meanwhile = hold_one},
    {"producer: publish what fills a batch", PRODUCER(0, 2), .batch = 2, .prepare = publish_one_and_fill, .operate = publish,
     .meanwhile = scene_doze},
    {"producer: publish two with one call", PRODUCER(2, 4), .prepare = publish_two_and_fill_two, .operate = publish_both,
     .meanwhile = hold_one},
    {"producer: abandon", PRODUCER(2, 2), .prepare = publish_two_and_acquire, .operate = abandon, .meanwhile = hold_one},
    {"producer: collect", PRODUCER(2, 2), .prepare = publish_two, .operate = service, .meanwhile = take_one_of_each},
    {"producer: pay what is owed", PRODUCER(SCENE_CREDITS, SCENE_CREDITS + 1), .prepare = publish_beyond_credit, .operate = service,
     .meanwhile = take_one_of_each},
    {"producer: through", PRODUCER(2, 2), .prepare = publish_two, .operate = say_through, .meanwhile = hold_one},
    {"producer: arm and sleep", PRODUCER(2, 2), .prepare = publish_two_and_kick, .operate = arm_and_sleep, .meanwhile = hold_one},
    {"producer: close", PRODUCER(2, 2), .prepare = publish_two, .operate = close_output, .meanwhile = hold_one},
    {"producer: destroy", PRODUCER(2, 2), .prepare = publish_two, .operate = destroy, .meanwhile = hold_one},
    {"producer: publish into pipes", PRODUCER(2, 3), PIPE, .prepare = publish_two_and_fill, .operate = publish,
     .meanwhile = hold_one},
    {"consumer: attach", CONSUMER(2), .attaches = true, .operate = scene_attach_victim, .meanwhile = scene_doze},
    {"consumer: take", CONSUMER(4), .operate = take, .meanwhile = scene_doze},
    {"consumer: take the newest only", CONSUMER(4), .when_full = FL_WHEN_FULL_LATEST, .operate = take, .meanwhile = scene_doze},
    {"consumer: read and release", CONSUMER(4), .prepare = go_round, .halfway = announce_again, .operate = read_and_release,
     .meanwhile = scene_doze},
    {"consumer: release what fills a batch", CONSUMER(4), .batch = 2, .prepare = go_round, .halfway = announce_again,
     .operate = read_and_release, .meanwhile = scene_doze},
    {"consumer: take and release with a call for several", CONSUMER(4), .operate = take_and_release_at_once,
     .meanwhile = scene_doze},
    {"consumer: arm and sleep", CONSUMER(4), .prepare = kick, .operate = arm_and_sleep, .meanwhile = scene_doze},
    {"consumer: leave", CONSUMER(4), .prepare = take, .operate = leave, .meanwhile = scene_doze},
    {"consumer: destroy", CONSUMER(4), .operate = destroy, .meanwhile = scene_doze},
    {"consumer: take and release from a pipe", CONSUMER(4), PIPE, .operate = take_and_release, .meanwhile = scene_doze},
    {"forwarder: attach", FORWARDER(0, 0), .attaches = true, .operate = scene_attach_victim, .meanwhile = scene_doze},
    {"forwarder: forward", FORWARDER(1, 2), .prepare = forward, .operate = forward, .meanwhile = hold_one},
    {"forwarder: give back what was forwarded", FORWARDER(2, 2), .prepare = forward_two, .operate = service,
     .meanwhile = take_forwarded},
};
const unsigned operation_count = sizeof operations / sizeof *operations;
