#include "snap.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "convert.h"
#include "onlooker.h"
#include "screenshot.h"

enum { DONE = 0, FAILED = 1, USAGE = 2, CANNOT_WRITE = 4 };

struct png {
    char *bytes;
    size_t size;
};

static int complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int complain(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "framelane snap: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    return status;
}

/* ---- the frame ---- */

static int complain_of_frame(const struct fl_snap_options *options, const struct fl_onlooker *at, int error)
{
    const char *stage = fl_onlooker_stage(at);
    if (error == -ETIMEDOUT)
        return complain(FAILED, "'%s' has given no frame for %.3g s; framelane status %s tells what it waits for", stage,
                        options->patience_ms / 1000.0, options->run);
    if (error == -ENODATA)
        return complain(FAILED, "run '%s' has ended, and '%s' gave no%s frame before", options->run, stage,
                        options->next ? " further" : "");
    if (error == -EPIPE)
        return complain(FAILED, "%s", fl_onlooker_trouble(at));
    return complain(FAILED, "the pictures of '%s' cannot be shown: %s", stage, strerror(-error));
}

/* The newest, and where the next is asked for the one after it. */
static int take_frame(const struct fl_snap_options *options, struct fl_onlooker *at, struct fl_view_frame **frame)
{
    int error = fl_onlooker_await(at, options->patience_ms, frame);
    if (error < 0 || !options->next)
        return error;
    fl_view_frame_unref(*frame);
    *frame = NULL;
    return fl_onlooker_await(at, options->patience_ms, frame);
}

static int make_png(const struct fl_view_frame *frame, struct png *png)
{
    struct fl_convert convert = {0};
    int error = fl_convert(&convert, frame, AV_PIX_FMT_BGR0, 0, 0);
    struct fl_screenshot shot = {convert.pixels, convert.stride, fl_place_picture_of(&frame->desc)};
    FILE *stream = error == 0 ? open_memstream(&png->bytes, &png->size) : NULL;
    if (error == 0)
        error = stream ? fl_screenshot_put(&shot, stream) : -errno;
    if (stream && fclose(stream) != 0 && error == 0)
        error = -errno;
    fl_convert_finish(&convert);
    return error;
}

/* ---- the file ---- */

static int write_all(int fd, const struct png *png)
{
    for (size_t done = 0; done < png->size;) {
        ssize_t wrote = write(fd, png->bytes + done, png->size - done);
        if (wrote < 0 && errno != EINTR)
            return -errno;
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    return 0;
}

/* A file that was not there before and could not be written whole is taken away. */
static int write_file(const struct fl_snap_options *options, const struct png *png)
{
    bool made = true;
    int fd = open(options->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd < 0 && errno == EEXIST && !options->keep) {
        made = false;
        fd = open(options->file, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
    }
    if (fd < 0)
        return -errno;
    int error = write_all(fd, png);
    if (close(fd) < 0 && error == 0)
        error = -errno;
    if (error < 0 && made)
        unlink(options->file);
    return error;
}

static bool is_stdout(const struct fl_snap_options *options)
{
    return strcmp(options->file, "-") == 0;
}

static const char *name_of(const struct fl_snap_options *options)
{
    return is_stdout(options) ? "standard output" : options->file;
}

static int write_png(const struct fl_snap_options *options, const struct png *png)
{
    int error = is_stdout(options) ? write_all(STDOUT_FILENO, png) : write_file(options, png);
    const char *name = name_of(options);
    if (error == -EEXIST)
        return complain(CANNOT_WRITE, "%s exists already; remove it, or leave --no-overwrite away", name);
    if (error < 0)
        return complain(CANNOT_WRITE, "cannot write %s: %s", name, strerror(-error));
    return DONE;
}

/* ---- all of it ---- */

static int snap(const struct fl_snap_options *options, struct fl_onlooker *at)
{
    struct fl_view_frame *frame = NULL;
    struct png png = {0};
    int error = take_frame(options, at, &frame);
    if (error == 0)
        error = make_png(frame, &png);
    int status = error < 0 ? complain_of_frame(options, at, error) : write_png(options, &png);
    if (status == DONE)
        fprintf(stderr, "%s/%s: frame %llu, %ux%u %s -> %s\n", options->run, fl_onlooker_stage(at),
                (unsigned long long)frame->desc.number, frame->desc.width, frame->desc.height, frame->pixels->name,
                name_of(options));
    fl_view_frame_unref(frame);
    free(png.bytes);
    return status;
}

int fl_snap(const struct fl_snap_options *options)
{
    g_autofree char *why = NULL;
    struct fl_onlooker *at;
    if (is_stdout(options) && isatty(STDOUT_FILENO))
        return complain(USAGE, "a picture is nothing for a terminal: name a file, or lead standard output somewhere");
    if (fl_onlooker_attach_patiently(options->run, options->stage, options->patience_ms, &at, &why) < 0)
        return complain(FAILED, "%s", why);
    int status = snap(options, at);
    fl_onlooker_destroy(at);
    return status;
}
