/* decode: any file, URL or device that libavformat opens; its first video stream, decoded straight into slots where the codec can;
 * its sound as packets, untouched. What is damaged is counted and gone past, as ffmpeg does. */
#include "decode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "av-frame.h"
#include "av-log.h"

#define MOST_FLUSH_ERRORS 1000 /* a decoder that never says that it is empty */

static int open_decode(struct fl_stage *stage)
{
    struct decode *decode = fl_stage_priv(stage);
    decode->stage = stage;
    decode->url = fl_stage_string(stage, "url");
    decode->packets_wanted = fl_stage_output(stage, DECODE_PACKETS)->connected;
    fl_av_log_attach(stage);
    decode->packet = av_packet_alloc();
    decode->frame = av_frame_alloc();
    if (!decode->packet || !decode->frame)
        return fl_stage_fail(stage, FL_STAGE_ERROR_START, -ENOMEM, "no memory to open %s", decode->url);
    int error = decode_open_input(decode);
    if (error == 0)
        error = decode_choose_streams(decode);
    if (error == 0)
        error = decode_open_codec(decode);
    return error < 0 ? error : decode_describe(decode);
}

static int start_decode(struct fl_stage *stage)
{
    struct decode *decode = fl_stage_priv(stage);
    /* What libav said while it probed it will say again while it decodes. */
    fl_av_log_clear();
    decode->complaints = fl_av_log_complaints();
    decode->wired = true;
    return 0;
}

/* ---- damage ---- */

static void report_damage(struct decode *decode, int error)
{
    char text[768];
    unsigned complaints = fl_av_log_complaints();
    if (error >= 0 && complaints == decode->complaints)
        return;
    decode->complaints = complaints;
    snprintf(text, sizeof text, "%s is damaged: %s; decoding goes on", decode->url, fl_av_log_reason(error));
    fl_stage_damage(decode->stage, text);
}

/* The supervisor says that nothing came; why is known here, where libav has not complained already. */
static int end_pictures(struct decode *decode)
{
    if (decode->network.silent)
        return decode_network_fail(decode);
    if (decode->pictures > 0)
        return FL_STAGE_END;
    if (decode->encrypted)
        fl_stage_warn(decode->stage, "%s: the video is encrypted; give its key with option.decryption_key=HEX", decode->url);
    else if (decode->video_packets == 0)
        fl_stage_warn(decode->stage, "%s: its video stream (%s) holds no data", decode->url,
                      avcodec_get_name(decode->codec->codec_id));
    return FL_STAGE_END;
}

/* ---- pictures ---- */

static int publish_picture(struct decode *decode)
{
    AVFrame *frame = decode->frame;
    decode->pictures++;
    decode_clock_stamp(&decode->clock, frame);
    decode_apply_side(decode, frame);
    frame->sample_aspect_ratio = av_guess_sample_aspect_ratio(decode->format, decode->video, frame);
    int error = fl_av_publish(decode->stage, DECODE_PICTURES, frame, decode->clock.time_base, NULL);
    av_frame_unref(frame);
    return error;
}

/* ---- packets ---- */

/* NULL: the input has ended; the decoder gives what it still has. */
static void send(struct decode *decode, const AVPacket *packet)
{
    int error = avcodec_send_packet(decode->codec, packet);
    report_damage(decode, error == AVERROR_EOF || error == AVERROR(EAGAIN) ? 0 : error);
}

static void send_video(struct decode *decode, const AVPacket *packet)
{
    decode->video_packets++;
    decode->encrypted |= av_packet_get_side_data(packet, AV_PKT_DATA_ENCRYPTION_INFO, NULL) != NULL;
    send(decode, packet);
}

static int end_input(struct decode *decode, int why)
{
    decode->flushing = true;
    report_damage(decode, why == AVERROR_EOF || why == AVERROR_EXIT ? 0 : why);
    send(decode, NULL);
    return 0;
}

static int read_packet(struct decode *decode)
{
    AVPacket *packet = decode->packet;
    decode_network_begin(decode, DECODE_READS);
    int error = av_read_frame(decode->format, packet);
    if (!decode->network.silent)
        decode_network_end(decode);
    if (error == AVERROR(EAGAIN))
        return 0;
    if (error < 0)
        return end_input(decode, error);
    int index = packet->stream_index; /* a demuxer's word; streams may also have come up since */
    error = 0;
    if (index == decode->video->index)
        send_video(decode, packet);
    else if (index >= 0 && (unsigned)index < decode->stream_count && decode->packet_stream[index] >= 0 && decode->packets_wanted)
        error = decode_publish_packet(decode, packet);
    av_packet_unref(packet);
    return error;
}

static int produce_decode(struct fl_stage *stage)
{
    struct decode *decode = fl_stage_priv(stage);
    if (fl_stage_stopping(stage))
        return FL_STAGE_END;
    int error = avcodec_receive_frame(decode->codec, decode->frame);
    if (error >= 0) {
        report_damage(decode, 0);
        return publish_picture(decode);
    }
    if (error == AVERROR_EOF)
        return end_pictures(decode);
    if (error != AVERROR(EAGAIN))
        report_damage(decode, error);
    if (decode->flushing)
        return ++decode->flush_errors < MOST_FLUSH_ERRORS ? 0 : end_pictures(decode);
    return read_packet(decode);
}

static void close_decode(struct fl_stage *stage)
{
    struct decode *decode = fl_stage_priv(stage);
    avcodec_free_context(&decode->codec);
    decode_network_end(decode);
    avformat_close_input(&decode->format);
    decode_network_close(decode);
    fl_input_file_close(&decode->file);
    av_frame_free(&decode->frame);
    av_packet_free(&decode->packet);
    av_dict_free(&decode->left_by_format);
    free(decode->packet_stream);
    fl_av_log_detach();
}

const struct fl_stage_module fl_stage_module = {
    .kind = "decode",
    .priv_bytes = sizeof(struct decode),
    .open = open_decode,
    .start = start_decode,
    .produce = produce_decode,
    .close = close_decode,
};
