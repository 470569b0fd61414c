#include "inside.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define IDLE_MS   250
#define NOTICE_NS 4000000000ull

uint64_t fl_viewer_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

void fl_viewer_note(struct fl_viewer *v, const char *format, ...)
{
    char escaped[400], more[420];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(v->notice, sizeof v->notice, format, arguments);
    va_end(arguments);
    v->notice_until_ns = fl_viewer_now_ns() + NOTICE_NS;
    v->dirty = true;
    fl_events_escape(v->notice, escaped, sizeof escaped);
    snprintf(more, sizeof more, ",\"notice\":\"%s\"", escaped);
    fl_events_tell(v, "notice", more);
}

/* ---- life ---- */

/* On whatever thread the source is fed. One event in the queue is enough. */
void fl_viewer_wake(void *arg)
{
    struct fl_viewer *v = arg;
    SDL_Event event = {.type = v->wake_event};
    if (!atomic_exchange(&v->woken, true))
        SDL_PushEvent(&event);
}

/* Small in a small window, so that the lines still fit. */
static int text_size(const struct fl_viewer *v)
{
    double width = v->window.width / v->window.scale / 60, height = v->window.height / v->window.scale / 26;
    double size = SDL_clamp(SDL_min(width, height), 9, 18);
    return (int)(size * v->window.scale + 0.5);
}

static int open_window(struct fl_viewer *v, char *words, size_t size)
{
    const struct fl_viewer_options *o = &v->options;
    struct fl_view_status status;
    char title[128];
    double width = o->width, height = o->height;
    fl_view_source_status(v->source, &status);
    snprintf(title, sizeof title, "framelane: %s", status.name);
    if (o->like && o->like->width && o->like->height && !(o->width && o->height)) {
        v->how = fl_place_picture_of(o->like);
        fl_place_natural_size(&v->how, &width, &height);
    }
    struct fl_window_options window = {.title = o->title ? o->title : title,
                                       .width = (unsigned)lrint(width),
                                       .height = (unsigned)lrint(height),
                                       .fullscreen = o->fullscreen,
                                       .vsync = !o->no_vsync,
                                       .hidden = o->hidden};
    v->unsized = !window.width || !window.height;
    int error = fl_window_open(&v->window, &window);
    if (error < 0)
        snprintf(words, size, "%s", SDL_GetError());
    return error;
}

static void take_options(struct fl_viewer *v, const struct fl_viewer_options *options)
{
    v->options = *options;
    v->overlay = options->overlay;
    v->view.zoom = options->actual_size ? 1 : FL_ZOOM_FIT;
    v->plane = FL_ALL_PLANES;
    if (options->history_at_once && !options->history_off)
        fl_view_source_record(v->source, options->history ? options->history : FL_VIEWER_HISTORY_FRAMES, FL_VIEWER_HISTORY_BYTES);
}

int fl_viewer_create(const struct fl_viewer_options *options, struct fl_view_source *source, struct fl_viewer **out, char *words,
                     size_t size)
{
    struct fl_viewer *v = calloc(1, sizeof *v);
    int error = v ? 0 : -ENOMEM;
    if (error < 0)
        return error;
    v->source = source;
    take_options(v, options);
    error = fl_events_open(v);
    if (error < 0)
        snprintf(words, size, "events = %s: %s", options->events, strerror(-error));
    else
        error = open_window(v, words, size);
    if (error < 0) {
        fl_events_close(v);
        free(v);
        return error;
    }
    fl_text_open(&v->text, v->window.renderer, options->font, text_size(v));
    v->wake_event = SDL_RegisterEvents(1);
    fl_view_source_set_wake(source, fl_viewer_wake, v);
    v->dirty = true;
    *out = v;
    return 0;
}

void fl_viewer_destroy(struct fl_viewer *v)
{
    if (!v)
        return;
    fl_view_source_set_wake(v->source, NULL, NULL);
    if (v->other)
        fl_view_source_set_wake(v->other, NULL, NULL);
    fl_events_tell(v, v->closed ? "closed" : "ended", "");
    fl_view_frame_unref(v->shown);
    fl_viewer_forget_pair(v);
    fl_difference_finish(&v->subtraction);
    fl_picture_finish(&v->picture);
    fl_text_close(&v->text);
    fl_window_close(&v->window);
    fl_events_close(v);
    free(v);
}

void fl_viewer_show(struct fl_viewer *v)
{
    SDL_ShowWindow(v->window.window);
    fl_window_measure(&v->window);
    v->dirty = true;
    fl_events_tell(v, "opened", "");
}

void fl_viewer_stop(struct fl_viewer *v)
{
    atomic_store(&v->stop, true);
    fl_viewer_wake(v);
}

bool fl_viewer_closed(const struct fl_viewer *v)
{
    return v->closed;
}

/* ---- which frame ---- */

void fl_viewer_set_shown(struct fl_viewer *v, struct fl_view_frame *frame)
{
    if (v->unsized) {
        double width, height;
        struct fl_place_picture how = fl_place_picture_of(&frame->desc);
        fl_place_natural_size(&how, &width, &height);
        fl_window_fit(&v->window, (unsigned)lrint(width), (unsigned)lrint(height));
        fl_text_set_size(&v->text, text_size(v));
        v->unsized = false;
    }
    fl_view_frame_unref(v->shown);
    v->shown = frame;
    v->still_until_ns = 0;
    v->uploaded = v->uploaded && v->difference && v->pair_a; /* then the texture is of the pair */
    v->dirty = true;
    if (v->plane >= frame->pixels->nb_components)
        v->plane = FL_ALL_PLANES;
}

/* Frames that wait and have not been learnt from, each once. */
static void learn(struct fl_viewer *v, const struct fl_present_frame *frames, unsigned count, uint64_t first)
{
    for (unsigned i = 0; i < count; i++) {
        if (first + i < v->learnt)
            continue;
        fl_present_arrived(&v->present, &frames[i]);
        fl_rate_add(&v->came, frames[i].arrived_ns);
        v->learnt = first + i + 1;
    }
}

/* Frozen: what comes is remembered, and nothing waits. */
static void put_aside(struct fl_viewer *v)
{
    struct fl_view_frame *frame;
    while ((frame = fl_view_source_take(v->source, 0))) {
        fl_view_source_remember(v->source, frame);
        fl_view_frame_unref(frame);
    }
    fl_viewer_catch_up(v);
}

/* The time until the next one is due; INT64_MAX: none waits. */
static int64_t choose_frame(struct fl_viewer *v, uint64_t now)
{
    struct fl_present_frame frames[FL_VIEW_WAITING];
    uint64_t first;
    unsigned count = fl_view_source_waiting(v->source, frames, &first);
    learn(v, frames, count, first);
    if (v->frozen) {
        put_aside(v);
        return INT64_MAX;
    }
    int chosen = fl_present_choose(&v->present, frames, count, FL_VIEW_WAITING, now);
    if (chosen < 0) {
        uint64_t next = fl_present_next_ns(&v->present, frames, count);
        return next == UINT64_MAX ? INT64_MAX : (int64_t)(next - now);
    }
    struct fl_view_frame *frame = fl_view_source_take(v->source, first + (unsigned)chosen);
    if (!frame)
        return 0;
    v->shown_times = frames[chosen];
    v->fresh = true;
    fl_viewer_set_shown(v, frame);
    return INT64_MAX;
}

/* The number they have in common: the newest one, or what a frozen window shows. */
static bool find_pair(struct fl_viewer *v, struct fl_view_frame **a, struct fl_view_frame **b)
{
    if (!v->frozen)
        return fl_view_source_common(v->source, v->other, a, b);
    *b = v->shown ? fl_view_source_find(v->other, v->shown, 0) : NULL;
    if (*b)
        *a = fl_view_frame_ref(v->shown);
    return *b;
}

/* The second source's own waiting frames are of no use but for that. */
static void choose_pair(struct fl_viewer *v)
{
    struct fl_view_frame *frame, *a, *b;
    while ((frame = fl_view_source_take(v->other, 0)))
        fl_view_frame_unref(frame);
    bool found = find_pair(v, &a, &b);
    if (!found && !v->frozen)
        return;
    bool same = found && v->pair_a && fl_view_frame_same(a, v->pair_a);
    bool none = !found && !v->pair_a;
    fl_viewer_forget_pair(v);
    if (found) {
        v->pair_a = a;
        v->pair_b = b;
    }
    if (!same && !none) {
        v->uploaded = false;
        v->dirty = true;
    }
}

/* ---- events of the window ---- */

/* A key that is held steps on and on, but switches nothing to and fro. */
static void on_key(struct fl_viewer *v, const char *name)
{
    const struct fl_key_binding *key = fl_key_find_binding(name);
    bool steps = key && (key->action == FL_ACTION_STEP_FORWARD || key->action == FL_ACTION_STEP_BACK);
    if (key && (steps || !v->key_repeats))
        fl_viewer_act(v, key);
}

static void on_window(struct fl_viewer *v, const SDL_WindowEvent *event)
{
    fl_window_measure(&v->window);
    fl_text_set_size(&v->text, text_size(v));
    v->dirty = true;
    if (event->event == SDL_WINDOWEVENT_SIZE_CHANGED) {
        fl_viewer_place(v);
        fl_events_tell(v, "resized", "");
    }
}

static void on_motion(struct fl_viewer *v, const SDL_MouseMotionEvent *motion)
{
    if (motion->state & SDL_BUTTON_LMASK)
        fl_viewer_drag(v, motion->xrel * v->window.scale, motion->yrel * v->window.scale);
    if (v->pixel)
        v->dirty = true;
}

static void handle(struct fl_viewer *v, const SDL_Event *event)
{
    const char *name;
    switch (event->type) {
    case SDL_QUIT:
        v->closed = true;
        break;
    case SDL_TEXTINPUT:
        on_key(v, event->text.text);
        break;
    case SDL_KEYUP:
        v->key_repeats = false;
        break;
    case SDL_KEYDOWN: /* keys that type a character come as text, in whatever layout */
        name = SDL_GetKeyName(event->key.keysym.sym);
        v->key_repeats = event->key.repeat;
        if (strlen(name) > 1 && event->key.keysym.sym != SDLK_SPACE)
            on_key(v, name);
        break;
    case SDL_MOUSEWHEEL:
        fl_viewer_wheel(v, event->wheel.preciseY);
        break;
    case SDL_MOUSEMOTION:
        on_motion(v, &event->motion);
        break;
    case SDL_WINDOWEVENT:
        on_window(v, &event->window);
        break;
    case SDL_RENDER_TARGETS_RESET:
    case SDL_RENDER_DEVICE_RESET:
        v->uploaded = false;
        v->dirty = true;
        break;
    default:
        if (event->type == v->wake_event)
            atomic_store(&v->woken, false);
    }
}

static void wait_for_events(struct fl_viewer *v, int timeout_ms)
{
    SDL_Event event;
    bool more = timeout_ms > 0 ? SDL_WaitEventTimeout(&event, timeout_ms) : SDL_PollEvent(&event);
    while (more && !v->closed) {
        handle(v, &event);
        more = SDL_PollEvent(&event);
    }
}

/* ---- the loop ---- */

static void see_state(struct fl_viewer *v)
{
    struct fl_view_counts counts;
    fl_view_source_counts(v->source, &counts);
    if (counts.state == v->state)
        return;
    v->state = counts.state;
    v->dirty = true;
    fl_events_tell(v, "state", "");
}

static void refresh(struct fl_viewer *v)
{
    fl_viewer_draw(v, fl_viewer_now_ns());
    v->dirty = false;
    if (!v->fresh)
        return;
    uint64_t now = fl_viewer_now_ns();
    v->late_frames += fl_present_is_late(&v->present, &v->shown_times, now, v->window.refresh_ns);
    v->fresh = false;
    v->shown_frames++;
    fl_rate_add(&v->shown_at, now);
    fl_events_tell(v, "shown", "");
}

static int wait_ms(struct fl_viewer *v, int64_t next_frame_ns, int timeout_ms)
{
    int64_t next = SDL_min(next_frame_ns, fl_overlay_next_ns(v, fl_viewer_now_ns()));
    next = SDL_min(next, (int64_t)SDL_min(timeout_ms, IDLE_MS) * 1000000);
    if (!v->dirty)
        return (int)((next + 999999) / 1000000);
    uint64_t now = fl_viewer_now_ns();
    return v->still_until_ns > now ? (int)((v->still_until_ns - now + 999999) / 1000000) : 0;
}

bool fl_viewer_step(struct fl_viewer *v, int timeout_ms)
{
    int64_t next = choose_frame(v, fl_viewer_now_ns());
    wait_for_events(v, wait_ms(v, next, timeout_ms));
    choose_frame(v, fl_viewer_now_ns());
    if (v->difference)
        choose_pair(v);
    see_state(v);
    if (fl_overlay_next_ns(v, fl_viewer_now_ns()) <= 0)
        v->dirty = true;
    if (v->dirty && !v->closed && fl_viewer_now_ns() >= v->still_until_ns)
        refresh(v);
    return !v->closed && !atomic_load(&v->stop);
}

void fl_viewer_run(struct fl_viewer *v)
{
    while (fl_viewer_step(v, IDLE_MS))
        ;
}
