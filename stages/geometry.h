/* "W:H" and "W:H:X:Y" of scale and crop: each field a number or an expression over the picture's size, with the names that
 * ffmpeg's filters of the same names know (iw, ih, ow, oh, a, sar, dar, hsub, vsub, ...).
 */
#ifndef FL_GEOMETRY_H
#define FL_GEOMETRY_H

#include <libavutil/pixfmt.h>
#include <libavutil/rational.h>

#define FL_GEOMETRY_FIELDS 4

struct fl_geometry {
    unsigned count; /* fields given */
    char field[FL_GEOMETRY_FIELDS][128];
};

/* What the names in an expression stand for. */
struct fl_geometry_input {
    int width, height;
    AVRational sar; /* 0/x counts as 1 */
    enum AVPixelFormat format, out_format;
};

struct fl_geometry_scope {
    double value[17];
};

/* Splits `text` at colons. -EINVAL: not 1 to 4 fields, or one that is empty or too long. */
int fl_geometry_parse(struct fl_geometry *geometry, const char *text);

/* Names of the input are set, those of the output (ow, oh, x, y) are not yet numbers. */
void fl_geometry_scope_init(struct fl_geometry_scope *scope, const struct fl_geometry_input *input);
void fl_geometry_scope_set_width(struct fl_geometry_scope *scope, double width);
void fl_geometry_scope_set_height(struct fl_geometry_scope *scope, double height);

/* -EINVAL: no expression, or one whose value is no number that fits an int. */
int fl_geometry_eval(const char *expression, const struct fl_geometry_scope *scope, double *result);

#endif
