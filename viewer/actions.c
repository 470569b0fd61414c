#include "inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "screenshot.h"

#define BRIEF_NS   4000000000ull
#define STILL_NS   300000000ull /* what another stage's first frame may take before the screen says that there is none */
#define WHEEL_STEP 1.25

/* ---- freezing and stepping ---- */

static void start_recording(struct fl_viewer *v)
{
    unsigned frames = v->options.history ? v->options.history : FL_VIEWER_HISTORY_FRAMES;
    if (!v->options.history_off && !fl_view_source_recording(v->source))
        fl_view_source_record(v->source, frames, FL_VIEWER_HISTORY_BYTES);
}

void fl_viewer_hold(struct fl_viewer *v, bool held)
{
    fl_view_source_hold(v->source, held);
    if (v->other)
        fl_view_source_hold(v->other, held);
}

/* What is shown becomes a private copy, so that a window that stands still pins no slot. In a difference that is the frame both
 * have, not the newest of one. */
static void freeze(struct fl_viewer *v)
{
    if (v->frozen || !v->shown)
        return;
    start_recording(v);
    struct fl_view_frame *copy = fl_view_source_keep(v->source, v->difference && v->pair_a ? v->pair_a : v->shown);
    if (!copy)
        return;
    fl_view_frame_unref(v->shown);
    v->shown = copy;
    v->frozen = true;
    fl_viewer_hold(v, true);
}

static void act_freeze(struct fl_viewer *v)
{
    if (!v->frozen) {
        freeze(v);
        return;
    }
    v->frozen = false;
    v->steps_wanted = 0;
    fl_viewer_hold(v, false);
}

void fl_viewer_catch_up(struct fl_viewer *v)
{
    while (v->frozen && v->steps_wanted > 0) {
        struct fl_view_frame *next = fl_view_source_find(v->source, v->shown, 1);
        fl_viewer_hold(v, next != NULL); /* what is remembered ends here: the next that comes is */
        if (!next)
            return;
        v->steps_wanted--;
        fl_viewer_set_shown(v, next);
        fl_events_tell(v, "stepped", "");
    }
}

static void act_step_forward(struct fl_viewer *v)
{
    struct fl_view_counts counts;
    freeze(v);
    fl_view_source_counts(v->source, &counts);
    if (!v->frozen || v->options.history_off)
        fl_viewer_note(v, "no frames are remembered to step through (history = 0)");
    v->steps_wanted += v->frozen && !v->options.history_off;
    fl_viewer_catch_up(v);
    if (v->steps_wanted && counts.state == FL_VIEW_ENDED) {
        v->steps_wanted = 0;
        fl_viewer_note(v, "this is the last frame");
    }
}

static void act_step_back(struct fl_viewer *v)
{
    freeze(v);
    v->steps_wanted = 0;
    struct fl_view_frame *before = v->frozen ? fl_view_source_find(v->source, v->shown, -1) : NULL;
    if (before)
        fl_viewer_set_shown(v, before);
    else
        fl_viewer_note(v, "no older frame is remembered; from here on they are (history = N: from the start)");
}

/* ---- pictures of it ---- */

typedef int shoot(struct fl_viewer *viewer, struct fl_screenshot *shot, uint8_t **made);

static int write_shot(struct fl_viewer *v, shoot *shoot_it, char *name, size_t size)
{
    struct fl_screenshot shot = {0};
    struct fl_view_status status;
    uint8_t *made = NULL;
    fl_view_source_status(v->source, &status);
    for (char *at = status.name; *at; at++)
        *at = *at == '/' ? '-' : *at;
    int error = v->shown ? shoot_it(v, &shot, &made) : -EAGAIN;
    if (error == 0)
        error = fl_screenshot_name(v->options.screenshot ? v->options.screenshot : "%s-%n.png", status.name, v->shown->desc.number,
                                   name, size);
    if (error == 0)
        error = fl_screenshot_write(&shot, name);
    free(made);
    return error;
}

static void act_screenshot(struct fl_viewer *v, shoot *shoot_it)
{
    char name[1024], escaped[1100], more[1200];
    int error = write_shot(v, shoot_it, name, sizeof name);
    if (error < 0) {
        fl_viewer_note(v, "no screenshot: %s", strerror(-error));
        return;
    }
    fl_viewer_note(v, "wrote %.150s", name);
    fl_events_escape(name, escaped, sizeof escaped);
    snprintf(more, sizeof more, ",\"file\":\"%s\"", escaped);
    fl_events_tell(v, "screenshot", more);
}

/* ---- other stages ---- */

void fl_viewer_forget_pair(struct fl_viewer *v)
{
    fl_view_frame_unref(v->pair_a);
    fl_view_frame_unref(v->pair_b);
    v->pair_a = v->pair_b = NULL;
}

static void leave_difference(struct fl_viewer *v)
{
    if (!v->other)
        return;
    v->difference = false;
    fl_view_source_set_wake(v->other, NULL, NULL);
    v->other = NULL;
    fl_view_source_single(v->source);
    fl_viewer_forget_pair(v);
}

static void retitle(struct fl_viewer *v)
{
    struct fl_view_status status;
    char title[128];
    fl_view_source_status(v->source, &status);
    snprintf(title, sizeof title, "framelane: %s", status.name);
    if (!v->options.title)
        SDL_SetWindowTitle(v->window.window, title);
}

/* The picture of the stage before stays on the screen until the new one's is there, or has taken too long. */
static void act_walk(struct fl_viewer *v, int direction)
{
    char words[200] = "";
    if (fl_view_source_walk(v->source, direction, words, sizeof words) < 0) {
        fl_viewer_note(v, "%s", words);
        return;
    }
    leave_difference(v);
    v->frozen = v->fresh = false;
    v->steps_wanted = 0;
    fl_viewer_hold(v, false);
    v->plane = FL_ALL_PLANES;
    fl_view_frame_unref(v->shown);
    v->shown = NULL;
    v->still_until_ns = fl_viewer_now_ns() + STILL_NS;
    retitle(v);
    fl_viewer_note(v, "%s", words);
}

static void act_difference(struct fl_viewer *v)
{
    char words[200] = "";
    if (v->difference) {
        leave_difference(v);
        return;
    }
    if (fl_view_source_second(v->source, &v->other, words, sizeof words) < 0) {
        fl_viewer_note(v, "%s", words);
        return;
    }
    start_recording(v);
    fl_view_source_set_wake(v->other, fl_viewer_wake, v);
    fl_view_source_record(v->other, v->options.history ? v->options.history : FL_VIEWER_HISTORY_FRAMES, FL_VIEWER_HISTORY_BYTES);
    v->difference = true;
}

/* ---- looking closer ---- */

static void act_plane(struct fl_viewer *v)
{
    if (!v->shown)
        return;
    v->plane++;
    if (v->plane >= v->shown->pixels->nb_components)
        v->plane = FL_ALL_PLANES;
}

static void act_zoom(struct fl_viewer *v)
{
    v->view.zoom = v->view.zoom == FL_ZOOM_FIT ? 1 : FL_ZOOM_FIT;
    v->view.pan_x = v->view.pan_y = 0;
}

void fl_viewer_wheel(struct fl_viewer *v, double clicks)
{
    double x, y, factor = clicks > 0 ? WHEEL_STEP : 1 / WHEEL_STEP;
    if (!v->shown || clicks == 0)
        return;
    fl_window_pointer(&v->window, &x, &y);
    fl_viewer_place(v);
    fl_place_zoom_about(&v->how, &v->view, factor, x, y);
    v->dirty = true;
    fl_viewer_place(v);
    fl_events_tell(v, "wheel", "");
}

void fl_viewer_drag(struct fl_viewer *v, double by_x, double by_y)
{
    if (v->view.zoom == FL_ZOOM_FIT)
        return;
    v->view.pan_x += by_x;
    v->view.pan_y += by_y;
    v->dirty = true;
    fl_viewer_place(v);
    fl_events_tell(v, "drag", "");
}

static void act_overlay_brief(struct fl_viewer *v)
{
    uint64_t now = fl_viewer_now_ns();
    v->brief_until_ns = now < v->brief_until_ns ? 0 : now + BRIEF_NS;
}

/* ---- dispatch ---- */

static void toggle(bool *mode)
{
    *mode = !*mode;
}

static void act(struct fl_viewer *v, enum fl_action action)
{
    switch (action) {
    case FL_ACTION_QUIT:
        v->closed = true;
        break;
    case FL_ACTION_FREEZE:
        act_freeze(v);
        break;
    case FL_ACTION_STEP_FORWARD:
        act_step_forward(v);
        break;
    case FL_ACTION_STEP_BACK:
        act_step_back(v);
        break;
    case FL_ACTION_SCREENSHOT:
        act_screenshot(v, fl_viewer_shot);
        break;
    case FL_ACTION_WINDOW_SHOT:
        act_screenshot(v, fl_viewer_window_shot);
        break;
    case FL_ACTION_FULLSCREEN:
        fl_window_set_fullscreen(&v->window, !v->window.fullscreen);
        break;
    case FL_ACTION_OVERLAY_BRIEF:
        act_overlay_brief(v);
        break;
    case FL_ACTION_OVERLAY:
        toggle(&v->overlay);
        break;
    case FL_ACTION_HELP:
        toggle(&v->help);
        break;
    case FL_ACTION_WALK_UP:
    case FL_ACTION_WALK_DOWN:
        act_walk(v, action == FL_ACTION_WALK_UP ? -1 : 1);
        break;
    case FL_ACTION_DIFFERENCE:
        act_difference(v);
        break;
    case FL_ACTION_PLANE:
        act_plane(v);
        break;
    case FL_ACTION_PIXEL:
        toggle(&v->pixel);
        break;
    case FL_ACTION_ZOOM:
        act_zoom(v);
        break;
    case FL_ACTION_GRAPH:
        toggle(&v->graph);
        break;
    default:
        break;
    }
}

void fl_viewer_act(struct fl_viewer *v, const struct fl_key_binding *key)
{
    char more[100], label[16];
    act(v, key->action);
    v->dirty = true;
    v->uploaded = false;
    fl_viewer_place(v);
    fl_events_escape(key->label, label, sizeof label);
    snprintf(more, sizeof more, ",\"key\":\"%s\",\"action\":\"%s\"", label, key->name);
    fl_events_tell(v, "key", more);
}
