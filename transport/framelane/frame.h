/* What a frame is, and the handle by which one process holds it.
 *
 * A frame is one picture (or one packet of coded data): pixels somewhere in a slot of a pool, and a
 * description that travels with each announcement of it. The same pixels may be announced many times with other
 * words (a crop, a new time stamp), so a description belongs to an announcement and never to a slot.
 *
 * Units: sizes and offsets in bytes, times in `time_base` units unless the name says `_ns` (CLOCK_MONOTONIC).
 * Errors: every call that can fail returns 0 or a negative errno, named at the call.
 */
#ifndef FRAMELANE_FRAME_H
#define FRAMELANE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

#define FL_MAX_PLANES 4
#define FL_NO_PTS INT64_MIN /* pts or dts unknown */

enum fl_kind {
    FL_KIND_VIDEO = 1,  /* `planes` hold a picture in `format` */
    FL_KIND_PACKET = 2, /* planes[0] holds coded data: rows 1, row_bytes its size; `stream` says of what */
};

enum fl_field_order { FL_FIELD_PROGRESSIVE = 0, FL_FIELD_TOP_FIRST = 1, FL_FIELD_BOTTOM_FIRST = 2 };

enum fl_frame_flags {
    FL_FRAME_KEY = 1 << 0,     /* packet: can be decoded by itself; picture: was coded so */
    FL_FRAME_CORRUPT = 1 << 1, /* the decoder said that parts of it are damaged */
    FL_FRAME_DISCARD = 1 << 2, /* packet: needed for decoding, not for showing */
    FL_FRAME_MATRIX = 1 << 3,  /* `display_matrix` holds */
    FL_FRAME_DTS_GUESSED = 1 << 4,
};

/* One plane, relative to the start of its slot. Rows lie at offset + n * stride for n in [0, rows); the stride may
 * be negative (a picture stored bottom up), then offset is that of the last byte row in memory, which is row 0.
 * Of each row `row_bytes` bytes count; |stride| >= row_bytes unless rows <= 1. */
struct fl_plane {
    uint32_t offset;
    int32_t stride;
    uint32_t rows;
    uint32_t row_bytes;
};

/* The words of one announcement. 224 bytes, the same on the wire, in a ring entry and in private memory.
 * Colour fields hold ITU-T H.273 code points (2 = unspecified where H.273 says so), which libav's enums equal. */
struct fl_desc {
    /* Identity: unique in a run. The source counts `number` from 0 in output order; it never goes backwards.
     * `part` counts what one input frame became (deinterlacing, frame rate). `epoch` rises when a source restarts. */
    uint64_t number;
    uint32_t epoch;
    uint32_t part;

    int64_t pts;
    int64_t dts; /* packets only; FL_NO_PTS for pictures */
    int64_t duration; /* 0 = unknown */
    int32_t time_base_num, time_base_den;

    uint16_t kind; /* enum fl_kind */
    uint16_t plane_count;
    uint32_t flags; /* enum fl_frame_flags */
    uint32_t width, height; /* of the picture as it is to be seen, cropping applied; 0 for packets */
    char format[16]; /* libav's name of the pixel format ("yuv420p10le"), NUL padded; names last, numbers do not */

    int32_t sar_num, sar_den; /* sample aspect ratio; 0/1 = unknown */
    uint8_t color_range, color_primaries, color_transfer, color_matrix, chroma_location;
    uint8_t field_order; /* enum fl_field_order */
    uint8_t repeat; /* extra fields to show it for, as AVFrame.repeat_pict */
    uint8_t picture_type; /* 'I', 'P', 'B' or 0 */

    struct fl_plane planes[FL_MAX_PLANES];

    int32_t display_matrix[9]; /* rotation and flip, row-major 16.16 and 2.30 as in ISO 14496-12; see FL_FRAME_MATRIX */

    /* Side data (HDR metadata, captions, packet side data) in the same slot, written before the first publish:
     * a sequence of records, see side.h. It is parsed, so a consumer copies it first and checks the copy. */
    uint32_t side_offset, side_bytes;

    uint32_t stream; /* packets: which of the stream descriptions; 0 for pictures */
    /* Version of the parameters it was made with: how many changes (`framelane set`), of all stages it came through, hold for it.
     * 0: as they were configured. It rises with `number`. */
    uint32_t parameters;
    uint64_t origin_ns; /* when its source was due to give it, for ages */
};

/* A process's private handle of a frame: counted, never in shared memory, allocated at wiring time.
 * A handle names either a slot of a pool this process writes, or a frame taken from a lane. When the count reaches 0 the
 * slot is free again, or the credit goes back to the producer. */
struct fl_frame;

/* The description: for a taken frame the private, checked copy of what was announced; for an acquired one, what was last
 * given to fl_output_publish. Valid while the reference is held. */
const struct fl_desc *fl_frame_desc(const struct fl_frame *frame);

/* The slot: base address and size. `fl_frame_data` is writable only between acquire and the first publish, else NULL. */
const uint8_t *fl_frame_base(const struct fl_frame *frame);
uint8_t *fl_frame_data(struct fl_frame *frame);
size_t fl_frame_capacity(const struct fl_frame *frame);

/* First byte of row 0 of a plane (checked against the slot at take). */
const uint8_t *fl_frame_plane(const struct fl_frame *frame, unsigned plane);

/* References may be taken and dropped on any thread; no call blocks, locks or makes a system call, save one to wake it
 * when the context's thread sleeps. A frame must be unreferenced before its context is destroyed. unref accepts NULL. */
struct fl_frame *fl_frame_ref(struct fl_frame *frame);
void fl_frame_unref(struct fl_frame *frame);

/* The same for several, at little more than the price of one; NULLs among them are passed over. */
void fl_frame_unref_many(struct fl_frame *const *frames, unsigned count);

/* The SDK's words for giving taken frames back: same as unref. */
#define fl_frame_release fl_frame_unref
#define fl_frame_release_many fl_frame_unref_many

/* True once the frame has been published at least once (its pixels may no longer be written). */
bool fl_frame_published(const struct fl_frame *frame);

/* Checks that every plane, and the side data, lie in `capacity` bytes and that strides cover rows, with overflow-free
 * arithmetic. It knows no pixel format: whether the planes are enough for `format` at width x height is for the
 * one who knows the format. 0, or -EBADMSG. */
int fl_desc_check(const struct fl_desc *desc, uint64_t capacity);

/* Bytes of payload the planes cover, side data not included. */
uint64_t fl_desc_payload_bytes(const struct fl_desc *desc);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
