/* A picture as a PNG file, with its own samples (not the window's), turned as it is to be seen. Samples that are not square stay as
 * they are, and the file says so. */
#ifndef FL_VIEW_SCREENSHOT_H
#define FL_VIEW_SCREENSHOT_H

#include <stddef.h>
#include <stdio.h>

#include "place.h"

struct fl_screenshot {
    const uint8_t *pixels; /* B G R and a filler */
    int stride;
    struct fl_place_picture picture; /* width and height are those of the pixels */
};

/* Replaces %s, %n and %% of a file name's pattern. -ENAMETOOLONG; -EINVAL: another letter after %. */
int fl_screenshot_name(const char *pattern, const char *stage, uint64_t number, char *name, size_t size);

/* The PNG into an open stream. 0, -errno of write(2), -ENOMEM. */
int fl_screenshot_put(const struct fl_screenshot *shot, FILE *file);

/* 0, -errno of open(2) or write(2), -ENOMEM. What was written of a file that failed is taken away. */
int fl_screenshot_write(const struct fl_screenshot *shot, const char *name);

#endif
