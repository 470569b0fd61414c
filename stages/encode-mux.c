/* The muxer: which one, its streams, header, packets, trailer. */
#include "encode.h"

#include <errno.h>
#include <string.h>
#include <libavutil/avstring.h>
#include <libavutil/display.h>
#include <libavutil/mastering_display_metadata.h>
#include <libavutil/mathematics.h>
#include <libavutil/opt.h>

#include "av-log.h"
#include "nearest.h"

/* Muxers that store no times but count pictures, from 0: their time base is one picture's, and everything is moved by the same time
 * so that it begins there; but Ogg knows what was before 0. */
#define CONSTANT_RATE "avi,avm2,amv,dv,gxf,mxf,mxf_d10,mxf_opatom,ogg,ogv,roq,swf,yuv4mpegpipe"

/* ---- which muxer ---- */

static int fail_unknown(struct encode *encode, const char *name)
{
    const AVOutputFormat *muxer;
    void *at = NULL;
    char hint[80];
    struct fl_nearest_name nearest = {.word = name};
    while ((muxer = av_muxer_iterate(&at)))
        fl_nearest_offer(&nearest, muxer->name);
    return fl_stage_fail(encode->stage, FL_STAGE_ERROR_CONFIG, -ENOENT,
                         "there is no muxer '%s'%s (mp4, matroska, webm, mpegts and nut are some)", name,
                         fl_nearest_hint(&nearest, hint, sizeof(hint)));
}

int fl_encode_find_muxer(struct encode *encode)
{
    const char *name = fl_stage_string(encode->stage, "format");
    const AVOutputFormat *muxer = av_guess_format(name, name ? NULL : encode->url, NULL);
    if (!muxer && name)
        return fail_unknown(encode, name);
    if (!muxer && strcmp(encode->url, "-") == 0)
        return fl_stage_fail(encode->stage, FL_STAGE_ERROR_CONFIG, -EINVAL,
                             "standard output has no name to tell the container by: add format=NAME (matroska, mpegts, nut, …)");
    if (!muxer)
        return fl_stage_fail(encode->stage, FL_STAGE_ERROR_CONFIG, -EINVAL,
                             "the name '%s' does not tell the container: add format=NAME (mp4, matroska, …)", encode->url);
    int ret = avformat_alloc_output_context2(&encode->mux, muxer, NULL, encode->url);
    return ret < 0 ? fl_stage_fail(encode->stage, FL_STAGE_ERROR_START, -ENOMEM, "no memory") : 0;
}

/* ---- header ---- */

static int add_side_data(AVStream *stream, enum AVPacketSideDataType type, const AVFrame *like, enum AVFrameSideDataType of)
{
    const AVFrameSideData *from = av_frame_get_side_data(like, of);
    if (!from)
        return 0;
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
    AVPacketSideData *side =
        av_packet_side_data_new(&stream->codecpar->coded_side_data, &stream->codecpar->nb_coded_side_data, type, from->size, 0);
    uint8_t *to = side ? side->data : NULL;
#else
    uint8_t *to = av_stream_new_side_data(stream, type, from->size);
#endif
    if (!to)
        return AVERROR(ENOMEM);
    memcpy(to, from->data, from->size);
    return 0;
}

static int add_video_stream(const struct encode *encode, AVFormatContext *mux)
{
    const struct encode_video *video = &encode->video;
    AVStream *stream = avformat_new_stream(mux, NULL);
    int ret = stream ? avcodec_parameters_from_context(stream->codecpar, video->context) : AVERROR(ENOMEM);
    if (ret < 0)
        return ret;
    stream->time_base = video->time_base;
    if (video->context->framerate.num > 0 && av_match_name(mux->oformat->name, CONSTANT_RATE))
        stream->time_base = av_inv_q(video->context->framerate);
    stream->avg_frame_rate = video->rate;
    stream->sample_aspect_ratio = video->context->sample_aspect_ratio;
    if ((ret = add_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, video->like, AV_FRAME_DATA_DISPLAYMATRIX)) < 0 ||
        (ret = add_side_data(stream, AV_PKT_DATA_MASTERING_DISPLAY_METADATA, video->like,
                             AV_FRAME_DATA_MASTERING_DISPLAY_METADATA)) < 0)
        return ret;
    return add_side_data(stream, AV_PKT_DATA_CONTENT_LIGHT_LEVEL, video->like, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL);
}

int fl_encode_add_streams(struct encode *encode, AVFormatContext *mux)
{
    int ret = add_video_stream(encode, mux);
    return ret < 0 ? ret : fl_encode_add_sound_streams(encode, mux);
}

/* mp4 says when a track begins in units of the movie's own time base; a thousandth of a second would move it. */
static void refine_movie_time(struct encode *encode)
{
    int64_t scale = encode->video.time_base.den;
    while (scale > 0 && scale < 10000)
        scale *= 2;
    if (scale > 0 && scale <= 1000000 && encode->mux->oformat->priv_class && !fl_encode_has_option(encode, "movie_timescale"))
        av_opt_set_int(encode->mux->priv_data, "movie_timescale", scale, 0);
}

static void warn_rotation(struct encode *encode)
{
    const AVFrameSideData *matrix = av_frame_get_side_data(encode->video.like, AV_FRAME_DATA_DISPLAYMATRIX);
    if (!matrix || matrix->size < 9 * sizeof(int32_t) ||
        (encode->mux->oformat->priv_class && av_opt_find(encode->mux->priv_data, "movflags", NULL, 0, 0)))
        return;
    double degrees = av_display_rotation_get((const int32_t *)matrix->data);
    if (degrees != 0)
        fl_stage_warn(encode->stage, "the picture is to be turned by %.0f degrees, which muxer %s may not store: mp4 and mov do",
                      -degrees, encode->mux->oformat->name);
}

int fl_encode_fail_header(struct encode *encode, int error)
{
    bool seekable = !encode->mux->pb || encode->mux->pb->seekable;
    if (encode->bytes.error || fl_stage_cancelled(encode->stage))
        return fl_encode_fail_mux(encode, error, "the header");
    return fl_stage_fail(encode->stage, FL_STAGE_ERROR_START, fl_av_errno(error), "cannot make %s: muxer %s does not begin: %s%s",
                         encode->url, encode->mux->oformat->name, fl_av_log_reason(error),
                         seekable ? "" : " (to a pipe, format=matroska, mpegts or nut can be written)");
}

static int write_header(struct encode *encode)
{
    refine_movie_time(encode);
    if (av_match_name(encode->mux->oformat->name, CONSTANT_RATE) && !(encode->mux->oformat->flags & AVFMT_TS_NEGATIVE) &&
        !fl_encode_has_option(encode, "avoid_negative_ts"))
        encode->mux->avoid_negative_ts = AVFMT_AVOID_NEG_TS_MAKE_ZERO;
    warn_rotation(encode);
    fl_av_log_clear();
    int ret = fl_encode_add_streams(encode, encode->mux);
    if (ret >= 0)
        ret = avformat_write_header(encode->mux, NULL);
    if (ret < 0)
        return fl_encode_fail_header(encode, ret);
    encode->header_written = true;
    return 0;
}

/* ---- packets ---- */

/* dts must not go back within a stream; where a source's do, they are held at the last one, as ffmpeg does. */
static void keep_rising(struct encode *encode, AVPacket *packet)
{
    int64_t *last = &encode->last_dts[packet->stream_index];
    int64_t least = *last + !(encode->mux->oformat->flags & AVFMT_TS_NONSTRICT);
    if (*last != AV_NOPTS_VALUE && packet->dts != AV_NOPTS_VALUE && packet->dts < least) {
        fl_stage_debug(encode->stage, "dts %lld of stream %d goes back, moved to %lld", (long long)packet->dts,
                       packet->stream_index, (long long)least);
        packet->dts = least;
        packet->pts = packet->pts != AV_NOPTS_VALUE && packet->pts < least ? least : packet->pts;
    }
    if (packet->dts != AV_NOPTS_VALUE)
        *last = packet->dts;
}

static struct encode_sound *sound_of(struct encode *encode, int stream)
{
    for (unsigned i = 0; i < encode->offered && stream > 0; i++)
        if (encode->sounds[i].stream == stream)
            return &encode->sounds[i];
    return NULL;
}

int fl_encode_mux_packet(struct encode *encode, AVPacket *packet)
{
    int ret = encode->header_written ? 0 : write_header(encode);
    if (ret >= 0) {
        struct encode_sound *sound = sound_of(encode, packet->stream_index);
        AVRational to = encode->mux->streams[packet->stream_index]->time_base;
        if (sound)
            fl_encode_sound_times(sound, packet, to);
        else
            av_packet_rescale_ts(packet, packet->time_base, to);
        keep_rising(encode, packet);
        fl_av_log_clear();
        ret = av_interleaved_write_frame(encode->mux, packet);
        if (ret >= 0 && encode->mux->pb && encode->mux->pb->error < 0)
            ret = encode->mux->pb->error;
        if (ret < 0)
            ret = fl_encode_fail_mux(encode, ret, "a packet");
    }
    av_packet_free(&packet);
    return ret;
}

/* ---- the end ---- */

int fl_encode_mux_end(struct encode *encode)
{
    if (!encode->header_written && encode->video.tried) {
        int ret = write_header(encode);
        if (ret < 0)
            return ret;
    }
    if (!encode->header_written) {
        fl_stage_warn(encode->stage, "no picture came: nothing is written to %s", encode->url);
        return 0;
    }
    fl_av_log_clear();
    int ret = av_write_trailer(encode->mux);
    if (ret < 0 || encode->bytes.error)
        return fl_encode_fail_mux(encode, ret < 0 ? ret : encode->bytes.error, "the end");
    return fl_encode_finish_bytes(encode);
}

void fl_encode_close_mux(struct encode *encode)
{
    fl_encode_close_bytes(encode);
    avformat_free_context(encode->mux);
}
