/* The recent frames of a source, as private copies, in its order, each once. No lock of its own.
 *
 * Bounded in number and in bytes: while frames flow to `most` and to half of `most_bytes`, the oldest goes first. While they are
 * held (somebody looks at one of them) up to twice as many, and what comes when that is full is not remembered: what lies before
 * and after the one that is looked at stays. */
#ifndef FL_VIEW_HISTORY_H
#define FL_VIEW_HISTORY_H

#include "frame.h"

#define FL_HISTORY_MOST 1024

struct fl_history {
    struct fl_view_frame *frames[FL_HISTORY_MOST]; /* oldest first */
    unsigned count, most; /* most: 0: nothing is remembered */
    uint64_t bytes, most_bytes;
    bool held;
};

/* Lets go of what exceeds the new bounds. */
void fl_history_limit(struct fl_history *history, unsigned most, uint64_t most_bytes);

/* Is there a use in copying another? */
bool fl_history_has_room(const struct fl_history *history);

void fl_history_hold(struct fl_history *history, bool held);

/* Takes over the reference of `copy`; drops it where that frame is there already, or has no room. */
void fl_history_add(struct fl_history *history, struct fl_view_frame *copy);

/* Borrowed. The one `step` places after `of`, where `of` itself need not be there any more: then +1 is the first after it. */
struct fl_view_frame *fl_history_find(const struct fl_history *history, const struct fl_view_frame *of, int step);

void fl_history_clear(struct fl_history *history);

#endif
