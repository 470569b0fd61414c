#include "run.h"

#include <json-glib/json-glib.h>
#include <sys/wait.h>

#define SCHEMA 1

static void add_int(JsonBuilder *b, const char *name, uint64_t value)
{
    json_builder_set_member_name(b, name);
    json_builder_add_int_value(b, (gint64)value);
}

static void add_double(JsonBuilder *b, const char *name, double value)
{
    json_builder_set_member_name(b, name);
    json_builder_add_double_value(b, value);
}

static void add_text(JsonBuilder *b, const char *name, const char *value)
{
    json_builder_set_member_name(b, name);
    json_builder_add_string_value(b, value);
}

/* ---- what both kinds of object have ---- */

static void add_head(JsonBuilder *b, const FlRun *run, const char *type)
{
    json_builder_begin_object(b);
    add_int(b, "schema", SCHEMA);
    add_text(b, "type", type);
    add_text(b, "run", run->pipeline->name);
}

static void add_counts(JsonBuilder *b, const FlTally *tally)
{
    add_int(b, "frames_in", tally->frames_in);
    add_int(b, "frames_out", tally->frames_out);
    json_builder_set_member_name(b, "dropped");
    json_builder_begin_object(b);
    add_int(b, "policy", tally->dropped_policy);
    add_int(b, "error", tally->dropped_error);
    add_int(b, "packets", tally->dropped_packets);
    json_builder_end_object(b);
    add_int(b, "copies", tally->copies);
    add_int(b, "copied_bytes", tally->copied_bytes);
}

/* One object a line. Nobody reading any more is no reason to stop a run. */
static void write_line(const FlRun *run, JsonBuilder *b)
{
    json_builder_end_object(b);
    g_autoptr(JsonNode) root = json_builder_get_root(b);
    g_autofree char *text = json_to_string(root, FALSE);
    fprintf(run->options.json, "%s\n", text);
    fflush(run->options.json);
}

/* ---- stages and lanes ---- */

static int exit_number(const FlRunStage *stage)
{
    return WIFSIGNALED(stage->wait_status) ? 128 + WTERMSIG(stage->wait_status) : WEXITSTATUS(stage->wait_status);
}

static void add_stage(JsonBuilder *b, const FlRunStage *stage)
{
    const struct rusage *used = &stage->usage;
    uint64_t copied_bytes, copies = fl_run_stage_copies(stage, &copied_bytes);
    json_builder_begin_object(b);
    add_text(b, "name", stage->config->name);
    add_text(b, "kind", stage->config->kind->name);
    add_int(b, "pid", (uint64_t)stage->pid);
    add_int(b, "frames_in", FL_RUN_STAT(stage, frames_in));
    add_int(b, "frames_out", FL_RUN_STAT(stage, frames_out));
    add_int(b, "packets_in", FL_RUN_STAT(stage, packets_in));
    add_int(b, "packets_out", FL_RUN_STAT(stage, packets_out));
    add_int(b, "copies", copies);
    add_int(b, "copied_bytes", copied_bytes);
    add_int(b, "decode_errors", FL_RUN_STAT(stage, damage));
    add_double(b, "busy_seconds", (double)FL_RUN_STAT(stage, busy_ns) / 1e9);
    if (stage->life == FL_LIFE_REAPED)
        add_double(b, "cpu_seconds",
                   (double)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) +
                       (double)(used->ru_utime.tv_usec + used->ru_stime.tv_usec) / G_USEC_PER_SEC);
    if (stage->life == FL_LIFE_REAPED)
        add_int(b, "exit", (uint64_t)exit_number(stage));
    json_builder_end_object(b);
}

static const char *policy_name(uint32_t when_full)
{
    static const char *const names[] = {
        [FL_WHEN_FULL_WAIT] = "wait", [FL_WHEN_FULL_DROP] = "drop", [FL_WHEN_FULL_LATEST] = "latest"};
    return when_full < G_N_ELEMENTS(names) ? names[when_full] : "?";
}

static void add_lane(JsonBuilder *b, const FlRunLane *lane)
{
    FlLaneTally now;
    fl_run_tally_lane(lane, &now);
    json_builder_begin_object(b);
    add_text(b, "from", lane->from->config->name);
    add_text(b, "to", lane->to->config->name);
    add_text(b, "carries", lane->config->from_port == 0 ? "video" : "packets");
    add_text(b, "when_full", policy_name(lane->info.when_full));
    add_int(b, "credits", lane->info.credits);
    add_int(b, "sent", now.sent);
    add_int(b, "taken", now.taken);
    add_int(b, "returned", now.returned);
    add_int(b, "dropped", now.dropped + now.skipped);
    add_int(b, "wakeups", now.wakeups);
    json_builder_end_object(b);
}

static void add_stages_and_lanes(JsonBuilder *b, const FlRun *run)
{
    json_builder_set_member_name(b, "stages");
    json_builder_begin_array(b);
    for (unsigned i = 0; i < run->stage_count; i++)
        add_stage(b, &run->stages[i]);
    json_builder_end_array(b);
    json_builder_set_member_name(b, "lanes");
    json_builder_begin_array(b);
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
    g_autoptr(JsonBuilder) b = json_builder_new();
    fl_run_tally(run, &tally);
    add_head(b, run, "progress");
    add_double(b, "seconds", fl_run_seconds(run->launched_us, g_get_monotonic_time()));
    if (fl_run_position_us(run, &position))
        add_double(b, "position_seconds", (double)position / G_USEC_PER_SEC);
    add_counts(b, &tally);
    add_int(b, "pool_bytes", run->pool_bytes);
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
    g_autoptr(JsonBuilder) b = json_builder_new();
    fl_run_tally(run, &tally);
    add_head(b, run, "end");
    add_text(b, "status", status_word(exit_code));
    add_int(b, "exit", (uint64_t)exit_code);
    if (run->error)
        add_text(b, "error", run->error);
    add_double(b, "seconds", fl_run_seconds(run->launched_us, run->ended_us));
    add_double(b, "start_seconds", fl_run_seconds(run->launched_us, run->go_us));
    add_counts(b, &tally);
    add_int(b, "decode_errors", tally.decode_errors);
    add_int(b, "pool_bytes", run->pool_bytes_peak);
    add_text(b, "transport", run->pipeline->transport == FL_TRANSPORT_SHM ? "shm" : "pipe");
    add_stages_and_lanes(b, run);
    write_line(run, b);
}
