#include "outside.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "control-client.h"
#include "onlooker.h"
#include "route.h"

#define SEARCH_MS  250   /* between two looks for a run */
#define START_MS   10000 /* for a run that is there to have started */
#define LOOK_MS    4     /* while a frame is expected */
#define CALM_MS    20    /* ... and none has come for SILENT_NS */
#define SILENT_NS  1000000000ll
#define BRIEF_NS   8000000 /* frames that come faster than this are more than a screen shows, */
#define SCREEN_MS  16      /* which are then looked at this often */
#define LONGEST_MS 40      /* rest after a frame, however slow the source */

struct fl_outside {
    struct fl_view_source *source;
    char *run, *against;
    struct fl_outside *second; /* for a difference; the window's thread alone */
    pthread_t thread;
    bool thread_runs;
    int wake; /* eventfd: `over` or `moved` has been set */

    pthread_mutex_t lock;
    pthread_cond_t came; /* the first frame */
    /* lock */
    bool over, moved;
    char *stage;  /* asked for; NULL: whichever is the first */
    char *giver;  /* whose output that is; NULL: not attached to it yet */
    char *before; /* the stage one came from; NULL */
    char *trouble;
    FlShown *graph; /* the run when it was reached last; NULL: never yet */
    struct fl_onlooker_counts counts;
    bool has_first;
    struct fl_desc first;

    /* the thread */
    struct fl_onlooker *at; /* NULL: not attached */
    uint64_t last_ns, last_count,
        frame_ns; /* when the last frame came, the how many-eth it was, and the time from one to the next */
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static void replace(char **text, const char *by)
{
    char *copy = g_strdup(by);
    g_free(*text);
    *text = copy;
}

/* ---- what the viewer asks ---- */

static void status(void *arg, struct fl_view_status *status)
{
    struct fl_outside *o = arg;
    pthread_mutex_lock(&o->lock);
    snprintf(status->name, sizeof status->name, "%s/%s", o->run, o->stage ? o->stage : "?");
    if (o->giver && strcmp(o->giver, o->stage) != 0)
        snprintf(status->from, sizeof status->from, "%s", o->giver);
    if (o->trouble)
        snprintf(status->trouble, sizeof status->trouble, "%s", o->trouble);
    status->policy = "peek";
    status->read = o->counts.copied;
    status->lost = o->counts.lost;
    status->skipped = o->counts.passed;
    pthread_mutex_unlock(&o->lock);
}

static int step_locked(struct fl_outside *o, int direction, char *words, size_t size)
{
    const char *way = direction < 0 ? "above" : "below";
    if (!o->graph) {
        snprintf(words, size, "there is no run '%s' yet: no way leads on", o->run);
        return -EAGAIN;
    }
    struct fl_route_step step = fl_route_step(o->graph, o->stage, o->before, direction);
    if (!step.to) {
        snprintf(words, size, "nothing is %s %s", way, o->stage);
        return -ENOENT;
    }
    snprintf(words, size, "%s/%s, %u of %u %s %s", o->run, step.to, step.place, step.count, way, o->stage);
    g_free(o->before);
    o->before = o->stage;
    o->stage = g_strdup(step.to);
    g_clear_pointer(&o->giver, g_free);
    return 0;
}

/* What is under way of the stage before is turned away from here on (offer). */
static int walk(void *arg, int direction, char *words, size_t size)
{
    struct fl_outside *o = arg;
    pthread_mutex_lock(&o->lock);
    int error = step_locked(o, direction, words, size);
    if (error == 0) {
        o->moved = true;
        fl_view_source_clear(o->source);
    }
    pthread_mutex_unlock(&o->lock);
    eventfd_write(o->wake, 1);
    return error;
}

/* To g_free; NULL: there is none. */
static char *choose_other(struct fl_outside *o)
{
    pthread_mutex_lock(&o->lock);
    const char *giver = o->giver ? o->giver : o->stage, *other = o->graph ? o->against : NULL;
    if (o->graph && (!other || strcmp(other, giver) == 0 || strcmp(other, o->stage) == 0))
        other = fl_route_other(o->graph, giver);
    char *name = g_strdup(other);
    pthread_mutex_unlock(&o->lock);
    return name;
}

static void single(void *arg)
{
    struct fl_outside *o = arg;
    fl_outside_destroy(o->second);
    o->second = NULL;
}

static int second(void *arg, struct fl_view_source **other, char *words, size_t size)
{
    struct fl_outside *o = arg;
    g_autofree char *name = choose_other(o);
    single(o);
    if (!name) {
        snprintf(words, size, "there is no other stage to compare with");
        return -ENOENT;
    }
    struct fl_outside_options options = {.run = o->run, .stage = name};
    int error = fl_outside_create(&options, &o->second, words, size);
    if (error == 0)
        *other = o->second->source;
    return error;
}

static const struct fl_view_source_calls calls = {.status = status, .walk = walk, .second = second, .single = single};

/* ---- the thread: waiting ---- */

static bool is_called_off(struct fl_outside *o)
{
    pthread_mutex_lock(&o->lock);
    bool off = o->over || o->moved;
    pthread_mutex_unlock(&o->lock);
    return off;
}

static void pause_for(struct fl_outside *o, int ms, int news)
{
    struct pollfd fds[2] = {{o->wake, POLLIN, 0}, {news, POLLIN, 0}};
    eventfd_t count;
    if (poll(fds, 2, ms) > 0 && fds[0].revents)
        eventfd_read(o->wake, &count);
}

static void note_trouble(struct fl_outside *o, const char *trouble)
{
    pthread_mutex_lock(&o->lock);
    replace(&o->trouble, trouble);
    pthread_mutex_unlock(&o->lock);
}

/* Milliseconds to the next look, after one that found a frame. */
static int rest_after_frame(struct fl_outside *o, uint64_t now)
{
    uint64_t count = o->counts.copied + o->counts.passed;
    if (o->last_ns && count > o->last_count) {
        uint64_t took = (now - o->last_ns) / (count - o->last_count);
        o->frame_ns = o->frame_ns ? (3 * o->frame_ns + took) / 4 : took;
    }
    o->last_ns = now;
    o->last_count = count;
    if (o->frame_ns == 0)
        return LOOK_MS;
    return o->frame_ns < BRIEF_NS ? SCREEN_MS : (int)CLAMP(o->frame_ns * 3 / 4000000, LOOK_MS, LONGEST_MS);
}

static int rest_after(struct fl_outside *o, int error, uint64_t now)
{
    if (error == 0)
        return rest_after_frame(o, now);
    if (error == -ESTALE)
        return 0;
    return now > o->last_ns + SILENT_NS ? CALM_MS : LOOK_MS;
}

/* ---- the thread: looking on ---- */

static void offer(struct fl_outside *o, struct fl_view_frame *frame)
{
    pthread_mutex_lock(&o->lock);
    fl_onlooker_get_counts(o->at, &o->counts);
    if (o->moved || o->over) {
        fl_view_frame_unref(frame);
    } else {
        if (!o->has_first)
            o->first = frame->desc;
        o->has_first = true;
        pthread_cond_broadcast(&o->came);
        fl_view_source_offer(o->source, frame);
    }
    pthread_mutex_unlock(&o->lock);
}

static void look_on(struct fl_outside *o)
{
    int error = 0;
    while (error != -ENODATA && error != -EPIPE && !is_called_off(o)) {
        struct fl_view_frame *frame = NULL;
        uint64_t now = now_ns();
        error = fl_onlooker_look(o->at, now, &frame);
        if (error == 0)
            offer(o, frame);
        else if (error == -ENOTSUP || error == -EBADMSG)
            note_trouble(o, "its pictures are in a format that cannot be shown");
        if (error != -ENODATA && error != -EPIPE)
            pause_for(o, rest_after(o, error, now), fl_onlooker_fd(o->at));
    }
    if (error == -EPIPE)
        note_trouble(o, fl_onlooker_trouble(o->at));
    if (error == -ENODATA || error == -EPIPE)
        fl_view_source_set_state(o->source, error == -ENODATA ? FL_VIEW_ENDED : FL_VIEW_LOST);
}

/* The stage may be another already: then one does not stay. */
static void settle(struct fl_outside *o, struct fl_onlooker *at)
{
    o->at = at;
    pthread_mutex_lock(&o->lock);
    if (!o->moved) {
        replace(&o->stage, fl_onlooker_stage(at));
        replace(&o->giver, fl_onlooker_giver(at));
    }
    fl_shown_free(o->graph);
    o->graph = fl_onlooker_take_shown(at);
    replace(&o->trouble, NULL);
    memset(&o->counts, 0, sizeof o->counts);
    pthread_mutex_unlock(&o->lock);
    o->last_ns = o->last_count = o->frame_ns = 0;
}

static void leave(struct fl_outside *o)
{
    fl_onlooker_destroy(o->at);
    o->at = NULL;
}

/* ---- the thread: finding the run ---- */

/* 0: attached; -EAGAIN: the run is about to start; another: not now. */
static int try_to_reach(struct fl_outside *o, const char *stage)
{
    g_autofree char *why = NULL;
    struct fl_onlooker *at;
    struct fl_view_counts counts;
    if (!fl_remote_is_there(o->run))
        return -ENOENT;
    int error = fl_onlooker_attach(o->run, stage, &at, &why);
    if (error == 0) { /* numbers may begin anew: nothing of before belongs to what comes now */
        fl_view_source_clear(o->source);
        settle(o, at);
        fl_view_source_set_state(o->source, FL_VIEW_LIVE);
        return 0;
    }
    fl_view_source_counts(o->source, &counts);
    if (error != -EAGAIN && counts.state == FL_VIEW_LIVE)
        fl_view_source_set_state(o->source, FL_VIEW_LOST);
    note_trouble(o, why);
    return error;
}

static void reach(struct fl_outside *o)
{
    pthread_mutex_lock(&o->lock);
    o->moved = false;
    g_autofree char *stage = g_strdup(o->stage);
    pthread_mutex_unlock(&o->lock);
    int error;
    while (!is_called_off(o) && (error = try_to_reach(o, stage)) < 0)
        pause_for(o, error == -EAGAIN ? LOOK_MS : SEARCH_MS, -1);
}

static void *watch(void *arg)
{
    struct fl_outside *o = arg;
    bool over = false;
    sigset_t signals;
    sigfillset(&signals); /* they are the program's */
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    while (!over) {
        if (o->at)
            look_on(o);
        leave(o);
        reach(o);
        pthread_mutex_lock(&o->lock);
        over = o->over;
        pthread_mutex_unlock(&o->lock);
    }
    return NULL;
}

/* ---- life ---- */

static void set_up(struct fl_outside *o, const struct fl_outside_options *options)
{
    pthread_condattr_t clock;
    o->run = g_strdup(options->run);
    o->stage = g_strdup(options->stage);
    o->against = g_strdup(options->against);
    pthread_mutex_init(&o->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&o->came, &clock);
    pthread_condattr_destroy(&clock);
    o->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    o->source = fl_view_source_create(&calls, o);
}

static int begin(struct fl_outside *o, bool wait, char *words, size_t size)
{
    g_autofree char *why = NULL;
    struct fl_onlooker *at;
    int error = fl_onlooker_attach_patiently(o->run, o->stage, START_MS, &at, &why);
    if (error == 0)
        settle(o, at);
    else if (wait)
        fl_view_source_set_state(o->source, FL_VIEW_LOST);
    else
        snprintf(words, size, "%s", why);
    return wait ? 0 : error;
}

int fl_outside_create(const struct fl_outside_options *options, struct fl_outside **out, char *words, size_t size)
{
    struct fl_outside *o = g_new0(struct fl_outside, 1);
    set_up(o, options);
    int error = o->wake < 0 || !o->source ? -ENOMEM : begin(o, options->wait, words, size);
    if (error == 0 && (error = -pthread_create(&o->thread, NULL, watch, o)) == 0)
        o->thread_runs = true;
    if (error < 0) {
        if (!*words)
            snprintf(words, size, "%s", strerror(-error));
        fl_outside_destroy(o);
        return error;
    }
    *out = o;
    return 0;
}

void fl_outside_destroy(struct fl_outside *o)
{
    if (!o)
        return;
    pthread_mutex_lock(&o->lock);
    o->over = true;
    pthread_mutex_unlock(&o->lock);
    eventfd_write(o->wake, 1);
    if (o->thread_runs)
        pthread_join(o->thread, NULL);
    single(o);
    fl_onlooker_destroy(o->at);
    fl_view_source_destroy(o->source);
    if (o->wake >= 0)
        close(o->wake);
    pthread_cond_destroy(&o->came);
    pthread_mutex_destroy(&o->lock);
    g_free(o->run);
    g_free(o->stage);
    g_free(o->giver);
    g_free(o->before);
    fl_shown_free(o->graph);
    g_free(o->against);
    g_free(o->trouble);
    g_free(o);
}

struct fl_view_source *fl_outside_source(struct fl_outside *o)
{
    return o->source;
}

bool fl_outside_first(struct fl_outside *o, int patience_ms, struct fl_desc *like)
{
    uint64_t until_ns = now_ns() + (uint64_t)patience_ms * 1000000;
    struct timespec until = {(time_t)(until_ns / 1000000000u), (long)(until_ns % 1000000000u)};
    int error = 0;
    pthread_mutex_lock(&o->lock);
    while (!o->has_first && error == 0)
        error = pthread_cond_timedwait(&o->came, &o->lock, &until);
    bool came = o->has_first;
    *like = o->first;
    pthread_mutex_unlock(&o->lock);
    return came;
}
