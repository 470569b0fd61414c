#include "door.h"
#include "journal.h"
#include "live.h"
#include "metrics.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGES_AT_ONCE  32 /* of one stage, before others have their turn */
#define SOCKET_DEADLINE_S 6  /* from the end of a stage's control socket to the end of its process */
#define TICK_MS           1000

/* ---- messages ---- */

static void take_done(FlRunStage *stage, const struct fl_received *message)
{
    stage->life = FL_LIFE_DONE;
    stage->done = TRUE;
}

#define IN(life) (1u << FL_LIFE_##life)
#define ANY      (IN(STARTED) | IN(OPENING) | IN(OPENED) | IN(RUNNING) | IN(DONE))

/* What a stage may say, how large it is, and when. */
static const struct {
    enum fl_control type;
    const char *name;
    size_t body_bytes;
    unsigned lives;
    void (*take)(FlRunStage *stage, const struct fl_received *message);
} messages[] = {
    {FL_CONTROL_OPENED, "OPENED", sizeof(struct fl_control_opened), IN(OPENING), fl_run_take_opened},
    {FL_CONTROL_FAILED, "FAILED", sizeof(struct fl_control_text), ANY, fl_run_take_failed},
    {FL_CONTROL_MAPPED, "MAPPED", sizeof(struct fl_control_region), IN(OPENED) | IN(RUNNING), fl_run_take_mapped},
    {FL_CONTROL_LOG, "LOG", sizeof(struct fl_control_text), ANY, fl_run_take_log},
    {FL_CONTROL_FAULT, "FAULT", sizeof(struct fl_control_lane_event), IN(RUNNING), fl_run_take_fault},
    {FL_CONTROL_WANT_POOL, "WANT_POOL", sizeof(struct fl_control_want_pool), IN(RUNNING), fl_run_take_want_pool},
    {FL_CONTROL_POOL_UNUSED, "POOL_UNUSED", sizeof(struct fl_control_region), IN(RUNNING), fl_run_take_pool_unused},
    {FL_CONTROL_SET_DONE, "SET_DONE", sizeof(struct fl_control_set_done), IN(RUNNING), fl_run_take_set_done},
    {FL_CONTROL_LANE_LEFT, "LANE_LEFT", sizeof(struct fl_control_lane_event), IN(RUNNING), fl_door_take_lane_left},
    {FL_CONTROL_DONE, "DONE", 0, IN(RUNNING), take_done},
};

static void dispatch(FlRunStage *stage, struct fl_received *message)
{
    fl_wire_close_fds(message); /* stages have none to give */
    if (stage->killed)
        return;
    for (unsigned i = 0; i < G_N_ELEMENTS(messages); i++) {
        if (messages[i].type != message->type)
            continue;
        g_autofree char *what = g_strdup_printf("sent %s where it has no place", messages[i].name);
        if (message->body_bytes == messages[i].body_bytes && (messages[i].lives >> stage->life & 1))
            messages[i].take(stage, message);
        else
            fl_run_broke(stage, what);
        return;
    }
    fl_run_broke(stage, "sent a message of an unknown type");
}

static void close_control(FlRunStage *stage)
{
    if (stage->control_source)
        g_source_remove(stage->control_source);
    stage->control_source = 0;
    if (stage->control >= 0)
        close(stage->control);
    stage->control = -1;
}

static gboolean still_there(gpointer data)
{
    FlRunStage *stage = data;
    stage->socket_deadline = 0;
    if (!stage->done && !stage->run->ending)
        fl_run_say(stage->run, "%s (pid %d) has let go of its control socket and does not end; killed", stage->config->name,
                   (int)stage->pid);
    fl_run_kill(stage);
    return G_SOURCE_REMOVE;
}

/* Reads what is there, `limit` messages at most. FALSE: the socket is at its end, and closed. */
static gboolean read_control(FlRunStage *stage, unsigned limit)
{
    struct fl_received *message = &stage->run->received;
    for (unsigned i = 0; i < limit; i++) {
        int error = stage->control < 0 ? -EPIPE : fl_wire_receive(stage->control, MSG_DONTWAIT, message);
        if (error == -EAGAIN)
            return TRUE;
        if (error == 0) {
            dispatch(stage, message);
            continue;
        }
        if (error != -EPIPE)
            fl_run_broke(stage, "sent something that is no message");
        return FALSE;
    }
    return TRUE;
}

void fl_run_hear(FlRunStage *stage)
{
    read_control(stage, MESSAGES_AT_ONCE);
}

static gboolean on_control(gint fd, GIOCondition condition, gpointer data)
{
    FlRunStage *stage = data;
    if (read_control(stage, MESSAGES_AT_ONCE))
        return G_SOURCE_CONTINUE;
    close_control(stage);
    if (!stage->socket_deadline)
        stage->socket_deadline = g_timeout_add_seconds(SOCKET_DEADLINE_S, still_there, stage);
    return G_SOURCE_CONTINUE; /* removed above, by its id */
}

gboolean fl_run_send(FlRunStage *stage, const FlRunMessage *m)
{
    if (stage->control < 0)
        return TRUE;
    int error = fl_wire_send(stage->control, m->type, m->body, m->body_bytes, m->tail, m->tail_bytes, m->fds, m->fd_count);
    if (error == -EAGAIN)
        fl_run_broke(stage, "does not read its control socket");
    return error != -EMSGSIZE;
}

/* ---- exits ---- */

/* What it said last is read before its death is believed: DONE and FAILED decide how the death is told. */
static gboolean reap(FlRunStage *stage)
{
    FlRun *run = stage->run;
    if (wait4(stage->pid, &stage->wait_status, WNOHANG, &stage->usage) != stage->pid)
        return FALSE;
    read_control(stage, G_MAXUINT);
    close_control(stage);
    guint *sources[] = {&stage->socket_deadline, &stage->wanted_timer, &stage->exit_source};
    for (unsigned i = 0; i < G_N_ELEMENTS(sources); i++) {
        if (*sources[i])
            g_source_remove(*sources[i]);
        *sources[i] = 0;
    }
    if (stage->pidfd >= 0)
        close(stage->pidfd);
    stage->pidfd = -1;
    stage->life = FL_LIFE_REAPED;
    run->alive--;
    fl_door_guests_end(run->door, stage);
    fl_run_stage_ended(stage);
    fl_door_stage_ended(run->door, stage);
    if (run->alive == 0)
        g_main_loop_quit(run->loop);
    return TRUE;
}

static gboolean on_exit_of(gint fd, GIOCondition condition, gpointer data)
{
    reap(data);
    return G_SOURCE_CONTINUE; /* reap removes it, by its id */
}

/* For processes that have no pidfd. */
static void reap_all(FlRun *run)
{
    for (unsigned i = 0; i < run->stage_count; i++)
        if (run->stages[i].life != FL_LIFE_NEW && run->stages[i].life != FL_LIFE_REAPED)
            reap(&run->stages[i]);
}

/* ---- signals, the clock ---- */

static gboolean on_signal(gint fd, GIOCondition condition, gpointer data)
{
    struct signalfd_siginfo info;
    if (read(fd, &info, sizeof info) != sizeof info)
        return G_SOURCE_CONTINUE;
    if (info.ssi_signo == SIGCHLD)
        reap_all(data);
    else
        fl_run_take_signal(data, (int)info.ssi_signo);
    return G_SOURCE_CONTINUE;
}

static void catch_signals(FlRun *run)
{
    struct sigaction hangup;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
        sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, &run->old_mask);
    run->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (run->signal_fd >= 0)
        run->signal_source = g_unix_fd_add(run->signal_fd, G_IO_IN, on_signal, run);
}

static gboolean on_tick(gpointer data)
{
    FlRun *run = data;
    if (run->state == FL_RUN_RUNNING) {
        fl_run_show_progress(run);
        fl_run_report_progress(run);
    }
    return G_SOURCE_CONTINUE;
}

/* ---- the whole ---- */

static gboolean launch(FlRunStage *stage)
{
    FlRun *run = stage->run;
    int error = fl_run_spawn(stage);
    if (error < 0) {
        fl_run_fail(run, FL_EXIT_START, "%s: its process cannot be started: %s", stage->config->name, g_strerror(-error));
        return FALSE;
    }
    if (stage->pidfd >= 0)
        stage->exit_source = g_unix_fd_add(stage->pidfd, G_IO_IN, on_exit_of, stage);
    stage->control_source = g_unix_fd_add(stage->control, G_IO_IN | G_IO_HUP | G_IO_ERR, on_control, stage);
    return fl_run_send_config(stage);
}

static void launch_all(FlRun *run)
{
    run->program = fl_run_find_stage_program();
    if (!run->program) {
        fl_run_fail(run, FL_EXIT_START,
                    "framelane-stage is not found, neither beside framelane nor in libexec; is the installation complete?");
        return;
    }
    for (unsigned i = 0; i < run->stage_count; i++)
        if (!launch(&run->stages[i]))
            return;
    fl_run_open_ready(run);
}

int fl_run_supervise(FlRun *run)
{
    run->launched_us = g_get_monotonic_time();
    if (!run->ending && fl_run_open_inputs(run)) {
        catch_signals(run);
        run->tick_source = g_timeout_add(TICK_MS, on_tick, run);
        launch_all(run);
        if (run->alive > 0)
            g_main_loop_run(run->loop);
    }
    run->ended_us = g_get_monotonic_time();
    fl_run_hide_progress(run);
    fl_journal_finish(g_steal_pointer(&run->journal));
    fl_metrics_finish(run->options.metrics);
    int exit_code = fl_run_verdict(run);
    if (run->state == FL_RUN_RUNNING)
        fl_run_show_summary(run);
    fl_run_report_end(run, exit_code);
    fl_door_close(g_steal_pointer(&run->door), exit_code);
    return exit_code;
}

static void region_free(gpointer data)
{
    FlRunRegion *region = data;
    if (region->fd >= 0)
        close(region->fd);
    g_free(region);
}

static FlRunStage *find_stage(FlRun *run, const FlStageConfig *config)
{
    for (unsigned i = 0; i < run->stage_count; i++)
        if (run->stages[i].config == config)
            return &run->stages[i];
    return NULL;
}

static void set_up_lanes(FlRun *run)
{
    for (unsigned i = 0; i < run->lane_count; i++) {
        FlRunLane *lane = &run->lanes[i];
        lane->config = g_ptr_array_index(run->pipeline->lanes, i);
        lane->from = find_stage(run, lane->config->from);
        lane->to = find_stage(run, lane->config->to);
        lane->info = (struct fl_lane_info){
            .id = i + 1,
            .epoch = 1,
            .when_full = lane->config->when_full,
            .transport = run->pipeline->transport,
            .batch = lane->config->batch,
            .batch_delay_ns = (uint64_t)lane->config->batch_delay_ns,
            .spin_ns = (uint64_t)lane->config->spin_ns,
        };
    }
}

static gboolean takes_stdout(const FlStageConfig *config)
{
    const char *url = fl_stage_config_get(config, "url");
    return (config->kind->flags & FL_KIND_WRITES_FILE) && url && g_str_equal(url, "-");
}

FlRun *fl_run_new(const FlPipeline *pipeline, const FlRunOptions *options)
{
    FlRun *run = g_new0(FlRun, 1);
    run->pipeline = pipeline;
    run->options = *options;
    run->signal_fd = -1;
    run->tick_pts_us = G_MININT64;
    run->stage_count = pipeline->stages->len;
    run->lane_count = pipeline->lanes->len;
    run->stages = g_new0(FlRunStage, run->stage_count + 1);
    run->lanes = g_new0(FlRunLane, run->lane_count + 1);
    run->next_id = run->lane_count + 1;
    run->regions = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, region_free);
    run->loop = g_main_loop_new(NULL, FALSE);
    for (unsigned i = 0; i < run->stage_count; i++) {
        FlRunStage *stage = &run->stages[i];
        stage->run = run;
        stage->config = g_ptr_array_index(pipeline->stages, i);
        stage->index = i;
        stage->pidfd = stage->control = stage->input_fd = stage->stats_fd = -1;
        stage->writes_stdout = takes_stdout(stage->config);
    }
    set_up_lanes(run);
    run->live = fl_live_new(run);
    run->journal = fl_journal_new(run);
    return run;
}

static void free_stage(FlRunStage *stage)
{
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++)
        g_clear_pointer(&stage->side[port], g_bytes_unref);
    g_queue_clear_full(&stage->arguments, g_free);
    g_free(stage->argument);
    fl_shm_unmap(stage->stats, sizeof *stage->stats);
    if (stage->stats_fd >= 0)
        close(stage->stats_fd);
    if (stage->input_fd >= 0)
        close(stage->input_fd);
}

void fl_run_free(FlRun *run)
{
    guint sources[] = {run->tick_source, run->deadline_source, run->for_source, run->signal_source,
                       run->waiting_source};
    for (unsigned i = 0; i < G_N_ELEMENTS(sources); i++)
        if (sources[i])
            g_source_remove(sources[i]);
    fl_live_free(run->live);
    for (unsigned i = 0; i < run->stage_count; i++)
        free_stage(&run->stages[i]);
    if (run->signal_fd >= 0)
        close(run->signal_fd);
    g_hash_table_unref(run->regions);
    g_main_loop_unref(run->loop);
    fl_budget_free(run->budget);
    g_free(run->stages);
    g_free(run->lanes);
    g_free(run->program);
    g_free(run->error);
    g_free(run);
}
