/* What a pipeline will need as far as its configuration tells: the usual working sets and holds of the registry, and the size of
 * frames where keys state it. What counts in a run is what the stages answer. */
#ifndef FL_ESTIMATE_H
#define FL_ESTIMATE_H

#include "budget.h"

/* One a stage, in the order of pipeline->stages, for fl_budget_new; free with g_free. payload_bytes is 0 where it is not known, and
 * everywhere unless `sizes`: where some key is wrong, what is left says nothing of the size of frames. */
struct fl_budget_stage *fl_estimate(const FlPipeline *pipeline, gboolean sizes);

/* The filter of the chain for which the stage copies frames, that it makes or changes: the first that is not known to pass its
 * pictures on as they are. NULL: there is none, or it is no stage with a chain. To g_free. */
char *fl_copied_for(const FlStageConfig *stage);

#endif
