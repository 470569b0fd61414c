/* The way through a run's graph, by what it says of itself: who gives a stage its pictures, and where `[` and `]` lead. Pure.
 *
 * Sound and packets are no way: only lanes that carry pictures count. Names point into `shown`.
 */
#ifndef FL_VIEW_ROUTE_H
#define FL_VIEW_ROUTE_H

#include "shown.h"

/* The stage whose pictures `stage` takes (the first of several); NULL: it takes none. */
const char *fl_route_input(const FlShown *shown, const char *stage);

/* A neighbour of `stage` whose pictures are others than its own: the one above it, or else one below that gives some. NULL: there
 * is none. */
const char *fl_route_other(const FlShown *shown, const char *stage);

struct fl_route_step {
    const char *to;        /* NULL: there is nothing that way */
    unsigned place, count; /* the how many-eth of how many it is, from 1 */
};

/* One step up (-1, towards the source) or down (1). Where the way forks, it leads on to the branch after `before`, the stage one
 * has come from (NULL: from none): so a step up and one down again goes through the branches, one after the other. */
struct fl_route_step fl_route_step(const FlShown *shown, const char *stage, const char *before, int direction);

#endif
