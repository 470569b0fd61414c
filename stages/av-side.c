/* Side data: AVFrame's <-> records of framelane/side.h. */
#include "av-frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/hdr_dynamic_metadata.h>
#include <libavutil/mastering_display_metadata.h>
#include <libavutil/mem.h>

/* Since then libavutil reads and writes HDR10+ as the T.35 payload that records carry. */
#define HAVE_T35 (LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 5, 100))

static void put_rational(int32_t to[2], AVRational from)
{
    to[0] = from.num;
    to[1] = from.den;
}

static AVRational get_rational(const int32_t from[2])
{
    return (AVRational){from[0], from[1]};
}

static void mastering_from(const AVMasteringDisplayMetadata *from, struct fl_side_mastering *to)
{
    memset(to, 0, sizeof *to);
    for (int c = 0; c < 3; c++)
        for (int xy = 0; xy < 2; xy++)
            put_rational(to->primaries[c][xy], from->display_primaries[c][xy]);
    for (int xy = 0; xy < 2; xy++)
        put_rational(to->white_point[xy], from->white_point[xy]);
    put_rational(to->luminance_min, from->min_luminance);
    put_rational(to->luminance_max, from->max_luminance);
    to->has_primaries = from->has_primaries != 0;
    to->has_luminance = from->has_luminance != 0;
}

static void append_t35(const AVFrameSideData *data, uint8_t *buf, size_t capacity, size_t *used)
{
#if HAVE_T35
    uint8_t *payload = NULL;
    size_t bytes = 0;
    if (av_dynamic_hdr_plus_to_t35((const AVDynamicHDRPlus *)data->data, &payload, &bytes) >= 0)
        fl_side_append(buf, capacity, used, FL_SIDE_HDR10_PLUS_T35, payload, bytes);
    av_free(payload);
#endif
}

void fl_av_side_from_frame(const AVFrame *frame, uint8_t *buf, size_t capacity, size_t *used)
{
    for (int i = 0; i < frame->nb_side_data; i++) {
        const AVFrameSideData *data = frame->side_data[i];
        struct fl_side_mastering mastering;
        struct fl_side_light_level level;
        switch (data->type) {
        case AV_FRAME_DATA_MASTERING_DISPLAY_METADATA:
            mastering_from((const AVMasteringDisplayMetadata *)data->data, &mastering);
            fl_side_append(buf, capacity, used, FL_SIDE_MASTERING, &mastering, sizeof mastering);
            break;
        case AV_FRAME_DATA_CONTENT_LIGHT_LEVEL:
            level.max_content = ((const AVContentLightMetadata *)data->data)->MaxCLL;
            level.max_average = ((const AVContentLightMetadata *)data->data)->MaxFALL;
            fl_side_append(buf, capacity, used, FL_SIDE_LIGHT_LEVEL, &level, sizeof level);
            break;
        case AV_FRAME_DATA_A53_CC:
            fl_side_append(buf, capacity, used, FL_SIDE_CAPTIONS_A53, data->data, data->size);
            break;
        case AV_FRAME_DATA_DYNAMIC_HDR_PLUS:
            append_t35(data, buf, capacity, used);
            break;
        default:
            break;
        }
    }
}

static int mastering_to(const uint8_t *bytes, size_t count, AVFrame *frame)
{
    struct fl_side_mastering from;
    if (count < sizeof from)
        return -EBADMSG;
    memcpy(&from, bytes, sizeof from);
    AVMasteringDisplayMetadata *to = av_mastering_display_metadata_create_side_data(frame);
    if (!to)
        return -ENOMEM;
    for (int c = 0; c < 3; c++)
        for (int xy = 0; xy < 2; xy++)
            to->display_primaries[c][xy] = get_rational(from.primaries[c][xy]);
    for (int xy = 0; xy < 2; xy++)
        to->white_point[xy] = get_rational(from.white_point[xy]);
    to->min_luminance = get_rational(from.luminance_min);
    to->max_luminance = get_rational(from.luminance_max);
    to->has_primaries = from.has_primaries != 0;
    to->has_luminance = from.has_luminance != 0;
    return 0;
}

static int light_level_to(const uint8_t *bytes, size_t count, AVFrame *frame)
{
    struct fl_side_light_level from;
    if (count < sizeof from)
        return -EBADMSG;
    memcpy(&from, bytes, sizeof from);
    AVContentLightMetadata *to = av_content_light_metadata_create_side_data(frame);
    if (!to)
        return -ENOMEM;
    to->MaxCLL = from.max_content;
    to->MaxFALL = from.max_average;
    return 0;
}

static int captions_to(const uint8_t *bytes, size_t count, AVFrame *frame)
{
    AVFrameSideData *to = av_frame_new_side_data(frame, AV_FRAME_DATA_A53_CC, count);
    if (!to)
        return -ENOMEM;
    memcpy(to->data, bytes, count);
    return 0;
}

static int t35_to(const uint8_t *bytes, size_t count, AVFrame *frame)
{
#if HAVE_T35
    AVDynamicHDRPlus *to = av_dynamic_hdr_plus_create_side_data(frame);
    if (!to)
        return -ENOMEM;
    if (av_dynamic_hdr_plus_from_t35(to, bytes, count) < 0)
        av_frame_remove_side_data(frame, AV_FRAME_DATA_DYNAMIC_HDR_PLUS);
#endif
    return 0;
}

static int record_to(uint32_t type, const uint8_t *bytes, size_t count, AVFrame *frame)
{
    switch (type) {
    case FL_SIDE_MASTERING:
        return mastering_to(bytes, count, frame);
    case FL_SIDE_LIGHT_LEVEL:
        return light_level_to(bytes, count, frame);
    case FL_SIDE_CAPTIONS_A53:
        return captions_to(bytes, count, frame);
    case FL_SIDE_HDR10_PLUS_T35:
        return t35_to(bytes, count, frame);
    default:
        return 0;
    }
}

int fl_av_side_to_frame(const uint8_t *records, size_t bytes, AVFrame *frame)
{
    const uint8_t *data;
    uint32_t type;
    size_t at = 0, count;
    int more;
    while ((more = fl_side_next(records, bytes, &at, &type, &data, &count)) == 1) {
        int error = record_to(type, data, count, frame);
        if (error < 0)
            return error;
    }
    return more;
}

void fl_av_put_side(const AVFrame *frame, struct fl_frame *slot, struct fl_desc *desc)
{
    uint8_t *base = fl_frame_data(slot);
    size_t capacity = fl_frame_capacity(slot), used = 0;
    if (!base) { /* announced before: what was written then goes with it again */
        desc->side_offset = fl_frame_desc(slot)->side_offset;
        desc->side_bytes = fl_frame_desc(slot)->side_bytes;
        return;
    }
    desc->side_offset = desc->side_bytes = 0;
    if (frame->nb_side_data == 0 || capacity < FL_AV_SIDE_BYTES)
        return;
    fl_av_side_from_frame(frame, base + capacity - FL_AV_SIDE_BYTES, FL_AV_SIDE_BYTES, &used);
    desc->side_offset = used ? (uint32_t)(capacity - FL_AV_SIDE_BYTES) : 0;
    desc->side_bytes = (uint32_t)used;
}
