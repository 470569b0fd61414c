/* How much room a pipeline needs: credits of every lane, slots of every pool, bytes. Pure arithmetic over what the stages say of
 * themselves; used before start (check, with what is known then) and at start (run, with what the stages answered).
 *
 *   hold     frames of an input that a stage keeps at once, beyond the one in process
 *   reach    frames of a lane that its consumer can pin: hold + the one in process + the reach of every lane it forwards them to
 *   least    reach + 1, and 3 on a `latest` lane: fewer credits and the producer could never move
 *   spare    frames beyond that which guests may hold: those who attach while the run goes on; `spare-slots` of each stage. Frames
 *            that a stage forwards hold a credit of the lane they came by, so a lane to a stage that forwards has room for that
 *            stage's guests as well
 *   credits  what the configuration says, or the least, a short queue and spare
 *   slots    what the producer keeps itself + the credits of the lanes its frames go on directly + spare + the newest frame.
 *            Forwarded frames hold a credit of the lane they came by: the lanes behind a forwarder are counted there already.
 */
#ifndef FL_BUDGET_H
#define FL_BUDGET_H

#include "description.h"
#include "stage.h"

#define FL_BUDGET_QUEUE         2  /* frames beyond the least, so that two stages need not move in step */
#define FL_BUDGET_QUEUE_PACKETS 14 /* packets are small and come in bursts */
#define FL_BUDGET_LATEST        3
#define FL_BUDGET_SPARE         3 /* spare, where the configuration does not say; and what a guest gets that does not say */

/* What a stage says of itself. All zero is a stage that keeps nothing and forwards nothing. */
struct fl_budget_output {
    uint64_t payload_bytes; /* 0: it only forwards, or unknown: slots are worked out, bytes are not */
    unsigned working_set;
    bool forwards; /* frames of input 0 go onward from here */
};

struct fl_budget_stage {
    unsigned hold[FL_STAGE_MAX_PORTS];
    struct fl_budget_output output[FL_STAGE_MAX_PORTS];
};

typedef struct {
    gboolean wired;
    unsigned reach, least, spare, credits;
} FlBudgetLane;

typedef struct {
    unsigned slots;      /* what a pool of this output must have, also a later, larger one; 0: the output has no lane */
    uint64_t slot_bytes; /* 0: no pool at start */
    uint64_t bytes;      /* of the whole memfd */
} FlBudgetPool;

typedef struct {
    FlBudgetLane *lanes;                       /* parallel to pipeline->lanes */
    FlBudgetPool (*pools)[FL_STAGE_MAX_PORTS]; /* parallel to pipeline->stages, by output port */
    uint64_t pool_bytes, lane_bytes;           /* sums; shared memory where the transport is shm */
    GPtrArray *chain; /* FlStageConfig*: the longest way of one frame without a copy: who made it, then each stage that forwards it,
                         then who takes it last */
} FlBudget;

/* `stages` is parallel to pipeline->stages, which must be free of cycles. `unwired` (may be NULL) is parallel to pipeline->lanes:
 * TRUE where nothing will flow. What does not fit (credits below the least, a lane or pool beyond its limits, memory_limit) goes to
 * `d`. Never NULL. */
FlBudget *fl_budget_new(const FlPipeline *pipeline, const struct fl_budget_stage *stages, const gboolean *unwired,
                        FlDiagnostics *d);
void fl_budget_free(FlBudget *budget);

/* "57.3 MiB"; free with g_free. */
char *fl_bytes_text(uint64_t bytes);

#endif
