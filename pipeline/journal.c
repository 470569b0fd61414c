#include "journal.h"

#include <string.h>

#define RING_EVENTS 65536 /* a stage and kind: 4 MiB */
#define DRAIN_MS    20
#define AT_ONCE     1024
#define SETTLE_NS   5000000 /* what is younger waits for the next time: an older event of another stage may still be on its way */

typedef struct {
    FlRunStage *stage;
    struct fl_events *events;
    uint64_t lost;
} Ring;

struct FlJournal {
    FlRun *run;
    FlDropLog *drops;
    FlTrace *trace;
    GArray *rings[FL_RECORD_COUNT];   /* Ring */
    GArray *waiting[FL_RECORD_COUNT]; /* FlHappening, not yet handed on */
    struct fl_event *batch;
    guint source;
};

uint64_t fl_journal_region_bytes(void)
{
    return fl_events_bytes(RING_EVENTS);
}

gboolean fl_journal_wants(const FlJournal *journal, enum fl_record kind)
{
    if (!journal)
        return FALSE;
    return kind == FL_RECORD_DROPS ? journal->drops != NULL : journal->trace != NULL;
}

/* ---- words of events ---- */

const char *fl_drop_name(unsigned drop)
{
    static const char *const names[FL_DROP_KINDS] = {[FL_DROP_NO_CREDIT] = "no credit",
                                                     [FL_DROP_SUPERSEDED] = "superseded",
                                                     [FL_DROP_LEFT_OVER] = "left over",
                                                     [FL_DROP_LOST] = "lost"};
    return drop < G_N_ELEMENTS(names) && names[drop] ? names[drop] : "?";
}

/* What a stage has passed on as it is lies with those below it: the lane that holds most of it; NULL: none, it has it itself. */
static const FlRunLane *passed_on_by(const FlRunStage *stage)
{
    const FlRun *run = stage->run;
    const FlRunLane *found = NULL;
    uint64_t most = 0;
    for (unsigned i = 0; i < run->lane_count && stage->stream[0].forwards; i++) {
        FlLaneTally now;
        if (run->lanes[i].from != stage || run->lanes[i].unwired || run->lanes[i].config->from_port != 0)
            continue;
        fl_run_tally_lane(&run->lanes[i], &now);
        if (now.in_use > most && now.in_use <= run->lanes[i].info.credits) {
            most = now.in_use;
            found = &run->lanes[i];
        }
    }
    return found;
}

const FlRunStage *fl_follow_holder(const FlHappening *h, FlRunLane *const *blocked_on)
{
    const FlRunStage *holder = h->lane->to;
    for (unsigned hops = 0; hops < holder->run->stage_count; hops++) {
        const FlRunLane *next = blocked_on[holder->index];
        if (!next && h->event.held > 0)
            next = passed_on_by(holder);
        if (!next)
            break;
        holder = next->to;
    }
    return holder;
}

/* A stage speaks of its own lanes only. */
static FlRunLane *lane_of(const FlRunStage *stage, uint32_t id)
{
    FlRun *run = stage->run;
    FlRunLane *lane = id >= 1 && id <= run->lane_count ? &run->lanes[id - 1] : NULL;
    return lane && (lane->from == stage || lane->to == stage) ? lane : NULL;
}

static gboolean is_sane(const FlHappening *h)
{
    const struct fl_event *event = &h->event;
    gboolean of_lane = event->kind <= FL_EVENT_DROPPED;
    return event->kind > 0 && event->kind < FL_EVENT_KINDS && (!of_lane || h->lane);
}

/* ---- reading ---- */

static void take_event(FlJournal *journal, enum fl_record kind, const Ring *ring, const struct fl_event *event, uint64_t now_ns)
{
    FlHappening h = {ring->stage, lane_of(ring->stage, event->lane), *event};
    h.event.time_ns = CLAMP(event->time_ns, (uint64_t)journal->run->go_us * 1000, now_ns);
    if (is_sane(&h))
        g_array_append_val(journal->waiting[kind], h);
}

static void read_ring(FlJournal *journal, enum fl_record kind, Ring *ring)
{
    uint64_t lost = 0, now_ns = 0;
    for (unsigned total = 0; total < RING_EVENTS;) {
        int got = fl_events_read(ring->events, journal->batch, AT_ONCE, &lost);
        now_ns = ((uint64_t)g_get_monotonic_time() + 1) * 1000; /* after the reading: no honest event is later than that */
        for (int i = 0; i < got; i++)
            take_event(journal, kind, ring, &journal->batch[i], now_ns);
        if (got <= 0)
            break;
        total += AT_ONCE; /* however few they are: who writes may be hostile */
    }
    ring->lost += lost;
    if (lost && kind == FL_RECORD_TRACE)
        fl_trace_lost(journal->trace, ring->stage, lost, (gint64)now_ns);
}

static int by_time(gconstpointer a, gconstpointer b)
{
    const FlHappening *one = a, *other = b;
    return one->event.time_ns < other->event.time_ns ? -1 : one->event.time_ns > other->event.time_ns;
}

/* Rings are read one after the other, so time is to pass between an event and its being handed on. */
static void hand_on(FlJournal *journal, enum fl_record kind, uint64_t until_ns)
{
    GArray *waiting = journal->waiting[kind];
    guint done = 0;
    g_array_sort(waiting, by_time); /* stable: events of one stage keep their order */
    for (; done < waiting->len; done++) {
        const FlHappening *h = &g_array_index(waiting, FlHappening, done);
        if (h->event.time_ns > until_ns)
            break;
        if (kind == FL_RECORD_DROPS)
            fl_drop_log_take(journal->drops, h);
        else
            fl_trace_take(journal->trace, h);
    }
    if (done)
        g_array_remove_range(waiting, 0, done);
}

static void drain(FlJournal *journal, gboolean everything)
{
    uint64_t now_ns = (uint64_t)g_get_monotonic_time() * 1000;
    for (unsigned kind = 0; kind < FL_RECORD_COUNT; kind++) {
        for (guint i = 0; i < journal->rings[kind]->len; i++)
            read_ring(journal, kind, &g_array_index(journal->rings[kind], Ring, i));
        hand_on(journal, kind, everything ? G_MAXUINT64 : now_ns - SETTLE_NS);
    }
}

static gboolean on_time(gpointer data)
{
    drain(data, FALSE);
    return G_SOURCE_CONTINUE;
}

/* ---- from the first region to the last word ---- */

FlJournal *fl_journal_new(FlRun *run)
{
    if (!run->options.drop_log.file && !run->options.trace.file)
        return NULL;
    FlJournal *journal = g_new0(FlJournal, 1);
    journal->run = run;
    journal->batch = g_new(struct fl_event, AT_ONCE);
    for (unsigned kind = 0; kind < FL_RECORD_COUNT; kind++) {
        journal->rings[kind] = g_array_new(FALSE, TRUE, sizeof(Ring));
        journal->waiting[kind] = g_array_new(FALSE, FALSE, sizeof(FlHappening));
    }
    if (run->options.drop_log.file)
        journal->drops = fl_drop_log_new(run, &run->options.drop_log);
    if (run->options.trace.file)
        journal->trace = fl_trace_new(run, &run->options.trace);
    return journal;
}

int fl_journal_add(FlJournal *journal, FlRunStage *stage, const FlRunRegion *region)
{
    Ring ring = {.stage = stage};
    int error = fl_events_open(region->fd, region->bytes, &ring.events);
    if (error < 0)
        return error;
    g_array_append_val(journal->rings[region->port], ring);
    if (!journal->source)
        journal->source = g_timeout_add(DRAIN_MS, on_time, journal);
    return 0;
}

void fl_journal_stage_ended(FlJournal *journal, FlRunStage *stage)
{
    if (journal && journal->trace)
        fl_trace_stage_ended(journal->trace, stage);
}

/* Says of each stage whose events were not all read, and how many there are. */
static uint64_t tell_lost(FlJournal *journal, enum fl_record kind)
{
    uint64_t sum = 0;
    for (guint i = 0; i < journal->rings[kind]->len; i++) {
        const Ring *ring = &g_array_index(journal->rings[kind], Ring, i);
        sum += ring->lost;
        if (ring->lost)
            fl_run_say(journal->run,
                       "warning: %s of %s lacks %" G_GUINT64_FORMAT
                       " events of %s: they came faster than they could be written down; use fewer frames a second",
                       kind == FL_RECORD_DROPS ? "--drop-log" : "--trace", journal->run->pipeline->name, ring->lost,
                       ring->stage->config->name);
    }
    return sum;
}

void fl_journal_finish(FlJournal *journal)
{
    if (!journal)
        return;
    if (journal->source)
        g_source_remove(journal->source);
    drain(journal, TRUE);
    fl_drop_log_finish(journal->drops, tell_lost(journal, FL_RECORD_DROPS));
    fl_trace_finish(journal->trace, tell_lost(journal, FL_RECORD_TRACE));
    for (unsigned kind = 0; kind < FL_RECORD_COUNT; kind++) {
        for (guint i = 0; i < journal->rings[kind]->len; i++)
            fl_events_close(g_array_index(journal->rings[kind], Ring, i).events);
        g_array_unref(journal->rings[kind]);
        g_array_unref(journal->waiting[kind]);
    }
    g_free(journal->batch);
    g_free(journal);
}
