#include "page.h"

#include <stdio.h>
#include <string.h>

#define HISTORY_COLUMNS 12
#define LONG_SECONDS    0.2 /* from when on it is worth telling how long a frame is held */
#define STUCK_SECONDS   1.0

void fl_row_free(gpointer data)
{
    FlRow *row = data;
    g_free(row->text);
    g_free(row);
}

/* Takes the text. */
static FlRow *add_row(GPtrArray *rows, enum fl_row kind, char *text)
{
    FlRow *row = g_new0(FlRow, 1);
    row->kind = kind;
    row->text = g_strchomp(text);
    g_ptr_array_add(rows, row);
    return row;
}

gboolean fl_page_has_utf8(void)
{
    return g_get_charset(NULL);
}

const char *fl_sort_name(enum fl_sort sort)
{
    static const char *const names[FL_SORT_COUNT] = {"graph", "cpu", "ms/frame", "age", "memory"};
    return names[sort];
}

/* ---- the run ---- */

static gboolean is_sink(const FlShown *shown, const FlShownStage *stage)
{
    for (guint i = 0; i < shown->lane_count; i++)
        if (strcmp(shown->lanes[i].from, stage->name) == 0 && strcmp(shown->lanes[i].carries, "video") == 0)
            return FALSE;
    return TRUE;
}

double fl_page_fps(const FlShown *shown)
{
    double most = 0;
    for (guint i = 0; i < shown->stage_count; i++)
        if (is_sink(shown, &shown->stages[i]))
            most = MAX(most, shown->stages[i].fps);
    return most;
}

static char *run_text(const FlShown *shown)
{
    g_autofree char *up = fl_shown_clock(shown->seconds), *in = fl_shown_count(shown->frames_in);
    g_autofree char *out = fl_shown_count(shown->frames_out), *lost = fl_shown_count(shown->dropped_error);
    g_autofree char *policy = fl_shown_count(shown->dropped_policy), *bytes = fl_shown_bytes(shown->pool_bytes);
    return g_strdup_printf("%s  up %s  in %s  out %s  lost %s  by policy %s  %s %s  %s", shown->run, up, in, out, lost, policy,
                           shown->transport, bytes, shown->state);
}

/* ---- stages ---- */

static double sort_key(const FlShownStage *stage, enum fl_sort sort)
{
    switch (sort) {
    case FL_SORT_CPU:
        return stage->cpu_percent;
    case FL_SORT_MS:
        return stage->ms_p50;
    case FL_SORT_AGE:
        return stage->age_p50_ms;
    case FL_SORT_MEMORY:
        return (double)stage->rss_bytes;
    default:
        return 0;
    }
}

static int by_key(gconstpointer a, gconstpointer b, gpointer data)
{
    const FlShownStage *one = *(FlShownStage *const *)a, *other = *(FlShownStage *const *)b;
    double x = sort_key(one, *(enum fl_sort *)data), y = sort_key(other, *(enum fl_sort *)data);
    return x > y ? -1 : x < y ? 1 : (one > other) - (one < other);
}

static int name_width(const FlShown *shown)
{
    gsize width = strlen("STAGE");
    for (guint i = 0; i < shown->stage_count; i++)
        width = MAX(width, strlen(shown->stages[i].name));
    return (int)width;
}

static char *stage_text(const FlShownStage *stage, int width)
{
    g_autofree char *age = stage->age_ms > 0 ? fl_shown_ms(stage->age_ms) : g_strdup("-"), *rss = fl_shown_bytes(stage->rss_bytes);
    g_autofree char *wait = fl_shown_wait(stage);
    gboolean lives = strcmp(stage->process, "-") != 0;
    return g_strdup_printf("%-*s %7" G_GINT64_FORMAT "  %s%s %7.1f %10.1f %6.1f %7s %5.0f %6s  %s%s", width, stage->name,
                           stage->pid, stage->process, stage->slowest ? "!" : " ", stage->fps, stage->ms_p50, stage->ms_p99, age,
                           stage->cpu_percent, rss, lives ? wait : stage->state, stage->slowest ? "  << slowest" : "");
}

static void add_stages(GPtrArray *rows, const FlShown *shown, const FlPageStyle *style)
{
    int width = name_width(shown);
    enum fl_sort sort = style->sort;
    g_autoptr(GPtrArray) order = g_ptr_array_new();
    for (guint i = 0; i < shown->stage_count; i++)
        g_ptr_array_add(order, &shown->stages[i]);
    g_ptr_array_sort_with_data(order, by_key, &sort);
    add_row(rows, FL_ROW_TITLE,
            g_strdup_printf("%-*s %7s  ST %7s %10s %6s %7s %5s %6s  %s", width, "STAGE", "PID", "FPS", "ms/f p50", "p99", "AGE",
                            "CPU%", "RSS", "WAITING FOR"));
    for (guint i = 0; i < order->len; i++) {
        const FlShownStage *stage = g_ptr_array_index(order, i);
        add_row(rows, FL_ROW_STAGE, stage_text(stage, width))->stage = stage;
    }
}

/* ---- lanes ---- */

static char *lane_name(const FlShownLane *lane, gboolean plain)
{
    const char *sound = strcmp(lane->carries, "video") == 0 ? "" : " (sound)";
    return g_strdup_printf("%s %s %s%s", lane->from, plain ? "->" : "→", lane->to, sound);
}

static char *pad(const char *text, int width)
{
    glong length = g_utf8_strlen(text, -1);
    return g_strdup_printf("%s%*s", text, length < width ? width - (int)length : 0, "");
}

static char *guest_name(const FlShownGuest *guest, gboolean plain)
{
    const char *sound = strcmp(guest->carries, "video") == 0 ? "" : " (sound)";
    return g_strdup_printf("%s %s %s (%" G_GINT64_FORMAT ")%s", guest->from, plain ? "->" : "→", guest->program, guest->pid, sound);
}

static int lane_width(const FlShown *shown, const FlPageStyle *style)
{
    int width = (int)strlen("LANE");
    for (guint i = 0; i < shown->lane_count; i++) {
        g_autofree char *name = lane_name(&shown->lanes[i], style->plain);
        width = MAX(width, (int)g_utf8_strlen(name, -1));
    }
    for (guint i = 0; i < shown->guest_count && i < style->guests; i++) {
        g_autofree char *name = guest_name(&shown->guests[i], style->plain);
        width = MAX(width, (int)g_utf8_strlen(name, -1));
    }
    return width;
}

static char *lane_text(const FlShownLane *lane, int width, gboolean plain)
{
    g_autofree char *bare = lane_name(lane, plain), *name = pad(bare, width), *note = fl_shown_lane_note(lane);
    g_autofree char *line = fl_shown_sparkline(lane, HISTORY_COLUMNS, plain);
    g_autofree char *use = g_strdup_printf("%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT, lane->in_use, lane->credits);
    return g_strdup_printf("%s  %-9s %7s %s %9" G_GINT64_FORMAT " %9" G_GINT64_FORMAT " %8" G_GINT64_FORMAT "  %s", name,
                           lane->when_full, use, line, lane->sent + lane->no_credit, MIN(lane->returned, lane->sent),
                           lane->no_credit + lane->superseded, note);
}

/* Whoever looks on holds nothing and is sent nothing: there is nothing to count. */
static char *guest_text(const FlShownGuest *guest, int width, gboolean plain)
{
    g_autofree char *bare = guest_name(guest, plain), *name = pad(bare, width), *note = fl_shown_guest_note(guest);
    g_autofree char *use = g_strdup_printf("%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT, guest->in_use, guest->credits);
    if (strcmp(guest->when_full, "peek") == 0)
        return g_strdup_printf("%s  %-9s %7s %*s %9s %9s %8s  %s", name, guest->when_full, "-", HISTORY_COLUMNS, "", "-", "-", "-",
                               note);
    return g_strdup_printf("%s  %-9s %7s %*s %9" G_GINT64_FORMAT " %9" G_GINT64_FORMAT " %8" G_GINT64_FORMAT "  %s", name,
                           guest->when_full, use, HISTORY_COLUMNS, "", guest->sent + guest->dropped, guest->returned,
                           guest->dropped, note);
}

static void add_guests(GPtrArray *rows, const FlShown *shown, const FlPageStyle *style, int width)
{
    guint count = MIN(shown->guest_count, style->guests);
    for (guint i = 0; i < count; i++)
        add_row(rows, FL_ROW_GUEST, guest_text(&shown->guests[i], width, style->plain));
    if (count < shown->guest_count)
        add_row(rows, FL_ROW_GUEST,
                g_strdup_printf("%u more from outside (framelane status %s)", shown->guest_count - count, shown->run));
}

static void add_lanes(GPtrArray *rows, const FlShown *shown, const FlPageStyle *style)
{
    int width = lane_width(shown, style);
    add_row(rows, FL_ROW_TITLE,
            g_strdup_printf("%-*s  WHEN-FULL CREDITS %-*s %9s %9s %8s", width, "LANE", HISTORY_COLUMNS, "60 s", "IN", "OUT",
                            "DROPPED"));
    for (guint i = 0; i < shown->lane_count; i++)
        add_row(rows, FL_ROW_LANE, lane_text(&shown->lanes[i], width, style->plain))->lane = &shown->lanes[i];
    add_guests(rows, shown, style, width);
}

/* ---- the culprit ---- */

/* "holds 1 of source, 3 more wait (frame 411 for 3.2 s)": what the consumer of that lane keeps its producer from using. */
static void append_hold(GString *text, const FlShownLane *lane)
{
    if (lane->held)
        g_string_append_printf(text, "holds %" G_GINT64_FORMAT " of %s", lane->held, lane->from);
    else
        g_string_append_printf(text, "leaves %" G_GINT64_FORMAT " of %s untaken", lane->queued, lane->from);
    if (lane->held && lane->queued)
        g_string_append_printf(text, ", %" G_GINT64_FORMAT " more wait", lane->queued);
    if (lane->oldest_frame >= 0 && lane->oldest_seconds >= LONG_SECONDS)
        g_string_append_printf(text, " (frame %" G_GINT64_FORMAT " for %.1f s)", lane->oldest_frame, lane->oldest_seconds);
}

static void append_loss(GString *text, const FlShownLane *lane)
{
    gint64 lost = lane->no_credit + lane->superseded;
    g_autofree char *count = fl_shown_count(lost);
    if (strcmp(lane->when_full, "wait") == 0)
        g_string_append_printf(text, "; %s waits for it", lane->from);
    else
        g_string_append_printf(text, "; %s goes on without it", lane->from);
    if (lost > 0)
        g_string_append_printf(text, ", %s dropped", count);
    if (lane->last_dropped >= 0)
        g_string_append_printf(text, ", last frame %" G_GINT64_FORMAT, lane->last_dropped);
}

/* It is held up itself: who is to blame stands further down. */
static gboolean is_blocked(const FlShownStage *stage)
{
    return strcmp(stage->waiting_for, "credit") == 0 || strcmp(stage->waiting_for, "slot") == 0;
}

/* Which stage holds what, for how long, and what was lost through it: of the slowest, and of who holds a frame for long and has
 * others dropped. */
static void add_culprit(GPtrArray *rows, const FlShown *shown)
{
    for (guint i = 0; i < shown->lane_count; i++) {
        const FlShownLane *lane = &shown->lanes[i];
        const FlShownStage *to = fl_shown_stage(shown, lane->to);
        gboolean slowest = to && to->slowest && lane->full_share >= 0.05;
        gboolean stuck = lane->in_use >= lane->credits && lane->oldest_seconds >= STUCK_SECONDS;
        if (!to || (!slowest && (!stuck || is_blocked(to))))
            continue;
        GString *text = g_string_new(to->name);
        if (slowest)
            g_string_append_printf(text, " is the slowest: %.1f fps,", to->fps);
        g_string_append_c(text, ' ');
        append_hold(text, lane);
        append_loss(text, lane);
        add_row(rows, FL_ROW_NOTE, g_string_free(text, FALSE));
    }
    if (shown->error)
        add_row(rows, FL_ROW_NOTE, g_strdup_printf("failed: %s", shown->error));
}

GPtrArray *fl_page_rows(const FlShown *shown, const FlPageStyle *style)
{
    GPtrArray *rows = g_ptr_array_new_with_free_func(fl_row_free);
    add_row(rows, FL_ROW_RUN, run_text(shown));
    add_stages(rows, shown, style);
    if (style->lanes && shown->lane_count)
        add_lanes(rows, shown, style);
    add_culprit(rows, shown);
    return rows;
}

void fl_page_print(const FlShown *shown, const FlPageStyle *style)
{
    g_autoptr(GPtrArray) rows = fl_page_rows(shown, style);
    for (guint i = 0; i < rows->len; i++)
        printf("%s\n", ((FlRow *)g_ptr_array_index(rows, i))->text);
}
