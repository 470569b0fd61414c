/* What a muxer makes of its streams, found out in memory before anything is written. */
#include "encode.h"

#include <errno.h>
#include <string.h>
#include <libavutil/avstring.h>
#include <libavutil/mathematics.h>
#include <libavutil/mem.h>

#include "av-log.h"

#define TRIAL_TICK 1000 /* of a stream whose ticks are thousandths: one second */

static void close_trial(AVFormatContext *mux, uint8_t **bytes, int *count)
{
    uint8_t *written = NULL;
    int size = mux && mux->pb ? avio_close_dyn_buf(mux->pb, &written) : 0;
    if (bytes) {
        *bytes = written;
        *count = size;
    } else {
        av_free(written);
    }
    if (mux)
        mux->pb = NULL;
    avformat_free_context(mux);
}

static AVFormatContext *open_trial(const struct encode *encode, const struct encode_sound *sound, bool with_picture)
{
    AVFormatContext *mux = NULL;
    if (avformat_alloc_output_context2(&mux, encode->mux->oformat, NULL, "trial") < 0)
        return NULL;
    mux->strict_std_compliance = encode->mux->strict_std_compliance;
    AVStream *picture = with_picture ? avformat_new_stream(mux, NULL) : NULL, *stream = avformat_new_stream(mux, NULL);
    int ret = stream && (picture || !with_picture) ? avio_open_dyn_buf(&mux->pb) : AVERROR(ENOMEM);
    if (ret >= 0 && picture) {
        picture->time_base = encode->video.time_base;
        ret = avcodec_parameters_from_context(picture->codecpar, encode->video.context);
    }
    if (ret >= 0) {
        stream->time_base = (AVRational){1, sound->parameters->sample_rate > 0 ? sound->parameters->sample_rate : 1000};
        ret = avcodec_parameters_copy(stream->codecpar, sound->parameters);
    }
    if (ret >= 0)
        ret = avformat_write_header(mux, NULL);
    if (ret >= 0)
        return mux;
    close_trial(mux, NULL, NULL);
    return NULL;
}

int fl_encode_try_header(struct encode *encode)
{
    AVFormatContext *mux = NULL;
    if (encode->mux->oformat->flags & AVFMT_NOFILE)
        return 0;
    int ret = avformat_alloc_output_context2(&mux, encode->mux->oformat, NULL, encode->url);
    if (ret >= 0)
        ret = avio_open_dyn_buf(&mux->pb);
    if (ret >= 0 && encode->mux->pb)
        mux->pb->seekable = encode->mux->pb->seekable;
    fl_av_log_clear();
    if (ret >= 0 && (ret = fl_encode_set_muxer_options(encode, mux)) >= 0 && (ret = fl_encode_add_streams(encode, mux)) >= 0)
        ret = avformat_write_header(mux, NULL);
    if (ret < 0)
        ret = fl_encode_fail_header(encode, ret);
    close_trial(mux, NULL, NULL);
    return ret < 0 ? ret : 0;
}

/* ---- sound ---- */

/* MPEG-TS carries anything, but what it has no type for nobody finds again. */
static bool is_lost_in(const AVOutputFormat *muxer, enum AVCodecID id)
{
    static const enum AVCodecID found[] = {AV_CODEC_ID_MP1,      AV_CODEC_ID_MP2,  AV_CODEC_ID_MP3,  AV_CODEC_ID_AAC,
                                           AV_CODEC_ID_AAC_LATM, AV_CODEC_ID_AC3,  AV_CODEC_ID_EAC3, AV_CODEC_ID_DTS,
                                           AV_CODEC_ID_TRUEHD,   AV_CODEC_ID_OPUS, AV_CODEC_ID_S302M};
    if (strcmp(muxer->name, "mpegts") != 0)
        return false;
    for (unsigned i = 0; i < sizeof(found) / sizeof(found[0]); i++)
        if (found[i] == id)
            return false;
    return true;
}

static bool passes_trial(const struct encode *encode, const struct encode_sound *sound, bool with_picture)
{
    AVFormatContext *trial = open_trial(encode, sound, with_picture);
    if (trial)
        close_trial(trial, NULL, NULL);
    return trial != NULL;
}

/* Not every muxer has a list of what it takes, and on the lists stands more than they take: Opus on that of mov, any rate of MP3 on
 * flv's. When they are to write a header they say so. Alone, because it may be the picture that does not please. */
bool fl_encode_muxer_takes(const struct encode *encode, const struct encode_sound *sound)
{
    const AVOutputFormat *muxer = encode->mux->oformat;
    if (sound->parameters->codec_id == AV_CODEC_ID_NONE || muxer->audio_codec == AV_CODEC_ID_NONE ||
        is_lost_in(muxer, sound->parameters->codec_id))
        return false;
    int known = avformat_query_codec(muxer, sound->parameters->codec_id, encode->mux->strict_std_compliance);
    if (known == 0 || muxer->flags & AVFMT_NOFILE)
        return known != 0;
    return passes_trial(encode, sound, encode->video.context != NULL) || (known > 0 && passes_trial(encode, sound, false));
}

/* ---- the delay of a codec ---- */

struct memory {
    const uint8_t *at;
    int left;
};

static int read_memory(void *opaque, uint8_t *to, int bytes)
{
    struct memory *memory = opaque;
    int count = bytes < memory->left ? bytes : memory->left;
    if (!count)
        return AVERROR_EOF;
    memcpy(to, memory->at, (size_t)count);
    memory->at += count;
    memory->left -= count;
    return count;
}

/* The first packet's pts, as who reads the file will see it. */
static int read_first_pts(const char *format, const uint8_t *bytes, int count, int64_t *pts)
{
    struct memory memory = {bytes, count};
    uint8_t *buffer = av_malloc(4096);
    AVFormatContext *demux = avformat_alloc_context();
    AVIOContext *pb = buffer ? avio_alloc_context(buffer, 4096, 0, &memory, read_memory, NULL, NULL) : NULL;
    AVPacket *packet = av_packet_alloc();
    int ret = AVERROR(ENOMEM);
    if (demux && pb && packet) {
        demux->pb = pb;
        ret = avformat_open_input(&demux, NULL, av_find_input_format(format), NULL);
    }
    if (ret >= 0)
        ret = av_read_frame(demux, packet);
    if (ret >= 0)
        *pts = packet->pts;
    av_packet_free(&packet);
    avformat_close_input(&demux);
    if (pb)
        av_free(pb->buffer);
    else
        av_free(buffer);
    avio_context_free(&pb);
    return ret;
}

static int write_one(AVFormatContext *mux)
{
    AVPacket *packet = av_packet_alloc();
    int ret = packet ? av_new_packet(packet, 16) : AVERROR(ENOMEM);
    if (ret >= 0) {
        memset(packet->data, 0, 16);
        packet->pts = packet->dts = TRIAL_TICK;
        packet->flags = AV_PKT_FLAG_KEY;
        ret = av_write_frame(mux, packet);
    }
    av_packet_free(&packet);
    return ret >= 0 ? av_write_trailer(mux) : ret;
}

/* Some releases of libavformat store a codec's delay in Matroska, by which every reader then moves the sound back, without moving
 * it forward when they write: all sound would come too early. */
int64_t fl_encode_lost_delay(const struct encode *encode, const struct encode_sound *sound)
{
    uint8_t *bytes = NULL;
    int count = 0;
    int64_t pts = TRIAL_TICK;
    if (sound->parameters->initial_padding <= 0 || !av_match_name(encode->mux->oformat->name, "matroska,webm"))
        return 0;
    AVFormatContext *trial = open_trial(encode, sound, false);
    bool wrote =
        trial && trial->streams[0]->time_base.num == 1 && trial->streams[0]->time_base.den == 1000 && write_one(trial) >= 0;
    close_trial(trial, &bytes, &count);
    if (!wrote || read_first_pts("matroska", bytes, count, &pts) < 0 || pts == AV_NOPTS_VALUE)
        pts = TRIAL_TICK;
    av_free(bytes);
    return TRIAL_TICK - pts;
}
