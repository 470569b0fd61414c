/* The same promises when frames are copied through a pipe: contents, order, policies, ends; and a reader that trusts no byte. */
#include "check.h"
#include "picture.h"
#include "stand.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static unsigned full; /* writes to come that find the pipe full */

/* In place of the C library's, for the library under test. */
__attribute__((visibility("default"))) ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (full == 0)
        return syscall(SYS_writev, fd, parts, count);
    full--;
    errno = EAGAIN;
    return -1;
}

/* Publishes one frame whose payload `fill` has laid out, takes it at the other end and compares everything that was said of it. */
static void cross(struct stand *stand, const struct fl_desc *said)
{
    struct stand_lane *lane = &stand->lanes[0];
    struct fl_frame *frame, *got;
    int error;
    CHECK_EQ(fl_pool_acquire(stand->pool, &frame), 0);
    memset(fl_frame_data(frame), 0xcc, fl_frame_capacity(frame));
    picture_fill(fl_frame_data(frame), said, said->number);
    for (uint32_t i = 0; i < said->side_bytes; i++)
        fl_frame_data(frame)[said->side_offset + i] = (uint8_t)(i ^ said->number);
    CHECK_EQ(fl_output_publish(stand->output, frame, said), 0);
    fl_frame_unref(frame);
    while ((error = fl_lane_take(lane->rx, &got)) == -EAGAIN) {
        CHECK(fl_output_lane_fault(lane->tx) == NULL);
        fl_context_service(stand->producer);
    }
    CHECK_EQ(error, 0);
    struct fl_desc heard = *fl_frame_desc(got);
    CHECK_EQ(picture_wrong_bytes(fl_frame_base(got), &heard, said->number), 0);
    CHECK_EQ(fl_desc_check(&heard, fl_frame_capacity(got)), 0);
    CHECK_EQ(heard.side_bytes, said->side_bytes);
    for (uint32_t i = 0; i < heard.side_bytes; i++)
        CHECK_EQ(fl_frame_base(got)[heard.side_offset + i], (uint8_t)(i ^ said->number));
    CHECK(fl_frame_data(got) == NULL);
    for (unsigned i = 0; i < heard.plane_count; i++) {
        CHECK_EQ(heard.planes[i].rows, said->planes[i].rows);
        CHECK_EQ(heard.planes[i].row_bytes, said->planes[i].row_bytes);
        heard.planes[i] = said->planes[i]; /* where it lies is the reader's own business */
    }
    heard.side_offset = said->side_offset;
    CHECK_EQ(memcmp(&heard, said, sizeof heard), 0);
    fl_frame_release(got);
    fl_context_service(lane->consumer);
}

static void any_layout_crosses_byte_for_byte(void)
{
    static const uint32_t sizes[][2] = {{1, 1}, {1, 40}, {40, 1}, {2, 2}, {33, 17}, {640, 2}, {319, 241}};
    struct stand stand;
    struct fl_desc desc;
    uint64_t number = 0;
    stand_create(&stand, FL_TRANSPORT_PIPE, 4, 1 << 19);
    stand_add(&stand, FL_WHEN_FULL_WAIT, 2);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int32_t extra = 0; extra < 700; extra = extra * 5 + 3) {
            uint32_t width = sizes[i][0], height = sizes[i][1];
            uint64_t bytes = picture_describe_yuv(&desc, ++number, width, height, (int32_t)(width + 1) / 2 * 2 + extra);
            cross(&stand, &desc);
            for (unsigned plane = 0; plane < 3; plane++) { /* the same bottom up */
                struct fl_plane *p = &desc.planes[plane];
                p->offset += (p->rows - 1) * (uint32_t)p->stride;
                p->stride = -p->stride;
            }
            cross(&stand, &desc);
            desc.side_offset = (uint32_t)bytes + 5;
            desc.side_bytes = 1 + (uint32_t)number * 3;
            cross(&stand, &desc);
        }
    }
    stand_destroy(&stand);
}

static void a_narrow_crop_crosses_without_its_surroundings(void)
{
    struct stand stand;
    struct fl_desc desc;
    stand_create(&stand, FL_TRANSPORT_PIPE, 4, 1 << 20);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 2);
    picture_describe(&desc, 1, 1000, 1000, 1024);
    cross(&stand, &desc);
    picture_describe(&desc, 2, 16, 1000, 1024);
    desc.planes[0].offset = 512;
    cross(&stand, &desc);
    uint64_t before = stand_sent(lane).copied_bytes;
    desc.number = 3;
    cross(&stand, &desc);
    CHECK_EQ(stand_sent(lane).copied_bytes - before, 16 * 1000);
    CHECK_EQ(stand_sent(lane).copies, 3);
    CHECK_EQ(stand_taken(lane).copies, 3);
    CHECK_EQ(stand_taken(lane).copied_bytes, stand_sent(lane).copied_bytes);
    stand_destroy(&stand);
}

static void packets_cross(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_PIPE, 4, 1 << 18);
    stand_add(&stand, FL_WHEN_FULL_WAIT, 2);
    for (uint32_t bytes = 0; bytes < 200000; bytes = bytes * 3 + 1) {
        struct fl_desc desc = {
            .number = bytes,
            .pts = FL_NO_PTS,
            .dts = -5,
            .time_base_num = 1,
            .time_base_den = 90000,
            .kind = FL_KIND_PACKET,
            .plane_count = bytes > 0, /* an empty packet has no plane */
            .flags = FL_FRAME_KEY,
            .stream = 1,
        };
        if (bytes)
            desc.planes[0] = (struct fl_plane){.offset = 3, .stride = 0, .rows = 1, .row_bytes = bytes};
        cross(&stand, &desc);
        desc.side_offset = 250000;
        desc.side_bytes = 64;
        cross(&stand, &desc);
    }
    stand_destroy(&stand);
}

/* A frame many times as large as any pipe, with the two ends taking turns. */
static void a_frame_may_be_larger_than_the_pipe(void)
{
    struct stand stand;
    struct fl_desc desc;
    stand_create(&stand, FL_TRANSPORT_PIPE, 3, 10 << 20);
    stand_add(&stand, FL_WHEN_FULL_WAIT, 2);
    picture_describe(&desc, 1, 4000, 2500, 4096);
    cross(&stand, &desc);
    picture_describe(&desc, 2, 1000, 2500, 4096);
    cross(&stand, &desc);
    stand_destroy(&stand);
}

static void wait_loses_nothing(void)
{
    struct stand stand;
    int64_t taken = 0;
    stand_create(&stand, FL_TRANSPORT_PIPE, 8, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 3);
    for (uint64_t number = 0; number < 20000;) {
        int error = stand_publish(&stand, number);
        if (error == 0) {
            number++;
            continue;
        }
        CHECK_EQ(error, -EAGAIN);
        for (unsigned i = 0; i < 100; i++) {
            int64_t next = stand_next(lane);
            if (next == -EAGAIN)
                break;
            CHECK_EQ(next, taken++);
        }
    }
    fl_output_close(stand.output);
    for (int64_t next; (next = stand_next(lane)) != -ENODATA; fl_context_service(stand.producer))
        if (next != -EAGAIN)
            CHECK_EQ(next, taken++);
    CHECK_EQ(taken, 20000);
    fl_context_service(stand.producer);
    CHECK(fl_output_drained(stand.output));
    CHECK_EQ(fl_pool_free_slots(stand.pool), 8);
    stand_destroy(&stand);
}

static void slow_readers_miss_some_and_nobody_else_does(uint32_t when_full)
{
    enum { TOTAL = 20000 };
    struct stand stand;
    int64_t last = -1, got = 0, all = 0;
    stand_create(&stand, FL_TRANSPORT_PIPE, 12, 4096);
    struct stand_lane *slow = stand_add(&stand, when_full, 3);
    struct stand_lane *quick = stand_add(&stand, FL_WHEN_FULL_WAIT, 3);
    for (uint64_t number = 0; number < TOTAL; number++) {
        CHECK_EQ(stand_publish(&stand, number), 0);
        CHECK_EQ(stand_next(quick), all++);
        int64_t next = number % 16 == 0 && number > TOTAL / 2 ? stand_next(slow) : -EAGAIN;
        CHECK(next == -EAGAIN || next > last);
        got += next > last;
        last = next > last ? next : last;
    }
    CHECK(stand_sent(slow).dropped > 0); /* the pipe is full long before */
    fl_output_close(stand.output);
    for (int64_t next; (next = stand_next(slow)) != -ENODATA; fl_context_service(stand.producer)) {
        CHECK(next == -EAGAIN || next > last);
        got += next > last;
        last = next > last ? next : last;
    }
    CHECK_EQ(got + (int64_t)(stand_sent(slow).dropped + stand_taken(slow).skipped), TOTAL);
    if (when_full == FL_WHEN_FULL_LATEST)
        CHECK_EQ(last, TOTAL - 1);
    stand_destroy(&stand);
}

static void drop_and_latest_hurt_nobody_else(void)
{
    slow_readers_miss_some_and_nobody_else_does(FL_WHEN_FULL_DROP);
    slow_readers_miss_some_and_nobody_else_does(FL_WHEN_FULL_LATEST);
}

static void who_holds_all_its_credits_is_sent_no_more(void)
{
    struct stand stand;
    struct fl_frame *held[2], *none;
    stand_create(&stand, FL_TRANSPORT_PIPE, 8, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 2);
    for (uint64_t number = 0; number < 4; number++)
        CHECK_EQ(stand_publish(&stand, number), 0);
    CHECK_EQ(stand_take(lane, &held[0]), 0);
    CHECK_EQ(stand_take(lane, &held[1]), 0);
    CHECK_EQ(stand_take(lane, &none), -EAGAIN);
    CHECK(!fl_lane_ready(lane->rx));
    fl_frame_release(held[1]);
    CHECK_EQ(stand_next(lane), 2);
    CHECK_EQ(picture_wrong_bytes(fl_frame_base(held[0]), fl_frame_desc(held[0]), 0), 0);
    fl_frame_release(held[0]);
    CHECK_EQ(stand_next(lane), 3);
    stand_destroy(&stand);
}

static void through_comes_after_what_it_speaks_of(void)
{
    struct stand stand;
    struct fl_through through = {.epoch = 1, .number = 2, .pts = 2, .time_base_num = 1, .time_base_den = 25}, heard;
    stand_create(&stand, FL_TRANSPORT_PIPE, 8, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 1);
    for (uint64_t number = 0; number < 3; number++)
        CHECK_EQ(stand_publish(&stand, number), 0);
    fl_output_through(stand.output, &through);
    for (int64_t number = 0; number < 3; number++) {
        CHECK(!fl_lane_through(lane->rx, &heard));
        CHECK_EQ(stand_next(lane), number);
    }
    CHECK_EQ(stand_next(lane), -EAGAIN);
    CHECK(fl_lane_through(lane->rx, &heard));
    CHECK_EQ(heard.number, 2);
    CHECK_EQ(heard.time_base_den, 25);
    stand_destroy(&stand);
}

/* ---- ends ---- */

/* Fills the pipe until a frame is stuck half way. */
static void get_stuck(struct stand *stand)
{
    uint64_t number = 0;
    while (stand_sent(&stand->lanes[0]).outstanding < stand_sent(&stand->lanes[0]).credits)
        CHECK_EQ(stand_publish(stand, number++), 0);
}

static void a_reader_that_leaves_is_noticed(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_PIPE, 8, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 3);
    get_stuck(&stand);
    fl_lane_leave(lane->rx);
    CHECK_EQ(stand_next(lane), -ENODATA);
    fl_context_service(stand.producer);
    CHECK_EQ(fl_output_listeners(stand.output), 0);
    CHECK_EQ(stand_publish(&stand, 0), -EPIPE);
    CHECK_EQ(fl_pool_free_slots(stand.pool), 7); /* what was on its way is nobody's any more */
    stand_destroy(&stand);
}

static void a_reader_declared_dead_frees_its_frames(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_PIPE, 8, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 3);
    get_stuck(&stand);
    fl_output_lane_down(lane->tx);
    CHECK_EQ(stand_sent(lane).outstanding, 0);
    CHECK_EQ(fl_pool_free_slots(stand.pool), 7);
    struct stand_lane *next = stand_add(&stand, FL_WHEN_FULL_WAIT, 3);
    CHECK_EQ(stand_publish(&stand, 77), 0);
    CHECK_EQ(stand_next(next), 77);
    stand_destroy(&stand);
}

static bool is_drained(void *output)
{
    return fl_output_drained(output);
}

static void a_viewer_that_sleeps_is_not_waited_for(void)
{
    struct stand stand;
    stand_create(&stand, FL_TRANSPORT_PIPE, 8, 4096);
    stand_add(&stand, FL_WHEN_FULL_DROP, 3);
    get_stuck(&stand);
    fl_output_close(stand.output);
    CHECK_EQ(fl_context_wait(stand.producer, is_drained, stand.output, -1), 0);
    stand_destroy(&stand);
}

static void half_a_frame_of_a_dead_producer_is_no_frame(void)
{
    struct stand stand;
    int64_t next, count = 0;
    stand_create(&stand, FL_TRANSPORT_PIPE, 8, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 3);
    get_stuck(&stand);
    int64_t whole = (int64_t)stand_sent(lane).returned;
    fl_context_destroy(stand.producer);
    stand.producer = NULL;
    while ((next = stand_next(lane)) >= 0)
        CHECK_EQ(next, count++);
    CHECK_EQ(next, -EAGAIN); /* death alone is no end */
    CHECK_EQ(count, whole);
    fl_lane_producer_down(lane->rx);
    CHECK_EQ(stand_next(lane), -ENODATA);
    stand_destroy(&stand);
}

/* The reader empties the pipe between two looks at it within one service. The frame that is owed must go out by that service: the
 * pipe is not polled for what has not been begun. */
static void what_is_emptied_meanwhile_is_paid_at_once(void)
{
    static const uint32_t policies[] = {FL_WHEN_FULL_WAIT, FL_WHEN_FULL_LATEST};
    for (unsigned i = 0; i < 2; i++) {
        struct stand stand;
        stand_create(&stand, FL_TRANSPORT_PIPE, 4, 4096);
        struct stand_lane *lane = stand_add(&stand, policies[i], 1);
        full = UINT_MAX;
        CHECK_EQ(stand_publish(&stand, 0), 0);
        CHECK_EQ(stand_publish(&stand, 1), 0); /* without a credit */
        CHECK_EQ(fl_output_owes(stand.output), policies[i] == FL_WHEN_FULL_WAIT);
        full = 1;
        fl_context_service(stand.producer);
        CHECK_EQ(full, 0);
        CHECK(!fl_output_owes(stand.output));
        CHECK_EQ(stand_next(lane), 0);
        CHECK_EQ(stand_next(lane), 1);
        stand_destroy(&stand);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    static const struct check_case cases[] = {
        {"any layout crosses byte for byte", any_layout_crosses_byte_for_byte},
        {"a narrow crop crosses without its surroundings", a_narrow_crop_crosses_without_its_surroundings},
        {"packets cross, empty ones and side data included", packets_cross},
        {"a frame may be larger than the pipe", a_frame_may_be_larger_than_the_pipe},
        {"a wait lane loses nothing", wait_loses_nothing},
        {"drop and latest lanes miss frames, counted, and hurt nobody else", drop_and_latest_hurt_nobody_else},
        {"who holds all its credits is sent no more", who_holds_all_its_credits_is_sent_no_more},
        {"through comes after what it speaks of", through_comes_after_what_it_speaks_of},
        {"a reader that leaves is noticed", a_reader_that_leaves_is_noticed},
        {"a reader declared dead frees its frames", a_reader_declared_dead_frees_its_frames},
        {"a viewer that sleeps is not waited for", a_viewer_that_sleeps_is_not_waited_for},
        {"what is emptied meanwhile is paid at once", what_is_emptied_meanwhile_is_paid_at_once},
        {"half a frame of a dead producer is no frame", half_a_frame_of_a_dead_producer_is_no_frame},
    };
    return CHECK_RUN(cases);
}
