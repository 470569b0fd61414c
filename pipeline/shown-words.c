/* Figures as people read them. */
#include "shown.h"

#include <string.h>

char *fl_shown_clock(double seconds)
{
    gint64 s = (gint64)MAX(seconds, 0);
    if (s < 3600)
        return g_strdup_printf("%d:%02d", (int)(s / 60), (int)(s % 60));
    return g_strdup_printf("%d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
}

char *fl_shown_bytes(gint64 bytes)
{
    static const char units[] = "KMGT";
    double value = (double)bytes / 1024;
    unsigned unit = 0;
    if (bytes <= 0)
        return g_strdup("-");
    for (; value >= 1000 && unit < 3; unit++)
        value /= 1024;
    return g_strdup_printf(value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
}

char *fl_shown_count(gint64 count)
{
    g_autofree char *digits = g_strdup_printf("%" G_GINT64_FORMAT, count);
    GString *text = g_string_new(NULL);
    gsize length = strlen(digits);
    for (gsize i = 0; i < length; i++)
        g_string_append_printf(text, "%s%c", i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-' ? " " : "", digits[i]);
    return g_string_free(text, FALSE);
}

char *fl_shown_ms(double ms)
{
    if (ms < 9.95)
        return g_strdup_printf("%.1fms", ms);
    return ms < 9999.5 ? g_strdup_printf("%.0fms", ms) : g_strdup_printf("%.0fs", ms / 1000);
}

char *fl_shown_wait(const FlShownStage *stage)
{
    GString *text = g_string_new(NULL);
    const char *on = stage->waiting_on;
    if (strcmp(stage->waiting_for, "input") == 0)
        g_string_append_printf(text, "frames%s%s", on ? " of " : "", on ? on : "");
    else if (strcmp(stage->waiting_for, "credit") == 0)
        g_string_append_printf(text, "credit%s%s", on ? " of " : "", on ? on : "");
    else if (strcmp(stage->waiting_for, "slot") == 0)
        g_string_append_printf(text, "a free slot%s%s", on ? " of " : "", on ? on : "");
    else if (strcmp(stage->waiting_for, "pool") == 0)
        g_string_append(text, "a larger pool");
    else if (strcmp(stage->waiting_for, "cpu") == 0 || strcmp(stage->waiting_for, "stopped") == 0)
        g_string_append_printf(text, "(%s)", stage->waiting_for);
    else
        g_string_append(text, *stage->waiting_for ? stage->waiting_for : "-");
    if (stage->waiting_seconds >= 1)
        g_string_append_printf(text, " %.0f s", stage->waiting_seconds);
    return g_string_free(text, FALSE);
}

char *fl_shown_lane_note(const FlShownLane *lane)
{
    GString *text = g_string_new(NULL);
    if (lane->no_credit > 0 && lane->last_dropped >= 0)
        g_string_append_printf(text, "no credit, last %" G_GINT64_FORMAT, lane->last_dropped);
    else if (lane->no_credit > 0)
        g_string_append(text, "no credit");
    if (lane->superseded > 0)
        g_string_append_printf(text, "%s%" G_GINT64_FORMAT " overtaken", text->len ? "; " : "", lane->superseded);
    if (lane->left_over > 0)
        g_string_append_printf(text, "%s%" G_GINT64_FORMAT " left over", text->len ? "; " : "", lane->left_over);
    if (lane->lost > 0)
        g_string_append_printf(text, "%s%" G_GINT64_FORMAT " lost with %s", text->len ? "; " : "", lane->lost, lane->to);
    if (lane->full_share >= 0.05)
        g_string_append_printf(text, "%sfull %.0f %% of last 10 s", text->len ? "; " : "", lane->full_share * 100);
    return g_string_free(text, FALSE);
}

char *fl_shown_guest_note(const FlShownGuest *guest)
{
    GString *text = g_string_new(NULL);
    if (guest->dropped > 0 && guest->last_dropped >= 0)
        g_string_append_printf(text, "no credit, last %" G_GINT64_FORMAT, guest->last_dropped);
    if (strcmp(guest->state, "leaving") == 0)
        g_string_append_printf(text, "%shas hung up, holds %" G_GINT64_FORMAT, text->len ? "; " : "", guest->in_use);
    else if (strcmp(guest->state, "attached") != 0)
        g_string_append_printf(text, "%s%s", text->len ? "; " : "", guest->state);
    if (guest->in_use > 0 && guest->oldest_seconds >= 1)
        g_string_append_printf(text, "%sone frame for %.0f s", text->len ? "; " : "", guest->oldest_seconds);
    return g_string_free(text, FALSE);
}

char *fl_shown_sparkline(const FlShownLane *lane, unsigned columns, gboolean plain)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, *const letters[] = {"_", ".", ":", "-",
                                                                                                      "=", "+", "*", "#"};
    GString *line = g_string_new(NULL);
    for (unsigned c = 0; c < columns; c++) {
        unsigned first = c * FL_SHOWN_HISTORY / columns, end = (c + 1) * FL_SHOWN_HISTORY / columns, most = 0;
        gboolean any = FALSE;
        for (unsigned i = first; i < end; i++) {
            unsigned missing = FL_SHOWN_HISTORY - lane->history_count;
            if (i < missing)
                continue;
            any = TRUE;
            most = MAX(most, lane->history[i - missing]);
        }
        unsigned level = MIN(most * G_N_ELEMENTS(blocks) / 100, G_N_ELEMENTS(blocks) - 1);
        g_string_append(line, !any ? " " : plain ? letters[level] : blocks[level]);
    }
    return g_string_free(line, FALSE);
}
