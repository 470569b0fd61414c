/* One lane of a whole life: minted and sealed by one side, its descriptors sent over a socket, both ends attached. Half-made ones
 * can be taken down. */
#ifndef CRASH_LIFE_LANE_H
#define CRASH_LIFE_LANE_H

#include <framelane/framelane.h>

struct life_lane {
    struct fl_lane_info info;
    int announce, returns;
    int ring_taker, hear_maker, ring_maker, hear_taker;
    void *announce_own, *returns_own; /* until an end has taken them over */
    struct fl_output_lane *tx;
    struct fl_lane *rx;
};

void life_lane_init(struct life_lane *lane);

/* `control`: a pair; the descriptors go in at 0 and come out at 1. 0, or what the library says. */
int life_lane_wire(struct life_lane *lane, const struct fl_lane_info *info, struct fl_output *output, struct fl_context *taker,
                   const int control[2]);

/* What the ends have not taken over. Before the contexts are destroyed. */
void life_lane_unwire(struct life_lane *lane);

/* Without the library's close: it neither counts nor fails. Accepts -1. */
void life_close(int *fd);

#endif
