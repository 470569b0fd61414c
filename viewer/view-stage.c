/* view: shows the frames in a window. The front end of a run; one thread of its own has SDL, the stage's thread only hands it
 * frames, so that a window which is slow, hidden or being dragged holds nobody up. A window that is closed is a consumer that
 * leaves: the pipeline goes on. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stage.h"
#include "viewer.h"

#define HOLD 2 /* the frame on the screen, and one that waits for its refresh; a third is in process */

enum phase { OPENING, OPEN, RUNNING, OVER };

struct view {
    struct fl_stage *stage;
    struct fl_view_source *source;
    pthread_t thread;
    bool thread_runs, keep_open, told_unshowable;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    /* lock */
    enum phase phase;
    bool stop;
    struct fl_viewer *viewer;
    int error;
    char words[200];
};

/* ---- what the viewer asks ---- */

static void status(void *arg, struct fl_view_status *status)
{
    struct view *view = arg;
    struct fl_stage_lane lane;
    snprintf(status->name, sizeof status->name, "%s", fl_stage_input(view->stage, 0)->from);
    if (!fl_stage_input_lane(view->stage, 0, &lane))
        return;
    status->policy = lane.when_full == FL_WHEN_FULL_LATEST ? "latest" : lane.when_full == FL_WHEN_FULL_DROP ? "drop" : "wait";
    status->credits = lane.credits;
    status->credits_used = lane.held;
    status->skipped = lane.skipped;
}

static void copied(void *arg, uint64_t bytes)
{
    struct view *view = arg;
    fl_stage_copied(view->stage, bytes);
}

static const struct fl_view_source_calls calls = {.status = status, .copied = copied};

/* ---- the window's thread ---- */

static void enter(struct view *view, enum phase phase)
{
    pthread_mutex_lock(&view->lock);
    view->phase = phase;
    pthread_cond_broadcast(&view->moved);
    pthread_mutex_unlock(&view->lock);
}

/* False: it was called off. */
static bool wait_for_start(struct view *view)
{
    pthread_mutex_lock(&view->lock);
    while (view->phase == OPEN && !view->stop)
        pthread_cond_wait(&view->moved, &view->lock);
    bool go = !view->stop;
    pthread_mutex_unlock(&view->lock);
    return go;
}

static void take_size(struct fl_stage *stage, struct fl_viewer_options *options)
{
    unsigned width, height;
    if (fl_stage_size(stage, "size", &width, &height) < 0)
        return;
    options->width = width;
    options->height = height;
}

static struct fl_viewer_options options_of(struct fl_stage *stage)
{
    int64_t history = fl_stage_int(stage, "history", -1);
    struct fl_viewer_options options = {
        .title = fl_stage_string(stage, "title"),
        .screenshot = fl_stage_string(stage, "screenshot"),
        .font = fl_stage_string(stage, "font"),
        .events = fl_stage_string(stage, "events"),
        .like = &fl_stage_input(stage, 0)->stream.first,
        .fullscreen = fl_stage_bool(stage, "fullscreen", false),
        .no_vsync = !fl_stage_bool(stage, "vsync", true),
        .overlay = fl_stage_bool(stage, "overlay", false),
        .actual_size = strcmp(fl_stage_string(stage, "zoom"), "1:1") == 0,
        .hidden = true,
        .history = history > 0 ? (unsigned)history : 0,
        .history_off = history == 0,
        .history_at_once = history > 0,
    };
    take_size(stage, &options);
    return options;
}

static void *window_main(void *arg)
{
    struct view *view = arg;
    struct fl_viewer_options options = options_of(view->stage);
    struct fl_viewer *viewer = NULL;
    int error = fl_viewer_create(&options, view->source, &viewer, view->words, sizeof view->words);
    pthread_mutex_lock(&view->lock);
    view->viewer = viewer;
    view->error = error;
    pthread_mutex_unlock(&view->lock);
    enter(view, error < 0 ? OVER : OPEN);
    if (error == 0 && wait_for_start(view)) {
        fl_viewer_show(viewer);
        fl_viewer_run(viewer);
        if (fl_viewer_closed(viewer))
            fl_stage_leave(view->stage);
    }
    pthread_mutex_lock(&view->lock);
    view->viewer = NULL; /* from here on nobody stops it */
    pthread_mutex_unlock(&view->lock);
    fl_viewer_destroy(viewer);
    enter(view, OVER);
    return NULL;
}

static void stop_window(struct view *view)
{
    pthread_mutex_lock(&view->lock);
    view->stop = true;
    if (view->viewer)
        fl_viewer_stop(view->viewer);
    pthread_cond_broadcast(&view->moved);
    pthread_mutex_unlock(&view->lock);
}

/* ---- the stage's thread ---- */

static const char *remedy(int error)
{
    if (error == -ENODEV)
        return "; set DISPLAY or WAYLAND_DISPLAY, or SDL_VIDEODRIVER=dummy for a window that nobody sees";
    return "";
}

static int open_view(struct fl_stage *stage)
{
    struct view *view = fl_stage_priv(stage);
    view->stage = stage;
    view->keep_open = fl_stage_bool(stage, "keep-open", false);
    pthread_mutex_init(&view->lock, NULL);
    pthread_cond_init(&view->moved, NULL);
    view->source = fl_view_source_create(&calls, view);
    if (!view->source || pthread_create(&view->thread, NULL, window_main, view) != 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_START, -ENOMEM, "no memory for a window");
    view->thread_runs = true;
    pthread_mutex_lock(&view->lock);
    while (view->phase == OPENING)
        pthread_cond_wait(&view->moved, &view->lock);
    int error = view->error;
    pthread_mutex_unlock(&view->lock);
    fl_stage_input(stage, 0)->hold = HOLD;
    if (error < 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_START, error, "no window can be opened: %s%s",
                             *view->words ? view->words : strerror(-error), remedy(error));
    return 0;
}

static int start_view(struct fl_stage *stage)
{
    enter(fl_stage_priv(stage), RUNNING);
    return 0;
}

static bool is_over(struct view *view)
{
    pthread_mutex_lock(&view->lock);
    bool over = view->phase == OVER || view->stop;
    pthread_mutex_unlock(&view->lock);
    return over;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static int process_view(struct fl_stage *stage, unsigned port, struct fl_frame *frame)
{
    struct view *view = fl_stage_priv(stage);
    if (is_over(view))
        return 0;
    int error = fl_view_source_put(view->source, frame, now_ns());
    if (error == -EBADMSG)
        return fl_stage_fail(stage, FL_STAGE_ERROR_RUN, error, "frame %llu is not what its description says",
                             (unsigned long long)fl_frame_desc(frame)->number);
    if (error < 0 && !view->told_unshowable)
        fl_stage_warn(stage, "pictures in %.16s cannot be shown: put 'scale W:H format=yuv420p' before it",
                      fl_frame_desc(frame)->format);
    view->told_unshowable |= error < 0;
    return 0;
}

/* The end is shown until the user closes the window, where that is wished; a run that is stopped does not wait for it. */
static int ended_view(struct fl_stage *stage, unsigned port)
{
    struct view *view = fl_stage_priv(stage);
    fl_view_source_set_state(view->source, FL_VIEW_ENDED);
    while (view->keep_open && !is_over(view) && !fl_stage_stopping(stage) && !fl_stage_cancelled(stage)) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 50000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_mutex_lock(&view->lock);
        pthread_cond_timedwait(&view->moved, &view->lock, &until);
        pthread_mutex_unlock(&view->lock);
    }
    return 0;
}

static void close_view(struct fl_stage *stage)
{
    struct view *view = fl_stage_priv(stage);
    if (!view->stage)
        return;
    if (view->thread_runs) {
        stop_window(view);
        pthread_join(view->thread, NULL);
    }
    fl_view_source_destroy(view->source);
    pthread_cond_destroy(&view->moved);
    pthread_mutex_destroy(&view->lock);
}

const struct fl_stage_module fl_stage_module = {
    .kind = "view",
    .priv_bytes = sizeof(struct view),
    .open = open_view,
    .start = start_view,
    .process = process_view,
    .ended = ended_view,
    .close = close_view,
};
