/* One that is killed, and those who survive it.
 *
 *   SCENE_PRODUCER    victim --lane 0--> below            SCENE_CONSUMER   above --lane 0--> victim
 *                     victim --lane 1--> below                             above --lane 1--> below
 *   SCENE_FORWARDER   above --lane 0--> victim --lane 2--> below, and above --lane 1--> below
 *
 * The survivors live in the process that opens the scene, which plays the supervisor too; the victim is a child of it. Everything
 * is fresh in each scene, for shared memory that was sealed cannot be made new.
 */
#ifndef CRASH_SCENE_H
#define CRASH_SCENE_H

#include "../lib/wiring.h"

enum scene_role { SCENE_PRODUCER, SCENE_CONSUMER, SCENE_FORWARDER };
enum { SCENE_LANES = 3, SCENE_SLOTS = 8, SCENE_CREDITS = 4 };

struct scene;

/* The victim's own. */
struct victim {
    struct scene *scene;
    struct fl_context *context;
    struct fl_pool *pool; /* producer */
    struct fl_output *output;
    struct fl_output_lane *tx[2];
    struct fl_lane *rx;
    struct fl_frame *frames[SCENE_CREDITS]; /* in hand */
    uint64_t number;                        /* of the next frame it makes */
};

struct scene {
    /* chosen by whoever opens it */
    enum scene_role role;
    uint32_t transport, when_full, batch; /* of the victim's lanes */
    bool attaches;                        /* the victim attaches its lanes itself, within `play` */
    bool traced;                          /* the victim is to be stepped */
    uint64_t announced;                   /* frames the survivors announce before the victim plays */
    void (*play)(struct victim *who);     /* the victim's part; does not come back before the victim is killed */

    /* the rest is its own */
    pid_t victim;
    struct wiring wires[SCENE_LANES];
    struct fl_pool_info pool_info;
    int pool_fd, latest_fd; /* latest: a producer's, where its pool is shared */
    struct fl_observer *observer;
    struct fl_context *above, *below;
    struct fl_pool *pool; /* above */
    struct fl_output *output;
    struct fl_output_lane *tx[2];
    uint64_t number;                 /* above: of the next frame it makes */
    struct fl_lane *rx[SCENE_LANES]; /* below; NULL where there is none */
    struct fl_frame *held;           /* below: the first frame of the first lane, once scene_hold was called */
    uint64_t expected[SCENE_LANES];  /* the number that comes next, below */
};

/* Opens it and lets the victim go into `play`. */
void scene_open(struct scene *scene);

/* The victim has stopped itself (raise(SIGSTOP), see step_await): it is to go on. */
void scene_go_on(const struct scene *scene);

/* The victim attaches its lanes, where it did not before. */
void scene_attach_victim(struct victim *who);

/* Makes frame `number` and publishes it: the victim its next, or the survivor above. What publish says, or -EAGAIN: no slot is
 * free. `number` rises when it has gone out. */
int scene_publish(struct fl_pool *pool, struct fl_output *output, uint64_t *number);

/* Below takes one frame of that lane, checks that it is whole and the next in order, and gives it back. What take says. */
int scene_take(struct scene *scene, unsigned lane);

/* Below takes the first frame of the victim's first lane and keeps it until the audit. */
void scene_hold(struct scene *scene);

/* The survivors raise their `armed` words and sleep for a moment: the victim has bells to ring. */
void scene_doze(struct scene *scene);

/* SIGKILL, and the victim is reaped. */
void scene_kill(struct scene *scene);

/* The supervisor says DOWN, and the survivors' books are looked at: nothing may be lost, torn, out of order, or blamed on anybody.
 * Of the lanes that the victim announces on, lane i has carried least[i] to most[i] frames by then. `late`: the survivors look
 * around once before they are told. */
struct scene_limits {
    uint64_t least[2], most[2];
};
void scene_audit(struct scene *scene, const struct scene_limits *limits, bool late);

#endif
