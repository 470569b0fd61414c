/* Flows of a trace: the way of a frame through all processes as one chain of arrows, "s" at its source, "t" in each stage that it
 * leads on from, "f" where it ends, all of one id. A chain is bound to spans of work, one point in each: the moment within the work
 * on that frame where it was given away first (a source), or where the work began. In either case before anything else begins
 * within that work: some readers bind a point to what has begun last, also when that is over.
 *
 * Where a stage gives a frame to several, the chain leads on to whoever begins first; a chain of its own leads from there to each
 * of the others, so that every passage from a stage to a stage is drawn once, and all of them join in the work they come from.
 *
 * A chain's end is known when the frame is followed no longer: the stage leads nowhere, or has met many others since. Points are
 * written then, in the order of time, so that whatever happens to a stage no chain lacks its end. */
#ifndef FL_TRACE_FLOWS_H
#define FL_TRACE_FLOWS_H

#include "run.h"
#include "trace-json.h"

typedef struct FlTraceFlows FlTraceFlows;

/* `to` stays the caller's. */
FlTraceFlows *fl_trace_flows_new(const FlRun *run, FlTraceFile *to);
/* `lane->from` gives the frame away; `ns` lies within work of that stage. Of what it gives away as it took it nothing new is
 * learnt. */
void fl_trace_flows_gives(FlTraceFlows *flows, const FlRunLane *lane, const FlTraceFrame *frame, uint64_t ns);
/* `lane->to` begins to work on a frame that it took from this lane. */
void fl_trace_flows_works(FlTraceFlows *flows, const FlRunLane *lane, const FlTraceFrame *frame, uint64_t ns);
/* Ends all chains, and frees it. */
void fl_trace_flows_finish(FlTraceFlows *flows);

#endif
