#include "scene.h"

#include "../lib/check.h"
#include "payload.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

/* ---- what the survivors do before ---- */

static bool third_look(void *looks)
{
    return ++*(unsigned *)looks >= 3; /* before it arms, armed, and after it has slept */
}

static void doze(struct fl_context *context)
{
    unsigned looks = 0;
    if (!context)
        return;
    fl_context_kick(context); /* so that it does not sleep long */
    CHECK_EQ(fl_context_wait(context, third_look, &looks, -1), 0);
}

void scene_doze(struct scene *scene)
{
    doze(scene->above);
    doze(scene->below);
}

static int take(struct scene *scene, unsigned lane, struct fl_frame **frame)
{
    int error = fl_lane_take(scene->rx[lane], frame);
    if (error < 0)
        return error;
    CHECK_EQ(fl_frame_desc(*frame)->number, scene->expected[lane]);
    CHECK(payload_is_whole(*frame));
    scene->expected[lane]++;
    return 0;
}

int scene_take(struct scene *scene, unsigned lane)
{
    struct fl_frame *frame;
    int error = take(scene, lane, &frame);
    if (error == 0)
        fl_frame_release(frame);
    fl_context_service(scene->below);
    return error;
}

void scene_hold(struct scene *scene)
{
    CHECK_EQ(take(scene, scene->role == SCENE_FORWARDER ? 2 : 0, &scene->held), 0);
}

void scene_kill(struct scene *scene)
{
    int status;
    CHECK_EQ(kill(scene->victim, SIGKILL), 0);
    CHECK_EQ(waitpid(scene->victim, &status, 0), scene->victim);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGKILL);
}

/* ---- the books of those below ---- */

static void check_blameless(const char *fault)
{
    if (fault)
        CHECK_SAYS(fault, "(no fault)");
}

/* Everything that the dead one announced may still be taken; then the lane is at its end. */
static void audit_taker(struct scene *scene, unsigned lane, uint64_t least, uint64_t most)
{
    int error;
    fl_lane_producer_down(scene->rx[lane]);
    while ((error = scene_take(scene, lane)) == 0)
        continue;
    check_blameless(fl_lane_fault(scene->rx[lane]));
    CHECK_EQ(error, -ENODATA);
    CHECK(scene->expected[lane] >= least);
    CHECK(scene->expected[lane] <= most);
}

static void audit_below(struct scene *scene)
{
    for (unsigned i = 0; i < SCENE_LANES; i++) {
        struct fl_lane_stats stats;
        if (!scene->rx[i])
            continue;
        fl_lane_get_stats(scene->rx[i], &stats);
        CHECK_EQ(stats.taken, scene->expected[i]);
        CHECK_EQ(stats.returned, stats.taken);
        check_blameless(fl_lane_fault(scene->rx[i]));
    }
}

/* ---- the books of the one above ---- */

static void check_books(struct scene *scene)
{
    for (unsigned i = 0; i < 2; i++) {
        struct fl_output_stats stats;
        fl_output_lane_get_stats(scene->tx[i], &stats);
        CHECK_EQ(stats.outstanding, 0);
        CHECK_EQ(stats.sent, stats.returned);
        check_blameless(fl_output_lane_fault(scene->tx[i]));
    }
}

static void audit_above(struct scene *scene, bool late)
{
    if (late)
        fl_context_service(scene->above);
    fl_output_lane_down(scene->tx[0]);
    while (scene_take(scene, 1) == 0)
        fl_context_service(scene->above);
    /* As many frames as use every slot go on to the one that is left. */
    for (unsigned i = 0; i < 2 * SCENE_SLOTS; i++) {
        CHECK_EQ(scene_publish(scene->pool, scene->output, &scene->number), 0);
        CHECK_EQ(scene_take(scene, 1), 0);
    }
    CHECK_EQ(scene->expected[1], scene->number);
    fl_output_close(scene->output);
    CHECK_EQ(scene_take(scene, 1), -ENODATA);
    fl_context_service(scene->above);
    CHECK(fl_output_drained(scene->output));
    check_books(scene);
    CHECK_EQ(fl_pool_free_slots(scene->pool), SCENE_SLOTS);
}

/* Who only looks sees the newest frame whole, or is told that it cannot be had. */
static void audit_observer(struct scene *scene, uint64_t most)
{
    struct fl_peek peek;
    if (!scene->observer)
        return;
    int error = fl_observer_peek(scene->observer, &peek);
    if (error == 0) {
        CHECK(peek.desc.number < most);
        CHECK(payload_at_is_whole(peek.base, peek.desc.number) || !fl_observer_holds(scene->observer, &peek));
    } else if (error != -ESTALE) {
        CHECK_EQ(error, -EAGAIN); /* nothing shown yet, or it died while it was writing */
    }
    fl_observer_destroy(scene->observer);
}

static void let_go(struct scene *scene)
{
    if (!scene->held)
        return;
    CHECK(payload_is_whole(scene->held)); /* it was in hand while its maker died: it has stayed what it was */
    fl_frame_release(scene->held);
    fl_context_service(scene->below);
}

void scene_audit(struct scene *scene, const struct scene_limits *limits, bool late)
{
    unsigned first = scene->role == SCENE_FORWARDER ? 2 : 0,
             count = scene->role == SCENE_PRODUCER ? 2 : scene->role == SCENE_FORWARDER;
    for (unsigned i = 0; i < count; i++)
        audit_taker(scene, first + i, limits->least[i], limits->most[i]);
    audit_observer(scene, limits->most[0]);
    let_go(scene); /* before its own lanes are down: what it forwarded belongs to the one above */
    if (scene->role != SCENE_PRODUCER)
        audit_above(scene, late);
    audit_below(scene);
    fl_context_destroy(scene->below);
    fl_context_destroy(scene->above);
}
