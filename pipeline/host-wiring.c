#include "host.h"

#include <framelane/latest.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fl_stage_input *fl_stage_input(struct fl_stage *stage, unsigned port)
{
    return port < FL_STAGE_MAX_PORTS ? &stage->inputs[port] : NULL;
}

struct fl_stage_output *fl_stage_output(struct fl_stage *stage, unsigned port)
{
    return port < FL_STAGE_MAX_PORTS ? &stage->outputs[port] : NULL;
}

/* ---- what comes in ---- */

static int take_stream(struct fl_stage *stage, const uint8_t **at, const uint8_t *end)
{
    struct fl_control_stream head;
    if ((size_t)(end - *at) < sizeof head)
        return -EBADMSG;
    memcpy(&head, *at, sizeof head);
    *at += sizeof head;
    if (head.port >= FL_STAGE_MAX_PORTS || head.side_bytes > FL_STAGE_SIDE_MAX || (size_t)(end - *at) < head.side_bytes)
        return -EBADMSG;
    struct fl_stage_input *input = &stage->inputs[head.port];
    input->connected = true;
    head.from[sizeof head.from - 1] = 0;
    input->from = strndup(head.from, sizeof head.from);
    input->stream.first = head.first;
    input->stream.rate_num = head.rate_num;
    input->stream.rate_den = head.rate_den;
    input->stream.duration = head.duration;
    input->stream.stream_count = head.stream_count;
    input->stream.side_bytes = head.side_bytes;
    memcpy(input->stream.side, *at, head.side_bytes);
    *at += head.side_bytes;
    return input->from ? 0 : -ENOMEM;
}

int fl_host_take_open(struct fl_stage *stage, const struct fl_host_message *message)
{
    const struct fl_control_open *open = (const void *)message->body;
    const uint8_t *at = message->tail, *end = at + message->tail_bytes;
    int error = 0;
    for (uint32_t i = 0; i < open->count && error == 0; i++)
        error = take_stream(stage, &at, end);
    return error;
}

/* ---- what goes out ---- */

static size_t put_stream(uint8_t *at, unsigned port, const struct fl_stage_output *output)
{
    const struct fl_stream *stream = &output->stream;
    struct fl_control_stream head = {
        .port = port,
        .side_bytes = stream->side_bytes,
        .first = stream->first,
        .rate_num = stream->rate_num,
        .rate_den = stream->rate_den,
        .duration = stream->duration,
        .stream_count = stream->stream_count,
        .working_set = output->working_set,
        .payload_bytes = output->payload_bytes,
        .forwards = output->forwards,
    };
    memcpy(at, &head, sizeof head);
    memcpy(at + sizeof head, stream->side, stream->side_bytes);
    return sizeof head + stream->side_bytes;
}

static int send_opened(struct fl_stage *stage, uint8_t *tail)
{
    struct fl_control_opened opened = {0};
    size_t bytes = 0;
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++) {
        const struct fl_stage_output *output = &stage->outputs[port];
        opened.hold[port] = stage->inputs[port].hold;
        opened.unused |= (uint32_t)(stage->inputs[port].connected && stage->inputs[port].unused) << port;
        if (!output->connected)
            continue;
        if (output->stream.side_bytes > FL_STAGE_SIDE_MAX)
            return fl_stage_fail(stage, FL_STAGE_ERROR_START, -EMSGSIZE, "its streams need more than %d bytes of description",
                                 FL_STAGE_SIDE_MAX);
        bytes += put_stream(tail + bytes, port, output);
        opened.count++;
    }
    int error = fl_host_send(stage, FL_CONTROL_OPENED, &opened, sizeof opened, tail, bytes);
    if (error < 0)
        fl_stage_fail(stage, FL_STAGE_ERROR_START, error, "could not tell what it gives: %s", strerror(-error));
    return error;
}

int fl_host_send_opened(struct fl_stage *stage)
{
    uint8_t *tail = malloc(FL_STAGE_MAX_PORTS * (sizeof(struct fl_control_stream) + FL_STAGE_SIDE_MAX));
    if (!tail)
        return fl_stage_fail(stage, FL_STAGE_ERROR_START, -ENOMEM, "no memory");
    int error = send_opened(stage, tail);
    free(tail);
    return error;
}

/* ---- lanes ---- */

/* LANE brings the peer's region and the two bells, or one end of a pipe; the region this end writes it has mapped before. */
static struct fl_lane_fds lane_fds(struct fl_host_message *message, bool producer, bool pipe)
{
    struct fl_lane_fds fds = {-1, -1, -1, -1};
    int *in_order[3] = {producer && !pipe ? &fds.returns : &fds.announce, &fds.bell_out, &fds.bell_in};
    for (unsigned i = 0; i < (pipe ? 1u : 3u) && i < message->fd_count; i++) {
        *in_order[i] = message->fds[i];
        message->fds[i] = -1;
    }
    return fds;
}

static void close_fds(const struct fl_lane_fds *fds)
{
    const int all[] = {fds->announce, fds->returns, fds->bell_out, fds->bell_in};
    for (unsigned i = 0; i < 4; i++)
        if (all[i] >= 0)
            close(all[i]);
}

static int attach_producer(struct fl_stage *stage, const struct fl_control_lane *lane, void *own, const struct fl_lane_fds *fds)
{
    struct fl_host_output *out = &stage->out[lane->port];
    int error = out->lane_count < FL_STATS_MAX_LANES ? 0 : -ENOSPC;
    if (error == 0 && !out->output)
        error = lane->info.guest ? -EPIPE : fl_output_create(stage->context, &out->output);
    if (error < 0) {
        close_fds(fds);
        return error;
    }
    struct fl_output_lane *attached;
    error = fl_output_attach(out->output, &lane->info, own, fds, &attached);
    if (error < 0)
        return error;
    out->lanes[out->lane_count++] = (struct fl_host_output_lane){
        .lane = attached,
        .lane_id = lane->info.id,
        .lane_epoch = lane->info.epoch,
        .when_full = lane->info.when_full,
        .guest = lane->info.guest != 0,
    };
    return 0;
}

static int attach_consumer(struct fl_stage *stage, const struct fl_control_lane *lane, void *own, const struct fl_lane_fds *fds)
{
    struct fl_host_input *in = &stage->in[lane->port];
    if (in->lane)
        return -EEXIST;
    struct fl_lane *attached;
    int error = fl_lane_attach(stage->context, &lane->info, own, fds, &attached);
    if (error < 0)
        return error;
    pthread_mutex_lock(&stage->lock);
    in->lane = attached;
    error = fl_host_reach(stage, attached, lane->port);
    pthread_mutex_unlock(&stage->lock);
    if (error < 0)
        return error;
    in->lane_id = lane->info.id;
    in->lane_epoch = lane->info.epoch;
    in->credits = lane->info.credits;
    in->when_full = (enum fl_when_full)lane->info.when_full;
    in->open = true;
    return 0;
}

bool fl_stage_input_lane(const struct fl_stage *stage, unsigned port, struct fl_stage_lane *lane)
{
    const struct fl_host_input *in = port < FL_STAGE_MAX_PORTS ? &stage->in[port] : NULL;
    struct fl_lane_stats now;
    if (!in || !in->lane)
        return false;
    fl_lane_get_stats(in->lane, &now);
    lane->when_full = in->when_full;
    lane->credits = in->credits;
    lane->held = (unsigned)(now.taken - now.returned);
    lane->skipped = now.skipped;
    return true;
}

int fl_host_take_lane(struct fl_stage *stage, struct fl_host_message *message)
{
    const struct fl_control_lane *lane = (const void *)message->body;
    bool producer = lane->role == FL_LANE_PRODUCER;
    if (lane->port >= FL_STAGE_MAX_PORTS)
        return fl_stage_fail(stage, FL_STAGE_ERROR_START, -EBADMSG, "was given a lane for port %u, which it does not have",
                             lane->port);
    struct fl_lane_fds fds = lane_fds(message, producer, lane->info.transport == FL_TRANSPORT_PIPE);
    void *own = fl_host_take_region(stage, lane->own_region);
    int error = producer ? attach_producer(stage, lane, own, &fds) : attach_consumer(stage, lane, own, &fds);
    if (error < 0 && producer && lane->info.guest) {
        fl_host_refuse_guest(stage, lane, own, error);
        return 0;
    }
    if (error < 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_START, error, "could not attach lane %u: %s", lane->info.id, strerror(-error));
    return 0;
}

/* Where it cannot be (the output has been shown before, or has no lane and never will), those who look see nothing, and the stage
 * goes on. */
void fl_host_take_show(struct fl_stage *stage, const struct fl_host_message *message)
{
    const struct fl_control_show *show = (const void *)message->body;
    struct fl_host_output *out = show->port < FL_STAGE_MAX_PORTS ? &stage->out[show->port] : NULL;
    void *own = out && out->output ? fl_host_take_region(stage, show->region) : NULL;
    if (own && fl_output_show_latest(out->output, own) < 0)
        fl_shm_unmap(own, fl_latest_bytes());
}

static void producer_event(struct fl_stage *stage, struct fl_host_output_lane *lane, uint32_t type)
{
    if (type == FL_CONTROL_LANE_STOP)
        fl_output_lane_stop(lane->lane);
    else if (type == FL_CONTROL_LANE_DOWN)
        fl_output_lane_down(lane->lane);
    if (lane->guest && type != FL_CONTROL_LANE_ENDED)
        fl_host_guest_leaves(stage, lane);
}

void fl_host_take_lane_event(struct fl_stage *stage, const struct fl_host_message *message)
{
    const struct fl_control_lane_event *event = (const void *)message->body;
    if (message->type != FL_CONTROL_LANE_STOP && message->type != FL_CONTROL_LANE_DOWN && message->type != FL_CONTROL_LANE_ENDED)
        return;
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++) {
        struct fl_host_input *in = &stage->in[port];
        if (message->type == FL_CONTROL_LANE_ENDED && in->lane && in->lane_id == event->lane && in->lane_epoch == event->epoch)
            fl_lane_producer_down(in->lane);
        for (unsigned i = 0; i < stage->out[port].lane_count; i++) {
            struct fl_host_output_lane *lane = &stage->out[port].lanes[i];
            if (lane->lane_id == event->lane && lane->lane_epoch == event->epoch)
                producer_event(stage, lane, message->type);
        }
    }
}
