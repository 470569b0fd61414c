/* The window and its renderer: SDL2, one thread, which is the one that opened it. X11, Wayland, or SDL_VIDEODRIVER=dummy. */
#ifndef FL_VIEW_WINDOW_H
#define FL_VIEW_WINDOW_H

#include <SDL2/SDL.h>
#include <stdbool.h>
#include <stdint.h>

struct fl_window_options {
    const char *title;
    unsigned width, height; /* of the picture as it is to be seen; the window is no larger than the screen allows */
    bool fullscreen, vsync, hidden;
};

struct fl_window {
    SDL_Window *window;
    SDL_Renderer *renderer;
    SDL_RendererInfo info;
    unsigned width, height; /* what is drawn on, in device pixels */
    double scale;           /* device pixels a unit of SDL's events: 2 on a screen of double density */
    uint64_t refresh_ns;    /* time of one refresh of the screen */
    bool fullscreen, vsync;
    int before_width, before_height; /* of the window, before it took the full screen; 0: it has not */
    unsigned largest; /* texture, in either direction; 0: no limit known */
};

/* -ENODEV: no display; -EIO: no window or renderer. SDL_GetError says why. On failure nothing is left open. */
int fl_window_open(struct fl_window *window, const struct fl_window_options *options);
void fl_window_close(struct fl_window *window); /* accepts a zeroed one */

/* To the size of a picture that was not known when the window was opened. Not in full screen. */
void fl_window_fit(struct fl_window *window, unsigned width, unsigned height);

/* After SDL said that size, screen or density may have changed. */
void fl_window_measure(struct fl_window *window);

void fl_window_set_fullscreen(struct fl_window *window, bool fullscreen);

/* Where the pointer is, in device pixels. */
void fl_window_pointer(const struct fl_window *window, double *x, double *y);

#endif
