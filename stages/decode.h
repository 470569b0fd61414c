/* decode, in its parts.
 *
 *   decode.c           the module: one packet or one picture a step
 *   decode-open.c      input, demuxer, which stream, decoder; what the messages say when one of them is not to be had
 *   decode-network.c   connections, and how long they may be silent
 *   decode-options.c   `threads` and `option.NAME`
 *   decode-describe.c  what the outputs will carry
 *   decode-pool.c      the decoder's memory: slots
 *   decode-time.c      a time stamp for every picture
 *   decode-packets.c   the sound, as packets
 *   input-file.c       reading from a descriptor
 */
#ifndef FL_DECODE_H
#define FL_DECODE_H

#include <stdlib.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "input-file.h"
#include "stage.h"

#define DECODE_PICTURES 0 /* output ports */
#define DECODE_PACKETS  1

/* Time stamps for pictures that have none: counted on from the last that had one. */
struct decode_clock {
    AVRational time_base;
    AVRational rate; /* nominal */
    int64_t known;   /* last known pts, or 0 */
    int64_t since;   /* pictures since then */
    bool any;
};

/* The owner's, and of no other thread. */
struct decode_network {
    AVIOContext *connection; /* ours; NULL: the demuxer connects by itself, or it is no network */
    int64_t opening_us, reading_us; /* how long it may be silent; 0: for ever */
    /* Of the step that goes on: */
    int64_t limit_us; /* 0: no clock runs */
    int64_t since_us; /* the last byte came */
    int64_t position; /* of the connection, then */
    bool silent;      /* the time is up: libavformat has been interrupted, and is whenever it asks again */
};

struct decode {
    struct fl_stage *stage;
    const char *url;
    struct fl_input_file file;
    struct decode_network network;
    AVFormatContext *format;
    AVCodecContext *codec;
    AVStream *video;
    AVPacket *packet;
    AVFrame *frame;
    AVDictionary *left_by_format; /* options the demuxer did not know */
    struct decode_clock clock;
    int32_t *packet_stream; /* of each input stream: its number among the packet output's, or -1 */
    unsigned stream_count;
    bool packets_wanted;
    bool wired;    /* slots may be asked for */
    bool flushing; /* the input has ended */
    unsigned flush_errors;
    unsigned complaints; /* of libav, that were reported */
    uint64_t video_packets, pictures;
    bool encrypted;
};

/* Each fails through fl_stage_fail. */
int decode_open_input(struct decode *decode);
int decode_choose_streams(struct decode *decode);
int decode_open_codec(struct decode *decode);
int decode_describe(struct decode *decode);

/* `url` is there; warns of a `timeout` that means nothing. */
void decode_network_init(struct decode *decode);
/* Opens the connection that `format` (allocated by then) reads from, where the demuxer does not do that itself: 0, or an AVERROR.
 * Takes its options out of `options`. */
int decode_network_connect(struct decode *decode, const AVInputFormat *demuxer, AVDictionary **options);
/* Between these the network may be silent for so long and no longer. */
enum decode_network_step { DECODE_OPENS, DECODE_ANALYSES, DECODE_READS };
void decode_network_begin(struct decode *decode, enum decode_network_step step);
void decode_network_end(struct decode *decode);
/* libavformat's interrupt callback; its opaque is the struct decode. Also where the run is stopped. */
int decode_interrupted(void *opaque);
/* Where it has been `silent`: fails with the address and what to do. */
int decode_network_fail(struct decode *decode);
/* After the format context is closed. */
void decode_network_close(struct decode *decode);

/* What the container says of rotation and HDR, on a picture that does not say it itself. */
void decode_apply_side(const struct decode *decode, AVFrame *frame);

/* get_buffer2 of the decoder; its opaque is the struct decode. */
int decode_get_buffer(AVCodecContext *codec, AVFrame *frame, int flags);
/* Slots the decoder keeps at once, and bytes of the largest it is expected to ask for. */
unsigned decode_working_set(const AVCodecContext *codec);
uint64_t decode_slot_bytes(AVCodecContext *codec, enum AVPixelFormat format, int width, int height);

void decode_clock_init(struct decode_clock *clock, AVFormatContext *format, AVStream *stream);
/* Sets frame->pts and, where it is unknown, the duration. */
void decode_clock_stamp(struct decode_clock *clock, AVFrame *frame);

/* The packet output's stream description; streams that cannot be described are left out with a warning. */
void decode_describe_packets(struct decode *decode);
int decode_publish_packet(struct decode *decode, const AVPacket *packet);

#endif
