/* What a run was like in the last seconds: samples of the stages' pages, taken by the supervisor four times a second. The stages do
 * nothing for it and are not woken by it.
 *
 * Figures of frames are of the last two seconds (so that they follow what happens), those of times and shares of the last ten, the
 * history of a lane of the last minute; of less where the run is younger. All from the supervisor's thread.
 */
#ifndef FL_LIVE_H
#define FL_LIVE_H

#include "run.h"

#define FL_LIVE_SAMPLE_MS 250
#define FL_LIVE_HISTORY   60 /* seconds */

typedef struct {
    double fps;
    double ms_p50, ms_p99;              /* of work a frame */
    double age_ms;                      /* of the newest frame, when it was done with here */
    double age_p50_ms, age_p99_ms;
    double cpu_percent;                 /* of one core */
    uint64_t rss_bytes;                 /* shared pages counted, as everywhere */
    char process;                       /* as in /proc/PID/stat: R, S, D, T, Z; '-': there is none */
    const char *waiting_for;            /* "input", "credit", "slot", "pool", "outside"; "" where it works */
    const FlRunStage *waiting_on;       /* the stage at the other end, NULL: not known, or none */
    double waiting_seconds;             /* since when */
    double waited_share[FL_WAIT_COUNT]; /* by cause */
} FlStageFigures;

typedef struct {
    uint64_t queued, held; /* announced and not taken; taken and not given back */
    uint64_t superseded;   /* of the dropped ones: returned unseen because a newer one was there */
    double full_share;     /* of the last ten seconds: no credit was left */
    unsigned history_count;
    uint8_t history[FL_LIVE_HISTORY]; /* a second each, oldest first: most credits in use, in percent */
} FlLaneFigures;

FlLive *fl_live_new(FlRun *run);
void fl_live_free(FlLive *live); /* NULL is accepted */

void fl_live_stage(FlLive *live, const FlRunStage *stage, FlStageFigures *figures);
/* What the stage has waited for that so far, with the wait that goes on, which its page does not count yet. */
uint64_t fl_live_waited_ns(const FlRunStage *stage, enum fl_waiting_for what, gint64 now_us);
/* The stage that the others wait for, or that loses the most; NULL: none is slow. */
const FlRunStage *fl_live_slowest(const FlLive *live);
void fl_live_lane(FlLive *live, const FlRunLane *lane, FlLaneFigures *figures);

#endif
