/* filter: any chain of libavfilter with one video input and one output. Private to filter*.c, which make one module.
 *
 *   filter.c           the stage: open, frames, end
 *   filter-graph.c     making a graph for a kind of picture, and what it gives; trying it on a blank picture
 *   filter-identity.c  which input frame an output frame came from
 */
#ifndef FL_FILTER_H
#define FL_FILTER_H

#include <libavfilter/avfilter.h>

#include "av-frame.h"
#include "av-held.h"
#include "stage.h"

#define FL_FILTER_REMEMBERED 512

/* ---- filter-graph.c ---- */

struct filter_graph {
    AVFilterGraph *graph;
    AVFilterContext *source, *sink;
    bool endless; /* it has a source of its own, and may go on after the input has ended */
};

/* Makes a graph of `text` for pictures like `like` (its format, size, aspect, colour and time_base). An AVERROR, after which
 * fl_av_log_reason has libavfilter's words; then *graph is as if it had never been made. */
int fl_filter_graph_create(struct filter_graph *graph, const char *text, const AVFrame *like, AVRational rate);
void fl_filter_graph_destroy(struct filter_graph *graph);

/* What a graph is found to do when blank pictures go through one made for that purpose. */
struct filter_trial {
    bool forwards; /* a picture came out in the memory it went in */
    bool seen;     /* a picture came out, and `picture` has its words, no data */
    AVFrame *picture;
};
int fl_filter_try(const char *text, const AVFrame *like, AVRational rate, struct filter_trial *trial);

/* ---- filter-identity.c ---- */

struct filter_identity {
    struct fl_desc last_in[FL_FILTER_REMEMBERED]; /* a ring */
    uint64_t count;
    uint64_t number; /* of what was given out last */
    uint32_t epoch, part;
    bool gave;
    bool late; /* something came out that was not made of the newest frame alone */
};

void fl_filter_remember(struct filter_identity *identity, const struct fl_desc *desc);

/* The identity for an output frame: that of the frame in whose slot it lies, or of the input frame that was due at its time.
 * Numbers never go backwards, and parts count what has the same number. `like` gets number, part, epoch, origin and parameters. */
void fl_filter_identify(struct filter_identity *identity, const AVFrame *frame, AVRational time_base, struct fl_desc *like);

#endif
