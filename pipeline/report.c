#include "report.h"

#include <errno.h>
#include <sys/wait.h>

/* ---- what both kinds of object have ---- */

JsonBuilder *fl_report_begin(const FlRun *run, const char *type)
{
    JsonBuilder *b = fl_json_begin(type);
    fl_json_text(b, "run", run->pipeline->name);
    return b;
}

void fl_report_counts(JsonBuilder *b, const FlTally *tally)
{
    fl_json_int(b, "frames_in", tally->frames_in);
    fl_json_int(b, "frames_out", tally->frames_out);
    fl_json_begin_object(b, "dropped");
    fl_json_int(b, "policy", tally->dropped_policy);
    fl_json_int(b, "error", tally->dropped_error);
    fl_json_int(b, "packets", tally->dropped_packets);
    json_builder_end_object(b);
    fl_json_int(b, "copies", tally->copies);
    fl_json_int(b, "copied_bytes", tally->copied_bytes);
}

/* One object a line. Nobody reading any more is no reason to stop a run, nor is a disk that is full; but that is said, once. */
static void write_line(FlRun *run, JsonBuilder *b)
{
    g_autofree char *text = fl_json_finish(b);
    errno = 0;
    gboolean written = fprintf(run->options.json, "%s\n", text) >= 0 && fflush(run->options.json) == 0;
    if (written || errno == EPIPE || run->json_failed)
        return;
    g_autofree char *reason = fl_reason_text(errno);
    run->json_failed = TRUE;
    fl_run_say(run, "warning: --json cannot be written: %s; it is not complete", reason);
}

/* ---- stages and lanes ---- */

static int exit_number(const FlRunStage *stage)
{
    return WIFSIGNALED(stage->wait_status) ? 128 + WTERMSIG(stage->wait_status) : WEXITSTATUS(stage->wait_status);
}

void fl_report_stage(JsonBuilder *b, const FlRunStage *stage)
{
    uint64_t copied_bytes, copies = fl_run_stage_copies(stage, &copied_bytes);
    fl_json_text(b, "name", stage->config->name);
    fl_json_text(b, "kind", stage->config->kind->name);
    fl_json_int(b, "pid", (uint64_t)stage->pid);
    fl_json_int(b, "frames_in", FL_RUN_STAT(stage, frames_in));
    fl_json_int(b, "frames_out", FL_RUN_STAT(stage, frames_out));
    fl_json_int(b, "packets_in", FL_RUN_STAT(stage, packets_in));
    fl_json_int(b, "packets_out", FL_RUN_STAT(stage, packets_out));
    fl_json_int(b, "copies", copies);
    fl_json_int(b, "copied_bytes", copied_bytes);
    fl_json_int(b, "decode_errors", FL_RUN_STAT(stage, damage));
    fl_json_int(b, "parameters", FL_RUN_STAT(stage, parameters));
    fl_json_double(b, "busy_seconds", (double)FL_RUN_STAT(stage, busy_ns) / 1e9);
    fl_json_double(b, "cpu_seconds", (double)fl_run_cpu_ns(stage) / 1e9);
    if (stage->life == FL_LIFE_REAPED)
        fl_json_int(b, "exit", (uint64_t)exit_number(stage));
}

void fl_report_lane(JsonBuilder *b, const FlRunLane *lane)
{
    FlLaneTally now;
    fl_run_tally_lane(lane, &now);
    fl_json_text(b, "from", lane->from->config->name);
    fl_json_text(b, "to", lane->to->config->name);
    fl_json_text(b, "carries", lane->config->from_port == 0 ? "video" : "packets");
    fl_json_text(b, "when_full", fl_policy_name(lane->info.when_full));
    fl_json_int(b, "credits", lane->info.credits);
    fl_json_int(b, "sent", now.sent);
    fl_json_int(b, "taken", now.taken);
    fl_json_int(b, "returned", now.returned);
    fl_json_int(b, "dropped", now.dropped + now.skipped);
    fl_json_int(b, "wakeups", now.wakeups);
}

static void add_stage(JsonBuilder *b, const FlRunStage *stage)
{
    json_builder_begin_object(b);
    fl_report_stage(b, stage);
    json_builder_end_object(b);
}

static void add_lane(JsonBuilder *b, const FlRunLane *lane)
{
    json_builder_begin_object(b);
    fl_report_lane(b, lane);
    json_builder_end_object(b);
}

static void add_stages_and_lanes(JsonBuilder *b, const FlRun *run)
{
    fl_json_begin_list(b, "stages");
    for (unsigned i = 0; i < run->stage_count; i++)
        add_stage(b, &run->stages[i]);
    json_builder_end_array(b);
    fl_json_begin_list(b, "lanes");
    for (unsigned i = 0; i < run->lane_count; i++)
        if (!run->lanes[i].unwired)
            add_lane(b, &run->lanes[i]);
    json_builder_end_array(b);
}

/* ---- the objects ---- */

void fl_run_report_progress(FlRun *run)
{
    FlTally tally;
    gint64 position;
    if (!run->options.json)
        return;
    g_autoptr(JsonBuilder) b = fl_report_begin(run, "progress");
    fl_run_tally(run, &tally);
    fl_json_double(b, "seconds", fl_run_seconds(run->launched_us, g_get_monotonic_time()));
    if (fl_run_position_us(run, &position))
        fl_json_double(b, "position_seconds", (double)position / G_USEC_PER_SEC);
    fl_report_counts(b, &tally);
    fl_json_int(b, "pool_bytes", run->pool_bytes);
    add_stages_and_lanes(b, run);
    write_line(run, b);
}

static const char *status_word(int exit_code)
{
    if (exit_code == FL_EXIT_OK)
        return "ok";
    return exit_code == FL_EXIT_DROPS ? "drops" : exit_code > 128 ? "stopped" : "failed";
}

void fl_run_report_end(FlRun *run, int exit_code)
{
    FlTally tally;
    if (!run->options.json)
        return;
    g_autoptr(JsonBuilder) b = fl_report_begin(run, "end");
    fl_run_tally(run, &tally);
    fl_json_text(b, "status", status_word(exit_code));
    fl_json_int(b, "exit", (uint64_t)exit_code);
    if (run->error)
        fl_json_text(b, "error", run->error);
    fl_json_double(b, "seconds", fl_run_seconds(run->launched_us, run->ended_us));
    fl_json_double(b, "start_seconds", fl_run_seconds(run->launched_us, run->go_us));
    fl_report_counts(b, &tally);
    fl_json_int(b, "decode_errors", tally.decode_errors);
    fl_json_int(b, "pool_bytes", run->pool_bytes_peak);
    fl_json_text(b, "transport", run->pipeline->transport == FL_TRANSPORT_SHM ? "shm" : "pipe");
    add_stages_and_lanes(b, run);
    write_line(run, b);
}
