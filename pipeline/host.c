#include "host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *fl_stage_priv(struct fl_stage *stage)
{
    return stage->priv;
}

const char *fl_stage_name(const struct fl_stage *stage)
{
    return stage->name;
}

static int take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

int fl_stage_take_input_fd(struct fl_stage *stage)
{
    return take_fd(&stage->input_fd);
}

int fl_stage_take_stdout_fd(struct fl_stage *stage)
{
    return take_fd(&stage->stdout_fd);
}

/* ---- CONFIG, before there is a second thread ---- */

int fl_host_read_config(struct fl_stage *stage, const struct fl_received *message)
{
    struct fl_control_config config;
    if (message->type != FL_CONTROL_CONFIG || message->body_bytes < sizeof config)
        return -EBADMSG;
    memcpy(&config, message->body, sizeof config);
    stage->flags = config.flags;
    stage->frames_limit = config.frames_limit;
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++)
        stage->outputs[port].connected = config.outputs_connected >> port & 1;
    return fl_host_parse_options(stage, message->tail, message->tail_bytes, config.option_count);
}

static int receive_config(struct fl_stage *stage)
{
    struct fl_received *message = malloc(sizeof *message);
    if (!message)
        return -ENOMEM;
    int error = fl_wire_receive(stage->socket, 0, message);
    if (error == 0) {
        error = fl_host_read_config(stage, message);
        if (error == 0 && (stage->flags & FL_CONFIG_INPUT_FD) && message->fd_count > 0)
            stage->input_fd = take_fd(&message->fds[0]);
        if (stage->flags & FL_CONFIG_STDOUT)
            stage->stdout_fd = STDOUT_FILENO;
        fl_wire_close_fds(message);
    }
    free(message);
    return error;
}

/* ---- opening and wiring ---- */

static bool has_message(void *arg)
{
    return fl_host_interrupted(arg);
}

/* NULL: the supervisor is dead, or the stage has failed. */
static struct fl_host_message *await_message(struct fl_stage *stage)
{
    struct fl_host_message *message = NULL;
    while (!message && !atomic_load(&stage->alone) && !atomic_load(&stage->failed)) {
        fl_context_wait(stage->context, has_message, stage, 100000000);
        message = fl_host_next_message(stage);
    }
    return message;
}

static int open_stage(struct fl_stage *stage)
{
    struct fl_host_message *message = await_message(stage);
    if (!message)
        return -ECANCELED;
    int error = message->type == FL_CONTROL_OPEN ? fl_host_take_open(stage, message) : -EBADMSG;
    fl_host_message_free(message);
    if (error < 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_START, error, "could not read what its inputs carry: %s", strerror(-error));
    error = stage->module->open ? stage->module->open(stage) : 0;
    if (error < 0 && error != -ECANCELED)
        return fl_stage_fail(stage, FL_STAGE_ERROR_START, error, "could not be opened: %s", strerror(-error));
    if (error == 0 && atomic_load(&stage->failed))
        error = -EIO;
    return error < 0 ? error : fl_host_send_opened(stage);
}

static int wire(struct fl_stage *stage)
{
    int error = 0;
    bool go = false;
    while (!go && error == 0) {
        struct fl_host_message *message = await_message(stage);
        if (!message)
            return -ECANCELED;
        if (message->type == FL_CONTROL_LANE)
            error = fl_host_take_lane(stage, message);
        else
            fl_host_take_lane_event(stage, message);
        go = message->type == FL_CONTROL_GO;
        fl_host_message_free(message);
    }
    if (error == 0)
        fl_host_first_pools(stage);
    return error;
}

static int start(struct fl_stage *stage)
{
    stage->started = true;
    fl_host_set_state(stage, FL_STATE_RUNNING);
    int error = stage->module->start ? stage->module->start(stage) : 0;
    if (error == 0 && atomic_load(&stage->failed))
        error = -EIO;
    if (error < 0 && error != -ECANCELED)
        fl_stage_fail(stage, FL_STAGE_ERROR_START, error, "could not be started: %s", strerror(-error));
    return error;
}

/* ---- the end ---- */

/* Outputs are announced as ended unless the stage has failed: who looks at the end of a lane must be able to believe it. */
static void drain(struct fl_stage *stage, int error)
{
    if (!stage->started || atomic_load(&stage->failed))
        return;
    fl_host_set_state(stage, FL_STATE_DRAINING);
    fl_host_settle(stage);
    fl_host_end_inputs(stage); /* cut short: what is complete is finished */
    fl_host_check_faults(stage);
    if (!atomic_load(&stage->failed) && !stage->input_faulted)
        fl_host_close_outputs(stage, error == 0);
}

static void leave_lanes(struct fl_stage *stage)
{
    fl_context_service(stage->context); /* what close() let go of goes back */
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++)
        if (stage->in[port].lane)
            fl_lane_leave(stage->in[port].lane);
}

static int live(struct fl_stage *stage)
{
    int error = open_stage(stage);
    if (error == 0)
        fl_host_set_state(stage, FL_STATE_WIRED);
    if (error == 0)
        error = wire(stage);
    if (error == 0)
        error = start(stage);
    if (error == 0)
        error = fl_host_loop(stage);
    if (error < 0)
        fl_stage_fail(stage, FL_STAGE_ERROR_RUN, error, "stopped: %s", strerror(-error)); /* unless it has been said already */
    drain(stage, error);
    if (stage->module->close)
        stage->module->close(stage);
    leave_lanes(stage);
    fl_host_note_lost(stage);
    fl_host_refresh_stats(stage);
    fl_host_set_state(stage, FL_STATE_DONE);
    return error < 0 || atomic_load(&stage->failed) || stage->faulted ? -1 : 0;
}

static void destroy(struct fl_stage *stage)
{
    fl_context_destroy(stage->context);
    fl_host_free_pools(stage);
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++)
        free((char *)stage->inputs[port].from);
    fl_host_free_options(stage);
    free(stage->priv);
    if (stage->input_fd >= 0)
        close(stage->input_fd);
}

int fl_host_run(struct fl_stage *stage)
{
    stage->input_fd = stage->stdout_fd = stage->quit_fd = -1;
    stage->stats = &stage->own_stats;
    pthread_mutex_init(&stage->lock, NULL);
    pthread_mutex_init(&stage->send_lock, NULL);
    stage->priv = calloc(1, stage->module->priv_bytes + 1);
    int error = stage->priv ? fl_context_create(&stage->context) : -ENOMEM;
    if (error == 0)
        error = receive_config(stage);
    if (error == 0 && (stage->flags & FL_CONFIG_UNTRUSTED))
        fl_host_confine();
    if (error == 0)
        error = fl_host_control_start(stage);
    if (error < 0 && error != -EPIPE)
        fl_stage_fail(stage, FL_STAGE_ERROR_START, error, "could not be set up: %s", strerror(-error));
    if (error == 0)
        error = live(stage);
    fl_host_control_stop(stage); /* DONE is the last word: no answer may follow it */
    if (error == 0)
        fl_host_send(stage, FL_CONTROL_DONE, NULL, 0, NULL, 0);
    destroy(stage);
    return error == 0 ? 0 : 1;
}
