/* Side data: what a frame carries besides pixels, as records one after another in `side_bytes` bytes.
 *
 * A record is a header of 8 bytes, then `bytes` bytes, padded to a multiple of 8. Types have layouts of their own, stated
 * here, so that processes built against different libraries agree. A reader skips types it does not know.
 * The reader works on a private copy: these functions must never be pointed at shared memory.
 */
#ifndef FRAMELANE_SIDE_H
#define FRAMELANE_SIDE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

enum fl_side_type {
    FL_SIDE_MASTERING = 1,     /* struct fl_side_mastering */
    FL_SIDE_LIGHT_LEVEL = 2,   /* struct fl_side_light_level */
    FL_SIDE_CAPTIONS_A53 = 3,  /* ATSC A/53 part 4 closed captions, raw cc_data */
    FL_SIDE_HDR10_PLUS_T35 = 4,/* SMPTE ST 2094-40 as an ITU-T T.35 payload (country code onward) */
    FL_SIDE_SKIP_SAMPLES = 5,  /* packets: u32 skip at start, u32 discard at end, u8 reasons[2]; little endian */
    FL_SIDE_NEW_EXTRADATA = 6, /* packets: the decoder configuration from this packet on */
    FL_SIDE_CODEC = 7,         /* streams: struct fl_side_codec, then its extradata */
    FL_SIDE_METADATA = 8,      /* streams: key NUL value NUL pairs (language, title) */
};

struct fl_side_header {
    uint32_t type;
    uint32_t bytes;
};

/* SMPTE ST 2086; rationals as num, den. */
struct fl_side_mastering {
    int32_t primaries[3][2][2]; /* R G B, x y, num den */
    int32_t white_point[2][2];
    int32_t luminance_min[2], luminance_max[2];
    uint32_t has_primaries, has_luminance;
};

/* CTA-861.3, cd/m2. */
struct fl_side_light_level {
    uint32_t max_content, max_average;
};

/* One coded stream of a packet output. Names as libav spells them; `extradata_bytes` bytes follow. */
struct fl_side_codec {
    char codec[32];
    char layout[64]; /* channel layout, as av_channel_layout_describe gives it */
    int32_t time_base_num, time_base_den;
    int32_t sample_rate, channels, sample_format, frame_size, block_align;
    int32_t bits_per_coded_sample, bits_per_raw_sample, initial_padding, trailing_padding, seek_preroll, profile, level;
    uint32_t codec_tag, disposition;
    int64_t bit_rate, start_pts;
    uint32_t source_index; /* its number in the input, for messages */
    uint32_t extradata_bytes;
};

/* Appends a record to buf[*used .. capacity). -ENOSPC leaves everything as it was. */
int fl_side_append(uint8_t *buf, size_t capacity, size_t *used, uint32_t type, const void *data, size_t bytes);

/* Walks records: *at starts at 0. Returns 1 and the record (pointing into `buf`), 0 at the end, -EBADMSG if the bytes are no
 * sequence of records. */
int fl_side_next(const uint8_t *buf, size_t bytes, size_t *at, uint32_t *type, const uint8_t **data, size_t *data_bytes);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
