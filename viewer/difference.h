/* Two pictures of one frame, subtracted: how far B is from A in each of red, green and blue, made stronger to be seen. */
#ifndef FL_VIEW_DIFFERENCE_H
#define FL_VIEW_DIFFERENCE_H

#include "convert.h"

#define FL_DIFFERENCE_GAIN 4

struct fl_difference {
    struct fl_convert a, b;
    uint8_t *pixels; /* of the last result: B G R and a filler, rows of width * 4 bytes */
    uint64_t capacity;
    unsigned width, height; /* A's */
    unsigned most;          /* largest difference, 0 to 255, before the gain */
    double mean;
};

/* B is scaled to A's size where it has another. -ENOTSUP, -ENOMEM. */
int fl_difference(struct fl_difference *difference, const struct fl_view_frame *a, const struct fl_view_frame *b);
void fl_difference_finish(struct fl_difference *difference);

#endif
