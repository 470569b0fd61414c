#include "inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "screenshot.h"

#define ZOOM_OF_SQUARES 4 /* from here on one wants to see the samples themselves */

/* ---- what the texture is of ---- */

/* A component has its own size (chroma is smaller) and is stretched to the picture's. */
static int upload_plane(struct fl_viewer *v)
{
    unsigned component = (unsigned)v->plane;
    uint8_t *pixels = fl_probe_component(v->shown, component);
    unsigned width = fl_view_component_width(v->shown, component), height = fl_view_component_height(v->shown, component);
    int error = pixels ? fl_picture_set_pixels(&v->picture, &v->window, pixels, (int)width * 4, width, height) : -ENOTSUP;
    free(pixels);
    return error;
}

static int upload_difference(struct fl_viewer *v)
{
    struct fl_difference *d = &v->subtraction;
    int error = fl_difference(d, v->pair_a, v->pair_b);
    return error < 0 ? error : fl_picture_set_pixels(&v->picture, &v->window, d->pixels, (int)d->width * 4, d->width, d->height);
}

static void upload(struct fl_viewer *v)
{
    uint64_t converted = v->picture.converted_frames;
    if (v->difference && v->pair_a)
        v->upload_error = upload_difference(v);
    else if (v->plane != FL_ALL_PLANES)
        v->upload_error = upload_plane(v);
    else
        v->upload_error = fl_picture_set_frame(&v->picture, &v->window, v->shown);
    if (v->picture.converted_frames > converted)
        fl_view_source_copied(v->source, (uint64_t)v->picture.convert.stride * v->picture.convert.height);
    v->uploaded = true;
}

/* ---- where ---- */

void fl_viewer_place(struct fl_viewer *v)
{
    v->view.width = v->window.width;
    v->view.height = v->window.height;
    if (v->shown)
        v->how = fl_place_picture_of(v->difference && v->pair_a ? &v->pair_a->desc : &v->shown->desc);
    if (v->how.width && v->how.height) {
        fl_place_limit_pan(&v->how, &v->view);
        v->place = fl_place_work_out(&v->how, &v->view);
    }
}

static void paint(struct fl_viewer *v, uint64_t now)
{
    SDL_SetRenderDrawBlendMode(v->window.renderer, SDL_BLENDMODE_NONE);
    SDL_SetRenderDrawColor(v->window.renderer, 0, 0, 0, 255);
    SDL_RenderClear(v->window.renderer);
    fl_viewer_place(v);
    if (fl_picture_set_squares(&v->picture, v->place.zoom >= ZOOM_OF_SQUARES))
        v->uploaded = false;
    if (v->shown && !v->uploaded)
        upload(v);
    if (v->shown && !v->upload_error)
        fl_picture_draw(&v->picture, &v->window, &v->how, &v->place);
    fl_overlay_draw(v, now);
}

void fl_viewer_draw(struct fl_viewer *v, uint64_t now)
{
    paint(v, now);
    SDL_RenderPresent(v->window.renderer);
}

/* ---- screenshots ---- */

static int shoot_frame(struct fl_viewer *v, struct fl_screenshot *shot, uint8_t **made)
{
    struct fl_convert convert = {0};
    int error = fl_convert(&convert, v->shown, AV_PIX_FMT_BGR0, 0, 0);
    shot->pixels = *made = convert.pixels;
    shot->stride = convert.stride;
    convert.pixels = NULL;
    fl_convert_finish(&convert);
    return error;
}

int fl_viewer_shot(struct fl_viewer *v, struct fl_screenshot *shot, uint8_t **made)
{
    *made = NULL;
    if (!v->shown)
        return -EAGAIN;
    shot->picture = v->how;
    if (v->difference && v->pair_a) {
        shot->pixels = v->subtraction.pixels;
        shot->stride = (int)v->subtraction.width * 4;
        return v->uploaded && !v->upload_error ? 0 : -EAGAIN;
    }
    if (v->plane == FL_ALL_PLANES)
        return shoot_frame(v, shot, made);
    shot->picture.width = fl_view_component_width(v->shown, (unsigned)v->plane);
    shot->picture.height = fl_view_component_height(v->shown, (unsigned)v->plane);
    shot->stride = (int)shot->picture.width * 4;
    shot->pixels = *made = fl_probe_component(v->shown, (unsigned)v->plane);
    return *made ? 0 : -ENOTSUP;
}

int fl_viewer_window_shot(struct fl_viewer *v, struct fl_screenshot *shot, uint8_t **made)
{
    shot->picture = (struct fl_place_picture){.width = v->window.width, .height = v->window.height, .sar = 1};
    shot->stride = (int)v->window.width * 4;
    shot->pixels = *made = malloc((size_t)shot->stride * v->window.height);
    if (!*made)
        return -ENOMEM;
    paint(v, fl_viewer_now_ns());
    return SDL_RenderReadPixels(v->window.renderer, NULL, SDL_PIXELFORMAT_BGRA32, *made, shot->stride) < 0 ? -EIO : 0;
}
