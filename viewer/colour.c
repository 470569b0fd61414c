#include "colour.h"

#include <stdio.h>
#include <string.h>

#include <libswscale/swscale.h>

#define HD_WIDTH 1280u
#define SD_LINES 576u

static bool is_rgb(const struct fl_view_frame *frame)
{
    return frame->pixels->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
}

static bool swscale_knows(enum AVColorSpace matrix)
{
    return matrix == AVCOL_SPC_BT709 || matrix == AVCOL_SPC_FCC || matrix == AVCOL_SPC_BT470BG || matrix == AVCOL_SPC_SMPTE170M ||
           matrix == AVCOL_SPC_SMPTE240M || matrix == AVCOL_SPC_BT2020_NCL || matrix == AVCOL_SPC_BT2020_CL;
}

struct fl_colour fl_colour_of(const struct fl_view_frame *frame)
{
    const struct fl_desc *desc = &frame->desc;
    struct fl_colour colour = {.matrix = (enum AVColorSpace)desc->color_matrix};
    bool full_by_nature = is_rgb(frame) || frame->pixels->nb_components < 3 || strncmp(frame->pixels->name, "yuvj", 4) == 0;
    if (is_rgb(frame)) {
        colour.matrix = AVCOL_SPC_RGB;
    } else if (colour.matrix == AVCOL_SPC_UNSPECIFIED || colour.matrix == AVCOL_SPC_RGB || colour.matrix == AVCOL_SPC_RESERVED) {
        colour.guessed = true;
        colour.matrix = desc->width >= HD_WIDTH || desc->height > SD_LINES ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
    }
    colour.approximate = colour.matrix == AVCOL_SPC_BT2020_CL || (colour.matrix != AVCOL_SPC_RGB && !swscale_knows(colour.matrix));
    colour.full = desc->color_range == AVCOL_RANGE_UNSPECIFIED ? full_by_nature : desc->color_range == AVCOL_RANGE_JPEG;
    return colour;
}

/* ---- straight from the slot ---- */

static bool yuv_mode(const struct fl_colour *colour, SDL_YUV_CONVERSION_MODE *mode)
{
    bool is_601 = colour->matrix == AVCOL_SPC_BT470BG || colour->matrix == AVCOL_SPC_SMPTE170M;
    if (is_601)
        *mode = colour->full ? SDL_YUV_CONVERSION_JPEG : SDL_YUV_CONVERSION_BT601;
    else if (colour->matrix == AVCOL_SPC_BT709 && !colour->full)
        *mode = SDL_YUV_CONVERSION_BT709;
    else
        return false;
    return true;
}

/* Alpha is not shown, so the formats with it and those with a filler go the same way. */
static Uint32 packed_rgb(enum AVPixelFormat format)
{
    switch (format) {
    case AV_PIX_FMT_RGB24:
        return SDL_PIXELFORMAT_RGB24;
    case AV_PIX_FMT_BGR24:
        return SDL_PIXELFORMAT_BGR24;
    case AV_PIX_FMT_RGBA:
    case AV_PIX_FMT_RGB0:
        return SDL_PIXELFORMAT_RGBA32;
    case AV_PIX_FMT_BGRA:
    case AV_PIX_FMT_BGR0:
        return SDL_PIXELFORMAT_BGRA32;
    case AV_PIX_FMT_ARGB:
    case AV_PIX_FMT_0RGB:
        return SDL_PIXELFORMAT_ARGB32;
    case AV_PIX_FMT_ABGR:
    case AV_PIX_FMT_0BGR:
        return SDL_PIXELFORMAT_ABGR32;
    default:
        return SDL_PIXELFORMAT_UNKNOWN;
    }
}

static Uint32 planar_yuv(enum AVPixelFormat format)
{
    switch (format) {
    case AV_PIX_FMT_YUV420P:
    case AV_PIX_FMT_YUVJ420P:
        return SDL_PIXELFORMAT_IYUV;
    case AV_PIX_FMT_NV12:
        return SDL_PIXELFORMAT_NV12;
    case AV_PIX_FMT_NV21:
        return SDL_PIXELFORMAT_NV21;
    default:
        return SDL_PIXELFORMAT_UNKNOWN;
    }
}

bool fl_colour_straight(const struct fl_view_frame *frame, const struct fl_colour *colour, struct fl_colour_way *way)
{
    Uint32 rgb = packed_rgb(frame->format), yuv = planar_yuv(frame->format);
    for (unsigned i = 0; i < FL_MAX_PLANES && frame->plane[i]; i++)
        if (frame->desc.planes[i].stride <= 0) /* SDL's pitch is a distance forward */
            return false;
    way->sdl_format = rgb ? rgb : yuv;
    way->mode = SDL_YUV_CONVERSION_AUTOMATIC;
    if (rgb)
        return colour->full;
    return yuv && yuv_mode(colour, &way->mode);
}

/* ---- through swscale ---- */

const int *fl_colour_coefficients(const struct fl_colour *colour)
{
    return sws_getCoefficients(swscale_knows(colour->matrix) ? (int)colour->matrix : SWS_CS_ITU601);
}

/* ---- words ---- */

static const char *transfer_word(enum AVColorTransferCharacteristic transfer)
{
    return transfer == AVCOL_TRC_SMPTE2084 ? " pq" : transfer == AVCOL_TRC_ARIB_STD_B67 ? " hlg" : "";
}

void fl_colour_words(const struct fl_view_frame *frame, const struct fl_colour *colour, char *words, size_t size)
{
    const char *matrix = av_color_space_name(colour->matrix);
    if (colour->matrix == AVCOL_SPC_RGB)
        snprintf(words, size, "rgb%s", colour->full ? "" : " tv");
    else if (frame->pixels->nb_components < 3)
        snprintf(words, size, "grey %s", colour->full ? "pc" : "tv");
    else
        snprintf(words, size, "%s%s%s %s%s",
                 colour->matrix == AVCOL_SPC_SMPTE170M || colour->matrix == AVCOL_SPC_BT470BG ? "bt601"
                 : matrix                                                                     ? matrix
                                                                                              : "?",
                 colour->guessed ? "?" : "", colour->approximate ? " (as bt601)" : "", colour->full ? "pc" : "tv",
                 transfer_word((enum AVColorTransferCharacteristic)frame->desc.color_transfer));
}
