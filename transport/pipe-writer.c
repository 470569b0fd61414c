/* The producer's end of a lane over a pipe. A row of the books is a frame that is not yet wholly in the pipe; writing its last
 * byte is what a return is on a shared-memory lane. Writes never block: what the pipe does not take now goes on when it polls
 * writable. */
#include "pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct fl_pipe_writer {
    struct fl_desc *descs; /* one a row */
    struct fl_row *current; /* the frame under way */
    bool busy;              /* a message is under way */
    struct fl_entry header;
    struct fl_desc source; /* of the current frame, as it lies here */
    uint64_t done, total;  /* bytes of the message, header included */
    struct fl_through through;
    bool through_pending, close_pending;
};

int fl_pipe_writer_create(struct fl_output_lane *lane, struct fl_pipe_writer **out)
{
    int flags = fcntl(lane->fds.announce, F_GETFL);
    if (flags < 0 || fcntl(lane->fds.announce, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    struct fl_pipe_writer *writer = calloc(1, sizeof *writer);
    if (writer)
        writer->descs = calloc(lane->row_mask + 1, sizeof *writer->descs);
    if (!writer || !writer->descs) {
        free(writer);
        return -ENOMEM;
    }
    *out = writer;
    return 0;
}

void fl_pipe_writer_destroy(struct fl_pipe_writer *writer)
{
    if (!writer)
        return;
    free(writer->descs);
    free(writer);
}

void fl_pipe_writer_queue(struct fl_output_lane *lane, struct fl_row *row)
{
    lane->pipe->descs[row - lane->rows] = lane->output->announcement.entry.desc;
}

void fl_pipe_writer_through(struct fl_pipe_writer *writer, const struct fl_through *through)
{
    writer->through = *through;
    writer->through_pending = true;
}

void fl_pipe_writer_close(struct fl_pipe_writer *writer)
{
    writer->close_pending = true;
}

bool fl_pipe_writer_idle(const struct fl_pipe_writer *writer)
{
    return !writer->busy && !writer->close_pending;
}

static struct fl_row *oldest_row(struct fl_output_lane *lane)
{
    struct fl_row *oldest = NULL;
    for (uint32_t i = 0; i <= lane->row_mask; i++)
        if (lane->rows[i].frame && (!oldest || lane->rows[i].index < oldest->index))
            oldest = &lane->rows[i];
    return oldest;
}

static void begin(struct fl_pipe_writer *writer, enum fl_pipe_type type)
{
    writer->header = (struct fl_entry){.type = type};
    writer->busy = true;
    writer->done = 0;
    writer->total = sizeof writer->header;
}

static bool begin_frame(struct fl_output_lane *lane, struct fl_row *row)
{
    struct fl_pipe_writer *writer = lane->pipe;
    begin(writer, FL_PIPE_FRAME);
    writer->current = row;
    writer->source = writer->descs[row - lane->rows];
    writer->header.spare = fl_pipe_rows_mask(&writer->source);
    writer->total += fl_pipe_wire_bytes(&writer->source, writer->header.spare);
    if (fl_pipe_restate(&writer->source, writer->header.spare, &writer->header.desc))
        return true;
    fl_output_lane_break(lane, "a frame is too large for a pipe");
    return false;
}

/* Chooses the next message: frames in order, then what is said about them, then the end. */
static bool next_message(struct fl_output_lane *lane)
{
    struct fl_pipe_writer *writer = lane->pipe;
    if (writer->busy)
        return true;
    struct fl_row *row = oldest_row(lane);
    if (row)
        return begin_frame(lane, row);
    if (writer->through_pending) {
        begin(writer, FL_PIPE_THROUGH);
        writer->header.desc = (struct fl_desc){
            .epoch = writer->through.epoch,
            .number = writer->through.number,
            .pts = writer->through.pts,
            .time_base_num = writer->through.time_base_num,
            .time_base_den = writer->through.time_base_den,
        };
        writer->through_pending = false;
        return true;
    }
    if (writer->close_pending) {
        begin(writer, FL_PIPE_CLOSED);
        return true;
    }
    return false;
}

static void end_message(struct fl_output_lane *lane)
{
    struct fl_pipe_writer *writer = lane->pipe;
    writer->busy = false;
    if (writer->header.type == FL_PIPE_CLOSED)
        writer->close_pending = false;
    if (!writer->current)
        return;
    struct fl_row *row = writer->current;
    writer->current = NULL;
    lane->stats.copies++;
    lane->stats.copied_bytes += writer->total - sizeof writer->header;
    fl_output_returned(lane, row);
}

/* The reader is gone. What was on its way is private memory, so it can be given up at once. */
void fl_pipe_writer_give_up(struct fl_output_lane *lane)
{
    struct fl_pipe_writer *writer = lane->pipe;
    fl_lane_close_fds(&lane->fds);
    fl_output_lane_halt(lane);
    writer->busy = false;
    writer->current = NULL;
    writer->close_pending = false;
    fl_output_lane_reclaim(lane);
}

static ssize_t write_some(struct fl_output_lane *lane)
{
    struct fl_pipe_writer *writer = lane->pipe;
    struct iovec parts[FL_PIPE_IOVECS];
    unsigned count = 0;
    uint64_t header = sizeof writer->header, done = writer->done;
    if (done < header)
        parts[count++] = (struct iovec){(uint8_t *)&writer->header + done, header - done};
    if (writer->current)
        count += fl_pipe_stretches(writer->current->frame->base, &writer->source, writer->header.spare,
                                   done > header ? done - header : 0, parts + count, FL_PIPE_IOVECS - count);
    return writev(lane->fds.announce, parts, (int)count);
}

void fl_pipe_writer_progress(struct fl_output_lane *lane)
{
    struct fl_pipe_writer *writer = lane->pipe;
    if (lane->fds.announce < 0 || lane->fault)
        return;
    while (next_message(lane)) {
        ssize_t wrote = write_some(lane);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0 && errno == EAGAIN)
            return;
        if (wrote < 0) {
            fl_pipe_writer_give_up(lane);
            return;
        }
        writer->done += (uint64_t)wrote;
        if (writer->done == writer->total)
            end_message(lane);
    }
}
