#include "encode.h"

#include <errno.h>
#include <string.h>

#include "av-log.h"

#define UNKNOWN_HOLD 4 /* pictures an encoder may keep in slots of which nothing is known yet */

/* A picture without data, like the first one that was promised. */
static int read_promise(struct encode *encode)
{
    struct encode_video *video = &encode->video;
    const struct fl_stream *stream = &fl_stage_input(encode->stage, 0)->stream;
    const struct fl_desc *first = &stream->first;
    video->time_base = (AVRational){first->time_base_num, first->time_base_den};
    if (video->time_base.num <= 0 || video->time_base.den <= 0)
        video->time_base = AV_TIME_BASE_Q;
    video->rate = (AVRational){stream->rate_num, stream->rate_den};
    if (video->rate.num <= 0 || video->rate.den <= 0)
        video->rate = (AVRational){0, 1};
    int ret = fl_av_apply(first, video->like);
    if (ret >= 0)
        ret = fl_av_side_to_frame(stream->side, stream->side_bytes, video->like);
    return ret;
}

static int prepare(struct encode *encode)
{
    struct encode_video *video = &encode->video;
    video->like = av_frame_alloc();
    video->shell = av_frame_alloc();
    video->made = av_frame_alloc();
    video->packet = av_packet_alloc();
    int ret = video->like && video->shell && video->made && video->packet ? fl_av_held_init(&video->held, 0) : -ENOMEM;
    if (ret >= 0)
        ret = read_promise(encode);
    return ret < 0 ? fl_stage_fail(encode->stage, FL_STAGE_ERROR_START, ret, "what comes from %s cannot be read: %s",
                                   fl_stage_input(encode->stage, 0)->from, strerror(-ret))
                   : 0;
}

static int encode_open(struct fl_stage *stage)
{
    struct encode *encode = fl_stage_priv(stage);
    struct encode_video *video = &encode->video;
    encode->stage = stage;
    encode->url = fl_stage_string(stage, "url");
    for (unsigned i = 0; i < FL_ENCODE_MAX_SOUNDS + 1; i++)
        encode->last_dts[i] = AV_NOPTS_VALUE;
    encode->bytes.file.fd = -1;
    if (!encode->url)
        return fl_stage_fail(stage, FL_STAGE_ERROR_CONFIG, -EINVAL, "no file is named: add url=FILE");
    fl_av_log_attach(stage);
    int ret;
    if ((ret = prepare(encode)) < 0 || (ret = fl_encode_find_muxer(encode)) < 0 || (ret = fl_encode_find_encoder(encode)) < 0 ||
        (ret = fl_encode_check_options(encode)) < 0 || (ret = fl_encode_set_muxer_options(encode, encode->mux)) < 0 ||
        (ret = fl_encode_open_sound(encode)) < 0)
        return ret;
    if (video->like->format != AV_PIX_FMT_NONE && video->like->width > 0 && (ret = fl_encode_open_encoder(encode, video->like)) < 0)
        return ret;
    if (!video->held.limit)
        video->held.limit = UNKNOWN_HOLD;
    fl_stage_input(stage, 0)->hold = video->held.limit;
    if ((ret = fl_encode_open_bytes(encode)) < 0)
        return ret;
    return video->context ? fl_encode_try_header(encode) : 0;
}

static int encode_start(struct fl_stage *stage)
{
    return fl_encode_start_bytes(fl_stage_priv(stage));
}

static int encode_process(struct fl_stage *stage, unsigned port, struct fl_frame *frame)
{
    struct encode *encode = fl_stage_priv(stage);
    return port == 0 ? fl_encode_picture(encode, frame) : fl_encode_sound_packet(encode, frame);
}

static int encode_ended(struct fl_stage *stage, unsigned port)
{
    struct encode *encode = fl_stage_priv(stage);
    int ret = port == 0 ? fl_encode_flush_encoder(encode) : 0;
    return ret < 0 ? ret : fl_encode_end(encode, port);
}

static void encode_close(struct fl_stage *stage)
{
    struct encode *encode = fl_stage_priv(stage);
    fl_encode_close_encoder(encode);
    fl_encode_close_sound(encode);
    fl_encode_drop_packets(encode);
    fl_encode_close_mux(encode);
    fl_av_log_detach();
}

const struct fl_stage_module fl_stage_module = {
    .kind = "encode",
    .priv_bytes = sizeof(struct encode),
    .open = encode_open,
    .start = encode_start,
    .process = encode_process,
    .ended = encode_ended,
    .close = encode_close,
};
