/* Credits, slots and bytes are worked out from what the stages hold, so that no pipeline can freeze for want of a slot and none
 * takes more memory than it must; what does not fit is said, with the number that would. */
#include "budget.h"

#include "check.h"

#include <string.h>

#define FRAME (1280 * 720 * 3 / 2)

static const struct fl_kind_info kind = {.name = "any"};

/* A pipeline of up to eight stages, put together by hand. */
struct bench {
    FlPipeline pipeline;
    FlStageConfig stages[8];
    FlLaneConfig lanes[8];
    struct fl_budget_stage said[8];
    FlDiagnostics *diagnostics;
};

static void begin(struct bench *b, unsigned stages)
{
    static char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    memset(b, 0, sizeof *b);
    b->pipeline.name = "bench";
    b->pipeline.stages = g_ptr_array_new();
    b->pipeline.lanes = g_ptr_array_new();
    b->diagnostics = fl_diagnostics_new();
    for (unsigned i = 0; i < stages; i++) {
        b->stages[i] = (FlStageConfig){.name = names[i], .kind = &kind, .spare_slots = 3};
        g_ptr_array_add(b->pipeline.stages, &b->stages[i]);
    }
    b->said[0].output[0] = (struct fl_budget_output){.payload_bytes = FRAME, .working_set = 1};
}

static FlLaneConfig *lane(struct bench *b, unsigned from, unsigned to)
{
    FlLaneConfig *made = &b->lanes[b->pipeline.lanes->len];
    *made = (FlLaneConfig){.from = &b->stages[from], .to = &b->stages[to]};
    g_ptr_array_add(b->pipeline.lanes, made);
    return made;
}

static FlBudget *work_out(struct bench *b)
{
    return fl_budget_new(&b->pipeline, b->said, NULL, b->diagnostics);
}

static void end(struct bench *b, FlBudget *budget)
{
    fl_budget_free(budget);
    fl_diagnostics_free(b->diagnostics);
    g_ptr_array_unref(b->pipeline.stages);
    g_ptr_array_unref(b->pipeline.lanes);
}

static void a_consumer_that_keeps_nothing_gets_its_frame_and_a_queue(void)
{
    struct bench b;
    begin(&b, 2);
    lane(&b, 0, 1);
    FlBudget *budget = work_out(&b);
    CHECK_EQ(budget->lanes[0].reach, 1);
    CHECK_EQ(budget->lanes[0].least, 2);
    CHECK_EQ(budget->lanes[0].credits, 4);
    CHECK_EQ(budget->pools[0][0].slots, 1 + 4 + 3 + 1);
    CHECK_EQ(budget->pools[0][0].slot_bytes, fl_pool_slot_bytes(FRAME));
    CHECK(budget->pools[0][0].bytes >= 9 * fl_pool_slot_bytes(FRAME));
    CHECK_EQ(b.diagnostics->errors, 0);
    end(&b, budget);
}

static void what_a_stage_holds_is_counted(void)
{
    struct bench b;
    begin(&b, 2);
    lane(&b, 0, 1);
    b.said[1].hold[0] = 40;
    FlBudget *budget = work_out(&b);
    CHECK_EQ(budget->lanes[0].reach, 41);
    CHECK_EQ(budget->lanes[0].credits, 44);
    CHECK_EQ(budget->pools[0][0].slots, 1 + 44 + 3 + 1);
    end(&b, budget);
}

/* a makes, b and c forward, d keeps 5: reach 6 at d, 7 at c, 8 at b. */
static void a_forwarder_holds_what_those_below_it_hold(void)
{
    struct bench b;
    begin(&b, 4);
    for (unsigned i = 0; i < 3; i++)
        lane(&b, i, i + 1);
    b.said[1].output[0].forwards = b.said[2].output[0].forwards = true;
    b.said[3].hold[0] = 5;
    FlBudget *budget = work_out(&b);
    CHECK_EQ(budget->lanes[2].reach, 6);
    CHECK_EQ(budget->lanes[1].reach, 7);
    CHECK_EQ(budget->lanes[0].reach, 8);
    CHECK_EQ(budget->lanes[2].spare, 0);
    CHECK_EQ(budget->lanes[0].spare, 3 + 3); /* guests of b and of c hold credits of this lane, and are not noticed */
    CHECK_EQ(budget->lanes[0].least, 9);
    CHECK_EQ(budget->lanes[0].credits, 11 + 6);
    CHECK_EQ(budget->pools[0][0].slots, 1 + 17 + 3 + 1); /* only the lane its frames go on directly */
    CHECK_EQ(budget->pools[1][0].bytes, 0);              /* who only forwards has no pool at start */
    CHECK(budget->pools[1][0].slots > 0);
    CHECK_EQ(budget->chain->len, 4);
    CHECK(g_ptr_array_index(budget->chain, 0) == &b.stages[0] && g_ptr_array_index(budget->chain, 3) == &b.stages[3]);
    end(&b, budget);
}

/* As many as the configuration says, of each stage whose frames they are; where it says none, none. */
static void what_is_to_spare_is_counted(void)
{
    struct bench b;
    begin(&b, 3);
    lane(&b, 0, 1);
    lane(&b, 1, 2);
    b.said[1].output[0].forwards = true;
    b.stages[0].spare_slots = 0;
    b.stages[1].spare_slots = 7;
    FlBudget *budget = work_out(&b);
    CHECK_EQ(budget->lanes[0].spare, 7);
    CHECK_EQ(budget->lanes[0].credits, budget->lanes[0].least + 2 + 7);
    CHECK_EQ(budget->pools[0][0].slots, 1 + budget->lanes[0].credits + 0 + 1);
    CHECK_EQ(budget->pools[1][0].slots, 1 + budget->lanes[1].credits + 7 + 1);
    end(&b, budget);
}

static void more_to_spare_than_there_can_be_is_an_error_that_says_whose(void)
{
    struct bench b;
    begin(&b, 3);
    lane(&b, 0, 1);
    lane(&b, 1, 2);
    b.said[1].output[0].forwards = true;
    b.stages[1].spare_slots = 1024;
    FlBudget *budget = work_out(&b);
    CHECK_EQ(b.diagnostics->errors, 1);
    const FlDiagnostic *said = g_ptr_array_index(b.diagnostics->items, 0);
    CHECK_SAYS(said->message, "lane a -> b: needs 1029 credits, a lane has at most 1024");
    CHECK_SAYS(said->hint, "1024 of them are spare-slots of 'b': ");
    CHECK_SAYS(said->hint, "credits = 5");
    end(&b, budget);

    begin(&b, 5);
    for (unsigned i = 1; i < 5; i++)
        lane(&b, 0, i)->credits = 1024;
    budget = work_out(&b);
    CHECK_EQ(b.diagnostics->errors, 1);
    said = g_ptr_array_index(b.diagnostics->items, 0);
    CHECK_SAYS(said->message, "stage 'a': needs a pool of 4101 slots, a pool has at most 4096");
    CHECK_SAYS(said->hint, "4096 are for the credits of its lanes, 3 its spare-slots");
    end(&b, budget);
}

static void each_forward_in_a_row_needs_one_more(void)
{
    struct bench b;
    begin(&b, 8);
    for (unsigned i = 0; i < 7; i++) {
        lane(&b, i, i + 1);
        b.said[i].output[0].forwards = i > 0;
    }
    FlBudget *budget = work_out(&b);
    CHECK_EQ(budget->lanes[0].reach, 7);
    CHECK_EQ(budget->chain->len, 8);
    end(&b, budget);
}

/* a goes to b and c; b forwards to d and e. */
static void a_fork_adds_up(void)
{
    struct bench b;
    begin(&b, 5);
    lane(&b, 0, 1);
    lane(&b, 0, 2);
    lane(&b, 1, 3);
    lane(&b, 1, 4);
    b.said[1].output[0].forwards = true;
    b.said[3].hold[0] = 2;
    b.said[4].hold[0] = 3;
    FlBudget *budget = work_out(&b);
    CHECK_EQ(budget->lanes[0].reach, 1 + 3 + 4);
    CHECK_EQ(budget->lanes[1].reach, 1);
    CHECK_EQ(budget->pools[0][0].slots, 1 + (8 + 3 + 3) + 4 + 3 + 1);
    end(&b, budget);
}

static void a_stage_that_writes_anew_ends_the_reach(void)
{
    struct bench b;
    begin(&b, 3);
    lane(&b, 0, 1);
    lane(&b, 1, 2);
    b.said[1].output[0] = (struct fl_budget_output){.payload_bytes = FRAME / 4, .working_set = 1};
    b.said[2].hold[0] = 60;
    FlBudget *budget = work_out(&b);
    CHECK_EQ(budget->lanes[0].reach, 1);
    CHECK_EQ(budget->lanes[1].reach, 61);
    CHECK_EQ(budget->chain->len, 2);
    end(&b, budget);
}

static void a_lane_that_shows_the_latest_has_three_at_least(void)
{
    struct bench b;
    begin(&b, 2);
    FlLaneConfig *only = lane(&b, 0, 1);
    only->when_full = FL_WHEN_FULL_LATEST;
    FlBudget *budget = work_out(&b);
    CHECK_EQ(budget->lanes[0].least, 3);
    end(&b, budget);

    begin(&b, 2);
    only = lane(&b, 0, 1);
    only->when_full = FL_WHEN_FULL_LATEST;
    only->credits = 2;
    budget = work_out(&b);
    CHECK_EQ(b.diagnostics->errors, 1);
    end(&b, budget);
}

static void too_few_credits_are_an_error_that_names_the_number(void)
{
    struct bench b;
    begin(&b, 2);
    lane(&b, 0, 1)->credits = 3;
    b.said[1].hold[0] = 5;
    FlBudget *budget = work_out(&b);
    CHECK_EQ(b.diagnostics->errors, 1);
    const FlDiagnostic *said = g_ptr_array_index(b.diagnostics->items, 0);
    CHECK_SAYS(said->message, "lane a -> b");
    CHECK_SAYS(said->message, "at least 7");
    CHECK_SAYS(said->hint, "credits = 7");
    end(&b, budget);
}

static void enough_credits_are_taken_as_given(void)
{
    struct bench b;
    begin(&b, 2);
    lane(&b, 0, 1)->credits = 16;
    FlBudget *budget = work_out(&b);
    CHECK_EQ(budget->lanes[0].credits, 16);
    CHECK_EQ(budget->pools[0][0].slots, 1 + 16 + 3 + 1);
    CHECK_EQ(b.diagnostics->errors, 0);
    end(&b, budget);
}

static void a_lane_that_carries_nothing_costs_nothing(void)
{
    struct bench b;
    gboolean unwired[] = {FALSE, TRUE};
    begin(&b, 3);
    lane(&b, 0, 1);
    lane(&b, 0, 2)->from_port = 1;
    b.said[0].output[1] = (struct fl_budget_output){.payload_bytes = 65536, .working_set = 1};
    FlBudget *budget = fl_budget_new(&b.pipeline, b.said, unwired, b.diagnostics);
    CHECK_EQ(budget->pools[0][1].slots, 0);
    CHECK_EQ(budget->pools[0][1].bytes, 0);
    CHECK_EQ(budget->pool_bytes, budget->pools[0][0].bytes);
    end(&b, budget);
}

static void over_the_limit_the_largest_pool_is_named(void)
{
    struct bench b;
    begin(&b, 3);
    lane(&b, 0, 1);
    lane(&b, 1, 2);
    b.said[1].output[0] = (struct fl_budget_output){.payload_bytes = 100000, .working_set = 1};
    b.pipeline.memory_limit = 1 << 20;
    FlBudget *budget = work_out(&b);
    CHECK_EQ(b.diagnostics->errors, 1);
    const FlDiagnostic *said = g_ptr_array_index(b.diagnostics->items, 0);
    CHECK_SAYS(said->message, "the limit is 1.0 MiB");
    CHECK_SAYS(said->message, "largest: a, 9 slots × 1.3 MiB");
    end(&b, budget);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a consumer that keeps nothing gets its frame and a queue", a_consumer_that_keeps_nothing_gets_its_frame_and_a_queue},
        {"what a stage holds is counted", what_a_stage_holds_is_counted},
        {"a forwarder holds what those below it hold", a_forwarder_holds_what_those_below_it_hold},
        {"what is to spare is counted", what_is_to_spare_is_counted},
        {"more to spare than there can be is an error that says whose",
         more_to_spare_than_there_can_be_is_an_error_that_says_whose},
        {"each forward in a row needs one more", each_forward_in_a_row_needs_one_more},
        {"a fork adds up", a_fork_adds_up},
        {"a stage that writes anew ends the reach", a_stage_that_writes_anew_ends_the_reach},
        {"a lane that shows the latest has three at least", a_lane_that_shows_the_latest_has_three_at_least},
        {"too few credits are an error that names the number", too_few_credits_are_an_error_that_names_the_number},
        {"enough credits are taken as given", enough_credits_are_taken_as_given},
        {"a lane that carries nothing costs nothing", a_lane_that_carries_nothing_costs_nothing},
        {"over the limit the largest pool is named", over_the_limit_the_largest_pool_is_named},
    };
    return CHECK_RUN(cases);
}
