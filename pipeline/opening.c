#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAX_PAYLOAD_BYTES 0xffffffffull /* plane offsets have 32 bits */
#define MAX_WORKING_SET   1024
#define MAX_STREAMS       4096

/* ---- CONFIG ---- */

static uint32_t outputs_connected(const FlRunStage *stage)
{
    uint32_t ports = 0;
    for (unsigned i = 0; i < stage->run->lane_count; i++)
        if (stage->run->lanes[i].from == stage)
            ports |= 1u << stage->run->lanes[i].config->from_port;
    return ports;
}

static void append_text(GByteArray *bytes, const char *text)
{
    g_byte_array_append(bytes, (const guint8 *)text, (guint)strlen(text) + 1);
}

/* By the names the stage knows: "option.crf" for "crf". */
static GByteArray *option_text(const FlStageConfig *config)
{
    GByteArray *text = g_byte_array_new();
    for (unsigned i = 0; i < config->options->len; i++) {
        const FlOption *option = g_ptr_array_index(config->options, i);
        const struct fl_key *key = fl_kind_key(config->kind, option->key);
        append_text(text, key && key->means ? key->means : option->key);
        append_text(text, option->value);
    }
    return text;
}

gboolean fl_run_send_config(FlRunStage *stage)
{
    const FlRunOptions *options = &stage->run->options;
    g_autoptr(GByteArray) text = option_text(stage->config);
    struct fl_control_config config = {
        .option_count = stage->config->options->len,
        .frames_limit = fl_run_is_source(stage) ? options->frames_limit : 0,
        .outputs_connected = outputs_connected(stage),
    };
    config.flags |= options->verbose ? FL_CONFIG_VERBOSE : 0;
    config.flags |= stage->input_fd >= 0 ? FL_CONFIG_INPUT_FD : 0;
    config.flags |= stage->writes_stdout ? FL_CONFIG_STDOUT : 0;
    config.flags |= stage->config->kind->flags & FL_KIND_UNTRUSTED ? FL_CONFIG_UNTRUSTED : 0;
    FlRunMessage message = {FL_CONTROL_CONFIG, &config,          text->data,          sizeof config,
                            text->len,         &stage->input_fd, stage->input_fd >= 0};
    gboolean sent = fl_run_send(stage, &message);
    if (!sent)
        fl_run_fail(stage->run, FL_EXIT_CONFIG, "%s: its options are longer than 90 KiB", stage->config->name);
    if (stage->input_fd >= 0)
        close(stage->input_fd);
    stage->input_fd = -1;
    return sent;
}

/* ---- OPEN ---- */

/* Nothing will come over it: the output above has no streams, or does not exist after all. */
static gboolean is_empty(const FlRunLane *lane)
{
    unsigned port = lane->config->from_port;
    return !lane->from->side[port] || (port == 1 && lane->from->stream[port].stream_count == 0);
}

static void append_stream(GByteArray *tail, const FlRunLane *lane)
{
    unsigned port = lane->config->from_port;
    struct fl_control_stream head = lane->from->stream[port];
    gsize side_bytes;
    const void *side = g_bytes_get_data(lane->from->side[port], &side_bytes);
    head.port = lane->config->to_port;
    head.side_bytes = (uint32_t)side_bytes;
    head.working_set = head.forwards = head.reserved = 0;
    head.payload_bytes = 0;
    memset(head.from, 0, sizeof head.from);
    g_strlcpy(head.from, lane->from->config->name, sizeof head.from);
    g_byte_array_append(tail, (const guint8 *)&head, sizeof head);
    g_byte_array_append(tail, side, (guint)side_bytes);
}

static void send_open(FlRunStage *stage)
{
    FlRun *run = stage->run;
    g_autoptr(GByteArray) tail = g_byte_array_new();
    struct fl_control_open open = {0};
    for (unsigned i = 0; i < run->lane_count; i++) {
        FlRunLane *lane = &run->lanes[i];
        if (lane->to != stage)
            continue;
        lane->unwired = is_empty(lane);
        if (lane->unwired)
            continue;
        append_stream(tail, lane);
        open.count++;
    }
    stage->life = FL_LIFE_OPENING;
    FlRunMessage message = {FL_CONTROL_OPEN, &open, tail->data, sizeof open, tail->len, NULL, 0};
    if (!fl_run_send(stage, &message))
        fl_run_fail(run, FL_EXIT_START, "%s: what its inputs carry needs more than 90 KiB of description", stage->config->name);
}

static gboolean inputs_known(const FlRunStage *stage)
{
    const FlRun *run = stage->run;
    for (unsigned i = 0; i < run->lane_count; i++)
        if (run->lanes[i].to == stage && run->lanes[i].from->life < FL_LIFE_OPENED)
            return FALSE;
    return TRUE;
}

void fl_run_open_ready(FlRun *run)
{
    gboolean all_opened = TRUE;
    if (run->ending)
        return;
    for (unsigned i = 0; i < run->stage_count; i++) {
        FlRunStage *stage = &run->stages[i];
        if (stage->life == FL_LIFE_STARTED && inputs_known(stage))
            send_open(stage);
        all_opened &= stage->life == FL_LIFE_OPENED;
    }
    if (all_opened && !run->ending)
        fl_run_wire(run);
}

/* ---- OPENED: it comes from the process that parses what came from outside ---- */

static gboolean is_sane(const FlRunStage *stage, const struct fl_control_stream *stream)
{
    return stream->port < FL_STAGE_MAX_PORTS && (outputs_connected(stage) >> stream->port & 1) && !stage->side[stream->port] &&
           stream->side_bytes <= FL_STAGE_SIDE_MAX && stream->payload_bytes <= MAX_PAYLOAD_BYTES &&
           stream->working_set <= MAX_WORKING_SET && stream->stream_count <= MAX_STREAMS &&
           memchr(stream->first.format, 0, sizeof stream->first.format);
}

/* One record and its side data. FALSE: it is not to be believed. */
static gboolean take_stream(FlRunStage *stage, const uint8_t **at, const uint8_t *end)
{
    struct fl_control_stream stream;
    if ((size_t)(end - *at) < sizeof stream)
        return FALSE;
    memcpy(&stream, *at, sizeof stream);
    *at += sizeof stream;
    if (!is_sane(stage, &stream) || (size_t)(end - *at) < stream.side_bytes)
        return FALSE;
    stage->stream[stream.port] = stream;
    stage->side[stream.port] = g_bytes_new(*at, stream.side_bytes);
    *at += stream.side_bytes;
    return TRUE;
}

static gboolean take_streams(FlRunStage *stage, const struct fl_received *message, uint32_t count)
{
    const uint8_t *at = message->tail, *end = at + message->tail_bytes;
    for (uint32_t i = 0; i < count; i++)
        if (!take_stream(stage, &at, end))
            return FALSE;
    return at == end;
}

void fl_run_take_opened(FlRunStage *stage, const struct fl_received *message)
{
    FlRun *run = stage->run;
    struct fl_control_opened opened;
    memcpy(&opened, message->body, sizeof opened);
    if (opened.count > FL_STAGE_MAX_PORTS || !take_streams(stage, message, opened.count)) {
        fl_run_broke(stage, "described its outputs in a way that cannot be true");
        return;
    }
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++)
        stage->hold[port] = MIN(opened.hold[port], FL_LANE_MAX_CREDITS);
    for (unsigned i = 0; i < run->lane_count; i++)
        if (run->lanes[i].to == stage && (opened.unused >> run->lanes[i].config->to_port & 1))
            run->lanes[i].unwired = TRUE;
    stage->life = FL_LIFE_OPENED;
    fl_run_open_ready(run);
}
