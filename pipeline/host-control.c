#include "host.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_TIMEOUT_SECONDS 1
/* Without a supervisor: how long nothing may move before the stage gives up what may still come, and how long it may then take to
 * close. */
#define IDLE_NS  800000000ull
#define STUCK_NS 4000000000ull
#define CLOSE_NS 5000000000ull
#define LOOK_MS  100

/* ---- the queue to the owner ---- */

static struct fl_host_message *copy_message(struct fl_received *received)
{
    struct fl_host_message *message = malloc(sizeof *message + received->body_bytes + received->tail_bytes);
    if (!message)
        return NULL;
    message->next = NULL;
    message->type = received->type;
    message->body_bytes = received->body_bytes;
    message->tail_bytes = received->tail_bytes;
    memcpy(message->body, received->body, received->body_bytes);
    memcpy(message->body + message->body_bytes, received->tail, received->tail_bytes);
    message->tail = message->body + message->body_bytes;
    message->fd_count = received->fd_count;
    for (unsigned i = 0; i < received->fd_count; i++) {
        message->fds[i] = received->fds[i];
        received->fds[i] = -1;
    }
    return message;
}

static int queue(struct fl_stage *stage, struct fl_received *received)
{
    struct fl_host_message *message = copy_message(received);
    if (!message)
        return -ENOMEM;
    pthread_mutex_lock(&stage->lock);
    if (stage->last_message)
        stage->last_message->next = message;
    else
        stage->first_message = message;
    stage->last_message = message;
    pthread_mutex_unlock(&stage->lock);
    atomic_fetch_add(&stage->messages, 1);
    fl_context_kick(stage->context);
    return 0;
}

struct fl_host_message *fl_host_next_message(struct fl_stage *stage)
{
    if (atomic_load_explicit(&stage->messages, memory_order_acquire) == 0)
        return NULL;
    pthread_mutex_lock(&stage->lock);
    struct fl_host_message *message = stage->first_message;
    stage->first_message = message->next;
    if (!stage->first_message)
        stage->last_message = NULL;
    pthread_mutex_unlock(&stage->lock);
    atomic_fetch_sub(&stage->messages, 1);
    return message;
}

void fl_host_message_free(struct fl_host_message *message)
{
    if (!message)
        return;
    for (unsigned i = 0; i < message->fd_count; i++)
        if (message->fds[i] >= 0)
            close(message->fds[i]);
    free(message);
}

bool fl_host_interrupted(const struct fl_stage *stage)
{
    return atomic_load_explicit(&stage->messages, memory_order_relaxed) > 0 || fl_stage_cancelled(stage) ||
           (stage->guests_leaving && fl_host_guest_can_go(stage));
}

void fl_host_serve(struct fl_stage *stage)
{
    struct fl_host_message *message;
    while ((message = fl_host_next_message(stage))) {
        if (message->type == FL_CONTROL_LANE)
            fl_host_take_lane(stage, message); /* a lane added while frames flow */
        else if (message->type == FL_CONTROL_SHOW)
            fl_host_take_show(stage, message);
        else if (message->type != FL_CONTROL_SET)
            fl_host_take_lane_event(stage, message);
        if (message->type == FL_CONTROL_SET)
            fl_host_take_setting(stage, message);
        else
            fl_host_message_free(message);
    }
    if (atomic_load_explicit(&stage->pools_idle, memory_order_relaxed))
        fl_host_tend_pools(stage);
    if (stage->guests_leaving)
        fl_host_tend_guests(stage);
}

/* ---- the thread ---- */

static void answer_map(struct fl_stage *stage, const struct fl_received *received)
{
    const struct fl_control_map *map = received->body;
    struct fl_control_region answer = {.region = map->region};
    answer.error = fl_host_map(stage, map, received->fd_count ? received->fds[0] : -1);
    fl_host_send(stage, FL_CONTROL_MAPPED, &answer, sizeof answer, NULL, 0);
}

static void stop(struct fl_stage *stage)
{
    atomic_store(&stage->stopping, true);
    fl_context_kick(stage->context);
}

static size_t body_bytes_of(uint32_t type)
{
    switch (type) {
    case FL_CONTROL_OPEN:
        return sizeof(struct fl_control_open);
    case FL_CONTROL_MAP:
        return sizeof(struct fl_control_map);
    case FL_CONTROL_POOL:
        return sizeof(struct fl_control_pool);
    case FL_CONTROL_LANE:
        return sizeof(struct fl_control_lane);
    case FL_CONTROL_GO:
        return sizeof(struct fl_control_go);
    case FL_CONTROL_SHOW:
        return sizeof(struct fl_control_show);
    case FL_CONTROL_SET:
        return sizeof(struct fl_control_set);
    case FL_CONTROL_READY:
    case FL_CONTROL_POOL_UNUSED:
        return sizeof(struct fl_control_region);
    case FL_CONTROL_STOP:
        return 0;
    case FL_CONTROL_LANE_STOP:
    case FL_CONTROL_LANE_DOWN:
    case FL_CONTROL_LANE_ENDED:
        return sizeof(struct fl_control_lane_event);
    default:
        return SIZE_MAX;
    }
}

static int handle(struct fl_stage *stage, struct fl_received *received)
{
    const struct fl_control_region *region = received->body;
    size_t expected = body_bytes_of(received->type);
    if (expected == SIZE_MAX)
        return 0; /* a word of a later version */
    if (received->body_bytes < expected)
        return -EBADMSG;
    switch (received->type) {
    case FL_CONTROL_MAP:
        answer_map(stage, received);
        return 0;
    case FL_CONTROL_POOL:
        return fl_host_add_pool(stage, received->body, received->fd_count ? received->fds[0] : -1);
    case FL_CONTROL_READY:
        fl_host_pool_ready(stage, region->region, region->error);
        return 0;
    case FL_CONTROL_POOL_UNUSED:
        fl_host_pool_unused(stage, region->region);
        return 0;
    case FL_CONTROL_STOP:
        stop(stage);
        return 0;
    default:
        return queue(stage, received);
    }
}

/* True: something may come; false: the supervisor is dead, or the owner wants the thread to end. */
static bool wait_for_word(struct fl_stage *stage)
{
    struct pollfd polls[2] = {{stage->socket, POLLIN, 0}, {stage->quit_fd, POLLIN, 0}};
    while (poll(polls, 2, -1) < 0 && errno == EINTR)
        ;
    return !polls[1].revents;
}

static bool should_quit(struct fl_stage *stage, int timeout_ms)
{
    struct pollfd quit = {stage->quit_fd, POLLIN, 0};
    return poll(&quit, 1, timeout_ms) > 0;
}

static bool opening(const struct fl_stage *stage)
{
    return atomic_load(&stage->state) < FL_STATE_RUNNING;
}

static void cancel(struct fl_stage *stage)
{
    atomic_store(&stage->cancelled, true);
    fl_context_kick(stage->context);
}

/* The supervisor is dead. Sources end, frames under way go where they were going, files are finished. Nobody is left: what does not
 * move is given up, and what does not end is ended. */
static void outlive(struct fl_stage *stage)
{
    uint64_t since = fl_host_now_ns(), cancelled_ns = 0;
    uint64_t seen = atomic_load(&stage->progress);
    while (!should_quit(stage, LOOK_MS)) {
        uint64_t now = fl_host_now_ns(), progress = atomic_load(&stage->progress);
        if (progress != seen) {
            seen = progress;
            since = now;
        }
        uint64_t patience = atomic_load(&stage->in_hand) ? STUCK_NS : IDLE_NS;
        if (!cancelled_ns && now - since > patience) {
            cancelled_ns = now;
            cancel(stage);
        }
        if (cancelled_ns && now - cancelled_ns > (opening(stage) ? IDLE_NS : CLOSE_NS))
            _exit(1);
    }
}

static void *control_main(void *arg)
{
    struct fl_stage *stage = arg;
    static struct fl_received received; /* one thread a process reads it */
    prctl(PR_SET_NAME, "fl-control");
    while (wait_for_word(stage)) {
        int error = fl_wire_receive(stage->socket, MSG_DONTWAIT, &received);
        if (error == -EAGAIN)
            continue;
        if (error == 0) {
            error = handle(stage, &received);
            fl_wire_close_fds(&received);
            if (error < 0)
                fl_stage_fail(stage, FL_STAGE_ERROR_RUN, error, "could not do what the supervisor asked (message %u): %s",
                              received.type, strerror(-error));
        } else {
            atomic_store(&stage->alone, true);
            stop(stage);
            outlive(stage);
            break;
        }
    }
    return NULL;
}

int fl_host_control_start(struct fl_stage *stage)
{
    struct timeval limit = {SEND_TIMEOUT_SECONDS, 0};
    setsockopt(stage->socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    stage->quit_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (stage->quit_fd < 0)
        return -errno;
    int error = -pthread_create(&stage->control, NULL, control_main, stage);
    stage->control_runs = error == 0;
    return error;
}

void fl_host_control_stop(struct fl_stage *stage)
{
    uint64_t one = 1;
    if (stage->control_runs) {
        ssize_t wrote = write(stage->quit_fd, &one, sizeof one);
        (void)wrote;
        pthread_join(stage->control, NULL);
        stage->control_runs = false;
    }
    if (stage->quit_fd >= 0)
        close(stage->quit_fd);
    struct fl_host_message *message;
    while ((message = fl_host_next_message(stage)))
        fl_host_message_free(message);
}
