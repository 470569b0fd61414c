/* The same pixels announced onward ten times in a row, each time with other words; the slot is not reused while any announcement
 * names it, and every credit comes back in the end. */
#include "check.h"
#include "picture.h"
#include "wiring.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { HOPS = 10, SLOTS = 6, CREDITS = 4, WIDTH = 64, HEIGHT = 32 };

struct hop {
    struct fl_context *context; /* takes from `in`, announces on `output` */
    struct fl_output_lane *tx;  /* the producer's end of `in`, in the hop before */
    struct fl_lane *in;
    struct fl_output *output;
};

struct chain {
    struct fl_pool *pool;
    struct fl_pool_info info;
    int fd;
    struct hop hops[HOPS + 2]; /* 0: the origin; the last one only takes */
};

static void chain_create(struct chain *chain)
{
    memset(chain, 0, sizeof *chain);
    chain->info = (struct fl_pool_info){.id = 9, .slot_count = SLOTS, .slot_bytes = WIDTH * HEIGHT};
    for (int i = 0; i < HOPS + 2; i++) {
        struct hop *hop = &chain->hops[i];
        struct fl_lane_info lane = {.credits = CREDITS, .when_full = FL_WHEN_FULL_WAIT};
        CHECK_EQ(fl_context_create(&hop->context), 0);
        CHECK_EQ(fl_output_create(hop->context, &hop->output), 0);
        if (i == 0) {
            chain->pool = wiring_pool(hop->context, &chain->info, &chain->fd);
            continue;
        }
        wiring_pool_reader(hop->context, chain->fd, &chain->info);
        wiring_lane(chain->hops[i - 1].output, hop->context, &lane, &hop->tx, &hop->in);
    }
}

static void chain_destroy(struct chain *chain)
{
    for (int i = 0; i < HOPS + 2; i++)
        fl_context_destroy(chain->hops[i].context);
    close(chain->fd);
}

/* Returns travel upstream one hop a service. */
static void settle(struct chain *chain)
{
    for (int i = HOPS + 1; i >= 0; i--)
        fl_context_service(chain->hops[i].context);
}

static void publish(struct chain *chain, uint64_t number)
{
    struct fl_frame *frame;
    struct fl_desc desc;
    CHECK_EQ(fl_pool_acquire(chain->pool, &frame), 0);
    picture_describe(&desc, number, WIDTH, HEIGHT, WIDTH);
    picture_fill(fl_frame_data(frame), &desc, number);
    CHECK_EQ(fl_output_publish(chain->hops[0].output, frame, &desc), 0);
    CHECK(fl_frame_data(frame) == NULL); /* published: never written again */
    fl_frame_unref(frame);
}

/* Each hop cuts one column and one row off and moves the time. */
static void restate(struct fl_desc *desc)
{
    desc->width--;
    desc->height--;
    desc->pts += 1000;
    desc->planes[0].offset += (uint32_t)desc->planes[0].stride + 1;
    desc->planes[0].rows--;
    desc->planes[0].row_bytes--;
}

static void forward(struct hop *hop)
{
    struct fl_frame *frame;
    CHECK_EQ(fl_lane_take(hop->in, &frame), 0);
    CHECK(fl_frame_data(frame) == NULL);
    struct fl_desc desc = *fl_frame_desc(frame);
    restate(&desc);
    CHECK_EQ(fl_output_publish(hop->output, frame, &desc), 0);
    fl_frame_release(frame);
}

static struct fl_frame *take_at_the_end(struct chain *chain, uint64_t number)
{
    struct fl_frame *frame;
    for (int i = 1; i <= HOPS; i++)
        forward(&chain->hops[i]);
    CHECK_EQ(fl_lane_take(chain->hops[HOPS + 1].in, &frame), 0);
    const struct fl_desc *desc = fl_frame_desc(frame);
    CHECK_EQ(desc->number, number);
    CHECK_EQ(desc->pts, (int64_t)number + 1000 * HOPS);
    CHECK_EQ(desc->width, WIDTH - HOPS);
    CHECK_EQ(desc->height, HEIGHT - HOPS);
    const uint8_t *first = fl_frame_plane(frame, 0);
    for (uint32_t row = 0; row < desc->height; row++)
        for (uint32_t column = 0; column < desc->width; column++)
            CHECK_EQ(first[row * WIDTH + column], picture_byte(number, 0, row + HOPS, column + HOPS));
    return frame;
}

static uint64_t offset_of(struct fl_frame *frame)
{
    uint64_t offset;
    CHECK(fl_frame_pool(frame, &offset) != NULL);
    return offset;
}

static void check_nobody_gets(struct chain *chain, uint64_t offset)
{
    struct fl_frame *others[SLOTS];
    unsigned count = 0;
    while (fl_pool_acquire(chain->pool, &others[count]) == 0)
        CHECK(offset_of(others[count++]) != offset);
    CHECK(count > 0 && count < SLOTS);
    while (count > 0)
        fl_frame_unref(others[--count]);
    settle(chain);
}

static void ten_in_a_row(void)
{
    struct chain chain;
    chain_create(&chain);
    publish(&chain, 0);
    struct fl_frame *first = take_at_the_end(&chain, 0);
    publish(&chain, 1);
    struct fl_frame *second = take_at_the_end(&chain, 1);
    settle(&chain);
    check_nobody_gets(&chain, offset_of(first)); /* the origin's own output holds the second one by now */
    fl_frame_release(first);
    fl_frame_release(second);
    settle(&chain);
    struct fl_output_stats stats;
    for (int i = 1; i <= HOPS + 1; i++) {
        fl_output_lane_get_stats(chain.hops[i].tx, &stats);
        CHECK_EQ(stats.outstanding, i <= HOPS); /* each output above holds its newest: the second */
    }
    CHECK_EQ(fl_pool_free_slots(chain.pool), SLOTS - 1);
    chain_destroy(&chain);
}

static void every_credit_comes_back(void)
{
    struct chain chain;
    struct fl_output_stats stats;
    chain_create(&chain);
    for (uint64_t number = 0; number < 500; number++) {
        publish(&chain, number);
        fl_frame_release(take_at_the_end(&chain, number));
        settle(&chain);
    }
    for (int i = 0; i <= HOPS; i++) {
        struct fl_frame *frame;
        fl_output_close(chain.hops[i].output);
        CHECK_EQ(fl_lane_take(chain.hops[i + 1].in, &frame), -ENODATA);
    }
    settle(&chain);
    for (int i = 1; i <= HOPS + 1; i++) {
        fl_output_lane_get_stats(chain.hops[i].tx, &stats);
        CHECK_EQ(stats.outstanding, 0);
        CHECK_EQ(stats.returned, 500);
        CHECK(fl_output_drained(chain.hops[i - 1].output));
    }
    CHECK_EQ(fl_pool_free_slots(chain.pool), SLOTS);
    chain_destroy(&chain);
}

/* One slot may stand in many announcements of one lane: a frame shown three times. */
static void the_same_slot_again_on_the_same_lane(void)
{
    struct chain chain;
    struct fl_frame *frame, *shown[3];
    struct fl_desc desc;
    chain_create(&chain);
    CHECK_EQ(fl_pool_acquire(chain.pool, &frame), 0);
    picture_describe(&desc, 0, WIDTH, HEIGHT, WIDTH);
    picture_fill(fl_frame_data(frame), &desc, 0);
    for (unsigned i = 0; i < 3; i++) {
        desc.number = i;
        CHECK_EQ(fl_output_publish(chain.hops[0].output, frame, &desc), 0);
    }
    fl_frame_unref(frame);
    publish(&chain, 3); /* so that the newest is another */
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(fl_lane_take(chain.hops[1].in, &shown[i]), 0);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(offset_of(shown[i]), offset_of(shown[0]));
        CHECK_EQ(fl_frame_desc(shown[i])->number, i);
    }
    fl_frame_release(shown[1]);
    fl_frame_release(shown[0]);
    settle(&chain);
    check_nobody_gets(&chain, offset_of(shown[2]));
    CHECK_EQ(fl_pool_free_slots(chain.pool), SLOTS - 2);
    fl_frame_release(shown[2]);
    settle(&chain);
    CHECK_EQ(fl_pool_free_slots(chain.pool), SLOTS - 1);
    chain_destroy(&chain);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a frame goes through ten processes' hands without being copied", ten_in_a_row},
        {"every credit comes back in the end", every_credit_comes_back},
        {"one slot may be announced again while it is read", the_same_slot_again_on_the_same_lane},
    };
    return CHECK_RUN(cases);
}
