/* What the words of a description mean for showing it: which matrix and range its samples have, and which way they reach the
 * screen. Pure: no SDL state, no pixels.
 *
 * SDL 2.26 shows rightly, straight from the slot: 8-bit 4:2:0 in three planes or two with limited range of BT.601 or BT.709, or
 * full range of BT.601, and 8-bit RGB. All else goes through libswscale.
 *
 * Unspecified matrix: BT.709 from 1280 columns or 577 lines on, else BT.601, as players do. Unspecified range: full for RGB, grey
 * and the yuvj formats, else limited.
 */
#ifndef FL_VIEW_COLOUR_H
#define FL_VIEW_COLOUR_H

#include <SDL2/SDL.h>

#include "frame.h"

struct fl_colour {
    enum AVColorSpace matrix; /* AVCOL_SPC_RGB where there is none */
    bool guessed;             /* the description leaves the matrix open */
    bool approximate;         /* libswscale does not know this matrix: BT.601 in its place */
    bool full;                /* range */
};

struct fl_colour fl_colour_of(const struct fl_view_frame *frame);

/* How SDL takes the frame as it lies. False: it must be converted. */
struct fl_colour_way {
    Uint32 sdl_format;
    SDL_YUV_CONVERSION_MODE mode; /* of YUV formats */
};
bool fl_colour_straight(const struct fl_view_frame *frame, const struct fl_colour *colour, struct fl_colour_way *way);

/* The row of coefficients libswscale wants for it. */
const int *fl_colour_coefficients(const struct fl_colour *colour);

/* "bt709 tv", "bt601? pc", "rgb", "bt2020nc tv pq": what the overlay says. */
void fl_colour_words(const struct fl_view_frame *frame, const struct fl_colour *colour, char *words, size_t size);

#endif
