/* encode: pictures to an encoder, coded pictures and sound to a muxer. Private to encode*.c, which make one module.
 *
 *   encode.c          the stage: open, frames, ends
 *   encode-video.c    the encoder: which one, how it is opened, pictures in, packets out
 *   encode-picture.c  what a picture goes through before the encoder: conversion where it is needed
 *   encode-times.c    pts and durations through an encoder that knows only its own
 *   encode-options.c  option.NAME of encoder and muxer
 *   encode-order.c    coded pictures and sound in one order
 *   encode-mux.c      the muxer: which one, header, packets, trailer
 *   encode-sound.c    packets of sound, copied
 *   encode-trial.c    whether and how a muxer takes a stream of sound
 *   encode-bytes.c    where the muxer's bytes go
 *
 * One thread, the owner's, except that an encoder may let go of a picture on any thread.
 * A function that fails has said why (fl_stage_fail) unless it says otherwise.
 */
#ifndef FL_ENCODE_H
#define FL_ENCODE_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "av-frame.h"
#include "av-held.h"
#include "av-scale.h"
#include "output-file.h"
#include "stage.h"

#define FL_ENCODE_MAX_SOUNDS 32

/* What is known of a picture that is inside the encoder, under the pts it was given there. */
struct encode_time {
    int64_t key, pts, duration;
};

/* Sorted by key, oldest first. */
struct encode_times {
    struct encode_time *at;
    unsigned first, count, room;
    /* Most encoders take the stream's own pts. Those that know only a constant rate are given frame numbers (time base 1/rate), and
     * the packets get back the times of the pictures with these numbers. */
    bool counted;
    int64_t next_number;
    int64_t last_pts;
    bool began, warned;
};

struct encode_packets {
    AVPacket **at;
    unsigned first, count, room;
    uint64_t bytes;
};

struct encode_video {
    const AVCodec *codec;
    AVCodecContext *context;
    AVFrame *like;        /* a picture without data: what the encoder was opened for */
    AVRational time_base; /* of the stream; the encoder's own may differ where times are counted */
    AVRational rate;      /* nominal, 0/1: unknown */
    struct encode_times times;
    struct fl_scaler scaler;
    AVFrame *shell; /* the taken frame as libav sees it, blank between frames */
    AVFrame *made;  /* room for a converted picture, used again once the encoder has let go */
    AVPacket *packet;
    struct fl_av_held held;
    bool tried; /* a picture was given: the encoder and the streams stay as they are */
    bool warned_size, said_conversion;
    uint64_t packets;
};

struct encode_sound {
    AVCodecParameters *parameters;
    AVDictionary *metadata;
    AVRational time_base;
    int disposition;
    char name[32];          /* of the codec */
    uint32_t source_index;  /* its number in the input, for messages */
    int stream;             /* index in the muxer; -1: left out */
    int64_t last_in, delta; /* where the next packet is expected, in time_base and in samples */
    int64_t lost_delay;     /* see fl_encode_lost_delay */
    bool seen, adts;        /* a packet of it has come; the first began with a header of its own (AAC) */
};

struct encode_bytes {
    struct fl_output_file file;
    AVIOContext *pb;
    int error; /* the first -errno that writing gave */
    int (*open_other)(AVFormatContext *mux, AVIOContext **pb, const char *url, int flags, AVDictionary **options);
#if LIBAVFORMAT_VERSION_MAJOR >= 59
    int (*close_other)(AVFormatContext *mux, AVIOContext *pb);
#endif
};

struct encode {
    struct fl_stage *stage;
    const char *url;
    AVFormatContext *mux;
    struct encode_bytes bytes;
    struct encode_video video;
    struct encode_sound sounds[FL_ENCODE_MAX_SOUNDS]; /* as numbered on the packet lane */
    unsigned offered, sound_count;                    /* how many there are, how many of them the muxer takes */
    struct encode_packets waiting[2];                 /* 0: pictures, 1: sound; to be put in order */
    bool ended[2];
    int64_t last_dts[1 + FL_ENCODE_MAX_SOUNDS]; /* given to the muxer, a stream each, in its time base */
    bool header_written, closed;
};

/* encode-options.c. Whether every option is one of the encoder's or the muxer's. */
int fl_encode_check_options(struct encode *encode);
int fl_encode_set_muxer_options(struct encode *encode, AVFormatContext *mux);
int fl_encode_set_encoder_options(struct encode *encode, AVCodecContext *context);
/* Was it given (as option.NAME or in the short form)? */
bool fl_encode_has_option(struct encode *encode, const char *name);

/* encode-video.c */
int fl_encode_find_encoder(struct encode *encode);
/* Opens the encoder for pictures like `like`, again if it was open. */
int fl_encode_open_encoder(struct encode *encode, const AVFrame *like);
int fl_encode_picture(struct encode *encode, struct fl_frame *frame);
int fl_encode_flush_encoder(struct encode *encode);
void fl_encode_close_encoder(struct encode *encode);

/* encode-picture.c */
/* The pixel format in which the encoder is to get pictures of format `from`. */
enum AVPixelFormat fl_encode_choose_format(const AVCodec *codec, enum AVPixelFormat from);
/* Makes of the taken frame what the encoder takes. `picture` is blank before; on success it is the caller's to unref. */
int fl_encode_prepare(struct encode *encode, struct fl_frame *frame, AVFrame *picture);

/* encode-times.c. -ENOMEM, without words. */
int fl_encode_time_in(struct encode *encode, AVFrame *picture, AVRational from, int64_t duration);
/* Gives `packet` pts, dts and duration in the stream's time base. */
void fl_encode_time_out(struct encode_video *video, AVPacket *packet);

/* encode-mux.c */
int fl_encode_find_muxer(struct encode *encode);
/* Takes the packet over, also on failure; its times are in its time_base, its stream_index is the muxer's. The first writes the
 * header. */
int fl_encode_mux_packet(struct encode *encode, AVPacket *packet);
int fl_encode_mux_end(struct encode *encode);
/* Adds all streams to a muxer: the real one, or one that is only tried. An AVERROR. */
int fl_encode_add_streams(struct encode *encode, AVFormatContext *mux);
int fl_encode_fail_header(struct encode *encode, int error);
void fl_encode_close_mux(struct encode *encode);

/* encode-order.c. Queue 0 holds pictures, 1 sound. */
/* Takes the packet over, also on failure. */
int fl_encode_write(struct encode *encode, unsigned queue, AVPacket *packet, AVRational time_base);
/* Nothing more comes for this queue. After both: trailer, and the file is closed. */
int fl_encode_end(struct encode *encode, unsigned queue);
void fl_encode_drop_packets(struct encode *encode);

/* encode-sound.c */
int fl_encode_open_sound(struct encode *encode);
/* An AVERROR. */
int fl_encode_add_sound_streams(struct encode *encode, AVFormatContext *mux);
int fl_encode_sound_packet(struct encode *encode, struct fl_frame *frame);
/* From the source's time base to the muxer's. */
void fl_encode_sound_times(struct encode_sound *sound, AVPacket *packet, AVRational to);
void fl_encode_close_sound(struct encode *encode);

/* encode-trial.c */
/* Whether the muxer begins at all with these streams and options, before the file is cut off. */
int fl_encode_try_header(struct encode *encode);
bool fl_encode_muxer_takes(const struct encode *encode, const struct encode_sound *sound);
/* By how many of the muxer's ticks packets must be moved so that they are read where they were. */
int64_t fl_encode_lost_delay(const struct encode *encode, const struct encode_sound *sound);

/* encode-bytes.c */
int fl_encode_open_bytes(struct encode *encode);
int fl_encode_start_bytes(struct encode *encode);
/* Writes what is buffered. */
int fl_encode_finish_bytes(struct encode *encode);
void fl_encode_close_bytes(struct encode *encode);
/* Says why the muxer failed; a failed write goes before what the muxer made of it. Returns a negative errno. */
int fl_encode_fail_mux(struct encode *encode, int error, const char *doing);

#endif
