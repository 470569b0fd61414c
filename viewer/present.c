#include "present.h"

#include <stdlib.h>
#include <string.h>

#include <framelane/frame.h>

#define JUMP_NS    1000000000ll /* pts and arrival that part by more begin anew */
#define ENOUGH     8            /* frames before a speed is believed */
#define CALM_SHARE 1024         /* how slowly least and most are forgotten: the refresh a frame falls on must not wander */

static const struct fl_present_frame *nth_last(const struct fl_present *p, unsigned n)
{
    return &p->last[(p->count - 1 - n) % FL_PRESENT_WINDOW];
}

static void begin(struct fl_present *p, const struct fl_present_frame *frame)
{
    memset(p, 0, sizeof *p);
    p->last[0] = *frame;
    p->count = 1;
    p->least_ns = p->most_ns = frame->pts_ns == FL_NO_PTS ? 0 : (int64_t)frame->arrived_ns - frame->pts_ns;
    p->frame_ns = frame->duration_ns;
}

static bool jumps(const struct fl_present *p, const struct fl_present_frame *frame)
{
    if (p->count == 0 || frame->pts_ns == FL_NO_PTS || nth_last(p, 0)->pts_ns == FL_NO_PTS)
        return true;
    int64_t step = frame->pts_ns - nth_last(p, 0)->pts_ns;
    int64_t waited = (int64_t)(frame->arrived_ns - nth_last(p, 0)->arrived_ns);
    return step <= 0 || llabs(step - waited) > JUMP_NS;
}

/* Between nine and eleven tenths of the clock's speed, over the window. */
static bool keeps_time(const struct fl_present *p)
{
    unsigned span = p->count < FL_PRESENT_WINDOW ? p->count - 1 : FL_PRESENT_WINDOW - 1;
    if (p->count < ENOUGH)
        return false;
    const struct fl_present_frame *first = nth_last(p, span), *now = nth_last(p, 0);
    int64_t pts = now->pts_ns - first->pts_ns, clock = (int64_t)(now->arrived_ns - first->arrived_ns);
    return pts * 10 >= clock * 9 && pts * 10 <= clock * 11;
}

static void learn_delay(struct fl_present *p, const struct fl_present_frame *frame)
{
    int64_t delay = (int64_t)frame->arrived_ns - frame->pts_ns;
    p->least_ns = delay < p->least_ns ? delay : p->least_ns + (delay - p->least_ns) / CALM_SHARE;
    p->most_ns = delay > p->most_ns ? delay : p->most_ns - (p->most_ns - delay) / CALM_SHARE;
    if (p->most_ns > p->least_ns + p->frame_ns)
        p->most_ns = p->least_ns + p->frame_ns;
}

void fl_present_arrived(struct fl_present *p, const struct fl_present_frame *frame)
{
    if (jumps(p, frame)) {
        begin(p, frame);
        return;
    }
    int64_t step = frame->pts_ns - nth_last(p, 0)->pts_ns;
    p->frame_ns = p->frame_ns ? p->frame_ns + (step - p->frame_ns) / 8 : step;
    p->last[p->count % FL_PRESENT_WINDOW] = *frame;
    p->count++;
    if (p->count == 2 * FL_PRESENT_WINDOW * ENOUGH) /* a ring's length is taken off, so that the count never wraps */
        p->count -= FL_PRESENT_WINDOW * ENOUGH;
    learn_delay(p, frame);
    p->paced = keeps_time(p);
}

uint64_t fl_present_due_ns(const struct fl_present *p, const struct fl_present_frame *frame)
{
    if (!p->paced || frame->pts_ns == FL_NO_PTS)
        return frame->arrived_ns;
    int64_t due = frame->pts_ns + p->most_ns;
    return due > 0 ? (uint64_t)due : 0;
}

int fl_present_choose(const struct fl_present *p, const struct fl_present_frame *frames, unsigned count, unsigned most,
                      uint64_t now_ns)
{
    int chosen = -1;
    for (unsigned i = 0; i < count; i++)
        if (fl_present_due_ns(p, &frames[i]) <= now_ns)
            chosen = (int)i;
    return chosen < 0 && count >= most ? 0 : chosen;
}

uint64_t fl_present_next_ns(const struct fl_present *p, const struct fl_present_frame *frames, unsigned count)
{
    uint64_t next = UINT64_MAX;
    for (unsigned i = 0; i < count; i++) {
        uint64_t due = fl_present_due_ns(p, &frames[i]);
        next = due < next ? due : next;
    }
    return next;
}

bool fl_present_is_late(const struct fl_present *p, const struct fl_present_frame *frame, uint64_t shown_ns, uint64_t refresh_ns)
{
    return shown_ns > fl_present_due_ns(p, frame) + 2 * refresh_ns;
}
