/* Any of several processes is stopped and continued at random moments, and every byte of every frame stays what it was: when it is
 * taken, and again when it is let go.
 *
 * Rounds of random shape, one after another: the number of credits and slots, what lanes do when full, batches, spinning, a pipe
 * instead of shared memory, a stage between that forwards. A round is its seed.
 *
 * usage: pauses [SECONDS]     FRAMELANE_CRASH_SEED: the seed of the first round; each round has the next
 */
#include "../lib/check.h"
#include "../lib/picture.h"
#include "../lib/wiring.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLOT_BYTES = 48 * 1024, MOST_HELD = 4, FRAMES_A_SIGN = 8, VICTIMS_AT_ONCE = 2, HANGS_AFTER_S = 90 };

/* What a round is; follows from its seed. */
static struct shape {
    unsigned long long seed;
    uint64_t frames;
    uint32_t transport, slots, held; /* held: frames a consumer keeps for a while, at most */
    bool forwards;                   /* the first consumer passes everything on to another */
    struct fl_lane_info lanes[2];
} shape;

static int signs[2]; /* a pipe on which everybody gives a sign of life now and then: its pid */

/* ---- everybody ---- */

static void give_sign(uint64_t number)
{
    pid_t self = getpid();
    if (number % FRAMES_A_SIGN == 0)
        CHECK_EQ(write(signs[1], &self, sizeof self), sizeof self);
}

static void check_whole(const struct fl_frame *frame)
{
    CHECK_EQ(picture_wrong_bytes(fl_frame_base(frame), fl_frame_desc(frame), fl_frame_desc(frame)->number), 0);
}

static void let_go(struct fl_frame *frame)
{
    if (frame)
        check_whole(frame);
    fl_frame_release(frame);
}

static bool is_ready(void *lane)
{
    return fl_lane_ready(lane);
}

static bool owes_nothing(void *output)
{
    return !fl_output_owes(output);
}

static bool is_drained(void *output)
{
    return fl_output_drained(output);
}

static void close_and_drain(struct fl_context *context, struct fl_output *output)
{
    fl_output_close(output);
    CHECK_EQ(fl_context_wait(context, is_drained, output, -1), 0);
}

/* ---- those who take ---- */

struct part {
    uint32_t when_full;
    int pool_fd;
    const struct fl_pool_info *pool_info;
};

/* The next frame, whole; NULL at the end. Nothing may be missing where the lane waits. */
static struct fl_frame *take_next(struct wiring_child *child, uint64_t *expected)
{
    const struct part *part = child->arg;
    struct fl_frame *frame;
    CHECK_EQ(fl_context_wait(child->context, is_ready, child->lane, -1), 0);
    int error = fl_lane_take(child->lane, &frame);
    if (error == -ENODATA)
        return NULL;
    if (error < 0)
        CHECK_SAYS(fl_lane_fault(child->lane), "(no fault)");
    CHECK_EQ(error, 0);
    uint64_t number = fl_frame_desc(frame)->number;
    CHECK(number >= *expected);
    if (part->when_full == FL_WHEN_FULL_WAIT)
        CHECK_EQ(number, *expected);
    *expected = number + 1;
    check_whole(frame);
    give_sign(number);
    return frame;
}

static void check_end(const struct wiring_child *child, uint64_t expected)
{
    const struct part *part = child->arg;
    if (part->when_full == FL_WHEN_FULL_WAIT)
        CHECK_EQ(expected, shape.frames);
}

static void consume(struct wiring_child *child)
{
    unsigned long long state = shape.seed + (unsigned long long)getpid();
    struct fl_frame *held[MOST_HELD] = {NULL}, *frame;
    uint64_t expected = 0;
    while ((frame = take_next(child, &expected))) {
        struct fl_frame **place = &held[next_random(&state) % shape.held];
        let_go(*place);
        *place = frame;
    }
    check_end(child, expected);
    for (unsigned i = 0; i < MOST_HELD; i++)
        let_go(held[i]);
    fl_context_service(child->context);
}

/* Passes every frame on with other words to a process of its own. */
static void forward(struct wiring_child *child)
{
    struct part *part = child->arg;
    struct fl_output_lane *tx;
    struct fl_output *output;
    struct fl_frame *frame;
    struct fl_lane_info info = {.credits = shape.lanes[0].credits - 2, .batch = shape.lanes[0].batch};
    uint64_t expected = 0;
    CHECK_EQ(fl_output_create(child->context, &output), 0);
    pid_t below = wiring_fork(output, &info, part->pool_fd, part->pool_info, consume, part, &tx);
    while ((frame = take_next(child, &expected))) {
        struct fl_desc desc = *fl_frame_desc(frame);
        desc.duration = 2;
        CHECK_EQ(fl_context_wait(child->context, owes_nothing, output, -1), 0);
        CHECK_EQ(fl_output_publish(output, frame, &desc), 0);
        fl_frame_release(frame);
    }
    check_end(child, expected);
    close_and_drain(child->context, output);
    wait_for_child(below, 0);
}

/* ---- the one that makes them ---- */

static void publish_all(struct fl_context *context, struct fl_pool *pool, struct fl_output *output)
{
    unsigned long long state = shape.seed;
    for (uint64_t number = 0; number < shape.frames; number++) {
        struct fl_frame *frame;
        struct fl_desc desc;
        uint32_t width = 1 + next_random(&state) % 180, height = 1 + next_random(&state) % 100;
        CHECK_EQ(fl_pool_acquire_wait(pool, -1, NULL, NULL, &frame), 0);
        picture_describe_yuv(&desc, number, width, height, (int32_t)(width + next_random(&state) % 64 + 1));
        picture_fill(fl_frame_data(frame), &desc, number);
        CHECK_EQ(fl_context_wait(context, owes_nothing, output, -1), 0);
        CHECK_EQ(fl_output_publish(output, frame, &desc), 0);
        fl_frame_unref(frame);
        give_sign(number);
    }
    close_and_drain(context, output);
}

static void check_books(struct fl_pool *pool, struct fl_output_lane *const tx[2])
{
    for (unsigned i = 0; i < 2; i++) {
        struct fl_output_stats stats;
        fl_output_lane_get_stats(tx[i], &stats);
        CHECK_EQ(stats.sent + stats.dropped, shape.frames);
        CHECK_EQ(stats.sent, stats.returned);
        if (fl_output_lane_fault(tx[i]))
            CHECK_SAYS(fl_output_lane_fault(tx[i]), "(no fault)");
    }
    CHECK_EQ(fl_pool_free_slots(pool), shape.slots);
}

static void produce(void)
{
    struct fl_context *context;
    struct fl_output *output;
    struct fl_output_lane *tx[2];
    struct fl_pool_info info = {.id = 1, .slot_count = shape.slots, .slot_bytes = SLOT_BYTES};
    pid_t children[2];
    int fd;
    CHECK_EQ(fl_context_create(&context), 0);
    CHECK_EQ(fl_output_create(context, &output), 0);
    struct fl_pool *pool = wiring_pool(context, &info, &fd);
    struct part parts[2];
    for (unsigned i = 0; i < 2; i++) {
        parts[i] = (struct part){shape.lanes[i].when_full, fd, &info};
        children[i] = wiring_fork(output, &shape.lanes[i], shape.transport == FL_TRANSPORT_SHM ? fd : -1, &info,
                                  i == 0 && shape.forwards ? forward : consume, &parts[i], &tx[i]);
    }
    publish_all(context, pool, output);
    for (unsigned i = 0; i < 2; i++)
        wait_for_child(children[i], 0);
    fl_context_service(context);
    check_books(pool, tx);
    fl_context_destroy(context);
    close(fd);
}

/* ---- the hand ---- */

/* Stops one or two that have just given a sign, listens to the others for a while, and lets them go on. */
static unsigned disturb(pid_t first, unsigned long long *state)
{
    pid_t victims[VICTIMS_AT_ONCE] = {first}, other;
    unsigned count = 1, signs_to_hear = next_random(state) % 40;
    struct pollfd sign = {signs[0], POLLIN, 0};
    int patience_ms = 1 + (int)(next_random(state) % 8);
    if (kill(first, SIGSTOP) < 0)
        return 0;
    while (signs_to_hear-- > 0 && poll(&sign, 1, patience_ms) > 0 && read(signs[0], &other, sizeof other) == sizeof other)
        if (count < VICTIMS_AT_ONCE && other != first && next_random(state) % 4 == 0 && kill(other, SIGSTOP) == 0)
            victims[count++] = other;
    for (unsigned i = 0; i < count; i++)
        kill(victims[i], SIGCONT);
    return count;
}

static unsigned play_round(void)
{
    unsigned long long state = shape.seed * 3 + 1;
    unsigned disturbed = 0;
    pid_t pid;
    CHECK_EQ(pipe(signs), 0);
    fflush(NULL);
    pid_t producer = fork();
    CHECK(producer >= 0);
    if (producer == 0) {
        close(signs[0]);
        signal(SIGPIPE, SIG_IGN);
        alarm(HANGS_AFTER_S); /* it takes the others with it */
        produce();
        fflush(NULL);
        _exit(0);
    }
    close(signs[1]);
    while (read(signs[0], &pid, sizeof pid) == sizeof pid)
        if (next_random(&state) % 6 == 0)
            disturbed += disturb(pid, &state);
    wait_for_child(producer, 0);
    close(signs[0]);
    return disturbed;
}

static void choose_shape(unsigned long long seed)
{
    static const uint32_t policies[] = {FL_WHEN_FULL_WAIT, FL_WHEN_FULL_DROP, FL_WHEN_FULL_LATEST};
    unsigned long long state = seed * 7 + 5;
    shape = (struct shape){.seed = seed, .frames = 400 + next_random(&state) % 800, .held = 1 + next_random(&state) % MOST_HELD};
    shape.transport = next_random(&state) % 5 == 0 ? FL_TRANSPORT_PIPE : FL_TRANSPORT_SHM;
    shape.forwards = shape.transport == FL_TRANSPORT_SHM && next_random(&state) % 3 == 0;
    shape.slots = 4; /* the newest, one being written, and what makes the rotation worth its name */
    for (unsigned i = 0; i < 2; i++) {
        /* A stage that forwards holds what is held below it, its newest, and one in hand. */
        shape.lanes[i] = (struct fl_lane_info){
            .credits = shape.held + 4 + next_random(&state) % 8,
            .when_full = i == 0 ? FL_WHEN_FULL_WAIT : policies[next_random(&state) % 3],
            .transport = shape.transport,
            .batch = next_random(&state) % 3 == 0 ? 1 + next_random(&state) % 4 : 0,
            .spin_ns = next_random(&state) % 3 == 0 ? 20000 : 0,
        };
        shape.slots += shape.lanes[i].credits;
    }
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[argc - 1], NULL) : 60, until = now() + seconds;
    const char *asked = getenv("FRAMELANE_CRASH_SEED");
    unsigned long long seed = asked ? strtoull(asked, NULL, 10) : (unsigned long long)getpid() * 1000000;
    unsigned long rounds = 0, frames = 0, pauses = 0;
    for (; now() < until; rounds++, seed++) {
        choose_shape(seed);
        printf("seed %llu: %llu frames over %s%s, credits %u and %u, when full %u\n", seed, (unsigned long long)shape.frames,
               shape.transport == FL_TRANSPORT_PIPE ? "pipes" : "shared memory", shape.forwards ? " and a forwarder" : "",
               shape.lanes[0].credits, shape.lanes[1].credits, shape.lanes[1].when_full);
        pauses += play_round();
        frames += shape.frames;
    }
    printf("%lu rounds, %lu frames, %lu pauses: every byte as it was\n", rounds, frames, pauses);
    return 0;
}
