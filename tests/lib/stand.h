/* A test stand: one producer with a pool and an output, and any number of consumers, each a context of its own, in one process.
 *
 * Nothing moves by itself: each end does its work when it is called (publish, take, fl_context_service), so a test decides every
 * order of events.
 */
#ifndef TESTS_STAND_H
#define TESTS_STAND_H

#include "wiring.h"

#define STAND_MAX_LANES 128
#define STAND_WIDTH     40u
#define STAND_HEIGHT    6u

struct stand_lane {
    struct fl_context *consumer;
    struct fl_output_lane *tx;
    struct fl_lane *rx;
};

struct stand {
    struct fl_context *producer;
    struct fl_output *output;
    struct fl_pool *pool;
    struct fl_pool_info pool_info;
    int pool_fd;
    uint32_t transport;
    unsigned lane_count;
    struct stand_lane lanes[STAND_MAX_LANES];
};

void stand_create(struct stand *stand, uint32_t transport, uint32_t slots, uint64_t slot_bytes);
struct stand_lane *stand_add(struct stand *stand, uint32_t when_full, uint32_t credits);
struct stand_lane *stand_add_as(struct stand *stand, const struct fl_lane_info *info); /* the transport is the stand's */
void stand_destroy(struct stand *stand);

/* Acquires, fills a small picture with `number`, publishes, lets go. What fl_output_publish says, or -ENOBUFS: no free slot. */
int stand_publish(struct stand *stand, uint64_t number);

/* Takes one frame and checks its bytes. What fl_lane_take says. */
int stand_take(struct stand_lane *lane, struct fl_frame **frame);

/* Takes one frame, checks it, gives it back at once. Its number, or what fl_lane_take says. */
int64_t stand_next(struct stand_lane *lane);

/* The consumer gives back, the producer hears of it and pays what it owes. */
void stand_settle(struct stand *stand, struct stand_lane *lane);

struct fl_output_stats stand_sent(const struct stand_lane *lane);
struct fl_lane_stats stand_taken(const struct stand_lane *lane);

#endif
