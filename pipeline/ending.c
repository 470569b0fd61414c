#include "door.h"
#include "journal.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define LOOK_MS        250
#define IDLE_US        (5 * G_USEC_PER_SEC)  /* without progress, once the run has failed */
#define ABORT_US       (3 * G_USEC_PER_SEC)  /* for stages to clean up when the run never started */
#define SAME_SIGNAL_US (G_USEC_PER_SEC / 10) /* timeout(1) and terminals send one signal to the process and to its group */

/* ---- STOP ---- */

static void send_stop(FlRunStage *stage)
{
    FlRunMessage stop = {FL_CONTROL_STOP, NULL, NULL, 0, 0, NULL, 0};
    fl_run_send(stage, &stop);
}

void fl_run_stop_sources(FlRun *run)
{
    if (run->stopping)
        return;
    run->stopping = TRUE;
    for (unsigned i = 0; i < run->stage_count; i++) /* all: a filter's chain may have a source of its own in it */
        send_stop(&run->stages[i]);
    fl_run_watch_end(run);
}

/* Nothing flows yet: the end of the socket tells every stage to close what it has opened. It may still say why it failed itself. */
static void call_off(FlRun *run)
{
    for (unsigned i = 0; i < run->stage_count; i++) {
        if (run->stages[i].control < 0)
            continue;
        send_stop(&run->stages[i]);
        shutdown(run->stages[i].control, SHUT_WR);
    }
}

static void kill_all(FlRun *run)
{
    for (unsigned i = 0; i < run->stage_count; i++)
        fl_run_kill(&run->stages[i]);
}

/* ---- who holds the end up ---- */

static gboolean waits_for(const FlRunStage *stage, enum fl_waiting_for what)
{
    return FL_RUN_STAT(stage, waiting_for) == what;
}

/* Blame goes down for credit and slots, up for frames. */
gboolean fl_run_is_held_up(const FlRunStage *stage)
{
    const FlRun *run = stage->run;
    for (unsigned i = 0; i < run->lane_count; i++) {
        const FlRunLane *lane = &run->lanes[i];
        FlLaneTally now;
        fl_run_tally_lane(lane, &now);
        if (lane->unwired)
            continue;
        gboolean holds_us = lane->from == stage && fl_run_is_alive(lane->to) && now.sent > now.returned;
        if (holds_us && (waits_for(stage, FL_WAIT_CREDIT) || waits_for(stage, FL_WAIT_SLOT)))
            return TRUE;
        gboolean starves_us = lane->to == stage && fl_run_is_alive(lane->from) && now.sent <= now.taken;
        if (starves_us && waits_for(stage, FL_WAIT_INPUT))
            return TRUE;
    }
    return FALSE;
}

static void kill_stuck(FlRun *run)
{
    gboolean found = FALSE;
    for (unsigned pass = 0; pass < 2 && !found; pass++) {
        for (unsigned i = 0; i < run->stage_count; i++) {
            FlRunStage *stage = &run->stages[i];
            if (!fl_run_is_alive(stage) || stage->killed || (pass == 0 && fl_run_is_held_up(stage)))
                continue;
            found = TRUE;
            fl_run_say(run, "%s (pid %d) has not moved for %d s while the run was ending; killed", stage->config->name,
                       (int)stage->pid, (int)(IDLE_US / G_USEC_PER_SEC));
            fl_run_kill(stage);
        }
    }
}

static gboolean on_deadline(gpointer data)
{
    FlRun *run = data;
    gint64 now = g_get_monotonic_time();
    uint64_t progress = fl_run_progress(run);
    if (run->state == FL_RUN_RUNNING && progress != run->progress) {
        run->progress = progress;
        run->progress_us = now;
    }
    gint64 idle = now - run->progress_us;
    if (run->state != FL_RUN_RUNNING && idle > ABORT_US)
        kill_all(run);
    if (run->state == FL_RUN_RUNNING && idle > IDLE_US) {
        kill_stuck(run);
        run->progress_us = now;
    }
    return G_SOURCE_CONTINUE;
}

static void begin_ending(FlRun *run)
{
    if (run->ending)
        return;
    run->ending = TRUE;
    if (run->state == FL_RUN_RUNNING)
        fl_run_stop_sources(run);
    else
        call_off(run);
    run->progress_us = g_get_monotonic_time();
    run->deadline_source = g_timeout_add(LOOK_MS, on_deadline, run);
}

/* ---- failures ---- */

void fl_run_fail(FlRun *run, int exit_code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fl_run_say(run, "%s", text);
    if (!run->exit_code) {
        run->exit_code = exit_code;
        run->error = g_steal_pointer(&text);
    }
    begin_ending(run);
}

void fl_run_broke(FlRunStage *stage, const char *what)
{
    if (stage->killed)
        return;
    fl_run_kill(stage);
    fl_run_fail(stage->run, FL_EXIT_FAILED, "%s (pid %d) %s; killed", stage->config->name, (int)stage->pid, what);
}

void fl_run_take_failed(FlRunStage *stage, const struct fl_received *message)
{
    const struct fl_control_text *head = message->body;
    gboolean known = head->level == FL_STAGE_ERROR_CONFIG || head->level == FL_STAGE_ERROR_START;
    g_autofree char *text = fl_run_clean_text(message->tail, message->tail_bytes);
    stage->failed = TRUE;
    fl_run_fail(stage->run, known ? (int)head->level : FL_EXIT_FAILED, "%s: %s", stage->config->name, *text ? text : "failed");
}

static void tell_end(FlRunLane *lane, enum fl_control type, FlRunStage *to)
{
    struct fl_control_lane_event body = {.lane = lane->info.id, .epoch = lane->info.epoch};
    FlRunMessage message = {type, &body, NULL, sizeof body, 0, NULL, 0};
    lane->stopped = TRUE;
    fl_run_send(to, &message);
}

/* An accusation is no proof: the lane is closed, nobody is killed for it. */
void fl_run_take_fault(FlRunStage *stage, const struct fl_received *message)
{
    const struct fl_control_lane_event *event = message->body;
    FlRun *run = stage->run;
    FlRunLane *lane = event->lane >= 1 && event->lane <= run->lane_count ? &run->lanes[event->lane - 1] : NULL;
    g_autofree char *text = fl_run_clean_text(message->tail, message->tail_bytes);
    if (fl_door_take_fault(run->door, stage, event, text))
        return;
    if (!lane || (lane->from != stage && lane->to != stage)) {
        fl_run_broke(stage, "complains of a lane that is not its own");
        return;
    }
    FlRunStage *other = lane->from == stage ? lane->to : lane->from;
    stage->failed = TRUE; /* it has said why it will not end well */
    if (!lane->stopped)
        tell_end(lane, other == lane->from ? FL_CONTROL_LANE_STOP : FL_CONTROL_LANE_ENDED, other);
    fl_run_fail(run, FL_EXIT_FAILED, "lane %s -> %s is closed: %s says that %s %s; the run ends, what was complete is kept",
                lane->from->config->name, lane->to->config->name, stage->config->name, other->config->name, text);
}

/* ---- deaths ---- */

static void tell_neighbours(FlRunStage *stage)
{
    FlRun *run = stage->run;
    for (unsigned i = 0; i < run->lane_count; i++) {
        FlRunLane *lane = &run->lanes[i];
        if (lane->unwired || lane->stopped || (lane->from != stage && lane->to != stage))
            continue;
        if (lane->to == stage)
            tell_end(lane, FL_CONTROL_LANE_STOP, lane->from);
        else
            tell_end(lane, FL_CONTROL_LANE_ENDED, lane->to);
    }
}

static void tell_death(FlRunStage *stage)
{
    FlRun *run = stage->run;
    g_autofree char *death = fl_run_describe_death(stage);
    uint64_t frames = fl_run_stage_frames(stage);
    if (run->state == FL_RUN_RUNNING)
        fl_run_fail(run, FL_EXIT_FAILED,
                    "%s (pid %d) %s after %" G_GUINT64_FORMAT " frame%s; the run ends, what was complete is kept",
                    stage->config->name, (int)stage->pid, death, frames, frames == 1 ? "" : "s");
    else
        fl_run_fail(run, FL_EXIT_FAILED, "%s (pid %d) %s before the run had started; nothing was written", stage->config->name,
                    (int)stage->pid, death);
}

/* A consumer that has left, and is certainly gone: what was announced to it and never taken goes back to its producers. */
static void reclaim(FlRunStage *stage)
{
    for (unsigned i = 0; stage->run->state == FL_RUN_RUNNING && i < stage->run->lane_count; i++) {
        FlRunLane *lane = &stage->run->lanes[i];
        if (lane->to == stage && !lane->unwired && !lane->stopped && fl_run_is_alive(lane->from))
            tell_end(lane, FL_CONTROL_LANE_DOWN, lane->from);
    }
}

void fl_run_stage_ended(FlRunStage *stage)
{
    FlRun *run = stage->run;
    gboolean clean = stage->done && (stage->killed || (WIFEXITED(stage->wait_status) && WEXITSTATUS(stage->wait_status) == 0));
    fl_journal_stage_ended(run->journal, stage);
    if (clean) {
        reclaim(stage);
        return;
    }
    if (run->state == FL_RUN_RUNNING)
        tell_neighbours(stage);
    gboolean called_off = run->ending && run->state != FL_RUN_RUNNING && WIFEXITED(stage->wait_status);
    if (!stage->failed && !stage->killed && !run->kill_signal && !called_off)
        tell_death(stage);
    else if (!run->exit_code)
        run->exit_code = FL_EXIT_FAILED;
    begin_ending(run);
}

/* ---- signals ---- */

static void stop_at_once(FlRun *run, int signal)
{
    run->kill_signal = signal;
    for (unsigned i = 0; i < run->stage_count; i++) /* one that has just finished its file has said so */
        fl_run_hear(&run->stages[i]);
    g_autofree char *outputs = fl_run_outputs_text(run);
    fl_run_say(run, "stopped at once; %s", outputs);
    kill_all(run);
}

void fl_run_take_signal(FlRun *run, int signal)
{
    gint64 now = g_get_monotonic_time();
    if (!run->signal) {
        run->signal = signal;
        run->signal_us = now;
        if (run->state != FL_RUN_RUNNING) {
            fl_run_fail(run, 128 + signal, "stopped before it had started; nothing was written");
            return;
        }
        if (!run->options.quiet)
            fl_run_say(run, "stopping: what is under way is finished and files are closed; once more stops at once");
        fl_run_stop_sources(run);
    } else if (!run->kill_signal && now - run->signal_us > SAME_SIGNAL_US) {
        stop_at_once(run, signal);
    }
}

void fl_run_take_stop(FlRun *run, gboolean now)
{
    if (!run->signal)
        fl_run_take_signal(run, SIGTERM);
    if (now && !run->kill_signal)
        stop_at_once(run, SIGTERM);
}

/* ---- the verdict ---- */

static gboolean gives_video(const FlRunStage *stage)
{
    return fl_run_is_source(stage) && !fl_run_is_sink(stage);
}

static void check_sources(FlRun *run)
{
    for (unsigned i = 0; i < run->stage_count; i++) {
        const FlRunStage *stage = &run->stages[i];
        const char *url = fl_stage_config_get(stage->config, "url");
        if (!gives_video(stage) || FL_RUN_STAT(stage, frames_out) > 0)
            continue;
        if (url)
            fl_run_fail(run, FL_EXIT_FAILED, "%s: '%s' gave no frame; is it damaged from the start?", stage->config->name, url);
        else
            fl_run_fail(run, FL_EXIT_FAILED, "%s: gave no frame", stage->config->name);
    }
}

static void check_drops(FlRun *run)
{
    for (unsigned i = 0; i < run->lane_count; i++) {
        const FlRunLane *lane = &run->lanes[i];
        FlLaneTally now;
        if (lane->unwired || lane->config->from_port != 0)
            continue;
        fl_run_tally_lane(lane, &now);
        uint64_t lost = now.dropped + now.skipped, offered = now.sent + now.dropped;
        double share = offered ? (double)lost / (double)offered : 0;
        if (run->options.max_drop_is_share ? share <= run->options.max_drop : (double)lost <= run->options.max_drop)
            continue;
        fl_run_fail(run, FL_EXIT_DROPS,
                    "lane %s -> %s dropped %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                    " frames (%.2f %%), more than --max-drop allows",
                    lane->from->config->name, lane->to->config->name, lost, offered, share * 100);
    }
}

int fl_run_verdict(FlRun *run)
{
    if (run->kill_signal)
        return 128 + run->kill_signal;
    if (!run->exit_code && !run->stopping)
        check_sources(run);
    if (!run->exit_code && run->options.max_drop_set)
        check_drops(run);
    return run->exit_code;
}
