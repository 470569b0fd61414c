#include "inside.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define NO_FRAME_NS    1500000000ull /* without a frame, before that is said */
#define NO_FRAME_TIMES 3             /* ... or this many times the time between frames, where that is longer */
#define TICK_NS        200000000ll   /* numbers that change all the time are drawn this often */
#define NS             1e9

static const SDL_Color white = {255, 255, 255, 255}, amber = {255, 190, 60, 255}, grey = {170, 170, 170, 255};

/* ---- panels ---- */

static void fill(struct fl_viewer *v, int x, int y, int width, int height, SDL_Color colour)
{
    SDL_Rect box = {x, y, width, height};
    SDL_SetRenderDrawBlendMode(v->window.renderer, SDL_BLENDMODE_BLEND);
    SDL_SetRenderDrawColor(v->window.renderer, colour.r, colour.g, colour.b, colour.a);
    SDL_RenderFillRect(v->window.renderer, &box);
}

static int margin(const struct fl_viewer *v)
{
    return v->text.height / 2;
}

/* A line on a dark strip; the y below it. */
static int line(struct fl_viewer *v, int x, int y, SDL_Color colour, const char *words)
{
    int pad = v->text.height / 4;
    if (v->text.font)
        fill(v, x - pad, y, fl_text_width(&v->text, words) + 2 * pad, v->text.height, (SDL_Color){0, 0, 0, 176});
    fl_text_draw(&v->text, x, y, colour, words);
    return y + v->text.height;
}

/* The same, broken where two spaces are when the window is narrower than the words. */
static int lines(struct fl_viewer *v, int x, int y, SDL_Color colour, const char *words)
{
    char part[400];
    int room = (int)v->window.width - 2 * x;
    while (*words) {
        size_t fits = strlen(words);
        snprintf(part, sizeof part, "%s", words);
        while (fl_text_width(&v->text, part) > room) {
            char *last = NULL;
            for (char *gap = strstr(part, "  "); gap; gap = strstr(gap + 1, "  "))
                last = gap;
            if (!last || last == part)
                break;
            *last = 0;
            fits = (size_t)(last - part);
        }
        y = line(v, x, y, colour, part);
        words += fits;
        words += strspn(words, " ");
    }
    return y;
}

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
static int draw_trouble(struct fl_viewer *v, int y)
{
    struct fl_view_status status;
    fl_view_source_status(v->source, &status);
    return *status.trouble ? lines(v, margin(v), y, amber, status.trouble) : y;
}

static int draw_lines(struct fl_viewer *v, uint64_t now, int y)
{
    struct fl_view_status status;
    char words[400];
    fl_view_source_status(v->source, &status);
    if (!v->shown)
        return line(v, margin(v), y, white, status.name);
    frame_words(v, &status, words, sizeof words);
    y = lines(v, margin(v), y, white, words);
    flow_words(v, &status, now, words, sizeof words);
    y = lines(v, margin(v), y, white, words);
    way_words(v, words, sizeof words);
    return lines(v, margin(v), y, grey, words);
}

/* ---- modes: a plane, a difference, a pixel ---- */

static int draw_difference(struct fl_viewer *v, int y)
{
    char words[300];
    struct fl_view_status other;
    fl_view_source_status(v->other, &other);
    if (v->pair_a)
        snprintf(words, sizeof words, "difference from %s x%d at frame %" PRIu64 "  most %u  mean %.2f", other.name,
                 FL_DIFFERENCE_GAIN, v->pair_a->desc.number, v->subtraction.most, v->subtraction.mean);
    else
        snprintf(words, sizeof words, "difference from %s: no frame number in common", other.name);
    return lines(v, margin(v), y, amber, words);
}

static int draw_modes(struct fl_viewer *v, int y)
{
    char words[300];
    double x, pointer_y;
    unsigned column, row;
    if (v->shown && v->plane != FL_ALL_PLANES) {
        snprintf(words, sizeof words, "plane %s", fl_view_component_name(v->shown, (unsigned)v->plane));
        y = line(v, margin(v), y, amber, words);
    }
    if (v->difference)
        y = draw_difference(v, y);
    if (v->shown && v->pixel) {
        fl_window_pointer(&v->window, &x, &pointer_y);
        if (fl_place_sample_at(&v->how, &v->place, x, pointer_y, &column, &row))
            fl_probe_words(v->shown, column, row, words, sizeof words);
        else
            snprintf(words, sizeof words, "the pointer is beside the picture");
        y = line(v, margin(v), y, amber, words);
    }
    return y;
}

/* ---- states ---- */

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

static void draw_state(struct fl_viewer *v, uint64_t now)
{
    char words[120];
    fl_overlay_state(v, now, words, sizeof words);
    if (!*words)
        return;
    int width = fl_text_width(&v->text, words);
    line(v, (int)v->window.width - width - 2 * margin(v), (int)v->window.height - v->text.height - margin(v), amber, words);
}

/* ---- the graph ---- */

static void draw_bars(struct fl_viewer *v, const struct fl_rate *rate, const SDL_Rect *area, double most_ns, SDL_Color colour)
{
    for (int i = 0; i < area->w; i++) {
        uint64_t gap = fl_rate_gap_ns(rate, (unsigned)i);
        int height = (int)fmin(area->h, (double)gap / most_ns * area->h);
        if (gap)
            fill(v, area->x + area->w - 1 - i, area->y + area->h - height, 1, height, colour);
    }
}

/* Above: between frames that came; below: between frames shown. The line is the time a frame should take. */
static void draw_graph(struct fl_viewer *v)
{
    char words[120];
    int width = FL_RATE_MOST - 1, height = 3 * v->text.height, x = margin(v);
    int y = (int)v->window.height - 2 * (height + v->text.height) - margin(v);
    double frame_ns = v->present.frame_ns > 0 ? (double)v->present.frame_ns : (double)v->window.refresh_ns;
    const struct fl_rate *rates[2] = {&v->came, &v->shown_at};
    const char *names[2] = {"came", "shown"};
    for (unsigned i = 0; i < 2; i++) {
        SDL_Rect area = {x, y, width, height};
        fill(v, x, y, width, height, (SDL_Color){0, 0, 0, 176});
        draw_bars(v, rates[i], &area, 3 * frame_ns, i ? (SDL_Color){90, 200, 255, 230} : (SDL_Color){120, 230, 120, 230});
        fill(v, x, y + height - height / 3, width, 1, amber);
        snprintf(words, sizeof words, "%-5s  max %.1f ms  due %.1f ms", names[i], (double)fl_rate_longest_ns(rates[i]) / 1e6,
                 frame_ns / 1e6);
        y = line(v, x, y + height, white, words);
    }
}

/* ---- the page of keys ---- */

static void draw_help(struct fl_viewer *v)
{
    char words[160];
    int y = 2 * v->text.height;
    fill(v, 0, 0, (int)v->window.width, (int)v->window.height, (SDL_Color){0, 0, 0, 200});
    for (const struct fl_key_binding *row = fl_key_bindings; row->label; row++) {
        const struct fl_key_binding *twin = row + 1;
        if (!row->help)
            continue;
        bool two = twin->label && !twin->help;
        snprintf(words, sizeof words, "%s%s%s", row->label, two ? "  " : "", two ? twin->label : "");
        fl_text_draw(&v->text, 2 * v->text.height, y, amber, words);
        fl_text_draw(&v->text, 6 * v->text.height, y, white, row->help);
        y += v->text.height;
    }
}

/* ---- all of it ---- */

void fl_overlay_draw(struct fl_viewer *v, uint64_t now)
{
    int y = margin(v);
    v->tick_ns = now;
    if (v->help) {
        draw_help(v);
        return;
    }
    if (v->overlay || now < v->brief_until_ns)
        y = draw_lines(v, now, y);
    y = draw_modes(v, y);
    y = draw_trouble(v, y);
    if (now < v->notice_until_ns)
        lines(v, margin(v), y, amber, v->notice);
    if (v->graph)
        draw_graph(v);
    draw_state(v, now);
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
