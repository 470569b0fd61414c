#include "filter.h"

#include <libavutil/mathematics.h>

void fl_filter_remember(struct filter_identity *identity, const struct fl_desc *desc)
{
    identity->last_in[identity->count++ % FL_FILTER_REMEMBERED] = *desc;
}

void fl_filter_identity_anew(struct filter_identity *identity)
{
    identity->graph_count = identity->count;
    identity->answered = identity->late = false;
}

/* A graph that has answered every frame at once so far is taken to do so with each. */
bool fl_filter_is_prompt(const struct filter_identity *identity)
{
    return identity->count == identity->graph_count || (identity->answered && !identity->late);
}

/* The newest input frame that was due at `pts`, or before. */
static const struct fl_desc *find_due(const struct filter_identity *identity, int64_t pts, AVRational time_base)
{
    const struct fl_desc *best = NULL;
    uint64_t kept = identity->count < FL_FILTER_REMEMBERED ? identity->count : FL_FILTER_REMEMBERED;
    for (uint64_t i = 1; i <= kept; i++) {
        const struct fl_desc *desc = &identity->last_in[(identity->count - i) % FL_FILTER_REMEMBERED];
        AVRational from = {desc->time_base_num, desc->time_base_den};
        if (desc->pts == FL_NO_PTS || pts == AV_NOPTS_VALUE || av_compare_ts(desc->pts, from, pts, time_base) > 0)
            continue;
        if (!best || desc->pts > best->pts)
            best = desc;
        if (av_compare_ts(desc->pts, from, pts, time_base) == 0)
            break;
    }
    return best;
}

static const struct fl_desc *newest(const struct filter_identity *identity)
{
    return &identity->last_in[(identity->count - 1) % FL_FILTER_REMEMBERED];
}

void fl_filter_identify(struct filter_identity *identity, const AVFrame *frame, AVRational time_base, struct fl_desc *like)
{
    struct fl_frame *slot = fl_av_frame_slot(frame);
    const struct fl_desc *origin = slot ? fl_frame_desc(slot) : find_due(identity, frame->pts, time_base);
    if (!origin)
        origin = newest(identity);
    identity->late |= origin->number != newest(identity)->number;
    bool ahead = !identity->gave || origin->epoch > identity->epoch ||
                 (origin->epoch == identity->epoch && origin->number > identity->number);
    if (ahead) {
        identity->epoch = origin->epoch;
        identity->number = origin->number;
        identity->part = 0;
    } else {
        identity->part++;
    }
    identity->gave = identity->answered = true;
    like->number = identity->number;
    like->epoch = identity->epoch;
    like->part = identity->part;
    like->origin_ns = origin->origin_ns;
    like->parameters = origin->parameters;
}
