/* The only bridge between libav's AVFrame and a slot. Every stage that hands pictures to libav*, or takes them from it, goes
 * through here; nothing else in stages/ translates a description. Needs libavutil alone.
 *
 * Into libav:   fl_av_wrap makes an AVFrame of a taken frame without touching a pixel. It is read-only to libav and holds a
 *               reference of the frame, which goes when the last AVBufferRef goes, on whatever thread that is.
 * Out of libav: fl_av_publish announces an AVFrame. Where its planes lie in one slot (its own pool's, or that of a frame that was
 *               wrapped) that slot is announced and nothing is copied; otherwise it is copied into a new slot, and that is counted.
 * Own slots:    fl_av_layout_init says how large a slot must be, fl_av_slot_frame lays an AVFrame over an acquired one, to be
 *               written by a decoder or a scaler.
 *
 * A slot: planes from offset 0, each aligned to FL_AV_ALIGN with FL_AV_SLACK_BYTES unused bytes after it (vector code reads and
 * writes whole vectors), then side data in the last FL_AV_SIDE_BYTES of the slot.
 * Errors: 0 or a negative errno, never an AVERROR tag (av-log.h translates).
 */
#ifndef FL_AV_FRAME_H
#define FL_AV_FRAME_H

#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
#include <libavutil/rational.h>

#include "stage.h"

#define FL_AV_ALIGN       64
#define FL_AV_SLACK_BYTES 128
#define FL_AV_SIDE_BYTES  4096

/* ---- words ---- */

/* The pixel format a description names, or AV_PIX_FMT_NONE where this libav does not know it or its pixels are not in memory. */
enum AVPixelFormat fl_av_format(const struct fl_desc *desc);

/* True for formats whose pixels a slot can carry (no hardware surfaces). */
bool fl_av_can_carry(enum AVPixelFormat format);

/* Planes as a slot counts them: a palette is a plane. */
unsigned fl_av_plane_count(enum AVPixelFormat format);

/* Bytes of a row and rows of one plane of a picture of that format and size. Rows of a palette: 1 of 1,024 bytes. */
int fl_av_plane_size(enum AVPixelFormat format, int width, int height, unsigned plane, uint32_t *row_bytes, uint32_t *rows);

/* Do the planes of a taken frame's description suffice for its format and geometry? What a peer says is never trusted: every
 * consumer asks this (fl_av_wrap does) before it gives the picture to anyone. 0, or -EBADMSG. */
int fl_av_check(const struct fl_desc *desc);

/* AVFrame -> everything in `desc` but identity, planes, side data, stream, parameters and origin, which stay as they are.
 * Times are stated in `time_base`, which frame->pts must be in. -ENOTSUP: a format that cannot be carried; -EINVAL: no size. */
int fl_av_describe(const AVFrame *frame, AVRational time_base, struct fl_desc *desc);

/* The planes of `frame` as offsets from `base`. -ERANGE: they do not all lie in [base, base + capacity). */
int fl_av_describe_planes(const AVFrame *frame, const uint8_t *base, uint64_t capacity, struct fl_desc *desc);

/* `desc` -> the fields of an AVFrame (format, size, time, colour, field order, display matrix, …), but no data. -ENOMEM. */
int fl_av_apply(const struct fl_desc *desc, AVFrame *frame);

/* ---- side data: records of framelane/side.h ---- */

/* Appends what `frame` carries (HDR metadata, captions). What does not fit, or has no record type, is left out. */
void fl_av_side_from_frame(const AVFrame *frame, uint8_t *buf, size_t capacity, size_t *used);

/* Records, in private memory, -> side data of `frame`. Also good for fl_stream.side. -EBADMSG, -ENOMEM. */
int fl_av_side_to_frame(const uint8_t *records, size_t bytes, AVFrame *frame);

/* ---- a taken frame for libav ---- */

/* Fills `out` (blank, from av_frame_alloc) with a read-only view of a taken frame: fields, planes, side data, one AVBufferRef over
 * the whole slot. Where the producer left too little room after a plane for libav's reading beyond it, the view is a private copy
 * instead, and counted. -EBADMSG (fl_av_check), -ENOMEM. On failure `out` is blank again. */
int fl_av_wrap(struct fl_stage *stage, struct fl_frame *frame, AVFrame *out);

/* Which frame (wrapped, or acquired and given to fl_av_slot_frame) all planes of `frame` lie in, or NULL if they lie elsewhere.
 * No reference is added: it lives as long as the AVFrame's buffers. */
struct fl_frame *fl_av_frame_slot(const AVFrame *frame);

/* ---- own slots ---- */

struct fl_av_layout {
    enum AVPixelFormat format;
    int width, height; /* of the picture */
    unsigned plane_count;
    uint32_t offset[FL_MAX_PLANES];
    int32_t stride[FL_MAX_PLANES];
    uint64_t payload_bytes; /* to ask for: planes, slack, side data */
};

/* Plans a slot for a picture of width x height, in memory that is alloc_width x alloc_height (>=; what avcodec_align_dimensions2
 * says, or the same again). -EINVAL: impossible size; -ENOTSUP: see fl_av_can_carry; -EOVERFLOW: larger than a slot can be. */
int fl_av_layout_init(struct fl_av_layout *layout, enum AVPixelFormat format, int width, int height, int alloc_width,
                      int alloc_height);

/* Lays `out` over an acquired slot: data, linesize, format, size, and one AVBufferRef over the slot, which takes a reference of its
 * own. With `keep` libav may never write the frame again once it was filled (AV_BUFFER_FLAG_READONLY): for decoders, which hold a
 * frame for reference while others read it. -ENOMEM, -ENOSPC (the slot is too small), -EINVAL (already published). */
int fl_av_slot_frame(struct fl_frame *slot, const struct fl_av_layout *layout, bool keep, AVFrame *out);

/* Writes the frame's side data into a slot that was not published yet and says so in `desc`; does nothing where it was. */
void fl_av_put_side(const AVFrame *frame, struct fl_frame *slot, struct fl_desc *desc);

/* Copies `frame` into a slot it acquires on `port`, counts that, and sets planes and side data of `desc` (described before).
 * The caller must unref *slot. -ECANCELED and what fl_stage_acquire says. */
int fl_av_copy_to_slot(struct fl_stage *stage, unsigned port, const AVFrame *frame, struct fl_desc *desc, struct fl_frame **slot);

/* Describes and announces `frame` on `port` without a copy where it lies in a slot, with a counted one otherwise. `like` gives
 * number, epoch, part, origin_ns, parameters, stream (NULL: a source's frame, all 0). Fails through fl_stage_fail where the format
 * cannot be carried. Returns what fl_stage_publish returns. The AVFrame stays the caller's. */
int fl_av_publish(struct fl_stage *stage, unsigned port, const AVFrame *frame, AVRational time_base, const struct fl_desc *like);

#endif
