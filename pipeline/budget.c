#include "budget.h"

typedef struct {
    const FlPipeline *pipeline;
    const struct fl_budget_stage *stages;
    FlBudget *budget;
    FlDiagnostics *d;
} Work;

static FlLaneConfig *lane_at(const Work *w, unsigned i)
{
    return g_ptr_array_index(w->pipeline->lanes, i);
}

static unsigned index_of(const Work *w, const FlStageConfig *stage)
{
    unsigned i = 0;
    g_ptr_array_find(w->pipeline->stages, stage, &i);
    return i;
}

/* TRUE where frames of this lane go onward from its consumer without a copy. */
static gboolean forwarded(const Work *w, const FlLaneConfig *lane)
{
    return lane->to_port == 0 && w->stages[index_of(w, lane->to)].output[0].forwards;
}

static gboolean leaves(const Work *w, unsigned i, const FlStageConfig *stage, unsigned port)
{
    const FlLaneConfig *lane = lane_at(w, i);
    return w->budget->lanes[i].wired && lane->from == stage && lane->from_port == port;
}

/* ---- lanes ---- */

static unsigned reach_of(const Work *w, unsigned i)
{
    FlBudgetLane *lane = &w->budget->lanes[i];
    if (lane->reach)
        return lane->reach;
    const FlLaneConfig *config = lane_at(w, i);
    unsigned reach = w->stages[index_of(w, config->to)].hold[config->to_port] + 1;
    for (unsigned below = 0; forwarded(w, config) && below < w->pipeline->lanes->len; below++)
        if (leaves(w, below, config->to, 0))
            reach += reach_of(w, below);
    lane->reach = reach;
    return reach;
}

/* For guests of its consumer, and of all to whom that one forwards: their frames hold credits of this lane. */
static unsigned spare_of(const Work *w, unsigned i)
{
    const FlLaneConfig *config = lane_at(w, i);
    if (!forwarded(w, config))
        return 0;
    unsigned spare = config->to->spare_slots;
    for (unsigned below = 0; below < w->pipeline->lanes->len; below++)
        if (leaves(w, below, config->to, 0))
            spare += spare_of(w, below);
    return spare;
}

static void check_credits(const Work *w, unsigned i)
{
    const FlLaneConfig *config = lane_at(w, i);
    const FlBudgetLane *lane = &w->budget->lanes[i];
    if (lane->credits < lane->least) {
        g_autofree char *hint =
            g_strdup_printf("fix: credits = %u, or leave it out (%u then)", lane->least, lane->least + FL_BUDGET_QUEUE);
        fl_diagnose(w->d, config->place, hint,
                    "lane %s -> %s: credits = %u is too few: '%s'%s can hold %u frame%s at once, so at least %u are needed",
                    config->from->name, config->to->name, lane->credits, config->to->name,
                    forwarded(w, config) ? " and the stages it forwards them to" : "", lane->reach, lane->reach == 1 ? "" : "s",
                    lane->least);
    } else if (lane->credits > FL_LANE_MAX_CREDITS) {
        g_autofree char *hint =
            lane->spare ? g_strdup_printf("%u of them are spare-slots of '%s'%s: give fewer, or set credits = %u here, which "
                                          "leaves none to those outside",
                                          lane->spare, config->to->name, lane->spare > config->to->spare_slots ? " and behind" : "",
                                          lane->least + FL_BUDGET_QUEUE)
                        : NULL;
        fl_diagnose(w->d, config->place, hint, "lane %s -> %s: needs %u credits, a lane has at most %d", config->from->name,
                    config->to->name, lane->credits, FL_LANE_MAX_CREDITS);
    }
}

static void work_out_lane(const Work *w, unsigned i)
{
    const FlLaneConfig *config = lane_at(w, i);
    FlBudgetLane *lane = &w->budget->lanes[i];
    lane->least = reach_of(w, i) + 1;
    if (config->when_full == FL_WHEN_FULL_LATEST)
        lane->least = MAX(lane->least, FL_BUDGET_LATEST);
    lane->spare = spare_of(w, i);
    unsigned usual = lane->least + lane->spare + (config->to_port == 0 ? FL_BUDGET_QUEUE : FL_BUDGET_QUEUE_PACKETS);
    lane->credits = config->credits ? config->credits : usual;
    check_credits(w, i);
    if (lane->credits <= FL_LANE_MAX_CREDITS)
        w->budget->lane_bytes += fl_lane_announce_bytes(lane->credits) + fl_lane_return_bytes(lane->credits);
}

/* ---- pools ---- */

static void work_out_pool(const Work *w, unsigned s, unsigned port)
{
    const FlStageConfig *stage = g_ptr_array_index(w->pipeline->stages, s);
    const struct fl_budget_output *output = &w->stages[s].output[port];
    FlBudgetPool *pool = &w->budget->pools[s][port];
    unsigned credits = 0;
    for (unsigned i = 0; i < w->pipeline->lanes->len; i++)
        if (leaves(w, i, stage, port))
            credits += w->budget->lanes[i].credits;
    if (!credits)
        return;
    pool->slots = MAX(output->working_set, 1) + credits + stage->spare_slots + 1;
    if (pool->slots > FL_POOL_MAX_SLOTS) {
        g_autofree char *hint =
            g_strdup_printf("%u are for the credits of its lanes, %u its spare-slots: give fewer", credits, stage->spare_slots);
        fl_diagnose(w->d, stage->place, hint, "stage '%s': needs a pool of %u slots, a pool has at most %d", stage->name,
                    pool->slots, FL_POOL_MAX_SLOTS);
        pool->slots = FL_POOL_MAX_SLOTS;
    }
    if (!output->payload_bytes)
        return;
    struct fl_pool_info info = {.id = 1, .slot_count = pool->slots, .slot_bytes = fl_pool_slot_bytes(output->payload_bytes)};
    pool->slot_bytes = info.slot_bytes;
    pool->bytes = fl_pool_file_bytes(&info);
    if (!pool->bytes)
        fl_diagnose(w->d, stage->place, NULL, "stage '%s': a frame of %" G_GUINT64_FORMAT " bytes is larger than a slot can be",
                    stage->name, output->payload_bytes);
    w->budget->pool_bytes += pool->bytes;
}

static void check_memory(const Work *w)
{
    const FlPipeline *p = w->pipeline;
    uint64_t need = w->budget->pool_bytes + w->budget->lane_bytes, largest = 0;
    unsigned at = 0, port = 0;
    if (p->transport != FL_TRANSPORT_SHM || p->memory_limit <= 0 || need <= (uint64_t)p->memory_limit)
        return;
    for (unsigned s = 0; s < p->stages->len; s++) {
        for (unsigned o = 0; o < FL_STAGE_MAX_PORTS; o++) {
            if (w->budget->pools[s][o].bytes <= largest)
                continue;
            largest = w->budget->pools[s][o].bytes;
            at = s;
            port = o;
        }
    }
    const FlBudgetPool *pool = &w->budget->pools[at][port];
    const FlStageConfig *stage = g_ptr_array_index(p->stages, at);
    g_autofree char *need_text = fl_bytes_text(need), *limit_text = fl_bytes_text((uint64_t)p->memory_limit);
    g_autofree char *slot_text = fl_bytes_text(pool->slot_bytes);
    g_autofree char *what = largest ? g_strdup_printf("largest: %s, %u slots × %s", stage->name, pool->slots, slot_text)
                                    : g_strdup("for its lanes alone");
    fl_diagnose(w->d, (FlPlace){.file = p->place.file}, NULL, "needs %s of shared memory, the limit is %s (%s)", need_text,
                limit_text, what);
}

/* ---- the longest way without a copy ---- */

static GPtrArray *longest_from(const Work *w, const FlStageConfig *stage, unsigned port)
{
    GPtrArray *best = g_ptr_array_new();
    for (unsigned i = 0; i < w->pipeline->lanes->len; i++) {
        const FlLaneConfig *lane = lane_at(w, i);
        if (!leaves(w, i, stage, port))
            continue;
        g_autoptr(GPtrArray) way = forwarded(w, lane) ? longest_from(w, lane->to, 0) : g_ptr_array_new();
        g_ptr_array_insert(way, 0, lane->to);
        if (way->len > best->len) {
            GPtrArray *shorter = best;
            best = g_steal_pointer(&way);
            g_ptr_array_unref(shorter);
        }
    }
    return best;
}

static void find_chain(const Work *w)
{
    for (unsigned s = 0; s < w->pipeline->stages->len; s++) {
        FlStageConfig *stage = g_ptr_array_index(w->pipeline->stages, s);
        GPtrArray *way = longest_from(w, stage, 0);
        g_ptr_array_insert(way, 0, stage);
        if (way->len > w->budget->chain->len) {
            g_ptr_array_unref(w->budget->chain);
            w->budget->chain = way;
        } else {
            g_ptr_array_unref(way);
        }
    }
}

FlBudget *fl_budget_new(const FlPipeline *pipeline, const struct fl_budget_stage *stages, const gboolean *unwired, FlDiagnostics *d)
{
    FlBudget *budget = g_new0(FlBudget, 1);
    Work w = {pipeline, stages, budget, d};
    budget->lanes = g_new0(FlBudgetLane, pipeline->lanes->len + 1);
    budget->pools = g_malloc0_n(pipeline->stages->len + 1, sizeof *budget->pools);
    budget->chain = g_ptr_array_new();
    for (unsigned i = 0; i < pipeline->lanes->len; i++)
        budget->lanes[i].wired = !unwired || !unwired[i];
    for (unsigned i = 0; i < pipeline->lanes->len; i++)
        if (budget->lanes[i].wired)
            work_out_lane(&w, i);
    for (unsigned s = 0; s < pipeline->stages->len; s++)
        for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++)
            work_out_pool(&w, s, port);
    check_memory(&w);
    find_chain(&w);
    return budget;
}

void fl_budget_free(FlBudget *budget)
{
    if (!budget)
        return;
    g_free(budget->lanes);
    g_free(budget->pools);
    g_ptr_array_unref(budget->chain);
    g_free(budget);
}

char *fl_bytes_text(uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024)
        return g_strdup_printf("%u B", (unsigned)bytes);
    double value = (double)bytes / 1024;
    unsigned unit = 0;
    for (; value >= 1024 && unit + 1 < G_N_ELEMENTS(units); unit++)
        value /= 1024;
    return g_strdup_printf(value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}
