#include "run.h"

#include <time.h>

gboolean fl_run_is_source(const FlRunStage *stage)
{
    return stage->config->inputs->len == 0;
}

const char *fl_run_argument(const FlRunStage *stage)
{
    const char *key = stage->config->kind->main_key;
    return stage->argument ? stage->argument : key ? fl_stage_config_get(stage->config, key) : NULL;
}

gboolean fl_run_is_sink(const FlRunStage *stage)
{
    const FlRun *run = stage->run;
    for (unsigned i = 0; i < run->lane_count; i++)
        if (run->lanes[i].from == stage && run->lanes[i].config->from_port == 0)
            return FALSE;
    return TRUE;
}

static const struct fl_stats_lane *row_of(const FlRunStage *stage, uint32_t id)
{
    uint64_t used = MIN(FL_RUN_STAT(stage, lanes_used), FL_STATS_MAX_LANES);
    for (uint64_t i = 0; i < used; i++)
        if (fl_load(&stage->stats->lanes[i].lane, FL_RELAXED) == id)
            return &stage->stats->lanes[i];
    return NULL;
}

#define WORD(row, field) ((row) ? fl_load(&(row)->field, FL_RELAXED) : 0)

/* What the end that gives its frames says of a lane; NULL: it has not said anything yet. */
static FlLaneTally told_by_producer(const struct fl_stats_lane *out)
{
    uint64_t sent = WORD(out, sent), returned = WORD(out, returned);
    return (FlLaneTally){
        .sent = sent,
        .returned = returned,
        .in_use = sent - MIN(returned, sent),
        .dropped = WORD(out, dropped),
        .last_dropped = WORD(out, last_dropped),
        .left_over = WORD(out, left_over),
        .oldest_number = WORD(out, oldest_number),
        .oldest_since_ns = WORD(out, oldest_since_ns),
        .wakeups = WORD(out, wakeups),
        .copies = WORD(out, copies),
        .copied_bytes = WORD(out, copied_bytes),
    };
}

/* What the producer sent is its word, what was taken and returned is the consumer's. */
void fl_run_tally_lane(const FlRunLane *lane, FlLaneTally *tally)
{
    const struct fl_stats_lane *in = row_of(lane->to, lane->info.id);
    *tally = told_by_producer(row_of(lane->from, lane->info.id));
    tally->taken = WORD(in, sent);
    tally->returned = WORD(in, returned);
    tally->skipped = WORD(in, dropped);
    tally->held = WORD(in, sent) - WORD(in, returned);
    tally->wakeups += WORD(in, wakeups);
    tally->copies += WORD(in, copies);
    tally->copied_bytes += WORD(in, copied_bytes);
}

void fl_run_tally_guest(const FlRunStage *stage, uint32_t lane, FlLaneTally *tally)
{
    *tally = told_by_producer(row_of(stage, lane));
}

uint64_t fl_run_stage_copies(const FlRunStage *stage, uint64_t *bytes)
{
    uint64_t copies = FL_RUN_STAT(stage, copies);
    *bytes = FL_RUN_STAT(stage, copied_bytes);
    for (unsigned i = 0; i < stage->run->lane_count; i++) {
        const FlRunLane *lane = &stage->run->lanes[i];
        const struct fl_stats_lane *row = lane->from == stage || lane->to == stage ? row_of(stage, lane->info.id) : NULL;
        if (lane->config->from_port != 0)
            continue;
        copies += WORD(row, copies);
        *bytes += WORD(row, copied_bytes);
    }
    return copies;
}

uint64_t fl_run_stage_frames(const FlRunStage *stage)
{
    return fl_run_is_source(stage) ? FL_RUN_STAT(stage, frames_out) : FL_RUN_STAT(stage, frames_in);
}

/* TRUE where nothing may be lost on the way into it. */
static gboolean takes_all(const FlRunStage *stage)
{
    const FlRun *run = stage->run;
    for (unsigned i = 0; i < run->lane_count; i++)
        if (run->lanes[i].to == stage && run->lanes[i].info.when_full != FL_WHEN_FULL_WAIT)
            return FALSE;
    return TRUE;
}

/* Frames that reached the far end: what every sink that must have all of them has taken, or, without such a one, the best of the
 * others. */
static uint64_t frames_at_the_end(const FlRun *run)
{
    uint64_t least = G_MAXUINT64, most = 0;
    for (unsigned i = 0; i < run->stage_count; i++) {
        const FlRunStage *stage = &run->stages[i];
        if (!fl_run_is_sink(stage))
            continue;
        uint64_t frames = fl_run_stage_frames(stage);
        most = MAX(most, frames);
        if (takes_all(stage))
            least = MIN(least, frames);
    }
    return least == G_MAXUINT64 ? most : least;
}

/* What was given back is what either end knows of: the page of who was killed may be a little behind. */
uint64_t fl_run_lane_lost(const FlRunLane *lane)
{
    FlLaneTally now;
    fl_run_tally_lane(lane, &now);
    if (lane->unwired || lane->to->life != FL_LIFE_REAPED || lane->to->done)
        return 0;
    uint64_t returned = MAX(now.returned, now.sent - now.in_use);
    return now.sent > returned ? now.sent - returned : 0;
}

static void add_lane(const FlRunLane *lane, FlTally *tally)
{
    FlLaneTally now;
    if (lane->unwired)
        return;
    fl_run_tally_lane(lane, &now);
    if (lane->config->from_port != 0) {
        tally->dropped_packets += now.dropped + now.skipped;
        return;
    }
    tally->dropped_policy += now.dropped + now.skipped;
    tally->dropped_error += fl_run_lane_lost(lane);
}

void fl_run_tally(const FlRun *run, FlTally *tally)
{
    *tally = (FlTally){.frames_out = frames_at_the_end(run)};
    for (unsigned i = 0; i < run->stage_count; i++) {
        const FlRunStage *stage = &run->stages[i];
        uint64_t bytes;
        if (fl_run_is_source(stage))
            tally->frames_in += FL_RUN_STAT(stage, frames_out);
        tally->copies += fl_run_stage_copies(stage, &bytes);
        tally->copied_bytes += bytes;
        tally->decode_errors += FL_RUN_STAT(stage, damage);
    }
    for (unsigned i = 0; i < run->lane_count; i++)
        add_lane(&run->lanes[i], tally);
}

uint64_t fl_run_progress(const FlRun *run)
{
    uint64_t sum = run->alive;
    for (unsigned i = 0; i < run->stage_count; i++) {
        const FlRunStage *stage = &run->stages[i];
        sum += FL_RUN_STAT(stage, frames_in) + FL_RUN_STAT(stage, frames_out) + FL_RUN_STAT(stage, packets_in);
        sum += FL_RUN_STAT(stage, packets_out) + FL_RUN_STAT(stage, state) + FL_RUN_STAT(stage, busy_ns);
    }
    return sum;
}

gboolean fl_run_position_us(const FlRun *run, gint64 *position_us)
{
    gint64 least = G_MAXINT64;
    for (unsigned i = 0; i < run->stage_count; i++) {
        const FlRunStage *stage = &run->stages[i];
        gint64 at = stage->stats ? (gint64)FL_RUN_STAT(stage, last_pts_us) : G_MININT64;
        if (fl_run_is_sink(stage) && at != G_MININT64)
            least = MIN(least, at);
    }
    *position_us = least;
    return least != G_MAXINT64;
}

uint64_t fl_run_cpu_ns(const FlRunStage *stage)
{
    clockid_t clock;
    struct timespec used;
    const struct timeval *user = &stage->usage.ru_utime, *system = &stage->usage.ru_stime;
    if (stage->life == FL_LIFE_REAPED)
        return (uint64_t)(user->tv_sec + system->tv_sec) * 1000000000u + (uint64_t)(user->tv_usec + system->tv_usec) * 1000u;
    if (stage->life == FL_LIFE_NEW || clock_getcpuclockid(stage->pid, &clock) || clock_gettime(clock, &used) < 0)
        return 0;
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

double fl_run_seconds(gint64 from_us, gint64 to_us)
{
    return from_us && to_us > from_us ? (double)(to_us - from_us) / G_USEC_PER_SEC : 0;
}
