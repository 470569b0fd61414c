/* Looking on at one output of a run, from outside and without a lane: attached over the control socket, it peeks at the newest
 * frame, copies it out, and keeps the copy if the slot was not written meanwhile. The run takes no notice; what is missed is
 * missed.
 *
 *   attach -> look, again and again -> destroy
 *
 * All on one thread. What attaching asks of the run it answers within 3 seconds, or is taken for gone; looking never blocks.
 */
#ifndef FL_VIEW_ONLOOKER_H
#define FL_VIEW_ONLOOKER_H

#include "frame.h"
#include "shown.h"

struct fl_onlooker;

/* `stage` NULL: the first that gives pictures. One that gives none is shown by what it takes. On failure a sentence in *why (to
 * g_free), and: -EAGAIN: the run has not started yet, ask again; -ENOENT: there is no such run, or no such stage; -EPIPE: the run
 * went away meanwhile; or another -errno of the run's answer. */
int fl_onlooker_attach(const char *run, const char *stage, struct fl_onlooker **onlooker, char **why);

/* The same, asking again every 50 ms while the run has not started, for `patience_ms` at most. */
int fl_onlooker_attach_patiently(const char *run, const char *stage, int patience_ms, struct fl_onlooker **onlooker, char **why);

void fl_onlooker_destroy(struct fl_onlooker *onlooker); /* accepts NULL */

/* The newest frame as a private copy, if it has not been given before. 0; -EAGAIN: nothing new; -ESTALE: it was overwritten while
 * it was read; -ENOTSUP, -EBADMSG, -ENOMEM: it cannot be shown (fl_view_frame_of_bytes); -ENODATA: the run has ended well, and all
 * its frames have come; -EPIPE: the run failed or is gone (why: fl_onlooker_trouble). */
int fl_onlooker_look(struct fl_onlooker *onlooker, uint64_t now_ns, struct fl_view_frame **frame);

/* The same, waiting for a frame for `patience_ms` at most: -ETIMEDOUT. */
int fl_onlooker_await(struct fl_onlooker *onlooker, int patience_ms, struct fl_view_frame **frame);

/* To poll for what the run says unasked: then it is time to look. */
int fl_onlooker_fd(const struct fl_onlooker *onlooker);

const char *fl_onlooker_stage(const struct fl_onlooker *onlooker); /* as asked for */
const char *fl_onlooker_giver(const struct fl_onlooker *onlooker); /* whose output it is: another, where that stage gives none */
/* The run as it was when attached; the caller's from then on. Once. */
FlShown *fl_onlooker_take_shown(struct fl_onlooker *onlooker);
const char *fl_onlooker_trouble(const struct fl_onlooker *onlooker); /* after -EPIPE; "" */

struct fl_onlooker_counts {
    uint64_t copied; /* frames read whole */
    uint64_t lost;   /* overwritten before they were read whole */
    uint64_t passed; /* announced between two frames that were read */
};
void fl_onlooker_get_counts(const struct fl_onlooker *onlooker, struct fl_onlooker_counts *counts);

#endif
