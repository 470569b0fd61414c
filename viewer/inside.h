/* The viewer's own state. Private to the files of viewer/ named here; everything on the window's thread.
 *
 *   viewer.c   life and the loop: events, which frame, when to draw
 *   actions.c  what each key does
 *   draw.c     one refresh: the picture, and over it what overlay.c has to say
 *   overlay.c  the lines of what is known, the states, the graph
 *   help-page.c  the page of keys
 *   strip.c    words on dark strips, as many as there is room for
 *   events.c   what happened, as JSON lines
 */
#ifndef FL_VIEW_INSIDE_H
#define FL_VIEW_INSIDE_H

#include <stdatomic.h>
#include <stdio.h>

#include "difference.h"
#include "keys.h"
#include "picture.h"
#include "probe.h"
#include "rate.h"
#include "text.h"
#include "viewer.h"

#define FL_ALL_PLANES (-1)

struct fl_viewer {
    struct fl_viewer_options options;
    struct fl_view_source *source, *other; /* other: to compare with; NULL: none asked for yet */
    struct fl_window window;
    struct fl_text text;
    struct fl_picture picture;
    struct fl_present present;
    uint64_t learnt; /* serial number of the first waiting frame `present` has not seen */
    int events;      /* -1: nobody wants them */

    struct fl_view_frame *shown; /* NULL: nothing yet */
    struct fl_present_frame shown_times;
    bool unsized;                          /* the window was opened before anybody knew a picture's size */
    bool fresh;                            /* `shown` has come, and has not been on the screen yet */
    bool uploaded;                         /* the texture is of `shown`, with plane and difference as they are */
    bool dirty;                            /* draw at the next refresh */
    int upload_error;                      /* of the last upload: 0 or -errno */
    struct fl_view_frame *pair_a, *pair_b; /* what the difference is of; NULL: no number in common yet */

    bool frozen, overlay, help, pixel, graph, difference;
    unsigned steps_wanted; /* forward, for when the frames come */
    int plane;             /* FL_ALL_PLANES or a component */
    uint64_t brief_until_ns, notice_until_ns;
    uint64_t still_until_ns; /* another stage's first frame is awaited: until then the screen stays as it is */
    char notice[200];
    struct fl_difference subtraction;
    struct fl_place_view view;
    struct fl_place_picture how;
    struct fl_place place;
    bool key_repeats; /* the last key went down by being held */

    struct fl_rate came, shown_at;
    uint64_t came_before; /* counts.came at the last look */
    uint64_t shown_frames, late_frames;
    enum fl_view_state state;
    uint64_t tick_ns; /* when the numbers were last drawn */

    Uint32 wake_event;
    atomic_bool woken, stop;
    bool closed;
};

uint64_t fl_viewer_now_ns(void);

/* viewer.c */
void fl_viewer_wake(void *viewer);                                               /* any thread */
void fl_viewer_set_shown(struct fl_viewer *viewer, struct fl_view_frame *frame); /* takes over the reference */
void fl_viewer_note(struct fl_viewer *viewer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* actions.c */
void fl_viewer_act(struct fl_viewer *viewer, const struct fl_key_binding *key);
void fl_viewer_wheel(struct fl_viewer *viewer, double clicks);
void fl_viewer_drag(struct fl_viewer *viewer, double by_x, double by_y);
/* Steps that were asked for before their frames had come. */
void fl_viewer_catch_up(struct fl_viewer *viewer);
void fl_viewer_forget_pair(struct fl_viewer *viewer);
/* Holds what is remembered, or lets it go; of both, where two are compared. */
void fl_viewer_hold(struct fl_viewer *viewer, bool held);

/* draw.c */
void fl_viewer_draw(struct fl_viewer *viewer, uint64_t now_ns);
void fl_viewer_place(struct fl_viewer *viewer);
/* The pixels of what is shown (the frame, a plane, a difference) as a screenshot; *made is to be freed. 0 or -errno. */
struct fl_screenshot;
int fl_viewer_shot(struct fl_viewer *viewer, struct fl_screenshot *shot, uint8_t **made);

/* The window as it is now, drawn for that. */
int fl_viewer_window_shot(struct fl_viewer *viewer, struct fl_screenshot *shot, uint8_t **made);

/* overlay.c */
void fl_overlay_draw(struct fl_viewer *viewer, uint64_t now_ns);
/* Nanoseconds after which the overlay will have something else to say; INT64_MAX: it stays. */
int64_t fl_overlay_next_ns(const struct fl_viewer *viewer, uint64_t now_ns);
/* The state drawn on the picture ("FROZEN (3 s behind)"); empty: none. */
void fl_overlay_state(struct fl_viewer *viewer, uint64_t now_ns, char *words, size_t size);

/* help-page.c */
void fl_help_page_draw(struct fl_viewer *viewer);

/* events.c; nothing where no file was asked for. `more`: further members, ',"key":"f"', or "". */
int fl_events_open(struct fl_viewer *viewer);
void fl_events_tell(struct fl_viewer *viewer, const char *event, const char *more);
void fl_events_close(struct fl_viewer *viewer);
/* `text` fit to stand in a JSON string. */
void fl_events_escape(const char *text, char *escaped, size_t size);

#endif
