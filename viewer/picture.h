/* A frame on the screen: slot -> texture -> window.
 *
 * Straight from the slot where SDL takes it as it lies (colour.h), through libswscale otherwise; both are counted. SDL's
 * conversion mode is one for the whole process, and some of its renderers look at it when a texture is made, others when it is
 * filled, so it is set before each, and a texture is made anew when it changes. So it is when the scaling changes: its OpenGL
 * renderer mixes up the planes of a texture whose scaling is set after it was filled.
 */
#ifndef FL_VIEW_PICTURE_H
#define FL_VIEW_PICTURE_H

#include "convert.h"
#include "place.h"
#include "window.h"

struct fl_picture {
    SDL_Texture *texture; /* NULL: nothing yet */
    struct fl_colour_way way;
    unsigned width, height; /* of the texture */
    bool squares;           /* samples are shown as squares, not smoothed */
    struct fl_convert convert;
    bool straight; /* the last one went straight from the slot */
    uint64_t straight_frames, converted_frames;
};

/* Are samples to be shown as squares? True: that is new, so the texture is to be filled again before it is drawn. */
bool fl_picture_set_squares(struct fl_picture *picture, bool squares);

/* Fills the texture. 0; -ENOTSUP: nobody can show this pixel format; -EIO: SDL_GetError; -ENOMEM. */
int fl_picture_set_frame(struct fl_picture *picture, const struct fl_window *window, const struct fl_view_frame *frame);

/* The same from pixels made elsewhere (a plane, a difference): B G R and a filler, `stride` bytes a row. */
int fl_picture_set_pixels(struct fl_picture *picture, const struct fl_window *window, const uint8_t *pixels, int stride,
                          unsigned width, unsigned height);

/* Draws it into its box, flipped and turned. */
void fl_picture_draw(const struct fl_picture *picture, const struct fl_window *window, const struct fl_place_picture *how,
                     const struct fl_place *place);

void fl_picture_finish(struct fl_picture *picture);

#endif
