#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 4096 /* what a pipe takes whole or not at all */

struct line {
    char text[LINE_BYTES];
    size_t used;
};

/* Opening waits for the reader of a pipe; after that nobody is waited for: a line that has no room is left out. */
int fl_events_open(struct fl_viewer *v)
{
    v->events = -1;
    if (!v->options.events)
        return 0;
    v->events = open(v->options.events, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (v->events < 0)
        return -errno;
    fcntl(v->events, F_SETFL, O_NONBLOCK);
    return 0;
}

void fl_events_close(struct fl_viewer *v)
{
    if (v->events >= 0)
        close(v->events);
    v->events = -1;
}

void fl_events_escape(const char *text, char *escaped, size_t size)
{
    size_t used = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at && used + 7 < size; at++) {
        if (*at == '"' || *at == '\\')
            used += (size_t)snprintf(escaped + used, size - used, "\\%c", *at);
        else if (*at < 0x20)
            used += (size_t)snprintf(escaped + used, size - used, "\\u%04x", *at);
        else
            escaped[used++] = (char)*at;
    }
    escaped[used] = 0;
}

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int wrote = vsnprintf(line->text + line->used, sizeof line->text - line->used, format, arguments);
    va_end(arguments);
    line->used += wrote > 0 ? (size_t)wrote : 0;
    if (line->used > sizeof line->text)
        line->used = sizeof line->text;
}

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static void add_modes(struct line *line, struct fl_viewer *v)
{
    const char *plane = v->plane != FL_ALL_PLANES && v->shown ? fl_view_component_name(v->shown, (unsigned)v->plane) : "all";
    bool overlay = v->overlay || fl_viewer_now_ns() < v->brief_until_ns;
    add(line,
        ",\"frozen\":%s,\"overlay\":%s,\"help\":%s,\"pixel\":%s,\"graph\":%s,\"difference\":%s,\"fullscreen\":%s,\"plane\":\"%s\"",
        truth(v->frozen), truth(overlay), truth(v->help), truth(v->pixel), truth(v->graph), truth(v->difference),
        truth(v->window.fullscreen), plane);
}

static void add_place(struct line *line, struct fl_viewer *v)
{
    add(line,
        ",\"window\":[%u,%u],\"box\":[%.0f,%.0f,%.0f,%.0f],\"zoom\":%.4f,\"fit\":%s,\"turns\":%u,\"flip\":%s,\"renderer\":\"%s\"",
        v->window.width, v->window.height, v->place.x, v->place.y, v->place.width, v->place.height, v->place.zoom,
        truth(v->view.zoom == FL_ZOOM_FIT), v->how.turns, truth(v->how.flip), v->window.info.name ? v->window.info.name : "");
}

static void add_counts(struct line *line, struct fl_viewer *v)
{
    struct fl_view_counts counts;
    fl_view_source_counts(v->source, &counts);
    add(line, ",\"came\":%llu,\"shown\":%llu,\"late\":%llu,\"straight\":%llu,\"converted\":%llu", (unsigned long long)counts.came,
        (unsigned long long)v->shown_frames, (unsigned long long)v->late_frames, (unsigned long long)v->picture.straight_frames,
        (unsigned long long)v->picture.converted_frames);
    add(line, ",\"remembered\":%u,\"remembered_bytes\":%llu", counts.recorded, (unsigned long long)counts.recorded_bytes);
}

void fl_events_tell(struct fl_viewer *v, const char *event, const char *more)
{
    char state[100], escaped[200];
    struct fl_view_status status;
    struct line line = {.used = 0};
    if (v->events < 0)
        return;
    fl_overlay_state(v, fl_viewer_now_ns(), state, sizeof state);
    fl_events_escape(state, escaped, sizeof escaped);
    add(&line, "{\"schema\":1,\"type\":\"view\",\"event\":\"%s\"%s,\"state\":\"%s\"", event, more, escaped);
    fl_view_source_status(v->source, &status);
    fl_events_escape(status.name, escaped, sizeof escaped);
    add(&line, ",\"stage\":\"%s\",\"lost\":%llu", escaped, (unsigned long long)status.lost);
    if (v->shown)
        add(&line, ",\"frame\":%llu", (unsigned long long)v->shown->desc.number);
    if (v->pair_a)
        add(&line, ",\"pair\":%llu,\"most\":%u", (unsigned long long)v->pair_a->desc.number, v->subtraction.most);
    add_modes(&line, v);
    add_place(&line, v);
    add_counts(&line, v);
    add(&line, "}\n");
    if (line.used < sizeof line.text && write(v->events, line.text, line.used) < 0 && errno != EAGAIN)
        fl_events_close(v); /* its reader is gone */
}
