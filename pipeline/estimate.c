#include "estimate.h"
#include "parse.h"

#include <stdio.h>
#include <string.h>

/* As slots are laid out: rows on vector boundaries, room after each plane, side data at the end. */
#define ROW_ALIGN         64u
#define PLANE_SLACK_BYTES 128u
#define SIDE_BYTES        4096u

typedef struct {
    unsigned width, height; /* 0: unknown */
    const char *format;     /* NULL: unknown */
} Picture;

/* How common pixel formats lie in memory. Others are known when run. */
typedef struct {
    const char *name;
    unsigned bytes;                       /* of a pixel of the first plane */
    unsigned chroma_planes, chroma_bytes; /* of a sample (pair) of the others */
    unsigned chroma_shift_x, chroma_shift_y;
} Format;

static const Format formats[] = {
    {"yuv420p", 1, 2, 1, 1, 1},     {"yuvj420p", 1, 2, 1, 1, 1},    {"nv12", 1, 1, 2, 1, 1},        {"nv21", 1, 1, 2, 1, 1},
    {"yuv422p", 1, 2, 1, 1, 0},     {"yuvj422p", 1, 2, 1, 1, 0},    {"yuv444p", 1, 2, 1, 0, 0},     {"yuvj444p", 1, 2, 1, 0, 0},
    {"yuv420p10le", 2, 2, 2, 1, 1}, {"yuv422p10le", 2, 2, 2, 1, 0}, {"yuv444p10le", 2, 2, 2, 0, 0}, {"p010le", 2, 1, 4, 1, 1},
    {"yuv420p12le", 2, 2, 2, 1, 1}, {"gbrp", 1, 2, 1, 0, 0},        {"gray", 1, 0, 0, 0, 0},        {"gray10le", 2, 0, 0, 0, 0},
    {"gray16le", 2, 0, 0, 0, 0},    {"yuyv422", 2, 0, 0, 0, 0},     {"uyvy422", 2, 0, 0, 0, 0},     {"rgb24", 3, 0, 0, 0, 0},
    {"bgr24", 3, 0, 0, 0, 0},       {"rgba", 4, 0, 0, 0, 0},        {"bgra", 4, 0, 0, 0, 0},        {"argb", 4, 0, 0, 0, 0},
    {"abgr", 4, 0, 0, 0, 0},        {"rgb0", 4, 0, 0, 0, 0},        {"bgr0", 4, 0, 0, 0, 0},
};

static uint64_t plane_bytes(unsigned width, unsigned bytes, unsigned height)
{
    uint64_t row = ((uint64_t)width * bytes + ROW_ALIGN - 1) / ROW_ALIGN * ROW_ALIGN;
    return row * height + PLANE_SLACK_BYTES;
}

static unsigned shifted(unsigned size, unsigned shift)
{
    return (size + (1u << shift) - 1) >> shift;
}

/* 0: unknown. */
static uint64_t picture_bytes(const Picture *picture)
{
    for (unsigned i = 0; picture->format && picture->width && i < G_N_ELEMENTS(formats); i++) {
        const Format *f = &formats[i];
        if (strcmp(f->name, picture->format) != 0)
            continue;
        uint64_t chroma =
            plane_bytes(shifted(picture->width, f->chroma_shift_x), f->chroma_bytes, shifted(picture->height, f->chroma_shift_y));
        return plane_bytes(picture->width, f->bytes, picture->height) + f->chroma_planes * chroma + SIDE_BYTES;
    }
    return 0;
}

/* "1280:-2" of a picture whose size is known. */
static void scale_by_aspect(const char *text, const Picture *in, Picture *out)
{
    int width = 0, height = 0;
    char rest;
    if (!in->width || sscanf(text, "%d:%d%c", &width, &height, &rest) != 2)
        return;
    if (width > 0 && height < 0) {
        out->width = (unsigned)width;
        out->height = (unsigned)(((uint64_t)width * in->height + in->width / 2) / in->width);
        out->height += height == -2 ? out->height % 2 : 0;
    } else if (height > 0 && width < 0) {
        out->height = (unsigned)height;
        out->width = (unsigned)(((uint64_t)height * in->width + in->height / 2) / in->height);
        out->width += width == -2 ? out->width % 2 : 0;
    }
}

static Picture output_of(const FlStageConfig *stage, const Picture *in)
{
    const struct fl_key *key = fl_kind_key(stage->kind, "size");
    const char *size = fl_stage_config_get(stage, "size"), *format = fl_stage_config_get(stage, "format");
    Picture out = {0};
    if (!key || !size)
        return out;
    out.format = format ? format : in->format;
    if (!fl_parse_size(size, &out.width, &out.height) && key->type == FL_KEY_GEOMETRY)
        scale_by_aspect(size, in, &out);
    return out;
}

/* ---- chains of libavfilter ---- */

/* Moves on to the end of a filter's words: what is quoted or escaped separates nothing. */
static const char *skip_filter(const char *c)
{
    for (; *c && *c != ',' && *c != ';' && *c != '['; c++) {
        if (*c == '\\' && c[1])
            c++;
        else if (*c == '\'' && strchr(c + 1, '\''))
            c = strchr(c + 1, '\'');
    }
    return c;
}

/* Past separators and [labels], to where a filter's name begins. */
static const char *skip_to_name(const char *c)
{
    while (*c == '[' || strchr(",; \t", *c)) {
        const char *label_end = *c == '[' ? strchr(c, ']') : c;
        if (!*c || !label_end)
            return "";
        c = label_end + 1;
    }
    return c;
}

static gboolean passes_on(const char *name)
{
    for (const char *const *known = fl_passing_filters; *known; known++)
        if (strcmp(*known, name) == 0)
            return TRUE;
    return FALSE;
}

char *fl_copied_for(const FlStageConfig *stage)
{
    const char *chain = stage->kind->flags & FL_KIND_CHAIN ? fl_stage_config_get(stage, stage->kind->main_key) : NULL;
    for (const char *c = skip_to_name(chain ? chain : ""); *c; c = skip_to_name(skip_filter(c))) {
        g_autofree char *name = g_strndup(c, strcspn(c, "=@,;[ \t"));
        if (!passes_on(name))
            return g_steal_pointer(&name);
    }
    return NULL;
}

/* ---- stages ---- */

static gboolean forwards(const FlStageConfig *stage)
{
    g_autofree char *copied_for = fl_copied_for(stage);
    return stage->kind->flags & FL_KIND_FORWARDS && !copied_for;
}

struct fl_budget_stage *fl_estimate(const FlPipeline *p, gboolean sizes)
{
    struct fl_budget_stage *estimates = g_new0(struct fl_budget_stage, p->stages->len + 1);
    g_autofree Picture *pictures = g_new0(Picture, p->stages->len + 1);
    for (guint i = 0; i < p->stages->len; i++) {
        const FlStageConfig *stage = g_ptr_array_index(p->stages, i);
        const FlLaneConfig *lane = fl_graph_lane_into(p, stage, 0);
        struct fl_budget_output *output = &estimates[i].output[0];
        Picture nothing = {0};
        pictures[i] = output_of(stage, lane ? &pictures[lane->from->order] : &nothing);
        output->forwards = forwards(stage);
        output->payload_bytes = output->forwards || !sizes ? 0 : picture_bytes(&pictures[i]);
        output->working_set = stage->kind->working_set;
        estimates[i].hold[0] = lane && lane->credits ? 0 : stage->kind->hold; /* whether those are enough is known when run */
    }
    return estimates;
}
