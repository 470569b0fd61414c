/* The decoder's memory. */
#include <errno.h>

#include <libavutil/imgutils.h>

#include "av-frame.h"
#include "decode.h"

static int plan(AVCodecContext *codec, enum AVPixelFormat format, int width, int height, struct fl_av_layout *layout)
{
    int align[AV_NUM_DATA_POINTERS], alloc_width = width, alloc_height = height;
    if (!fl_av_can_carry(format) || av_image_check_size2((unsigned)width, (unsigned)height, codec->max_pixels, format, 0, NULL) < 0)
        return -EINVAL;
    avcodec_align_dimensions2(codec, &alloc_width, &alloc_height, align);
    return fl_av_layout_init(layout, format, width, height, alloc_width, alloc_height);
}

/* A slot where there is one, otherwise libavcodec's own memory and a copy later. Called on any of the decoder's threads.
 *
 * The slot is marked read-only to libavcodec from the beginning (it fills the frame it asked for all the same): decoders that patch
 * their last picture write into it only while it is writable, and here others read it. They then ask for a new one. */
int decode_get_buffer(AVCodecContext *codec, AVFrame *frame, int flags)
{
    struct decode *decode = codec->opaque;
    struct fl_av_layout layout;
    struct fl_frame *slot;
    if (!decode->wired || plan(codec, frame->format, frame->width, frame->height, &layout) < 0 ||
        fl_stage_acquire_now(decode->stage, DECODE_PICTURES, layout.payload_bytes, &slot) < 0)
        return avcodec_default_get_buffer2(codec, frame, flags);
    int error = fl_av_slot_frame(slot, &layout, true, frame);
    fl_frame_unref(slot);
    return error < 0 ? AVERROR(ENOMEM) : 0;
}

/* ITU-T H.264 table A-1: how many macroblocks of pictures a decoder of that level keeps (MaxDpbMbs). */
static const struct {
    int level;
    unsigned macroblocks;
} h264_levels[] = {{10, 396},   {11, 900},   {20, 2376},  {21, 4752},   {30, 8100},   {31, 18000},
                   {32, 20480}, {41, 32768}, {42, 34816}, {50, 110400}, {52, 184320}, {62, 696320}};

/* The level says how many pictures of this size there can be, mostly far fewer than 16. Where it lies, what finds no slot goes
 * through private memory and is copied, and that is counted. */
static unsigned h264_references(const AVCodecContext *codec)
{
    unsigned size = (unsigned)((codec->width + 15) / 16) * (unsigned)((codec->height + 15) / 16);
    for (size_t i = 0; size && codec->level > 0 && i < sizeof(h264_levels) / sizeof(*h264_levels); i++)
        if (codec->level <= h264_levels[i].level)
            return FFMIN(h264_levels[i].macroblocks / size, 16) + 1;
    return 17;
}

/* What a codec may keep for reference and reordering, as its standard bounds it. */
static unsigned most_references(const AVCodecContext *codec)
{
    const AVCodecDescriptor *about = avcodec_descriptor_get(codec->codec_id);
    switch (codec->codec_id) {
    case AV_CODEC_ID_H264:
        return h264_references(codec);
    case AV_CODEC_ID_HEVC:
        return 17;
    case AV_CODEC_ID_VP8:
    case AV_CODEC_ID_VP9:
    case AV_CODEC_ID_AV1:
        return 10;
    default:
        return about && about->props & AV_CODEC_PROP_INTRA_ONLY ? 1 : 4;
    }
}

unsigned decode_working_set(const AVCodecContext *codec)
{
    bool frames_at_once = codec->active_thread_type & FF_THREAD_FRAME;
    unsigned threads = frames_at_once && codec->thread_count > 0 ? (unsigned)codec->thread_count : 0;
    if (!(codec->codec->capabilities & AV_CODEC_CAP_DR1))
        return 1; /* it decodes into memory of its own */
    return most_references(codec) + 2 * threads + 1;
}

/* Coded pictures are whole blocks: a little larger than what is shown. Where a codec asks for more it gets a larger pool. */
uint64_t decode_slot_bytes(AVCodecContext *codec, enum AVPixelFormat format, int width, int height)
{
    struct fl_av_layout layout;
    int error = plan(codec, format, FFALIGN(width, 16), FFALIGN(height, 16), &layout);
    return error < 0 ? 0 : layout.payload_bytes;
}
