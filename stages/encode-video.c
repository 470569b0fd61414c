#include "encode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <libavutil/opt.h>

#include "av-log.h"
#include "nearest.h"

/* ---- which encoder ---- */

static int fail_unknown(struct encode *encode, const char *name)
{
    const AVCodec *codec;
    void *at = NULL;
    char hint[80];
    struct fl_nearest_name nearest = {.word = name};
    while ((codec = av_codec_iterate(&at)))
        if (av_codec_is_encoder(codec) && codec->type == AVMEDIA_TYPE_VIDEO)
            fl_nearest_offer(&nearest, codec->name);
    return fl_stage_fail(encode->stage, FL_STAGE_ERROR_CONFIG, -ENOENT,
                         "there is no encoder '%s'%s ('framelane inspect codec %s' tells more)", name,
                         fl_nearest_hint(&nearest, hint, sizeof(hint)), nearest.best ? nearest.best : "libx264");
}

/* An encoder's name, or a codec's, which means its first encoder. */
static int find_named(struct encode *encode, const char *name)
{
    const AVCodecDescriptor *descriptor = avcodec_descriptor_get_by_name(name);
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    if (!codec && descriptor)
        codec = avcodec_find_encoder(descriptor->id);
    if (!codec)
        return fail_unknown(encode, name);
    if (codec->type != AVMEDIA_TYPE_VIDEO)
        return fl_stage_fail(encode->stage, FL_STAGE_ERROR_CONFIG, -EINVAL,
                             "encoder '%s' is not for pictures; sound is copied as it is", name);
    encode->video.codec = codec;
    return 0;
}

int fl_encode_find_encoder(struct encode *encode)
{
    const char *name = fl_stage_string(encode->stage, "codec");
    const AVOutputFormat *muxer = encode->mux->oformat;
    int ret = 0;
    if (name && (ret = find_named(encode, name)) < 0)
        return ret;
    if (!name) {
        enum AVCodecID id = av_guess_codec(muxer, NULL, encode->url, NULL, AVMEDIA_TYPE_VIDEO);
        encode->video.codec = id == AV_CODEC_ID_NONE ? NULL : avcodec_find_encoder(id);
    }
    if (!encode->video.codec)
        return fl_stage_fail(encode->stage, FL_STAGE_ERROR_CONFIG, -EINVAL,
                             "muxer '%s' has no default encoder for pictures here: choose one with codec=NAME", muxer->name);
    if (avformat_query_codec(muxer, encode->video.codec->id, FF_COMPLIANCE_EXPERIMENTAL) == 0)
        return fl_stage_fail(encode->stage, FL_STAGE_ERROR_CONFIG, -EINVAL,
                             "muxer '%s' does not take %s, which encoder %s makes: choose another codec= or format=", muxer->name,
                             avcodec_get_name(encode->video.codec->id), encode->video.codec->name);
    return 0;
}

/* ---- opening ---- */

#define MOST_RATE_TICKS 65535 /* MPEG-4 has 16 bits for them */

static bool is_interlaced(const AVFrame *frame, bool *top_first)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
    *top_first = frame->flags & AV_FRAME_FLAG_TOP_FIELD_FIRST;
    return frame->flags & AV_FRAME_FLAG_INTERLACED;
#else
    *top_first = frame->top_field_first;
    return frame->interlaced_frame;
#endif
}

static const AVRational *fixed_rates(const AVCodec *codec)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100)
    const void *list = NULL;
    return avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_FRAME_RATE, 0, &list, NULL) < 0 ? NULL : list;
#else
    return codec->supported_framerates;
#endif
}

static bool counts_pictures(const AVCodec *codec)
{
    return fixed_rates(codec) || codec->id == AV_CODEC_ID_THEORA;
}

/* See struct encode_times. */
static void set_times(const struct encode_video *video, AVCodecContext *context, bool counted)
{
    const AVRational *rates = fixed_rates(video->codec);
    AVRational rate = video->rate;
    context->time_base = video->time_base;
    context->framerate = rate;
    if (!counted)
        return;
    if (rate.num <= 0)
        rate = (AVRational){25, 1};
    if (rates)
        rate = rates[av_find_nearest_q_idx(rate, rates)];
    else
        av_reduce(&rate.num, &rate.den, rate.num, rate.den, MOST_RATE_TICKS);
    context->framerate = rate;
    context->time_base = av_inv_q(rate);
}

static int set_picture(struct encode *encode, AVCodecContext *context, const AVFrame *like)
{
    struct encode_video *video = &encode->video;
    AVFrame *words = video->made;
    context->width = like->width;
    context->height = like->height;
    context->pix_fmt = fl_encode_choose_format(video->codec, like->format);
    av_frame_unref(words);
    int ret = av_frame_copy_props(words, like);
    if (ret >= 0 && context->pix_fmt != like->format) {
        ret = fl_scaler_set(&video->scaler, like, &(struct fl_scaler_side){like->width, like->height, context->pix_fmt});
        if (ret >= 0)
            fl_scaler_words(&video->scaler, words, like);
    }
    context->sample_aspect_ratio = words->sample_aspect_ratio;
    context->color_range = words->color_range;
    context->color_primaries = words->color_primaries;
    context->color_trc = words->color_trc;
    context->colorspace = words->colorspace;
    context->chroma_sample_location = words->chroma_location;
    av_frame_unref(words);
    return fl_av_errno(ret);
}

/* How an encoder may be opened; the first way that works is taken. */
struct way {
    bool interlaced, counted;
};

static void set_field_order(AVCodecContext *context, const AVFrame *like, bool coded)
{
    bool top_first, interlaced = is_interlaced(like, &top_first);
    context->field_order = !interlaced ? AV_FIELD_PROGRESSIVE : top_first ? AV_FIELD_TT : AV_FIELD_BB;
    if (coded)
        context->flags |= AV_CODEC_FLAG_INTERLACED_DCT | AV_CODEC_FLAG_INTERLACED_ME;
}

static int open_context(struct encode *encode, const AVFrame *like, const struct way *way, AVCodecContext **opened)
{
    struct encode_video *video = &encode->video;
    AVCodecContext *context = avcodec_alloc_context3(video->codec);
    if (!context)
        return AVERROR(ENOMEM);
    context->thread_count = 0; /* as many as the machine has */
    set_times(video, context, way->counted);
    set_field_order(context, like, way->interlaced);
    int ret = set_picture(encode, context, like);
    if (ret >= 0)
        ret = fl_encode_set_encoder_options(encode, context);
    if (encode->mux->oformat->flags & AVFMT_GLOBALHEADER)
        context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (ret >= 0)
        ret = avcodec_open2(context, video->codec, NULL);
    if (ret >= 0)
        *opened = context;
    else
        avcodec_free_context(&context);
    return ret;
}

static int try_ways(struct encode *encode, const AVFrame *like, AVCodecContext **opened)
{
    struct encode_video *video = &encode->video;
    bool top_first, interlaced = is_interlaced(like, &top_first), counted = counts_pictures(video->codec);
    const struct way ways[] = {{interlaced, counted}, {false, counted}, {false, true}};
    int first_error = 0;
    fl_av_log_clear();
    for (unsigned i = 0; i < 3; i++) {
        bool as_before = i > 0 && ways[i].interlaced == ways[i - 1].interlaced && ways[i].counted == ways[i - 1].counted;
        as_before |= i == 2 && video->codec->wrapper_name; /* they take any time base */
        int ret = as_before ? first_error : open_context(encode, like, &ways[i], opened);
        if (ret >= 0) {
            video->times.counted = ways[i].counted;
            return 0;
        }
        if (!first_error)
            first_error = ret;
    }
    return first_error;
}

/* Pictures that an encoder may have in hand at once. Those that libavcodec wraps copy what they are given; its own keep references:
 * to the last pictures, to as many as they reorder, and one a thread where they work on several pictures at once. */
static unsigned expected_hold(const AVCodecContext *context)
{
    unsigned hold = 3;
    if (context->codec->wrapper_name)
        return 1;
    if (context->max_b_frames > 0)
        hold += (unsigned)context->max_b_frames;
    if (context->active_thread_type & FF_THREAD_FRAME && context->thread_count > 1)
        hold += (unsigned)context->thread_count;
    return hold < 32 ? hold : 32;
}

/* Where chroma is coarser than luma many encoders want its samples whole: what to write before them. "": that is not the matter. */
static const char *even_size(const AVFrame *like, char text[96])
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(like->format);
    int width = like->width, height = like->height;
    text[0] = 0;
    if (format) {
        width -= width % (1 << format->log2_chroma_w);
        height -= height % (1 << format->log2_chroma_h);
    }
    if (width > 0 && height > 0 && (width != like->width || height != like->height))
        snprintf(text, 96, "; put 'crop %d:%d' or 'scale %d:%d' before it", width, height, width, height);
    return text;
}

int fl_encode_open_encoder(struct encode *encode, const AVFrame *like)
{
    struct encode_video *video = &encode->video;
    AVCodecContext *context = NULL;
    char remedy[96];
    avcodec_free_context(&video->context);
    int ret = try_ways(encode, like, &context);
    if (ret == AVERROR(ENOMEM))
        return fl_stage_fail(encode->stage, FL_STAGE_ERROR_START, -ENOMEM, "no memory for encoder %s", video->codec->name);
    if (ret < 0)
        return fl_stage_fail(
            encode->stage, FL_STAGE_ERROR_CONFIG, fl_av_errno(ret),
            "encoder %s does not take %dx%d %s with these options: %s ('framelane inspect codec %s' lists what it takes)%s",
            video->codec->name, like->width, like->height, av_get_pix_fmt_name(like->format), fl_av_log_reason(ret),
            video->codec->name, even_size(like, remedy));
    video->context = context;
    if (!video->held.limit) /* said once, at open: it does not grow any more */
        video->held.limit = expected_hold(context);
    return 0;
}

/* ---- pictures ---- */

static bool alike(const AVFrame *a, const AVFrame *b)
{
    bool a_top, b_top, a_interlaced = is_interlaced(a, &a_top), b_interlaced = is_interlaced(b, &b_top);
    return a->width == b->width && a->height == b->height && a->format == b->format && a_interlaced == b_interlaced &&
           (!a_interlaced || a_top == b_top) && av_cmp_q(a->sample_aspect_ratio, b->sample_aspect_ratio) == 0 &&
           a->color_range == b->color_range && a->color_primaries == b->color_primaries && a->color_trc == b->color_trc &&
           a->colorspace == b->colorspace && a->chroma_location == b->chroma_location;
}

/* What the source said of the whole stream holds where the first picture does not say otherwise. */
static int complete(AVFrame *picture, const AVFrame *promised)
{
    for (int i = 0; i < promised->nb_side_data; i++) {
        const AVFrameSideData *side = promised->side_data[i];
        AVBufferRef *buffer = av_frame_get_side_data(picture, side->type) ? NULL : av_buffer_ref(side->buf);
        if (buffer && !av_frame_new_side_data_from_buf(picture, side->type, buffer)) {
            av_buffer_unref(&buffer);
            return -ENOMEM;
        }
    }
    return 0;
}

/* The first picture knows more than who announced it: HDR metadata, which most files have in their pictures alone. */
static int remember(struct encode *encode, AVFrame *picture)
{
    AVFrame *like = encode->video.like;
    int ret = complete(picture, like);
    av_frame_unref(like);
    if (ret >= 0)
        ret = av_frame_copy_props(like, picture);
    like->width = picture->width;
    like->height = picture->height;
    like->format = picture->format;
    return ret < 0 ? fl_stage_fail(encode->stage, FL_STAGE_ERROR_RUN, -ENOMEM, "no memory") : 0;
}

/* What was told at the start may have been a guess. Until the first picture nothing is settled. */
static int settle(struct encode *encode, const struct fl_desc *desc)
{
    struct encode_video *video = &encode->video;
    AVRational time_base = {desc->time_base_num, desc->time_base_den};
    bool same_time = av_cmp_q(time_base, video->time_base) == 0;
    if (!same_time && time_base.num > 0 && time_base.den > 0)
        video->time_base = time_base;
    int ret = 0;
    if (!video->context || !same_time || !alike(video->shell, video->like))
        ret = fl_encode_open_encoder(encode, video->shell);
    if (ret >= 0)
        ret = remember(encode, video->shell);
    video->tried = ret >= 0;
    return ret;
}

static int receive_packets(struct encode *encode)
{
    struct encode_video *video = &encode->video;
    for (;;) {
        int ret = avcodec_receive_packet(video->context, video->packet);
        if (ret == AVERROR(EAGAIN) || ret == AVERROR_EOF)
            return 0;
        AVPacket *packet = ret >= 0 ? av_packet_alloc() : NULL;
        if (!packet)
            return fl_stage_fail(encode->stage, FL_STAGE_ERROR_RUN, ret < 0 ? fl_av_errno(ret) : -ENOMEM,
                                 "encoder %s failed after %llu packets: %s", video->codec->name, (unsigned long long)video->packets,
                                 fl_av_log_reason(ret < 0 ? ret : AVERROR(ENOMEM)));
        av_packet_move_ref(packet, video->packet);
        fl_encode_time_out(video, packet);
        packet->stream_index = 0;
        video->packets++;
        if ((ret = fl_encode_write(encode, 0, packet, video->time_base)) < 0)
            return ret;
    }
}

static int send_picture(struct encode *encode, const AVFrame *picture)
{
    struct encode_video *video = &encode->video;
    fl_av_log_clear();
    int ret = avcodec_send_frame(video->context, picture);
    if (ret < 0 && ret != AVERROR_EOF)
        return fl_stage_fail(encode->stage, FL_STAGE_ERROR_RUN, fl_av_errno(ret), "encoder %s failed: %s", video->codec->name,
                             fl_av_log_reason(ret));
    return receive_packets(encode);
}

/* The source's decisions about picture types and quality are not the encoder's. */
static void forget_coding(AVFrame *picture, const AVCodecContext *context)
{
    picture->pict_type = AV_PICTURE_TYPE_NONE;
    picture->quality = context->global_quality;
}

int fl_encode_picture(struct encode *encode, struct fl_frame *frame)
{
    struct encode_video *video = &encode->video;
    const struct fl_desc *desc = fl_frame_desc(frame);
    AVFrame *picture = av_frame_alloc();
    int ret = picture ? fl_av_wrap(encode->stage, frame, video->shell) : -ENOMEM;
    if (ret < 0)
        ret = fl_stage_fail(encode->stage, FL_STAGE_ERROR_RUN, ret, "frame %llu is not what its description says",
                            (unsigned long long)desc->number);
    if (ret >= 0 && !video->tried)
        ret = settle(encode, desc);
    if (ret >= 0)
        ret = fl_encode_prepare(encode, frame, picture);
    if (ret >= 0) {
        forget_coding(picture, video->context);
        ret = fl_encode_time_in(encode, picture, (AVRational){desc->time_base_num, desc->time_base_den}, desc->duration);
        if (ret < 0)
            ret = fl_stage_fail(encode->stage, FL_STAGE_ERROR_RUN, ret, "no memory");
    }
    if (ret >= 0)
        ret = send_picture(encode, picture);
    av_frame_unref(video->shell);
    av_frame_free(&picture);
    return ret;
}

int fl_encode_flush_encoder(struct encode *encode)
{
    return encode->video.tried ? send_picture(encode, NULL) : 0;
}

void fl_encode_close_encoder(struct encode *encode)
{
    struct encode_video *video = &encode->video;
    avcodec_free_context(&video->context);
    fl_scaler_finish(&video->scaler);
    av_frame_free(&video->like);
    av_frame_free(&video->shell);
    av_frame_free(&video->made);
    av_packet_free(&video->packet);
    fl_av_held_finish(&video->held);
    free(video->times.at);
}
