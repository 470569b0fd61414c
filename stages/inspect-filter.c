#include "inspect.h"

#include <stdio.h>

#include <libavfilter/avfilter.h>

struct pads {
    const AVFilterPad *pads;
    unsigned count;
};

static const char *nth_pad(const void *of, unsigned n)
{
    const struct pads *pads = of;
    return n < pads->count ? av_get_media_type_string(avfilter_pad_get_type(pads->pads, (int)n)) : NULL;
}

static struct pads pads_of(const AVFilter *filter, bool output)
{
    return (struct pads){output ? filter->outputs : filter->inputs, avfilter_filter_pad_count(filter, output)};
}

/* One picture in and one out is what the stage `filter` can run by itself. */
static bool is_for_video(const AVFilter *filter)
{
    struct pads in = pads_of(filter, false), out = pads_of(filter, true);
    return in.count == 1 && out.count == 1 && avfilter_pad_get_type(in.pads, 0) == AVMEDIA_TYPE_VIDEO &&
           avfilter_pad_get_type(out.pads, 0) == AVMEDIA_TYPE_VIDEO;
}

static void tell_filter(struct fl_told *told, const AVFilter *filter)
{
    char heading[512];
    struct pads in = pads_of(filter, false), out = pads_of(filter, true);
    snprintf(heading, sizeof heading, "%s: %s", filter->name, filter->description ? filter->description : "");
    fl_tell_object(told, heading);
    fl_tell_text(told, "name", filter->name);
    fl_tell_text(told, "summary", told->json ? filter->description : NULL);
    fl_tell_words(told, "inputs", nth_pad, &in);
    fl_tell_words(told, "outputs", nth_pad, &out);
    if (filter->flags & (AVFILTER_FLAG_DYNAMIC_INPUTS | AVFILTER_FLAG_DYNAMIC_OUTPUTS))
        fl_tell_text(told, "more", "their number depends on its options");
    fl_tell_options(told, filter->priv_class, AV_OPT_FLAG_FILTERING_PARAM);
    fl_tell_object_end(told);
}

bool fl_inspect_filter(struct fl_told *told, const char *name)
{
    const AVFilter *filter = name ? avfilter_get_by_name(name) : NULL;
    void *at = NULL;
    if (name && !filter)
        return false;
    fl_tell_begin(told, "filters");
    fl_tell_list(told, "filters");
    if (filter)
        tell_filter(told, filter);
    while (!name && (filter = av_filter_iterate(&at)))
        if (is_for_video(filter))
            fl_tell_entry(told, "filter", filter->name, filter->description);
    fl_tell_list_end(told);
    fl_tell_end(told);
    return true;
}

const char *fl_next_filter(void **at)
{
    const AVFilter *filter = av_filter_iterate(at);
    return filter ? filter->name : NULL;
}
