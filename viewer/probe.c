#include "probe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_integers(const struct fl_view_frame *frame)
{
    return !(frame->pixels->flags & (AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER)) && frame->pixels->comp[0].depth <= 16;
}

static unsigned component_count(const struct fl_view_frame *frame)
{
    return frame->pixels->flags & AV_PIX_FMT_FLAG_PAL ? 4 : frame->pixels->nb_components;
}

static int depth_of(const struct fl_view_frame *frame, unsigned component)
{
    return frame->pixels->flags & AV_PIX_FMT_FLAG_PAL ? 8 : frame->pixels->comp[component].depth;
}

uint8_t *fl_probe_component(const struct fl_view_frame *frame, unsigned component)
{
    unsigned width = fl_view_component_width(frame, component), height = fl_view_component_height(frame, component);
    if (!has_integers(frame))
        return NULL;
    int most = (1 << depth_of(frame, component)) - 1;
    uint16_t *row = malloc(width * sizeof *row);
    uint8_t *pixels = malloc((size_t)width * height * 4);
    for (unsigned y = 0; row && pixels && y < height; y++) {
        uint8_t *to = pixels + (size_t)y * width * 4;
        fl_view_component_read(frame, component, 0, y, width, row);
        for (unsigned x = 0; x < width; x++, to += 4) {
            to[0] = to[1] = to[2] = (uint8_t)((row[x] * 255 + most / 2) / most);
            to[3] = 255;
        }
    }
    if (!row) {
        free(pixels);
        pixels = NULL;
    }
    free(row);
    return pixels;
}

/* ---- one pixel ---- */

struct weights {
    double red, blue;
};

static struct weights weights_of(enum AVColorSpace matrix)
{
    switch (matrix) {
    case AVCOL_SPC_BT709:
        return (struct weights){0.2126, 0.0722};
    case AVCOL_SPC_FCC:
        return (struct weights){0.30, 0.11};
    case AVCOL_SPC_SMPTE240M:
        return (struct weights){0.212, 0.087};
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return (struct weights){0.2627, 0.0593};
    default:
        return (struct weights){0.299, 0.114};
    }
}

/* Luma from 0 to 1, chroma from -0.5 to 0.5. */
static double normal(const struct fl_view_frame *frame, const struct fl_colour *colour, unsigned component, uint16_t value)
{
    int depth = depth_of(frame, component);
    bool chroma = component > 0;
    double step = 1 << (depth - 8), most = (1 << depth) - 1, middle = 1 << (depth - 1);
    if (colour->full)
        return chroma ? (value - middle) / most : value / most;
    return chroma ? (value - middle) / (224 * step) : (value - 16 * step) / (219 * step);
}

void fl_probe_rgb(const struct fl_view_frame *frame, const uint16_t values[4], double rgb[3])
{
    struct fl_colour colour = fl_colour_of(frame);
    if (colour.matrix == AVCOL_SPC_RGB) {
        for (unsigned i = 0; i < 3; i++)
            rgb[i] = values[i] / (double)((1 << depth_of(frame, i)) - 1);
        return;
    }
    struct weights w = weights_of(colour.matrix);
    bool grey = frame->pixels->nb_components < 3;
    double y = normal(frame, &colour, 0, values[0]);
    double u = grey ? 0 : normal(frame, &colour, 1, values[1]), v = grey ? 0 : normal(frame, &colour, 2, values[2]);
    double green = 1 - w.red - w.blue;
    rgb[0] = y + 2 * (1 - w.red) * v;
    rgb[2] = y + 2 * (1 - w.blue) * u;
    rgb[1] = (y - w.red * rgb[0] - w.blue * rgb[2]) / green;
    for (unsigned i = 0; i < 3; i++)
        rgb[i] = fmin(1, fmax(0, rgb[i]));
}

void fl_probe_words(const struct fl_view_frame *frame, unsigned column, unsigned row, char *words, size_t size)
{
    uint16_t values[4] = {0};
    double rgb[3];
    size_t used = (size_t)snprintf(words, size, "%u,%u", column, row);
    if (!has_integers(frame))
        return;
    for (unsigned i = 0; i < component_count(frame) && i < 4; i++) {
        bool smaller = fl_view_component_width(frame, i) < frame->desc.width;
        bool lower = fl_view_component_height(frame, i) < frame->desc.height;
        unsigned x = smaller ? column >> frame->pixels->log2_chroma_w : column;
        unsigned y = lower ? row >> frame->pixels->log2_chroma_h : row;
        fl_view_component_read(frame, i, x, y, 1, &values[i]);
        if (used < size)
            used += (size_t)snprintf(words + used, size - used, "  %s %u", fl_view_component_name(frame, i), values[i]);
    }
    fl_probe_rgb(frame, values, rgb);
    if (used < size)
        snprintf(words + used, size - used, "  rgb %ld %ld %ld", lrint(rgb[0] * 255), lrint(rgb[1] * 255), lrint(rgb[2] * 255));
}
