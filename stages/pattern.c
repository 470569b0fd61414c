/* pattern: a moving test picture. Colour bars over a grey ramp, a bar that moves through the ramp, and the number of the frame,
 * large enough to be read off a screen or by a program. The same options give the same bytes everywhere.
 *
 * What does not move is drawn once; a frame is a copy of it and a few rectangles. Formats that cannot be drawn into (bit-packed,
 * palette, float, ...) are drawn as RGB and converted by libswscale. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libswscale/swscale.h>

#include "av-frame.h"
#include "av-log.h"
#include "draw.h"

#define DIGITS          6
#define SLICE_NS        20000000ll /* longest sleep between two looks whether to stop */
#define DRAWN_OTHERWISE AV_PIX_FMT_RGB24
#define HD_LINES        720 /* pictures this high and higher use HDTV's matrix */

struct pattern {
    enum AVPixelFormat format; /* of the frames */
    struct fl_av_layout layout;
    struct fl_canvas canvas; /* of what is drawn: the slot's format, or RGB */
    struct fl_av_layout drawn;
    uint8_t *still;   /* what does not move, laid out as `drawn` */
    uint8_t *scratch; /* RGB: the whole picture before conversion */
    struct SwsContext *convert;
    struct fl_colour black, white, mover;
    int cell, box_x, box_y, box_width, box_height;
    int32_t rate_num, rate_den;
    int64_t number, limit; /* limit < 0: endless */
    int64_t pts, step;     /* in units of the first rate; from one frame to the next */
    bool realtime;
    uint64_t start_ns;
    struct fl_desc like;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* ---- what does not move ---- */

static void point_canvas(struct pattern *pattern, uint8_t *base)
{
    for (unsigned i = 0; i < pattern->drawn.plane_count; i++) {
        pattern->canvas.data[i] = base + pattern->drawn.offset[i];
        pattern->canvas.stride[i] = pattern->drawn.stride[i];
    }
}

static int ramp_top(const struct pattern *pattern)
{
    return pattern->canvas.height * 3 / 4;
}

static void draw_still(struct pattern *pattern)
{
    static const uint8_t bars[8] = {7, 6, 3, 2, 5, 4, 1, 0}; /* white yellow cyan green magenta red blue black, as bits R G B */
    const struct fl_canvas *canvas = &pattern->canvas;
    int width = canvas->width, height = canvas->height, top = ramp_top(pattern);
    for (int i = 0; i < 8; i++) {
        struct fl_colour colour = fl_draw_colour(canvas, bars[i] & 4 ? 0.75 : 0, bars[i] & 2 ? 0.75 : 0, bars[i] & 1 ? 0.75 : 0);
        int x = (int)((int64_t)width * i / 8), end = (int)((int64_t)width * (i + 1) / 8);
        fl_draw_rectangle(canvas, x, 0, end - x, top, &colour);
    }
    for (int i = 0; i < 16; i++) {
        struct fl_colour grey = fl_draw_colour(canvas, i / 15.0, i / 15.0, i / 15.0);
        int x = (int)((int64_t)width * i / 16), end = (int)((int64_t)width * (i + 1) / 16);
        fl_draw_rectangle(canvas, x, top, end - x, height - top, &grey);
    }
    fl_draw_rectangle(canvas, pattern->box_x, pattern->box_y, pattern->box_width, pattern->box_height, &pattern->black);
}

/* As large as two thirds of the width and a third of the height allow; a picture smaller than the number shows a part of it. */
static void place_number(struct pattern *pattern)
{
    int width = pattern->canvas.width, height = pattern->canvas.height;
    int by_width = width * 2 / 3 / fl_draw_digits_width(DIGITS, 1), by_height = height / 3 / fl_draw_digits_height(1);
    pattern->cell = FFMAX(1, FFMIN(by_width, by_height));
    pattern->box_width = fl_draw_digits_width(DIGITS, pattern->cell) + 4 * pattern->cell;
    pattern->box_height = fl_draw_digits_height(pattern->cell) + 4 * pattern->cell;
    pattern->box_x = FFMAX(0, (width - pattern->box_width) / 2);
    pattern->box_y = FFMAX(0, (ramp_top(pattern) - pattern->box_height) / 2);
}

static int prepare(struct pattern *pattern)
{
    size_t bytes = pattern->drawn.payload_bytes;
    pattern->still = calloc(1, bytes);
    pattern->scratch = pattern->convert ? calloc(1, bytes) : NULL;
    if (!pattern->still || (pattern->convert && !pattern->scratch))
        return -ENOMEM;
    place_number(pattern);
    point_canvas(pattern, pattern->still);
    pattern->black = fl_draw_colour(&pattern->canvas, 0, 0, 0);
    pattern->white = fl_draw_colour(&pattern->canvas, 1, 1, 1);
    pattern->mover = fl_draw_colour(&pattern->canvas, 1, 0.5, 0);
    draw_still(pattern);
    return 0;
}

/* ---- open ---- */

static int setup_conversion(struct fl_stage *stage, struct pattern *pattern, int width, int height)
{
    if (sws_isSupportedOutput(pattern->format))
        pattern->convert = sws_getContext(width, height, DRAWN_OTHERWISE, width, height, pattern->format, SWS_POINT | SWS_BITEXACT,
                                          NULL, NULL, NULL);
    if (!pattern->convert)
        return fl_stage_fail(stage, FL_STAGE_ERROR_CONFIG, -ENOTSUP,
                             "the test picture cannot be made in pixel format %s at %dx%d; try yuv420p",
                             av_get_pix_fmt_name(pattern->format), width, height);
    return 0;
}

static bool is_full_range(const AVPixFmtDescriptor *pixels)
{
    return pixels->flags & AV_PIX_FMT_FLAG_RGB || strncmp(pixels->name, "yuvj", 4) == 0;
}

static int setup_canvas(struct fl_stage *stage, struct pattern *pattern, int width, int height)
{
    bool direct = fl_draw_can(pattern->format), hd = height >= HD_LINES;
    enum AVPixelFormat drawn = direct ? pattern->format : DRAWN_OTHERWISE;
    int error = direct ? 0 : setup_conversion(stage, pattern, width, height);
    if (error < 0)
        return error;
    error = fl_av_layout_init(&pattern->layout, pattern->format, width, height, width, height);
    if (error == 0)
        error = fl_av_layout_init(&pattern->drawn, drawn, width, height, width, height);
    if (error < 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_CONFIG, error, "pictures of %dx%d %s are larger than a slot can be", width,
                             height, av_get_pix_fmt_name(pattern->format));
    pattern->canvas = (struct fl_canvas){
        .pixels = av_pix_fmt_desc_get(drawn),
        .width = width,
        .height = height,
        .full_range = is_full_range(av_pix_fmt_desc_get(pattern->format)),
        .kr = hd ? 0.2126 : 0.299,
        .kb = hd ? 0.0722 : 0.114,
    };
    return prepare(pattern) < 0 ? fl_stage_fail(stage, FL_STAGE_ERROR_START, -ENOMEM, "no memory for the test picture") : 0;
}

static void describe(struct fl_stage *stage, struct pattern *pattern)
{
    struct fl_stage_output *output = fl_stage_output(stage, 0);
    const AVPixFmtDescriptor *pixels = av_pix_fmt_desc_get(pattern->format);
    bool rgb = pixels->flags & AV_PIX_FMT_FLAG_RGB, hd = pattern->layout.height >= HD_LINES;
    struct fl_desc *like = &pattern->like;
    *like = (struct fl_desc){
        .kind = FL_KIND_VIDEO,
        .dts = FL_NO_PTS,
        .duration = 1,
        .time_base_num = pattern->rate_den,
        .time_base_den = pattern->rate_num,
        .flags = FL_FRAME_KEY,
        .width = (uint32_t)pattern->layout.width,
        .height = (uint32_t)pattern->layout.height,
        .sar_num = 1,
        .sar_den = 1,
        .color_range = pattern->canvas.full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG,
        .color_primaries = hd ? AVCOL_PRI_BT709 : AVCOL_PRI_SMPTE170M,
        .color_transfer = hd ? AVCOL_TRC_BT709 : AVCOL_TRC_SMPTE170M,
        .color_matrix = rgb                       ? AVCOL_SPC_RGB
                        : hd && !pattern->convert ? AVCOL_SPC_BT709
                                                  : AVCOL_SPC_SMPTE170M,
        .chroma_location = pixels->log2_chroma_w || pixels->log2_chroma_h ? AVCHROMA_LOC_LEFT : AVCHROMA_LOC_UNSPECIFIED,
        .plane_count = (uint16_t)pattern->layout.plane_count,
    };
    snprintf(like->format, sizeof like->format, "%s", pixels->name);
    for (unsigned i = 0; i < pattern->layout.plane_count; i++) {
        struct fl_plane *plane = &like->planes[i];
        plane->offset = pattern->layout.offset[i];
        plane->stride = pattern->layout.stride[i];
        fl_av_plane_size(pattern->format, pattern->layout.width, pattern->layout.height, i, &plane->row_bytes, &plane->rows);
    }
    output->stream.first = *like;
    output->stream.rate_num = pattern->rate_num;
    output->stream.rate_den = pattern->rate_den;
    output->stream.duration = pattern->limit > 0 ? pattern->limit : 0;
    output->payload_bytes = pattern->layout.payload_bytes;
    output->working_set = 1;
}

static int open_pattern(struct fl_stage *stage)
{
    struct pattern *pattern = fl_stage_priv(stage);
    const char *format = fl_stage_string(stage, "format");
    unsigned width = 1280, height = 720;
    pattern->rate_num = 30;
    pattern->rate_den = 1;
    fl_stage_size(stage, "size", &width, &height);
    fl_stage_rate(stage, "rate", &pattern->rate_num, &pattern->rate_den);
    pattern->step = 1;
    pattern->limit = fl_stage_int(stage, "frames", -1);
    pattern->realtime = fl_stage_bool(stage, "realtime", false);
    pattern->format = av_get_pix_fmt(format ? format : "yuv420p");
    fl_av_log_attach(stage);
    if (!fl_av_can_carry(pattern->format))
        return fl_stage_fail(stage, FL_STAGE_ERROR_CONFIG, -ENOENT,
                             "no pixel format in memory is called '%s'; 'ffmpeg -pix_fmts' lists them", format);
    if (width == 0 || height == 0 || width > 32768 || height > 32768 || pattern->rate_num <= 0 || pattern->rate_den <= 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_CONFIG, -EINVAL, "no test picture of %ux%u at %d/%d frames a second can be made",
                             width, height, pattern->rate_num, pattern->rate_den);
    int error = setup_canvas(stage, pattern, (int)width, (int)height);
    if (error == 0)
        describe(stage, pattern);
    return error;
}

static int start_pattern(struct fl_stage *stage)
{
    struct pattern *pattern = fl_stage_priv(stage);
    pattern->start_ns = now_ns();
    return 0;
}

/* ---- a frame ---- */

/* The bar goes through the picture in about four seconds at 30 frames a second, in whole steps of the chroma grid. */
static void draw_moving(const struct pattern *pattern)
{
    const struct fl_canvas *canvas = &pattern->canvas;
    int top = ramp_top(pattern), step = FFMAX(2, canvas->width / 120 & ~1), bar = FFMAX(2, canvas->width / 40 & ~1);
    int x = (int)(pattern->number * step % canvas->width) & ~1;
    char digits[24];
    snprintf(digits, sizeof digits, "%0*" PRId64, DIGITS, pattern->number % 1000000);
    fl_draw_rectangle(canvas, x, top, bar, canvas->height - top, &pattern->mover);
    fl_draw_digits(canvas, pattern->box_x + 2 * pattern->cell, pattern->box_y + 2 * pattern->cell, pattern->cell, digits,
                   &pattern->white);
}

static void convert(struct pattern *pattern, uint8_t *to)
{
    uint8_t *planes[4] = {NULL};
    int strides[4] = {0};
    for (unsigned i = 0; i < pattern->layout.plane_count; i++) {
        planes[i] = to + pattern->layout.offset[i];
        strides[i] = pattern->layout.stride[i];
    }
    sws_scale(pattern->convert, (const uint8_t *const *)pattern->canvas.data, pattern->canvas.stride, 0, pattern->canvas.height,
              planes, strides);
}

static void draw(struct pattern *pattern, uint8_t *slot)
{
    uint8_t *to = pattern->convert ? pattern->scratch : slot;
    memcpy(to, pattern->still, pattern->drawn.payload_bytes - FL_AV_SIDE_BYTES);
    point_canvas(pattern, to);
    draw_moving(pattern);
    if (pattern->convert)
        convert(pattern, slot);
}

static uint64_t due_ns(const struct pattern *pattern)
{
    return pattern->start_ns +
           (uint64_t)((unsigned __int128)pattern->pts * 1000000000u * (unsigned)pattern->rate_den / (unsigned)pattern->rate_num);
}

/* False: it is to stop. A frame that is late is made at once: the clock is not moved. */
static bool sleep_until(struct fl_stage *stage, uint64_t due)
{
    for (uint64_t now = now_ns(); now < due; now = now_ns()) {
        uint64_t until = due - now > SLICE_NS ? now + SLICE_NS : due;
        struct timespec at = {(time_t)(until / 1000000000u), (long)(until % 1000000000u)};
        if (fl_stage_stopping(stage))
            return false;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    }
    return true;
}

static bool wait_until(struct fl_stage *stage, uint64_t due)
{
    if (now_ns() >= due)
        return true;
    fl_stage_outside(stage, true);
    bool goes_on = sleep_until(stage, due);
    fl_stage_outside(stage, false);
    return goes_on;
}

static int produce_pattern(struct fl_stage *stage)
{
    struct pattern *pattern = fl_stage_priv(stage);
    struct fl_frame *frame;
    if (fl_stage_stopping(stage) || (pattern->limit >= 0 && pattern->number >= pattern->limit))
        return FL_STAGE_END;
    uint64_t due = pattern->realtime ? due_ns(pattern) : 0;
    if (!wait_until(stage, due))
        return FL_STAGE_END;
    int error = fl_stage_acquire(stage, 0, pattern->layout.payload_bytes, &frame);
    if (error < 0)
        return error;
    draw(pattern, fl_frame_data(frame));
    struct fl_desc desc = pattern->like;
    desc.pts = pattern->pts;
    desc.duration = pattern->step;
    desc.origin_ns = due;
    error = fl_stage_publish(stage, 0, frame, &desc);
    fl_frame_unref(frame);
    pattern->number++;
    pattern->pts += pattern->step;
    return error;
}

/* Another rate: time stamps go on in their unit, so that those below need not be told; it must be a whole number of units. */
static int set_pattern(struct fl_stage *stage, const struct fl_stage_setting *setting)
{
    struct pattern *pattern = fl_stage_priv(stage);
    int32_t num, den;
    if (fl_stage_rate(stage, setting->key, &num, &den) < 0)
        return fl_stage_refuse(stage, -EINVAL, "'%s' is no rate", setting->value);
    if (pattern->limit >= 0 && pattern->number >= pattern->limit)
        return fl_stage_refuse(stage, -ENODATA, "no frame comes any more that it could hold for");
    int64_t ticks = (int64_t)pattern->rate_num * den, whole = (int64_t)pattern->rate_den * num;
    if (ticks % whole != 0)
        return fl_stage_refuse(stage, -EINVAL,
                               "a frame every 1/%s s does not fall on time stamps of %d/%d s: give a rate that divides %d/%d",
                               setting->value, pattern->rate_den, pattern->rate_num, pattern->rate_num, pattern->rate_den);
    pattern->step = ticks / whole;
    return 0;
}

static void close_pattern(struct fl_stage *stage)
{
    struct pattern *pattern = fl_stage_priv(stage);
    sws_freeContext(pattern->convert);
    free(pattern->still);
    free(pattern->scratch);
    fl_av_log_detach();
}

const struct fl_stage_module fl_stage_module = {
    .kind = "pattern",
    .priv_bytes = sizeof(struct pattern),
    .open = open_pattern,
    .start = start_pattern,
    .produce = produce_pattern,
    .set = set_pattern,
    .close = close_pattern,
};
