/* How a process sleeps may change between two sleeps, a pipe among its lanes being enough. No wake-up is lost by that: there is no
 * timer here that would make up for it, nor a kick. */
#include "check.h"
#include "stand.h"

#include "../transport/internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

enum { FRAMES = 20000, LANES = 2 };

static struct stand stand;
static atomic_bool over;

static void *take_all(void *arg)
{
    struct stand_lane *lane = arg;
    struct fl_frame *frame;
    int error;
    while ((error = fl_lane_take_wait(lane->rx, -1, &frame)) != -ENODATA) {
        CHECK_EQ(error, 0);
        fl_frame_release(frame);
    }
    return NULL;
}

/* Only the next sleep asks how. */
static void *change_ways(void *arg)
{
    unsigned long long state = 1;
    unsigned long *changes = arg;
    while (!atomic_load(&over)) {
        unsigned dice = next_random(&state);
        struct fl_context *context = dice % 3 == 0 ? stand.producer : stand.lanes[dice % 3 - 1].consumer;
        context->by_fd_only = next_random(&state) % 2;
        for (volatile unsigned pause = next_random(&state) % 1024; pause > 0; pause--)
            ;
        ++*changes;
    }
    return NULL;
}

static void nobody_sleeps_on(void)
{
    pthread_t takers[LANES], changer;
    unsigned long changes = 0;
    stand_create(&stand, FL_TRANSPORT_SHM, 8, 4096);
    for (unsigned i = 0; i < LANES; i++)
        stand_add(&stand, FL_WHEN_FULL_WAIT, 1 + i);
    for (unsigned i = 0; i < LANES; i++)
        CHECK_EQ(pthread_create(&takers[i], NULL, take_all, &stand.lanes[i]), 0);
    CHECK_EQ(pthread_create(&changer, NULL, change_ways, &changes), 0);
    for (uint64_t number = 0; number < FRAMES; number++) {
        CHECK_EQ(stand_publish(&stand, number), 0);
        CHECK_EQ(fl_output_wait_returns(stand.output, -1), 0);
    }
    fl_output_close(stand.output);
    for (unsigned i = 0; i < LANES; i++)
        CHECK_EQ(pthread_join(takers[i], NULL), 0);
    atomic_store(&over, true);
    CHECK_EQ(pthread_join(changer, NULL), 0);
    printf("  %d frames, %lu changes of way\n", FRAMES, changes);
    stand_destroy(&stand);
}

int main(void)
{
    static const struct check_case cases[] = {{"nobody sleeps on, whichever way he sleeps", nobody_sleeps_on}};
    return CHECK_RUN(cases);
}
