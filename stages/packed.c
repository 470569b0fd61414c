#include "packed.h"

#include <errno.h>
#include <stdlib.h>

#include "av-frame.h"

static int reserve(struct fl_packed *packed, const struct fl_desc *desc)
{
    uint64_t rows = 0;
    for (unsigned i = 0; i < desc->plane_count; i++)
        rows += desc->planes[i].rows;
    if (rows > UINT32_MAX / sizeof *packed->pieces)
        return -EBADMSG;
    if (rows <= packed->capacity)
        return 0;
    struct iovec *pieces = realloc(packed->pieces, rows * sizeof *pieces);
    if (!pieces)
        return -ENOMEM;
    packed->pieces = pieces;
    packed->capacity = (unsigned)rows;
    return 0;
}

static void add(struct fl_packed *packed, const uint8_t *data, size_t bytes)
{
    struct iovec *last = packed->count ? &packed->pieces[packed->count - 1] : NULL;
    packed->bytes += bytes;
    if (last && (const uint8_t *)last->iov_base + last->iov_len == data)
        last->iov_len += bytes;
    else
        packed->pieces[packed->count++] = (struct iovec){(void *)data, bytes};
}

int fl_packed_set(struct fl_packed *packed, const struct fl_frame *frame)
{
    const struct fl_desc *desc = fl_frame_desc(frame);
    int error = fl_av_check(desc);
    if (error == 0)
        error = reserve(packed, desc);
    if (error < 0)
        return error;
    enum AVPixelFormat format = fl_av_format(desc);
    packed->count = 0;
    packed->bytes = 0;
    for (unsigned i = 0; i < fl_av_plane_count(format); i++) {
        const uint8_t *row = fl_frame_plane(frame, i);
        uint32_t row_bytes, rows;
        fl_av_plane_size(format, (int)desc->width, (int)desc->height, i, &row_bytes, &rows);
        for (uint32_t y = 0; y < rows; y++)
            add(packed, row + (ptrdiff_t)y * desc->planes[i].stride, row_bytes);
    }
    return 0;
}

void fl_packed_finish(struct fl_packed *packed)
{
    free(packed->pieces);
    *packed = (struct fl_packed){0};
}
