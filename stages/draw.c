#include "draw.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include <libavutil/common.h>
#include <libavutil/imgutils.h>

#define REFUSED_FLAGS                                                                                                              \
    (AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_FLOAT)

#define PROBE_WIDTH 64

#define CELLS_WIDE 5
#define CELLS_HIGH 7

/* A row a byte, the leftmost cell in bit 4. */
static const uint8_t glyphs[10][CELLS_HIGH] = {
    {0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e}, {0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e},
    {0x0e, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1f}, {0x1f, 0x01, 0x02, 0x06, 0x01, 0x11, 0x0e},
    {0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02}, {0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e},
    {0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e}, {0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08},
    {0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e}, {0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c},
};

static bool is_alpha(const AVPixFmtDescriptor *pixels, int c)
{
    return pixels->flags & AV_PIX_FMT_FLAG_ALPHA && c == pixels->nb_components - 1;
}

static bool is_chroma(const AVPixFmtDescriptor *pixels, int c)
{
    return (c == 1 || c == 2) && pixels->nb_components >= 3 && !(pixels->flags & AV_PIX_FMT_FLAG_RGB);
}

/* Samples of more than 8 bits are stored as one 16-bit word that no other component shares. */
static bool shares_word(const AVPixFmtDescriptor *pixels, int c)
{
    for (int other = 0; other < pixels->nb_components; other++) {
        int apart = pixels->comp[other].offset - pixels->comp[c].offset;
        if (other != c && pixels->comp[other].plane == pixels->comp[c].plane && apart > -2 && apart < 2)
            return true;
    }
    return false;
}

/* Not so where several pixels share what `step` counts (uyvyy411). */
static bool stays_in_row(enum AVPixelFormat format, const AVPixFmtDescriptor *pixels, int c)
{
    const AVComponentDescriptor *comp = &pixels->comp[c];
    int last = is_chroma(pixels, c) ? AV_CEIL_RSHIFT(PROBE_WIDTH, pixels->log2_chroma_w) - 1 : PROBE_WIDTH - 1;
    return last * comp->step + comp->offset + (comp->depth + 7) / 8 <= av_image_get_linesize(format, PROBE_WIDTH, comp->plane);
}

bool fl_draw_can(enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *pixels = av_pix_fmt_desc_get(format);
    if (!pixels || pixels->flags & REFUSED_FLAGS || strncmp(pixels->name, "xyz", 3) == 0)
        return false;
    for (int c = 0; c < pixels->nb_components; c++) {
        const AVComponentDescriptor *comp = &pixels->comp[c];
        bool byte = comp->depth == 8 && comp->shift == 0;
        bool word = comp->depth > 8 && comp->depth + comp->shift <= 16 && comp->step >= 2 && comp->offset % 2 == 0;
        if ((!byte && !(word && !shares_word(pixels, c))) || !stays_in_row(format, pixels, c))
            return false;
    }
    return true;
}

static uint16_t luma_code(const struct fl_canvas *canvas, double y, int depth)
{
    double scale = (double)(1 << (depth - 8));
    return (uint16_t)lrint(canvas->full_range ? y * ((1 << depth) - 1) : (16 + 219 * y) * scale);
}

/* `difference` is -0.5 to 0.5. */
static uint16_t chroma_code(const struct fl_canvas *canvas, double difference, int depth)
{
    double span = canvas->full_range ? (1 << depth) - 1 : 224.0 * (1 << (depth - 8));
    long code = lrint((1 << (depth - 1)) + difference * span);
    return (uint16_t)(code < 0 ? 0 : code >= 1 << depth ? (1 << depth) - 1 : code);
}

static uint16_t component_code(const struct fl_canvas *canvas, int c, const double rgb[3])
{
    const AVPixFmtDescriptor *pixels = canvas->pixels;
    int depth = pixels->comp[c].depth;
    if (is_alpha(pixels, c))
        return (uint16_t)((1 << depth) - 1);
    if (pixels->flags & AV_PIX_FMT_FLAG_RGB)
        return (uint16_t)lrint(rgb[c] * ((1 << depth) - 1));
    double y = canvas->kr * rgb[0] + (1 - canvas->kr - canvas->kb) * rgb[1] + canvas->kb * rgb[2];
    if (c == 0)
        return luma_code(canvas, y, depth);
    return c == 1 ? chroma_code(canvas, (rgb[2] - y) / (2 * (1 - canvas->kb)), depth)
                  : chroma_code(canvas, (rgb[0] - y) / (2 * (1 - canvas->kr)), depth);
}

struct fl_colour fl_draw_colour(const struct fl_canvas *canvas, double r, double g, double b)
{
    const double rgb[3] = {r, g, b};
    struct fl_colour colour = {{0}};
    for (int c = 0; c < canvas->pixels->nb_components; c++) {
        uint16_t code = (uint16_t)(component_code(canvas, c, rgb) << canvas->pixels->comp[c].shift);
        bool swapped = canvas->pixels->flags & AV_PIX_FMT_FLAG_BE && canvas->pixels->comp[c].depth > 8;
        colour.value[c] = swapped ? (uint16_t)(code << 8 | code >> 8) : code;
    }
    return colour;
}

static void fill_bytes(uint8_t *at, int step, int count, uint8_t value)
{
    if (step == 1)
        memset(at, value, (size_t)count);
    else
        for (int i = 0; i < count; i++)
            at[(ptrdiff_t)i * step] = value;
}

static void fill_words(uint8_t *at, int step, int count, uint16_t value)
{
    for (int i = 0; i < count; i++)
        memcpy(at + (ptrdiff_t)i * step, &value, sizeof value);
}

static void fill_component(const struct fl_canvas *canvas, int c, int x0, int y0, int x1, int y1, uint16_t value)
{
    const AVComponentDescriptor *comp = &canvas->pixels->comp[c];
    for (int y = y0; y < y1; y++) {
        uint8_t *at =
            canvas->data[comp->plane] + (ptrdiff_t)y * canvas->stride[comp->plane] + (ptrdiff_t)x0 * comp->step + comp->offset;
        if (comp->depth == 8)
            fill_bytes(at, comp->step, x1 - x0, (uint8_t)value);
        else
            fill_words(at, comp->step, x1 - x0, value);
    }
}

void fl_draw_rectangle(const struct fl_canvas *canvas, int x, int y, int width, int height, const struct fl_colour *colour)
{
    int x1 = FFMIN(x + width, canvas->width), y1 = FFMIN(y + height, canvas->height);
    x = FFMAX(x, 0);
    y = FFMAX(y, 0);
    if (x >= x1 || y >= y1)
        return;
    for (int c = 0; c < canvas->pixels->nb_components; c++) {
        int h = is_chroma(canvas->pixels, c) ? canvas->pixels->log2_chroma_w : 0,
            v = is_chroma(canvas->pixels, c) ? canvas->pixels->log2_chroma_h : 0;
        fill_component(canvas, c, x >> h, y >> v, AV_CEIL_RSHIFT(x1, h), AV_CEIL_RSHIFT(y1, v), colour->value[c]);
    }
}

int fl_draw_digits_width(int count, int cell)
{
    return count > 0 ? (count * (CELLS_WIDE + 1) - 1) * cell : 0;
}

int fl_draw_digits_height(int cell)
{
    return CELLS_HIGH * cell;
}

/* Neighbouring cells of a row are one rectangle. */
static void draw_row(const struct fl_canvas *canvas, int x, int y, int cell, uint8_t row, const struct fl_colour *colour)
{
    for (int from = 0; from < CELLS_WIDE; from++) {
        int to = from;
        while (to < CELLS_WIDE && row & (0x10 >> to))
            to++;
        if (to > from)
            fl_draw_rectangle(canvas, x + from * cell, y, (to - from) * cell, cell, colour);
        from = to;
    }
}

void fl_draw_digits(const struct fl_canvas *canvas, int x, int y, int cell, const char *digits, const struct fl_colour *colour)
{
    for (; *digits; digits++, x += (CELLS_WIDE + 1) * cell)
        for (int row = 0; row < CELLS_HIGH && *digits >= '0' && *digits <= '9'; row++)
            draw_row(canvas, x, y + row * cell, cell, glyphs[*digits - '0'][row], colour);
}
