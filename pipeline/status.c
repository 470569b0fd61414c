#include "door.h"
#include "live.h"
#include "report.h"

#include <math.h>
#include <unistd.h>

static const char *state_word(const FlRun *run)
{
    if (run->ending)
        return "failing";
    if (run->stopping || run->signal)
        return "stopping";
    return run->state == FL_RUN_RUNNING ? "running" : "starting";
}

static const char *stage_word(const FlRunStage *stage)
{
    switch (stage->life) {
    case FL_LIFE_NEW:
    case FL_LIFE_STARTED:
    case FL_LIFE_OPENING:
    case FL_LIFE_OPENED:
        return "starting";
    case FL_LIFE_RUNNING:
        return FL_RUN_STAT(stage, state) >= FL_STATE_DRAINING ? "draining" : "running";
    default:
        return stage->done ? "done" : "dead";
    }
}

/* Figures a person reads: more digits would only be noise. */
static void add_figure(JsonBuilder *b, const char *name, double value)
{
    fl_json_double(b, name, round(value * 1000) / 1000);
}

/* What it waits for that no lane tells: a source in its produce, a sink in its process. */
static const char *outside_word(const FlRunStage *stage, const FlStageFigures *figures)
{
    const char *url = fl_stage_config_get(stage->config, "url");
    if (stage->life != FL_LIFE_RUNNING || figures->process == '-')
        return "";
    if (figures->process == 'R' || figures->cpu_percent >= 30)
        return "cpu";
    if (url && strstr(url, "://"))
        return "network";
    if (stage->config->kind->flags & (FL_KIND_READS_FILE | FL_KIND_WRITES_FILE))
        return "file";
    return fl_run_is_source(stage) ? "clock" : "outside";
}

static void add_wait(JsonBuilder *b, const FlRunStage *stage, const FlStageFigures *figures)
{
    static const char *const names[FL_WAIT_COUNT] = {
        [FL_WAIT_INPUT] = "input", [FL_WAIT_CREDIT] = "credit", [FL_WAIT_SLOT] = "slot", [FL_WAIT_POOL] = "pool"};
    gboolean stopped = figures->process == 'T' || figures->process == 't';
    gboolean inside = *figures->waiting_for && strcmp(figures->waiting_for, "outside") != 0;
    const char *waits_for = stopped ? "stopped" : inside ? figures->waiting_for : outside_word(stage, figures);
    fl_json_text(b, "waiting_for", waits_for);
    if (figures->waiting_on && !stopped)
        fl_json_text(b, "waiting_on", figures->waiting_on->config->name);
    add_figure(b, "waiting_seconds", figures->waiting_seconds);
    fl_json_begin_object(b, "waited_share");
    for (unsigned what = 0; what < FL_WAIT_COUNT; what++)
        if (names[what])
            add_figure(b, names[what], figures->waited_share[what]);
    json_builder_end_object(b);
}

static void add_stage(JsonBuilder *b, FlRun *run, const FlRunStage *stage, gboolean slowest)
{
    FlStageFigures figures;
    fl_live_stage(run->live, stage, &figures);
    json_builder_begin_object(b);
    fl_report_stage(b, stage);
    if (fl_run_argument(stage))
        fl_json_text(b, "argument", fl_run_argument(stage));
    fl_json_text(b, "state", stage_word(stage));
    fl_json_text(b, "process", (char[]){figures.process, 0});
    add_figure(b, "fps", figures.fps);
    add_figure(b, "ms_p50", figures.ms_p50);
    add_figure(b, "ms_p99", figures.ms_p99);
    add_figure(b, "age_ms", figures.age_ms);
    add_figure(b, "age_p50_ms", figures.age_p50_ms);
    add_figure(b, "age_p99_ms", figures.age_p99_ms);
    add_figure(b, "cpu_percent", figures.cpu_percent);
    fl_json_int(b, "rss_bytes", figures.rss_bytes);
    fl_json_int(b, "restarts", 0); /* none is made yet */
    fl_json_int(b, "slots", FL_RUN_STAT(stage, slots));
    fl_json_int(b, "slots_free", FL_RUN_STAT(stage, slots_free));
    fl_json_int(b, "pool_bytes", FL_RUN_STAT(stage, pool_bytes));
    add_wait(b, stage, &figures);
    fl_json_truth(b, "slowest", slowest);
    json_builder_end_object(b);
}

/* By cause: no credit was left, a newer one came, it was still owed at the end; and what died with its consumer. */
static void add_drops(JsonBuilder *b, const FlRunLane *lane)
{
    FlLaneTally now;
    fl_run_tally_lane(lane, &now);
    fl_json_begin_object(b, "dropped_by");
    fl_json_int(b, "no_credit", now.dropped - MIN(now.left_over, now.dropped));
    fl_json_int(b, "superseded", now.skipped);
    fl_json_int(b, "left_over", now.left_over);
    json_builder_end_object(b);
    fl_json_int(b, "lost", fl_run_lane_lost(lane));
    if (now.dropped)
        fl_json_int(b, "last_dropped", now.last_dropped);
}

/* The frame that has been under way for longest, and for how long. */
static void add_oldest(JsonBuilder *b, const FlLaneTally *tally)
{
    uint64_t now_ns = (uint64_t)g_get_monotonic_time() * 1000;
    if (!tally->oldest_since_ns || tally->sent == tally->returned)
        return;
    fl_json_int(b, "oldest_frame", tally->oldest_number);
    add_figure(b, "oldest_seconds", (double)(now_ns - MIN(now_ns, tally->oldest_since_ns)) / 1e9);
}

static void add_lane(JsonBuilder *b, FlRun *run, const FlRunLane *lane)
{
    FlLaneFigures figures;
    FlLaneTally now;
    fl_live_lane(run->live, lane, &figures);
    fl_run_tally_lane(lane, &now);
    json_builder_begin_object(b);
    fl_report_lane(b, lane);
    fl_json_int(b, "in_use", figures.queued + figures.held);
    fl_json_int(b, "queued", figures.queued);
    fl_json_int(b, "held", figures.held);
    add_drops(b, lane);
    add_oldest(b, &now);
    add_figure(b, "full_share", figures.full_share);
    fl_json_begin_list(b, "history");
    for (unsigned i = 0; i < figures.history_count; i++)
        json_builder_add_int_value(b, figures.history[i]);
    json_builder_end_array(b);
    json_builder_end_object(b);
}

/* What the stage's page says of a lane that leads outside: what was sent and has come back, and what was dropped for it. */
static void add_guest_lane(JsonBuilder *b, const FlAttached *one)
{
    FlLaneTally now;
    fl_run_tally_guest(one->stage, one->lane->id, &now);
    fl_json_int(b, "credits", one->lane->credits);
    fl_json_int(b, "in_use", now.in_use);
    fl_json_int(b, "sent", now.sent);
    fl_json_int(b, "returned", now.returned);
    fl_json_int(b, "dropped", now.dropped);
    if (now.dropped)
        fl_json_int(b, "last_dropped", now.last_dropped);
    add_oldest(b, &now);
}

/* A lane's members, with the process in place of the stage it leads to. */
static void add_guest(const FlAttached *one, gpointer data)
{
    JsonBuilder *b = data;
    g_autofree char *program = fl_attached_program(one);
    json_builder_begin_object(b);
    fl_json_int(b, "pid", (uint64_t)one->pid);
    fl_json_text(b, "program", program);
    fl_json_text(b, "state", one->state);
    fl_json_text(b, "from", one->stage->config->name);
    fl_json_text(b, "carries", one->port == 0 ? "video" : "packets");
    fl_json_text(b, "when_full", one->lane ? fl_policy_name(one->lane->when_full) : "peek");
    if (one->lane)
        add_guest_lane(b, one);
    json_builder_end_object(b);
}

static void add_run(JsonBuilder *b, FlRun *run)
{
    FlTally tally;
    gint64 position;
    fl_run_tally(run, &tally);
    fl_json_int(b, "pid", (uint64_t)getpid());
    fl_json_text(b, "state", state_word(run));
    fl_json_double(b, "seconds", fl_run_seconds(run->launched_us, g_get_monotonic_time()));
    fl_json_double(b, "start_seconds", fl_run_seconds(run->launched_us, run->go_us));
    if (fl_run_position_us(run, &position))
        fl_json_double(b, "position_seconds", (double)position / G_USEC_PER_SEC);
    fl_report_counts(b, &tally);
    fl_json_int(b, "decode_errors", tally.decode_errors);
    fl_json_int(b, "pool_bytes", run->pool_bytes);
    fl_json_text(b, "transport", run->pipeline->transport == FL_TRANSPORT_SHM ? "shm" : "pipe");
    if (run->error)
        fl_json_text(b, "error", run->error);
}

char *fl_status_text(FlRun *run)
{
    g_autoptr(JsonBuilder) b = fl_report_begin(run, "status");
    const FlRunStage *slowest = fl_live_slowest(run->live);
    add_run(b, run);
    fl_json_begin_list(b, "stages");
    for (unsigned i = 0; i < run->stage_count; i++)
        add_stage(b, run, &run->stages[i], &run->stages[i] == slowest);
    json_builder_end_array(b);
    fl_json_begin_list(b, "lanes");
    for (unsigned i = 0; i < run->lane_count; i++)
        if (!run->lanes[i].unwired)
            add_lane(b, run, &run->lanes[i]);
    json_builder_end_array(b);
    fl_json_begin_list(b, "guests");
    fl_door_each_attached(run->door, add_guest, b);
    json_builder_end_array(b);
    return fl_json_finish(b);
}
