#include "output-file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Pieces in one call; POSIX promises 16, Linux takes 1,024. */
#define MOST_PIECES 1024

/* No limit of the process is in a file's way. */
static bool may_grow(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY;
}

static const char *remedy(int error)
{
    switch (error) {
    case -ENOSPC:
    case -EDQUOT:
        return "; free some space or write elsewhere";
    case -EFBIG:
        return may_grow() ? "; write to a file system that takes larger files"
                          : "; this run may write no larger file: raise that limit (ulimit -f), or write less";
    case -EACCES:
    case -EPERM:
    case -EROFS:
        return "; choose a place this user may write to";
    case -ENOENT:
        return "; create its folder first";
    case -EISDIR:
        return "; name a file in it";
    case -EPIPE:
        return "; whoever read it has gone";
    default:
        return "";
    }
}

static const char *shown(const struct fl_output_file *file)
{
    return strcmp(file->url, "-") == 0 ? "standard output" : file->url;
}

int fl_output_file_fail(struct fl_output_file *file, int error)
{
    if (file->failed || error == -ECANCELED)
        return error;
    file->failed = true;
    return fl_stage_fail(file->stage, FL_STAGE_ERROR_RUN, error, "cannot write %s: %s%s", shown(file), strerror(-error),
                         remedy(error));
}

static int fail_open(struct fl_output_file *file, int error)
{
    file->failed = true;
    return fl_stage_fail(file->stage, FL_STAGE_ERROR_START, error, "cannot make %s: %s%s", shown(file), strerror(-error),
                         remedy(error));
}

static int open_stdout(struct fl_output_file *file)
{
    file->fd = fl_stage_take_stdout_fd(file->stage);
    return file->fd < 0 ? -EBADF : 0;
}

/* O_EXCL first tells for certain whether the file is ours to remove again. */
static int open_path(struct fl_output_file *file)
{
    int flags = O_RDWR | O_CLOEXEC | O_NOCTTY;
    file->fd = open(file->url, flags | O_CREAT | O_EXCL, 0666);
    if (file->fd >= 0) {
        file->created = true;
        return 0;
    }
    if (errno != EEXIST)
        return -errno;
    file->fd = open(file->url, flags);
    if (file->fd < 0 && (errno == EACCES || errno == EINVAL)) /* devices and files that may be written but not read */
        file->fd = open(file->url, (flags & ~O_RDWR) | O_WRONLY);
    return file->fd < 0 ? -errno : 0;
}

/* Two that write one file leave neither's. Held until it is closed; a file system without locks has none. */
static int lock(struct fl_output_file *file)
{
    if (flock(file->fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return 0;
    file->failed = true;
    return fl_stage_fail(file->stage, FL_STAGE_ERROR_START, -EBUSY,
                         "%s is being written by another run or program just now; end that (framelane ls), or write elsewhere",
                         file->url);
}

int fl_output_file_open(struct fl_output_file *file, struct fl_stage *stage, const char *url, bool overwrite)
{
    struct stat status;
    *file = (struct fl_output_file){.stage = stage, .url = url ? url : "-", .fd = -1};
    int error = strcmp(file->url, "-") == 0 ? open_stdout(file) : open_path(file);
    if (error < 0)
        return fail_open(file, error);
    if (fstat(file->fd, &status) < 0)
        return fail_open(file, -errno);
    file->regular = S_ISREG(status.st_mode);
    if (file->regular && !file->created && !overwrite && strcmp(file->url, "-") != 0) {
        file->failed = true;
        return fl_stage_fail(stage, FL_STAGE_ERROR_START, -EEXIST, "%s exists already; remove it or set overwrite=yes", file->url);
    }
    return file->regular && strcmp(file->url, "-") != 0 ? lock(file) : 0;
}

int fl_output_file_start(struct fl_output_file *file)
{
    file->started = true;
    /* What a shell redirected standard output to is positioned and cut off by the shell. */
    if (file->regular && !file->created && strcmp(file->url, "-") != 0 && ftruncate(file->fd, 0) < 0)
        return fl_output_file_fail(file, -errno);
    return 0;
}

/* Drops `bytes` from the front of the pieces; returns how many pieces are done with. */
static unsigned drop_written(struct iovec *pieces, unsigned count, size_t bytes)
{
    unsigned done = 0;
    while (done < count && bytes >= pieces[done].iov_len)
        bytes -= pieces[done++].iov_len;
    if (done < count) {
        pieces[done].iov_base = (char *)pieces[done].iov_base + bytes;
        pieces[done].iov_len -= bytes;
    }
    return done;
}

int fl_output_file_writev(struct fl_output_file *file, struct iovec *pieces, unsigned count)
{
    while (count > 0) {
        ssize_t wrote = writev(file->fd, pieces, (int)(count < MOST_PIECES ? count : MOST_PIECES));
        if (wrote < 0 && errno == EINTR) {
            if (fl_stage_cancelled(file->stage))
                return -ECANCELED;
            continue;
        }
        if (wrote < 0)
            return fl_output_file_fail(file, -errno);
        unsigned done = drop_written(pieces, count, (size_t)wrote);
        pieces += done;
        count -= done;
    }
    return 0;
}

int fl_output_file_write(struct fl_output_file *file, const void *data, size_t bytes)
{
    struct iovec piece = {(void *)data, bytes};
    return fl_output_file_writev(file, &piece, 1);
}

int64_t fl_output_file_seek(struct fl_output_file *file, int64_t offset, int whence)
{
    if (!file->regular)
        return -ESPIPE;
    int64_t at = lseek(file->fd, offset, whence);
    return at < 0 ? -errno : at;
}

int64_t fl_output_file_size(struct fl_output_file *file)
{
    struct stat status;
    if (!file->regular)
        return -ESPIPE;
    return fstat(file->fd, &status) < 0 ? -errno : status.st_size;
}

int fl_output_file_finish(struct fl_output_file *file)
{
    if (file->fd < 0)
        return 0;
    int fd = file->fd;
    file->fd = -1;
    return close(fd) < 0 && errno != EINTR ? fl_output_file_fail(file, -errno) : 0;
}

/* Only what is still the file we made: another may have been put in its place. */
static void remove_created(const struct fl_output_file *file)
{
    struct stat ours, there;
    if (fstat(file->fd, &ours) == 0 && lstat(file->url, &there) == 0 && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev)
        unlink(file->url);
}

void fl_output_file_abort(struct fl_output_file *file)
{
    if (!file->stage || file->fd < 0)
        return;
    if (file->created && !file->started)
        remove_created(file);
    close(file->fd);
    file->fd = -1;
}
