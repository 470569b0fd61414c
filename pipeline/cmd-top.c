/* framelane-top: `framelane top` as a program of its own, so that only it carries the terminal library. */
#include "top.h"

#include <curses.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ESCAPE_MS   25 /* after Esc, for the rest of a key's sequence */
#define MOST_GUESTS 4  /* of a run: what is its own comes first */
#define MOST_VERBS  8  /* started from here and still at work: windows */

typedef struct {
    FlTop top;
    FlPageStyle style;
    unsigned interval_ms;
    const char *framelane;  /* the program that v and r start; NULL: unknown */
    guint selected, stages; /* among the stages of all runs, as they are shown */
    int first;              /* line of the text that is shown at the top */
    gboolean help;
    char *said;            /* by a verb that was started from here; NULL: nothing */
    char *target;          /* RUN/STAGE of the selected stage; NULL: none */
    int verbs[MOST_VERBS]; /* their standard errors; -1: none */
} Screen;

static volatile sig_atomic_t quit;

static void on_signal(int number)
{
    quit = number;
}

/* ---- drawing ---- */

enum { PLAIN, GOOD, WARM, HOT };

static void set_up_colours(void)
{
    const char *no_color = g_getenv("NO_COLOR");
    if ((no_color && *no_color) || !has_colors())
        return;
    start_color();
    use_default_colors();
    init_pair(GOOD, COLOR_GREEN, -1);
    init_pair(WARM, COLOR_YELLOW, -1);
    init_pair(HOT, COLOR_RED, -1);
}

static attr_t look_of(const FlRow *row, gboolean selected)
{
    attr_t look = selected ? A_REVERSE : 0;
    switch (row->kind) {
    case FL_ROW_RUN:
        return look | A_BOLD;
    case FL_ROW_TITLE:
        return look | A_DIM | A_UNDERLINE;
    case FL_ROW_STAGE:
        return look | (row->stage->slowest ? A_BOLD | COLOR_PAIR(HOT) : 0);
    case FL_ROW_LANE:
        return look | (row->lane->full_share >= 0.5 || row->lane->no_credit ? COLOR_PAIR(WARM) : 0);
    case FL_ROW_NOTE:
        return look | COLOR_PAIR(HOT);
    default:
        return look;
    }
}

/* As much of it as the line has room for. */
static void put_line(int y, const char *text, attr_t look)
{
    glong length = g_utf8_strlen(text, -1);
    int room = MIN(COLS, (int)length);
    attrset(look);
    mvaddnstr(y, 0, text, (int)(g_utf8_offset_to_pointer(text, room) - text));
    if (look & A_REVERSE)
        for (int x = room; x < COLS; x++)
            mvaddch(y, x, ' ');
    attrset(0);
}

static void remember_target(Screen *screen, const GPtrArray *rows, guint at)
{
    const char *run = "";
    g_clear_pointer(&screen->target, g_free);
    for (guint i = 0; i < screen->top.watched->len; i++) {
        const FlWatched *watched = g_ptr_array_index(screen->top.watched, i);
        const FlShownStage *stage = ((FlRow *)g_ptr_array_index(rows, at))->stage;
        if (watched->shown && stage >= watched->shown->stages && stage < watched->shown->stages + watched->shown->stage_count)
            run = watched->name;
    }
    screen->target = g_strdup_printf("%s/%s", run, ((FlRow *)g_ptr_array_index(rows, at))->stage->name);
}

/* Keeps the selected line on the screen, whose text has `lines` of them. */
static void scroll_to(Screen *screen, int line, int count, int lines)
{
    screen->first = CLAMP(screen->first, MAX(0, line - lines + 1), MAX(0, line));
    screen->first = CLAMP(screen->first, 0, MAX(0, count - lines));
}

static int find_selected(Screen *screen, const GPtrArray *rows)
{
    int line = 0;
    screen->stages = 0;
    for (guint i = 0; i < rows->len; i++)
        screen->stages += ((FlRow *)g_ptr_array_index(rows, i))->stage != NULL;
    screen->selected = screen->stages ? MIN(screen->selected, screen->stages - 1) : 0;
    guint left = screen->selected;
    for (guint i = 0; i < rows->len && screen->stages; i++) {
        if (!((FlRow *)g_ptr_array_index(rows, i))->stage || left-- > 0)
            continue;
        line = (int)i;
        remember_target(screen, rows, i);
        break;
    }
    return line;
}

static const char *const help_lines[] = {
    "up down j k   choose a stage",
    "s             sort stages: as connected, by cpu, ms/frame, age, memory",
    "l             show or hide lanes",
    "v             look at what the stage gives (framelane view)",
    "r             restart the stage (not built yet)",
    "space         ask now",
    "?             this; any key leaves it",
    "q Esc         quit",
    "",
    "FPS and CPU% are of the last 2 s, ms/f (work a frame, median and 99th percentile) and full of the last 10 s, 60 s a minute.",
    "AGE: from when the frame was due at its source until the stage was done with it. CREDITS: frames under way / allowed.",
};

static void draw_help(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(help_lines) && (int)i < LINES; i++)
        put_line((int)i, help_lines[i], i < 8 ? A_BOLD : 0);
}

static void draw_rows(Screen *screen)
{
    g_autoptr(GPtrArray) rows = fl_top_rows(&screen->top, &screen->style);
    int lines = MAX(1, LINES - 1), line = find_selected(screen, rows);
    scroll_to(screen, line, (int)rows->len, lines);
    for (int y = 0; y < lines && screen->first + y < (int)rows->len; y++) {
        const FlRow *row = g_ptr_array_index(rows, screen->first + y);
        put_line(y, row->text, look_of(row, row->stage && screen->first + y == line));
    }
}

static void draw(Screen *screen)
{
    g_autofree char *keys = g_strdup_printf("sort[s] %s  lanes[l] view[v] restart[r] help[?] quit[q]  %s",
                                            fl_sort_name(screen->style.sort), screen->target ? screen->target : "");
    erase();
    if (screen->help)
        draw_help();
    else
        draw_rows(screen);
    put_line(LINES - 1, screen->said ? screen->said : keys, screen->said ? A_BOLD : A_DIM);
    refresh();
}

/* ---- verbs started from here ---- */

static int *free_place(Screen *screen)
{
    for (unsigned i = 0; i < MOST_VERBS; i++)
        if (screen->verbs[i] < 0)
            return &screen->verbs[i];
    return NULL;
}

/* A window may stay open for long: others can be opened meanwhile. */
static void start_verb(Screen *screen, const char *verb)
{
    char *argv[] = {(char *)screen->framelane, (char *)verb, screen->target, NULL};
    int *says = free_place(screen);
    g_clear_pointer(&screen->said, g_free);
    if (!screen->target || !screen->framelane)
        return;
    if (!says) {
        screen->said = g_strdup_printf("%d windows are open; close one before another is opened", MOST_VERBS);
        return;
    }
    if (!g_spawn_async_with_pipes(NULL, argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL, NULL, says, NULL)) {
        screen->said = g_strdup_printf("%s cannot be started", screen->framelane);
        *says = -1;
    }
}

/* What one said when it could not do it. */
static void hear_verb(Screen *screen, int *says)
{
    char text[512];
    struct pollfd one = {*says, POLLIN, 0};
    if (*says < 0 || poll(&one, 1, 0) <= 0)
        return;
    ssize_t got = read(*says, text, sizeof text - 1);
    if (got <= 0) {
        close(*says);
        *says = -1;
        return;
    }
    text[got] = 0;
    g_free(screen->said);
    screen->said = g_utf8_make_valid(text, (gssize)strcspn(text, "\n"));
}

/* ---- the loop ---- */

/* TRUE: go on. */
static gboolean take_key(Screen *screen, int key)
{
    if (key != ERR && key != KEY_RESIZE) {
        g_clear_pointer(&screen->said, g_free);
        if (screen->help) {
            screen->help = FALSE;
            return TRUE;
        }
    }
    switch (key) {
    case 'q':
    case 27:
        return FALSE;
    case 's':
        screen->style.sort = (screen->style.sort + 1) % FL_SORT_COUNT;
        break;
    case 'l':
        screen->style.lanes = !screen->style.lanes;
        break;
    case 'v':
        start_verb(screen, "view");
        break;
    case 'r':
        start_verb(screen, "restart");
        break;
    case '?':
        screen->help = TRUE;
        break;
    case KEY_DOWN:
    case 'j':
        screen->selected += screen->selected + 1 < screen->stages;
        break;
    case KEY_UP:
    case 'k':
        screen->selected -= screen->selected > 0;
        break;
    }
    return TRUE;
}

static void loop(Screen *screen)
{
    gint64 next_us = 0;
    int key = ERR;
    do {
        gint64 now = g_get_monotonic_time();
        if (now >= next_us || key == ' ') {
            fl_top_refresh(&screen->top);
            next_us = now + (gint64)screen->interval_ms * 1000;
        }
        for (unsigned i = 0; i < MOST_VERBS; i++)
            hear_verb(screen, &screen->verbs[i]);
        draw(screen);
        timeout((int)MAX(1, (next_us - g_get_monotonic_time()) / 1000));
        key = getch();
    } while (!quit && take_key(screen, key));
}

static int show(Screen *screen)
{
    struct sigaction stop = {.sa_handler = on_signal};
    if (!newterm(NULL, stdout, stdin)) {
        fprintf(stderr, "framelane top: this terminal (TERM=%s) cannot be drawn on; framelane top -b prints text\n",
                g_getenv("TERM") ? g_getenv("TERM") : "");
        return 1;
    }
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    set_up_colours();
    set_escdelay(ESCAPE_MS);
    noecho();
    cbreak();
    keypad(stdscr, TRUE);
    curs_set(0);
    loop(screen);
    endwin();
    g_free(screen->said);
    g_free(screen->target);
    return 0;
}

typedef struct {
    gboolean batch;
    int rounds;
    double seconds;
    char *framelane;
    char **runs;
} Words;

static int run(Words *w)
{
    Screen screen = {.interval_ms = (unsigned)(w->seconds * 1000), .framelane = w->framelane};
    int status;
    for (unsigned i = 0; i < MOST_VERBS; i++)
        screen.verbs[i] = -1;
    screen.style = (FlPageStyle){.lanes = TRUE, .guests = MOST_GUESTS, .plain = !fl_page_has_utf8()};
    fl_top_init(&screen.top, w->runs ? w->runs[0] : NULL);
    if (w->batch || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
        status = fl_top_print(&screen.top, &screen.style, screen.interval_ms, (unsigned)w->rounds);
    else
        status = show(&screen);
    fl_top_finish(&screen.top);
    return status;
}

int main(int argc, char **argv)
{
    Words w = {.seconds = 1};
    const GOptionEntry entries[] = {
        {"batch", 'b', 0, G_OPTION_ARG_NONE, &w.batch, NULL, NULL},
        {"rounds", 'n', 0, G_OPTION_ARG_INT, &w.rounds, NULL, NULL},
        {"delay", 'd', 0, G_OPTION_ARG_DOUBLE, &w.seconds, NULL, NULL},
        {"framelane", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &w.framelane, NULL, NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &w.runs, NULL, NULL},
        {NULL},
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    int status = 2;
    setlocale(LC_ALL, "");
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        fprintf(stderr, "framelane top: %s\n", error->message);
    else if (w.runs && w.runs[1])
        fprintf(stderr, "framelane top: one RUN, or none for all ('%s' is too much)\n", w.runs[1]);
    else if (!(w.seconds >= 0.1 && w.seconds <= 3600) || w.rounds < 0)
        fprintf(stderr, "framelane top: -d takes seconds from 0.1, -n a number of pages\n");
    else
        status = run(&w);
    g_free(w.framelane);
    g_strfreev(w.runs);
    return status;
}
