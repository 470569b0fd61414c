/* framelane-view: what `framelane view` and `framelane snap` become. It looks into a run of the same user from outside; all that it
 * has of it are read-only descriptors, so that nothing which happens here can reach the run. */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "outside.h"
#include "snap.h"
#include "viewer.h"

#define FIRST_MS 1000 /* for a frame whose size the window can take */

enum { GOOD = 0, FAILED = 1, USAGE = 2, CANNOT_START = 4 };

typedef struct {
    const char *verb;
    char *run, *stage; /* stage NULL: none was named */
    char **rest;
    struct fl_viewer_options window;
    char *size, *zoom, *against, *frame;
    int history;
    gboolean wait, once, fullscreen, no_vsync, overlay, no_overwrite;
    double timeout;
} Words;

static int complain(const Words *w, int status, const char *format, ...) G_GNUC_PRINTF(3, 4);
static int complain(const Words *w, int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fprintf(stderr, "framelane %s: %s\n", w->verb, message);
    if (status == USAGE)
        fprintf(stderr, "(framelane %s --help says more)\n", w->verb);
    return status;
}

/* ---- words ---- */

static int take_target(Words *w)
{
    const char *target = w->rest && *w->rest ? w->rest[0] : NULL;
    if (!target)
        return complain(w, USAGE, "which RUN[/STAGE]? framelane ls lists runs");
    const char *slash = strchr(target, '/');
    w->run = slash ? g_strndup(target, (gsize)(slash - target)) : g_strdup(target);
    w->stage = slash && slash[1] ? g_strdup(slash + 1) : NULL;
    return GOOD;
}

static int take_window(Words *w)
{
    int read = 0;
    if (w->size && (sscanf(w->size, "%ux%u%n", &w->window.width, &w->window.height, &read) != 2 || w->size[read] ||
                    !w->window.width || !w->window.height || w->window.width > 32768 || w->window.height > 32768))
        return complain(w, USAGE, "--size takes WxH, for example 1280x720");
    if (w->zoom && strcmp(w->zoom, "fit") != 0 && strcmp(w->zoom, "1:1") != 0)
        return complain(w, USAGE, "--zoom takes fit or 1:1");
    if (w->history < -1)
        return complain(w, USAGE, "--history takes a number of frames");
    w->window.actual_size = g_strcmp0(w->zoom, "1:1") == 0;
    w->window.history = w->history > 0 ? (unsigned)w->history : 0;
    w->window.history_off = w->history == 0;
    w->window.history_at_once = w->history > 0;
    w->window.fullscreen = w->fullscreen;
    w->window.no_vsync = w->no_vsync;
    w->window.overlay = w->overlay;
    return GOOD;
}

/* 0; what is no option is in w->rest then. */
static int take_options(Words *w, int argc, char **argv, const GOptionEntry *entries)
{
    const GOptionEntry rest[] = {{G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &w->rest, NULL, NULL}, {NULL}};
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_add_main_entries(context, rest, NULL);
    return g_option_context_parse(context, &argc, &argv, &error) ? GOOD : complain(w, USAGE, "%s", error->message);
}

static int check_view(Words *w)
{
    if (w->rest && *w->rest && w->rest[1])
        return complain(w, USAGE, "one RUN[/STAGE] at a time ('%s' is too much)", w->rest[1]);
    int status = take_target(w);
    return status == GOOD ? take_window(w) : status;
}

static int parse_view(Words *w, int argc, char **argv)
{
    const GOptionEntry entries[] = {
        {"size", 0, 0, G_OPTION_ARG_STRING, &w->size, NULL, NULL},
        {"zoom", 0, 0, G_OPTION_ARG_STRING, &w->zoom, NULL, NULL},
        {"fullscreen", 0, 0, G_OPTION_ARG_NONE, &w->fullscreen, NULL, NULL},
        {"no-vsync", 0, 0, G_OPTION_ARG_NONE, &w->no_vsync, NULL, NULL},
        {"overlay", 0, 0, G_OPTION_ARG_NONE, &w->overlay, NULL, NULL},
        {"against", 0, 0, G_OPTION_ARG_STRING, &w->against, NULL, NULL},
        {"history", 0, 0, G_OPTION_ARG_INT, &w->history, NULL, NULL},
        {"screenshot", 0, 0, G_OPTION_ARG_FILENAME, &w->window.screenshot, NULL, NULL},
        {"title", 0, 0, G_OPTION_ARG_FILENAME, &w->window.title, NULL, NULL},
        {"font", 0, 0, G_OPTION_ARG_FILENAME, &w->window.font, NULL, NULL},
        {"events", 0, 0, G_OPTION_ARG_FILENAME, &w->window.events, NULL, NULL},
        {"wait", 0, 0, G_OPTION_ARG_NONE, &w->wait, NULL, NULL},
        {"once", 0, 0, G_OPTION_ARG_NONE, &w->once, NULL, NULL},
        {NULL},
    };
    int status = take_options(w, argc, argv, entries);
    return status == GOOD ? check_view(w) : status;
}

static int check_snap(Words *w)
{
    static const char *const others[] = {".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", NULL};
    if (!w->rest || !*w->rest || !w->rest[1])
        return complain(w, USAGE, "of which RUN[/STAGE], into which file? for example: framelane snap cam1/scale out.png");
    if (w->rest[2])
        return complain(w, USAGE, "one RUN[/STAGE] and one file ('%s' is too much)", w->rest[2]);
    for (unsigned i = 0; others[i]; i++)
        if (g_str_has_suffix(w->rest[1], others[i]))
            return complain(w, USAGE, "'%s': it writes PNG and nothing else; name it so", w->rest[1]);
    if (w->frame && strcmp(w->frame, "now") != 0 && strcmp(w->frame, "next") != 0)
        return complain(w, USAGE, "--frame takes now or next");
    if (!(w->timeout > 0 && w->timeout <= 86400))
        return complain(w, USAGE, "--timeout takes seconds");
    return take_target(w);
}

static int parse_snap(Words *w, int argc, char **argv)
{
    const GOptionEntry entries[] = {
        {"frame", 0, 0, G_OPTION_ARG_STRING, &w->frame, NULL, NULL},
        {"timeout", 0, 0, G_OPTION_ARG_DOUBLE, &w->timeout, NULL, NULL},
        {"no-overwrite", 0, 0, G_OPTION_ARG_NONE, &w->no_overwrite, NULL, NULL},
        {NULL},
    };
    int status = take_options(w, argc, argv, entries);
    return status == GOOD ? check_snap(w) : status;
}

/* ---- a window ---- */

static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGHUP);
    sigaddset(signals, SIGUSR1); /* our own word for: the window is closed */
    pthread_sigmask(SIG_BLOCK, signals, NULL);
}

/* A signal closes the window as `q` does. Before there is one it ends the program, as anywhere. */
static void *wait_for_signals(void *arg)
{
    sigset_t signals;
    int which = 0;
    block_signals(&signals);
    sigwait(&signals, &which);
    if (which != SIGUSR1)
        fl_viewer_stop(arg);
    return NULL;
}

/* The run is over, and its last frame has been on the screen. */
static bool is_over(struct fl_view_source *source)
{
    struct fl_present_frame waiting[FL_VIEW_WAITING];
    struct fl_view_counts counts;
    uint64_t first;
    fl_view_source_counts(source, &counts);
    return counts.state != FL_VIEW_LIVE && counts.came > 0 && fl_view_source_waiting(source, waiting, &first) == 0;
}

static void show(const Words *w, struct fl_viewer *viewer, struct fl_view_source *source)
{
    pthread_t signals;
    bool waits = pthread_create(&signals, NULL, wait_for_signals, viewer) == 0;
    fl_viewer_show(viewer);
    while (fl_viewer_step(viewer, 250) && !(w->once && is_over(source)))
        ;
    if (waits) {
        pthread_kill(signals, SIGUSR1);
        pthread_join(signals, NULL);
    }
}

static int open_window(Words *w, struct fl_outside *outside)
{
    char words[200] = "";
    struct fl_viewer *viewer;
    struct fl_desc like;
    sigset_t signals;
    if (!w->wait && fl_outside_first(outside, FIRST_MS, &like))
        w->window.like = &like;
    w->window.hidden = true;
    block_signals(&signals); /* in the threads of the window too */
    int error = fl_viewer_create(&w->window, fl_outside_source(outside), &viewer, words, sizeof words);
    if (error < 0)
        return complain(
            w, CANNOT_START, "no window can be opened: %s%s", *words ? words : strerror(-error),
            error == -ENODEV ? "; set DISPLAY or WAYLAND_DISPLAY, or SDL_VIDEODRIVER=dummy for a window that nobody sees" : "");
    show(w, viewer, fl_outside_source(outside));
    fl_viewer_destroy(viewer);
    return GOOD;
}

static int view(Words *w)
{
    struct fl_outside_options options = {.run = w->run, .stage = w->stage, .against = w->against, .wait = w->wait};
    struct fl_outside *outside;
    char words[400] = "";
    signal(SIGPIPE, SIG_IGN);
    if (fl_outside_create(&options, &outside, words, sizeof words) < 0)
        return complain(w, FAILED, "%s", words);
    int status = open_window(w, outside);
    fl_outside_destroy(outside);
    return status;
}

static int snap(const Words *w)
{
    struct fl_snap_options options = {.run = w->run,
                                      .stage = w->stage,
                                      .file = w->rest[1],
                                      .next = g_strcmp0(w->frame, "next") == 0,
                                      .keep = w->no_overwrite,
                                      .patience_ms = (int)(w->timeout * 1000)};
    return fl_snap(&options);
}

/* The locale stays C's: with another one SDL names its windows in a way of its own, which few programs read. */
int main(int argc, char **argv)
{
    Words w = {.verb = argc > 1 ? argv[1] : "", .history = -1, .timeout = 10};
    int status = USAGE;
    if (strcmp(w.verb, "view") == 0)
        status = (status = parse_view(&w, argc - 1, argv + 1)) == GOOD ? view(&w) : status;
    else if (strcmp(w.verb, "snap") == 0)
        status = (status = parse_snap(&w, argc - 1, argv + 1)) == GOOD ? snap(&w) : status;
    else
        fprintf(stderr, "framelane-view looks into a run and is started by framelane; see framelane view --help\n");
    g_strfreev(w.rest);
    g_free(w.run);
    g_free(w.stage);
    return status;
}
