/* The viewer: a window that shows what a source gives, with everything that keys do. Two front ends stand on it: the stage `view`
 * of a run (view-stage.c), and whoever attaches to a run from outside; each brings a `struct fl_view_source`.
 *
 * All calls on one thread, the one that called create, except wake and stop. SDL belongs to that thread meanwhile.
 *
 *   create -> run (until the user closes the window, or stop) -> destroy
 *
 * run is a loop over step, which tests call themselves.
 */
#ifndef FL_VIEW_VIEWER_H
#define FL_VIEW_VIEWER_H

#include "source.h"

#define FL_VIEWER_HISTORY_FRAMES 32
#define FL_VIEWER_HISTORY_BYTES  (256ull << 20)

struct fl_viewer_options {
    const char *title;      /* of the window; NULL: "framelane: " and the source's name */
    const char *screenshot; /* file name: %s the stage, %n the frame's number; NULL: "%s-%n.png" */
    const char *font;       /* NULL: looked for */
    const char *events;     /* file for one JSON line an event; NULL: none */
    unsigned width, height; /* of the window; 0: the picture's */
    const struct fl_desc *like; /* what the first frame will be like; NULL: unknown */
    bool fullscreen, no_vsync, overlay;
    bool actual_size;       /* zoom 1:1 instead of fit */
    bool hidden;            /* no window on the screen before fl_viewer_show */
    unsigned history;       /* frames to remember; 0: FL_VIEWER_HISTORY_FRAMES */
    bool history_off;       /* remember none */
    bool history_at_once;   /* from the start; otherwise from the first freeze or step on */
};

struct fl_viewer;

/* -ENODEV: no display, -EIO: no window; `words` says why. -errno of the events file. -ENOMEM. */
int fl_viewer_create(const struct fl_viewer_options *options, struct fl_view_source *source, struct fl_viewer **viewer,
                     char *words, size_t size);
void fl_viewer_destroy(struct fl_viewer *viewer); /* accepts NULL */

void fl_viewer_show(struct fl_viewer *viewer);

/* Waits for something to do, at most that long, and does it. False: the window was closed, or stop was called. */
bool fl_viewer_step(struct fl_viewer *viewer, int timeout_ms);
void fl_viewer_run(struct fl_viewer *viewer);

/* Any thread. */
void fl_viewer_stop(struct fl_viewer *viewer);

/* Was it the user who ended it? */
bool fl_viewer_closed(const struct fl_viewer *viewer);

#endif
