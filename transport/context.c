#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

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
    fl_now_ns(); /* the clock's pages are faulted in here and not when a busy process asks it for the first time */
    c->kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (c->kick_fd < 0) {
        int error = -errno;
        free(c);
        return error;
    }
    c->by_fd_only = !fl_sleep_knows_words();
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
    fl_output_lanes_destroy(context->detached);
    for (unsigned i = 0; i < context->lane_count; i++)
        fl_lane_destroy(context->lanes[i]);
    context->lane_count = 0;
    while (context->pool_count > 0)
        fl_pool_destroy(context->pools[0]);
    fl_recorders_finish(context);
    close(context->kick_fd);
    pthread_mutex_destroy(&context->lock);
    pthread_mutex_destroy(&context->turn);
    pthread_cond_destroy(&context->looked);
    free(context->outputs);
    free(context->lanes);
    free(context->bells);
    fl_sleep_free(context->sleep);
    free(context);
}

unsigned fl_context_ends(const struct fl_context *context)
{
    unsigned count = context->lane_count;
    for (unsigned i = 0; i < context->output_count; i++)
        count += context->outputs[i]->lane_count;
    return count;
}

int fl_context_reserve(struct fl_context *context)
{
    unsigned ends = fl_context_ends(context);
    if (ends > context->bell_capacity) {
        struct fl_bell *bells = realloc(context->bells, 2 * ends * sizeof *bells);
        if (!bells)
            return -ENOMEM;
        context->bells = bells;
        context->bell_capacity = 2 * ends;
    }
    return fl_sleep_reserve(context, ends);
}

void fl_context_suit(struct fl_context *context, const struct fl_lane_info *info)
{
    if (info->transport == FL_TRANSPORT_SHM && fl_lane_batch(info) > 1)
        context->batches = true;
    context->spin_ns = info->spin_ns > context->spin_ns ? info->spin_ns : context->spin_ns;
}

void fl_context_flush_locked(struct fl_context *context)
{
    if (!context->batches)
        return;
    fl_lanes_look(context, true);
    for (unsigned i = 0; i < context->output_count; i++)
        fl_output_look(context->outputs[i], true);
}

/* Who finds nobody asleep has been counted before whoever is about to sleep compares the count. */
void fl_context_kick(struct fl_context *context)
{
    atomic_fetch_add(&context->kicks, 1);
    unsigned asleep = atomic_load(&context->asleep);
    if (asleep == FL_ASLEEP_BY_WORD)
        fl_bell_ring_word(&context->kicks, true);
    else if (asleep == FL_ASLEEP_BY_FD)
        fl_ring(context->kick_fd);
}

void fl_context_lock(struct fl_context *context)
{
    pthread_mutex_lock(&context->lock);
}

static void ring(struct fl_bell bell)
{
    if (bell.word)
        fl_bell_ring_word(bell.word, false);
    else
        fl_ring(bell.fd);
}

void fl_context_note_bell(struct fl_context *context, struct fl_bell bell)
{
    if (context->bell_count < context->bell_capacity)
        context->bells[context->bell_count++] = bell; /* about one a lane between two unlocks, and there is room for each */
    else
        ring(bell); /* a peer that raises `armed` all the time: it must not cost another lane its bell */
}

/* Takes the lock's place: rings outside it, some at a time. What is noted meanwhile is rung by who notes it. */
static void unlock_and_ring(struct fl_context *context)
{
    struct fl_bell bells[32];
    bool all;
    do {
        unsigned count = 0;
        while (context->bell_count > 0 && count < sizeof bells / sizeof *bells)
            bells[count++] = context->bells[--context->bell_count];
        all = context->bell_count == 0;
        atomic_fetch_add_explicit(&context->ringing, 1, memory_order_relaxed); /* ordered by the lock */
        pthread_mutex_unlock(&context->lock);
        for (unsigned i = 0; i < count; i++)
            ring(bells[i]);
        atomic_fetch_sub_explicit(&context->ringing, 1, memory_order_release);
        if (!all)
            pthread_mutex_lock(&context->lock);
    } while (!all);
}

/* Its bell may be rung or slept on by other threads: it is only out of their way for what comes. Bells that are noted outlive the
 * lock only in the hands of a thread that rings. */
void fl_context_bury(struct fl_context *context, struct fl_output_lane *lane)
{
    lane->next_detached = context->detached;
    context->detached = lane;
}

struct fl_output_lane *fl_context_exhume(struct fl_context *context)
{
    bool rings = atomic_load_explicit(&context->ringing, memory_order_acquire) > 0; /* who rang has done with its bells */
    struct fl_output_lane *lanes = rings ? NULL : context->detached;
    if (lanes)
        context->detached = NULL;
    return lanes;
}

void fl_context_unlock(struct fl_context *context)
{
    if (context->bell_count > 0)
        unlock_and_ring(context);
    else
        pthread_mutex_unlock(&context->lock);
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
    for (unsigned i = 0; context->reads_pipes && i < context->lane_count; i++)
        if (context->lanes[i]->pipe && !context->lanes[i]->left)
            fl_pipe_reader_progress(context->lanes[i]); /* a pipe is polled until a frame is in, whatever the owner waits for */
}

void fl_context_tend_locked(struct fl_context *context)
{
    tend_pipes(context);
    for (unsigned i = 0; i < context->output_count; i++)
        if (context->outputs[i]->restless || context->outputs[i]->forwards)
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
