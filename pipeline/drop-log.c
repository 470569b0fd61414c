/* --drop-log: one line a dropped frame, tab separated, after two lines of heading:
 *
 *   # framelane drops 1: run NAME, started 2026-11-30T14:28:53.123456Z; times are seconds from the start
 *   time  frame  epoch  part  from  to  carries  reason  holder  held  queued
 *
 *   time    when it was given up; frame, epoch, part: its identity, as everywhere in the run
 *   from, to, carries    the lane
 *   reason  "no credit", "superseded" (announced, but a newer one was there), "left over" (at the end), "lost" (its consumer died)
 *   holder  the stage that had the credits: the lane's consumer, or, where that waited itself or had passed its frames on, the last
 *           of those who did
 *   held, queued    credits of that lane which its consumer had in hand, and not yet taken, in that moment
 *
 * Lines that begin with # tell what is not there. Drops of one producer stand in their order. */
#include "journal.h"
#include "telling.h"

#include <inttypes.h>

struct FlDropLog {
    FlRun *run;
    FlToldFile *told;
    FILE *file;
    FlRunLane **blocked_on; /* a stage: the lane it waits for; NULL: it does not */
    uint64_t *listed;       /* a lane */
    GArray *perhaps;        /* FlHappening: outstanding when their producer ended; lost if their consumer is found dead */
};

FlDropLog *fl_drop_log_new(FlRun *run, FlToldFile *told)
{
    FlDropLog *log = g_new0(FlDropLog, 1);
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *started = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S.%fZ");
    log->run = run;
    log->told = told;
    log->file = told->file;
    log->blocked_on = g_new0(FlRunLane *, run->stage_count + 1);
    log->listed = g_new0(uint64_t, run->lane_count + 1);
    log->perhaps = g_array_new(FALSE, FALSE, sizeof(FlHappening));
    fprintf(log->file, "# framelane drops 1: run %s, started %s; times are seconds from the start\n", run->pipeline->name, started);
    fprintf(log->file, "time\tframe\tepoch\tpart\tfrom\tto\tcarries\treason\tholder\theld\tqueued\n");
    return log;
}

static void write_line(FlDropLog *log, const FlHappening *h)
{
    const struct fl_event *e = &h->event;
    const FlRunStage *holder = fl_follow_holder(h, log->blocked_on);
    if (log->told->error)
        return;
    uint64_t us = (e->time_ns - (uint64_t)log->run->go_us * 1000) / 1000;
    fprintf(log->file, "%" PRIu64 ".%06u\t%" PRIu64 "\t%u\t%u\t%s\t%s\t%s\t%s\t%s\t%u\t%u\n", us / 1000000,
            (unsigned)(us % 1000000), e->number, e->epoch, e->part, h->lane->from->config->name, h->lane->to->config->name,
            h->lane->config->from_port == 0 ? "video" : "packets", fl_drop_name(e->what), holder->config->name, e->held, e->queued);
    log->listed[h->lane - log->run->lanes]++;
    fl_told_check(log->run, log->told, "--drop-log");
}

void fl_drop_log_take(FlDropLog *log, const FlHappening *h)
{
    switch (h->event.kind) {
    case FL_EVENT_BLOCKED:
        log->blocked_on[h->stage->index] = h->lane;
        break;
    case FL_EVENT_UNBLOCKED:
        log->blocked_on[h->stage->index] = NULL;
        break;
    case FL_EVENT_DROPPED:
        if (h->event.what != FL_DROP_LOST)
            write_line(log, h);
        else if (log->perhaps->len < FL_LANE_MAX_CREDITS * log->run->lane_count)
            g_array_append_val(log->perhaps, *h);
    }
}

/* Those that had not come back, as far as the consumer's death makes them lost: not more than are counted so. */
static void list_lost(FlDropLog *log)
{
    for (unsigned i = 0; i < log->run->lane_count; i++) {
        uint64_t left = fl_run_lane_lost(&log->run->lanes[i]);
        for (guint n = 0; n < log->perhaps->len && left > 0; n++) {
            const FlHappening *h = &g_array_index(log->perhaps, FlHappening, n);
            if (h->lane != &log->run->lanes[i])
                continue;
            write_line(log, h);
            left--;
        }
    }
}

static void tell_missing(FlDropLog *log)
{
    for (unsigned i = 0; i < log->run->lane_count; i++) {
        const FlRunLane *lane = &log->run->lanes[i];
        FlLaneTally now;
        fl_run_tally_lane(lane, &now);
        uint64_t counted = now.dropped + now.skipped + fl_run_lane_lost(lane);
        if (lane->unwired || counted <= log->listed[i] || log->told->error)
            continue;
        fprintf(log->file, "# %" PRIu64 " more were dropped on %s -> %s: which ones is not known\n", counted - log->listed[i],
                lane->from->config->name, lane->to->config->name);
    }
}

void fl_drop_log_finish(FlDropLog *log, uint64_t lost)
{
    if (!log)
        return;
    list_lost(log);
    tell_missing(log);
    if (lost && !log->told->error)
        fprintf(log->file, "# %" PRIu64 " events came faster than they could be written down, and are not here\n", lost);
    fl_told_finish(log->run, log->told, "--drop-log");
    g_array_unref(log->perhaps);
    g_free(log->blocked_on);
    g_free(log->listed);
    g_free(log);
}
