/* A file that a stage writes, so that a run that does not start destroys nothing.
 *
 *   open    creates or opens it without cutting it off; "-" is where the supervisor leads standard output
 *   start   (run's start, everything is wired) cuts it off: from here on the old content is gone
 *   write   all of it, or fails through fl_stage_fail with what, where and what to do
 *   finish  reports what the kernel kept back until now (a full disk may say so only at close)
 *   abort   closes; a file that `open` created and `start` never reached is removed again
 *
 * Devices, FIFOs and sockets are written as they are. All on the owner's thread unless the stage sees to it itself.
 */
#ifndef FL_OUTPUT_FILE_H
#define FL_OUTPUT_FILE_H

#include <sys/uio.h>

#include "stage.h"

struct fl_output_file {
    struct fl_stage *stage;
    const char *url; /* as configured; "-" too */
    int fd;          /* -1: not open */
    bool created;    /* it was not there before */
    bool started;
    bool regular; /* can be cut off and sought in */
    bool failed;  /* said so already */
};

/* `overwrite` false: an existing regular file is an error. One that another run writes just now, or somebody else who holds an
 * exclusive flock(2), always is. Errors are said with fl_stage_fail, FL_STAGE_ERROR_START. */
int fl_output_file_open(struct fl_output_file *file, struct fl_stage *stage, const char *url, bool overwrite);
int fl_output_file_start(struct fl_output_file *file);
/* At the file's position. The pieces are changed. */
int fl_output_file_write(struct fl_output_file *file, const void *data, size_t bytes);
int fl_output_file_writev(struct fl_output_file *file, struct iovec *pieces, unsigned count);
/* As lseek(2), also for muxers: the position or -errno. -ESPIPE where it is no regular file. */
int64_t fl_output_file_seek(struct fl_output_file *file, int64_t offset, int whence);
int64_t fl_output_file_size(struct fl_output_file *file);
int fl_output_file_finish(struct fl_output_file *file);
/* Accepts what was never opened, and what is finished. */
void fl_output_file_abort(struct fl_output_file *file);
/* Says why writing failed, once: "out.y4m: No space left on device; free some space or write elsewhere". Returns `error`. */
int fl_output_file_fail(struct fl_output_file *file, int error);

#endif
