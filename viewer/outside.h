/* The front end that looks into a run from outside (`framelane view`): a thread that peeks at a stage's newest frame and offers
 * copies of it to a source, that comes back by itself when the run is gone and one of its name is there again, and that goes from
 * stage to stage as `[` and `]` say. A second one is made for a difference, and goes when nobody wants it any more.
 *
 *   LIVE --the run ended well, all its frames have come--> ENDED --a run of that name is there--> LIVE
 *   LIVE --it failed, was killed, or does not answer-----> LOST  --a run of that name is there--> LIVE
 *
 * How often it looks follows the source: not before the next frame can be there, then every few milliseconds, and no more often
 * than a screen shows anything.
 */
#ifndef FL_VIEW_OUTSIDE_H
#define FL_VIEW_OUTSIDE_H

#include "source.h"

struct fl_outside;

struct fl_outside_options {
    const char *run, *stage; /* stage NULL: the first that gives pictures */
    const char *against;     /* the stage a difference is from; NULL: the one above, or else below */
    bool wait;               /* where there is no such run yet, wait for it; otherwise that is an error */
};

/* Reaches the run, then looks on in a thread of its own. -errno as fl_onlooker_attach and a sentence in `words`. */
int fl_outside_create(const struct fl_outside_options *options, struct fl_outside **outside, char *words, size_t size);
/* Accepts NULL. Nobody may use the source any more. */
void fl_outside_destroy(struct fl_outside *outside);

struct fl_view_source *fl_outside_source(struct fl_outside *outside);

/* What the first frame is like, where one came within `patience_ms`; false: none did. */
bool fl_outside_first(struct fl_outside *outside, int patience_ms, struct fl_desc *like);

#endif
