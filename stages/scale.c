/* scale: another size, another pixel format, from the input's slot straight into an own one. Byte for byte what ffmpeg's `scale`
 * gives. */
#include <errno.h>
#include <string.h>
#include <libavutil/mathematics.h>

#include "av-frame.h"
#include "av-log.h"
#include "av-scale.h"
#include "geometry.h"
#include "nearest.h"
#include "stage.h"

struct scale {
    struct fl_geometry geometry;
    enum AVPixelFormat format; /* asked for; NONE: as the input */
    struct fl_scaler scaler;
    struct fl_av_layout layout;
    struct fl_desc of; /* what `to` and `layout` were worked out for */
    struct fl_scaler_side to;
    AVFrame *from_frame, *to_frame; /* shells, blank between frames */
};

/* ---- which size ---- */

/* 0 is the input's; -n keeps the aspect and is a multiple of n; both negative is the input's size. */
static int settle_size(int width, int height, const struct fl_desc *desc, struct fl_scaler_side *to)
{
    int64_t w = width ? width : (int64_t)desc->width, h = height ? height : (int64_t)desc->height;
    int64_t step_w = w < -1 ? -w : 1, step_h = h < -1 ? -h : 1;
    if (w < 0 && h < 0) {
        w = desc->width;
        h = desc->height;
    }
    if (w < 0)
        w = av_rescale(h, desc->width, desc->height * step_w) * step_w;
    if (h < 0)
        h = av_rescale(w, desc->height, desc->width * step_h) * step_h;
    if (w < 1 || h < 1 || w > 1 << 16 || h > 1 << 16)
        return -ERANGE;
    to->width = (int)w;
    to->height = (int)h;
    return 0;
}

/* The width is looked at twice, because it may depend on the height. */
static int evaluate_size(const struct scale *scale, const struct fl_desc *desc, struct fl_scaler_side *to)
{
    const char *w_text = scale->geometry.field[0], *h_text = scale->geometry.field[1];
    struct fl_geometry_scope scope;
    double width, height;
    fl_geometry_scope_init(&scope, &(struct fl_geometry_input){.width = (int)desc->width,
                                                               .height = (int)desc->height,
                                                               .sar = {desc->sar_num, desc->sar_den},
                                                               .format = fl_av_format(desc),
                                                               .out_format = to->format});
    if (fl_geometry_eval(w_text, &scope, &width) == 0)
        fl_geometry_scope_set_width(&scope, (int)width ? (int)width : (int)desc->width);
    if (fl_geometry_eval(h_text, &scope, &height) < 0)
        return -EINVAL;
    fl_geometry_scope_set_height(&scope, (int)height ? (int)height : (int)desc->height);
    if (fl_geometry_eval(w_text, &scope, &width) < 0)
        return -EINVAL;
    return settle_size((int)width, (int)height, desc, to);
}

/* What is made of a picture. -ENOTSUP: it cannot be read; -EINVAL, -ERANGE: no size; others: no room for it. */
static int plan(struct scale *scale, const struct fl_desc *desc)
{
    enum AVPixelFormat from = fl_av_format(desc);
    if (!fl_scaler_reads(from))
        return -ENOTSUP;
    scale->to.format = scale->format != AV_PIX_FMT_NONE ? scale->format : fl_scaler_default_format(from);
    int ret = evaluate_size(scale, desc, &scale->to);
    if (ret == 0 && fl_av_layout_init(&scale->layout, scale->to.format, scale->to.width, scale->to.height, scale->to.width,
                                      scale->to.height) < 0)
        ret = -EOVERFLOW;
    if (ret == 0)
        scale->of = *desc;
    return ret;
}

static int work_out(struct fl_stage *stage, enum fl_stage_error whose, const struct fl_desc *desc)
{
    struct scale *scale = fl_stage_priv(stage);
    const char *size = fl_stage_string(stage, "size");
    int ret = plan(scale, desc);
    if (ret == -ENOTSUP)
        return fl_stage_fail(stage, whose, -ENOTSUP, "libswscale does not read pixel format %s: put 'filter format=…' before it",
                             desc->format);
    if (ret == -EINVAL || ret == -ERANGE)
        return fl_stage_fail(stage, ret == -EINVAL ? FL_STAGE_ERROR_CONFIG : whose, ret,
                             "scale '%s' gives no size for a picture of %ux%u: give W:H, as in 1280:-2", size, desc->width,
                             desc->height);
    if (ret < 0)
        return fl_stage_fail(stage, whose, ret, "a picture of %dx%d %s cannot be made: %s", scale->to.width, scale->to.height,
                             av_get_pix_fmt_name(scale->to.format), strerror(-ret));
    return 0;
}

/* ---- open ---- */

/* NONE where it is none, with a hint; `hint` is empty otherwise. */
static enum AVPixelFormat known_format(const char *name, char *hint, unsigned bytes)
{
    enum AVPixelFormat format = av_get_pix_fmt(name);
    hint[0] = 0;
    if (format != AV_PIX_FMT_NONE && fl_scaler_writes(format) && fl_av_can_carry(format))
        return format;
    struct fl_nearest_name nearest = {.word = name};
    for (const AVPixFmtDescriptor *each = av_pix_fmt_desc_next(NULL); each; each = av_pix_fmt_desc_next(each))
        if (fl_scaler_writes(av_pix_fmt_desc_get_id(each)))
            fl_nearest_offer(&nearest, each->name);
    fl_nearest_hint(&nearest, hint, bytes);
    return AV_PIX_FMT_NONE;
}

static int parse_format(struct fl_stage *stage, struct scale *scale)
{
    const char *name = fl_stage_string(stage, "format");
    char hint[80];
    scale->format = name ? known_format(name, hint, sizeof(hint)) : AV_PIX_FMT_NONE;
    if (!name || scale->format != AV_PIX_FMT_NONE)
        return 0;
    return fl_stage_fail(stage, FL_STAGE_ERROR_CONFIG, -EINVAL, "format '%s' is no pixel format that libswscale writes%s", name,
                         hint);
}

static int parse_options(struct fl_stage *stage, struct scale *scale)
{
    const char *size = fl_stage_string(stage, "size"), *flags = fl_stage_string(stage, "flags");
    if (!size || fl_geometry_parse(&scale->geometry, size) < 0 || scale->geometry.count != 2)
        return fl_stage_fail(stage, FL_STAGE_ERROR_CONFIG, -EINVAL, "scale '%s' is no size: give W:H, as in 1280:-2",
                             size ? size : "");
    if (fl_scaler_parse_flags(flags ? flags : "bicubic", &scale->scaler.flags) < 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_CONFIG, -EINVAL,
                             "flags '%s' are none of libswscale's: bilinear, bicubic, lanczos, area, …", flags);
    scale->scaler.threads = (int)fl_stage_int(stage, "threads", 1);
    return parse_format(stage, scale);
}

/* What the consumers are told: the words of a frame like the first one. */
static int describe_output(struct fl_stage *stage, struct scale *scale)
{
    struct fl_stage_output *output = fl_stage_output(stage, 0);
    struct fl_desc *first = &output->stream.first;
    AVFrame *from = scale->from_frame, *to = scale->to_frame;
    int ret = fl_av_apply(first, from);
    if (ret >= 0)
        ret = fl_scaler_set(&scale->scaler, from, &scale->to);
    if (ret < 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_CONFIG, ret, "libswscale cannot make %s of %s: %s",
                             av_get_pix_fmt_name(scale->to.format), first->format, fl_av_log_reason(ret));
    to->color_range = from->color_range;
    to->colorspace = from->colorspace;
    to->sample_aspect_ratio = from->sample_aspect_ratio;
    fl_scaler_words(&scale->scaler, to, from);
    first->color_range = (uint8_t)to->color_range;
    first->color_matrix = (uint8_t)to->colorspace;
    first->sar_num = to->sample_aspect_ratio.num;
    first->sar_den = to->sample_aspect_ratio.den;
    first->width = (uint32_t)scale->to.width;
    first->height = (uint32_t)scale->to.height;
    snprintf(first->format, sizeof(first->format), "%s", av_get_pix_fmt_name(scale->to.format));
    output->forwards = !scale->scaler.sws;
    output->payload_bytes = output->forwards ? 0 : scale->layout.payload_bytes;
    output->working_set = output->forwards ? 0 : 1;
    av_frame_unref(from);
    av_frame_unref(to);
    return 0;
}

static int scale_open(struct fl_stage *stage)
{
    struct scale *scale = fl_stage_priv(stage);
    struct fl_stage_output *output = fl_stage_output(stage, 0);
    scale->from_frame = av_frame_alloc();
    scale->to_frame = av_frame_alloc();
    if (!scale->from_frame || !scale->to_frame)
        return fl_stage_fail(stage, FL_STAGE_ERROR_START, -ENOMEM, "no memory");
    fl_av_log_attach(stage);
    int ret = parse_options(stage, scale);
    if (ret < 0)
        return ret;
    output->stream = fl_stage_input(stage, 0)->stream;
    output->working_set = 1;
    output->payload_bytes = 1;
    const struct fl_desc *first = &output->stream.first;
    if (!first->width || !first->height || !first->format[0])
        return 0;
    ret = work_out(stage, FL_STAGE_ERROR_CONFIG, first);
    return ret < 0 ? ret : describe_output(stage, scale);
}

/* ---- frames ---- */

static bool same_picture(const struct fl_desc *a, const struct fl_desc *b)
{
    return a->width == b->width && a->height == b->height && a->sar_num == b->sar_num && a->sar_den == b->sar_den &&
           !strncmp(a->format, b->format, sizeof(a->format));
}

static int make_picture(struct fl_stage *stage, struct scale *scale, struct fl_frame *slot, const struct fl_desc *desc)
{
    AVFrame *from = scale->from_frame, *to = scale->to_frame;
    int ret = fl_av_slot_frame(slot, &scale->layout, false, to);
    if (ret >= 0)
        ret = av_frame_copy_props(to, from);
    if (ret >= 0)
        ret = fl_scaler_run(&scale->scaler, to, from);
    if (ret < 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_RUN, fl_av_errno(ret), "frame %llu could not be scaled: %s",
                             (unsigned long long)desc->number, fl_av_log_reason(ret));
    fl_scaler_words(&scale->scaler, to, from);
    return fl_av_publish(stage, 0, to, (AVRational){desc->time_base_num, desc->time_base_den}, desc);
}

/* A picture that already is as wanted goes on as it is; where this output was not announced as forwarding, as a copy. */
static int pass_on(struct fl_stage *stage, struct scale *scale, struct fl_frame *frame)
{
    if (fl_stage_output(stage, 0)->forwards)
        return fl_stage_publish(stage, 0, frame, fl_frame_desc(frame));
    struct fl_desc desc = *fl_frame_desc(frame);
    struct fl_frame *slot = NULL;
    int ret = fl_av_copy_to_slot(stage, 0, scale->from_frame, &desc, &slot);
    if (ret >= 0)
        ret = fl_stage_publish(stage, 0, slot, &desc);
    fl_frame_unref(slot);
    return ret;
}

static int scale_wrapped(struct fl_stage *stage, struct scale *scale, struct fl_frame *frame)
{
    const struct fl_desc *desc = fl_frame_desc(frame);
    int ret = same_picture(desc, &scale->of) ? 0 : work_out(stage, FL_STAGE_ERROR_RUN, desc);
    if (ret < 0)
        return ret;
    if ((ret = fl_scaler_set(&scale->scaler, scale->from_frame, &scale->to)) < 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_RUN, ret, "libswscale cannot make %s of %s: %s",
                             av_get_pix_fmt_name(scale->to.format), desc->format, fl_av_log_reason(ret));
    if (!scale->scaler.sws)
        return pass_on(stage, scale, frame);
    struct fl_frame *slot = NULL;
    ret = fl_stage_acquire(stage, 0, scale->layout.payload_bytes, &slot);
    if (ret == 0)
        ret = make_picture(stage, scale, slot, desc);
    av_frame_unref(scale->to_frame);
    fl_frame_unref(slot);
    return ret;
}

static int scale_process(struct fl_stage *stage, unsigned port, struct fl_frame *frame)
{
    struct scale *scale = fl_stage_priv(stage);
    int ret = fl_av_wrap(stage, frame, scale->from_frame);
    if (ret < 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_RUN, ret, "frame %llu is not what its description says",
                             (unsigned long long)fl_frame_desc(frame)->number);
    ret = scale_wrapped(stage, scale, frame);
    av_frame_unref(scale->from_frame);
    return ret;
}

/* ---- changes ---- */

static int read_change(struct fl_stage *stage, const struct fl_stage_setting *setting, struct scale *to)
{
    const char *key = setting->key, *value = setting->value;
    bool flags = strcmp(key, "flags") == 0;
    if (!flags && !setting->rebuild)
        return fl_stage_refuse(stage, -EINVAL, "another %s is another picture for what is below: add rebuild=true if it can cope",
                               key);
    if (flags && fl_scaler_parse_flags(value, &to->scaler.flags) < 0)
        return fl_stage_refuse(stage, -EINVAL, "flags '%s' are none of libswscale's: bilinear, bicubic, lanczos, area, …", value);
    if (strcmp(key, "size") == 0 && (fl_geometry_parse(&to->geometry, value) < 0 || to->geometry.count != 2))
        return fl_stage_refuse(stage, -EINVAL, "'%s' is no size: give W:H, as in 1280:-2", value);
    if (strcmp(key, "format") != 0)
        return 0;
    char hint[80];
    to->format = known_format(value, hint, sizeof(hint));
    return to->format != AV_PIX_FMT_NONE
               ? 0
               : fl_stage_refuse(stage, -EINVAL, "'%s' is no pixel format that libswscale writes%s", value, hint);
}

/* A scaler of its own, so that the old one goes on where this one cannot be made. */
static int make_scaler(struct scale *to, const struct fl_desc *like)
{
    int ret = fl_av_apply(like, to->from_frame);
    if (ret >= 0)
        ret = fl_scaler_set(&to->scaler, to->from_frame, &to->to);
    av_frame_unref(to->from_frame);
    return ret;
}

static int scale_set(struct fl_stage *stage, const struct fl_stage_setting *setting)
{
    struct scale *scale = fl_stage_priv(stage), other = *scale;
    other.scaler = (struct fl_scaler){.flags = scale->scaler.flags, .threads = scale->scaler.threads};
    int ret = read_change(stage, setting, &other);
    if (ret < 0)
        return ret;
    ret = fl_av_check(setting->next);
    if (ret == 0)
        ret = plan(&other, setting->next);
    if (ret == 0)
        ret = make_scaler(&other, setting->next);
    if (ret < 0) {
        fl_scaler_finish(&other.scaler);
        return fl_stage_refuse(stage, -EINVAL, "%s '%s' gives no picture here: %s", setting->key, setting->value,
                               strerror(-fl_av_errno(ret)));
    }
    fl_scaler_finish(&scale->scaler);
    *scale = other;
    return 0;
}

static void scale_close(struct fl_stage *stage)
{
    struct scale *scale = fl_stage_priv(stage);
    fl_scaler_finish(&scale->scaler);
    av_frame_free(&scale->from_frame);
    av_frame_free(&scale->to_frame);
    fl_av_log_detach();
}

const struct fl_stage_module fl_stage_module = {
    .kind = "scale",
    .priv_bytes = sizeof(struct scale),
    .open = scale_open,
    .process = scale_process,
    .set = scale_set,
    .close = scale_close,
};
