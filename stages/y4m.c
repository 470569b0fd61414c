/* y4m: YUV4MPEG2, the stream that other tools read on a pipe. It has a size, a frame rate and a few planar formats, fixed for the
 * whole stream, and no time stamps. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "output-file.h"
#include "packed.h"

#define CHROMA_LEFT     1 /* code points of fl_desc.chroma_location */
#define CHROMA_TOP_LEFT 3
#define RANGE_FULL      2

/* What the stream calls each format. Full range has no name of its own but a word more. */
static const struct y4m_format {
    const char *format, *colour;
} formats[] = {
    {"yuv420p", "420jpeg"},    {"yuvj420p", "420jpeg"},   {"yuv422p", "422"},        {"yuvj422p", "422"},
    {"yuv444p", "444"},        {"yuvj444p", "444"},       {"yuv411p", "411"},        {"yuvj411p", "411"},
    {"yuva444p", "444alpha"},  {"gray", "mono"},          {"yuv420p9le", "420p9"},   {"yuv422p9le", "422p9"},
    {"yuv444p9le", "444p9"},   {"yuv420p10le", "420p10"}, {"yuv422p10le", "422p10"}, {"yuv444p10le", "444p10"},
    {"yuv420p12le", "420p12"}, {"yuv422p12le", "422p12"}, {"yuv444p12le", "444p12"}, {"yuv420p14le", "420p14"},
    {"yuv422p14le", "422p14"}, {"yuv444p14le", "444p14"}, {"yuv420p16le", "420p16"}, {"yuv422p16le", "422p16"},
    {"yuv444p16le", "444p16"}, {"gray9le", "mono9"},      {"gray10le", "mono10"},    {"gray12le", "mono12"},
    {"gray16le", "mono16"},
};

struct y4m {
    struct fl_output_file file;
    struct fl_packed packed;
    struct fl_desc head; /* what the stream says of itself */
    bool headed;
};

static const struct y4m_format *find_format(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (strncmp(formats[i].format, name, sizeof((struct fl_desc *)0)->format) == 0)
            return &formats[i];
    return NULL;
}

/* The format that loses nothing of the usual ones, for the message. */
static const char *nearest_format(const char *name)
{
    bool deep = strstr(name, "10") || strstr(name, "12") || strstr(name, "16") || strstr(name, "48");
    if (strncmp(name, "nv12", 4) == 0 || strncmp(name, "nv21", 4) == 0 || strncmp(name, "yuva420", 7) == 0)
        return deep ? "yuv420p10le" : "yuv420p";
    if (strncmp(name, "p0", 2) == 0)
        return "yuv420p10le";
    if (strncmp(name, "yuyv", 4) == 0 || strncmp(name, "uyvy", 4) == 0 || strncmp(name, "yuva422", 7) == 0 ||
        strncmp(name, "nv16", 4) == 0)
        return deep ? "yuv422p10le" : "yuv422p";
    if (strncmp(name, "gray", 4) == 0 || strncmp(name, "mono", 4) == 0 || strncmp(name, "ya", 2) == 0)
        return deep ? "gray16le" : "gray";
    return deep ? "yuv444p16le" : "yuv444p";
}

static int check_format(struct fl_stage *stage, enum fl_stage_error whose, const struct fl_desc *desc)
{
    if (find_format(desc->format))
        return 0;
    return fl_stage_fail(stage, whose, -ENOTSUP,
                         "y4m cannot hold pixel format %s; put 'filter format=%s' before it, or write it with raw", desc->format,
                         nearest_format(desc->format));
}

static int open_y4m(struct fl_stage *stage)
{
    struct y4m *y4m = fl_stage_priv(stage);
    int error = check_format(stage, FL_STAGE_ERROR_CONFIG, &fl_stage_input(stage, 0)->stream.first);
    if (error < 0)
        return error;
    return fl_output_file_open(&y4m->file, stage, fl_stage_string(stage, "url"), fl_stage_bool(stage, "overwrite", true));
}

static int start_y4m(struct fl_stage *stage)
{
    struct y4m *y4m = fl_stage_priv(stage);
    return fl_output_file_start(&y4m->file);
}

static const char *colour_name(const struct fl_desc *desc)
{
    const char *name = find_format(desc->format)->colour;
    if (strcmp(name, "420jpeg") != 0)
        return name;
    return desc->chroma_location == CHROMA_LEFT ? "420mpeg2" : desc->chroma_location == CHROMA_TOP_LEFT ? "420paldv" : name;
}

static int write_head(struct fl_stage *stage, struct y4m *y4m, const struct fl_desc *desc)
{
    const struct fl_stream *stream = &fl_stage_input(stage, 0)->stream;
    bool rated = stream->rate_num > 0 && stream->rate_den > 0;
    bool full = desc->color_range == RANGE_FULL || strncmp(desc->format, "yuvj", 4) == 0;
    char text[256];
    if (!rated)
        fl_stage_warn(stage, "the source has no constant frame rate and y4m no time stamps: it says 25 frames a second");
    int bytes =
        snprintf(text, sizeof text, "YUV4MPEG2 W%u H%u F%d:%d I%c A%d:%d C%s%s\n", desc->width, desc->height,
                 rated ? stream->rate_num : 25, rated ? stream->rate_den : 1, "ptb"[desc->field_order % 3], desc -> sar_num,
                 desc -> sar_num > 0 ? desc -> sar_den : 0, colour_name(desc), full ? " XCOLORRANGE=FULL" : " XCOLORRANGE=LIMITED");
    y4m->head = *desc;
    y4m->headed = true;
    return fl_output_file_write(&y4m->file, text, (size_t)bytes);
}

/* Size and format hold for the whole stream. */
static int check_same(struct fl_stage *stage, struct y4m *y4m, const struct fl_desc *desc)
{
    const struct fl_desc *head = &y4m->head;
    if (head->width == desc->width && head->height == desc->height && strncmp(head->format, desc->format, sizeof desc->format) == 0)
        return 0;
    return fl_stage_fail(
        stage, FL_STAGE_ERROR_RUN, -ENOTSUP,
        "frames change from %ux%u %s to %ux%u %s at frame %" PRIu64 ", which y4m cannot hold; put 'scale %u:%u' before it",
        head->width, head->height, head->format, desc->width, desc->height, desc->format, desc->number, head->width, head->height);
}

static int process_y4m(struct fl_stage *stage, unsigned port, struct fl_frame *frame)
{
    struct y4m *y4m = fl_stage_priv(stage);
    const struct fl_desc *desc = fl_frame_desc(frame);
    int error = fl_packed_set(&y4m->packed, frame);
    if (error < 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_RUN, error, "cannot write frame %" PRIu64 ": %s", desc->number,
                             error == -ENOMEM ? "no memory" : "its planes do not suffice for its format and size");
    error = check_format(stage, FL_STAGE_ERROR_RUN, desc);
    if (error == 0)
        error = y4m->headed ? check_same(stage, y4m, desc) : write_head(stage, y4m, desc);
    if (error == 0)
        error = fl_output_file_write(&y4m->file, "FRAME\n", 6);
    return error < 0 ? error : fl_output_file_writev(&y4m->file, y4m->packed.pieces, y4m->packed.count);
}

static int ended_y4m(struct fl_stage *stage, unsigned port)
{
    struct y4m *y4m = fl_stage_priv(stage);
    int error = y4m->headed ? 0 : write_head(stage, y4m, &fl_stage_input(stage, 0)->stream.first);
    return error < 0 ? error : fl_output_file_finish(&y4m->file);
}

static void close_y4m(struct fl_stage *stage)
{
    struct y4m *y4m = fl_stage_priv(stage);
    fl_output_file_abort(&y4m->file);
    fl_packed_finish(&y4m->packed);
}

const struct fl_stage_module fl_stage_module = {
    .kind = "y4m",
    .priv_bytes = sizeof(struct y4m),
    .open = open_y4m,
    .start = start_y4m,
    .process = process_y4m,
    .ended = ended_y4m,
    .close = close_y4m,
};
