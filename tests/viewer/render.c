/* What the viewer shows of one frame, as bytes: a raw frame on standard input, the window's pixels (RGB, row by row) on standard
 * output. Words describe the frame; `keys` are typed before it is read off.
 *
 *   render format=yuv420p size=320x180 window=320x180 [matrix=N range=N sar=N:D angle=N flip=1 bottom-up=1 keys=... shot=FILE]
 *   first=MATRIX:RANGE: the same samples with these words are shown before
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/imgutils.h>

#include "inside.h"

struct words {
    struct fl_desc desc;
    unsigned window_width, window_height;
    const char *keys, *shot;
    bool bottom_up;
    unsigned first_matrix, first_range; /* 0: no frame before */
};

static void turn(struct fl_desc *desc, int degrees, bool flip)
{
    double angle = degrees * M_PI / 180, sign = flip ? -1 : 1;
    desc->flags |= FL_FRAME_MATRIX;
    desc->display_matrix[0] = (int32_t)lrint(65536 * cos(angle) * sign);
    desc->display_matrix[1] = (int32_t)lrint(65536 * sin(angle) * sign);
    desc->display_matrix[3] = (int32_t)lrint(65536 * -sin(angle));
    desc->display_matrix[4] = (int32_t)lrint(65536 * cos(angle));
    desc->display_matrix[8] = 1 << 30;
}

static bool is_word(const char *argument, const char *word, const char **value)
{
    size_t length = strlen(word);
    *value = argument + length + 1;
    return strncmp(argument, word, length) == 0 && argument[length] == '=';
}

static void parse(int argc, char **argv, struct words *words)
{
    int degrees = 0, flip = 0;
    *words = (struct words){.keys = "", .desc = {.kind = FL_KIND_VIDEO, .time_base_num = 1, .time_base_den = 25, .epoch = 1}};
    struct fl_desc *desc = &words->desc;
    desc->color_matrix = AVCOL_SPC_UNSPECIFIED;
    for (int i = 1; i < argc; i++) {
        const char *value;
        if (is_word(argv[i], "format", &value))
            snprintf(desc->format, sizeof desc->format, "%s", value);
        else if (is_word(argv[i], "size", &value))
            sscanf(value, "%ux%u", &desc->width, &desc->height);
        else if (is_word(argv[i], "window", &value))
            sscanf(value, "%ux%u", &words->window_width, &words->window_height);
        else if (is_word(argv[i], "matrix", &value))
            desc->color_matrix = (uint8_t)atoi(value);
        else if (is_word(argv[i], "range", &value))
            desc->color_range = (uint8_t)atoi(value);
        else if (is_word(argv[i], "sar", &value))
            sscanf(value, "%d:%d", &desc->sar_num, &desc->sar_den);
        else if (is_word(argv[i], "angle", &value))
            degrees = atoi(value);
        else if (is_word(argv[i], "flip", &value))
            flip = atoi(value);
        else if (is_word(argv[i], "bottom-up", &value))
            words->bottom_up = atoi(value);
        else if (is_word(argv[i], "first", &value))
            sscanf(value, "%u:%u", &words->first_matrix, &words->first_range);
        else if (is_word(argv[i], "shot", &value))
            words->shot = value;
        else if (is_word(argv[i], "keys", &value))
            words->keys = value;
    }
    if (degrees || flip)
        turn(desc, degrees, flip);
}

/* The rows in the other order. */
static void turn_over(uint8_t *data, struct fl_plane *plane)
{
    size_t bytes = (size_t)plane->rows * plane->row_bytes;
    uint8_t *turned = malloc(bytes);
    for (uint32_t y = 0; turned && y < plane->rows; y++)
        memcpy(turned + (size_t)(plane->rows - 1 - y) * plane->row_bytes, data + plane->offset + (size_t)y * plane->row_bytes,
               plane->row_bytes);
    memcpy(data + plane->offset, turned, bytes);
    free(turned);
}

/* Says so: row 0 is the last in memory. */
static void point_upward(struct fl_view_frame *frame)
{
    for (unsigned i = 0; i < frame->desc.plane_count; i++) {
        struct fl_plane *plane = &frame->desc.planes[i];
        frame->plane[i] += (ptrdiff_t)(plane->rows - 1) * plane->stride;
        plane->stride = -plane->stride;
    }
}

/* Planes one after another, as `ffmpeg -f rawvideo` writes them; stored upside down where that is asked for. */
static uint8_t *read_frame(struct words *words, uint64_t *bytes)
{
    struct fl_desc *desc = &words->desc;
    enum AVPixelFormat format = av_get_pix_fmt(desc->format);
    const AVPixFmtDescriptor *pixels = av_pix_fmt_desc_get(format);
    int strides[4];
    size_t sizes[4];
    ptrdiff_t wide[4];
    av_image_fill_linesizes(strides, format, (int)desc->width);
    for (unsigned i = 0; i < 4; i++)
        wide[i] = strides[i];
    av_image_fill_plane_sizes(sizes, format, (int)desc->height, wide);
    *bytes = 0;
    for (unsigned i = 0; i < 4 && sizes[i]; i++, desc->plane_count++) {
        uint32_t rows = strides[i] ? (uint32_t)(sizes[i] / (size_t)strides[i]) : 1;
        struct fl_plane *plane = &desc->planes[i];
        *plane = (struct fl_plane){(uint32_t)*bytes, strides[i], rows, (uint32_t)strides[i]};
        *bytes += sizes[i];
    }
    uint8_t *data = malloc(*bytes);
    if (!pixels || !data || fread(data, 1, *bytes, stdin) != *bytes)
        return NULL;
    for (unsigned i = 0; words->bottom_up && i < desc->plane_count; i++)
        turn_over(data, &desc->planes[i]);
    return data;
}

static void type(struct fl_viewer *viewer, const char *keys)
{
    for (; *keys; keys++) {
        SDL_Event event = {.type = SDL_TEXTINPUT};
        event.text.text[0] = *keys;
        SDL_PushEvent(&event);
        fl_viewer_step(viewer, 10);
    }
}

static int write_window(struct fl_viewer *viewer)
{
    uint8_t *pixels = malloc((size_t)viewer->window.width * viewer->window.height * 3);
    fl_viewer_draw(viewer, fl_viewer_now_ns());
    if (!pixels ||
        SDL_RenderReadPixels(viewer->window.renderer, NULL, SDL_PIXELFORMAT_RGB24, pixels, (int)viewer->window.width * 3) < 0)
        return 1;
    fprintf(stderr, "%s %s %ux%u error %d\n", viewer->window.info.name, viewer->picture.straight ? "straight" : "converted",
            viewer->window.width, viewer->window.height, viewer->upload_error);
    size_t wrote = fwrite(pixels, (size_t)viewer->window.width * 3, viewer->window.height, stdout);
    free(pixels);
    return wrote == viewer->window.height ? 0 : 1;
}

/* 0 or -errno. Shows it, and returns when it is on the window. */
static int show(struct fl_viewer *viewer, struct fl_view_source *source, const struct words *words, const struct fl_desc *desc,
                const uint8_t *data, uint64_t bytes)
{
    struct fl_view_frame *frame = NULL;
    uint64_t before = viewer->shown_frames;
    int error = fl_view_frame_of_bytes(desc, data, bytes, fl_viewer_now_ns(), &frame);
    if (error < 0)
        return error;
    if (words->bottom_up)
        point_upward(frame);
    fl_view_source_offer(source, frame);
    while (viewer->shown_frames == before)
        fl_viewer_step(viewer, 10);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct fl_view_source_calls nothing;
    struct words words;
    char said[200] = "";
    uint64_t bytes;
    struct fl_viewer *viewer = NULL;
    parse(argc, argv, &words);
    uint8_t *data = read_frame(&words, &bytes);
    struct fl_view_source *source = fl_view_source_create(&nothing, NULL);
    struct fl_viewer_options options = {
        .width = words.window_width, .height = words.window_height, .screenshot = words.shot, .no_vsync = true};
    int error = data ? fl_viewer_create(&options, source, &viewer, said, sizeof said) : -EINVAL;
    struct fl_desc first = words.desc;
    first.color_matrix = (uint8_t)words.first_matrix;
    first.color_range = (uint8_t)words.first_range;
    words.desc.number = 1;
    if (error == 0 && words.first_range)
        error = show(viewer, source, &words, &first, data, bytes);
    if (error == 0)
        error = show(viewer, source, &words, &words.desc, data, bytes);
    if (error < 0) {
        fprintf(stderr, "render: %s %s\n", strerror(-error), said);
        return error == -ENODEV ? 77 : 1;
    }
    type(viewer, words.keys);
    int status = write_window(viewer);
    fl_viewer_destroy(viewer);
    fl_view_source_destroy(source);
    free(data);
    return status;
}
