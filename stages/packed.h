/* A picture as a file wants it: rows without padding, plane after plane, as libavutil's av_image_copy_to_buffer with alignment 1
 * would give it, but as a list of pieces that point into the slot: nothing is copied. */
#ifndef FL_PACKED_H
#define FL_PACKED_H

#include <sys/uio.h>

#include <framelane/frame.h>

struct fl_packed {
    struct iovec *pieces; /* rows, or more where they lie without a gap */
    unsigned count, capacity;
    uint64_t bytes;
};

/* The picture of a taken frame. -EBADMSG: its planes do not suffice for its format and size; -ENOMEM. */
int fl_packed_set(struct fl_packed *packed, const struct fl_frame *frame);
void fl_packed_finish(struct fl_packed *packed);

#endif
