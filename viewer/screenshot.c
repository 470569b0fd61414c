#include "screenshot.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <png.h>

/* ---- the name ---- */

int fl_screenshot_name(const char *pattern, const char *stage, uint64_t number, char *name, size_t size)
{
    size_t used = 0;
    for (const char *at = pattern; *at; at++) {
        int wrote;
        if (*at != '%' || at[1] == '%')
            wrote = snprintf(name + used, size - used, "%c", *at);
        else if (at[1] == 's')
            wrote = snprintf(name + used, size - used, "%s", stage);
        else if (at[1] == 'n')
            wrote = snprintf(name + used, size - used, "%llu", (unsigned long long)number);
        else
            return -EINVAL;
        at += *at == '%';
        used += (size_t)wrote;
        if (used >= size)
            return -ENAMETOOLONG;
    }
    return used ? 0 : -EINVAL;
}

/* ---- the pixels, turned ---- */

/* Where the sample at (x, y) of the turned picture comes from. */
static const uint8_t *sample(const struct fl_screenshot *shot, unsigned x, unsigned y)
{
    const struct fl_place_picture *p = &shot->picture;
    unsigned column[4] = {x, y, p->width - 1 - x, p->width - 1 - y}, row[4] = {y, p->height - 1 - x, p->height - 1 - y, x};
    unsigned from_x = column[p->turns], from_y = row[p->turns];
    if (p->flip)
        from_x = p->width - 1 - from_x;
    return shot->pixels + (size_t)from_y * (size_t)shot->stride + (size_t)from_x * 4;
}

static void fill_row(const struct fl_screenshot *shot, unsigned y, unsigned width, uint8_t *to)
{
    for (unsigned x = 0; x < width; x++, to += 3) {
        const uint8_t *from = sample(shot, x, y);
        to[0] = from[2];
        to[1] = from[1];
        to[2] = from[0];
    }
}

/* ---- the file ---- */

static void write_aspect(png_structp png, png_infop info, const struct fl_place_picture *picture)
{
    if (picture->sar == 1)
        return;
    /* Pixels a unit of length: wide samples are fewer. */
    png_uint_32 across = (png_uint_32)lrint(10000 / picture->sar), down = 10000;
    png_set_pHYs(png, info, picture->turns % 2 ? down : across, picture->turns % 2 ? across : down, PNG_RESOLUTION_UNKNOWN);
}

static int write_png(const struct fl_screenshot *shot, FILE *file, uint8_t *row)
{
    unsigned width = shot->picture.turns % 2 ? shot->picture.height : shot->picture.width;
    unsigned height = shot->picture.turns % 2 ? shot->picture.width : shot->picture.height;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        png_destroy_write_struct(&png, NULL);
        return -ENOMEM;
    }
    if (setjmp(png_jmpbuf(png))) { /* libpng's way to say that something failed */
        png_destroy_write_struct(&png, &info);
        return errno ? -errno : -EIO;
    }
    png_init_io(png, file);
    png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png, 3);
    write_aspect(png, info, &shot->picture);
    png_write_info(png, info);
    for (unsigned y = 0; y < height; y++) {
        fill_row(shot, y, width, row);
        png_write_row(png, row);
    }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return 0;
}

int fl_screenshot_put(const struct fl_screenshot *shot, FILE *file)
{
    size_t widest = shot->picture.turns % 2 ? shot->picture.height : shot->picture.width;
    uint8_t *row = malloc(widest * 3);
    errno = 0;
    int error = row ? write_png(shot, file, row) : -ENOMEM;
    if (error == 0 && fflush(file) != 0)
        error = -errno;
    free(row);
    return error;
}

int fl_screenshot_write(const struct fl_screenshot *shot, const char *name)
{
    FILE *file = fopen(name, "wbe");
    if (!file)
        return -errno;
    int error = fl_screenshot_put(shot, file);
    if (fclose(file) != 0 && error == 0)
        error = -errno;
    if (error < 0)
        unlink(name);
    return error;
}
