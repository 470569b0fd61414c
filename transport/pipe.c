#include "pipe.h"

#include <errno.h>

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + FL_PIPE_ALIGN - 1) / FL_PIPE_ALIGN * FL_PIPE_ALIGN;
}

uint64_t fl_pipe_rows_mask(const struct fl_desc *desc)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < desc->plane_count; i++) {
        const struct fl_plane *plane = &desc->planes[i];
        if (plane->rows <= 1 || plane->stride < 0 || (uint64_t)plane->row_bytes * 4 < (uint64_t)plane->stride * 3)
            mask |= 1u << i;
    }
    return mask;
}

static uint64_t plane_bytes(const struct fl_plane *plane, bool by_rows)
{
    if (by_rows)
        return (uint64_t)plane->rows * plane->row_bytes;
    return (uint64_t)(plane->rows - 1) * (uint64_t)plane->stride + plane->row_bytes;
}

uint64_t fl_pipe_wire_bytes(const struct fl_desc *desc, uint64_t rows_mask)
{
    uint64_t bytes = desc->side_bytes;
    for (unsigned i = 0; i < desc->plane_count; i++)
        bytes += plane_bytes(&desc->planes[i], rows_mask >> i & 1);
    return bytes;
}

uint64_t fl_pipe_restate(const struct fl_desc *desc, uint64_t rows_mask, struct fl_desc *restated)
{
    uint64_t at = 0;
    *restated = *desc;
    for (unsigned i = 0; i < desc->plane_count; i++) {
        struct fl_plane *plane = &restated->planes[i];
        uint64_t stride = rows_mask >> i & 1 ? aligned(plane->row_bytes) : (uint64_t)plane->stride;
        uint64_t end = at + stride * (uint64_t)plane->rows; /* < 2^31 * 2^32 + 2^32 */
        if (stride > INT32_MAX || end + FL_PIPE_SLACK > UINT32_MAX)
            return 0;
        plane->offset = (uint32_t)at;
        plane->stride = (int32_t)stride;
        at = aligned(end > at + plane->row_bytes ? end : at + plane->row_bytes);
    }
    restated->side_offset = (uint32_t)at;
    uint64_t total = at + desc->side_bytes + FL_PIPE_SLACK;
    return total > UINT32_MAX ? 0 : total;
}

static unsigned plane_stretches(const uint8_t *base, const struct fl_plane *plane, bool by_rows, uint64_t done, struct iovec *parts,
                                unsigned room)
{
    const uint8_t *start = base + plane->offset;
    if (!by_rows) {
        parts[0] = (struct iovec){(void *)(start + done), plane_bytes(plane, false) - done};
        return 1;
    }
    unsigned count = 0;
    uint64_t row = done / plane->row_bytes, within = done % plane->row_bytes;
    for (; row < plane->rows && count < room; row++, within = 0)
        parts[count++] = (struct iovec){(void *)(start + (int64_t)row * plane->stride + within), plane->row_bytes - within};
    return count;
}

unsigned fl_pipe_stretches(const uint8_t *base, const struct fl_desc *desc, uint64_t rows_mask, uint64_t done, struct iovec *parts,
                           unsigned room)
{
    unsigned count = 0;
    for (unsigned i = 0; i < desc->plane_count && count < room; i++) {
        uint64_t bytes = plane_bytes(&desc->planes[i], rows_mask >> i & 1);
        if (done >= bytes) {
            done -= bytes;
            continue;
        }
        count += plane_stretches(base, &desc->planes[i], rows_mask >> i & 1, done, parts + count, room - count);
        done = 0;
    }
    if (count < room && done < desc->side_bytes)
        parts[count++] = (struct iovec){(void *)(base + desc->side_offset + done), desc->side_bytes - done};
    return count;
}
