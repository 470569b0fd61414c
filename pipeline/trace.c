/* --trace: each stage is a process of its own on the page, with
 *   - a track of the work on each frame, and of what it waited for: complete spans ("X")
 *   - a track a lane that leads to it, of frames that lie there and that it holds: overlapping spans ("b", "e"), and their number
 *     ("C")
 *   - a chain of arrows along the way of each frame, from work to work (trace-flows.h)
 *   - a mark for each frame that was dropped ("i")
 *
 * Every span is written when both its ends are known, so that all are matched whatever happens to a stage. What is open
 * when a stage dies or the run ends is ended there, and says so. Times are microseconds from the run's start. */
#include "journal.h"
#include "telling.h"
#include "trace-flows.h"
#include "trace-json.h"

#include <inttypes.h>
#include <string.h>

#define MOST_UNDER_WAY 4096 /* frames of a lane; more are there only when events were lost */

typedef struct {
    gboolean open, named;
    uint64_t ns;
    FlTraceFrame frame;
    FlRunLane *lane;
    unsigned what;
} Span;

typedef struct {
    Span work, wait;
    uint64_t inner_ns; /* the begin of the first wait or mark within its last work; 0: there was none */
    uint64_t done_ns;  /* the end of its last work; 0: it has done none */
    uint64_t ended_ns; /* 0: lives */
} StageTrack;

/* A frame on its way over a lane. */
typedef struct {
    uint64_t sent_ns, taken_ns; /* taken 0: not yet */
    FlTraceFrame frame;
} Way;

typedef struct {
    GHashTable *ways; /* index -> Way */
    unsigned queued, held;
} LaneTrack;

struct FlTrace {
    FlRun *run;
    FlToldFile *told;
    FlTraceFile to;
    FlTraceFlows *flows;
    StageTrack *stages;
    LaneTrack *lanes;
    FlRunLane **blocked_on;
    uint64_t last_ns; /* of the newest event */
};

static guint hash_index(gconstpointer key)
{
    return g_int64_hash(key);
}

FlTrace *fl_trace_new(FlRun *run, FlToldFile *told)
{
    FlTrace *trace = g_new0(FlTrace, 1);
    trace->run = run;
    trace->told = told;
    trace->to.file = told->file;
    trace->flows = fl_trace_flows_new(run, &trace->to);
    trace->stages = g_new0(StageTrack, run->stage_count + 1);
    trace->lanes = g_new0(LaneTrack, run->lane_count + 1);
    trace->blocked_on = g_new0(FlRunLane *, run->stage_count + 1);
    for (unsigned i = 0; i < run->lane_count; i++)
        trace->lanes[i].ways = g_hash_table_new_full(hash_index, g_int64_equal, g_free, g_free);
    return trace;
}

static uint64_t since_start(const FlTrace *trace, uint64_t ns)
{
    uint64_t start = (uint64_t)trace->run->go_us * 1000;
    return ns > start ? ns - start : 0;
}

static FlTraceFrame frame_of(const struct fl_event *event)
{
    return (FlTraceFrame){event->number, event->epoch, event->part, event->pts_us};
}

static char *lane_name(const FlRunLane *lane)
{
    return g_strdup_printf("%s -> %s%s", lane->from->config->name, lane->to->config->name,
                           lane->config->from_port == 0 ? "" : " (sound)");
}

/* ---- work and waits: spans of a stage's own thread ---- */

static void end_args(FlTrace *trace, const char *why)
{
    if (why) {
        fprintf(trace->to.file, ",\"unfinished\":");
        fl_trace_put_text(trace->to.file, why);
    }
    fl_trace_end(&trace->to, TRUE);
}

/* A source's work without a frame is no work on one: looking, and finding nothing. */
static void close_work(FlTrace *trace, const FlRunStage *stage, uint64_t ns, const char *why)
{
    Span *work = &trace->stages[stage->index].work;
    if (!work->open)
        return;
    work->open = FALSE;
    g_autofree char *name = work->named ? g_strdup_printf("frame %" PRIu64, work->frame.number)
                                        : g_strdup(fl_run_is_source(stage) ? "produce" : "work");
    fl_trace_begin(&trace->to, 'X', "work", name);
    fl_trace_where(&trace->to, (int)stage->pid, work->ns);
    fl_trace_duration(&trace->to, ns - MIN(work->ns, ns));
    fl_trace_frame(&trace->to, &work->frame);
    end_args(trace, why);
    trace->stages[stage->index].done_ns = MAX(work->ns + 1, ns);
}

static char *wait_name(const Span *wait)
{
    const char *on = wait->lane ? wait->lane->to->config->name : NULL;
    switch (wait->what) {
    case FL_WAIT_CREDIT:
        return on ? g_strdup_printf("waits for credit of %s", on) : g_strdup("waits for credit");
    case FL_WAIT_SLOT:
        return on ? g_strdup_printf("waits for a slot, held by %s", on) : g_strdup("waits for a slot");
    case FL_WAIT_POOL:
        return g_strdup("waits for a larger pool");
    case FL_WAIT_INPUT:
        return wait->lane ? g_strdup_printf("waits for frames of %s", wait->lane->from->config->name)
                          : g_strdup("waits for frames");
    default:
        return g_strdup("waits for what is outside");
    }
}

/* One that is ended with the work around it ends a nanosecond before that: some readers cut durations short, and throw away a span
 * that reaches beyond the one it is in. */
static void close_wait(FlTrace *trace, const FlRunStage *stage, uint64_t ns, const char *why)
{
    Span *wait = &trace->stages[stage->index].wait;
    if (!wait->open)
        return;
    wait->open = FALSE;
    if (why)
        ns -= MIN(ns, 1);
    g_autofree char *name = wait_name(wait);
    fl_trace_begin(&trace->to, 'X', "wait", name);
    fl_trace_where(&trace->to, (int)stage->pid, wait->ns);
    fl_trace_duration(&trace->to, ns - MIN(wait->ns, ns));
    fprintf(trace->to.file, ",\"args\":{\"for\":\"%s\"",
            wait->what == FL_WAIT_INPUT     ? "input"
            : wait->what == FL_WAIT_OUTSIDE ? "outside"
                                            : "room");
    end_args(trace, why);
}

static void open_span(FlTrace *trace, Span *span, const FlHappening *h, uint64_t ns)
{
    *span = (Span){.open = TRUE, .ns = ns, .frame = frame_of(&h->event), .lane = h->lane, .what = h->event.what};
    span->named = h->event.kind == FL_EVENT_WORK && h->event.lane != 0;
}

/* Something else begins on the track of the stage's work. */
static void note_inner(StageTrack *track, uint64_t ns)
{
    if (track->work.open && !track->inner_ns)
        track->inner_ns = ns;
}

/* A source learns what its work was on when it gives it away. */
static void name_work(FlTrace *trace, const FlHappening *h)
{
    Span *work = &trace->stages[h->stage->index].work;
    if (!work->open || work->named || h->lane->from != h->stage)
        return;
    work->named = TRUE;
    work->frame = frame_of(&h->event);
}

/* ---- frames on their way ---- */

static void count_credits(FlTrace *trace, const FlRunLane *lane, uint64_t ns)
{
    const LaneTrack *track = &trace->lanes[lane - trace->run->lanes];
    g_autofree char *name = lane_name(lane);
    fl_trace_begin(&trace->to, 'C', "lane", name);
    fl_trace_where(&trace->to, (int)lane->to->pid, ns);
    fprintf(trace->to.file, ",\"args\":{\"held\":%u,\"queued\":%u", track->held, track->queued);
    fl_trace_end(&trace->to, TRUE);
}

typedef struct {
    const FlRunLane *lane;
    uint64_t index;
    const Way *way;
} Passage;

static void write_stay(FlTrace *trace, const Passage *p, gboolean held, uint64_t until_ns, const char *why)
{
    g_autofree char *lane = lane_name(p->lane), *name = g_strdup_printf("%s %s", lane, held ? "held" : "queued");
    uint64_t from_ns = held ? p->way->taken_ns : p->way->sent_ns;
    for (unsigned end = 0; end < 2; end++) {
        fl_trace_begin(&trace->to, end ? 'e' : 'b', "lane", name);
        fl_trace_where(&trace->to, (int)p->lane->to->pid, end ? MAX(from_ns, until_ns) : from_ns);
        fl_trace_id(&trace->to, held ? 'h' : 'q', p->lane->info.id, &p->way->frame, p->index);
        fl_trace_frame(&trace->to, &p->way->frame);
        end_args(trace, end ? why : NULL);
    }
}

/* Within the work that gave it away; where a credit came only after that work, in its last moment. But before the first wait and
 * the first mark within it: some readers take the last that has begun for what the arrow comes from, also when that is over. */
static void follow_sent(FlTrace *trace, const FlHappening *h, uint64_t ns)
{
    const StageTrack *stage = &trace->stages[h->stage->index];
    FlTraceFrame frame = frame_of(&h->event);
    if (h->lane->from != h->stage || (!stage->work.open && !stage->done_ns))
        return;
    uint64_t at = stage->work.open ? ns : stage->done_ns - 1;
    if (stage->inner_ns && stage->inner_ns <= at)
        at = MAX(stage->work.ns, stage->inner_ns - 1);
    fl_trace_flows_gives(trace->flows, h->lane, &frame, at);
}

static void take_sent(FlTrace *trace, const FlHappening *h, uint64_t ns)
{
    LaneTrack *track = &trace->lanes[h->lane - trace->run->lanes];
    if (g_hash_table_size(track->ways) >= MOST_UNDER_WAY) {
        g_hash_table_remove_all(track->ways);
        track->queued = track->held = 0;
    }
    Way *way = g_new0(Way, 1);
    *way = (Way){.sent_ns = ns, .frame = frame_of(&h->event)};
    g_hash_table_insert(track->ways, g_memdup2(&h->event.index, sizeof h->event.index), way);
    track->queued++;
    count_credits(trace, h->lane, ns);
}

static void take_taken(FlTrace *trace, const FlHappening *h, uint64_t ns)
{
    LaneTrack *track = &trace->lanes[h->lane - trace->run->lanes];
    Way *way = g_hash_table_lookup(track->ways, &h->event.index);
    if (!way || way->taken_ns)
        return;
    way->taken_ns = MAX(ns, way->sent_ns);
    track->queued--;
    track->held++;
    write_stay(trace, &(Passage){h->lane, h->event.index, way}, FALSE, way->taken_ns, NULL);
    count_credits(trace, h->lane, ns);
}

static void take_given_back(FlTrace *trace, const FlHappening *h, uint64_t ns)
{
    LaneTrack *track = &trace->lanes[h->lane - trace->run->lanes];
    const Way *way = g_hash_table_lookup(track->ways, &h->event.index);
    if (!way)
        return;
    if (way->taken_ns) {
        write_stay(trace, &(Passage){h->lane, h->event.index, way}, TRUE, ns, NULL);
        track->held--;
    } else {
        track->queued--;
    }
    g_hash_table_remove(track->ways, &h->event.index);
    count_credits(trace, h->lane, ns);
}

static void take_dropped(FlTrace *trace, const FlHappening *h, uint64_t ns)
{
    const struct fl_event *e = &h->event;
    FlTraceFrame frame = frame_of(e);
    LaneTrack *track = &trace->lanes[h->lane - trace->run->lanes];
    const Way *way = e->what == FL_DROP_SUPERSEDED ? g_hash_table_lookup(track->ways, &e->index) : NULL;
    g_autofree char *name = g_strdup_printf("dropped: %s", fl_drop_name(e->what)), *lane = lane_name(h->lane);
    const FlRunStage *holder = fl_follow_holder(h, trace->blocked_on);
    if (e->what == FL_DROP_LOST)
        return; /* perhaps: the run's last words are not here yet */
    note_inner(&trace->stages[h->stage->index], ns);
    fl_trace_begin(&trace->to, 'i', "drop", name);
    fl_trace_where(&trace->to, (int)h->stage->pid, ns);
    fprintf(trace->to.file, ",\"s\":\"t\"");
    fl_trace_frame(&trace->to, &frame);
    fprintf(trace->to.file, ",\"lane\":");
    fl_trace_put_text(trace->to.file, lane);
    fprintf(trace->to.file, ",\"holder\":");
    fl_trace_put_text(trace->to.file, holder->config->name);
    fprintf(trace->to.file, ",\"held\":%u,\"queued\":%u", e->held, e->queued);
    fl_trace_end(&trace->to, TRUE);
    if (!way)
        return;
    write_stay(trace, &(Passage){h->lane, e->index, way}, FALSE, ns, "superseded");
    g_hash_table_remove(track->ways, &e->index);
    track->queued--;
    count_credits(trace, h->lane, ns);
}

/* ---- all of them ---- */

void fl_trace_take(FlTrace *trace, const FlHappening *h)
{
    uint64_t ns = since_start(trace, h->event.time_ns);
    StageTrack *track = &trace->stages[h->stage->index];
    if (trace->told->error)
        return;
    trace->last_ns = MAX(trace->last_ns, ns);
    switch (h->event.kind) {
    case FL_EVENT_SENT:
        name_work(trace, h);
        follow_sent(trace, h, ns);
        take_sent(trace, h, ns);
        break;
    case FL_EVENT_TAKEN:
        take_taken(trace, h, ns);
        break;
    case FL_EVENT_GIVEN_BACK:
        take_given_back(trace, h, ns);
        break;
    case FL_EVENT_DROPPED:
        name_work(trace, h);
        take_dropped(trace, h, ns);
        break;
    case FL_EVENT_WORK:
        close_wait(trace, h->stage, ns, "its end was lost");
        close_work(trace, h->stage, ns, "its end was lost");
        open_span(trace, &track->work, h, ns);
        track->inner_ns = 0;
        if (h->lane && h->lane->to == h->stage)
            fl_trace_flows_works(trace->flows, h->lane, &track->work.frame, ns);
        break;
    case FL_EVENT_WORK_DONE:
        close_work(trace, h->stage, ns, NULL);
        break;
    case FL_EVENT_BLOCKED:
        trace->blocked_on[h->stage->index] = h->lane;
        note_inner(track, ns);
        open_span(trace, &track->wait, h, ns);
        break;
    case FL_EVENT_IDLE:
        note_inner(track, ns);
        open_span(trace, &track->wait, h, ns);
        break;
    default:
        trace->blocked_on[h->stage->index] = NULL;
        close_wait(trace, h->stage, ns, NULL);
    }
    fl_told_check(trace->run, trace->told, "--trace");
}

void fl_trace_lost(FlTrace *trace, const FlRunStage *stage, uint64_t count, gint64 now_ns)
{
    g_autofree char *name = g_strdup_printf("%" PRIu64 " events of %s were lost", count, stage->config->name);
    if (trace->told->error)
        return;
    fl_trace_begin(&trace->to, 'i', "lost", name);
    fl_trace_where(&trace->to, (int)stage->pid, since_start(trace, (uint64_t)now_ns));
    fprintf(trace->to.file, ",\"s\":\"p\"");
    fl_trace_end(&trace->to, FALSE);
}

void fl_trace_stage_ended(FlTrace *trace, const FlRunStage *stage)
{
    trace->stages[stage->index].ended_ns = since_start(trace, (uint64_t)g_get_monotonic_time() * 1000);
}

/* ---- the end ---- */

static void end_stage(FlTrace *trace, const FlRunStage *stage)
{
    const StageTrack *track = &trace->stages[stage->index];
    g_autofree char *death = stage->done ? NULL : fl_run_describe_death(stage);
    uint64_t ns = MAX(track->ended_ns, MAX(track->work.ns, track->wait.ns));
    close_wait(trace, stage, ns, death ? death : "the stage has ended");
    close_work(trace, stage, ns, death ? death : "the stage has ended");
    fl_trace_name(&trace->to, (int)stage->pid, "process_name", stage->config->name, stage->config->kind->name);
    fl_trace_name(&trace->to, (int)stage->pid, "thread_name", "frames", NULL);
    fl_trace_begin(&trace->to, 'M', NULL, "process_sort_index");
    fl_trace_where(&trace->to, (int)stage->pid, 0);
    fprintf(trace->to.file, ",\"args\":{\"sort_index\":%u", stage->index);
    fl_trace_end(&trace->to, TRUE);
    if (!death)
        return;
    fl_trace_begin(&trace->to, 'i', "death", death);
    fl_trace_where(&trace->to, (int)stage->pid, ns);
    fprintf(trace->to.file, ",\"s\":\"p\"");
    fl_trace_end(&trace->to, FALSE);
}

static void end_lane(FlTrace *trace, const FlRunLane *lane)
{
    GHashTableIter each;
    gpointer index, value;
    uint64_t ended = trace->stages[lane->to->index].ended_ns;
    g_hash_table_iter_init(&each, trace->lanes[lane - trace->run->lanes].ways);
    while (g_hash_table_iter_next(&each, &index, &value)) {
        const Way *way = value;
        write_stay(trace, &(Passage){lane, *(uint64_t *)index, way}, way->taken_ns != 0, ended, "never given back");
    }
}

static void write_end(FlTrace *trace, uint64_t lost)
{
    for (unsigned i = 0; i < trace->run->lane_count; i++)
        end_lane(trace, &trace->run->lanes[i]);
    for (unsigned i = 0; i < trace->run->stage_count; i++)
        if (trace->run->stages[i].pid > 0)
            end_stage(trace, &trace->run->stages[i]);
    fl_trace_begin(&trace->to, 'M', NULL, "framelane_run");
    fl_trace_where(&trace->to, 0, 0);
    fprintf(trace->to.file, ",\"args\":{\"run\":");
    fl_trace_put_text(trace->to.file, trace->run->pipeline->name);
    fprintf(trace->to.file, ",\"events_lost\":%" PRIu64, lost);
    fl_trace_end(&trace->to, TRUE);
    fputs("\n]\n", trace->to.file);
}

void fl_trace_finish(FlTrace *trace, uint64_t lost)
{
    if (!trace)
        return;
    fl_trace_flows_finish(trace->flows);
    if (!trace->told->error)
        write_end(trace, lost);
    fl_told_finish(trace->run, trace->told, "--trace");
    for (unsigned i = 0; i < trace->run->lane_count; i++)
        g_hash_table_unref(trace->lanes[i].ways);
    g_free(trace->stages);
    g_free(trace->lanes);
    g_free(trace->blocked_on);
    g_free(trace);
}
