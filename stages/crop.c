/* crop: a part of the picture, by moving where its planes begin. No pixel is read or written; the frame is announced onward. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <libavutil/common.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

#include "av-frame.h"
#include "av-log.h"
#include "geometry.h"
#include "stage.h"

struct rectangle {
    int x, y, width, height;
};

struct crop {
    struct fl_geometry geometry;
    struct rectangle rectangle; /* for frames like `of` */
    struct fl_desc of;
};

static const AVPixFmtDescriptor *croppable(const char *format, enum AVPixelFormat *pixel_format)
{
    *pixel_format = av_get_pix_fmt(format);
    const AVPixFmtDescriptor *pixel = av_pix_fmt_desc_get(*pixel_format);
    if (!pixel || pixel->flags & (AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL))
        return NULL;
    return pixel;
}

/* A field by its own expression where one is given, else `*value` as it is. */
static int evaluate(const struct crop *crop, unsigned field, const struct fl_geometry_scope *scope, double *value)
{
    return field < crop->geometry.count ? fl_geometry_eval(crop->geometry.field[field], scope, value) : 0;
}

/* To the nearest whole number, as ffmpeg's crop, and down to the chroma grid. Expressions see what was there before. */
static int on_grid(double value, int grid_log2)
{
    return (int)lrint(value) & ~((1 << grid_log2) - 1);
}

static int evaluate_fields(const struct crop *crop, const struct fl_desc *desc, struct fl_geometry_scope *scope, double value[4])
{
    value[0] = desc->width;
    value[1] = desc->height;
    if (evaluate(crop, 0, scope, &value[0]) == 0)
        fl_geometry_scope_set_width(scope, value[0]); /* the height may depend on it, as the width may on the height */
    int ret = evaluate(crop, 1, scope, &value[1]);
    if (ret < 0)
        return ret;
    fl_geometry_scope_set_height(scope, value[1]);
    if ((ret = evaluate(crop, 0, scope, &value[0])) < 0)
        return ret;
    fl_geometry_scope_set_width(scope, value[0]);
    value[2] = (desc->width - value[0]) / 2;
    value[3] = (desc->height - value[1]) / 2;
    ret = evaluate(crop, 2, scope, &value[2]);
    return ret < 0 ? ret : evaluate(crop, 3, scope, &value[3]);
}

static int place_rectangle(const struct crop *crop, const struct fl_desc *desc, struct rectangle *r)
{
    enum AVPixelFormat format;
    const AVPixFmtDescriptor *pixel = croppable(desc->format, &format);
    struct fl_geometry_scope scope;
    double value[4];
    if (!pixel || !desc->width || !desc->height)
        return -ENOTSUP;
    fl_geometry_scope_init(&scope, &(struct fl_geometry_input){.width = (int)desc->width,
                                                               .height = (int)desc->height,
                                                               .sar = {desc->sar_num, desc->sar_den},
                                                               .format = format,
                                                               .out_format = format});
    int ret = evaluate_fields(crop, desc, &scope, value);
    if (ret < 0)
        return ret;
    r->width = on_grid(value[0], pixel->log2_chroma_w);
    r->height = on_grid(value[1], pixel->log2_chroma_h);
    r->x = on_grid(value[2], pixel->log2_chroma_w);
    r->y = on_grid(value[3], pixel->log2_chroma_h);
    bool inside = r->width > 0 && r->height > 0 && r->x >= 0 && r->y >= 0 && (int64_t)r->x + r->width <= desc->width &&
                  (int64_t)r->y + r->height <= desc->height;
    return inside ? 0 : -ERANGE;
}

static int fail_rectangle(struct fl_stage *stage, enum fl_stage_error whose, int error, const struct crop *crop,
                          const struct fl_desc *desc)
{
    const char *size = fl_stage_string(stage, "size");
    if (error == -EINVAL)
        return fl_stage_fail(stage, FL_STAGE_ERROR_CONFIG, error, "crop '%s' is no geometry: give W:H or W:H:X:Y, as in 640:360",
                             size);
    if (error == -ENOTSUP)
        return fl_stage_fail(stage, whose, error, "pixel format %s cannot be cropped in place: put 'filter format=…' before it",
                             desc->format[0] ? desc->format : "(unknown)");
    return fl_stage_fail(stage, whose, error,
                         "crop '%s' is %dx%d at %d,%d, which does not lie in the picture of %ux%u: choose a smaller part", size,
                         crop->rectangle.width, crop->rectangle.height, crop->rectangle.x < 0 ? 0 : crop->rectangle.x,
                         crop->rectangle.y < 0 ? 0 : crop->rectangle.y, desc->width, desc->height);
}

static int crop_open(struct fl_stage *stage)
{
    struct crop *crop = fl_stage_priv(stage);
    struct fl_stage_output *output = fl_stage_output(stage, 0);
    const char *size = fl_stage_string(stage, "size");
    fl_av_log_attach(stage);
    if (!size || fl_geometry_parse(&crop->geometry, size) < 0 || crop->geometry.count < 2)
        return fl_stage_fail(stage, FL_STAGE_ERROR_CONFIG, -EINVAL, "crop '%s' is no geometry: give W:H or W:H:X:Y, as in 640:360",
                             size ? size : "");
    output->stream = fl_stage_input(stage, 0)->stream;
    output->forwards = true;
    struct fl_desc *first = &output->stream.first;
    if (!first->width || !first->format[0])
        return 0;
    int ret = place_rectangle(crop, first, &crop->rectangle);
    if (ret < 0)
        return fail_rectangle(stage, FL_STAGE_ERROR_CONFIG, ret, crop, first);
    crop->of = *first;
    first->width = (uint32_t)crop->rectangle.width;
    first->height = (uint32_t)crop->rectangle.height;
    return 0;
}

static bool same_picture(const struct fl_desc *a, const struct fl_desc *b)
{
    return a->width == b->width && a->height == b->height && a->sar_num == b->sar_num && a->sar_den == b->sar_den &&
           !strncmp(a->format, b->format, sizeof(a->format));
}

/* Grid lines are whole bytes apart in every plane, so the start of column x is the length of a row of x pixels. */
static int move_planes(struct fl_desc *desc, const struct rectangle *r)
{
    enum AVPixelFormat format;
    const AVPixFmtDescriptor *pixel = croppable(desc->format, &format);
    unsigned planes = pixel->flags & AV_PIX_FMT_FLAG_PAL ? 1 : desc->plane_count;
    for (unsigned i = 0; i < planes; i++) {
        struct fl_plane *plane = &desc->planes[i];
        int shift = i == 1 || i == 2 ? pixel->log2_chroma_h : 0;
        int left = av_image_get_linesize(format, r->x, (int)i);
        int row_bytes = av_image_get_linesize(format, r->width, (int)i);
        if (left < 0 || row_bytes <= 0)
            return -EBADMSG;
        plane->offset = (uint32_t)(plane->offset + (int64_t)(r->y >> shift) * plane->stride + left);
        plane->rows = (uint32_t)AV_CEIL_RSHIFT(r->height, shift);
        plane->row_bytes = (uint32_t)row_bytes;
    }
    desc->width = (uint32_t)r->width;
    desc->height = (uint32_t)r->height;
    return 0;
}

static int crop_process(struct fl_stage *stage, unsigned port, struct fl_frame *frame)
{
    struct crop *crop = fl_stage_priv(stage);
    struct fl_desc desc = *fl_frame_desc(frame);
    int ret = fl_av_check(&desc);
    if (ret == 0 && !same_picture(&desc, &crop->of)) {
        ret = place_rectangle(crop, &desc, &crop->rectangle);
        if (ret < 0)
            return fail_rectangle(stage, FL_STAGE_ERROR_RUN, ret, crop, &desc);
        crop->of = desc;
    }
    if (ret == 0)
        ret = move_planes(&desc, &crop->rectangle);
    if (ret < 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_RUN, ret, "frame %llu is not what its description says",
                             (unsigned long long)desc.number);
    ret = fl_stage_publish(stage, 0, frame, &desc);
    return ret == -EPIPE ? 0 : ret;
}

static bool may_take(const struct crop *crop, const struct crop *other, const struct fl_desc *desc)
{
    struct rectangle now;
    return place_rectangle(crop, desc, &now) < 0 || (now.width == other->rectangle.width && now.height == other->rectangle.height);
}

/* Another place costs nothing, here as well as below; another size is another picture. */
static int crop_set(struct fl_stage *stage, const struct fl_stage_setting *setting)
{
    struct crop *crop = fl_stage_priv(stage), other = {.of = *setting->next};
    if (fl_geometry_parse(&other.geometry, setting->value) < 0 || other.geometry.count < 2)
        return fl_stage_refuse(stage, -EINVAL, "'%s' is no geometry: give W:H or W:H:X:Y, as in 640:360", setting->value);
    int ret = fl_av_check(&other.of);
    if (ret == 0)
        ret = place_rectangle(&other, &other.of, &other.rectangle);
    if (ret == -ERANGE)
        return fl_stage_refuse(stage, -EINVAL, "'%s' does not lie in the picture of %ux%u", setting->value, other.of.width,
                               other.of.height);
    if (ret < 0)
        return fl_stage_refuse(stage, ret, "'%s' is no geometry of this picture", setting->value);
    if (!setting->rebuild && !may_take(crop, &other, &other.of))
        return fl_stage_refuse(stage, -EINVAL,
                               "'%s' makes it %dx%d, and what is below would get another size: add rebuild=true if it can cope",
                               setting->value, other.rectangle.width, other.rectangle.height);
    *crop = other;
    return 0;
}

static void crop_close(struct fl_stage *stage)
{
    fl_av_log_detach();
}

const struct fl_stage_module fl_stage_module = {
    .kind = "crop",
    .priv_bytes = sizeof(struct crop),
    .open = crop_open,
    .process = crop_process,
    .set = crop_set,
    .close = crop_close,
};
