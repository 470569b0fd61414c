/* Producer and consumer as two threads on one mapping of every region, each byte verified: what ThreadSanitizer is to look at.
 * Without it this is a stress of the doorbells: both ends sleep and wake as they please, and nothing is lost. */
#include "check.h"
#include "one-mapping.h"
#include "picture.h"
#include "wiring.h"

#include "../transport/internal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum { FRAMES = 6000, WIDTH = 96, HEIGHT = 8, HELPERS = 2 };

struct end {
    struct fl_context *context;
    struct fl_output *output; /* producer, relay */
    struct fl_pool *pool;     /* producer */
    struct fl_lane *in;       /* relay, consumer */
    struct fl_output_lane *tx;
    uint64_t seen;
    uint32_t when_full;
    unsigned long long random;
};

static bool owes_nothing(void *output)
{
    return !fl_output_owes(output);
}

static bool is_drained(void *output)
{
    return fl_output_drained(output);
}

static void close_and_drain(struct end *end)
{
    fl_output_close(end->output);
    CHECK_EQ(fl_context_wait(end->context, is_drained, end->output, -1), 0);
}

static void *produce(void *arg)
{
    struct end *end = arg;
    struct fl_through through = {.epoch = 1, .time_base_num = 1, .time_base_den = 25};
    for (uint64_t number = 0; number < FRAMES; number++) {
        struct fl_frame *frame;
        struct fl_desc desc;
        CHECK_EQ(fl_pool_acquire_wait(end->pool, -1, NULL, NULL, &frame), 0);
        picture_describe(&desc, number, WIDTH, HEIGHT, WIDTH);
        picture_fill(fl_frame_data(frame), &desc, number);
        CHECK_EQ(fl_output_wait(end->output, -1), 0);
        CHECK_EQ(fl_output_publish(end->output, frame, &desc), 0);
        fl_frame_unref(frame);
        through.number = number;
        through.pts = (int64_t)number;
        fl_output_through(end->output, &through);
    }
    close_and_drain(end);
    return NULL;
}

static int wait_and_take(struct end *end, struct fl_frame **frame)
{
    if (next_random(&end->random) % 2)
        return fl_lane_take_wait(end->in, -1, frame);
    CHECK_EQ(fl_lane_wait(end->in, -1), 0);
    return fl_lane_take(end->in, frame);
}

/* NULL at the end. */
static struct fl_frame *next_frame(struct end *end)
{
    struct fl_frame *frame;
    int error = wait_and_take(end, &frame);
    if (error == -ENODATA)
        return NULL;
    if (error < 0)
        CHECK_SAYS(fl_lane_fault(end->in), "(no fault)");
    return frame;
}

static void verify(struct end *end, struct fl_frame *frame)
{
    const struct fl_desc *desc = fl_frame_desc(frame);
    CHECK_EQ(picture_wrong_bytes(fl_frame_base(frame), desc, desc->number), 0);
    CHECK(desc->number >= end->seen);
    if (end->when_full == FL_WHEN_FULL_WAIT)
        CHECK_EQ(desc->number, end->seen);
    end->seen = desc->number + 1;
    struct fl_through through;
    if (fl_lane_through(end->in, &through))
        CHECK_EQ(through.number, through.pts); /* the words belong together */
}

static void *consume(void *arg)
{
    struct end *end = arg;
    struct fl_frame *held[2] = {NULL, NULL}, *frame;
    while ((frame = next_frame(end))) {
        verify(end, frame);
        unsigned place = next_random(&end->random) % 2;
        fl_frame_release(held[place]); /* out of order */
        held[place] = frame;
    }
    fl_frame_release(held[0]);
    fl_frame_release(held[1]);
    fl_context_service(end->context);
    return NULL;
}

static void *consume_at_once(void *arg)
{
    struct end *end = arg;
    struct fl_frame *frame;
    while ((frame = next_frame(end))) {
        verify(end, frame);
        fl_frame_release(frame);
    }
    fl_context_service(end->context);
    return NULL;
}

static void *relay(void *arg)
{
    struct end *end = arg;
    struct fl_frame *frame;
    while ((frame = next_frame(end))) {
        struct fl_desc desc = *fl_frame_desc(frame);
        CHECK_EQ(fl_context_wait(end->context, owes_nothing, end->output, -1), 0);
        CHECK_EQ(fl_output_publish(end->output, frame, &desc), 0);
        fl_frame_release(frame);
    }
    close_and_drain(end);
    return NULL;
}

/* ---- a consumer whose frames are let go of by other threads, as an encoder's are ---- */

static struct {
    _Atomic(struct fl_frame *) slots[8];
    atomic_bool end;
} shelf;

static void *let_go(void *arg)
{
    unsigned long long state = (unsigned long long)(uintptr_t)arg;
    while (!atomic_load(&shelf.end)) {
        struct fl_frame *frame = atomic_exchange(&shelf.slots[next_random(&state) % 8], NULL);
        if (!frame)
            continue;
        const struct fl_desc *desc = fl_frame_desc(frame);
        CHECK_EQ(picture_wrong_bytes(fl_frame_base(frame), desc, desc->number), 0);
        fl_frame_unref(frame);
    }
    return NULL;
}

static void *consume_with_helpers(void *arg)
{
    struct end *end = arg;
    struct fl_frame *frame;
    pthread_t helpers[HELPERS];
    atomic_store(&shelf.end, false);
    for (uintptr_t i = 0; i < HELPERS; i++)
        CHECK_EQ(pthread_create(&helpers[i], NULL, let_go, (void *)(i + 1)), 0);
    while ((frame = next_frame(end))) {
        verify(end, frame);
        fl_frame_ref(frame);
        fl_frame_unref(atomic_exchange(&shelf.slots[next_random(&end->random) % 8], frame));
        fl_frame_unref(frame);
    }
    atomic_store(&shelf.end, true);
    for (unsigned i = 0; i < HELPERS; i++)
        pthread_join(helpers[i], NULL);
    for (unsigned i = 0; i < 8; i++)
        fl_frame_unref(atomic_exchange(&shelf.slots[i], NULL));
    fl_context_service(end->context);
    return NULL;
}

/* ---- a decoder's threads: slots are acquired and abandoned beside the owner ---- */

static atomic_bool stop_borrowing;

static void *borrow(void *arg)
{
    struct fl_pool *pool = arg;
    while (!atomic_load(&stop_borrowing)) {
        struct fl_frame *frame;
        if (fl_pool_acquire(pool, &frame) < 0)
            continue;
        fl_frame_data(frame)[0] = 0xff;
        fl_frame_unref(frame);
    }
    return NULL;
}

/* ---- somebody who looks on ---- */

static atomic_bool stop_watching;

static void *watch(void *arg)
{
    struct end *ends = arg;
    uint64_t taken = 0, sent = 0;
    while (!atomic_load(&stop_watching)) {
        struct fl_lane_stats in;
        struct fl_output_stats out;
        fl_lane_get_stats(ends[1].in, &in);
        fl_output_lane_get_stats(ends[1].tx, &out);
        CHECK(in.taken >= taken && in.returned <= in.taken);
        CHECK(out.sent >= sent && out.returned + out.outstanding == out.sent);
        CHECK(fl_lane_fault(ends[1].in) == NULL && fl_output_lane_fault(ends[1].tx) == NULL);
        taken = in.taken;
        sent = out.sent;
    }
    return NULL;
}

/* ---- wiring ---- */

static void create_producer(struct end *end, struct fl_pool_info *info, int *fd)
{
    CHECK_EQ(fl_context_create(&end->context), 0);
    CHECK_EQ(fl_output_create(end->context, &end->output), 0);
    end->pool = wiring_pool(end->context, info, fd);
}

static void join_ends(struct end *from, struct end *to, int fd, const struct fl_pool_info *pool, struct fl_lane_info info)
{
    CHECK_EQ(fl_context_create(&to->context), 0);
    to->when_full = info.when_full;
    to->random = 17;
    wiring_pool_reader(to->context, fd, pool);
    wiring_lane(from->output, to->context, &info, &to->tx, &to->in);
}

static void run(struct end *ends, void *(*const *bodies)(void *), unsigned count)
{
    pthread_t threads[6];
    for (unsigned i = 0; i < count; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, bodies[i], &ends[i]), 0);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void pair(struct fl_lane_info lane, void *(*consumer)(void *))
{
    struct end ends[2] = {{0}};
    struct fl_pool_info info = {.id = 1, .slot_count = 16, .slot_bytes = WIDTH * HEIGHT};
    void *(*const bodies[])(void *) = {produce, consumer};
    int fd;
    create_producer(&ends[0], &info, &fd);
    join_ends(&ends[0], &ends[1], fd, &info, lane);
    run(ends, bodies, 2);
    if (lane.when_full == FL_WHEN_FULL_WAIT)
        CHECK_EQ(ends[1].seen, FRAMES);
    CHECK(fl_lane_fault(ends[1].in) == NULL);
    CHECK_EQ(fl_pool_free_slots(ends[0].pool), 16);
    for (unsigned i = 0; i < 2; i++)
        fl_context_destroy(ends[i].context);
    close(fd);
}

static void two_threads_over_shared_memory(void)
{
    unsigned before = one_mapping_shared();
    pair((struct fl_lane_info){.credits = 12, .when_full = FL_WHEN_FULL_WAIT}, consume);
    CHECK_EQ(one_mapping_shared() - before, 3); /* pool, announcements, returns */
}

/* With one credit each waits for the other at every single frame. */
static void two_threads_in_lock_step(void)
{
    pair((struct fl_lane_info){.credits = 1, .when_full = FL_WHEN_FULL_WAIT}, consume_at_once);
    pair((struct fl_lane_info){.credits = 1, .when_full = FL_WHEN_FULL_WAIT, .transport = FL_TRANSPORT_PIPE}, consume_at_once);
}

static void two_threads_latest(void)
{
    pair((struct fl_lane_info){.credits = 12, .when_full = FL_WHEN_FULL_LATEST}, consume);
    pair((struct fl_lane_info){.credits = 12, .when_full = FL_WHEN_FULL_DROP}, consume);
}

static void two_threads_over_a_pipe(void)
{
    pair((struct fl_lane_info){.credits = 12, .when_full = FL_WHEN_FULL_WAIT, .transport = FL_TRANSPORT_PIPE}, consume);
}

static void frames_are_let_go_of_elsewhere(void)
{
    pair((struct fl_lane_info){.credits = 4, .when_full = FL_WHEN_FULL_WAIT}, consume_with_helpers);
    pair((struct fl_lane_info){.credits = 4, .when_full = FL_WHEN_FULL_WAIT, .transport = FL_TRANSPORT_PIPE}, consume_with_helpers);
}

static void slots_are_acquired_elsewhere(void)
{
    struct end ends[2] = {{0}};
    struct fl_pool_info info = {.id = 1, .slot_count = 16, .slot_bytes = WIDTH * HEIGHT};
    void *(*const bodies[])(void *) = {produce, consume};
    pthread_t borrower;
    int fd;
    create_producer(&ends[0], &info, &fd);
    join_ends(&ends[0], &ends[1], fd, &info, (struct fl_lane_info){.credits = 12});
    atomic_store(&stop_borrowing, false);
    CHECK_EQ(pthread_create(&borrower, NULL, borrow, ends[0].pool), 0);
    run(ends, bodies, 2);
    atomic_store(&stop_borrowing, true);
    pthread_join(borrower, NULL);
    CHECK_EQ(ends[1].seen, FRAMES);
    CHECK_EQ(fl_pool_free_slots(ends[0].pool), 16);
    for (unsigned i = 0; i < 2; i++)
        fl_context_destroy(ends[i].context);
    close(fd);
}

static void anybody_may_look_on(void)
{
    struct end ends[2] = {{0}};
    struct fl_pool_info info = {.id = 1, .slot_count = 16, .slot_bytes = WIDTH * HEIGHT};
    void *(*const bodies[])(void *) = {produce, consume};
    pthread_t watcher;
    int fd;
    create_producer(&ends[0], &info, &fd);
    join_ends(&ends[0], &ends[1], fd, &info, (struct fl_lane_info){.credits = 12});
    atomic_store(&stop_watching, false);
    CHECK_EQ(pthread_create(&watcher, NULL, watch, ends), 0);
    run(ends, bodies, 2);
    atomic_store(&stop_watching, true);
    pthread_join(watcher, NULL);
    for (unsigned i = 0; i < 2; i++)
        fl_context_destroy(ends[i].context);
    close(fd);
}

static void a_relay_between_two(void)
{
    struct end ends[3] = {{0}};
    struct fl_pool_info info = {.id = 1, .slot_count = 32, .slot_bytes = WIDTH * HEIGHT};
    void *(*const bodies[])(void *) = {produce, relay, consume};
    int fd;
    create_producer(&ends[0], &info, &fd);
    join_ends(&ends[0], &ends[1], fd, &info, (struct fl_lane_info){.credits = 12});
    CHECK_EQ(fl_output_create(ends[1].context, &ends[1].output), 0);
    join_ends(&ends[1], &ends[2], fd, &info, (struct fl_lane_info){.credits = 12});
    run(ends, bodies, 3);
    CHECK_EQ(ends[2].seen, FRAMES);
    CHECK_EQ(fl_pool_free_slots(ends[0].pool), 32);
    for (unsigned i = 0; i < 3; i++)
        fl_context_destroy(ends[i].context);
    close(fd);
}

/* ---- several threads that wait ---- */

/* In each of two processes one sleeps for all three, whoever comes first, and each waits for something of its own: in lock step, in
 * batches, and as it comes. */
static void several_wait_in_one_process(void)
{
    enum { PAIRS = 3 };
    static const struct fl_lane_info lanes[PAIRS] = {{.credits = 1}, {.credits = 12}, {.credits = 8, .batch = 4}};
    struct end ends[2 * PAIRS] = {{0}};
    void *(*const bodies[])(void *) = {produce, produce, produce, consume_at_once, consume, consume_at_once};
    struct fl_context *contexts[2];
    int fds[PAIRS];
    for (unsigned i = 0; i < 2; i++)
        CHECK_EQ(fl_context_create(&contexts[i]), 0);
    for (unsigned i = 0; i < PAIRS; i++) {
        struct fl_pool_info info = {.id = i + 1, .slot_count = 16, .slot_bytes = WIDTH * HEIGHT};
        struct end *from = &ends[i], *to = &ends[PAIRS + i];
        *from = (struct end){.context = contexts[0], .pool = wiring_pool(contexts[0], &info, &fds[i])};
        *to = (struct end){.context = contexts[1], .random = 17};
        CHECK_EQ(fl_output_create(from->context, &from->output), 0);
        wiring_pool_reader(to->context, fds[i], &info);
        wiring_lane(from->output, to->context, &lanes[i], &to->tx, &to->in);
    }
    run(ends, bodies, 2 * PAIRS);
    for (unsigned i = 0; i < PAIRS; i++) {
        CHECK_EQ(ends[PAIRS + i].seen, FRAMES);
        close(fds[i]);
    }
    for (unsigned i = 0; i < 2; i++)
        fl_context_destroy(contexts[i]);
}

/* ---- each for a time ---- */

#ifndef TESTS_NO_TIMER
struct crowd {
    struct fl_pool *pool; /* without a free slot */
    struct fl_context *context;
    atomic_bool word, over;
};

static void *waits_in_vain(void *arg)
{
    struct crowd *crowd = arg;
    struct fl_frame *frame;
    while (!atomic_load(&crowd->over))
        CHECK_EQ(fl_pool_acquire_wait(crowd->pool, 20000000, NULL, NULL, &frame), -ETIMEDOUT);
    return NULL;
}

static void *gives_the_word(void *arg)
{
    struct crowd *crowd = arg;
    usleep(1000);
    atomic_store(&crowd->word, true);
    fl_context_kick(crowd->context);
    return NULL;
}

static bool has_the_word(void *arg)
{
    struct crowd *crowd = arg;
    return atomic_load(&crowd->word);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static void *waits_for_the_word(void *arg)
{
    struct crowd *crowd = arg;
    CHECK_EQ(fl_context_wait(crowd->context, has_the_word, crowd, -1), 0);
    return NULL;
}

static void begin_crowd(struct crowd *crowd, struct fl_frame **only)
{
    struct fl_pool_info info = {.id = 1, .slot_count = 1, .slot_bytes = fl_pool_slot_bytes(1)};
    *crowd = (struct crowd){.pool = NULL};
    CHECK_EQ(fl_context_create(&crowd->context), 0);
    CHECK_EQ(fl_pool_create_private(crowd->context, &info, &crowd->pool), 0);
    CHECK_EQ(fl_pool_acquire(crowd->pool, only), 0);
}

/* Nothing comes that would make the one who sleeps look around. */
static void who_waits_behind_a_sleeper_keeps_its_time(void)
{
    struct crowd crowd;
    struct fl_frame *only, *none;
    pthread_t sleeper;
    begin_crowd(&crowd, &only);
    CHECK_EQ(pthread_create(&sleeper, NULL, waits_for_the_word, &crowd), 0);
    for (unsigned i = 0; i < 5; i++) {
        while (!atomic_load(&crowd.context->asleep))
            sched_yield();
        CHECK_EQ(fl_pool_acquire_wait(crowd.pool, 5000000, NULL, NULL, &none), -ETIMEDOUT);
    }
    atomic_store(&crowd.word, true);
    fl_context_kick(crowd.context);
    pthread_join(sleeper, NULL);
    fl_frame_unref(only);
    fl_context_destroy(crowd.context);
}

/* One of them sleeps for all; that must cost none of the others its own time, nor what it waits for. */
static void nobody_waits_for_the_others(void)
{
    enum { ROUNDS = 20, CROWD = 4 };
    struct crowd crowd;
    struct fl_frame *only;
    pthread_t others[CROWD], giver;
    begin_crowd(&crowd, &only);
    for (unsigned i = 0; i < CROWD; i++)
        CHECK_EQ(pthread_create(&others[i], NULL, waits_in_vain, &crowd), 0);
    uint64_t before = now_ns();
    for (unsigned i = 0; i < ROUNDS; i++) {
        atomic_store(&crowd.word, false);
        CHECK_EQ(pthread_create(&giver, NULL, gives_the_word, &crowd), 0);
        CHECK_EQ(fl_context_wait(crowd.context, has_the_word, &crowd, -1), 0);
        pthread_join(giver, NULL);
    }
    CHECK(now_ns() - before < ROUNDS * 20000000ull); /* a turn each behind only one of them would be more */
    atomic_store(&crowd.over, true);
    for (unsigned i = 0; i < CROWD; i++)
        pthread_join(others[i], NULL);
    fl_frame_unref(only);
    fl_context_destroy(crowd.context);
}
#endif

int main(void)
{
    static const struct check_case cases[] = {
        {"two threads over shared memory lose nothing", two_threads_over_shared_memory},
        {"two threads in lock step lose nothing", two_threads_in_lock_step},
        {"two threads with a lane that may miss frames", two_threads_latest},
        {"two threads over a pipe lose nothing", two_threads_over_a_pipe},
        {"frames may be let go of on any thread", frames_are_let_go_of_elsewhere},
        {"slots may be acquired on any thread", slots_are_acquired_elsewhere},
        {"statistics may be read on any thread", anybody_may_look_on},
        {"a relay between two loses nothing", a_relay_between_two},
        {"several that wait in one process lose nothing", several_wait_in_one_process},
#ifndef TESTS_NO_TIMER
        {"of several threads that wait none waits for the others", nobody_waits_for_the_others},
        {"who waits behind a sleeper keeps its time", who_waits_behind_a_sleeper_keeps_its_time},
#endif
    };
    return CHECK_RUN(cases);
}
