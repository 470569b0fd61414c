/* Waiting: spin, then sleep until a bell rings. One thread of a process sleeps for all that wait; the others wait for it. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

#define FUTILE_RINGS_A_SECOND 1000 /* a bell that rings more often without movement is left to the timer */
#define FORGIVEN              8    /* of them, for each ring with movement: in honesty there is one, of what was taken before it */

/* What one sleep polls, and whose bell each is: a lane that is attached meanwhile stands in the next. */
struct fl_sleep {
    struct fl_sleep *older; /* outgrown; kept, for a thread may be asleep in it */
    unsigned capacity;
    struct pollfd *polls;
    struct fl_bell_watch **watches; /* NULL: the private bell */
};

int fl_sleep_reserve(struct fl_context *context, unsigned ends)
{
    if (context->sleep && ends + 1 <= context->sleep->capacity)
        return 0;
    unsigned capacity = 2 * (ends + 1);
    struct fl_sleep *sleep = calloc(1, sizeof *sleep);
    if (sleep) {
        sleep->polls = calloc(capacity, sizeof *sleep->polls);
        sleep->watches = calloc(capacity, sizeof *sleep->watches);
    }
    if (!sleep || !sleep->polls || !sleep->watches) {
        fl_sleep_free(sleep);
        return -ENOMEM;
    }
    sleep->capacity = capacity;
    sleep->older = context->sleep;
    context->sleep = sleep;
    return 0;
}

void fl_sleep_free(struct fl_sleep *sleep)
{
    while (sleep) {
        struct fl_sleep *older = sleep->older;
        free(sleep->polls);
        free(sleep->watches);
        free(sleep);
        sleep = older;
    }
}

/* ---- wishes ---- */

/* What somebody waits for: a question of the library's, asked under the lock, or one of the caller's, asked without it. */
struct fl_wish {
    bool (*is_met)(void *arg);
    void *arg;
    bool is_callers;
    uint64_t deadline_ns;
};

/* The lock is held, and let go. What a batch still keeps back is shown before this side waits, or both sides could wait for each
 * other: also what the question itself has done, and where another thread sleeps for this one. */
static bool ask_and_unlock(struct fl_context *context, const struct fl_wish *wish)
{
    bool is_met = !wish->is_callers && wish->is_met(wish->arg);
    if (wish->is_callers) {
        fl_context_unlock(context);
        is_met = wish->is_met(wish->arg);
        if (is_met || !context->batches)
            return is_met;
        fl_context_lock(context);
    }
    if (!is_met)
        fl_context_flush_locked(context);
    fl_context_unlock(context);
    return is_met;
}

static bool look(struct fl_context *context, const struct fl_wish *wish)
{
    fl_context_lock(context);
    fl_context_tend_locked(context);
    return ask_and_unlock(context, wish);
}

/* ---- bells ---- */

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

static void add(struct fl_sleep *sleep, unsigned *count, int fd, short events, struct fl_bell_watch *watch)
{
    if (fd < 0)
        return;
    sleep->polls[*count] = (struct pollfd){fd, events, 0};
    sleep->watches[(*count)++] = watch;
}

static void add_output(struct fl_sleep *sleep, unsigned *count, struct fl_output *output)
{
    for (unsigned i = 0; i < output->lane_count; i++) {
        struct fl_output_lane *lane = output->lanes[i];
        if (!lane->pipe)
            add(sleep, count, lane->bell_watch.muted || lane->fault ? -1 : lane->fds.bell_in, POLLIN, &lane->bell_watch);
        else if (!fl_pipe_writer_idle(lane->pipe) && !lane->stopped)
            add(sleep, count, lane->fds.announce, POLLOUT, &lane->bell_watch);
    }
}

static unsigned gather(struct fl_context *context, struct fl_sleep *sleep)
{
    unsigned count = 0;
    add(sleep, &count, context->kick_fd, POLLIN, NULL);
    for (unsigned i = 0; i < context->lane_count; i++) {
        struct fl_lane *lane = context->lanes[i];
        if (!lane->pipe)
            add(sleep, &count, lane->bell_watch.muted || lane->fault ? -1 : lane->fds.bell_in, POLLIN, &lane->bell_watch);
        else if (fl_pipe_reader_wants(lane))
            add(sleep, &count, lane->fds.announce, POLLIN, &lane->bell_watch);
    }
    for (unsigned i = 0; i < context->output_count; i++)
        add_output(sleep, &count, context->outputs[i]);
    return count;
}

/* What the other end has done so far. Only compared: any change is movement. */
static uint64_t movement(const struct fl_bell_watch *watch)
{
    if (watch->rx)
        return fl_load(&watch->rx->theirs->head, FL_RELAXED) + fl_load(&watch->rx->theirs->closed, FL_RELAXED) +
               fl_load(&watch->rx->theirs->through_seq, FL_RELAXED);
    return fl_load(&watch->tx->theirs->returned, FL_RELAXED) + fl_load(&watch->tx->theirs->gone, FL_RELAXED);
}

/* Who has taken something since the bell rang last need not look at the peer's lines, which would come from another core. */
static bool has_moved(struct fl_bell_watch *watch)
{
    uint64_t taken = watch->rx ? watch->rx->tail : watch->tx->returned;
    if (taken != watch->taken) {
        watch->taken = taken;
        return true;
    }
    uint64_t moved = movement(watch);
    if (moved == watch->seen)
        return false;
    watch->seen = moved;
    return true;
}

/* A bell that rings without anything having moved, or with so little that it makes no odds, costs its owner's peer CPU and nobody
 * else: it is left to the timer. */
static void judge_bell(struct fl_bell_watch *watch)
{
    if (has_moved(watch)) {
        watch->futile -= watch->futile < FORGIVEN ? watch->futile : FORGIVEN;
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

/* Every bell that rang is read; pipes are read by their lanes. */
static bool answer(struct fl_context *context, struct fl_sleep *sleep, unsigned count, const struct fl_wish *wish)
{
    for (unsigned i = 0; i < count; i++)
        if (sleep->polls[i].revents && (!sleep->watches[i] || sleep->watches[i]->rx || sleep->watches[i]->tx))
            fl_bell_drain(sleep->polls[i].fd);
    fl_context_lock(context); /* others read the statistics */
    for (unsigned i = 0; i < count; i++) {
        struct fl_bell_watch *watch = sleep->watches[i];
        if (!sleep->polls[i].revents || !watch)
            continue;
        (*watch->wakeups)++;
        if (watch->rx || watch->tx)
            judge_bell(watch);
    }
    fl_context_tend_locked(context);
    return ask_and_unlock(context, wish);
}

/* ---- one sleeps for all ---- */

static bool try_turn(struct fl_context *context)
{
    unsigned nobody = 0;
    return atomic_compare_exchange_strong(&context->sleeper, &nobody, 1);
}

static void wake_others(struct fl_context *context)
{
    if (atomic_load_explicit(&context->waiting, memory_order_relaxed) == 0)
        return;
    pthread_mutex_lock(&context->turn);
    pthread_cond_broadcast(&context->looked);
    pthread_mutex_unlock(&context->turn);
}

/* Those who wait raise `waiting` before they look at `sleeper` and `looks`; who has the turn changes these, and after a fence looks
 * at `waiting`. Only who has the turn changes `looks`. */
static void count_look(struct fl_context *context)
{
    unsigned looks = atomic_load_explicit(&context->looks, memory_order_relaxed);
    atomic_store_explicit(&context->looks, looks + 1, memory_order_release);
}

static void give_turn_up(struct fl_context *context)
{
    count_look(context); /* while it is still this thread's to change */
    atomic_store_explicit(&context->sleeper, 0, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    wake_others(context);
}

void fl_sleep_let_go(struct fl_context *context)
{
    if (!try_turn(context)) {
        fl_context_kick(context); /* it lets go of them before it sleeps again */
        return;
    }
    fl_context_lock(context);
    struct fl_output_lane *detached = fl_context_exhume(context);
    fl_context_unlock(context);
    fl_output_lanes_destroy(detached);
    give_turn_up(context);
}

static uint64_t next_look_ns(uint64_t deadline_ns)
{
    uint64_t look_ns = fl_now_ns() + FL_PEER_CHECK_NS;
    return deadline_ns < look_ns ? deadline_ns : look_ns; /* it may be over: who has spun until then comes here as well */
}

/* True: the caller is to sleep for all. False: another thread does, and has looked around since `looks`, or it is time. */
static bool take_turn(struct fl_context *context, unsigned looks, uint64_t deadline_ns)
{
    if (try_turn(context))
        return true;
    uint64_t until_ns = next_look_ns(deadline_ns);
    struct timespec until = {(time_t)(until_ns / 1000000000ull), (long)(until_ns % 1000000000ull)};
    bool mine = false;
    int error = 0;
    pthread_mutex_lock(&context->turn);
    atomic_fetch_add(&context->waiting, 1);
    while (!(mine = try_turn(context)) && atomic_load(&context->looks) == looks && error == 0)
        error = pthread_cond_timedwait(&context->looked, &context->turn, &until);
    atomic_fetch_sub(&context->waiting, 1);
    pthread_mutex_unlock(&context->turn);
    return mine;
}

static struct timespec how_long(uint64_t deadline_ns)
{
    uint64_t limit_ns = FL_PEER_CHECK_NS;
    if (deadline_ns != UINT64_MAX) {
        uint64_t now = fl_now_ns(), left_ns = deadline_ns > now ? deadline_ns - now : 0;
        limit_ns = left_ns < limit_ns ? left_ns : limit_ns;
    }
    return (struct timespec){0, (long)limit_ns};
}

/* The caller has the turn. True: the wish is met. */
static bool sleep_once(struct fl_context *context, const struct fl_wish *wish)
{
    atomic_store_explicit(&context->asleep, 1, memory_order_relaxed); /* before the fence in arm, the look at `released` after it */
    fl_context_lock(context);
    count_look(context); /* before the fence in arm; who looks again because of it waits for the lock, and finds it done */
    arm(context);
    fl_context_service_locked(context);
    struct fl_sleep *sleep = context->sleep;
    unsigned count = gather(context, sleep);
    struct fl_output_lane *detached = fl_context_exhume(context); /* who has the turn is the only one that could sleep on them */
    bool is_met = ask_and_unlock(context, wish);
    fl_output_lanes_destroy(detached);
    wake_others(context); /* what comes from now on wakes this thread */
    int rang = 0;
    if (!is_met) {
        struct timespec limit = how_long(wish->deadline_ns);
        rang = ppoll(sleep->polls, count, &limit, NULL);
    }
    atomic_store_explicit(&context->asleep, 0, memory_order_relaxed);
    return rang > 0 ? answer(context, sleep, count, wish) : is_met;
}

/* ---- wait ---- */

static void pause_core(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Looks again for as long as a lane's `spin_ns` says. */
static bool spin(struct fl_context *context, const struct fl_wish *wish)
{
    uint64_t now = fl_now_ns(), until_ns = now + context->spin_ns;
    if (wish->deadline_ns < until_ns)
        until_ns = wish->deadline_ns;
    for (; now < until_ns; now = fl_now_ns()) {
        pause_core();
        if (look(context, wish))
            return true;
    }
    return false;
}

static int wait_for(struct fl_context *context, const struct fl_wish *wish)
{
    bool has_spun = context->spin_ns == 0;
    for (;;) {
        unsigned looks = atomic_load(&context->looks); /* before the look, or a look of the sleeper's in between would be missed */
        if (look(context, wish))
            return 0;
        if (wish->deadline_ns != UINT64_MAX && fl_now_ns() >= wish->deadline_ns)
            return -ETIMEDOUT;
        if (!has_spun && spin(context, wish))
            return 0;
        has_spun = true;
        if (!take_turn(context, looks, wish->deadline_ns))
            continue;
        bool is_met = sleep_once(context, wish);
        give_turn_up(context);
        if (is_met)
            return 0;
    }
}

static uint64_t deadline_of(int64_t timeout_ns)
{
    return timeout_ns < 0 ? UINT64_MAX : fl_now_ns() + (uint64_t)timeout_ns;
}

int fl_context_wait(struct fl_context *context, bool (*ready)(void *arg), void *arg, int64_t timeout_ns)
{
    return wait_for(context, &(struct fl_wish){ready, arg, .is_callers = true, .deadline_ns = deadline_of(timeout_ns)});
}

int fl_context_wait_locked(struct fl_context *context, bool (*is_met)(void *arg), void *arg, int64_t timeout_ns)
{
    return wait_for(context, &(struct fl_wish){is_met, arg, .deadline_ns = deadline_of(timeout_ns)});
}
