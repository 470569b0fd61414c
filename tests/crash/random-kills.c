/* Frames flow at full speed and one of those who pass them on is killed, at any moment; the others' books are looked at afterwards.
 *
 * usage: random-kills [SECONDS]     FRAMELANE_CRASH_SEED: the seed of the first run, to see one again; each run has the next
 */
#include "scene.h"

#include "../lib/check.h"
#include "payload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FRAMES = 300, MOST_JITTER_NS = 50000, PATIENCE_NS = 1000000, HANGS_AFTER_S = 60 };

static unsigned long long state; /* of the run under way */
static uint64_t *frames_crossed; /* shared with the runs */

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* ---- the victims, until they are killed ---- */

static bool owes_nothing(void *output)
{
    return !fl_output_owes(output);
}

static bool is_ready(void *lane)
{
    return fl_lane_ready(lane);
}

static void produce(struct victim *who)
{
    for (;;) {
        int error = scene_publish(who->pool, who->output, &who->number);
        if (error == -EAGAIN)
            fl_context_wait(who->context, owes_nothing, who->output, PATIENCE_NS);
        else
            CHECK_EQ(error, 0);
    }
}

static struct fl_frame *take_next(struct victim *who)
{
    struct fl_frame *frame;
    CHECK_EQ(fl_context_wait(who->context, is_ready, who->rx, -1), 0);
    CHECK_EQ(fl_lane_take(who->rx, &frame), 0);
    CHECK(payload_is_whole(frame));
    return frame;
}

/* Gives back in any order. */
static void consume(struct victim *who)
{
    for (;;) {
        struct fl_frame **place = &who->frames[next_random(&state) % (SCENE_CREDITS - 1)], *frame = take_next(who);
        fl_frame_release(*place);
        *place = frame;
    }
}

static void forward(struct victim *who)
{
    for (;;) {
        struct fl_frame *frame = take_next(who);
        CHECK_EQ(fl_context_wait(who->context, owes_nothing, who->output, -1), 0);
        CHECK_EQ(fl_output_publish(who->output, frame, fl_frame_desc(frame)), 0);
        fl_frame_unref(frame);
    }
}

/* ---- the survivors ---- */

static bool anything_new(void *arg)
{
    const struct scene *scene = arg;
    for (unsigned i = 0; i < SCENE_LANES; i++)
        if (scene->rx[i] && fl_lane_ready(scene->rx[i]))
            return true;
    return false;
}

static uint64_t taken(const struct scene *scene)
{
    return scene->expected[0] + scene->expected[1] + scene->expected[2];
}

static void let_flow(struct scene *scene, uint64_t until)
{
    while (taken(scene) < until) {
        bool moved = scene->above && scene_publish(scene->pool, scene->output, &scene->number) == 0;
        for (unsigned i = 0; i < SCENE_LANES; i++)
            if (scene->rx[i])
                moved |= scene_take(scene, i) == 0;
        if (!moved)
            fl_context_wait(scene->below, anything_new, scene, PATIENCE_NS);
    }
}

static void jitter(void)
{
    uint64_t until = now_ns() + next_random(&state) % MOST_JITTER_NS;
    while (now_ns() < until)
        continue;
}

_Noreturn static void run(void)
{
    static void (*const parts[])(struct victim *
                                 who) = {[SCENE_PRODUCER] = produce, [SCENE_CONSUMER] = consume, [SCENE_FORWARDER] = forward};
    static const uint32_t policies[] = {FL_WHEN_FULL_WAIT, FL_WHEN_FULL_WAIT, FL_WHEN_FULL_DROP, FL_WHEN_FULL_LATEST};
    struct scene_limits limits = {{0, 0}, {UINT64_MAX, UINT64_MAX}};
    struct scene scene = {.role = next_random(&state) % 3};
    scene.play = parts[scene.role];
    scene.transport = scene.role != SCENE_FORWARDER && next_random(&state) % 4 == 0 ? FL_TRANSPORT_PIPE : FL_TRANSPORT_SHM;
    if (scene.role == SCENE_CONSUMER) /* where the victim announces, every frame has to arrive */
        scene.when_full = policies[next_random(&state) % 4];
    alarm(HANGS_AFTER_S);
    scene_open(&scene);
    let_flow(&scene, next_random(&state) % MOST_FRAMES);
    jitter();
    scene_kill(&scene);
    for (unsigned i = 0; i < 2; i++)
        limits.least[i] = scene.role == SCENE_FORWARDER ? scene.expected[2] : scene.expected[i];
    scene_audit(&scene, &limits, next_random(&state) % 2);
    *frames_crossed += taken(&scene);
    _exit(0);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[argc - 1], NULL) : 60;
    const char *asked = getenv("FRAMELANE_CRASH_SEED");
    unsigned long long seed = asked ? strtoull(asked, NULL, 10) : (unsigned long long)getpid() * 1000000;
    uint64_t until = now_ns() + (uint64_t)(seconds * 1e9), kills = 0;
    frames_crossed = mmap(NULL, sizeof *frames_crossed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(frames_crossed != MAP_FAILED);
    printf("%g s, seed %llu\n", seconds, seed);
    for (; now_ns() < until; kills++) {
        int status;
        fflush(NULL);
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            state = seed + kills;
            run();
        }
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        if (status != 0)
            fprintf(stderr, "the run with FRAMELANE_CRASH_SEED=%llu failed\n", seed + kills);
        CHECK_EQ(status, 0);
    }
    printf("%llu kills, %llu frames crossed, nobody lost anything\n", (unsigned long long)kills,
           (unsigned long long)*frames_crossed);
    return 0;
}
