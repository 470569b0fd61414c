/* Frames over a pipe as FFmpeg moves them: libavformat's rawvideo muxer writes to `pipe:`, its rawvideo demuxer reads from `pipe:`,
 * as in `ffmpeg ... -f rawvideo - | ffmpeg -f rawvideo -video_size ... -i -`, without what else those two programs do. A packet
 * refers to the frame's own buffer; the demuxer's come from a pool of its own making. Each consumer has a pipe of its own. */
#include "lib/carry.h"

#include <libavformat/avformat.h>
#include <stdio.h>
#include <unistd.h>

static uint64_t pipe_bytes = 1 << 20;
static const struct micro_option options[] = {CARRY_OPTIONS, {"pipe", &pipe_bytes}, {0}};

static struct carry *carry;
static struct carry_streams pipes;

static void must(int error, const char *what)
{
    char words[AV_ERROR_MAX_STRING_SIZE];
    if (error < 0)
        micro_fail("%s: %s", what, av_make_error_string(words, sizeof words, error));
}

/* Rows and columns of a picture of one byte a pixel. */
static void shape(int *width, int *height)
{
    *width = 8;
    while (*width < 8192 && carry->bytes % (2 * (uint64_t)*width) == 0)
        *width *= 2;
    *height = (int)(carry->bytes / (uint64_t)*width);
}

static void consume(unsigned which)
{
    char url[32], size[32];
    int width, height, error;
    AVFormatContext *input = NULL;
    AVDictionary *like = NULL;
    AVPacket *packet = av_packet_alloc();
    shape(&width, &height);
    snprintf(url, sizeof url, "pipe:%d", carry_streams_reader(&pipes, which));
    snprintf(size, sizeof size, "%dx%d", width, height);
    av_dict_set(&like, "video_size", size, 0);
    av_dict_set(&like, "pixel_format", "gray", 0);
    must(avformat_open_input(&input, url, av_find_input_format("rawvideo"), &like), "opening the pipe");
    for (uint64_t number = 0; (error = av_read_frame(input, packet)) >= 0; number++) {
        if ((uint64_t)packet->size != carry->bytes)
            micro_fail("a packet of %d bytes", packet->size);
        carry_check(carry, packet->data, number);
        av_packet_unref(packet);
    }
    must(error == AVERROR_EOF ? 0 : error, "reading");
    carry_ends_here(carry);
    avformat_close_input(&input);
}

static AVFormatContext *open_output(int fd)
{
    char url[32];
    AVFormatContext *output;
    snprintf(url, sizeof url, "pipe:%d", fd);
    must(avformat_alloc_output_context2(&output, NULL, "rawvideo", url), "the muxer");
    AVStream *stream = avformat_new_stream(output, NULL);
    stream->codecpar->codec_type = AVMEDIA_TYPE_VIDEO;
    stream->codecpar->codec_id = AV_CODEC_ID_RAWVIDEO;
    stream->codecpar->format = AV_PIX_FMT_GRAY8;
    shape(&stream->codecpar->width, &stream->codecpar->height);
    must(avio_open(&output->pb, url, AVIO_FLAG_WRITE), "opening the pipe");
    output->flags |= AVFMT_FLAG_FLUSH_PACKETS; /* a frame is to leave when it is there */
    must(avformat_write_header(output, NULL), "the head");
    return output;
}

static void keep(void *opaque, uint8_t *data)
{
    (void)opaque, (void)data;
}

static void produce(AVFormatContext **outputs, uint8_t *memory)
{
    AVPacket *packet = av_packet_alloc();
    for (uint64_t number = 0; carry_goes_on(carry, number); number++) {
        carry_fill(carry, memory, number);
        for (unsigned i = 0; i < carry->consumers; i++) {
            packet->buf = av_buffer_create(memory, carry->bytes, keep, NULL, 0);
            packet->data = memory;
            packet->size = (int)carry->bytes;
            packet->pts = packet->dts = (int64_t)number;
            must(av_write_frame(outputs[i], packet), "writing");
            av_packet_unref(packet);
        }
    }
    carry_ends(carry);
    av_packet_free(&packet);
}

int main(int argc, char **argv)
{
    struct micro micro;
    AVFormatContext *outputs[CARRY_MAX_CONSUMERS];
    micro_begin(&micro, argc, argv, options);
    carry = carry_create_like(&micro, 4);
    /* Into the muxer's buffer, into the pipe, out of it; and out of the demuxer's buffer where a frame fits into that. */
    carry->copies = (carry->bytes > 32768 ? 3 : 4) * carry->consumers;
    for (; pipes.count < carry->consumers; pipes.count++)
        carry_pipe(pipes.ends[pipes.count], pipe_bytes, &pipe_bytes);
    carry_fork(carry, &micro, consume);
    uint8_t *memory = carry_memory(carry->bytes + AV_INPUT_BUFFER_PADDING_SIZE, true);
    carry_streams_writer(&pipes);
    micro_pin_self(&micro, 0);
    for (unsigned i = 0; i < carry->consumers; i++)
        outputs[i] = open_output(pipes.ends[i][1]);
    carry_start(carry, &micro);
    produce(outputs, memory);
    for (unsigned i = 0; i < carry->consumers; i++) {
        av_write_trailer(outputs[i]);
        avio_closep(&outputs[i]->pb);
        avformat_free_context(outputs[i]);
    }
    carry_streams_end(&pipes);
    carry_join(carry);
    carry_figures(carry);
    return micro_end();
}
