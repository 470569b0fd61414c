#include "history.h"

#include <string.h>

static void drop_oldest(struct fl_history *history)
{
    history->bytes -= history->frames[0]->bytes;
    fl_view_frame_unref(history->frames[0]);
    history->count--;
    memmove(history->frames, history->frames + 1, history->count * sizeof *history->frames);
}

static void keep_bounds(struct fl_history *history)
{
    unsigned most = history->held ? 2 * history->most : history->most;
    uint64_t most_bytes = history->held ? history->most_bytes : history->most_bytes / 2;
    while (history->count > most || (history->count > 1 && history->bytes > most_bytes))
        drop_oldest(history);
}

bool fl_history_has_room(const struct fl_history *history)
{
    if (history->most == 0 || !history->held || history->count == 0)
        return history->most > 0;
    return history->count < 2 * history->most && history->bytes + history->frames[0]->bytes <= history->most_bytes;
}

void fl_history_hold(struct fl_history *history, bool held)
{
    history->held = held;
    keep_bounds(history);
}

void fl_history_limit(struct fl_history *history, unsigned most, uint64_t most_bytes)
{
    history->most = most < FL_HISTORY_MOST / 2 ? most : FL_HISTORY_MOST / 2 - 1;
    history->most_bytes = most_bytes;
    keep_bounds(history);
}

static unsigned count_before(const struct fl_history *history, const struct fl_view_frame *of)
{
    unsigned before = 0;
    while (before < history->count && fl_view_frame_compare(history->frames[before], of) < 0)
        before++;
    return before;
}

void fl_history_add(struct fl_history *history, struct fl_view_frame *copy)
{
    unsigned at = count_before(history, copy);
    bool there = at < history->count && fl_view_frame_same(history->frames[at], copy);
    if (there || !fl_history_has_room(history)) {
        fl_view_frame_unref(copy);
        return;
    }
    memmove(history->frames + at + 1, history->frames + at, (history->count - at) * sizeof *history->frames);
    history->frames[at] = copy;
    history->count++;
    history->bytes += copy->bytes;
    keep_bounds(history);
}

struct fl_view_frame *fl_history_find(const struct fl_history *history, const struct fl_view_frame *of, int step)
{
    unsigned before = count_before(history, of);
    bool there = before < history->count && fl_view_frame_same(history->frames[before], of);
    long at = (long)before + step - (step > 0 && !there ? 1 : 0);
    if ((step == 0 && !there) || at < 0 || at >= (long)history->count)
        return NULL;
    return history->frames[at];
}

void fl_history_clear(struct fl_history *history)
{
    while (history->count > 0)
        drop_oldest(history);
}
