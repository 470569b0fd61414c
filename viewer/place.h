/* Where the picture stands in the window, and which pixel is under the pointer. Pure arithmetic, tested without a screen.
 *
 * The picture is `width` x `height` samples; `sar` makes it as wide as it is to be seen; it is flipped left to right (where `flip`)
 * and then turned clockwise by `turns` quarters. Lengths of the window are in its own (device) pixels.
 */
#ifndef FL_VIEW_PLACE_H
#define FL_VIEW_PLACE_H

#include <framelane/frame.h>

struct fl_place_picture {
    unsigned width, height;
    double sar; /* width of a sample by its height */
    unsigned turns;
    bool flip;
};

/* What the description says of aspect and turning; a matrix of another angle is taken to the nearest quarter. */
struct fl_place_picture fl_place_picture_of(const struct fl_desc *desc);

/* Size at zoom 1, turned: one of the two directions has one sample a pixel, the other at least that. */
void fl_place_natural_size(const struct fl_place_picture *picture, double *width, double *height);

#define FL_ZOOM_FIT 0.0

struct fl_place_view {
    unsigned width, height; /* of the window */
    double zoom;            /* FL_ZOOM_FIT, or pixels a sample */
    double pan_x, pan_y;    /* how far the middle of the picture is from the middle of the window */
};

struct fl_place {
    double x, y, width, height; /* the box the turned picture fills */
    double zoom;                /* as worked out */
};

/* On whole pixels, so that at zoom 1 each sample is one pixel. */
struct fl_place fl_place_work_out(const struct fl_place_picture *picture, const struct fl_place_view *view);

/* The box before turning, as SDL_RenderCopyEx wants it: it turns about the middle. */
struct fl_place fl_place_unturned(const struct fl_place *place, unsigned turns);

/* The sample under a point of the window. False: the point is beside the picture. */
bool fl_place_sample_at(const struct fl_place_picture *picture, const struct fl_place *place, double x, double y, unsigned *column,
                        unsigned *row);

/* Another zoom that leaves what is under (x, y) there; the result is not a fit any more. */
void fl_place_zoom_about(const struct fl_place_picture *picture, struct fl_place_view *view, double factor, double x, double y);

/* Keeps some of the picture in the window. */
void fl_place_limit_pan(const struct fl_place_picture *picture, struct fl_place_view *view);

#endif
