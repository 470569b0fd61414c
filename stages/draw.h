/* Rectangles of one colour, and digits made of them, in any format whose samples are whole bytes or 16-bit words: planar and packed
 * YUV, RGB and grey. Where chroma is coarser than luma a rectangle's edges are rounded outwards to its grid. */
#ifndef FL_DRAW_H
#define FL_DRAW_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/pixdesc.h>

struct fl_canvas {
    const AVPixFmtDescriptor *pixels;
    int width, height;
    uint8_t *data[4];
    int stride[4];
    bool full_range;
    double kr, kb; /* of the matrix from RGB */
};

struct fl_colour {
    uint16_t value[4]; /* a component each, shifted as it is stored */
};

bool fl_draw_can(enum AVPixelFormat format);

/* r, g, b: 0 to 1. Opaque. */
struct fl_colour fl_draw_colour(const struct fl_canvas *canvas, double r, double g, double b);

/* Clipped to the canvas. */
void fl_draw_rectangle(const struct fl_canvas *canvas, int x, int y, int width, int height, const struct fl_colour *colour);

/* Digits are 5 x 7 cells of `cell` pixels, one cell apart. */
int fl_draw_digits_width(int count, int cell);
int fl_draw_digits_height(int cell);
void fl_draw_digits(const struct fl_canvas *canvas, int x, int y, int cell, const char *digits, const struct fl_colour *colour);

#endif
