#include "input-file.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/mem.h>

#define BUFFER_BYTES 65536
#define LOOK_MS      100 /* a reader of a pipe looks up that often whether it is to stop */

/* A pipe or a terminal may be silent for ever. */
static int wait_readable(struct fl_input_file *input)
{
    struct pollfd poll_fd = {.fd = input->fd, .events = POLLIN};
    while (!input->regular) {
        int ready = poll(&poll_fd, 1, LOOK_MS);
        if (fl_stage_stopping(input->stage))
            return AVERROR_EXIT;
        if (ready > 0)
            break;
        if (ready < 0 && errno != EINTR)
            return AVERROR(errno);
    }
    return 0;
}

static int read_bytes(void *opaque, uint8_t *buffer, int bytes)
{
    struct fl_input_file *input = opaque;
    for (;;) {
        int error = wait_readable(input);
        if (error < 0)
            return error;
        ssize_t got = read(input->fd, buffer, (size_t)bytes);
        if (got > 0)
            return (int)got;
        if (got == 0)
            return AVERROR_EOF;
        if (errno != EINTR && errno != EAGAIN)
            return AVERROR(errno);
    }
}

static int64_t seek(void *opaque, int64_t offset, int whence)
{
    struct fl_input_file *input = opaque;
    struct stat status;
    if (whence & AVSEEK_SIZE)
        return fstat(input->fd, &status) < 0 ? AVERROR(errno) : status.st_size;
    off_t at = lseek(input->fd, offset, whence & ~AVSEEK_FORCE);
    return at < 0 ? AVERROR(errno) : at;
}

static int refuse(AVFormatContext *format, AVIOContext **io, const char *url, int flags, AVDictionary **options)
{
    struct fl_input_file *input = format->opaque;
    if (!input->refused[0] && url)
        strncpy(input->refused, url, sizeof input->refused - 1);
    return AVERROR(EPERM);
}

int fl_input_file_open(struct fl_input_file *input, struct fl_stage *stage, int fd, AVFormatContext *format)
{
    struct stat status;
    input->stage = stage;
    input->fd = fd;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (S_ISDIR(status.st_mode))
        return -EISDIR;
    input->regular = S_ISREG(status.st_mode);
    if (input->regular && status.st_size == 0)
        return -ENODATA;
    uint8_t *buffer = av_malloc(BUFFER_BYTES);
    bool seekable = input->regular || S_ISBLK(status.st_mode);
    input->io = buffer ? avio_alloc_context(buffer, BUFFER_BYTES, 0, input, read_bytes, NULL, seekable ? seek : NULL) : NULL;
    if (!input->io) {
        av_free(buffer);
        return -ENOMEM;
    }
    input->io->seekable = seekable ? AVIO_SEEKABLE_NORMAL : 0;
    format->pb = input->io;
    format->opaque = input;
    format->io_open = refuse;
    return 0;
}

void fl_input_file_close(struct fl_input_file *input)
{
    if (!input->stage)
        return;
    if (input->io)
        av_freep(&input->io->buffer);
    avio_context_free(&input->io);
    close(input->fd);
    input->stage = NULL;
}
