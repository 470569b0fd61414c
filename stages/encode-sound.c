/* Sound: packets from the source to the muxer as they are. */
#include "encode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <libavutil/channel_layout.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/mathematics.h>

#include "av-log.h"

/* ---- what the source says of its streams ---- */

static int read_parameters(const struct fl_side_codec *codec, const uint8_t *extradata, AVCodecParameters *to)
{
    const AVCodecDescriptor *descriptor = avcodec_descriptor_get_by_name(codec->codec);
    to->codec_type = descriptor ? descriptor->type : AVMEDIA_TYPE_AUDIO;
    to->codec_id = descriptor ? descriptor->id : AV_CODEC_ID_NONE;
    to->codec_tag = codec->codec_tag;
    to->format = codec->sample_format;
    to->bit_rate = codec->bit_rate;
    to->sample_rate = codec->sample_rate;
    to->frame_size = codec->frame_size;
    to->block_align = codec->block_align;
    to->bits_per_coded_sample = codec->bits_per_coded_sample;
    to->bits_per_raw_sample = codec->bits_per_raw_sample;
    to->initial_padding = codec->initial_padding;
    to->trailing_padding = codec->trailing_padding;
    to->seek_preroll = codec->seek_preroll;
    to->profile = codec->profile;
    to->level = codec->level;
    if (av_channel_layout_from_string(&to->ch_layout, codec->layout) < 0 || to->ch_layout.nb_channels != codec->channels) {
        av_channel_layout_uninit(&to->ch_layout);
        to->ch_layout = (AVChannelLayout){.order = AV_CHANNEL_ORDER_UNSPEC, .nb_channels = codec->channels};
    }
    if (!codec->extradata_bytes)
        return 0;
    to->extradata = av_mallocz(codec->extradata_bytes + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!to->extradata)
        return -ENOMEM;
    memcpy(to->extradata, extradata, codec->extradata_bytes);
    to->extradata_size = (int)codec->extradata_bytes;
    return 0;
}

/* Whether a packet of AAC describes itself; what comes without such a header in MPEG-TS (some cameras, old muxers) never does. */
static bool is_adts(const AVPacket *packet)
{
    return packet->size > 2 && (AV_RB16(packet->data) & 0xfff0) == 0xfff0;
}

/* AAC as MPEG-TS has it describes itself in each packet, or not at all; most other containers want it said once. */
static int describe_aac(AVCodecParameters *to)
{
    static const int rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};
    unsigned rate = 0, channels = (unsigned)to->ch_layout.nb_channels;
    while (rate < sizeof(rates) / sizeof(rates[0]) && rates[rate] != to->sample_rate)
        rate++;
    bool plain = to->profile >= 0 && to->profile <= 3 && channels >= 1 && (channels <= 6 || channels == 8);
    if (to->codec_id != AV_CODEC_ID_AAC || to->extradata_size || !plain || rate == sizeof(rates) / sizeof(rates[0]))
        return 0;
    to->extradata = av_mallocz(2 + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!to->extradata)
        return AVERROR(ENOMEM);
    to->extradata_size = 2;
    AV_WB16(to->extradata, (unsigned)(to->profile + 1) << 11 | rate << 7 | (channels == 8 ? 7 : channels) << 3);
    return 0;
}

/* Matroska's muxer writes over its header what packets tell of AAC, where it can seek, and leaves room for that only if it was told
 * nothing before: else it writes over what comes behind. Packets that tell nothing it refuses, if it was told nothing before. */
static bool describes_aac_later(const AVFormatContext *mux, const struct encode_sound *sound)
{
    return sound->adts && strcmp(mux->oformat->name, "matroska") == 0 && mux->pb && mux->pb->seekable & AVIO_SEEKABLE_NORMAL;
}

static int read_metadata(const uint8_t *data, size_t bytes, AVDictionary **metadata)
{
    const char *at = (const char *)data, *end = at + bytes;
    while (at < end) {
        const char *key = at, *value = memchr(key, 0, (size_t)(end - key));
        const char *stop = value ? memchr(value + 1, 0, (size_t)(end - value - 1)) : NULL;
        if (!stop)
            return -EBADMSG;
        if (av_dict_set(metadata, key, value + 1, 0) < 0)
            return -ENOMEM;
        at = stop + 1;
    }
    return 0;
}

static int read_sound(struct encode *encode, struct encode_sound *sound, const uint8_t *data, size_t bytes)
{
    struct fl_side_codec codec;
    if (bytes < sizeof(codec))
        return -EBADMSG;
    memcpy(&codec, data, sizeof(codec));
    codec.codec[sizeof(codec.codec) - 1] = codec.layout[sizeof(codec.layout) - 1] = 0;
    if (codec.extradata_bytes > bytes - sizeof(codec) || codec.channels < 0 || codec.time_base_num <= 0 || codec.time_base_den <= 0)
        return -EBADMSG;
    sound->time_base = (AVRational){codec.time_base_num, codec.time_base_den};
    sound->disposition = (int)codec.disposition;
    sound->last_in = AV_NOPTS_VALUE;
    sound->delta = AV_NOPTS_VALUE;
    sound->stream = -1;
    sound->source_index = codec.source_index;
    memcpy(sound->name, codec.codec, sizeof(codec.codec));
    sound->parameters = avcodec_parameters_alloc();
    return sound->parameters ? read_parameters(&codec, data + sizeof(codec), sound->parameters) : -ENOMEM;
}

static int read_streams(struct encode *encode, const struct fl_stream *stream)
{
    struct encode_sound *sound = NULL;
    const uint8_t *data;
    uint32_t type;
    size_t at = 0, bytes;
    int more, ret = 0;
    while (ret >= 0 && (more = fl_side_next(stream->side, stream->side_bytes, &at, &type, &data, &bytes)) == 1) {
        if (type == FL_SIDE_CODEC && encode->offered == FL_ENCODE_MAX_SOUNDS) {
            fl_stage_warn(encode->stage, "only the first %d streams of sound are copied", FL_ENCODE_MAX_SOUNDS);
            break;
        }
        if (type == FL_SIDE_CODEC) {
            sound = &encode->sounds[encode->offered++];
            ret = read_sound(encode, sound, data, bytes);
        } else if (type == FL_SIDE_METADATA && sound) {
            ret = read_metadata(data, bytes, &sound->metadata);
        }
    }
    return ret < 0 ? ret : more < 0 ? more : 0;
}

/* ---- what the muxer takes ---- */

/* A tag of the source's container is kept only where the muxer means the same by it. */
static void settle_tag(const AVOutputFormat *muxer, AVCodecParameters *parameters)
{
    unsigned tag = parameters->codec_tag, other;
    if (muxer->codec_tag && av_codec_get_id(muxer->codec_tag, tag) != parameters->codec_id &&
        av_codec_get_tag2(muxer->codec_tag, parameters->codec_id, &other))
        parameters->codec_tag = 0;
    /* In these, containers disagree about what a block is. */
    if (parameters->codec_id == AV_CODEC_ID_AC3 || parameters->codec_id == AV_CODEC_ID_MP3)
        parameters->block_align = 0;
}

static int refuse(struct encode *encode, const struct encode_sound *sound, bool wanted)
{
    const char *format = "sound (stream %u, %s) cannot go into %s%s";
    if (!wanted) {
        fl_stage_warn(encode->stage, format, sound->source_index, sound->name, encode->mux->oformat->name,
                      ", which does not take this codec: left out; matroska takes nearly all");
        return 0;
    }
    return fl_stage_fail(encode->stage, FL_STAGE_ERROR_CONFIG, -EINVAL, format, sound->source_index, sound->name,
                         encode->mux->oformat->name,
                         ", which does not take this codec: choose another format= (matroska takes nearly all) or audio=none");
}

int fl_encode_open_sound(struct encode *encode)
{
    struct fl_stage_input *input = fl_stage_input(encode->stage, 1);
    const char *audio = fl_stage_string(encode->stage, "audio");
    bool none = audio && strcmp(audio, "none") == 0;
    int ret = input->connected && !none ? read_streams(encode, &input->stream) : 0;
    if (ret < 0)
        return fl_stage_fail(encode->stage, FL_STAGE_ERROR_START, ret, "what %s says of its sound cannot be read", input->from);
    for (unsigned i = 0; i < encode->offered; i++) {
        struct encode_sound *sound = &encode->sounds[i];
        settle_tag(encode->mux->oformat, sound->parameters);
        if (fl_encode_muxer_takes(encode, sound)) {
            sound->lost_delay = fl_encode_lost_delay(encode, sound);
            sound->stream = (int)++encode->sound_count;
        } else if ((ret = refuse(encode, sound, audio != NULL)) < 0) {
            return ret;
        }
    }
    input->unused = input->connected && !encode->sound_count;
    encode->ended[1] = !input->connected || input->unused;
    return 0;
}

int fl_encode_add_sound_streams(struct encode *encode, AVFormatContext *mux)
{
    for (unsigned i = 0; i < encode->offered; i++) {
        struct encode_sound *sound = &encode->sounds[i];
        if (sound->stream < 0)
            continue;
        AVStream *stream = avformat_new_stream(mux, NULL);
        int ret = stream ? avcodec_parameters_copy(stream->codecpar, sound->parameters) : AVERROR(ENOMEM);
        if (ret >= 0 && mux->oformat->flags & AVFMT_GLOBALHEADER && !describes_aac_later(mux, sound))
            ret = describe_aac(stream->codecpar);
        if (ret < 0)
            return ret;
        stream->time_base = (AVRational){1, sound->parameters->sample_rate};
        if (sound->parameters->sample_rate <= 0)
            stream->time_base = sound->time_base;
        stream->disposition = sound->disposition;
        av_dict_copy(&stream->metadata, sound->metadata, 0);
    }
    return 0;
}

/* ---- packets ---- */

static int add_side(AVPacket *packet, const uint8_t *records, size_t record_bytes)
{
    const uint8_t *data;
    uint32_t type;
    size_t at = 0, bytes;
    int more;
    while ((more = fl_side_next(records, record_bytes, &at, &type, &data, &bytes)) == 1) {
        if (type != FL_SIDE_SKIP_SAMPLES && type != FL_SIDE_NEW_EXTRADATA)
            continue;
        uint8_t *to = av_packet_new_side_data(
            packet, type == FL_SIDE_SKIP_SAMPLES ? AV_PKT_DATA_SKIP_SAMPLES : AV_PKT_DATA_NEW_EXTRADATA, bytes);
        if (!to)
            return -ENOMEM;
        memcpy(to, data, bytes);
    }
    return more;
}

/* Everything is copied before it is looked at: the muxer parses it, and its producer could still write it. */
static int copy_packet(const struct fl_frame *frame, AVPacket *packet)
{
    const struct fl_desc *desc = fl_frame_desc(frame);
    int ret = av_new_packet(packet, (int)desc->planes[0].row_bytes);
    if (ret < 0)
        return -ENOMEM;
    memcpy(packet->data, fl_frame_plane(frame, 0), desc->planes[0].row_bytes);
    if (!desc->side_bytes)
        return 0;
    uint8_t *side = malloc(desc->side_bytes);
    if (!side)
        return -ENOMEM;
    memcpy(side, fl_frame_base(frame) + desc->side_offset, desc->side_bytes);
    ret = add_side(packet, side, desc->side_bytes);
    free(side);
    return ret;
}

static void set_times(struct encode_sound *sound, const struct fl_desc *desc, AVPacket *packet)
{
    packet->pts = desc->pts == FL_NO_PTS ? AV_NOPTS_VALUE : desc->pts;
    packet->dts = desc->dts == FL_NO_PTS ? packet->pts : desc->dts;
    packet->duration = desc->duration;
    if (packet->dts == AV_NOPTS_VALUE)
        packet->pts = packet->dts = sound->last_in == AV_NOPTS_VALUE ? 0 : sound->last_in;
    sound->last_in = packet->dts + packet->duration;
}

/* Containers that count in milliseconds round each packet's time by itself; the samples in the packets tell how far apart they are.
 * Times are smoothed within the source's own tick, and never by more. */
void fl_encode_sound_times(struct encode_sound *sound, AVPacket *packet, AVRational to)
{
    AVRational from = sound->time_base, fine = {1, sound->parameters->sample_rate};
    int samples = fine.den > 0 ? av_get_audio_frame_duration2(sound->parameters, packet->size) : 0;
    if (samples > 0 && packet->dts != AV_NOPTS_VALUE) {
        packet->pts = packet->dts = av_rescale_delta(from, packet->dts, fine, samples, &sound->delta, to);
        packet->duration = packet->duration ? av_rescale_q(packet->duration, from, to) : av_rescale_q(samples, fine, to);
    } else {
        av_packet_rescale_ts(packet, from, to);
    }
    packet->pts += sound->lost_delay;
    packet->dts += sound->lost_delay;
}

int fl_encode_sound_packet(struct encode *encode, struct fl_frame *frame)
{
    const struct fl_desc *desc = fl_frame_desc(frame);
    if (desc->kind != FL_KIND_PACKET || desc->plane_count != 1 || desc->planes[0].rows != 1 ||
        desc->planes[0].row_bytes > INT32_MAX / 2)
        return fl_stage_fail(encode->stage, FL_STAGE_ERROR_RUN, -EBADMSG, "packet %llu of sound is not what its description says",
                             (unsigned long long)desc->number);
    if (desc->stream >= encode->offered || encode->sounds[desc->stream].stream < 0)
        return 0;
    struct encode_sound *sound = &encode->sounds[desc->stream];
    AVPacket *packet = av_packet_alloc();
    int ret = packet ? copy_packet(frame, packet) : -ENOMEM;
    if (ret < 0) {
        av_packet_free(&packet);
        return fl_stage_fail(encode->stage, FL_STAGE_ERROR_RUN, ret, "packet %llu of sound could not be read",
                             (unsigned long long)desc->number);
    }
    if (!sound->seen) {
        sound->seen = true;
        sound->adts = is_adts(packet);
    }
    packet->stream_index = sound->stream;
    packet->flags = (desc->flags & FL_FRAME_KEY ? AV_PKT_FLAG_KEY : 0) |
                    (desc->flags & FL_FRAME_CORRUPT ? AV_PKT_FLAG_CORRUPT : 0) |
                    (desc->flags & FL_FRAME_DISCARD ? AV_PKT_FLAG_DISCARD : 0);
    set_times(sound, desc, packet);
    return fl_encode_write(encode, 1, packet, sound->time_base);
}

void fl_encode_close_sound(struct encode *encode)
{
    for (unsigned i = 0; i < encode->offered; i++) {
        avcodec_parameters_free(&encode->sounds[i].parameters);
        av_dict_free(&encode->sounds[i].metadata);
    }
}
