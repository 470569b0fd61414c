/* A description: whatever fl_desc_check lets pass lies within the slot, by arithmetic of another kind; and a pipe that restates it
 * sends exactly those bytes and needs no more memory than it says. */
#include "fuzz.h"

#include "../../transport/pipe.h"
#include "../lib/picture.h"

#include <stdlib.h>
#include <string.h>

typedef __int128 wide;

static bool plane_fits(const struct fl_plane *plane, uint64_t capacity)
{
    wide first = plane->offset, last = plane->offset, step = (wide)plane->stride * ((wide)plane->rows - 1);
    if (plane->rows == 0 || plane->row_bytes == 0)
        return false;
    if (plane->rows > 1 && (plane->stride < 0 ? -(wide)plane->stride : plane->stride) < plane->row_bytes)
        return false;
    if (step < 0)
        first += step;
    else
        last += step;
    return first >= 0 && last + plane->row_bytes <= (wide)capacity;
}

static bool fits(const struct fl_desc *desc, uint64_t capacity)
{
    bool video = desc->kind == FL_KIND_VIDEO;
    if (!video && desc->kind != FL_KIND_PACKET)
        return false;
    if (desc->plane_count > (video ? FL_MAX_PLANES : 1) || (video && desc->plane_count == 0))
        return false;
    for (unsigned i = 0; i < desc->plane_count; i++)
        if (!plane_fits(&desc->planes[i], capacity))
            return false;
    return (wide)desc->side_offset + desc->side_bytes <= (wide)capacity && memchr(desc->format, 0, sizeof desc->format) &&
           desc->format[sizeof desc->format - 1] == 0 && desc->time_base_num > 0 && desc->time_base_den > 0;
}

/* Walks all bytes a pipe would send, from memory that ends where the slot does. */
static uint64_t walk(const uint8_t *base, uint64_t bytes, const struct fl_desc *desc, uint64_t rows_mask)
{
    struct iovec parts[16];
    uint64_t done = 0;
    unsigned count, calls = 0;
    while ((count = fl_pipe_stretches(base, desc, rows_mask, done, parts, 16)) > 0 && calls++ < 64)
        for (unsigned i = 0; i < count; i++) {
            const uint8_t *at = parts[i].iov_base;
            FUZZ_CHECK(parts[i].iov_len > 0 && at >= base && at + parts[i].iov_len <= base + bytes);
            done += parts[i].iov_len;
        }
    return calls < 64 ? done : fl_pipe_wire_bytes(desc, rows_mask);
}

static void restate(const struct fl_desc *desc, const uint8_t *slot, uint64_t capacity)
{
    struct fl_desc restated, again;
    uint64_t mask = fl_pipe_rows_mask(desc), wire = fl_pipe_wire_bytes(desc, mask);
    FUZZ_CHECK(walk(slot, capacity, desc, mask) == wire);
    uint64_t needed = fl_pipe_restate(desc, mask, &restated);
    if (needed == 0)
        return;
    FUZZ_CHECK(fl_desc_check(&restated, needed) == 0);
    FUZZ_CHECK(fl_pipe_wire_bytes(&restated, mask) == wire);
    FUZZ_CHECK(fl_pipe_restate(&restated, mask, &again) == needed && memcmp(&again, &restated, sizeof again) == 0);
    FUZZ_CHECK(fl_desc_payload_bytes(&restated) == fl_desc_payload_bytes(desc));
    FUZZ_CHECK(walk((const uint8_t *)1, needed, &restated, mask) == wire); /* addresses alone: nothing is read */
}

void fuzz_one(struct fuzz_input *in)
{
    struct fl_desc desc;
    uint64_t capacity = fuzz_raw(in, 2);
    picture_describe_yuv(&desc, 1, 1 + fuzz_byte(in) % 64, 1 + fuzz_byte(in) % 16, 64);
    while (fuzz_more(in)) {
        fuzz_spoil(in, &desc, sizeof desc);
        uint8_t *slot = malloc(capacity + 1);
        bool good = fl_desc_check(&desc, capacity) == 0;
        FUZZ_CHECK(good == fits(&desc, capacity));
        if (good)
            restate(&desc, slot, capacity);
        free(slot);
    }
}

const struct fuzz_seed fuzz_seeds[] = {
    FUZZ_SEED(0, 16, 16, 4, 0, 1, 24, 1),
    FUZZ_SEED(0, 16, 40, 6, 1, 25, 0xc2, 1, 25, 0xc5, 1, 26, 0xa8, 0), /* strides and rows */
    FUZZ_SEED(255, 255, 64, 16, 1, 24, 0xa6, 9, 1, 49, 63, 1, 50, 63), /* offset, side data */
    FUZZ_SEED(0, 16, 16, 4, 1, 12, 0x62, 1, 12, 0x65),                 /* kind and planes */
    {0},
};
