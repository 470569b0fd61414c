/* What cannot be is refused with the errno its header names, changes nothing and leaves nothing behind; and what is already over
 * may be ended again. */
#include "check.h"
#include "fake.h"
#include "stand.h"

#include "../transport/internal.h"
#include <framelane/latest.h>

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- sizes ---- */

static void sizes_that_cannot_be_are_nothing(void)
{
    uint64_t page = fl_pool_slot_bytes(1);
    CHECK_EQ(fl_pool_slot_bytes(0), page);
    CHECK_EQ(fl_pool_slot_bytes(page + 1), 2 * page);
    CHECK_EQ(fl_pool_slot_bytes(UINT32_MAX), 0); /* would need 32 bits and one */
    CHECK_EQ(fl_pool_slot_bytes(UINT64_MAX), 0);
    struct fl_pool_info good = {.id = 1, .slot_count = 2, .slot_bytes = page}, bad;
    CHECK_EQ(fl_pool_file_bytes(&good), 3 * page);
#define CANNOT_BE(change)                                                                                                          \
    do {                                                                                                                           \
        bad = good;                                                                                                                \
        change;                                                                                                                    \
        CHECK_EQ(fl_pool_file_bytes(&bad), 0);                                                                                     \
    } while (0)
    CANNOT_BE(bad.slot_count = 0);
    CANNOT_BE(bad.slot_count = FL_POOL_MAX_SLOTS + 1);
    CANNOT_BE(bad.slot_bytes = 0);
    CANNOT_BE(bad.slot_bytes = 1ull << 32);
    CANNOT_BE(bad.slot_bytes = page + 8);
#undef CANNOT_BE
}

/* ---- pools ---- */

static void pools_that_cannot_be_are_refused(void)
{
    struct fl_context *context;
    struct fl_pool *pool = NULL;
    struct fl_pool_info none = {0}, nameless = {.slot_count = 2, .slot_bytes = fl_pool_slot_bytes(1)};
    CHECK_EQ(fl_context_create(&context), 0);
    const struct fl_pool_info *const both[] = {&none, &nameless};
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(fl_pool_create_private(context, both[i], &pool), -EINVAL);
        CHECK_EQ(fl_pool_map_writer(context, -1, both[i], &pool), -EINVAL);
        CHECK_EQ(fl_pool_map_reader(-1, both[i], &pool), -EINVAL);
    }
    CHECK(pool == NULL);
    fl_context_destroy(context);
}

static void more_memory_than_there_is_is_refused(void)
{
#ifdef __SANITIZE_ADDRESS__
    return; /* which would be refused memory of its own, and end */
#endif
    struct fl_context *context;
    struct fl_pool *pool = NULL;
    struct fl_pool_info vast = {.id = 1, .slot_count = FL_POOL_MAX_SLOTS, .slot_bytes = fl_pool_slot_bytes(1 << 30)};
    struct rlimit before, tight;
    CHECK_EQ(fl_context_create(&context), 0);
    CHECK_EQ(getrlimit(RLIMIT_AS, &before), 0);
    tight = before;
    tight.rlim_cur = 1ull << 38; /* a sixteenth of it */
    CHECK_EQ(setrlimit(RLIMIT_AS, &tight), 0);
    int error = fl_pool_create_private(context, &vast, &pool);
    CHECK_EQ(setrlimit(RLIMIT_AS, &before), 0);
    CHECK_EQ(error, -ENOMEM);
    CHECK(pool == NULL);
    fl_context_destroy(context);
}

static void a_context_knows_so_many_pools(void)
{
    struct fl_context *context;
    struct fl_pool *pools[FL_MAX_POOLS], *one_more = NULL;
    struct fl_pool_info info = {.slot_count = 1, .slot_bytes = fl_pool_slot_bytes(1)};
    CHECK_EQ(fl_context_create(&context), 0);
    for (unsigned i = 0; i < FL_MAX_POOLS; i++) {
        info.id = i + 1;
        CHECK_EQ(fl_pool_create_private(context, &info, &pools[i]), 0);
    }
    info.id = FL_MAX_POOLS + 1;
    CHECK_EQ(fl_pool_create_private(context, &info, &one_more), -ENOSPC);
    CHECK(one_more == NULL && !fl_context_has_pool(context, info.id));
    fl_pool_destroy(pools[7]); /* from the middle */
    CHECK(!fl_context_has_pool(context, 8));
    CHECK_EQ(fl_pool_create_private(context, &info, &one_more), 0);
    CHECK(fl_context_has_pool(context, 1) && fl_context_has_pool(context, FL_MAX_POOLS) && fl_context_has_pool(context, info.id));
    fl_context_destroy(context);
}

static void readers_do_not_write(void)
{
    struct stand stand;
    struct fl_pool *reader;
    struct fl_frame *frame = NULL;
    stand_create(&stand, FL_TRANSPORT_SHM, 2, 4096);
    CHECK_EQ(fl_pool_map_reader(stand.pool_fd, &stand.pool_info, &reader), 0);
    CHECK_EQ(fl_pool_acquire(reader, &frame), -EINVAL);
    CHECK(frame == NULL);
    CHECK_EQ(fl_pool_free_slots(reader), 0); /* no context knows it yet */
    CHECK(!fl_pool_is_held(reader));
    fl_pool_destroy(reader);
    stand_destroy(&stand);
}

static bool cancelled(void *arg)
{
    return true;
}

static bool not_cancelled(void *arg)
{
    return false;
}

static void a_wait_for_a_slot_can_be_called_off(void)
{
    struct stand stand;
    struct fl_frame *held, *frame = NULL;
    stand_create(&stand, FL_TRANSPORT_SHM, 1, 4096);
    CHECK_EQ(fl_pool_acquire_wait(stand.pool, -1, not_cancelled, NULL, &held), 0);
    CHECK_EQ(fl_pool_acquire_wait(stand.pool, -1, cancelled, NULL, &frame), -ECANCELED);
    CHECK_EQ(fl_pool_acquire_wait(stand.pool, 0, not_cancelled, NULL, &frame), -ETIMEDOUT);
    CHECK(frame == NULL);
    fl_frame_unref(held);
    stand_destroy(&stand);
}

/* ---- lanes ---- */

static void attach(struct fl_context *context, struct fl_output *output, const struct fl_lane_info *info)
{
    struct fl_lane *lane = NULL;
    struct fl_output_lane *output_lane = NULL;
    struct fl_lane_fds fds = {-1, -1, -1, -1};
    CHECK_EQ(fl_lane_attach(context, info, NULL, &fds, &lane), -EINVAL);
    CHECK_EQ(fl_output_attach(output, info, NULL, &fds, &output_lane), -EINVAL);
    CHECK(!lane && !output_lane);
}

static void lanes_that_cannot_be_are_refused(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_SHM, 4, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 2);
    attach(lane->consumer, stand.output, &(struct fl_lane_info){.id = 9, .credits = 0});
    attach(lane->consumer, stand.output, &(struct fl_lane_info){.id = 9, .credits = FL_LANE_MAX_CREDITS + 1});
    attach(lane->consumer, stand.output, &(struct fl_lane_info){.id = 9, .credits = 2}); /* without a region of one's own */
    CHECK_EQ(fl_output_listeners(stand.output), 1);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    CHECK_EQ(stand_next(lane), 0);
    stand_destroy(&stand);
}

/* ---- the end, again ---- */

static void what_is_over_may_be_ended_again(void)
{
    struct stand stand;
    struct fl_frame *frame;
    fl_context_destroy(NULL);
    fl_pool_destroy(NULL);
    fl_lane_destroy(NULL);
    fl_observer_destroy(NULL);
    fl_pipe_writer_destroy(NULL);
    fl_pipe_reader_destroy(NULL);
    fl_frame_unref(NULL);
    stand_create(&stand, FL_TRANSPORT_SHM, 4, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 2);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    for (unsigned i = 0; i < 2; i++) {
        fl_output_close(stand.output);
        CHECK_EQ(stand_publish(&stand, 1), -EPIPE);
        CHECK(!fl_output_drained(stand.output));
    }
    CHECK_EQ(stand_next(lane), 0);
    CHECK_EQ(stand_next(lane), -ENODATA);
    for (unsigned i = 0; i < 2; i++) {
        fl_lane_leave(lane->rx);
        CHECK(fl_lane_ready(lane->rx)); /* there is something to be told */
        CHECK_EQ(fl_lane_take(lane->rx, &frame), -ENODATA);
        fl_output_lane_down(lane->tx);
        CHECK(fl_output_drained(stand.output));
    }
    stand_destroy(&stand);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"sizes that cannot be are nothing", sizes_that_cannot_be_are_nothing},
        {"pools that cannot be are refused", pools_that_cannot_be_are_refused},
        {"more memory than there is is refused", more_memory_than_there_is_is_refused},
        {"a context knows so many pools", a_context_knows_so_many_pools},
        {"readers do not write", readers_do_not_write},
        {"a wait for a slot can be called off", a_wait_for_a_slot_can_be_called_off},
        {"lanes that cannot be are refused", lanes_that_cannot_be_are_refused},
        {"what is over may be ended again", what_is_over_may_be_ended_again},
    };
    return CHECK_RUN(cases);
}
