#include "picture.h"

#include <string.h>

static void describe(struct fl_desc *desc, uint64_t number, uint32_t width, uint32_t height, const char *format)
{
    *desc = (struct fl_desc){
        .number = number,
        .pts = (int64_t)number,
        .dts = FL_NO_PTS,
        .duration = 1,
        .time_base_num = 1,
        .time_base_den = 25,
        .kind = FL_KIND_VIDEO,
        .width = width,
        .height = height,
        .sar_den = 1,
    };
    strncpy(desc->format, format, sizeof desc->format - 1);
}

void picture_describe(struct fl_desc *desc, uint64_t number, uint32_t width, uint32_t height, int32_t stride)
{
    describe(desc, number, width, height, "gray");
    desc->plane_count = 1;
    desc->planes[0] = (struct fl_plane){.offset = 0, .stride = stride, .rows = height, .row_bytes = width};
}

uint64_t picture_describe_yuv(struct fl_desc *desc, uint64_t number, uint32_t width, uint32_t height, int32_t stride)
{
    uint32_t at = 0;
    describe(desc, number, width, height, "yuv420p");
    desc->plane_count = 3;
    for (unsigned i = 0; i < 3; i++) {
        uint32_t half = i > 0;
        struct fl_plane *plane = &desc->planes[i];
        *plane = (struct fl_plane){
            .offset = at,
            .stride = stride >> half,
            .rows = (height + half) >> half,
            .row_bytes = (width + half) >> half,
        };
        at += (uint32_t)plane->stride * plane->rows + plane->row_bytes;
    }
    return at;
}

uint8_t picture_byte(uint64_t seed, unsigned plane, uint32_t row, uint32_t column)
{
    return (uint8_t)(seed * 151 + (seed >> 8) * 7 + plane * 83 + row * 29 + column);
}

void picture_fill(uint8_t *slot, const struct fl_desc *desc, uint64_t seed)
{
    for (unsigned i = 0; i < desc->plane_count; i++) {
        const struct fl_plane *plane = &desc->planes[i];
        for (uint32_t row = 0; row < plane->rows; row++)
            for (uint32_t column = 0; column < plane->row_bytes; column++)
                slot[plane->offset + (int64_t)row * plane->stride + column] = picture_byte(seed, i, row, column);
    }
}

uint64_t picture_wrong_bytes(const uint8_t *slot, const struct fl_desc *desc, uint64_t seed)
{
    uint64_t wrong = 0;
    for (unsigned i = 0; i < desc->plane_count; i++) {
        const struct fl_plane *plane = &desc->planes[i];
        for (uint32_t row = 0; row < plane->rows; row++)
            for (uint32_t column = 0; column < plane->row_bytes; column++)
                wrong += slot[plane->offset + (int64_t)row * plane->stride + column] != picture_byte(seed, i, row, column);
    }
    return wrong;
}
