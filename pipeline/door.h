/* The control socket of a run, and those who stand at it. remote.h says what is spoken there; answers.c answers.
 *
 *   accepted --HELLO within 2 s--> greeted --requests, each within a minute of the last--> ...
 *      any: no message, or not of this size or type, or with descriptors; an answer not read for 3 s --> cut off
 *
 * Everything happens on the supervisor's main loop, behind all that concerns the stages; no call here blocks. While an answer is on
 * its way, its client's next request is left where it is. Nothing that a client does can end or delay the run, but STOP.
 */
#ifndef FL_DOOR_H
#define FL_DOOR_H

#include "remote.h"
#include "run.h"

typedef struct FlGuest FlGuest; /* a lane that somebody outside has: take.c */

typedef struct {
    FlDoor *door;
    int socket;
    guint in_source, out_source, deadline;
    gboolean greeted;
    gboolean stays;         /* it waits for what the run will say: no deadline between requests */
    GBytes *text;           /* the answer on its way; NULL: none */
    gsize sent;             /* of it */
    gboolean cut_off;       /* freed when its callback has returned */
    const FlRunStage *seen; /* whose output it is attached to; NULL: none */
    uint32_t seen_port;
    const FlRunStage *set_stage; /* whose answer to SET it waits for; NULL: none */
    uint32_t set_token, set_wait_ms;
    guint set_timer;
    gboolean expects; /* ATTACHED is still owed: a region has not been mapped yet */
    int pidfd;        /* of the process that connected; -1: it is dead, or there can be none */
    pid_t pid;
    FlGuest *guest; /* NULL: it has no lane */
} FlClient;

/* Who is attached to an output from outside, as `status` tells it. */
typedef struct {
    const FlRunStage *stage; /* whose output it is */
    unsigned port;
    pid_t pid;
    int pidfd;                       /* -1: it is dead, or there can be none */
    const char *state;               /* "attaching", "attached"; "leaving": it has hung up, and holds frames still */
    const struct fl_lane_info *lane; /* NULL: it looks on, without a credit */
} FlAttached;
typedef void FlTellAttached(const FlAttached *one, gpointer data);

/* A request whose size has been checked. */
typedef struct {
    uint32_t type;
    const void *body, *tail;
    gsize tail_bytes;
} FlRequest;

/* Opens it under the pipeline's name. NULL and a sentence in *why (to g_free); *taken: because another run has that name. */
FlDoor *fl_door_open(FlRun *run, gboolean *taken, char **why);
/* Says ENDED to all and removes the socket. NULL is accepted. */
void fl_door_close(FlDoor *door, int exit_code);
FlRun *fl_door_run(FlDoor *door);
GPtrArray *fl_door_clients(FlDoor *door); /* FlClient* */
GPtrArray *fl_door_guests(FlDoor *door);  /* FlGuest* */

/* One message. A client that does not take it is cut off. */
void fl_client_send(FlClient *client, enum fl_remote type, const void *body, gsize body_bytes, const int *fds, unsigned fd_count);
void fl_client_send_tail(FlClient *client, enum fl_remote type, const void *body, gsize body_bytes, const void *tail,
                         gsize tail_bytes, int fd);
/* ERROR with that sentence. */
void fl_client_refuse(FlClient *client, int error, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* TEXT in as many pieces as it takes, and as fast as the client reads them. */
void fl_client_send_text(FlClient *client, GBytes *text);
void fl_client_cut_off(FlClient *client);

/* answers.c. NULL: there is none, and the client has been told which there are. */
FlRunStage *fl_client_find_stage(FlClient *client, const char *name);
/* FALSE: it is no request of ours, or not of its size. */
gboolean fl_answer(FlClient *client, const FlRequest *request, gsize body_bytes);
/* The status object as it was at most 50 ms ago. */
GBytes *fl_door_status(FlDoor *door);
/* It has been said that something is another now: the next who asks is to see that. The door may be NULL. */
void fl_door_status_changed(FlDoor *door);

/* attach.c */
void fl_answer_attach(FlClient *client, const FlRequest *request);
/* The stage has mapped its latest region, or could not: those who wait for it are answered. The door may be NULL. */
void fl_door_latest_mapped(FlDoor *door, FlRunRegion *region, int error);
/* Tells those who are attached to that output of a new pool, or that it is not needed any more. */
void fl_door_tell_pool(FlDoor *door, const FlRunRegion *pool, gboolean unused);
/* The client of all pools that frames of its output lie in. */
void fl_door_tell_pools(FlClient *client);
/* Calls `tell` for all who are attached: those who hold frames first. The door may be NULL. */
void fl_door_each_attached(FlDoor *door, FlTellAttached *tell, gpointer data);
/* What its process calls itself now, a line of ASCII to g_free; NULL: it is dead, or nobody knows. */
char *fl_attached_program(const FlAttached *one);

/* take.c. The door may be NULL: then there are no guests. */
void fl_guest_free(gpointer guest);
void fl_door_each_guest(FlDoor *door, FlTellAttached *tell, gpointer data);
void fl_answer_take(FlClient *client, FlRunStage *stage, const struct fl_remote_attach *asked);
gboolean fl_answer_mapped(FlClient *client, const struct fl_remote_mapped *said); /* FALSE: nothing was to be mapped */
void fl_guest_hangs_up(FlGuest *guest); /* its client is about to be freed; NULL is accepted */
void fl_door_announce_mapped(FlDoor *door, FlRunRegion *region, int error);
/* FALSE: that lane is no guest's. */
gboolean fl_door_take_fault(FlDoor *door, FlRunStage *stage, const struct fl_control_lane_event *event, const char *text);
void fl_door_take_lane_left(FlRunStage *stage, const struct fl_received *message);
void fl_door_guests_end(FlDoor *door, const FlRunStage *stage);
/* Frames that guests may hold just now, of all outputs: by so many, older pools may be pinned. */
unsigned fl_door_guest_credits(const FlRun *run);

/* setting.c */
void fl_answer_set(FlClient *client, const FlRequest *request);
/* Nobody waits for an answer of that stage any more. The door may be NULL. */
void fl_door_stage_ended(FlDoor *door, const FlRunStage *stage);

#endif
