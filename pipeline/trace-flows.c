#include "trace-flows.h"

#include <inttypes.h>

#define MOST_STOPS 4096 /* frames of a stage that are followed at once: more than a decoder or an encoder keeps back */

/* Work of a stage on a frame. */
typedef struct {
    FlTraceFrame frame;
    unsigned port; /* pictures or sound: they are numbered apart */
    uint64_t ns;
    uint64_t chain; /* the one that leads here; 0: none */
    gboolean led_on;
} Stop;

typedef struct {
    GHashTable *stops; /* a set of Stop, the newest of each frame */
    GQueue order;      /* of all, the oldest first */
    int pid;
    gboolean leads_on; /* it has lanes to others */
} Followed;

struct FlTraceFlows {
    const FlRun *run;
    FlTraceFile *to;
    Followed *stages;
    uint64_t chains;
};

static guint hash_stop(gconstpointer data)
{
    const Stop *stop = data;
    uint64_t mixed = (stop->frame.number * 0x9e3779b97f4a7c15u) ^ ((uint64_t)stop->frame.epoch << 40) ^
                     ((uint64_t)stop->frame.part << 8) ^ stop->port;
    return (guint)(mixed ^ (mixed >> 32));
}

static gboolean same_stop(gconstpointer a, gconstpointer b)
{
    const Stop *one = a, *other = b;
    return one->frame.number == other->frame.number && one->frame.epoch == other->frame.epoch &&
           one->frame.part == other->frame.part && one->port == other->port;
}

FlTraceFlows *fl_trace_flows_new(const FlRun *run, FlTraceFile *to)
{
    FlTraceFlows *flows = g_new0(FlTraceFlows, 1);
    flows->run = run;
    flows->to = to;
    flows->stages = g_new0(Followed, run->stage_count + 1);
    for (unsigned i = 0; i < run->stage_count; i++)
        flows->stages[i].stops = g_hash_table_new(hash_stop, same_stop);
    for (unsigned i = 0; i < run->lane_count; i++)
        flows->stages[run->lanes[i].from->index].leads_on = TRUE;
    return flows;
}

/* An id is a number: readers take nothing else for one. */
static void write_point(FlTraceFlows *flows, char phase, const Followed *at, const Stop *stop, uint64_t chain)
{
    fl_trace_begin(flows->to, phase, "frame", "frame");
    fl_trace_where(flows->to, at->pid, stop->ns);
    fprintf(flows->to->file, ",\"id\":%" PRIu64 "%s", chain, phase == 'f' ? ",\"bp\":\"e\"" : "");
    fl_trace_frame(flows->to, &stop->frame);
    fl_trace_end(flows->to, TRUE);
}

static void end_chain(FlTraceFlows *flows, const Followed *at, const Stop *stop)
{
    if (stop->chain && !stop->led_on && !flows->run->options.trace.error)
        write_point(flows, 'f', at, stop, stop->chain);
}

static void forget_oldest(FlTraceFlows *flows, Followed *at)
{
    Stop *stop = g_queue_pop_head(&at->order);
    if (g_hash_table_lookup(at->stops, stop) == stop)
        g_hash_table_remove(at->stops, stop);
    end_chain(flows, at, stop);
    g_free(stop);
}

/* What a stage makes several of, or numbers anew by parts, comes from the first part. */
static Stop *find_stop(Followed *at, unsigned port, const FlTraceFrame *frame)
{
    Stop like = {.frame = *frame, .port = port};
    Stop *found = g_hash_table_lookup(at->stops, &like);
    like.frame.part = 0;
    return found ? found : g_hash_table_lookup(at->stops, &like);
}

static void follow(FlTraceFlows *flows, const FlRunStage *stage, const Stop *stop)
{
    Followed *at = &flows->stages[stage->index];
    at->pid = (int)stage->pid;
    if (!at->leads_on) {
        end_chain(flows, at, stop);
        return;
    }
    Stop *kept = g_memdup2(stop, sizeof *stop);
    g_hash_table_add(at->stops, kept);
    g_queue_push_tail(&at->order, kept);
    if (g_queue_get_length(&at->order) > MOST_STOPS)
        forget_oldest(flows, at);
}

void fl_trace_flows_gives(FlTraceFlows *flows, const FlRunLane *lane, const FlTraceFrame *frame, uint64_t ns)
{
    Stop stop = {.frame = *frame, .port = lane->config->from_port, .ns = ns};
    if (!find_stop(&flows->stages[lane->from->index], stop.port, frame))
        follow(flows, lane->from, &stop);
}

/* A nanosecond after the work has begun: some readers see a span only from the moment after its first. */
void fl_trace_flows_works(FlTraceFlows *flows, const FlRunLane *lane, const FlTraceFrame *frame, uint64_t ns)
{
    Followed *from = &flows->stages[lane->from->index];
    Stop *before = find_stop(from, lane->config->from_port, frame);
    Stop here = {.frame = *frame, .port = lane->config->to_port, .ns = ns + 1};
    if (before) {
        gboolean begins = !before->chain || before->led_on;
        here.chain = begins ? ++flows->chains : before->chain;
        before->led_on = TRUE;
        write_point(flows, begins ? 's' : 't', from, before, here.chain);
    }
    follow(flows, lane->to, &here);
}

void fl_trace_flows_finish(FlTraceFlows *flows)
{
    for (unsigned i = 0; i < flows->run->stage_count; i++) {
        while (!g_queue_is_empty(&flows->stages[i].order))
            forget_oldest(flows, &flows->stages[i]);
        g_hash_table_unref(flows->stages[i].stops);
    }
    g_free(flows->stages);
    g_free(flows);
}
