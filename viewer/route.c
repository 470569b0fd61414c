#include "route.h"

#include <stdbool.h>
#include <string.h>

static bool carries_pictures(const FlShownLane *lane)
{
    return strcmp(lane->carries, "video") == 0;
}

/* The stage at the far end of the lane, if it leads from `stage` that way; NULL: it does not. */
static const char *far_end(const FlShownLane *lane, const char *stage, int direction)
{
    const char *near = direction < 0 ? lane->to : lane->from;
    if (!carries_pictures(lane) || strcmp(near, stage) != 0)
        return NULL;
    return direction < 0 ? lane->from : lane->to;
}

static bool gives_pictures(const FlShown *shown, const char *stage)
{
    return fl_route_step(shown, stage, NULL, 1).to != NULL;
}

const char *fl_route_input(const FlShown *shown, const char *stage)
{
    return fl_route_step(shown, stage, NULL, -1).to;
}

const char *fl_route_other(const FlShown *shown, const char *stage)
{
    const char *above = fl_route_input(shown, stage), *below = NULL;
    for (guint i = 0; i < shown->lane_count && !below; i++) {
        below = far_end(&shown->lanes[i], stage, 1);
        if (below && !gives_pictures(shown, below))
            below = NULL;
    }
    return above ? above : below;
}

struct fl_route_step fl_route_step(const FlShown *shown, const char *stage, const char *before, int direction)
{
    struct fl_route_step step = {0};
    const char *first = NULL;
    bool passed = false; /* `before` was there, and the one after it is the next */
    for (guint i = 0; i < shown->lane_count; i++) {
        const char *end = far_end(&shown->lanes[i], stage, direction);
        if (!end)
            continue;
        step.count++;
        if (!first)
            first = end;
        if (passed && !step.to) {
            step.to = end;
            step.place = step.count;
        }
        passed |= before && strcmp(end, before) == 0;
    }
    if (first && !step.to) {
        step.to = first;
        step.place = 1;
    }
    return step;
}
