#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FUTILE_RINGS_A_SECOND 1000 /* a bell that rings more often without movement is left to the timer */

uint64_t fl_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

int fl_context_create(struct fl_context **context)
{
    struct fl_context *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    fl_pool_look_at_caches();
    c->kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (c->kick_fd < 0) {
        int error = -errno;
        free(c);
        return error;
    }
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&c->turn, NULL);
    pthread_cond_init(&c->looked, &clock);
    pthread_condattr_destroy(&clock);
    int error = fl_context_reserve(c);
    if (error < 0) {
        fl_context_destroy(c);
        return error;
    }
    *context = c;
    return 0;
}

void fl_context_destroy(struct fl_context *context)
{
    if (!context)
        return;
    for (unsigned i = 0; i < context->output_count; i++)
        fl_output_destroy(context->outputs[i]);
    for (unsigned i = 0; i < context->lane_count; i++)
        fl_lane_destroy(context->lanes[i]);
    while (context->pool_count > 0)
        fl_pool_destroy(context->pools[0]);
    close(context->kick_fd);
    pthread_mutex_destroy(&context->lock);
    pthread_mutex_destroy(&context->turn);
    pthread_cond_destroy(&context->looked);
    free(context->outputs);
    free(context->lanes);
    free(context->bells);
    free(context->polls);
    free(context);
}

static unsigned end_count(const struct fl_context *context)
{
    unsigned count = context->lane_count;
    for (unsigned i = 0; i < context->output_count; i++)
        count += context->outputs[i]->lane_count;
    return count;
}

int fl_context_reserve(struct fl_context *context)
{
    unsigned needed = end_count(context) + 2;
    if (needed <= context->poll_capacity)
        return 0;
    unsigned capacity = needed * 2;
    struct pollfd *polls = realloc(context->polls, capacity * sizeof *polls);
    if (!polls)
        return -ENOMEM;
    context->polls = polls;
    int *bells = realloc(context->bells, capacity * sizeof *bells);
    if (!bells)
        return -ENOMEM;
    context->bells = bells;
    context->bell_capacity = capacity;
    context->poll_capacity = capacity;
    return 0;
}

void fl_context_kick(struct fl_context *context)
{
    fl_ring(context->kick_fd);
}

void fl_context_lock(struct fl_context *context)
{
    pthread_mutex_lock(&context->lock);
}

void fl_context_note_bell(struct fl_context *context, int bell)
{
    if (context->bell_count < context->bell_capacity)
        context->bells[context->bell_count++] = bell; /* about one a lane between two unlocks, and there is room for each */
    else
        fl_ring(bell); /* a peer that raises `armed` all the time: it must not cost another lane its bell */
}

void fl_context_unlock(struct fl_context *context)
{
    int bells[32];
    for (;;) {
        unsigned count = 0;
        while (context->bell_count > 0 && count < sizeof bells / sizeof *bells)
            bells[count++] = context->bells[--context->bell_count];
        bool more = context->bell_count > 0;
        pthread_mutex_unlock(&context->lock);
        for (unsigned i = 0; i < count; i++)
            fl_ring(bells[i]);
        if (!more)
            return;
        pthread_mutex_lock(&context->lock);
    }
}

/* Settles frames whose last reference has gone, whichever thread dropped it, and tells their producers. */
static void settle_released(struct fl_context *context)
{
    struct fl_frame *frame = NULL;
    if (atomic_load_explicit(&context->released, memory_order_relaxed))
        frame = atomic_exchange_explicit(&context->released, NULL, memory_order_seq_cst);
    while (frame) {
        struct fl_frame *next = frame->next;
        fl_frame_settle(frame);
        frame = next;
    }
    fl_lanes_look(context, false); /* what outputs were returned above counts as well */
}

static void tend_pipes(struct fl_context *context)
{
    for (unsigned i = 0; i < context->lane_count; i++)
        if (context->lanes[i]->pipe && !context->lanes[i]->left)
            fl_pipe_reader_progress(context->lanes[i]); /* a pipe is polled until a frame is in, whatever the owner waits for */
}

void fl_context_tend_locked(struct fl_context *context)
{
    tend_pipes(context);
    for (unsigned i = 0; i < context->output_count; i++)
        if (context->outputs[i]->restless)
            fl_output_service(context->outputs[i]);
    settle_released(context);
}

void fl_context_service_locked(struct fl_context *context)
{
    tend_pipes(context);
    for (unsigned i = 0; i < context->output_count; i++)
        fl_output_service(context->outputs[i]);
    settle_released(context); /* last: returns above drop references */
}

void fl_context_service(struct fl_context *context)
{
    fl_context_lock(context);
    fl_context_service_locked(context);
    fl_context_unlock(context);
}

int fl_context_add_pool(struct fl_context *context, struct fl_pool *pool)
{
    fl_context_lock(context);
    int error = context->pool_count < FL_MAX_POOLS ? 0 : -ENOSPC;
    if (error == 0) {
        context->pools[context->pool_count++] = pool;
        pool->context = context;
    }
    fl_context_unlock(context);
    if (error == 0)
        fl_context_kick(context); /* a take may be waiting for it */
    return error;
}

struct fl_pool *fl_context_find_pool(struct fl_context *context, uint32_t id)
{
    for (unsigned i = 0; i < context->pool_count; i++)
        if (context->pools[i]->info.id == id)
            return context->pools[i];
    return NULL;
}

bool fl_context_has_pool(struct fl_context *context, uint32_t pool_id)
{
    fl_context_lock(context);
    bool known = fl_context_find_pool(context, pool_id) != NULL;
    fl_context_unlock(context);
    return known;
}

/* ---- sleeping ---- */

/* What a batch still keeps back is shown before this side waits, or both sides could wait for each other. */
static void look_at_all(struct fl_context *context)
{
    fl_lanes_look(context, true);
    for (unsigned i = 0; i < context->output_count; i++)
        fl_output_look(context->outputs[i], true);
}

static void look_before_waiting(struct fl_context *context)
{
    fl_context_lock(context);
    look_at_all(context);
    fl_context_unlock(context);
}

/* D0 of core.h for every lane at once: one fence, then the caller looks at everything again. */
static void arm(struct fl_context *context)
{
    for (unsigned i = 0; i < context->lane_count; i++)
        if (!context->lanes[i]->pipe)
            fl_rx_arm(&context->lanes[i]->rx);
    for (unsigned i = 0; i < context->output_count; i++)
        for (unsigned l = 0; l < context->outputs[i]->lane_count; l++)
            if (!context->outputs[i]->lanes[l]->pipe)
                fl_tx_arm(&context->outputs[i]->lanes[l]->tx);
    fl_doorbell_fence();
}

static unsigned gather(struct fl_context *context)
{
    struct pollfd *polls = context->polls;
    unsigned count = 0;
    polls[count++] = (struct pollfd){context->kick_fd, POLLIN, 0};
    for (unsigned i = 0; i < context->lane_count; i++) {
        struct fl_lane *lane = context->lanes[i];
        if (lane->pipe)
            polls[count++] = (struct pollfd){fl_pipe_reader_wants(lane) ? lane->fds.announce : -1, POLLIN, 0};
        else
            polls[count++] = (struct pollfd){lane->bell_watch.muted || lane->fault ? -1 : lane->fds.bell_in, POLLIN, 0};
    }
    for (unsigned i = 0; i < context->output_count; i++) {
        for (unsigned l = 0; l < context->outputs[i]->lane_count; l++) {
            struct fl_output_lane *lane = context->outputs[i]->lanes[l];
            if (lane->pipe)
                polls[count++] =
                    (struct pollfd){fl_pipe_writer_idle(lane->pipe) || lane->stopped ? -1 : lane->fds.announce, POLLOUT, 0};
            else
                polls[count++] = (struct pollfd){lane->bell_watch.muted || lane->fault ? -1 : lane->fds.bell_in, POLLIN, 0};
        }
    }
    return count;
}

/* The private bell: its flags are nobody else's. */
static void drain_kick(int kick)
{
    uint64_t count;
    ssize_t got = read(kick, &count, sizeof count);
    (void)got;
}

/* A bell that rings without anything having moved costs its owner's peer CPU and nobody else: it is left to the timer. */
static void judge_bell(struct fl_bell_watch *watch, uint64_t movement)
{
    if (movement != watch->seen) {
        watch->seen = movement;
        watch->futile = 0;
        return;
    }
    uint64_t now = fl_now_ns();
    if (watch->futile++ == 0)
        watch->futile_since_ns = now;
    if (watch->futile > FUTILE_RINGS_A_SECOND) {
        watch->muted = now - watch->futile_since_ns < 1000000000ull;
        watch->futile = 0;
    }
}

/* What the other end has done so far. Only compared: any change is movement. */
static uint64_t producer_movement(const struct fl_rx *rx)
{
    return fl_load(&rx->theirs->head, FL_RELAXED) + fl_load(&rx->theirs->closed, FL_RELAXED) +
           fl_load(&rx->theirs->through_seq, FL_RELAXED);
}

static uint64_t consumer_movement(const struct fl_tx *tx)
{
    return fl_load(&tx->theirs->returned, FL_RELAXED) + fl_load(&tx->theirs->gone, FL_RELAXED);
}

/* In the order of gather; without the lock, for it is system calls. Pipes are read by their lanes. */
static void drain_bells(struct fl_context *context, const struct pollfd *polls)
{
    unsigned at = 0;
    if (polls[at++].revents)
        drain_kick(context->kick_fd);
    for (unsigned i = 0; i < context->lane_count; i++, at++)
        if (polls[at].revents && !context->lanes[i]->pipe)
            fl_bell_drain(polls[at].fd);
    for (unsigned i = 0; i < context->output_count; i++)
        for (unsigned l = 0; l < context->outputs[i]->lane_count; l++, at++)
            if (polls[at].revents && !context->outputs[i]->lanes[l]->pipe)
                fl_bell_drain(polls[at].fd);
}

/* In the order of gather; under the lock, for others read the statistics. */
static void count_wakeups(struct fl_context *context, const struct pollfd *polls)
{
    unsigned at = 1;
    for (unsigned i = 0; i < context->lane_count; i++) {
        struct fl_lane *lane = context->lanes[i];
        if (polls[at++].revents == 0)
            continue;
        lane->stats.wakeups++;
        if (!lane->pipe)
            judge_bell(&lane->bell_watch, producer_movement(&lane->rx));
    }
    for (unsigned i = 0; i < context->output_count; i++) {
        for (unsigned l = 0; l < context->outputs[i]->lane_count; l++) {
            struct fl_output_lane *lane = context->outputs[i]->lanes[l];
            if (polls[at++].revents == 0)
                continue;
            lane->stats.wakeups++;
            if (!lane->pipe)
                judge_bell(&lane->bell_watch, consumer_movement(&lane->tx));
        }
    }
}

static void answer(struct fl_context *context, const struct pollfd *polls)
{
    drain_bells(context, polls);
    fl_context_lock(context);
    count_wakeups(context, polls);
    fl_context_unlock(context);
}

static void tell_others(struct fl_context *context, bool sleeper)
{
    pthread_mutex_lock(&context->turn);
    context->sleeper = sleeper;
    context->looks++;
    pthread_cond_broadcast(&context->looked);
    pthread_mutex_unlock(&context->turn);
}

static int sleep_once(struct fl_context *context, bool (*ready)(void *arg), void *arg, uint64_t deadline_ns, bool *is_ready)
{
    atomic_store_explicit(&context->asleep, 1, memory_order_seq_cst); /* before the look at `released`; pairs with fl_frame_unref */
    fl_context_lock(context);
    arm(context);
    fl_context_service_locked(context);
    unsigned count = gather(context);
    fl_context_unlock(context);
    tell_others(context, true); /* what the service above has brought is theirs too; what comes from now on wakes this thread */
    int error = 0;
    *is_ready = ready(arg);
    look_before_waiting(context); /* what the service and `ready` have done may be within a batch */
    uint64_t now = fl_now_ns();
    if (!*is_ready && now >= deadline_ns) {
        error = -ETIMEDOUT;
    } else if (!*is_ready) {
        uint64_t sleep_ns = deadline_ns - now < FL_PEER_CHECK_NS ? deadline_ns - now : FL_PEER_CHECK_NS;
        struct timespec limit = {0, (long)sleep_ns};
        if (ppoll(context->polls, count, &limit, NULL) > 0)
            answer(context, context->polls);
    }
    atomic_store_explicit(&context->asleep, 0, memory_order_relaxed);
    return error;
}

static uint64_t looks_so_far(struct fl_context *context)
{
    pthread_mutex_lock(&context->turn);
    uint64_t looks = context->looks;
    pthread_mutex_unlock(&context->turn);
    return looks;
}

/* True: the caller is to sleep for all. False: another thread does, and has looked around since `looks`, or it is `until_ns`. */
static bool take_turn(struct fl_context *context, uint64_t looks, uint64_t until_ns)
{
    struct timespec until = {(time_t)(until_ns / 1000000000ull), (long)(until_ns % 1000000000ull)};
    int error = 0;
    pthread_mutex_lock(&context->turn);
    while (context->sleeper && context->looks == looks && error == 0)
        error = pthread_cond_timedwait(&context->looked, &context->turn, &until);
    bool mine = !context->sleeper;
    context->sleeper = true;
    pthread_mutex_unlock(&context->turn);
    return mine;
}

static void pause_core(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static uint64_t spin_ns(struct fl_context *context)
{
    uint64_t longest = 0;
    for (unsigned i = 0; i < context->lane_count; i++)
        longest = context->lanes[i]->info.spin_ns > longest ? context->lanes[i]->info.spin_ns : longest;
    for (unsigned i = 0; i < context->output_count; i++)
        for (unsigned l = 0; l < context->outputs[i]->lane_count; l++)
            if (context->outputs[i]->lanes[l]->info.spin_ns > longest)
                longest = context->outputs[i]->lanes[l]->info.spin_ns;
    return longest;
}

static bool is_ready_now(struct fl_context *context, bool (*ready)(void *arg), void *arg)
{
    fl_context_lock(context);
    fl_context_tend_locked(context);
    fl_context_unlock(context);
    return ready(arg);
}

/* Looks again for as long as a lane's `spin_ns` says. */
static bool spin(struct fl_context *context, bool (*ready)(void *arg), void *arg, uint64_t deadline_ns)
{
    uint64_t longest_ns = spin_ns(context);
    if (longest_ns == 0)
        return false;
    uint64_t now = fl_now_ns(), until_ns = deadline_ns - now < longest_ns ? deadline_ns : now + longest_ns;
    while (now < until_ns) {
        pause_core();
        if (is_ready_now(context, ready, arg))
            return true;
        now = fl_now_ns();
    }
    return false;
}

static int wait_asleep(struct fl_context *context, bool (*ready)(void *arg), void *arg, uint64_t deadline_ns)
{
    bool is_ready = false;
    int error = 0;
    while (!is_ready && error == 0) {
        uint64_t looks = looks_so_far(context); /* before the look, or a look of the sleeper's in between would be missed */
        fl_context_service(context);
        if (ready(arg))
            return 0;
        uint64_t now = fl_now_ns();
        if (now >= deadline_ns)
            return -ETIMEDOUT;
        look_before_waiting(context); /* also where another thread sleeps for this one */
        uint64_t look_ns = deadline_ns - now < FL_PEER_CHECK_NS ? deadline_ns : now + FL_PEER_CHECK_NS;
        if (take_turn(context, looks, look_ns)) {
            error = sleep_once(context, ready, arg, deadline_ns, &is_ready);
            tell_others(context, false);
        }
    }
    return error;
}

int fl_context_wait(struct fl_context *context, bool (*ready)(void *arg), void *arg, int64_t timeout_ns)
{
    if (is_ready_now(context, ready, arg))
        return 0;
    look_before_waiting(context);
    uint64_t deadline_ns = timeout_ns < 0 ? UINT64_MAX : fl_now_ns() + (uint64_t)timeout_ns;
    if (spin(context, ready, arg, deadline_ns))
        return 0;
    return wait_asleep(context, ready, arg, deadline_ns);
}
