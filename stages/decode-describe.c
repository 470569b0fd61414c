/* What the outputs will carry, as far as the headers tell: pictures are described once more, each for itself. */
#include <errno.h>
#include <string.h>

#include <libavutil/imgutils.h>

#include "av-frame.h"
#include "decode.h"

/* Where the headers do not say. The first picture tells, and is then a change of format. */
#define GUESSED_FORMAT AV_PIX_FMT_YUV420P
#define GUESSED_WIDTH  320
#define GUESSED_HEIGHT 240

static const uint8_t *stream_side(const AVStream *stream, enum AVPacketSideDataType type, size_t *bytes)
{
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
    const AVPacketSideData *found =
        av_packet_side_data_get(stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, type);
    *bytes = found ? found->size : 0;
    return found ? found->data : NULL;
#else
    return av_stream_get_side_data(stream, type, bytes);
#endif
}

static void copy_side(const AVStream *stream, enum AVPacketSideDataType type, AVFrame *frame, enum AVFrameSideDataType as)
{
    size_t bytes = 0;
    const uint8_t *data = stream_side(stream, type, &bytes);
    AVFrameSideData *to = data && bytes && !av_frame_get_side_data(frame, as) ? av_frame_new_side_data(frame, as, bytes) : NULL;
    if (to)
        memcpy(to->data, data, bytes);
}

void decode_apply_side(const struct decode *decode, AVFrame *frame)
{
    copy_side(decode->video, AV_PKT_DATA_DISPLAYMATRIX, frame, AV_FRAME_DATA_DISPLAYMATRIX);
    copy_side(decode->video, AV_PKT_DATA_MASTERING_DISPLAY_METADATA, frame, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA);
    copy_side(decode->video, AV_PKT_DATA_CONTENT_LIGHT_LEVEL, frame, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL);
}

static void set_field_order(AVFrame *frame, enum AVFieldOrder order)
{
    bool top = order == AV_FIELD_TT || order == AV_FIELD_TB, bottom = order == AV_FIELD_BB || order == AV_FIELD_BT;
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
    frame->flags |= (top || bottom ? AV_FRAME_FLAG_INTERLACED : 0) | (top ? AV_FRAME_FLAG_TOP_FIELD_FIRST : 0);
#else
    frame->interlaced_frame = top || bottom;
    frame->top_field_first = top;
#endif
}

/* A picture without pixels that looks as the first one will. */
static void expect(const struct decode *decode, AVFrame *frame)
{
    const AVCodecContext *codec = decode->codec;
    const AVCodecParameters *parameters = decode->video->codecpar;
    bool sized = codec->width > 0 && codec->height > 0;
    frame->format = fl_av_can_carry(codec->pix_fmt)       ? codec->pix_fmt
                    : fl_av_can_carry(parameters->format) ? parameters->format
                                                          : GUESSED_FORMAT;
    frame->width = sized ? codec->width : GUESSED_WIDTH;
    frame->height = sized ? codec->height : GUESSED_HEIGHT;
    frame->sample_aspect_ratio = av_guess_sample_aspect_ratio(decode->format, decode->video, NULL);
    frame->color_range = parameters->color_range;
    frame->color_primaries = parameters->color_primaries;
    frame->color_trc = parameters->color_trc;
    frame->colorspace = parameters->color_space;
    frame->chroma_location = parameters->chroma_location;
    set_field_order(frame, parameters->field_order);
    decode_apply_side(decode, frame);
}

static void describe_stream(struct decode *decode, const AVFrame *like, struct fl_stream *stream)
{
    AVRational rate = av_guess_frame_rate(decode->format, decode->video, NULL);
    size_t used = 0;
    bool known = rate.num > 0 && rate.den > 0;
    stream->rate_num = known ? rate.num : 0;
    stream->rate_den = known ? rate.den : 1;
    stream->duration = decode->video->duration > 0 ? decode->video->duration : 0;
    fl_av_describe(like, decode->clock.time_base, &stream->first);
    fl_av_side_from_frame(like, stream->side, sizeof stream->side, &used);
    stream->side_bytes = (uint32_t)used;
}

int decode_describe(struct decode *decode)
{
    struct fl_stage_output *output = fl_stage_output(decode->stage, DECODE_PICTURES);
    AVFrame *like = av_frame_alloc();
    if (!like)
        return fl_stage_fail(decode->stage, FL_STAGE_ERROR_START, -ENOMEM, "no memory to open %s", decode->url);
    decode_clock_init(&decode->clock, decode->format, decode->video);
    expect(decode, like);
    describe_stream(decode, like, &output->stream);
    output->payload_bytes = decode_slot_bytes(decode->codec, like->format, like->width, like->height);
    output->working_set = decode_working_set(decode->codec);
    int width = like->width, height = like->height;
    av_frame_free(&like);
    if (output->payload_bytes == 0)
        return fl_stage_fail(decode->stage, FL_STAGE_ERROR_START, -EOVERFLOW, "%s: pictures of %dx%d are larger than a slot can be",
                             decode->url, width, height);
    decode_describe_packets(decode);
    return 0;
}
