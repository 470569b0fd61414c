#include "inside.h"

#include <errno.h>
#include <string.h>

int fl_events_open(struct fl_viewer *v)
{
    if (!v->options.events)
        return 0;
    v->events = fopen(v->options.events, "we");
    if (!v->events)
        return -errno;
    setvbuf(v->events, NULL, _IOLBF, 0);
    return 0;
}

void fl_events_close(struct fl_viewer *v)
{
    if (v->events)
        fclose(v->events);
    v->events = NULL;
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

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static void tell_modes(struct fl_viewer *v)
{
    char plane[8] = "all";
    bool overlay = v->overlay || fl_viewer_now_ns() < v->brief_until_ns;
    if (v->plane != FL_ALL_PLANES && v->shown)
        snprintf(plane, sizeof plane, "%s", fl_view_component_name(v->shown, (unsigned)v->plane));
    fprintf(v->events,
            ",\"frozen\":%s,\"overlay\":%s,\"help\":%s,\"pixel\":%s,\"graph\":%s,\"difference\":%s,\"fullscreen\":%s,"
            "\"plane\":\"%s\"",
            truth(v->frozen), truth(overlay), truth(v->help), truth(v->pixel), truth(v->graph), truth(v->difference),
            truth(v->window.fullscreen), plane);
}

static void tell_place(struct fl_viewer *v)
{
    fprintf(v->events,
            ",\"window\":[%u,%u],\"box\":[%.0f,%.0f,%.0f,%.0f],\"zoom\":%.4f,\"fit\":%s,\"turns\":%u,\"flip\":%s,"
            "\"renderer\":\"%s\"",
            v->window.width, v->window.height, v->place.x, v->place.y, v->place.width, v->place.height, v->place.zoom,
            truth(v->view.zoom == FL_ZOOM_FIT), v->how.turns, truth(v->how.flip), v->window.info.name ? v->window.info.name : "");
}

static void tell_counts(struct fl_viewer *v)
{
    struct fl_view_counts counts;
    fl_view_source_counts(v->source, &counts);
    fprintf(v->events,
            ",\"came\":%llu,\"shown\":%llu,\"late\":%llu,\"straight\":%llu,\"converted\":%llu,\"remembered\":%u,"
            "\"remembered_bytes\":%llu",
            (unsigned long long)counts.came, (unsigned long long)v->shown_frames, (unsigned long long)v->late_frames,
            (unsigned long long)v->picture.straight_frames, (unsigned long long)v->picture.converted_frames, counts.recorded,
            (unsigned long long)counts.recorded_bytes);
}

void fl_events_tell(struct fl_viewer *v, const char *event, const char *more)
{
    char state[100], escaped[200];
    if (!v->events)
        return;
    fl_overlay_state(v, fl_viewer_now_ns(), state, sizeof state);
    fl_events_escape(state, escaped, sizeof escaped);
    fprintf(v->events, "{\"schema\":1,\"type\":\"view\",\"event\":\"%s\"%s,\"state\":\"%s\"", event, more, escaped);
    if (v->shown)
        fprintf(v->events, ",\"frame\":%llu", (unsigned long long)v->shown->desc.number);
    tell_modes(v);
    tell_place(v);
    tell_counts(v);
    fprintf(v->events, "}\n");
    fflush(v->events);
}
