#include "source.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "history.h"

struct fl_view_source {
    const struct fl_view_source_calls *calls;
    void *arg;
    pthread_mutex_t lock; /* guards all below; never held while pixels are copied */
    void (*wake)(void *arg);
    void *wake_arg;
    struct fl_view_frame *waiting[FL_VIEW_WAITING]; /* oldest first */
    unsigned waiting_count;
    uint64_t first; /* serial number of the oldest that waits */
    struct fl_history history;
    struct fl_view_counts counts;
};

struct fl_view_source *fl_view_source_create(const struct fl_view_source_calls *calls, void *arg)
{
    struct fl_view_source *source = calloc(1, sizeof *source);
    if (!source)
        return NULL;
    source->calls = calls;
    source->arg = arg;
    pthread_mutex_init(&source->lock, NULL);
    return source;
}

void fl_view_source_destroy(struct fl_view_source *source)
{
    if (!source)
        return;
    fl_view_source_clear(source);
    pthread_mutex_destroy(&source->lock);
    free(source);
}

/* ---- the front end's side ---- */

/* Under the lock, so that nobody is called any more once fl_view_source_set_wake has taken the call away. */
static void wake_locked(struct fl_view_source *source)
{
    if (source->wake)
        source->wake(source->wake_arg);
}

static void drop_waiting(struct fl_view_source *source)
{
    fl_view_frame_unref(source->waiting[0]);
    source->waiting_count--;
    source->first++;
    memmove(source->waiting, source->waiting + 1, source->waiting_count * sizeof *source->waiting);
}

/* With a reference: the frame itself, or a copy of what lies in a slot, which is counted. NULL: no memory. */
static struct fl_view_frame *make_private(struct fl_view_source *source, struct fl_view_frame *frame)
{
    struct fl_view_frame *copy = NULL;
    if (!frame->held)
        return fl_view_frame_ref(frame);
    if (fl_view_frame_copy(frame, &copy) == 0)
        fl_view_source_copied(source, copy->bytes);
    return copy;
}

/* The copy is made without the lock: the window goes on meanwhile. */
void fl_view_source_remember(struct fl_view_source *source, struct fl_view_frame *frame)
{
    pthread_mutex_lock(&source->lock);
    bool wanted = fl_history_has_room(&source->history) && !fl_history_find(&source->history, frame, 0);
    pthread_mutex_unlock(&source->lock);
    struct fl_view_frame *copy = wanted ? make_private(source, frame) : NULL;
    if (!copy)
        return;
    pthread_mutex_lock(&source->lock);
    fl_history_add(&source->history, copy);
    pthread_mutex_unlock(&source->lock);
}

void fl_view_source_offer(struct fl_view_source *source, struct fl_view_frame *frame)
{
    fl_view_source_remember(source, frame);
    pthread_mutex_lock(&source->lock);
    if (source->waiting_count == FL_VIEW_WAITING) {
        drop_waiting(source);
        source->counts.replaced++;
    }
    source->waiting[source->waiting_count++] = frame;
    source->counts.came++;
    source->counts.last_came_ns = frame->arrived_ns;
    source->counts.state = FL_VIEW_LIVE;
    wake_locked(source);
    pthread_mutex_unlock(&source->lock);
}

int fl_view_source_put(struct fl_view_source *source, struct fl_frame *from, uint64_t now_ns)
{
    struct fl_view_frame *frame = NULL;
    int error = fl_view_frame_wrap(from, now_ns, &frame);
    if (error < 0) {
        pthread_mutex_lock(&source->lock);
        source->counts.refused++;
        pthread_mutex_unlock(&source->lock);
        return error;
    }
    fl_view_source_offer(source, frame);
    return 0;
}

void fl_view_source_set_state(struct fl_view_source *source, enum fl_view_state state)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&source->lock);
    source->counts.state = state;
    if (state == FL_VIEW_LIVE) /* silence begins here, not with the last frame of before */
        source->counts.last_came_ns = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
    wake_locked(source);
    pthread_mutex_unlock(&source->lock);
}

void fl_view_source_clear(struct fl_view_source *source)
{
    pthread_mutex_lock(&source->lock);
    while (source->waiting_count > 0)
        drop_waiting(source);
    fl_history_clear(&source->history);
    pthread_mutex_unlock(&source->lock);
}

/* ---- the viewer's side ---- */

void fl_view_source_set_wake(struct fl_view_source *source, void (*call)(void *arg), void *arg)
{
    pthread_mutex_lock(&source->lock);
    source->wake = call;
    source->wake_arg = arg;
    pthread_mutex_unlock(&source->lock);
}

unsigned fl_view_source_waiting(struct fl_view_source *source, struct fl_present_frame frames[FL_VIEW_WAITING], uint64_t *first)
{
    pthread_mutex_lock(&source->lock);
    unsigned count = source->waiting_count;
    *first = source->first;
    for (unsigned i = 0; i < count; i++)
        frames[i] = (struct fl_present_frame){.pts_ns = fl_view_frame_pts_ns(source->waiting[i]),
                                              .duration_ns = fl_view_frame_duration_ns(source->waiting[i]),
                                              .arrived_ns = source->waiting[i]->arrived_ns};
    pthread_mutex_unlock(&source->lock);
    return count;
}

struct fl_view_frame *fl_view_source_take(struct fl_view_source *source, uint64_t serial)
{
    struct fl_view_frame *frame = NULL;
    pthread_mutex_lock(&source->lock);
    while (source->waiting_count > 0 && source->first < serial)
        drop_waiting(source);
    if (source->waiting_count > 0) {
        frame = fl_view_frame_ref(source->waiting[0]);
        drop_waiting(source);
    }
    pthread_mutex_unlock(&source->lock);
    return frame;
}

void fl_view_source_counts(struct fl_view_source *source, struct fl_view_counts *counts)
{
    pthread_mutex_lock(&source->lock);
    source->counts.recorded = source->history.count;
    source->counts.recorded_bytes = source->history.bytes;
    *counts = source->counts;
    pthread_mutex_unlock(&source->lock);
}

void fl_view_source_record(struct fl_view_source *source, unsigned frames, uint64_t bytes)
{
    pthread_mutex_lock(&source->lock);
    fl_history_limit(&source->history, frames, bytes);
    pthread_mutex_unlock(&source->lock);
}

void fl_view_source_hold(struct fl_view_source *source, bool held)
{
    pthread_mutex_lock(&source->lock);
    fl_history_hold(&source->history, held);
    pthread_mutex_unlock(&source->lock);
}

struct fl_view_frame *fl_view_source_keep(struct fl_view_source *source, struct fl_view_frame *frame)
{
    struct fl_view_frame *copy = fl_view_source_find(source, frame, 0);
    if (copy || !(copy = make_private(source, frame)))
        return copy;
    pthread_mutex_lock(&source->lock);
    fl_history_add(&source->history, fl_view_frame_ref(copy));
    pthread_mutex_unlock(&source->lock);
    return copy;
}

bool fl_view_source_recording(struct fl_view_source *source)
{
    pthread_mutex_lock(&source->lock);
    bool recording = source->history.most > 0;
    pthread_mutex_unlock(&source->lock);
    return recording;
}

struct fl_view_frame *fl_view_source_find(struct fl_view_source *source, const struct fl_view_frame *of, int step)
{
    pthread_mutex_lock(&source->lock);
    struct fl_view_frame *frame = fl_history_find(&source->history, of, step);
    if (frame)
        fl_view_frame_ref(frame);
    pthread_mutex_unlock(&source->lock);
    return frame;
}

/* One lock at a time: two viewers may compare the same two sources the other way round. */
bool fl_view_source_common(struct fl_view_source *a, struct fl_view_source *b, struct fl_view_frame **of_a,
                           struct fl_view_frame **of_b)
{
    pthread_mutex_lock(&a->lock);
    struct fl_view_frame *frame = a->history.count ? fl_view_frame_ref(a->history.frames[a->history.count - 1]) : NULL;
    pthread_mutex_unlock(&a->lock);
    while (frame) {
        *of_b = fl_view_source_find(b, frame, 0);
        if (*of_b)
            break;
        struct fl_view_frame *before = fl_view_source_find(a, frame, -1);
        fl_view_frame_unref(frame);
        frame = before;
    }
    *of_a = frame;
    return frame != NULL;
}

/* ---- what the front end answers ---- */

void fl_view_source_status(struct fl_view_source *source, struct fl_view_status *status)
{
    memset(status, 0, sizeof *status);
    if (source->calls->status)
        source->calls->status(source->arg, status);
}

int fl_view_source_walk(struct fl_view_source *source, int direction, char *words, size_t size)
{
    if (source->calls->walk)
        return source->calls->walk(source->arg, direction, words, size);
    snprintf(words, size, "this window stays with its stage: 'framelane view' walks the graph");
    return -ENOTSUP;
}

int fl_view_source_second(struct fl_view_source *source, struct fl_view_source **other, char *words, size_t size)
{
    if (source->calls->second)
        return source->calls->second(source->arg, other, words, size);
    snprintf(words, size, "this window has one stage only: 'framelane view' compares two");
    return -ENOTSUP;
}

void fl_view_source_single(struct fl_view_source *source)
{
    if (source->calls->single)
        source->calls->single(source->arg);
}

void fl_view_source_copied(struct fl_view_source *source, uint64_t bytes)
{
    if (source->calls->copied)
        source->calls->copied(source->arg, bytes);
}
