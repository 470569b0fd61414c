/* The status object of a run, read back into C by those who show it: `ls`, `status`, `top`, `graph`. All text belongs to `root`. */
#ifndef FL_SHOWN_H
#define FL_SHOWN_H

#include <json-glib/json-glib.h>

#define FL_SHOWN_HISTORY 60

typedef struct {
    const char *name, *kind, *state, *process, *waiting_for, *waiting_on;
    const char *argument; /* its main argument; NULL: none */
    gint64 pid, frames_in, frames_out, rss_bytes, slots, slots_free;
    double fps, ms_p50, ms_p99, age_ms, age_p50_ms, age_p99_ms, cpu_percent, waiting_seconds;
    gboolean slowest;
} FlShownStage;

typedef struct {
    const char *from, *to, *carries, *when_full;
    gint64 credits, in_use, queued, held, sent, taken, returned, no_credit, superseded, left_over, lost;
    gint64 last_dropped, oldest_frame; /* -1: none */
    double full_share, oldest_seconds; /* the oldest frame has been under way for that long */
    unsigned history_count;
    guint8 history[FL_SHOWN_HISTORY];
} FlShownLane;

/* Who is attached from outside. */
typedef struct {
    const char *program, *state, *from, *carries, *when_full; /* when_full "peek": it looks on, and has no figures */
    gint64 pid, credits, in_use, sent, returned, dropped, last_dropped; /* last_dropped -1: none */
    double oldest_seconds;
} FlShownGuest;

typedef struct {
    JsonNode *root;
    const char *run, *state, *transport, *error; /* error NULL: none */
    gint64 pid, frames_in, frames_out, dropped_policy, dropped_error, pool_bytes;
    double seconds, position_seconds; /* position -1: not known */
    FlShownStage *stages;
    FlShownLane *lanes;
    FlShownGuest *guests;
    guint stage_count, lane_count, guest_count;
} FlShown;

/* NULL: it is not what it should be. */
FlShown *fl_shown_parse(const char *text);
void fl_shown_free(FlShown *shown); /* NULL is accepted */
const FlShownStage *fl_shown_stage(const FlShown *shown, const char *name);
/* The first stage that gives pictures, which is meant where a run is named and no stage of it. NULL: none does. */
const char *fl_shown_first(const FlShown *shown);

/* "1:12:07", "0:07" */
char *fl_shown_clock(double seconds);
/* "64M" for a column; "-" for nothing. */
char *fl_shown_bytes(gint64 bytes);
/* "129 810": digits in groups of three. */
char *fl_shown_count(gint64 count);
/* "4.2ms", "212ms", "3.1s" */
char *fl_shown_ms(double ms);
/* What a stage waits for, in words: "frames of cam", "credit of record", "(cpu)", "network". */
char *fl_shown_wait(const FlShownStage *stage);
/* Why a lane is worth a look, or "": "full 71 % of last 10 s", "no credit, last 21816". */
char *fl_shown_lane_note(const FlShownLane *lane);
/* "no credit, last 21816; has hung up, holds 2", or "". */
char *fl_shown_guest_note(const FlShownGuest *guest);
/* Credits in use over the last minute in `columns` columns; in letters of ASCII where `plain`. */
char *fl_shown_sparkline(const FlShownLane *lane, unsigned columns, gboolean plain);

#endif
