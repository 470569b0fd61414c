/* Where the muxer's bytes go: a file of output-file.h, something that libavformat opens itself, or nowhere that we see. */
#include "encode.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <libavutil/mem.h>

#include "av-log.h"

#define BUFFER_BYTES (128 * 1024)

#if LIBAVFORMAT_VERSION_MAJOR >= 61
typedef const uint8_t *written_bytes;
#else
typedef uint8_t *written_bytes;
#endif

static bool is_url(const char *url)
{
    return strstr(url, "://") != NULL;
}

static bool by_itself(const struct encode *encode)
{
    return encode->mux->oformat->flags & AVFMT_NOFILE;
}

/* ---- a file ---- */

static int write_file(void *opaque, written_bytes data, int bytes)
{
    struct encode_bytes *to = opaque;
    /* What was there before stays until there is something to put in its place. */
    int ret = to->file.started ? 0 : fl_output_file_start(&to->file);
    if (ret >= 0)
        ret = fl_output_file_write(&to->file, data, (size_t)bytes);
    if (ret < 0 && !to->error)
        to->error = ret;
    return ret < 0 ? ret : bytes;
}

static int64_t seek_file(void *opaque, int64_t offset, int whence)
{
    struct encode_bytes *to = opaque;
    if (whence & AVSEEK_SIZE)
        return fl_output_file_size(&to->file);
    if (to->file.regular)
        return fl_output_file_seek(&to->file, offset, whence & ~AVSEEK_FORCE);
    int64_t at = lseek(to->file.fd, offset, whence & ~AVSEEK_FORCE);
    return at < 0 ? -errno : at;
}

/* Devices such as /dev/null let themselves be sought in; pipes and terminals do not. */
static bool can_seek(const struct encode_bytes *to)
{
    return to->file.regular || lseek(to->file.fd, 0, SEEK_CUR) >= 0;
}

/* What the muxer reads back (mp4 with its index moved to the front) comes through a position of its own. */
struct reading {
    int fd;
    int64_t at;
};

static int read_back(void *opaque, uint8_t *data, int bytes)
{
    struct reading *reading = opaque;
    ssize_t got = pread(reading->fd, data, (size_t)bytes, reading->at);
    if (got <= 0)
        return got < 0 ? -errno : AVERROR_EOF;
    reading->at += got;
    return (int)got;
}

static int64_t seek_back(void *opaque, int64_t offset, int whence)
{
    struct reading *reading = opaque;
    if (whence != SEEK_SET)
        return -ENOSYS;
    reading->at = offset;
    return offset;
}

static AVIOContext *create_pb(void *opaque, bool writes, int (*read)(void *, uint8_t *, int), int64_t (*seek)(void *, int64_t, int))
{
    uint8_t *buffer = av_malloc(BUFFER_BYTES);
    AVIOContext *pb =
        buffer ? avio_alloc_context(buffer, BUFFER_BYTES, writes, opaque, read, writes ? write_file : NULL, seek) : NULL;
    if (!pb)
        av_free(buffer);
    return pb;
}

static void free_pb(AVIOContext **pb)
{
    if (*pb)
        av_freep(&(*pb)->buffer);
    avio_context_free(pb);
}

/* ---- what the muxer opens besides ---- */

static int open_more(AVFormatContext *mux, AVIOContext **pb, const char *url, int flags, AVDictionary **options)
{
    struct encode *encode = mux->opaque;
    struct encode_bytes *to = &encode->bytes;
    if (to->file.fd < 0 || flags & AVIO_FLAG_WRITE || strcmp(url, encode->url) != 0)
        return to->open_other(mux, pb, url, flags, options);
    struct reading *reading = av_mallocz(sizeof(*reading));
    if (!reading)
        return AVERROR(ENOMEM);
    reading->fd = to->file.fd;
    *pb = create_pb(reading, false, read_back, seek_back);
    if (!*pb)
        av_free(reading);
    return *pb ? 0 : AVERROR(ENOMEM);
}

static int close_more(AVFormatContext *mux, AVIOContext *pb)
{
    struct encode *encode = mux->opaque;
    if (pb->read_packet != read_back)
        return encode->bytes.close_other(mux, pb);
    av_freep(&pb->opaque);
    free_pb(&pb);
    return 0;
}

/* ---- life ---- */

static int interrupted(void *opaque)
{
    struct encode *encode = opaque;
    return fl_stage_cancelled(encode->stage);
}

int fl_encode_open_bytes(struct encode *encode)
{
    AVFormatContext *mux = encode->mux;
    struct encode_bytes *to = &encode->bytes;
    to->file.fd = -1;
    mux->interrupt_callback = (AVIOInterruptCB){interrupted, encode};
    mux->opaque = encode;
    to->open_other = mux->io_open;
    to->close_other = mux->io_close2;
    mux->io_open = open_more;
    mux->io_close2 = close_more;
    if (by_itself(encode) || is_url(encode->url))
        return 0;
    int ret = fl_output_file_open(&to->file, encode->stage, encode->url, fl_stage_bool(encode->stage, "overwrite", true));
    if (ret < 0)
        return ret;
    mux->pb = create_pb(to, true, NULL, can_seek(to) ? seek_file : NULL);
    if (!mux->pb)
        return fl_stage_fail(encode->stage, FL_STAGE_ERROR_START, -ENOMEM, "no memory");
    mux->flags |= AVFMT_FLAG_CUSTOM_IO;
    return 0;
}

int fl_encode_start_bytes(struct encode *encode)
{
    if (encode->bytes.file.fd >= 0 || by_itself(encode))
        return 0;
    fl_av_log_clear();
    int ret = avio_open2(&encode->mux->pb, encode->url, AVIO_FLAG_WRITE, &encode->mux->interrupt_callback, NULL);
    if (ret == AVERROR_EXIT)
        return -ECANCELED;
    if (ret < 0)
        return fl_stage_fail(encode->stage, FL_STAGE_ERROR_START, fl_av_errno(ret),
                             "cannot open %s: %s; see that the address is right and its server runs", encode->url,
                             fl_av_log_reason(ret));
    return 0;
}

int fl_encode_finish_bytes(struct encode *encode)
{
    AVFormatContext *mux = encode->mux;
    if (by_itself(encode) || !mux->pb)
        return 0;
    avio_flush(mux->pb);
    int ret = mux->pb->error;
    if (encode->bytes.file.fd >= 0) {
        free_pb(&mux->pb);
        int closed = fl_output_file_finish(&encode->bytes.file);
        return encode->bytes.error ? encode->bytes.error : closed;
    }
    int closed = avio_closep(&mux->pb);
    ret = ret < 0 ? ret : closed;
    return ret < 0 ? fl_encode_fail_mux(encode, ret, "closing it") : 0;
}

void fl_encode_close_bytes(struct encode *encode)
{
    if (encode->mux && encode->mux->pb && !by_itself(encode)) {
        if (encode->mux->flags & AVFMT_FLAG_CUSTOM_IO)
            free_pb(&encode->mux->pb);
        else
            avio_closep(&encode->mux->pb);
    }
    fl_output_file_abort(&encode->bytes.file);
}

int fl_encode_fail_mux(struct encode *encode, int error, const char *doing)
{
    if (encode->bytes.error) /* said already, by the file */
        return encode->bytes.error;
    if (error == AVERROR_EXIT || fl_stage_cancelled(encode->stage))
        return -ECANCELED;
    return fl_stage_fail(encode->stage, FL_STAGE_ERROR_RUN, fl_av_errno(error), "cannot write %s: muxer %s failed at %s: %s",
                         encode->url, encode->mux->oformat->name, doing, fl_av_log_reason(error));
}
