/* Which frame belongs to this refresh of the screen. Pure arithmetic over times, tested without a screen.
 *
 * A source that keeps to the clock (a camera, a file played at its speed) gives frames whose pts and arrival run alike. Their
 * arrival jitters, their pts do not, so each is due at its pts plus the most that arrivals are late, though no more than the time
 * of one frame after the earliest would be. A source that runs free (a transcode) has no such clock: its frames are due when they
 * come. At a refresh the newest frame that is due is shown; older ones that were never shown are left out. Where more are waiting
 * than may be held, the oldest is shown rather than lost.
 *
 * Times are nanoseconds of CLOCK_MONOTONIC, except pts.
 */
#ifndef FL_VIEW_PRESENT_H
#define FL_VIEW_PRESENT_H

#include <stdbool.h>
#include <stdint.h>

#define FL_PRESENT_WINDOW 16 /* frames over which the source's speed is measured */

struct fl_present_frame {
    int64_t pts_ns; /* FL_NO_PTS: none */
    int64_t duration_ns; /* 0: unknown */
    uint64_t arrived_ns;
};

struct fl_present {
    struct fl_present_frame last[FL_PRESENT_WINDOW]; /* a ring */
    unsigned count;   /* frames learnt from since the last jump */
    int64_t least_ns, most_ns; /* arrival minus pts: least and most of late; both follow slowly */
    int64_t frame_ns; /* time from one pts to the next, smoothed */
    bool paced;
};

/* Learns from a frame; to be called once for each, in the order of arrival. */
void fl_present_arrived(struct fl_present *present, const struct fl_present_frame *frame);

uint64_t fl_present_due_ns(const struct fl_present *present, const struct fl_present_frame *frame);

/* The index of the frame to show at the refresh that comes next, or -1: what is shown stays. `frames` are the waiting ones, oldest
 * first; `most`: how many may wait. */
int fl_present_choose(const struct fl_present *present, const struct fl_present_frame *frames, unsigned count, unsigned most,
                      uint64_t now_ns);

/* When the next of them is due; UINT64_MAX: none waits. */
uint64_t fl_present_next_ns(const struct fl_present *present, const struct fl_present_frame *frames, unsigned count);

/* Was it shown later than its own refresh and the one after it? */
bool fl_present_is_late(const struct fl_present *present, const struct fl_present_frame *frame, uint64_t shown_ns,
                        uint64_t refresh_ns);

#endif
