#include "place.h"

#include <math.h>

#define ZOOM_LEAST 0.05
#define ZOOM_MOST  64.0
#define SAR_MOST   100.0

/* ---- the words of a description ---- */

/* a b / c d of a display matrix map (x, y) to (a x + c y, b x + d y), y downward. A mirrored one is a flip left to right, undone by
 * turning the sign of a and b, and then a turn by atan2(b, a) clockwise. */
static void turn_of(const int32_t matrix[9], struct fl_place_picture *picture)
{
    double a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
    double determinant = a * d - b * c;
    if (determinant == 0)
        return;
    picture->flip = determinant < 0;
    double angle = picture->flip ? atan2(-b, -a) : atan2(b, a);
    picture->turns = (unsigned)lrint(angle / (M_PI / 2) + 4) % 4;
}

struct fl_place_picture fl_place_picture_of(const struct fl_desc *desc)
{
    struct fl_place_picture picture = {.width = desc->width, .height = desc->height, .sar = 1};
    double sar = desc->sar_num > 0 && desc->sar_den > 0 ? (double)desc->sar_num / desc->sar_den : 1;
    if (sar <= SAR_MOST && sar >= 1 / SAR_MOST)
        picture.sar = sar;
    if (desc->flags & FL_FRAME_MATRIX)
        turn_of(desc->display_matrix, &picture);
    return picture;
}

/* ---- the box ---- */

void fl_place_natural_size(const struct fl_place_picture *picture, double *width, double *height)
{
    double w = picture->width * (picture->sar > 1 ? picture->sar : 1);
    double h = picture->height / (picture->sar < 1 ? picture->sar : 1);
    *width = picture->turns % 2 ? h : w;
    *height = picture->turns % 2 ? w : h;
}

struct fl_place fl_place_work_out(const struct fl_place_picture *picture, const struct fl_place_view *view)
{
    double width, height;
    fl_place_natural_size(picture, &width, &height);
    struct fl_place place = {.zoom = view->zoom};
    if (view->zoom == FL_ZOOM_FIT)
        place.zoom = fmin(view->width / width, view->height / height);
    place.width = fmax(1, round(width * place.zoom));
    place.height = fmax(1, round(height * place.zoom));
    bool fit = view->zoom == FL_ZOOM_FIT;
    place.x = floor((view->width - place.width) / 2 + (fit ? 0 : view->pan_x));
    place.y = floor((view->height - place.height) / 2 + (fit ? 0 : view->pan_y));
    return place;
}

struct fl_place fl_place_unturned(const struct fl_place *place, unsigned turns)
{
    struct fl_place box = *place;
    if (turns % 2) {
        box.width = place->height;
        box.height = place->width;
        box.x = place->x + (place->width - box.width) / 2;
        box.y = place->y + (place->height - box.height) / 2;
    }
    return box;
}

bool fl_place_sample_at(const struct fl_place_picture *picture, const struct fl_place *place, double x, double y, unsigned *column,
                        unsigned *row)
{
    double u = (x - place->x) / place->width, v = (y - place->y) / place->height;
    if (u < 0 || v < 0 || u >= 1 || v >= 1)
        return false;
    /* Back through the turn, then the flip. */
    double left[4] = {u, v, 1 - u, 1 - v}, top[4] = {v, 1 - u, 1 - v, u};
    double p = left[picture->turns], q = top[picture->turns];
    if (picture->flip)
        p = 1 - p;
    *column = (unsigned)fmin(picture->width - 1, fmax(0, floor(p * picture->width)));
    *row = (unsigned)fmin(picture->height - 1, fmax(0, floor(q * picture->height)));
    return true;
}

void fl_place_zoom_about(const struct fl_place_picture *picture, struct fl_place_view *view, double factor, double x, double y)
{
    struct fl_place before = fl_place_work_out(picture, view);
    double zoom = fmin(ZOOM_MOST, fmax(ZOOM_LEAST, before.zoom * factor));
    double from_middle_x = x - (before.x + before.width / 2), from_middle_y = y - (before.y + before.height / 2);
    double ratio = zoom / before.zoom;
    view->zoom = zoom;
    view->pan_x = x - from_middle_x * ratio - view->width / 2.0;
    view->pan_y = y - from_middle_y * ratio - view->height / 2.0;
    fl_place_limit_pan(picture, view);
}

void fl_place_limit_pan(const struct fl_place_picture *picture, struct fl_place_view *view)
{
    struct fl_place place = fl_place_work_out(picture, view);
    double most_x = (view->width + place.width) / 2 - fmin(view->width, place.width) / 4;
    double most_y = (view->height + place.height) / 2 - fmin(view->height, place.height) / 4;
    view->pan_x = fmin(most_x, fmax(-most_x, view->pan_x));
    view->pan_y = fmin(most_y, fmax(-most_y, view->pan_y));
}
