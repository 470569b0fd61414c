/* A pipeline of three, a -> b -> c, for the targets behind a run's sockets. Included after the supervisor's own files. */
#ifndef FUZZ_THREE_STAGES_H
#define FUZZ_THREE_STAGES_H

#include "../../pipeline/run.h"
#include "fuzz.h"

#include <fcntl.h>

enum { STAGES = 3, LANES = 2 };

struct three_stages {
    FlPipeline pipeline;
    FlStageConfig configs[STAGES];
    FlLaneConfig lane_configs[LANES];
};

static inline void three_stages_configure(struct three_stages *three, uint64_t memory_limit)
{
    static const struct fl_key no_keys[] = {{0}};
    static const struct fl_kind_info kind = {.name = "any", .keys = no_keys};
    static char *const names[] = {"a", "b", "c"};
    three->pipeline = (FlPipeline){.name = "fuzz", .stages = g_ptr_array_new(), .lanes = g_ptr_array_new()};
    three->pipeline.memory_limit = memory_limit;
    for (unsigned i = 0; i < STAGES; i++) {
        three->configs[i] = (FlStageConfig){.name = names[i], .kind = &kind, .spare_slots = 3};
        three->configs[i].options = g_ptr_array_new();
        three->configs[i].inputs = g_ptr_array_new();
        if (i > 0)
            g_ptr_array_add(three->configs[i].inputs, names[i - 1]);
        g_ptr_array_add(three->pipeline.stages, &three->configs[i]);
    }
    for (unsigned i = 0; i < LANES; i++) {
        three->lane_configs[i] = (FlLaneConfig){.from = &three->configs[i], .to = &three->configs[i + 1]};
        g_ptr_array_add(three->pipeline.lanes, &three->lane_configs[i]);
    }
}

/* A run of it, all stages started; ends[i]: the stage's end of its control socket. */
static inline FlRun *three_stages_start(struct three_stages *three, const FlRunOptions *options, int ends[STAGES])
{
    FlRun *run = fl_run_new(&three->pipeline, options);
    for (unsigned i = 0; i < STAGES; i++) {
        FlRunStage *stage = &run->stages[i];
        int pair[2];
        FUZZ_CHECK(fl_wire_pair(pair) == 0);
        fcntl(pair[0], F_SETFL, O_NONBLOCK); /* instead of a time out */
        stage->control = pair[0];
        ends[i] = pair[1];
        stage->life = FL_LIFE_STARTED;
        run->alive++;
    }
    return run;
}

static inline void three_stages_clear(struct three_stages *three)
{
    for (unsigned i = 0; i < STAGES; i++) {
        g_ptr_array_unref(three->configs[i].options);
        g_ptr_array_unref(three->configs[i].inputs);
    }
    g_ptr_array_unref(three->pipeline.stages);
    g_ptr_array_unref(three->pipeline.lanes);
}

#endif
