#include "top.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define PATIENCE_MS 300

static void watched_free(gpointer data)
{
    FlWatched *run = data;
    fl_remote_close(run->remote);
    fl_shown_free(run->shown);
    g_free(run->trouble);
    g_free(run->name);
    g_free(run);
}

void fl_top_init(FlTop *top, const char *wanted)
{
    *top = (FlTop){.wanted = g_strdup(wanted), .watched = g_ptr_array_new_with_free_func(watched_free)};
}

void fl_top_finish(FlTop *top)
{
    g_ptr_array_unref(top->watched);
    g_free(top->wanted);
    g_free(top->trouble);
}

/* ---- asking ---- */

static FlWatched *find(FlTop *top, const char *name)
{
    for (guint i = 0; i < top->watched->len; i++) {
        FlWatched *run = g_ptr_array_index(top->watched, i);
        if (strcmp(run->name, name) == 0)
            return run;
    }
    FlWatched *run = g_new0(FlWatched, 1);
    run->name = g_strdup(name);
    g_ptr_array_add(top->watched, run);
    return run;
}

/* Marks those that are there, and makes the new ones known. */
static void look_around(FlTop *top)
{
    g_clear_pointer(&top->trouble, g_free);
    for (guint i = 0; i < top->watched->len; i++)
        ((FlWatched *)g_ptr_array_index(top->watched, i))->there = FALSE;
    if (top->wanted) {
        find(top, top->wanted)->there = TRUE;
        return;
    }
    g_auto(GStrv) names = fl_remote_runs(&top->trouble);
    for (char **name = names; name && *name; name++)
        find(top, *name)->there = TRUE;
    if (names && !*names)
        top->trouble = g_strdup("nothing runs; framelane run starts something");
}

static void hang_up(FlWatched *run)
{
    g_clear_pointer(&run->remote, fl_remote_close);
}

static void ask(FlWatched *run)
{
    g_clear_pointer(&run->trouble, g_free);
    if (!run->remote)
        run->remote = fl_remote_open(run->name, &run->trouble);
    run->asked = run->remote && fl_remote_ask_status(run->remote, &run->trouble);
    if (!run->asked)
        hang_up(run);
}

static void take(FlWatched *run, gint64 until_us)
{
    if (!run->asked)
        return;
    int left_ms = (int)MAX(0, (until_us - g_get_monotonic_time()) / 1000);
    g_autofree char *text = fl_remote_take_status(run->remote, left_ms, &run->trouble);
    if (!text) {
        hang_up(run); /* what may still come would be taken for the answer to the next question */
        return;
    }
    FlShown *shown = fl_shown_parse(text);
    if (!shown)
        return;
    fl_shown_free(run->shown);
    run->shown = shown;
}

void fl_top_refresh(FlTop *top)
{
    look_around(top);
    for (guint i = top->watched->len; i-- > 0;)
        if (!((FlWatched *)g_ptr_array_index(top->watched, i))->there)
            g_ptr_array_remove_index(top->watched, i);
    gint64 until_us = g_get_monotonic_time() + PATIENCE_MS * 1000;
    for (guint i = 0; i < top->watched->len; i++)
        ask(g_ptr_array_index(top->watched, i));
    for (guint i = 0; i < top->watched->len; i++)
        take(g_ptr_array_index(top->watched, i), until_us);
}

/* ---- showing ---- */

static void add_note(GPtrArray *rows, const char *text)
{
    FlRow *row = g_new0(FlRow, 1);
    row->kind = text ? FL_ROW_NOTE : FL_ROW_EMPTY;
    row->text = g_strdup(text ? text : "");
    g_ptr_array_add(rows, row);
}

static void append_page(GPtrArray *rows, const FlWatched *run, const FlPageStyle *style)
{
    if (run->shown) {
        GPtrArray *page = fl_page_rows(run->shown, style);
        g_ptr_array_set_free_func(page, NULL);
        g_ptr_array_extend_and_steal(rows, page);
    }
    if (run->trouble)
        add_note(rows, run->trouble);
}

GPtrArray *fl_top_rows(const FlTop *top, const FlPageStyle *style)
{
    GPtrArray *rows = g_ptr_array_new_with_free_func(fl_row_free);
    for (guint i = 0; i < top->watched->len; i++) {
        if (i > 0)
            add_note(rows, NULL);
        append_page(rows, g_ptr_array_index(top->watched, i), style);
    }
    if (top->trouble)
        add_note(rows, top->trouble);
    return rows;
}

static gboolean print_page(const FlTop *top, const FlPageStyle *style)
{
    g_autoptr(GPtrArray) rows = fl_top_rows(top, style);
    for (guint i = 0; i < rows->len; i++)
        if (printf("%s\n", ((FlRow *)g_ptr_array_index(rows, i))->text) < 0)
            return FALSE;
    return printf("\n") > 0 && fflush(stdout) == 0;
}

/* TRUE while there is something to watch; else why not has been said. */
static gboolean any(const FlTop *top)
{
    const FlWatched *wanted = top->wanted ? g_ptr_array_index(top->watched, 0) : NULL;
    const char *trouble = wanted ? wanted->trouble : top->trouble;
    if (trouble)
        fprintf(stderr, "framelane top: %s\n", trouble);
    return !trouble;
}

int fl_top_print(FlTop *top, const FlPageStyle *style, unsigned interval_ms, unsigned rounds)
{
    struct timespec pause = {interval_ms / 1000, (long)(interval_ms % 1000) * 1000000};
    for (unsigned round = 0; rounds == 0 || round < rounds; round++) {
        if (round > 0)
            nanosleep(&pause, NULL);
        fl_top_refresh(top);
        if (!any(top))
            return round == 0 && top->wanted ? 1 : 0;
        if (!print_page(top, style))
            return 0; /* nobody reads any more */
    }
    return 0;
}
