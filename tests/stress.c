/* A producer and two consumers as processes, frames of random sizes, random holds, one or several a call, every byte checked, and a
 * hand that stops and continues any of them at random moments.
 *
 * FRAMELANE_STRESS_FRAMES and FRAMELANE_STRESS_SEED make it longer and other.
 */
#include "check.h"
#include "picture.h"
#include "wiring.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS = 24, SLOT_BYTES = 64 * 1024, CREDITS = 6, MOST_HELD = 3, MOST_AT_ONCE = 3, FRAMES_A_SIGN = 16 };

static uint64_t frames_in_all, seed;
static uint32_t transport;
static int signs[2]; /* a pipe on which everybody gives a sign of life now and then: its pid */

static void give_sign(uint64_t number)
{
    pid_t self = getpid();
    if (number % FRAMES_A_SIGN == 0)
        CHECK_EQ(write(signs[1], &self, sizeof self), sizeof self);
}

/* ---- consumers ---- */

static void check_whole(const struct fl_frame *frame)
{
    CHECK_EQ(picture_wrong_bytes(fl_frame_base(frame), fl_frame_desc(frame), fl_frame_desc(frame)->number), 0);
}

struct wish {
    uint32_t when_full;
};

/* By one of the ways to wait and take; never -EAGAIN. */
static int take(struct fl_lane *lane, struct fl_frame **frames, unsigned long long *state)
{
    unsigned way = next_random(state) % 3;
    if (way == 0) {
        int error = fl_lane_take_wait(lane, -1, frames);
        return error < 0 ? error : 1;
    }
    CHECK_EQ(fl_lane_wait(lane, -1), 0);
    if (way == 1)
        return fl_lane_take_many(lane, frames, 1 + next_random(state) % MOST_AT_ONCE);
    int error = fl_lane_take(lane, frames);
    return error < 0 ? error : 1;
}

static void check_next(const struct fl_desc *desc, uint64_t *expected, uint32_t when_full)
{
    CHECK(desc->number >= *expected);
    if (when_full == FL_WHEN_FULL_WAIT)
        CHECK_EQ(desc->number, *expected);
    *expected = desc->number + 1;
    give_sign(desc->number);
}

static void consume(struct wiring_child *child)
{
    const struct wish *wish = child->arg;
    unsigned long long state = seed ^ (unsigned long long)wish->when_full << 20;
    struct fl_frame *held[MOST_HELD] = {NULL}, *frames[MOST_AT_ONCE], *over[MOST_AT_ONCE];
    uint64_t expected = 0;
    int got;
    for (;;) {
        if ((got = take(child->lane, frames, &state)) == -ENODATA)
            break;
        if (got < 0)
            CHECK_SAYS(fl_lane_fault(child->lane), "(no fault)");
        for (int i = 0; i < got; i++) {
            check_next(fl_frame_desc(frames[i]), &expected, wish->when_full);
            unsigned place = next_random(&state) % MOST_HELD;
            if (held[place]) /* looked at when it has been held for a while */
                check_whole(held[place]);
            over[i] = held[place];
            held[place] = frames[i];
        }
        fl_frame_release_many(over, got > 0 ? (unsigned)got : 0);
    }
    if (wish->when_full == FL_WHEN_FULL_WAIT)
        CHECK_EQ(expected, frames_in_all);
    if (wish->when_full == FL_WHEN_FULL_LATEST && expected != frames_in_all)
        printf("  a viewer that was stopped past the end missed the newest\n");
    fl_frame_release_many(held, MOST_HELD);
    fl_context_service(child->context);
}

/* ---- the producer ---- */

static bool is_drained(void *output)
{
    return fl_output_drained(output);
}

static void describe(struct fl_desc *desc, uint64_t number, unsigned long long *state)
{
    uint32_t width = 1 + next_random(state) % 200, height = 1 + next_random(state) % 100;
    picture_describe_yuv(desc, number, width, height, (int32_t)(width + next_random(state) % 64 + 1));
}

static void publish(struct fl_output *output, const struct fl_publish *what, unsigned count)
{
    for (unsigned done = 0; done < count;) {
        CHECK_EQ(fl_output_wait(output, -1), 0);
        int more = fl_output_publish_many(output, what + done, count - done);
        CHECK(more > 0);
        done += (unsigned)more;
    }
}

static void publish_all(struct fl_context *context, struct fl_pool *pool, struct fl_output *output)
{
    unsigned long long state = seed;
    struct fl_frame *frames[MOST_AT_ONCE];
    struct fl_desc descs[MOST_AT_ONCE];
    struct fl_publish what[MOST_AT_ONCE];
    for (uint64_t number = 0; number < frames_in_all;) {
        uint64_t left = frames_in_all - number, count = 1 + next_random(&state) % MOST_AT_ONCE;
        count = count < left ? count : left;
        for (uint64_t i = 0; i < count; i++, number++) {
            CHECK_EQ(fl_pool_acquire_wait(pool, -1, NULL, NULL, &frames[i]), 0);
            describe(&descs[i], number, &state);
            picture_fill(fl_frame_data(frames[i]), &descs[i], number);
            what[i] = (struct fl_publish){frames[i], &descs[i]};
            give_sign(number);
        }
        publish(output, what, (unsigned)count);
        fl_frame_unref_many(frames, (unsigned)count);
    }
    fl_output_close(output);
    CHECK_EQ(fl_context_wait(context, is_drained, output, -1), 0);
}

static void produce(uint32_t second)
{
    struct fl_context *context;
    struct fl_output *output;
    struct fl_pool *pool;
    struct fl_output_lane *tx[2];
    struct fl_pool_info info = {.id = 1, .slot_count = SLOTS, .slot_bytes = SLOT_BYTES};
    struct wish wishes[2] = {{FL_WHEN_FULL_WAIT}, {second}};
    pid_t children[2];
    int fd;
    CHECK_EQ(fl_context_create(&context), 0);
    CHECK_EQ(fl_output_create(context, &output), 0);
    pool = wiring_pool(context, &info, &fd);
    for (unsigned i = 0; i < 2; i++) {
        struct fl_lane_info lane = {.credits = CREDITS, .when_full = wishes[i].when_full, .transport = transport};
        children[i] = wiring_fork(output, &lane, transport == FL_TRANSPORT_SHM ? fd : -1, &info, consume, &wishes[i], &tx[i]);
    }
    publish_all(context, pool, output);
    for (unsigned i = 0; i < 2; i++)
        wait_for_child(children[i], 0);
    struct fl_output_stats stats;
    fl_output_lane_get_stats(tx[1], &stats);
    CHECK_EQ(stats.sent + stats.dropped, frames_in_all);
    printf("  second lane: %llu sent, %llu dropped\n", (unsigned long long)stats.sent, (unsigned long long)stats.dropped);
    if (transport == FL_TRANSPORT_SHM)
        CHECK_EQ(fl_pool_free_slots(pool), SLOTS);
    fl_context_destroy(context);
    close(fd);
}

/* ---- the hand ---- */

/* Stops one that has just given a sign, listens to the others for a moment, and lets it go on. */
static void disturb(pid_t victim)
{
    struct pollfd sign = {signs[0], POLLIN, 0};
    if (kill(victim, SIGSTOP) < 0)
        return;
    poll(&sign, 1, 3);
    kill(victim, SIGCONT);
}

static void run(uint32_t second)
{
    unsigned long long state = seed * 3 + 1;
    unsigned disturbed = 0;
    pid_t pid;
    CHECK_EQ(pipe(signs), 0);
    fflush(NULL);
    pid_t producer = fork();
    CHECK(producer >= 0);
    if (producer == 0) {
        close(signs[0]);
        signal(SIGPIPE, SIG_IGN);
        produce(second);
        fflush(NULL);
        _exit(0);
    }
    close(signs[1]);
    while (read(signs[0], &pid, sizeof pid) == sizeof pid) {
        if (next_random(&state) % 8 != 0)
            continue;
        disturb(pid);
        disturbed++;
    }
    wait_for_child(producer, 0);
    close(signs[0]);
    printf("  stopped and continued %u times\n", disturbed);
}

static void shared_memory_beside_a_drop_lane(void)
{
    transport = FL_TRANSPORT_SHM;
    run(FL_WHEN_FULL_DROP);
}

static void shared_memory_beside_a_viewer(void)
{
    transport = FL_TRANSPORT_SHM;
    run(FL_WHEN_FULL_LATEST);
}

static void shared_memory_beside_another_recorder(void)
{
    transport = FL_TRANSPORT_SHM;
    run(FL_WHEN_FULL_WAIT);
}

static void a_pipe_beside_a_drop_lane(void)
{
    transport = FL_TRANSPORT_PIPE;
    run(FL_WHEN_FULL_DROP);
}

int main(void)
{
    const char *asked_frames = getenv("FRAMELANE_STRESS_FRAMES"), *asked_seed = getenv("FRAMELANE_STRESS_SEED");
    frames_in_all = asked_frames ? strtoull(asked_frames, NULL, 10) : 3000;
    seed = asked_seed ? strtoull(asked_seed, NULL, 10) : (unsigned long long)getpid();
    printf("%llu frames, seed %llu\n", (unsigned long long)frames_in_all, (unsigned long long)seed);
    static const struct check_case cases[] = {
        {"shared memory, beside a lane that drops", shared_memory_beside_a_drop_lane},
        {"shared memory, beside a viewer", shared_memory_beside_a_viewer},
        {"shared memory, beside another that may lose nothing", shared_memory_beside_another_recorder},
        {"a pipe, beside a lane that drops", a_pipe_beside_a_drop_lane},
    };
    return CHECK_RUN(cases);
}
