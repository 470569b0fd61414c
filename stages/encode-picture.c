/* A taken frame on its way into the encoder: as it lies in its slot wherever that can be. */
#include "encode.h"

#include <errno.h>

#include "av-log.h"

/* ---- pixel format ---- */

static const enum AVPixelFormat *formats_of(const AVCodec *codec)
{
    /* JPEG's pictures are full range, which only these formats promise. */
    static const enum AVPixelFormat jpeg[] = {AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_NONE};
    if (codec->id == AV_CODEC_ID_MJPEG && !codec->wrapper_name)
        return jpeg;
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100)
    const void *list = NULL;
    return avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_PIX_FORMAT, 0, &list, NULL) < 0 ? NULL : list;
#else
    return codec->pix_fmts;
#endif
}

enum AVPixelFormat fl_encode_choose_format(const AVCodec *codec, enum AVPixelFormat from)
{
    const enum AVPixelFormat *formats = formats_of(codec);
    const AVPixFmtDescriptor *source = av_pix_fmt_desc_get(from);
    if (!formats || !source)
        return from;
    for (unsigned i = 0; formats[i] != AV_PIX_FMT_NONE; i++)
        if (formats[i] == from)
            return from;
    return avcodec_find_best_pix_fmt_of_list(formats, from, source->flags & AV_PIX_FMT_FLAG_ALPHA, NULL);
}

/* ---- conversion ---- */

/* `made` is written again once the encoder has let go of it. */
static int make_room(AVFrame *made, const AVCodecContext *context)
{
    bool fits =
        made->buf[0] && made->width == context->width && made->height == context->height && made->format == context->pix_fmt;
    if (fits && av_frame_is_writable(made))
        return 0;
    av_frame_unref(made);
    made->width = context->width;
    made->height = context->height;
    made->format = context->pix_fmt;
    return fl_av_errno(av_frame_get_buffer(made, 0));
}

static int convert(struct encode *encode, AVFrame *picture)
{
    struct encode_video *video = &encode->video;
    struct fl_scaler_side to = {video->context->width, video->context->height, video->context->pix_fmt};
    int ret = fl_scaler_set(&video->scaler, video->shell, &to);
    if (ret >= 0)
        ret = make_room(video->made, video->context);
    if (ret >= 0)
        ret = fl_scaler_run(&video->scaler, video->made, video->shell);
    if (ret >= 0)
        ret = fl_av_errno(av_frame_ref(picture, video->made));
    if (ret >= 0)
        ret = fl_av_errno(av_frame_copy_props(picture, video->shell));
    if (ret >= 0)
        fl_scaler_words(&video->scaler, picture, video->shell);
    return ret;
}

static bool as_opened(const AVFrame *picture, const AVCodecContext *context)
{
    return picture->width == context->width && picture->height == context->height && picture->format == context->pix_fmt;
}

static void say_conversion(struct encode *encode)
{
    struct encode_video *video = &encode->video;
    const AVFrame *from = video->shell;
    if (from->width != video->context->width || from->height != video->context->height) {
        if (!video->warned_size)
            fl_stage_warn(encode->stage, "the picture changes from %dx%d to %dx%d, which a file cannot: scaled to the first size",
                          video->context->width, video->context->height, from->width, from->height);
        video->warned_size = true;
    } else if (!video->said_conversion) {
        fl_stage_info(encode->stage, "%s does not take %s: converted to %s inside the encoder's process", video->codec->name,
                      av_get_pix_fmt_name(from->format), av_get_pix_fmt_name(video->context->pix_fmt));
        video->said_conversion = true;
    }
}

int fl_encode_prepare(struct encode *encode, struct fl_frame *frame, AVFrame *picture)
{
    struct encode_video *video = &encode->video;
    int ret;
    if (as_opened(video->shell, video->context)) {
        ret = fl_av_held_admit(&video->held, encode->stage, video->shell);
        if (ret >= 0)
            av_frame_move_ref(picture, video->shell);
    } else {
        say_conversion(encode);
        fl_av_log_clear();
        ret = convert(encode, picture);
    }
    if (ret < 0)
        ret = fl_stage_fail(encode->stage, FL_STAGE_ERROR_RUN, ret, "frame %llu could not be made ready for %s: %s",
                            (unsigned long long)fl_frame_desc(frame)->number, video->codec->name, fl_av_log_reason(ret));
    av_frame_unref(video->shell);
    return ret;
}
