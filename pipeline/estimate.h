/* What a pipeline will need as far as its configuration tells: the usual working sets and holds of the registry, and the size of
 * frames where keys state it. What counts in a run is what the stages answer. */
#ifndef FL_ESTIMATE_H
#define FL_ESTIMATE_H

#include "budget.h"

/* One a stage, in the order of pipeline->stages, for fl_budget_new; free with g_free. payload_bytes is 0 where it is not known. */
struct fl_budget_stage *fl_estimate(const FlPipeline *pipeline);

#endif
