/* raw: the bare pixels of every frame, planes one after another without padding. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "output-file.h"
#include "packed.h"

struct raw {
    struct fl_output_file file;
    struct fl_packed packed;
    uint32_t width, height; /* of the frame before */
    char format[16];
    bool told;
};

static int open_raw(struct fl_stage *stage)
{
    struct raw *raw = fl_stage_priv(stage);
    return fl_output_file_open(&raw->file, stage, fl_stage_string(stage, "url"), fl_stage_bool(stage, "overwrite", true));
}

static int start_raw(struct fl_stage *stage)
{
    struct raw *raw = fl_stage_priv(stage);
    return fl_output_file_start(&raw->file);
}

/* Nothing in the file tells where a picture of another size begins. */
static void note_change(struct fl_stage *stage, struct raw *raw, const struct fl_desc *desc)
{
    bool changed =
        raw->width && (raw->width != desc->width || raw->height != desc->height || strcmp(raw->format, desc->format) != 0);
    if (changed && !raw->told) {
        fl_stage_warn(
            stage, "frames change from %ux%u %s to %ux%u %s at frame %" PRIu64 ", which the file does not tell; scale them first",
            raw->width, raw->height, raw->format, desc->width, desc->height, desc->format, desc->number);
        raw->told = true;
    }
    raw->width = desc->width;
    raw->height = desc->height;
    memcpy(raw->format, desc->format, sizeof raw->format);
}

static int process_raw(struct fl_stage *stage, unsigned port, struct fl_frame *frame)
{
    struct raw *raw = fl_stage_priv(stage);
    int error = fl_packed_set(&raw->packed, frame);
    if (error < 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_RUN, error, "cannot write frame %" PRIu64 ": %s", fl_frame_desc(frame)->number,
                             error == -ENOMEM ? "no memory" : "its planes do not suffice for its format and size");
    note_change(stage, raw, fl_frame_desc(frame));
    return fl_output_file_writev(&raw->file, raw->packed.pieces, raw->packed.count);
}

static int ended_raw(struct fl_stage *stage, unsigned port)
{
    struct raw *raw = fl_stage_priv(stage);
    return fl_output_file_finish(&raw->file);
}

static void close_raw(struct fl_stage *stage)
{
    struct raw *raw = fl_stage_priv(stage);
    fl_output_file_abort(&raw->file);
    fl_packed_finish(&raw->packed);
}

const struct fl_stage_module fl_stage_module = {
    .kind = "raw",
    .priv_bytes = sizeof(struct raw),
    .open = open_raw,
    .start = start_raw,
    .process = process_raw,
    .ended = ended_raw,
    .close = close_raw,
};
