/* From frame 1,000 to frame 11,000 between two busy processes: next to no system call, no allocation, no page fault.
 *
 * Both processes run under a tracer that sees each system call they make; it costs nothing where they make none. Memory is counted
 * by standing in for malloc, page faults by getrusage at the two marks.
 */
#include "count-calls.h"

#include "../lib/allocations.h"
#include "../lib/check.h"
#include "../lib/picture.h"
#include "../lib/wiring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FIRST = 1000, LAST = 11000, FRAMES = 12000, SLOTS = 96, CREDITS = 64, WIDTH = 128, HEIGHT = 96, TRIES = 3 };
enum { PRODUCER, CONSUMER, SIDES };

static const uint64_t ten_seconds_ns = 10000000000ull;

/* ---- the marks ---- */

static struct book {
    struct count_calls calls[SIDES];
    unsigned long allocations[SIDES], faults[SIDES];
} * book; /* shared by all */

static bool sleeps_when_idle, misbehaves;

static unsigned long faults_so_far(void)
{
    struct rusage usage;
    CHECK_EQ(getrusage(RUSAGE_SELF, &usage), 0);
    return (unsigned long)(usage.ru_minflt + usage.ru_majflt);
}

/* Called with each frame's number, before it is made or taken. */
static void pass(unsigned side, uint64_t number)
{
    if (number == FIRST) {
        book->faults[side] = faults_so_far();
        book->allocations[side] = allocations;
        book->calls[side].counted = 1;
    }
    if (number == LAST) {
        book->calls[side].counted = 0;
        book->faults[side] = faults_so_far() - book->faults[side];
        book->allocations[side] = allocations - book->allocations[side];
    }
}

/* What a side does that shall be noticed: a page it has never touched, memory, and with both of them system calls. */
static void misbehave(uint64_t number)
{
    if (!misbehaves || number % 50 != 0)
        return;
    void *volatile memory = malloc(100);
    free(memory);
    uint8_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    *(volatile uint8_t *)page = 1;
    munmap(page, 4096);
}

/* ---- the two sides ---- */

static bool is_ready(void *lane)
{
    return fl_lane_ready(lane);
}

static void await_frame(struct wiring_child *child)
{
    if (sleeps_when_idle) /* after ten seconds of spinning */
        CHECK_EQ(fl_context_wait(child->context, is_ready, child->lane, -1), 0);
}

static void consume(struct wiring_child *child)
{
    struct fl_frame *frame;
    uint64_t number = 0, sum = 0;
    int error;
    book->calls[CONSUMER].pid = getpid();
    do {
        await_frame(child);
        error = fl_lane_take(child->lane, &frame);
        if (error < 0)
            continue;
        pass(CONSUMER, number);
        misbehave(number);
        CHECK_EQ(fl_frame_desc(frame)->number, number);
        for (unsigned row = 0; row < HEIGHT; row++)
            sum += fl_frame_base(frame)[row * WIDTH];
        number++;
        fl_frame_release(frame);
        fl_context_service(child->context);
    } while (error != -ENODATA);
    CHECK_EQ(number, FRAMES);
    CHECK(sum > 0);
}

static bool owes_nothing(void *output)
{
    return !fl_output_owes(output);
}

static bool is_drained(void *output)
{
    return fl_output_drained(output);
}

static void publish_all(struct fl_context *context, struct fl_pool *pool, struct fl_output *output)
{
    struct fl_desc desc;
    for (uint64_t number = 0; number < FRAMES; number++) {
        struct fl_frame *frame;
        pass(PRODUCER, number);
        misbehave(number);
        while (fl_pool_acquire(pool, &frame) == -EAGAIN)
            continue;
        memset(fl_frame_data(frame), (int)number, WIDTH * HEIGHT);
        picture_describe(&desc, number, WIDTH, HEIGHT, WIDTH);
        if (sleeps_when_idle)
            CHECK_EQ(fl_context_wait(context, owes_nothing, output, -1), 0);
        while (fl_output_publish(output, frame, &desc) == -EAGAIN)
            continue;
        fl_frame_unref(frame);
    }
    fl_output_close(output);
    CHECK_EQ(fl_context_wait(context, is_drained, output, -1), 0);
}

static void both_sides(void)
{
    struct fl_context *context;
    struct fl_output *output;
    struct fl_output_lane *tx;
    struct fl_pool_info info = {.id = 1, .slot_count = SLOTS, .slot_bytes = WIDTH * HEIGHT};
    struct fl_lane_info lane = {.credits = CREDITS, .spin_ns = sleeps_when_idle ? ten_seconds_ns : 0};
    int fd;
    book->calls[PRODUCER].pid = getpid();
    CHECK_EQ(fl_context_create(&context), 0);
    CHECK_EQ(fl_output_create(context, &output), 0);
    struct fl_pool *pool = wiring_pool(context, &info, &fd);
    pid_t consumer = wiring_fork(output, &lane, fd, &info, consume, NULL, &tx);
    publish_all(context, pool, output);
    wait_for_child(consumer, 0);
    fl_context_destroy(context);
    close(fd);
}

static void run(void)
{
    memset(book, 0, sizeof *book);
    count_calls(both_sides, book->calls, SIDES);
    printf("  frames %d to %d: %lu + %lu system calls, %lu + %lu allocations, %lu + %lu page faults\n", FIRST, LAST,
           book->calls[PRODUCER].seen, book->calls[CONSUMER].seen, book->allocations[PRODUCER], book->allocations[CONSUMER],
           book->faults[PRODUCER], book->faults[CONSUMER]);
}

/* The system may take a page back for a moment to move it: not every time. */
static void run_quietly(void)
{
    unsigned tries = 0;
    do {
        run();
    } while (book->faults[PRODUCER] + book->faults[CONSUMER] > 0 && ++tries < TRIES);
    CHECK(book->calls[PRODUCER].seen + book->calls[CONSUMER].seen < 100);
    CHECK_EQ(book->allocations[PRODUCER] + book->allocations[CONSUMER], 0);
    CHECK_EQ(book->faults[PRODUCER] + book->faults[CONSUMER], 0);
}

static void the_counts_are_awake(void)
{
    misbehaves = true;
    run();
    misbehaves = false;
    for (unsigned side = 0; side < SIDES; side++) {
        CHECK(book->calls[side].seen >= (LAST - FIRST) / 50);
        CHECK(book->allocations[side] >= (LAST - FIRST) / 50);
        CHECK(book->faults[side] >= (LAST - FIRST) / 50);
    }
}

static void who_polls_is_left_alone(void)
{
    sleeps_when_idle = false;
    run_quietly();
}

static void who_spins_before_it_sleeps_is_left_alone(void)
{
    sleeps_when_idle = true;
    run_quietly();
}

int main(void)
{
    static const struct check_case cases[] = {
        {"what is counted is noticed", the_counts_are_awake},
        {"two processes that poll", who_polls_is_left_alone},
        {"two processes that spin before they sleep", who_spins_before_it_sleeps_is_left_alone},
    };
    if (!allocations_are_counted)
        check_skip("a sanitizer takes memory and makes system calls of its own");
    book = mmap(NULL, sizeof *book, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(book != MAP_FAILED);
    return CHECK_RUN(cases);
}
