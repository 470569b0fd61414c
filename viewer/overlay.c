#include "strip.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define NO_FRAME_NS    1500000000ull /* without a frame, before that is said */
#define NO_FRAME_TIMES 3             /* ... or this many times the time between frames, where that is longer */
#define TICK_NS        200000000ll   /* numbers that change all the time are drawn this often */
#define NS             1e9

static const SDL_Color white = {255, 255, 255, 255}, amber = {255, 190, 60, 255}, grey = {170, 170, 170, 255};

/* ---- what is known of the frame ---- */

static void time_words(int64_t ns, char *words, size_t size)
{
    const char *sign = ns < 0 ? "-" : "";
    int64_t ms = (ns < 0 ? -ns : ns) / 1000000;
    if (ns == FL_NO_PTS)
        snprintf(words, size, "none");
    else
        snprintf(words, size, "%s%02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%03" PRId64, sign, ms / 3600000, ms / 60000 % 60,
                 ms / 1000 % 60, ms % 1000);
}

static void frame_words(struct fl_viewer *v, const struct fl_view_status *status, char *words, size_t size)
{
    char colour[80], pts[40], more[40] = "";
    const struct fl_desc *desc = &v->shown->desc;
    struct fl_colour meant = fl_colour_of(v->shown);
    fl_colour_words(v->shown, &meant, colour, sizeof colour);
    time_words(fl_view_frame_pts_ns(v->shown), pts, sizeof pts);
    if (v->how.sar != 1)
        snprintf(more, sizeof more, "  sar %d:%d", desc->sar_num, desc->sar_den);
    snprintf(words, size, "%s%s%s  %ux%u %s %s%s  pts %s  frame %" PRIu64 "  epoch %u", status->name, *status->from ? " ← " : "",
             status->from, desc->width, desc->height, v->shown->pixels->name, colour, more, pts, desc->number, desc->epoch);
}

/* How the frames come here: a lane and its credits, or peeking and how much of that was in vain. */
static void lane_words(const struct fl_view_status *status, char *words, size_t size)
{
    uint64_t tries = status->read + status->lost;
    if (!status->policy)
        words[0] = 0;
    else if (status->credits)
        snprintf(words, size, "   lane %s %u/%u", status->policy, status->credits_used, status->credits);
    else
        snprintf(words, size, "   %s lost %" PRIu64 " (%.2f %%)", status->policy, status->lost,
                 tries ? 100.0 * (double)status->lost / (double)tries : 0);
}

static void age_words(struct fl_viewer *v, uint64_t now, char *words, size_t size)
{
    uint64_t origin = v->shown->desc.origin_ns;
    if (origin && origin <= now)
        snprintf(words, size, "age %.0f ms", (double)(now - origin) / 1e6);
    else
        snprintf(words, size, "age ?");
}

static void flow_words(struct fl_viewer *v, const struct fl_view_status *status, uint64_t now, char *words, size_t size)
{
    char age[40], lane[60] = "";
    double share = v->shown_frames ? 100.0 * (double)v->late_frames / (double)v->shown_frames : 0;
    age_words(v, now, age, sizeof age);
    lane_words(status, lane, sizeof lane);
    snprintf(words, size, "in %.1f  shown %.1f  late %" PRIu64 " (%.2f %%)  %s%s   gap max %.0f ms",
             fl_rate_per_second(&v->came, now), fl_rate_per_second(&v->shown_at, now), v->late_frames, share, age, lane,
             (double)fl_rate_longest_ns(&v->shown_at) / 1e6);
}

static void way_words(struct fl_viewer *v, char *words, size_t size)
{
    struct fl_view_counts counts;
    char remembered[80] = "";
    fl_view_source_counts(v->source, &counts);
    if (fl_view_source_recording(v->source))
        snprintf(remembered, sizeof remembered, "   remembered %u, %.0f MiB", counts.recorded,
                 (double)counts.recorded_bytes / (1 << 20));
    snprintf(words, size, "%s   converted %" PRIu64 " of %" PRIu64 "   zoom %.0f %%   %s%s%s",
             v->picture.straight ? "straight from the slot" : "through swscale", v->picture.converted_frames,
             v->picture.converted_frames + v->picture.straight_frames, v->place.zoom * 100,
             v->window.info.name ? v->window.info.name : "", v->window.vsync ? " vsync" : "", remembered);
}

/* Why there is nothing to see, where somebody knows. */
static void add_trouble(struct fl_viewer *v, struct fl_strips *strips)
{
    struct fl_view_status status;
    fl_view_source_status(v->source, &status);
    fl_strips_add(v, strips, FL_STRIP_NOTICE, amber, status.trouble);
}

static void add_known(struct fl_viewer *v, struct fl_strips *strips, uint64_t now)
{
    struct fl_view_status status;
    char words[FL_STRIP_BYTES];
    fl_view_source_status(v->source, &status);
    if (!v->shown) {
        fl_strips_add(v, strips, FL_STRIP_FRAME, white, status.name);
        return;
    }
    frame_words(v, &status, words, sizeof words);
    fl_strips_add(v, strips, FL_STRIP_FRAME, white, words);
    flow_words(v, &status, now, words, sizeof words);
    fl_strips_add(v, strips, FL_STRIP_FLOW, white, words);
    way_words(v, words, sizeof words);
    fl_strips_add(v, strips, FL_STRIP_WAY, grey, words);
}

/* ---- modes: a plane, a difference, a pixel ---- */

static void add_difference(struct fl_viewer *v, struct fl_strips *strips)
{
    char words[300];
    struct fl_view_status other;
    fl_view_source_status(v->other, &other);
    if (v->pair_a)
        snprintf(words, sizeof words, "difference from %s x%d at frame %" PRIu64 "  most %u  mean %.2f", other.name,
                 FL_DIFFERENCE_GAIN, v->pair_a->desc.number, v->subtraction.most, v->subtraction.mean);
    else
        snprintf(words, sizeof words, "difference from %s: no frame number in common", other.name);
    fl_strips_add(v, strips, FL_STRIP_MODE, amber, words);
}

static void add_modes(struct fl_viewer *v, struct fl_strips *strips)
{
    char words[300];
    double x, pointer_y;
    unsigned column, row;
    if (v->shown && v->plane != FL_ALL_PLANES) {
        snprintf(words, sizeof words, "plane %s", fl_view_component_name(v->shown, (unsigned)v->plane));
        fl_strips_add(v, strips, FL_STRIP_MODE, amber, words);
    }
    if (v->difference)
        add_difference(v, strips);
    if (v->shown && v->pixel) {
        fl_window_pointer(&v->window, &x, &pointer_y);
        if (fl_place_sample_at(&v->how, &v->place, x, pointer_y, &column, &row))
            fl_probe_words(v->shown, column, row, words, sizeof words);
        else
            snprintf(words, sizeof words, "the pointer is beside the picture");
        fl_strips_add(v, strips, FL_STRIP_MODE, amber, words);
    }
}

/* ---- states ---- */

#define STATE_BYTES 120

static bool is_silent(const struct fl_viewer *v, const struct fl_view_counts *counts, uint64_t now)
{
    uint64_t usual = v->present.frame_ns > 0 ? (uint64_t)v->present.frame_ns * NO_FRAME_TIMES : 0;
    return counts->last_came_ns && now > counts->last_came_ns + (usual > NO_FRAME_NS ? usual : NO_FRAME_NS);
}

void fl_overlay_state(struct fl_viewer *v, uint64_t now, char *words, size_t size)
{
    struct fl_view_counts counts;
    fl_view_source_counts(v->source, &counts);
    words[0] = 0;
    if (v->frozen && v->shown) {
        double behind = counts.last_came_ns > v->shown->arrived_ns ? (double)(counts.last_came_ns - v->shown->arrived_ns) / NS : 0;
        static const char *const more[] = {"", " · SOURCE LOST, waiting", " · END OF STREAM"};
        snprintf(words, size, "FROZEN (%.1f s behind)%s", behind, more[counts.state]);
    } else if (counts.state == FL_VIEW_LOST) {
        snprintf(words, size, "SOURCE LOST, waiting");
    } else if (counts.state == FL_VIEW_ENDED) {
        snprintf(words, size, "END OF STREAM");
    } else if (is_silent(v, &counts, now)) {
        snprintf(words, size, "NO NEW FRAME %.1f s", (double)(now - counts.last_came_ns) / NS);
    } else if (v->upload_error) {
        snprintf(words, size, "CANNOT BE SHOWN: %.15s", v->shown ? v->shown->desc.format : "");
    }
}

/* ---- the graph ---- */

/* Two graphs: of the times between frames that came, and between frames shown. With little room their bars are lower, or only the
 * second is there. */
struct graph_form {
    int graphs, bars; /* bars: how high they are, in rows of text; a row of words is below */
};

static int graph_width(const struct fl_viewer *v)
{
    return SDL_min(FL_RATE_MOST - 1, (int)v->window.width - 2 * fl_strip_margin(v));
}

static int graph_rows(const struct graph_form *form)
{
    return form ? form->graphs * (form->bars + 1) : 0;
}

static const struct graph_form *choose_graph(const struct fl_viewer *v, int rows)
{
    static const struct graph_form forms[] = {{2, 3}, {2, 1}, {1, 1}};
    const struct graph_form *form = forms;
    while (form < &forms[2] && graph_rows(form) > 3 * rows / 4)
        form++;
    return v->graph && graph_rows(form) <= rows ? form : NULL;
}

static void draw_bars(struct fl_viewer *v, const struct fl_rate *rate, const SDL_Rect *area, double most_ns, SDL_Color colour)
{
    for (int i = 0; i < area->w; i++) {
        uint64_t gap = fl_rate_gap_ns(rate, (unsigned)i);
        int height = (int)fmin(area->h, (double)gap / most_ns * area->h);
        if (gap)
            fl_strip_fill(v, area->x + area->w - 1 - i, area->y + area->h - height, 1, height, colour);
    }
}

/* The line is the time a frame should take. */
static void draw_graph(struct fl_viewer *v, const struct graph_form *form)
{
    char words[120];
    int height = form->bars * v->text.height, width = graph_width(v), x = fl_strip_margin(v);
    int y = (int)v->window.height - graph_rows(form) * v->text.height - x;
    double frame_ns = v->present.frame_ns > 0 ? (double)v->present.frame_ns : (double)v->window.refresh_ns;
    const struct fl_rate *rates[2] = {&v->came, &v->shown_at};
    const char *names[2] = {"came", "shown"};
    for (int i = 2 - form->graphs; i < 2; i++) {
        SDL_Rect area = {x, y, width, height};
        fl_strip_fill(v, x, y, width, height, (SDL_Color){0, 0, 0, 176});
        draw_bars(v, rates[i], &area, 3 * frame_ns, i ? (SDL_Color){90, 200, 255, 230} : (SDL_Color){120, 230, 120, 230});
        fl_strip_fill(v, x, y + height - height / 3, width, 1, amber);
        snprintf(words, sizeof words, "%-5s  max %.1f ms  due %.1f ms", names[i], (double)fl_rate_longest_ns(rates[i]) / 1e6,
                 frame_ns / 1e6);
        fl_strip_elide(v, words, sizeof words, width);
        fl_strip_line(v, x, y + height, white, words);
        y += height + v->text.height;
    }
}

/* At the bottom, right; above the graph where it has no room beside that. */
static void draw_state(struct fl_viewer *v, char words[STATE_BYTES], const struct graph_form *graph)
{
    int margin = fl_strip_margin(v), height = v->text.height;
    fl_strip_elide(v, words, STATE_BYTES, (int)v->window.width - 2 * margin);
    int x = (int)v->window.width - fl_text_width(&v->text, words) - 2 * margin, y = (int)v->window.height - height - margin;
    if (graph && x < margin + graph_width(v) + height)
        y -= graph_rows(graph) * height;
    fl_strip_line(v, SDL_max(x, margin), y, amber, words);
}

/* ---- all of it ---- */

/* However small the window, half of it stays free: rows count as if they were as wide as it is. */
static int rows_in_all(const struct fl_viewer *v)
{
    return v->text.height > 0 ? (int)v->window.height / 2 / v->text.height : 0;
}

void fl_overlay_draw(struct fl_viewer *v, uint64_t now)
{
    struct fl_strips strips = {.count = 0};
    char state[STATE_BYTES];
    v->tick_ns = now;
    if (v->help) {
        fl_help_page_draw(v);
        return;
    }
    fl_overlay_state(v, now, state, sizeof state);
    int rows = rows_in_all(v) - (*state != 0);
    const struct graph_form *graph = choose_graph(v, rows);
    rows -= graph_rows(graph);
    if (v->overlay || now < v->brief_until_ns)
        add_known(v, &strips, now);
    add_modes(v, &strips);
    add_trouble(v, &strips);
    if (now < v->notice_until_ns)
        fl_strips_add(v, &strips, FL_STRIP_NOTICE, amber, v->notice);
    fl_strips_draw(v, &strips, (unsigned)SDL_max(0, rows));
    if (graph)
        draw_graph(v, graph);
    if (*state)
        draw_state(v, state, graph);
}

int64_t fl_overlay_next_ns(const struct fl_viewer *v, uint64_t now)
{
    int64_t next = INT64_MAX;
    uint64_t ends[2] = {v->brief_until_ns, v->notice_until_ns};
    for (unsigned i = 0; i < 2; i++)
        if (ends[i] > v->tick_ns)
            next = SDL_min(next, ends[i] > now ? (int64_t)(ends[i] - now) : 0);
    struct fl_view_counts counts;
    fl_view_source_counts(v->source, &counts);
    bool ticks = v->overlay || now < v->brief_until_ns || v->graph || (v->frozen && counts.state == FL_VIEW_LIVE);
    bool silent = counts.state == FL_VIEW_LIVE && counts.last_came_ns;
    if ((ticks || silent) && !v->help)
        next = SDL_min(next, SDL_max(0, TICK_NS - (int64_t)(now - v->tick_ns)));
    return next;
}
