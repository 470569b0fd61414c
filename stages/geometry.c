#include "geometry.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <libavutil/eval.h>
#include <libavutil/pixdesc.h>

static const char *const names[] = {"in_w", "iw",  "in_h", "ih",   "out_w", "ow",    "out_h", "oh",
                                    "a",    "sar", "dar",  "hsub", "vsub",  "ohsub", "ovsub", NULL};

enum { IN_W, IW, IN_H, IH, OUT_W, OW, OUT_H, OH, ASPECT, SAR, DAR, HSUB, VSUB, OHSUB, OVSUB };

/* "640x360", as sizes are written elsewhere. An expression never looks like that. */
static bool is_plain_size(const char *text)
{
    size_t width = strspn(text, "0123456789"), height = text[width] == 'x' ? strspn(text + width + 1, "0123456789") : 0;
    return width && height && !text[width + 1 + height];
}

int fl_geometry_parse(struct fl_geometry *geometry, const char *text)
{
    const char *between = is_plain_size(text) ? "x" : ":";
    memset(geometry, 0, sizeof(*geometry));
    for (;;) {
        size_t bytes = strcspn(text, between);
        if (geometry->count == FL_GEOMETRY_FIELDS || !bytes || bytes >= sizeof(geometry->field[0]))
            return -EINVAL;
        memcpy(geometry->field[geometry->count++], text, bytes);
        if (!text[bytes])
            return 0;
        text += bytes + 1;
    }
}

static void set_subsampling(struct fl_geometry_scope *scope, enum AVPixelFormat format, int horizontal, int vertical)
{
    const AVPixFmtDescriptor *pixel = av_pix_fmt_desc_get(format);
    scope->value[horizontal] = pixel ? 1 << pixel->log2_chroma_w : 1;
    scope->value[vertical] = pixel ? 1 << pixel->log2_chroma_h : 1;
}

void fl_geometry_scope_init(struct fl_geometry_scope *scope, const struct fl_geometry_input *input)
{
    double *value = scope->value;
    value[IN_W] = value[IW] = input->width;
    value[IN_H] = value[IH] = input->height;
    value[ASPECT] = (double)input->width / input->height;
    value[SAR] = input->sar.num ? av_q2d(input->sar) : 1;
    value[DAR] = value[ASPECT] * value[SAR];
    set_subsampling(scope, input->format, HSUB, VSUB);
    set_subsampling(scope, input->out_format, OHSUB, OVSUB);
    fl_geometry_scope_set_width(scope, NAN);
    fl_geometry_scope_set_height(scope, NAN);
}

void fl_geometry_scope_set_height(struct fl_geometry_scope *scope, double height)
{
    scope->value[OUT_H] = scope->value[OH] = height;
}

void fl_geometry_scope_set_width(struct fl_geometry_scope *scope, double width)
{
    scope->value[OUT_W] = scope->value[OW] = width;
}

int fl_geometry_eval(const char *expression, const struct fl_geometry_scope *scope, double *result)
{
    double value;
    if (av_expr_parse_and_eval(&value, expression, names, scope->value, NULL, NULL, NULL, NULL, NULL, 0, NULL) < 0)
        return -EINVAL;
    if (!(value >= INT_MIN && value <= INT_MAX))
        return -EINVAL;
    *result = value;
    return 0;
}
