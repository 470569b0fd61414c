/* One output, a hundred lanes: each gets every frame, and one slot is free again when the last of them has let go. */
#include "check.h"
#include "stand.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>

enum { LANES = 100, FRAMES = 200 };

static void everybody_gets_every_frame(void)
{
    static struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 4, 4096);
    for (unsigned i = 0; i < LANES; i++)
        stand_add(&stand, FL_WHEN_FULL_WAIT, 1 + i % 3);
    CHECK_EQ(fl_output_listeners(stand.output), LANES);
    for (uint64_t number = 0; number < FRAMES; number++) {
        CHECK_EQ(stand_publish(&stand, number), 0);
        for (unsigned i = 0; i < LANES; i++)
            CHECK_EQ(stand_next(&stand.lanes[(i + number) % LANES]), number);
    }
    fl_output_close(stand.output);
    for (unsigned i = 0; i < LANES; i++)
        CHECK_EQ(stand_next(&stand.lanes[i]), -ENODATA);
    CHECK(fl_output_drained(stand.output));
    CHECK_EQ(fl_pool_free_slots(stand.pool), 4);
    stand_destroy(&stand);
}

static void the_last_one_frees_the_slot(void)
{
    static struct stand stand;
    struct fl_frame *held[LANES];
    stand_create(&stand, FL_TRANSPORT_SHM, 3, 4096);
    for (unsigned i = 0; i < LANES; i++)
        stand_add(&stand, FL_WHEN_FULL_WAIT, 2);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    for (unsigned i = 0; i < LANES; i++)
        CHECK_EQ(stand_take(&stand.lanes[i], &held[i]), 0);
    CHECK_EQ(stand_publish(&stand, 1), 0); /* the newest is another now */
    for (unsigned i = 0; i < LANES; i++) {
        CHECK_EQ(fl_pool_free_slots(stand.pool), 1);
        fl_frame_release(held[i]);
        fl_context_service(stand.lanes[i].consumer);
    }
    CHECK_EQ(fl_pool_free_slots(stand.pool), 2);
    stand_destroy(&stand);
}

static void lanes_come_and_go_while_frames_flow(void)
{
    static struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 4, 4096);
    for (uint64_t number = 0; number < LANES; number++) {
        stand_add(&stand, FL_WHEN_FULL_WAIT, 2);
        CHECK_EQ(stand_publish(&stand, number), 0);
        for (unsigned i = (unsigned)number / 2; i < stand.lane_count; i++)
            CHECK_EQ(stand_next(&stand.lanes[i]), number);
        if (number % 2)
            fl_lane_leave(stand.lanes[number / 2].rx);
    }
    fl_context_service(stand.producer);
    CHECK_EQ(fl_output_listeners(stand.output), LANES / 2);
    stand_destroy(&stand);
}

static void *pass_on(void *arg)
{
    struct stand *stand = arg;
    struct fl_frame *frame;
    for (unsigned i = 0; i < stand->lane_count; i++) {
        CHECK_EQ(fl_lane_take_wait(stand->lanes[i].rx, -1, &frame), 0);
        fl_frame_release(frame);
        fl_context_service(stand->lanes[i].consumer);
    }
    return NULL;
}

/* More lanes than the kernel waits for words: the producer sleeps by descriptor, and each consumer by word. */
static void more_lanes_than_words(void)
{
    static struct stand stand;
    struct rlimit files;
    pthread_t thread;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
    if (files.rlim_max < STAND_MAX_LANES * 9)
        check_skip("too few files may be open");
    stand_create(&stand, FL_TRANSPORT_SHM, 4, 4096);
    while (stand.lane_count < STAND_MAX_LANES)
        stand_add(&stand, FL_WHEN_FULL_WAIT, 1);
    for (uint64_t number = 0; number < 5; number++) {
        CHECK_EQ(pthread_create(&thread, NULL, pass_on, &stand), 0);
        CHECK_EQ(stand_publish(&stand, number), 0);
        CHECK_EQ(fl_output_wait_returns(stand.output, -1), 0);
        CHECK_EQ(pthread_join(thread, NULL), 0);
    }
    stand_destroy(&stand);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a hundred consumers get every frame", everybody_gets_every_frame},
        {"a slot is free when the last of them has let go", the_last_one_frees_the_slot},
        {"consumers come and go while frames flow", lanes_come_and_go_while_frames_flow},
        {"more lanes than the kernel waits for words", more_lanes_than_words},
    };
    return CHECK_RUN(cases);
}
