/* Where the viewer's pictures come from. One object with two sides:
 *
 *   the front end's side   a thread that takes frames from a lane puts each in (fl_view_source_put), says when the source is lost,
 *                          back, or at its end, and answers what the viewer asks through `struct fl_view_source_calls`
 *   the viewer's side      the thread of the window looks at what waits, takes what is to be shown, and finds recent frames again
 *
 * At most FL_VIEW_WAITING frames wait; a third that comes takes the place of the oldest. With the one that is shown, that is what
 * the viewer holds of its lane's credits, so the lane wants hold = 2 beyond the frame in process.
 * Recent frames are private copies, so that stepping back costs the lane nothing; they are only made while recording is on, and not
 * of frames that are private already.
 */
#ifndef FL_VIEW_SOURCE_H
#define FL_VIEW_SOURCE_H

#include "frame.h"
#include "present.h"

#define FL_VIEW_WAITING 2

enum fl_view_state {
    FL_VIEW_LIVE = 0,
    FL_VIEW_LOST,  /* the run or the stage is gone, and looked for */
    FL_VIEW_ENDED, /* everything has come */
};

/* Words and numbers for the overlay. Filled by the front end; zero is a good default. */
struct fl_view_status {
    char name[80];       /* "cam1/scale" */
    char from[40];       /* whose pictures they are, where the stage gives none itself */
    char trouble[200];   /* why nothing comes */
    const char *policy;  /* "latest", "peek"; literal, NULL: unknown */
    unsigned credits_used, credits; /* 0, 0: no lane, it peeks: */
    uint64_t read, lost; /* frames read whole; overwritten before they were */
    uint64_t skipped;    /* superseded before they came here */
};

struct fl_view_source;

/* What a front end offers. Each may be NULL: then the viewer says that this front end cannot. Called on the window's thread. */
struct fl_view_source_calls {
    void (*status)(void *arg, struct fl_view_status *status);
    /* Go on with a neighbour in the graph: -1 up, towards the source; 1 down. 0 and the place in `words`, or -errno and a sentence
     * there. What waits and is remembered of the stage before is gone. */
    int (*walk)(void *arg, int direction, char *words, size_t size);
    /* A second source to compare with; it is the front end's, and there until `single`. 0, or -errno and a sentence in `words`. */
    int (*second)(void *arg, struct fl_view_source **other, char *words, size_t size);
    void (*single)(void *arg);
    /* A payload was copied or converted into private memory: to be counted. */
    void (*copied)(void *arg, uint64_t bytes);
};

/* NULL: no memory. `calls` and `arg` must live as long as it. destroy accepts NULL. */
struct fl_view_source *fl_view_source_create(const struct fl_view_source_calls *calls, void *arg);
void fl_view_source_destroy(struct fl_view_source *source);

/* ---- the front end's side: one thread at a time ---- */

/* Takes a reference of its own. -EBADMSG, -ENOTSUP, -ENOMEM as fl_view_frame_wrap. */
int fl_view_source_put(struct fl_view_source *source, struct fl_frame *frame, uint64_t now_ns);
/* The same for a frame made already; takes over its reference. */
void fl_view_source_offer(struct fl_view_source *source, struct fl_view_frame *frame);
void fl_view_source_set_state(struct fl_view_source *source, enum fl_view_state state);
/* Lets go of everything that waits or is remembered, as before another stage is looked at. */
void fl_view_source_clear(struct fl_view_source *source);

/* ---- the viewer's side ---- */

/* `wake(arg)` is called after each put and change of state, on the front end's thread; it must not block, nor call back. NULL:
 * nobody, and who was there before is not called any more. */
void fl_view_source_set_wake(struct fl_view_source *source, void (*wake)(void *arg), void *arg);

/* What waits, oldest first; their number. `first` becomes the serial number of the oldest. */
unsigned fl_view_source_waiting(struct fl_view_source *source, struct fl_present_frame frames[FL_VIEW_WAITING], uint64_t *first);

/* Takes the frame with that serial number, or the oldest after it, and lets go of those before. NULL: there is none. */
struct fl_view_frame *fl_view_source_take(struct fl_view_source *source, uint64_t serial);

struct fl_view_counts {
    enum fl_view_state state;
    uint64_t came;          /* frames put in */
    uint64_t replaced;      /* gave way to a newer one before they were taken */
    uint64_t refused;       /* put in but not showable */
    uint64_t last_came_ns;  /* or when the source was found again; 0: none yet */
    unsigned recorded;      /* frames remembered */
    uint64_t recorded_bytes;
};
void fl_view_source_counts(struct fl_view_source *source, struct fl_view_counts *counts);

/* Remembers up to `frames` of them from here on, in at most `bytes`; 0: lets go of all. */
void fl_view_source_record(struct fl_view_source *source, unsigned frames, uint64_t bytes);
bool fl_view_source_recording(struct fl_view_source *source);

/* While held, what is remembered stays, and what comes is remembered as far as there is room (history.h). */
void fl_view_source_hold(struct fl_view_source *source, bool held);

/* Remembers a frame that was put in before recording began; nothing where it is there already, or there is no room. */
void fl_view_source_remember(struct fl_view_source *source, struct fl_view_frame *frame);

/* A private copy of the frame, with a reference: the remembered one, the frame itself where it is one, or made now. NULL: no
 * memory. */
struct fl_view_frame *fl_view_source_keep(struct fl_view_source *source, struct fl_view_frame *frame);

/* The remembered frame `step` places after `of` in the order of the source (negative: before; 0: the same one), with a reference,
 * or NULL. */
struct fl_view_frame *fl_view_source_find(struct fl_view_source *source, const struct fl_view_frame *of, int step);

/* The newest frame that both remember, from each; false: there is none. The caller must unref both. */
bool fl_view_source_common(struct fl_view_source *a, struct fl_view_source *b, struct fl_view_frame **of_a,
                           struct fl_view_frame **of_b);

/* The front end's answers; where it has none, -ENOTSUP and a sentence. */
void fl_view_source_status(struct fl_view_source *source, struct fl_view_status *status);
int fl_view_source_walk(struct fl_view_source *source, int direction, char *words, size_t size);
int fl_view_source_second(struct fl_view_source *source, struct fl_view_source **other, char *words, size_t size);
void fl_view_source_single(struct fl_view_source *source);
void fl_view_source_copied(struct fl_view_source *source, uint64_t bytes);

#endif
