/* The consumer's end of a lane over a pipe: frames are read into private memory, one buffer a credit, made larger when a
 * frame is. */
#include "pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define READS_AT_ONCE 256 /* a peer that never stops talking must not keep the other lanes waiting */

struct fl_pipe_reader {
    struct fl_entry header;
    uint64_t header_done;
    struct fl_frame *frame; /* being filled, or full */
    uint64_t done, total;   /* of its payload */
    bool full;
    bool closed; /* the producer said so */
    bool eof;    /* nothing more will come out of the pipe */
};

int fl_pipe_reader_create(struct fl_lane *lane, struct fl_pipe_reader **reader)
{
    int flags = fcntl(lane->fds.announce, F_GETFL);
    if (flags < 0 || fcntl(lane->fds.announce, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    *reader = calloc(1, sizeof **reader);
    if (!*reader)
        return -ENOMEM;
    for (uint32_t i = 0; i < lane->info.credits; i++)
        lane->frames[i].pool = NULL;
    return 0;
}

void fl_pipe_reader_destroy(struct fl_pipe_reader *reader)
{
    free(reader);
}

bool fl_pipe_reader_wants(const struct fl_lane *lane)
{
    const struct fl_pipe_reader *reader = lane->pipe;
    if (lane->fault || lane->left || reader->closed || reader->eof || reader->full)
        return false;
    return reader->header_done < sizeof reader->header || reader->frame || lane->free_frames;
}

static int give_buffer(struct fl_frame *frame, uint64_t bytes)
{
    if (frame->buffer_bytes < bytes) {
        void *buffer;
        if (posix_memalign(&buffer, FL_PIPE_SLACK, bytes) != 0)
            return -ENOMEM;
        free(frame->buffer);
        frame->buffer = buffer;
        frame->buffer_bytes = bytes;
    }
    frame->base = frame->buffer;
    frame->capacity = frame->buffer_bytes;
    return 0;
}

static void begin_frame(struct fl_lane *lane)
{
    struct fl_pipe_reader *reader = lane->pipe;
    struct fl_desc restated;
    const struct fl_desc *desc = &reader->header.desc;
    /* Restating what was restated must change nothing, or the header is no frame of ours. */
    if (fl_desc_check(desc, UINT32_MAX) < 0) {
        fl_lane_break(lane, "announced a frame that does not lie within its slot");
        return;
    }
    uint64_t bytes = fl_pipe_restate(desc, reader->header.spare, &restated);
    for (unsigned i = 0; bytes && i < desc->plane_count; i++)
        if (restated.planes[i].offset != desc->planes[i].offset || restated.planes[i].stride != desc->planes[i].stride)
            bytes = 0;
    if (bytes == 0 || restated.side_offset != desc->side_offset) {
        fl_lane_break(lane, "announced a frame that does not lie within its slot");
        return;
    }
    struct fl_frame *frame = lane->free_frames;
    if (give_buffer(frame, bytes) < 0) {
        fl_lane_break(lane, "announced a frame for which there is no memory");
        return;
    }
    lane->free_frames = frame->next;
    frame->desc = *desc;
    reader->frame = frame;
    reader->done = 0;
    reader->total = fl_pipe_wire_bytes(desc, reader->header.spare);
}

static void note_through(struct fl_lane *lane)
{
    const struct fl_desc *desc = &lane->pipe->header.desc;
    struct fl_through now = {
        .epoch = desc->epoch,
        .number = desc->number,
        .pts = desc->pts,
        .time_base_num = desc->time_base_num,
        .time_base_den = desc->time_base_den,
    };
    fl_lane_hear_through(lane, &now);
}

static void end_header(struct fl_lane *lane)
{
    struct fl_pipe_reader *reader = lane->pipe;
    switch (reader->header.type) {
    case FL_PIPE_FRAME:
        if (!lane->free_frames)
            return; /* every buffer is held: the header waits */
        begin_frame(lane);
        break;
    case FL_PIPE_THROUGH:
        note_through(lane);
        break;
    case FL_PIPE_CLOSED:
        reader->closed = true;
        break;
    default:
        fl_lane_break(lane, "sent something that is no frame");
    }
    reader->header_done = 0;
}

static ssize_t read_some(struct fl_lane *lane)
{
    struct fl_pipe_reader *reader = lane->pipe;
    struct iovec parts[FL_PIPE_IOVECS];
    unsigned count = 1;
    if (reader->frame)
        count = fl_pipe_stretches(reader->frame->base, &reader->frame->desc, reader->header.spare, reader->done, parts,
                                  FL_PIPE_IOVECS);
    else
        parts[0] = (struct iovec){(uint8_t *)&reader->header + reader->header_done, sizeof reader->header - reader->header_done};
    return readv(lane->fds.announce, parts, (int)count);
}

static void advance(struct fl_lane *lane, uint64_t bytes)
{
    struct fl_pipe_reader *reader = lane->pipe;
    if (reader->frame)
        reader->done += bytes;
    else
        reader->header_done += bytes;
    if (!reader->frame && reader->header_done == sizeof reader->header)
        end_header(lane);
    if (reader->frame && reader->done == reader->total) {
        reader->full = true;
        lane->stats.copies++;
        lane->stats.copied_bytes += reader->total;
    }
}

bool fl_pipe_reader_progress(struct fl_lane *lane)
{
    struct fl_pipe_reader *reader = lane->pipe;
    if (reader->header_done == sizeof reader->header && lane->free_frames) {
        end_header(lane);
        advance(lane, 0); /* a frame without payload is complete at once */
    }
    for (unsigned reads = 0; reads < READS_AT_ONCE && fl_pipe_reader_wants(lane); reads++) {
        ssize_t got = read_some(lane);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN) {
            reader->eof = lane->producer_down;
            break;
        }
        if (got < 0)
            fl_lane_break(lane, "its pipe cannot be read");
        else if (got == 0)
            reader->eof = true;
        else
            advance(lane, (uint64_t)got);
    }
    return reader->full || reader->closed || lane->fault;
}

static struct fl_frame *pop_full(struct fl_lane *lane)
{
    struct fl_frame *frame = lane->pipe->frame;
    lane->pipe->frame = NULL;
    lane->pipe->full = false;
    frame->index = lane->stats.taken++;
    atomic_store_explicit(&frame->refs, 1, memory_order_relaxed);
    uint64_t outstanding = lane->stats.taken - lane->stats.returned;
    if (outstanding > lane->stats.highest_outstanding)
        lane->stats.highest_outstanding = outstanding;
    return frame;
}

bool fl_pipe_reader_ended(const struct fl_lane *lane)
{
    const struct fl_pipe_reader *reader = lane->pipe;
    return !reader->full && (reader->closed || (reader->eof && lane->producer_down));
}

int fl_pipe_reader_take(struct fl_lane *lane, struct fl_frame **out)
{
    struct fl_pipe_reader *reader = lane->pipe;
    fl_pipe_reader_progress(lane);
    if (lane->fault)
        return -EBADMSG;
    if (!reader->full)
        return fl_pipe_reader_ended(lane) ? -ENODATA : -EAGAIN;
    struct fl_frame *frame = pop_full(lane);
    uint32_t most = lane->info.when_full == FL_WHEN_FULL_LATEST ? lane->info.credits : 0; /* a peer may be faster for ever */
    while (most-- > 0 && fl_pipe_reader_progress(lane) && reader->full) {
        atomic_store_explicit(&frame->refs, 0, memory_order_relaxed);
        lane->stats.skipped++;
        if (fl_records(lane->context, FL_EVENT_DROPPED))
            fl_record_superseded(lane, frame->index, &frame->desc);
        fl_lane_settle(frame);
        frame = pop_full(lane);
    }
    *out = frame;
    return 0;
}
