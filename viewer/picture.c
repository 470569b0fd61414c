#include "picture.h"

#include <errno.h>

static const struct fl_colour_way converted = {SDL_PIXELFORMAT_BGRA32, SDL_YUV_CONVERSION_AUTOMATIC};

static int prepare(struct fl_picture *p, const struct fl_window *window, const struct fl_colour_way *way, unsigned width,
                   unsigned height)
{
    SDL_SetYUVConversionMode(way->mode);
    if (p->texture && p->way.sdl_format == way->sdl_format && p->way.mode == way->mode && p->width == width && p->height == height)
        return 0;
    if (p->texture)
        SDL_DestroyTexture(p->texture);
    SDL_SetHint(SDL_HINT_RENDER_SCALE_QUALITY, p->squares ? "nearest" : "linear");
    p->texture = SDL_CreateTexture(window->renderer, way->sdl_format, SDL_TEXTUREACCESS_STREAMING, (int)width, (int)height);
    if (!p->texture)
        return -EIO;
    SDL_SetTextureBlendMode(p->texture, SDL_BLENDMODE_NONE);
    p->way = *way;
    p->width = width;
    p->height = height;
    return 0;
}

bool fl_picture_set_squares(struct fl_picture *p, bool squares)
{
    if (p->squares == squares)
        return false;
    p->squares = squares;
    if (p->texture)
        SDL_DestroyTexture(p->texture);
    p->texture = NULL;
    return true;
}

static int upload(struct fl_picture *p, const struct fl_view_frame *frame)
{
    const struct fl_plane *planes = frame->desc.planes;
    int failed;
    switch (p->way.sdl_format) {
    case SDL_PIXELFORMAT_IYUV:
        failed = SDL_UpdateYUVTexture(p->texture, NULL, frame->plane[0], planes[0].stride, frame->plane[1], planes[1].stride,
                                      frame->plane[2], planes[2].stride);
        break;
    case SDL_PIXELFORMAT_NV12:
    case SDL_PIXELFORMAT_NV21:
        failed = SDL_UpdateNVTexture(p->texture, NULL, frame->plane[0], planes[0].stride, frame->plane[1], planes[1].stride);
        break;
    default:
        failed = SDL_UpdateTexture(p->texture, NULL, frame->plane[0], planes[0].stride);
    }
    return failed < 0 ? -EIO : 0;
}

/* What the renderer cannot hold is shown smaller. */
static void limit_size(const struct fl_window *window, unsigned *width, unsigned *height)
{
    unsigned larger = SDL_max(*width, *height);
    if (!window->largest || larger <= window->largest)
        return;
    *width = (unsigned)SDL_max(1, (uint64_t)*width * window->largest / larger);
    *height = (unsigned)SDL_max(1, (uint64_t)*height * window->largest / larger);
}

static int set_converted(struct fl_picture *p, const struct fl_window *window, const struct fl_view_frame *frame)
{
    unsigned width = frame->desc.width, height = frame->desc.height;
    limit_size(window, &width, &height);
    int error = fl_convert(&p->convert, frame, AV_PIX_FMT_BGR0, width, height);
    return error < 0 ? error : fl_picture_set_pixels(p, window, p->convert.pixels, p->convert.stride, width, height);
}

int fl_picture_set_frame(struct fl_picture *p, const struct fl_window *window, const struct fl_view_frame *frame)
{
    struct fl_colour colour = fl_colour_of(frame);
    struct fl_colour_way way;
    unsigned width = frame->desc.width, height = frame->desc.height;
    limit_size(window, &width, &height);
    p->straight = width == frame->desc.width && fl_colour_straight(frame, &colour, &way);
    int error = p->straight ? prepare(p, window, &way, width, height) : set_converted(p, window, frame);
    if (error == 0 && p->straight)
        error = upload(p, frame);
    if (error == 0)
        *(p->straight ? &p->straight_frames : &p->converted_frames) += 1;
    return error;
}

int fl_picture_set_pixels(struct fl_picture *p, const struct fl_window *window, const uint8_t *pixels, int stride, unsigned width,
                          unsigned height)
{
    int error = prepare(p, window, &converted, width, height);
    if (error < 0)
        return error;
    return SDL_UpdateTexture(p->texture, NULL, pixels, stride) < 0 ? -EIO : 0;
}

void fl_picture_draw(const struct fl_picture *p, const struct fl_window *window, const struct fl_place_picture *how,
                     const struct fl_place *place)
{
    struct fl_place box = fl_place_unturned(place, how->turns);
    SDL_FRect to = {(float)box.x, (float)box.y, (float)box.width, (float)box.height};
    if (!p->texture)
        return;
    SDL_SetYUVConversionMode(p->way.mode);
    if (how->turns == 0 && !how->flip)
        SDL_RenderCopyF(window->renderer, p->texture, NULL, &to);
    else
        SDL_RenderCopyExF(window->renderer, p->texture, NULL, &to, 90.0 * how->turns, NULL,
                          how->flip ? SDL_FLIP_HORIZONTAL : SDL_FLIP_NONE);
}

void fl_picture_finish(struct fl_picture *p)
{
    if (p->texture)
        SDL_DestroyTexture(p->texture);
    fl_convert_finish(&p->convert);
    *p = (struct fl_picture){0};
}
