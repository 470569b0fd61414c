/* How long a network may be silent. libavformat asks decode_interrupted again and again while it waits; the connection is opened
 * here rather than by it where that can be, so that each byte that comes is seen: then only silence counts, however slow the rest.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/time.h>

#include "decode.h"

#define USUAL_US    10000000 /* until it has opened, where `timeout` is not given */
#define ANALYSIS_US 5000000  /* of a live stream, which libavformat looks at for so long before it says what it carries */

static bool is_network(const char *url)
{
    return strstr(url, "://") && strncmp(url, "file:", strlen("file:")) != 0;
}

/* It stands there until somebody calls, whenever that is. */
static bool is_called(const struct decode *decode)
{
    const char *flags = fl_stage_string(decode->stage, "option.rtsp_flags");
    return strstr(decode->url, "listen") || fl_stage_string(decode->stage, "option.listen") || (flags && strstr(flags, "listen"));
}

void decode_network_init(struct decode *decode)
{
    struct decode_network *network = &decode->network;
    int64_t given_us = fl_stage_duration_ns(decode->stage, "timeout", -1000) / 1000;
    if (!is_network(decode->url)) {
        if (given_us >= 0)
            fl_stage_warn(decode->stage, "timeout is of no use: %s is no address in a network", decode->url);
        return;
    }
    network->opening_us = given_us >= 0 ? given_us : is_called(decode) ? 0 : USUAL_US;
    network->reading_us = given_us >= 0 ? given_us : 0;
}

/* ---- the clock ---- */

static void begin(struct decode_network *network, int64_t limit_us)
{
    network->limit_us = limit_us;
    network->since_us = limit_us > 0 ? av_gettime_relative() : 0;
    network->position = network->connection ? network->connection->pos : 0;
}

/* A demuxer that has connections of its own shows nothing of them before it is done. */
void decode_network_begin(struct decode *decode, enum decode_network_step step)
{
    struct decode_network *network = &decode->network;
    bool blind = step == DECODE_ANALYSES && network->opening_us > 0 && !network->connection;
    begin(network, step == DECODE_READS ? network->reading_us : network->opening_us + (blind ? ANALYSIS_US : 0));
}

/* libavformat may ask while it closes a connection, whose memory is gone by then: nothing of it is looked at. */
void decode_network_end(struct decode *decode)
{
    decode->network.limit_us = 0;
}

int decode_interrupted(void *opaque)
{
    struct decode *decode = opaque;
    struct decode_network *network = &decode->network;
    if (network->silent || fl_stage_stopping(decode->stage))
        return 1;
    if (network->limit_us <= 0)
        return 0;
    int64_t now_us = av_gettime_relative();
    if (network->connection && network->connection->pos != network->position) {
        network->position = network->connection->pos;
        network->since_us = now_us;
    }
    network->silent = now_us - network->since_us >= network->limit_us;
    return network->silent;
}

/* ---- the connection ---- */

/* rtsp, rtp, mms and the like are demuxers that connect by themselves, to several ports at once. */
static bool connects_by_itself(const struct decode *decode, const AVInputFormat *format)
{
    AVProbeData name_alone = {.filename = decode->url};
    int score = 0;
    if (!format)
        format = av_probe_input_format2(&name_alone, 0, &score);
    return (format && format->flags & AVFMT_NOFILE) || !avio_find_protocol_name(decode->url);
}

int decode_network_connect(struct decode *decode, const AVInputFormat *format, AVDictionary **options)
{
    AVIOInterruptCB interrupt = {decode_interrupted, decode};
    AVIOContext *connection = NULL;
    if (decode->format->pb || !is_network(decode->url) || connects_by_itself(decode, format))
        return 0;
    int error = avio_open2(&connection, decode->url, AVIO_FLAG_READ, &interrupt, options);
    decode->network.connection = decode->format->pb = connection;
    return error < 0 ? error : 0;
}

void decode_network_close(struct decode *decode)
{
    decode_network_end(decode);
    avio_closep(&decode->network.connection);
}

int decode_network_fail(struct decode *decode)
{
    struct decode_network *network = &decode->network;
    double seconds = (double)network->limit_us / AV_TIME_BASE;
    decode_network_end(decode);
    if (!decode->wired)
        return fl_stage_fail(decode->stage, FL_STAGE_ERROR_START, -ETIMEDOUT,
                             "cannot open %s: it was silent for %g s; see that the address is right and something is sent there, or"
                             " give it longer (timeout = 60s; 0: for ever)",
                             decode->url, seconds);
    return fl_stage_fail(decode->stage, FL_STAGE_ERROR_RUN, -ETIMEDOUT,
                         "%s has been silent for %g s; see what its sender does, or give it longer (timeout = 60s; 0: for ever)",
                         decode->url, seconds);
}
