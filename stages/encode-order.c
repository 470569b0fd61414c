/* Coded pictures and sound come from two lanes at whatever moment. They are put in order of their dts here, and a packet is given
 * to the muxer only when nothing earlier can come from the other side: so the file does not depend on who was quicker. */
#include "encode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <libavutil/mathematics.h>

/* One side that stays silent for so long must not fill the memory: then the other goes on without it. */
#define MOST_WAITING_BYTES (64u << 20)

static AVPacket *head(const struct encode_packets *queue)
{
    return queue->count ? queue->at[queue->first] : NULL;
}

static int push(struct encode_packets *queue, AVPacket *packet)
{
    if (queue->first + queue->count == queue->room) {
        if (queue->count)
            if (queue->first)
                memmove(queue->at, queue->at + queue->first, queue->count * sizeof(*queue->at));
        queue->first = 0;
        if (queue->count * 2 >= queue->room) {
            unsigned room = queue->room ? queue->room * 2 : 64;
            AVPacket **at = realloc(queue->at, room * sizeof(*at));
            if (!at)
                return -ENOMEM;
            queue->at = at;
            queue->room = room;
        }
    }
    queue->at[queue->first + queue->count++] = packet;
    queue->bytes += (uint64_t)packet->size;
    return 0;
}

static AVPacket *pop(struct encode_packets *queue)
{
    AVPacket *packet = queue->at[queue->first++];
    queue->count--;
    queue->bytes -= (uint64_t)packet->size;
    return packet;
}

/* The queue whose head is next, or -1: that is not known yet. */
static int next_queue(const struct encode *encode)
{
    const struct encode_packets *queues = encode->waiting;
    const AVPacket *picture = head(&queues[0]), *sound = head(&queues[1]);
    if (picture && sound)
        return av_compare_ts(picture->dts, picture->time_base, sound->dts, sound->time_base) <= 0 ? 0 : 1;
    for (int i = 0; i < 2; i++)
        if (head(&queues[i]) && (encode->ended[!i] || queues[i].bytes > MOST_WAITING_BYTES))
            return i;
    return -1;
}

static int write_known(struct encode *encode)
{
    int ret = 0, next;
    while (ret >= 0 && (next = next_queue(encode)) >= 0) {
        if (!encode->video.tried && !encode->header_written) /* sound whose picture never came: there is no file to put it in */
            return 0;
        ret = fl_encode_mux_packet(encode, pop(&encode->waiting[next]));
    }
    return ret;
}

int fl_encode_write(struct encode *encode, unsigned queue, AVPacket *packet, AVRational time_base)
{
    packet->time_base = time_base;
    if (push(&encode->waiting[queue], packet) < 0) {
        av_packet_free(&packet);
        return fl_stage_fail(encode->stage, FL_STAGE_ERROR_RUN, -ENOMEM, "no memory");
    }
    return write_known(encode);
}

int fl_encode_end(struct encode *encode, unsigned queue)
{
    encode->ended[queue] = true;
    int ret = write_known(encode);
    if (ret < 0 || !encode->ended[0] || !encode->ended[1] || encode->closed)
        return ret;
    encode->closed = true;
    return fl_encode_mux_end(encode);
}

void fl_encode_drop_packets(struct encode *encode)
{
    for (unsigned i = 0; i < 2; i++) {
        while (encode->waiting[i].count) {
            AVPacket *packet = pop(&encode->waiting[i]);
            av_packet_free(&packet);
        }
        free(encode->waiting[i].at);
    }
}
