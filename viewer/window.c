#include "window.h"

#include <errno.h>
#include <string.h>

#define SCREEN_SHARE 0.9 /* of the usable screen, for a picture that is larger */
#define LEAST_WIDTH  160
#define LEAST_HEIGHT 90
#define USUAL_HZ     60

static void set_hints(void)
{
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    SDL_SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
#ifdef SDL_HINT_APP_NAME
    SDL_SetHint(SDL_HINT_APP_NAME, "framelane");
#endif
}

/* The size of the picture, with the same aspect where the screen is smaller. */
static void choose_size(const struct fl_window_options *options, int *width, int *height)
{
    SDL_Rect screen;
    double w = options->width ? options->width : 640, h = options->height ? options->height : 360, share = 1;
    if (SDL_GetDisplayUsableBounds(0, &screen) == 0 && (w > screen.w || h > screen.h))
        share = SDL_min(screen.w * SCREEN_SHARE / w, screen.h * SCREEN_SHARE / h);
    *width = SDL_max(LEAST_WIDTH, (int)(w * share + 0.5));
    *height = SDL_max(LEAST_HEIGHT, (int)(h * share + 0.5));
}

static int open_window(struct fl_window *w, const struct fl_window_options *options)
{
    Uint32 flags = SDL_WINDOW_RESIZABLE | SDL_WINDOW_ALLOW_HIGHDPI | (options->fullscreen ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0) |
                   (options->hidden ? SDL_WINDOW_HIDDEN : 0);
    int width, height;
    choose_size(options, &width, &height);
    w->window = SDL_CreateWindow(options->title, SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, width, height, flags);
    if (!w->window)
        return -EIO;
    w->renderer = SDL_CreateRenderer(w->window, -1, options->vsync ? SDL_RENDERER_PRESENTVSYNC : 0);
    if (!w->renderer)
        w->renderer = SDL_CreateRenderer(w->window, -1, SDL_RENDERER_SOFTWARE);
    if (!w->renderer || SDL_GetRendererInfo(w->renderer, &w->info) < 0)
        return -EIO;
    w->vsync = w->info.flags & SDL_RENDERER_PRESENTVSYNC;
    w->largest = (unsigned)SDL_min(w->info.max_texture_width, w->info.max_texture_height);
    w->fullscreen = options->fullscreen;
    return 0;
}

/* Where there is no screen SDL falls back to windows that nobody can see, which is for those who ask for it. */
static bool has_screen(void)
{
    const char *driver = SDL_GetCurrentVideoDriver();
    const char *wanted = SDL_getenv("SDL_VIDEODRIVER");
    bool unseen = driver && (strcmp(driver, "offscreen") == 0 || strcmp(driver, "dummy") == 0 || strcmp(driver, "evdev") == 0);
    return !unseen || (wanted && *wanted);
}

int fl_window_open(struct fl_window *w, const struct fl_window_options *options)
{
    *w = (struct fl_window){.scale = 1};
    set_hints();
    if (SDL_InitSubSystem(SDL_INIT_VIDEO | SDL_INIT_EVENTS) < 0)
        return -ENODEV;
    int error = has_screen() ? open_window(w, options) : -ENODEV;
    if (error < 0) {
        fl_window_close(w);
        return error;
    }
    SDL_StartTextInput();
    fl_window_measure(w);
    return 0;
}

void fl_window_close(struct fl_window *w)
{
    if (w->renderer)
        SDL_DestroyRenderer(w->renderer);
    if (w->window)
        SDL_DestroyWindow(w->window);
    *w = (struct fl_window){0};
    SDL_QuitSubSystem(SDL_INIT_VIDEO | SDL_INIT_EVENTS);
    if (SDL_WasInit(0) == 0)
        SDL_Quit(); /* what SDL keeps besides: hints, the log */
    SDL_TLSCleanup(); /* this thread may be none of SDL's own, which would do it */
}

void fl_window_fit(struct fl_window *w, unsigned width, unsigned height)
{
    struct fl_window_options wanted = {.width = width, .height = height};
    int to_width, to_height;
    if (w->fullscreen)
        return;
    choose_size(&wanted, &to_width, &to_height);
    SDL_SetWindowSize(w->window, to_width, to_height);
    SDL_SetWindowPosition(w->window, SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED);
    fl_window_measure(w);
}

void fl_window_measure(struct fl_window *w)
{
    SDL_DisplayMode mode;
    int width = 1, height = 1, units = 1;
    SDL_GetRendererOutputSize(w->renderer, &width, &height);
    SDL_GetWindowSize(w->window, &units, NULL);
    w->width = (unsigned)SDL_max(1, width);
    w->height = (unsigned)SDL_max(1, height);
    w->scale = units > 0 ? (double)width / units : 1;
    int display = SDL_GetWindowDisplayIndex(w->window);
    int hz = SDL_GetCurrentDisplayMode(SDL_max(0, display), &mode) == 0 && mode.refresh_rate > 0 ? mode.refresh_rate : USUAL_HZ;
    w->refresh_ns = 1000000000ull / (unsigned)hz;
}

/* The size from before is asked for again: where no window manager is, nobody else does. */
void fl_window_set_fullscreen(struct fl_window *w, bool fullscreen)
{
    if (fullscreen)
        SDL_GetWindowSize(w->window, &w->before_width, &w->before_height);
    if (SDL_SetWindowFullscreen(w->window, fullscreen ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0) == 0)
        w->fullscreen = fullscreen;
    if (!w->fullscreen && w->before_width > 0)
        SDL_SetWindowSize(w->window, w->before_width, w->before_height);
    fl_window_measure(w);
}

void fl_window_pointer(const struct fl_window *w, double *x, double *y)
{
    int at_x, at_y;
    SDL_GetMouseState(&at_x, &at_y);
    *x = (at_x + 0.5) * w->scale;
    *y = (at_y + 0.5) * w->scale;
}
