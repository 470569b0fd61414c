/* Plays the supervisor: mints what a lane and a pool are made of, and wires both ends, in one process or on both sides of a fork.
 *
 * One process:      wiring_lane(output, consumer, &info, &tx, &rx)
 * Across a fork:    wiring_mint; fork; each end wiring_map_*; when both have, wiring_seal; each end wiring_attach_*, wiring_finish
 *
 * Everything checks itself; nothing returns an error.
 */
#ifndef TESTS_WIRING_H
#define TESTS_WIRING_H

#include <framelane/framelane.h>

#include <sys/types.h>

struct wiring {
    struct fl_lane_info info;
    int announce, returns;        /* memfds, or the pipe's write and read end */
    int to_consumer, to_producer;           /* the ringing ends of the bells, -1 for a pipe */
    int hears_producer, hears_consumer; /* the hearing ends: the consumer's, the producer's */
    void *announce_own, *returns_own;
};

/* `info.epoch` 0 becomes 1, `info.id` 0 becomes the next unused. */
void wiring_mint(struct wiring *wiring, const struct fl_lane_info *info);
void wiring_map_producer(struct wiring *wiring);
void wiring_map_consumer(struct wiring *wiring);
void wiring_seal(struct wiring *wiring);
struct fl_output_lane *wiring_attach_producer(struct wiring *wiring, struct fl_output *output);
struct fl_lane *wiring_attach_consumer(struct wiring *wiring, struct fl_context *context);
void wiring_finish(struct wiring *wiring); /* closes this process's copies of what the ends have got */

void wiring_lane(struct fl_output *output, struct fl_context *consumer, const struct fl_lane_info *info, struct fl_output_lane **tx,
                 struct fl_lane **rx);

/* A sealed pool mapped by its writer; *fd is for readers, to be closed by the caller. `info->slot_bytes` is rounded up. */
struct fl_pool *wiring_pool(struct fl_context *writer, struct fl_pool_info *info, int *fd);
void wiring_pool_reader(struct fl_context *reader, int fd, const struct fl_pool_info *info);

/* Forks a consumer of `output` as a process of its own, which runs `body` and ends with 0, or as a check that fails ends it. The
 * child dies with its parent. `pool_fd` is -1 for a pipe. */
struct wiring_child {
    struct fl_context *context;
    struct fl_lane *lane;
    void *arg;
};
pid_t wiring_fork(struct fl_output *output, const struct fl_lane_info *info, int pool_fd, const struct fl_pool_info *pool_info,
                  void (*body)(struct wiring_child *child), void *arg, struct fl_output_lane **tx);

#endif
