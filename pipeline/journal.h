/* What became of frames, gathered from all stages: --drop-log and --trace.
 *
 * Each stage that is asked to writes rings of events (framelane/events.h; host-events.c); the supervisor reads them every 20 ms,
 * puts what came from several stages in the order of time, and hands it on. No stage waits for that, and a stage that dies leaves
 * its ring behind. What was overwritten before it could be read is counted and told.
 *
 *   journal.c   the rings
 *   drop-log.c  a line a dropped frame
 *   trace.c     spans and counters, made of pairs of events
 *   trace-flows.c  a chain of arrows along each frame's way
 *   trace-json.c  how they are written: the Trace Event Format, JSON Array
 *
 * Nothing an event says is trusted: kinds, lanes and times are checked here, and what is kept for later is bounded.
 */
#ifndef FL_JOURNAL_H
#define FL_JOURNAL_H

#include <framelane/events.h>

#include "run.h"

typedef struct FlDropLog FlDropLog;
typedef struct FlTrace FlTrace;

/* An event of `stage`. */
typedef struct {
    FlRunStage *stage;
    FlRunLane *lane; /* one of the stage's; NULL: none, or none that this run has had from the start */
    struct fl_event event;
} FlHappening;

/* Files are open and stay the caller's. NULL where neither is asked for. */
FlJournal *fl_journal_new(FlRun *run);
/* The regions that this stage is to write: mints `kind`, if it is asked for. */
gboolean fl_journal_wants(const FlJournal *journal, enum fl_record kind); /* NULL is accepted */
/* A stage has mapped its region, and nobody else can write it. -errno. */
int fl_journal_add(FlJournal *journal, FlRunStage *stage, const FlRunRegion *region);
void fl_journal_stage_ended(FlJournal *journal, FlRunStage *stage); /* NULL is accepted */
/* The last words: every process is reaped. NULL is accepted. */
void fl_journal_finish(FlJournal *journal);
uint64_t fl_journal_region_bytes(void);

/* drop-log.c */
FlDropLog *fl_drop_log_new(FlRun *run, FlToldFile *told);
void fl_drop_log_take(FlDropLog *log, const FlHappening *happening);
void fl_drop_log_finish(FlDropLog *log, uint64_t lost); /* frees it; NULL is accepted */

/* trace.c */
FlTrace *fl_trace_new(FlRun *run, FlToldFile *told);
void fl_trace_take(FlTrace *trace, const FlHappening *happening);
void fl_trace_lost(FlTrace *trace, const FlRunStage *stage, uint64_t count, gint64 now_ns);
void fl_trace_stage_ended(FlTrace *trace, const FlRunStage *stage);
void fl_trace_finish(FlTrace *trace, uint64_t lost); /* frees it; NULL is accepted */

/* "no credit", "superseded", "left over", "lost"; "?" for others. */
const char *fl_drop_name(unsigned drop);
/* Who had the credits when a frame was dropped: the lane's consumer, or, where that waited itself or had passed on what it took,
 * the last of those who did. `blocked_on[stage]`: the lane its stage waits for, NULL: it does not. */
const FlRunStage *fl_follow_holder(const FlHappening *h, FlRunLane *const *blocked_on);

#endif
