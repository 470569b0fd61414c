#include "scene.h"

#include "../lib/check.h"
#include "payload.h"
#include "step.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Which lanes the victim announces on, and which it takes from. */
static bool victim_announces(const struct scene *scene, unsigned lane)
{
    return scene->role == SCENE_PRODUCER ? lane < 2 : scene->role == SCENE_FORWARDER && lane == 2;
}

static bool victim_takes(const struct scene *scene, unsigned lane)
{
    return scene->role != SCENE_PRODUCER && lane == 0;
}

static bool exists(const struct scene *scene, unsigned lane)
{
    return lane < 2 || scene->role == SCENE_FORWARDER;
}

void scene_go_on(const struct scene *scene)
{
    if (scene->traced)
        step_continue(scene->victim);
    else
        CHECK_EQ(kill(scene->victim, SIGCONT), 0);
}

/* ---- the victim ---- */

static void map_victim_pool(struct victim *who)
{
    struct scene *scene = who->scene;
    if (scene->role != SCENE_PRODUCER)
        return;
    if (scene->transport == FL_TRANSPORT_PIPE)
        CHECK_EQ(fl_pool_create_private(who->context, &scene->pool_info, &who->pool), 0);
    else
        CHECK_EQ(fl_pool_map_writer(who->context, scene->pool_fd, &scene->pool_info, &who->pool), 0);
}

static void show_latest(struct victim *who)
{
    void *latest;
    if (who->scene->latest_fd < 0)
        return;
    CHECK_EQ(fl_shm_map_writer(who->scene->latest_fd, fl_latest_bytes(), &latest), 0);
    CHECK_EQ(fl_output_show_latest(who->output, latest), 0);
}

void scene_attach_victim(struct victim *who)
{
    struct scene *scene = who->scene;
    unsigned outputs = 0;
    for (unsigned i = 0; i < SCENE_LANES; i++)
        if (victim_announces(scene, i))
            who->tx[outputs++] = wiring_attach_producer(&scene->wires[i], who->output);
        else if (victim_takes(scene, i))
            who->rx = wiring_attach_consumer(&scene->wires[i], who->context);
}

_Noreturn static void be_victim(struct scene *scene)
{
    struct victim who = {.scene = scene};
    CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
    if (scene->traced && !step_traceable())
        _exit(77);
    CHECK_EQ(fl_context_create(&who.context), 0);
    CHECK_EQ(fl_output_create(who.context, &who.output), 0);
    map_victim_pool(&who);
    show_latest(&who);
    for (unsigned i = 0; i < SCENE_LANES; i++)
        if (victim_announces(scene, i))
            wiring_map_producer(&scene->wires[i]);
        else if (victim_takes(scene, i))
            wiring_map_consumer(&scene->wires[i]);
    raise(SIGSTOP); /* until all that is shared has been sealed */
    if (scene->role != SCENE_PRODUCER && scene->transport == FL_TRANSPORT_SHM)
        wiring_pool_reader(who.context, scene->pool_fd, &scene->pool_info);
    if (!scene->attaches)
        scene_attach_victim(&who);
    scene->play(&who);
    for (;;) /* it is killed sooner or later */
        continue;
}

int scene_publish(struct fl_pool *pool, struct fl_output *output, uint64_t *number)
{
    struct fl_frame *frame;
    struct fl_desc desc;
    int error = fl_pool_acquire(pool, &frame);
    if (error < 0)
        return error;
    payload_write(fl_frame_data(frame), *number);
    payload_describe(&desc, *number);
    error = fl_output_publish(output, frame, &desc);
    fl_frame_unref(frame);
    *number += error == 0;
    return error;
}

/* ---- setting it up ---- */

static void mint(struct scene *scene)
{
    scene->pool_info = (struct fl_pool_info){.id = 1, .slot_count = SCENE_SLOTS, .slot_bytes = fl_pool_slot_bytes(1)};
    scene->pool_fd = fl_shm_mint("pool", fl_pool_file_bytes(&scene->pool_info));
    CHECK(scene->pool_fd >= 0);
    scene->latest_fd = -1;
    if (scene->role == SCENE_PRODUCER && scene->transport == FL_TRANSPORT_SHM)
        scene->latest_fd = fl_shm_mint("latest", fl_latest_bytes());
    for (unsigned i = 0; i < SCENE_LANES; i++) {
        bool victims = victim_announces(scene, i) || victim_takes(scene, i);
        struct fl_lane_info info = {
            .id = i + 1,
            .credits = SCENE_CREDITS,
            .transport = scene->transport,
            .when_full = victims ? scene->when_full : FL_WHEN_FULL_WAIT,
            .batch = victims ? scene->batch : 0,
        };
        if (exists(scene, i))
            wiring_mint(&scene->wires[i], &info);
    }
}

static void map_survivors(struct scene *scene)
{
    CHECK_EQ(fl_context_create(&scene->below), 0);
    if (scene->role != SCENE_PRODUCER) {
        CHECK_EQ(fl_context_create(&scene->above), 0);
        CHECK_EQ(fl_output_create(scene->above, &scene->output), 0);
        CHECK_EQ(fl_pool_map_writer(scene->above, scene->pool_fd, &scene->pool_info, &scene->pool), 0);
    }
    for (unsigned i = 0; i < SCENE_LANES; i++) {
        if (!exists(scene, i))
            continue;
        if (!victim_announces(scene, i))
            wiring_map_producer(&scene->wires[i]);
        if (!victim_takes(scene, i))
            wiring_map_consumer(&scene->wires[i]);
    }
}

static void seal(struct scene *scene)
{
    if (scene->role != SCENE_PRODUCER || scene->transport == FL_TRANSPORT_SHM)
        CHECK_EQ(fl_shm_seal(scene->pool_fd, fl_pool_file_bytes(&scene->pool_info)), 0);
    if (scene->latest_fd >= 0)
        CHECK_EQ(fl_shm_seal(scene->latest_fd, fl_latest_bytes()), 0);
    for (unsigned i = 0; i < SCENE_LANES; i++)
        if (exists(scene, i))
            wiring_seal(&scene->wires[i]);
}

/* What the other end of a pipe holds must not be held here too, or its death is no end of the pipe. */
static void let_go_of_pipe(struct scene *scene, unsigned lane)
{
    struct wiring *wire = &scene->wires[lane];
    int *end = victim_announces(scene, lane) ? &wire->announce : victim_takes(scene, lane) ? &wire->returns : NULL;
    if (scene->transport != FL_TRANSPORT_PIPE || !end)
        return;
    close(*end);
    *end = -1;
}

static void attach_survivors(struct scene *scene)
{
    if (scene->role != SCENE_PRODUCER || scene->transport == FL_TRANSPORT_SHM)
        wiring_pool_reader(scene->below, scene->pool_fd, &scene->pool_info);
    if (scene->latest_fd >= 0)
        CHECK_EQ(fl_observer_create(scene->below, scene->latest_fd, &scene->observer), 0);
    for (unsigned i = 0; i < SCENE_LANES; i++) {
        if (!exists(scene, i))
            continue;
        if (!victim_announces(scene, i))
            scene->tx[i] = wiring_attach_producer(&scene->wires[i], scene->output);
        if (!victim_takes(scene, i))
            scene->rx[i] = wiring_attach_consumer(&scene->wires[i], scene->below);
        let_go_of_pipe(scene, i);
    }
}

void scene_open(struct scene *scene)
{
    signal(SIGPIPE, SIG_IGN);
    mint(scene);
    scene->victim = fork();
    CHECK(scene->victim >= 0);
    if (scene->victim == 0)
        be_victim(scene);
    map_survivors(scene);
    step_await(scene->victim, SIGSTOP);
    seal(scene);
    attach_survivors(scene);
    for (uint64_t i = 0; i < scene->announced; i++)
        CHECK_EQ(scene_publish(scene->pool, scene->output, &scene->number), 0);
    scene_go_on(scene);
}
