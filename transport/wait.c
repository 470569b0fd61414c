/* Waiting: spin, then sleep until a bell rings. One thread of a process sleeps for all that wait; the others wait for it. */
#include "internal.h"

#include <errno.h>

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

/* The caller has the turn and the lock, which is let go. True: the wish is met. */
static bool sleep_once_and_unlock(struct fl_context *context, const struct fl_wish *wish)
{
    count_look(context); /* before the fence in arm; who looks again because of it waits for the lock, and finds it done */
    struct fl_sleep *sleep = fl_sleep_arm(context);
    fl_context_service_locked(context);
    fl_sleep_gather(context, sleep);
    struct fl_output_lane *detached = fl_context_exhume(context); /* who has the turn is the only one that could sleep on them */
    bool is_met = ask_and_unlock(context, wish);
    fl_output_lanes_destroy(detached);
    wake_others(context); /* what comes from now on wakes this thread */
    if (is_met) {
        atomic_store_explicit(&context->asleep, FL_AWAKE, memory_order_relaxed);
        return true;
    }
    if (!fl_sleep_until(context, sleep, wish->deadline_ns))
        return false;
    fl_context_lock(context);
    fl_sleep_judge(sleep); /* others read the statistics */
    fl_context_tend_locked(context);
    return ask_and_unlock(context, wish);
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

static bool is_over(const struct fl_wish *wish)
{
    return wish->deadline_ns != UINT64_MAX && fl_now_ns() >= wish->deadline_ns;
}

/* As `look`, for a question that is asked under the lock: what it found missing is slept for under the same lock, unless a bell is
 * to be rung first or another thread sleeps already. */
static bool look_and_sleep(struct fl_context *context, const struct fl_wish *wish, bool *slept)
{
    fl_context_lock(context);
    fl_context_tend_locked(context);
    bool is_met = wish->is_met(wish->arg);
    if (!is_met)
        fl_context_flush_locked(context);
    *slept = !is_met && context->bell_count == 0 && !is_over(wish) && try_turn(context);
    if (!*slept) {
        fl_context_unlock(context);
        return is_met;
    }
    is_met = sleep_once_and_unlock(context, wish);
    give_turn_up(context);
    return is_met;
}

static int wait_for(struct fl_context *context, const struct fl_wish *wish)
{
    bool has_spun = context->spin_ns == 0, slept = false;
    for (;;) {
        unsigned looks = atomic_load(&context->looks); /* before the look, or a look of the sleeper's in between would be missed */
        if (has_spun && !wish->is_callers ? look_and_sleep(context, wish, &slept) : look(context, wish))
            return 0;
        if (slept)
            continue;
        if (is_over(wish))
            return -ETIMEDOUT;
        if (!has_spun && spin(context, wish))
            return 0;
        has_spun = true;
        if (!take_turn(context, looks, wish->deadline_ns))
            continue;
        fl_context_lock(context);
        bool is_met = sleep_once_and_unlock(context, wish);
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
