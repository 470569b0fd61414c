/* A frame into 8-bit RGB by libswscale, as exactly as it can (accurate rounding, chroma interpolated for every pixel): for what
 * SDL does not take as it lies, for screenshots, for differences.
 *
 * A converter keeps its context and its buffer while frames stay alike. One thread at a time.
 */
#ifndef FL_VIEW_CONVERT_H
#define FL_VIEW_CONVERT_H

#include "colour.h"
#include "frame.h"

struct SwsContext;

struct fl_convert {
    struct SwsContext *sws;
    unsigned from_width, from_height;
    enum AVPixelFormat from_format;
    struct fl_colour colour;
    unsigned width, height;
    enum AVPixelFormat format;
    uint8_t *pixels; /* of the last result: `height` rows of `stride` bytes */
    int stride;
    uint64_t capacity;
};

/* Converts to width x height (0 x 0: the frame's own size) in a packed RGB format, AV_PIX_FMT_BGR0 or AV_PIX_FMT_RGB24. The pixels
 * are the converter's until the next call. -ENOTSUP: libswscale does not read the format; -ENOMEM. */
int fl_convert(struct fl_convert *convert, const struct fl_view_frame *frame, enum AVPixelFormat format, unsigned width,
               unsigned height);

void fl_convert_finish(struct fl_convert *convert);

#endif
