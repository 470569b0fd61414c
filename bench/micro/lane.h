/* What questions about libframelane share: one producer in this process, consumers as processes of their own, wired as a supervisor
 * wires them (each region sealed once its one writer has mapped it).
 *
 *   micro_producer_create; micro_consume ... ; micro_publish / fl_output_publish ... ; micro_producer_finish, which closes the
 * output, waits for what is still out, joins the consumers, and fails the program when a frame was lost.
 */
#ifndef BENCH_LANE_H
#define BENCH_LANE_H

#include <framelane/framelane.h>

#include "micro.h"

#define MICRO_MAX_CONSUMERS 32

/* What a lane and its pool are like. `slots` 0: as many as the credits of all lanes and two more. */
struct micro_lanes {
    struct fl_lane_info lane; /* id and epoch are filled in; credits 0: 4 */
    uint32_t slots;
    uint64_t slot_bytes; /* 0: a page */
};

struct micro_producer {
    const struct micro *micro;
    struct micro_lanes like;
    struct fl_context *context;
    struct fl_output *output;
    struct fl_pool *pool;
    struct fl_pool_info pool_info;
    int pool_fd;
    unsigned consumer_count;
    pid_t pids[MICRO_MAX_CONSUMERS];
    struct fl_output_lane *lanes[MICRO_MAX_CONSUMERS];
};

struct micro_consumer {
    struct fl_context *context;
    struct fl_lane *lane;
    unsigned number; /* 0 for the first consumer of this producer */
    void *arg;
};

/* `consumers` is how many there will be at most, for the number of slots. Does not pin. */
void micro_producer_create(struct micro_producer *producer, const struct micro *micro, const struct micro_lanes *like,
                           unsigned consumers);

/* Forks a consumer pinned as party 1, 2, ... (`arg` goes to the body, in the child). The body ends when micro_take answers NULL. */
void micro_consume(struct micro_producer *producer, void (*body)(struct micro_consumer *consumer), void *arg);

/* Closes, drains, joins, destroys. None was copied; on a `wait` lane every frame sent was returned and none dropped. */
void micro_producer_finish(struct micro_producer *producer);

/* The frame `number` in a description that is cheap to check: one plane of the whole slot. */
void micro_describe(struct fl_desc *desc, uint64_t number, uint64_t bytes);

/* The producer's step as a stage does it: a slot (waiting for one), `fill` it (or NULL: not a byte is touched), wait until nothing
 * is owed, publish, let go. */
void micro_publish(struct micro_producer *producer, struct fl_desc *desc, void (*fill)(uint8_t *data, const struct fl_desc *desc));

/* The consumer's step: sleeps until there is a frame. NULL: the producer has closed. */
struct fl_frame *micro_take(struct micro_consumer *consumer);

#endif
