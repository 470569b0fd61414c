/* A consumer that is stopped (SIGSTOP) on a drop lane costs the others not one frame, and nothing of what it holds is taken from
 * it: when it goes on, the frame in its hand is whole. */
#include "check.h"
#include "picture.h"
#include "wiring.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FRAMES = 2000, CREDITS = 3, SLOTS = 12, WIDTH = 320, HEIGHT = 16 };

static bool is_ready(void *lane)
{
    return fl_lane_ready(lane);
}

static int wait_and_take(struct wiring_child *child, struct fl_frame **frame)
{
    CHECK_EQ(fl_context_wait(child->context, is_ready, child->lane, -1), 0);
    return fl_lane_take(child->lane, frame);
}

static void check_whole(const struct fl_frame *frame)
{
    CHECK_EQ(picture_wrong_bytes(fl_frame_base(frame), fl_frame_desc(frame), fl_frame_desc(frame)->number), 0);
}

/* Takes one frame and stops, holding it. */
static void stop_with_a_frame_in_hand(struct wiring_child *child)
{
    struct fl_frame *first, *frame;
    uint64_t last = 0;
    int error;
    CHECK_EQ(wait_and_take(child, &first), 0);
    CHECK_EQ(raise(SIGSTOP), 0);
    check_whole(first);
    fl_frame_release(first);
    while ((error = wait_and_take(child, &frame)) == 0) {
        check_whole(frame);
        CHECK(fl_frame_desc(frame)->number > last);
        last = fl_frame_desc(frame)->number;
        fl_frame_release(frame);
    }
    CHECK_EQ(error, -ENODATA);
    CHECK_EQ(last, FRAMES); /* the one that was published after it went on */
    fl_context_service(child->context);
}

static void take_everything(struct wiring_child *child)
{
    struct fl_frame *frame;
    uint64_t expected = 0;
    int error;
    while ((error = wait_and_take(child, &frame)) == 0) {
        check_whole(frame);
        CHECK_EQ(fl_frame_desc(frame)->number, expected++);
        fl_frame_release(frame);
    }
    CHECK_EQ(error, -ENODATA);
    CHECK_EQ(expected, FRAMES + 1);
    fl_context_service(child->context);
}

struct producer {
    struct fl_context *context;
    struct fl_output *output;
    struct fl_pool *pool;
    struct fl_output_lane *stopped, *good;
};

static bool owes_nothing(void *output)
{
    return !fl_output_owes(output);
}

static bool is_drained(void *output)
{
    return fl_output_drained(output);
}

static bool has_credit_again(void *lane)
{
    struct fl_output_stats stats;
    fl_output_lane_get_stats(lane, &stats);
    return stats.outstanding < stats.credits;
}

static void publish(struct producer *producer, uint64_t number)
{
    struct fl_frame *frame;
    struct fl_desc desc;
    CHECK_EQ(fl_pool_acquire_wait(producer->pool, -1, NULL, NULL, &frame), 0);
    picture_describe(&desc, number, WIDTH, HEIGHT, WIDTH);
    picture_fill(fl_frame_data(frame), &desc, number);
    CHECK_EQ(fl_context_wait(producer->context, owes_nothing, producer->output, -1), 0);
    CHECK_EQ(fl_output_publish(producer->output, frame, &desc), 0);
    fl_frame_unref(frame);
}

static void await_stop(pid_t child)
{
    int status;
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status));
}

static void nobody_else_misses_a_frame(void)
{
    struct producer producer;
    struct fl_output_stats stats;
    struct fl_pool_info info = {.id = 1, .slot_count = SLOTS, .slot_bytes = WIDTH * HEIGHT};
    struct fl_lane_info drop = {.credits = CREDITS, .when_full = FL_WHEN_FULL_DROP};
    struct fl_lane_info wait = {.credits = CREDITS, .when_full = FL_WHEN_FULL_WAIT};
    int fd;
    CHECK_EQ(fl_context_create(&producer.context), 0);
    CHECK_EQ(fl_output_create(producer.context, &producer.output), 0);
    producer.pool = wiring_pool(producer.context, &info, &fd);
    pid_t stopped = wiring_fork(producer.output, &drop, fd, &info, stop_with_a_frame_in_hand, NULL, &producer.stopped);
    pid_t good = wiring_fork(producer.output, &wait, fd, &info, take_everything, NULL, &producer.good);
    publish(&producer, 0);
    await_stop(stopped);
    for (uint64_t number = 1; number < FRAMES; number++)
        publish(&producer, number);
    fl_output_lane_get_stats(producer.stopped, &stats);
    CHECK_EQ(stats.sent, CREDITS);
    CHECK_EQ(stats.dropped, FRAMES - CREDITS);
    CHECK_EQ(stats.outstanding, CREDITS); /* all that it can ever cost */
    fl_output_lane_get_stats(producer.good, &stats);
    CHECK_EQ(stats.dropped, 0);
    CHECK_EQ(kill(stopped, SIGCONT), 0);
    CHECK_EQ(fl_context_wait(producer.context, has_credit_again, producer.stopped, -1), 0);
    publish(&producer, FRAMES);
    fl_output_close(producer.output);
    CHECK_EQ(fl_context_wait(producer.context, is_drained, producer.output, -1), 0);
    wait_for_child(good, 0);
    wait_for_child(stopped, 0);
    fl_context_destroy(producer.context);
    close(fd);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a stopped consumer costs the others not one frame", nobody_else_misses_a_frame},
    };
    return CHECK_RUN(cases);
}
