/* An input that somebody else opened: libavformat's reading and seeking on one file descriptor, and nothing else.
 * A stage that parses what it does not trust needs no right to open anything. */
#ifndef FL_INPUT_FILE_H
#define FL_INPUT_FILE_H

#include <libavformat/avformat.h>

#include "stage.h"

struct fl_input_file {
    struct fl_stage *stage;
    int fd;
    bool regular;
    AVIOContext *io;
    char refused[256]; /* the first other file that the demuxer wanted; "" if none */
};

/* Takes `fd` over, also on failure. `format` reads from it from then on, and its attempts to open anything else are refused.
 * -ENOMEM, -EISDIR, -ENODATA (an empty file). */
int fl_input_file_open(struct fl_input_file *input, struct fl_stage *stage, int fd, AVFormatContext *format);
/* After the format context is closed. Accepts what was never opened. */
void fl_input_file_close(struct fl_input_file *input);

#endif
