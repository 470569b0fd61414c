/* A picture as the viewer holds it: the words, and where its planes lie. Either a frame taken from a lane, looked at in place, or a
 * private copy of one (the recent ones one can step back to).
 *
 * What a description says is not trusted: wrap checks that its planes suffice for its format and size, with libavutil's arithmetic.
 * References may be taken and dropped on any thread; the last one gives the slot back, or frees the copy.
 */
#ifndef FL_VIEW_FRAME_H
#define FL_VIEW_FRAME_H

#include <stdatomic.h>

#include <framelane/frame.h>
#include <libavutil/pixdesc.h>

struct fl_view_frame {
    struct fl_desc desc; /* planes: strides and rows are true of `plane`, offsets of the slot only */
    const AVPixFmtDescriptor *pixels;
    enum AVPixelFormat format;
    const uint8_t *plane[FL_MAX_PLANES]; /* first byte of row 0 */
    uint64_t arrived_ns;                 /* CLOCK_MONOTONIC, when the viewer got it */
    uint64_t bytes;                      /* of the copy; 0: it lies in a slot */
    /* libswscale reads whole vectors, beyond the last byte of a row. False: there is no memory behind the last plane to read. */
    bool slack;
    struct fl_frame *held; /* NULL: a copy */
    atomic_uint refs;
};

/* Takes a reference of `frame` for as long as the view frame lives. -EBADMSG: its planes do not suffice; -ENOTSUP: a pixel format
 * this libavutil does not know, or no picture; -ENOMEM. */
int fl_view_frame_wrap(struct fl_frame *frame, uint64_t now_ns, struct fl_view_frame **out);

/* The same of bytes that stand in private memory for the moment: they are copied. `base` is where the slot would start. */
int fl_view_frame_of_bytes(const struct fl_desc *desc, const uint8_t *base, uint64_t capacity, uint64_t now_ns,
                           struct fl_view_frame **out);

/* A private copy, with room behind every plane. -ENOMEM. */
int fl_view_frame_copy(const struct fl_view_frame *frame, struct fl_view_frame **out);

struct fl_view_frame *fl_view_frame_ref(struct fl_view_frame *frame);
void fl_view_frame_unref(struct fl_view_frame *frame); /* accepts NULL */

/* The same picture of the source, whatever was made of it since: epoch, number and part agree. */
bool fl_view_frame_same(const struct fl_view_frame *a, const struct fl_view_frame *b);

/* Negative, 0 or positive: a comes before, is, or comes after b in the order of the source. */
int fl_view_frame_compare(const struct fl_view_frame *a, const struct fl_view_frame *b);

/* Nanoseconds of its pts, FL_NO_PTS where it has none. */
int64_t fl_view_frame_pts_ns(const struct fl_view_frame *frame);
int64_t fl_view_frame_duration_ns(const struct fl_view_frame *frame); /* 0: unknown */

/* Width and height of one component's plane (chroma is smaller), and its bits. */
unsigned fl_view_component_width(const struct fl_view_frame *frame, unsigned component);
unsigned fl_view_component_height(const struct fl_view_frame *frame, unsigned component);

/* `count` values of one component in a row, starting at column x of that component. */
void fl_view_component_read(const struct fl_view_frame *frame, unsigned component, unsigned x, unsigned y, unsigned count,
                            uint16_t *values);

/* "Y", "U", "R", "A"; for what has neither, "1".."4". */
const char *fl_view_component_name(const struct fl_view_frame *frame, unsigned component);

#endif
