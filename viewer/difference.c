#include "difference.h"

#include <errno.h>
#include <stdlib.h>

static int reserve(struct fl_difference *d)
{
    uint64_t need = (uint64_t)d->width * d->height * 4;
    if (need <= d->capacity)
        return 0;
    free(d->pixels);
    d->pixels = malloc(need);
    d->capacity = d->pixels ? need : 0;
    return d->pixels ? 0 : -ENOMEM;
}

static void subtract(struct fl_difference *d)
{
    uint64_t sum = 0;
    d->most = 0;
    for (unsigned y = 0; y < d->height; y++) {
        const uint8_t *a = d->a.pixels + (size_t)y * (size_t)d->a.stride, *b = d->b.pixels + (size_t)y * (size_t)d->b.stride;
        uint8_t *to = d->pixels + (size_t)y * d->width * 4;
        for (unsigned i = 0; i < d->width * 4; i++) {
            unsigned apart = i % 4 == 3 ? 0 : (unsigned)abs(a[i] - b[i]);
            d->most = apart > d->most ? apart : d->most;
            sum += apart;
            to[i] = (uint8_t)(apart * FL_DIFFERENCE_GAIN > 255 ? 255 : apart * FL_DIFFERENCE_GAIN);
        }
    }
    d->mean = (double)sum / (3.0 * d->width * d->height);
}

int fl_difference(struct fl_difference *d, const struct fl_view_frame *a, const struct fl_view_frame *b)
{
    d->width = a->desc.width;
    d->height = a->desc.height;
    int error = fl_convert(&d->a, a, AV_PIX_FMT_BGR0, 0, 0);
    if (error == 0)
        error = fl_convert(&d->b, b, AV_PIX_FMT_BGR0, d->width, d->height);
    if (error == 0)
        error = reserve(d);
    if (error == 0)
        subtract(d);
    return error;
}

void fl_difference_finish(struct fl_difference *d)
{
    fl_convert_finish(&d->a);
    fl_convert_finish(&d->b);
    free(d->pixels);
    *d = (struct fl_difference){0};
}
