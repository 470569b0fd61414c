/* The sound, as packets: what the input's streams are, and each packet copied into a slot. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <libavutil/avstring.h>
#include <libavutil/channel_layout.h>
#include <libavutil/intreadwrite.h>

#include "decode.h"

#define SLOT_BYTES         65536 /* what nearly every packet of sound fits in; a larger one gets a larger pool */
#define SIDE_ALIGN         8
#define SKIP_SAMPLES_BYTES 10

/* ---- streams ---- */

static int extradata_bytes(const AVCodecParameters *parameters)
{
    return parameters->extradata && parameters->extradata_size > 0 ? parameters->extradata_size : 0;
}

static void describe_codec(const AVStream *stream, struct fl_side_codec *codec)
{
    const AVCodecParameters *from = stream->codecpar;
    *codec = (struct fl_side_codec){
        .time_base_num = stream->time_base.num,
        .time_base_den = stream->time_base.den,
        .sample_rate = from->sample_rate,
        .channels = from->ch_layout.nb_channels,
        .sample_format = from->format,
        .frame_size = from->frame_size,
        .block_align = from->block_align,
        .bits_per_coded_sample = from->bits_per_coded_sample,
        .bits_per_raw_sample = from->bits_per_raw_sample,
        .initial_padding = from->initial_padding,
        .trailing_padding = from->trailing_padding,
        .seek_preroll = from->seek_preroll,
        .profile = from->profile,
        .level = from->level,
        .codec_tag = from->codec_tag,
        .disposition = (uint32_t)stream->disposition,
        .bit_rate = from->bit_rate,
        .start_pts = stream->start_time,
        .source_index = (uint32_t)stream->index,
        .extradata_bytes = (uint32_t)extradata_bytes(from),
    };
    av_strlcpy(codec->codec, avcodec_get_name(from->codec_id), sizeof codec->codec);
    av_channel_layout_describe(&from->ch_layout, codec->layout, sizeof codec->layout);
}

static int append_codec(struct fl_stream *out, size_t *used, const AVStream *stream)
{
    size_t extra = (size_t)extradata_bytes(stream->codecpar), bytes = sizeof(struct fl_side_codec) + extra;
    uint8_t *record = malloc(bytes);
    if (!record)
        return -ENOMEM;
    struct fl_side_codec codec;
    describe_codec(stream, &codec);
    memcpy(record, &codec, sizeof codec);
    if (extra)
        memcpy(record + sizeof codec, stream->codecpar->extradata, extra);
    int error = fl_side_append(out->side, sizeof out->side, used, FL_SIDE_CODEC, record, bytes);
    free(record);
    return error;
}

/* Language and title go with the stream; what does not fit is only words. */
static void append_metadata(struct fl_stream *out, size_t *used, const AVStream *stream)
{
    const AVDictionaryEntry *entry = NULL;
    char pairs[2048];
    size_t bytes = 0;
    while ((entry = av_dict_get(stream->metadata, "", entry, AV_DICT_IGNORE_SUFFIX))) {
        size_t key = strlen(entry->key) + 1, value = strlen(entry->value) + 1;
        if (key > sizeof pairs - bytes || value > sizeof pairs - bytes - key)
            continue;
        memcpy(pairs + bytes, entry->key, key);
        memcpy(pairs + bytes + key, entry->value, value);
        bytes += key + value;
    }
    if (bytes)
        fl_side_append(out->side, sizeof out->side, used, FL_SIDE_METADATA, pairs, bytes);
}

static void leave_out(struct decode *decode, AVStream *stream, const char *why)
{
    stream->discard = AVDISCARD_ALL;
    fl_stage_warn(decode->stage, "%s: left out: stream %d (audio %s): %s", decode->url, stream->index,
                  avcodec_get_name(stream->codecpar->codec_id), why);
}

void decode_describe_packets(struct decode *decode)
{
    struct fl_stage_output *output = fl_stage_output(decode->stage, DECODE_PACKETS);
    struct fl_stream *out = &output->stream;
    size_t used = 0;
    out->stream_count = 0;
    for (unsigned i = 0; decode->packets_wanted && i < decode->stream_count; i++) {
        AVStream *stream = decode->format->streams[i];
        if (stream->codecpar->codec_type != AVMEDIA_TYPE_AUDIO)
            continue;
        if (stream->codecpar->codec_id == AV_CODEC_ID_NONE || stream->time_base.num <= 0 || stream->time_base.den <= 0) {
            leave_out(decode, stream, "its codec is not known");
            continue;
        }
        if (append_codec(out, &used, stream) < 0) {
            leave_out(decode, stream, "its description is too large");
            continue;
        }
        append_metadata(out, &used, stream);
        decode->packet_stream[i] = (int32_t)out->stream_count++;
        if (out->first.kind == 0)
            out->first = (struct fl_desc){
                .kind = FL_KIND_PACKET, .time_base_num = stream->time_base.num, .time_base_den = stream->time_base.den};
    }
    if (out->first.kind == 0)
        out->first = (struct fl_desc){.kind = FL_KIND_PACKET, .time_base_num = 1, .time_base_den = 1000};
    out->side_bytes = (uint32_t)used;
    output->payload_bytes = SLOT_BYTES;
    output->working_set = 1;
}

/* ---- packets ---- */

static size_t padded(size_t bytes)
{
    return (bytes + SIDE_ALIGN - 1) / SIDE_ALIGN * SIDE_ALIGN;
}

static size_t side_room(const AVPacket *packet)
{
    size_t bytes = 0;
    for (int i = 0; i < packet->side_data_elems; i++)
        bytes += sizeof(struct fl_side_header) + padded(packet->side_data[i].size);
    return bytes;
}

/* What a muxer needs of it: samples to skip, a new decoder configuration. */
static size_t put_side(const AVPacket *packet, uint8_t *to, size_t room)
{
    size_t used = 0;
    for (int i = 0; i < packet->side_data_elems; i++) {
        const AVPacketSideData *data = &packet->side_data[i];
        if (data->type == AV_PKT_DATA_SKIP_SAMPLES && data->size >= SKIP_SAMPLES_BYTES)
            fl_side_append(to, room, &used, FL_SIDE_SKIP_SAMPLES, data->data, SKIP_SAMPLES_BYTES);
        else if (data->type == AV_PKT_DATA_NEW_EXTRADATA)
            fl_side_append(to, room, &used, FL_SIDE_NEW_EXTRADATA, data->data, data->size);
    }
    return used;
}

static void describe_packet(const struct decode *decode, const AVPacket *packet, struct fl_desc *desc)
{
    const AVStream *stream = decode->format->streams[packet->stream_index];
    *desc = (struct fl_desc){
        .kind = FL_KIND_PACKET,
        .pts = packet->pts,
        .dts = packet->dts,
        .duration = packet->duration > 0 ? packet->duration : 0,
        .time_base_num = stream->time_base.num,
        .time_base_den = stream->time_base.den,
        .stream = (uint32_t)decode->packet_stream[packet->stream_index],
        .flags = (packet->flags & AV_PKT_FLAG_KEY ? FL_FRAME_KEY : 0) |
                 (packet->flags & AV_PKT_FLAG_CORRUPT ? FL_FRAME_CORRUPT : 0) |
                 (packet->flags & AV_PKT_FLAG_DISCARD ? FL_FRAME_DISCARD : 0),
    };
    if (packet->size <= 0)
        return;
    desc->plane_count = 1;
    desc->planes[0] = (struct fl_plane){.stride = packet->size, .rows = 1, .row_bytes = (uint32_t)packet->size};
}

int decode_publish_packet(struct decode *decode, const AVPacket *packet)
{
    struct fl_frame *slot;
    struct fl_desc desc;
    size_t data = packet->size > 0 ? (size_t)packet->size : 0, side_at = padded(data), room = side_room(packet);
    int error = fl_stage_acquire(decode->stage, DECODE_PACKETS, side_at + room, &slot);
    if (error < 0)
        return error;
    describe_packet(decode, packet, &desc);
    uint8_t *base = fl_frame_data(slot);
    if (data)
        memcpy(base, packet->data, data);
    desc.side_offset = (uint32_t)side_at;
    desc.side_bytes = (uint32_t)put_side(packet, base + side_at, room);
    error = fl_stage_publish(decode->stage, DECODE_PACKETS, slot, &desc);
    fl_frame_unref(slot);
    if (error != -EPIPE)
        return error;
    decode->packets_wanted = false; /* nobody takes sound any more; the pictures go on */
    return 0;
}
