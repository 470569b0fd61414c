/* filter: any chain of libavfilter with one video input and one output. Private to filter*.c, which make one module.
 *
 *   filter.c           the stage: open, frames, end
 *   filter-graph.c     making a graph for a kind of picture, and what it gives; trying it on a blank picture
 *   filter-identity.c  which input frame an output frame came from
 *   filter-text.c      the chain as text, with the options that have been changed since
 *   filter-refusal.c   why a chain cannot be, in words
 *   filter-set.c       changing it while frames flow
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
    bool endless; /* it has a source of its own, or repeats without an end, and may go on after the input has ended */
};

/* Makes a graph of `text` for pictures like `like` (its format, size, aspect, colour and time_base). An AVERROR, after which
 * fl_av_log_reason has libavfilter's words; then *graph is as if it had never been made. */
int fl_filter_graph_create(struct filter_graph *graph, const char *text, const AVFrame *like, AVRational rate);
void fl_filter_graph_destroy(struct filter_graph *graph);

/* What a graph is found to do when blank pictures go through one made for that purpose. */
struct filter_trial {
    bool forwards; /* a picture came out in the memory it went in */
    bool seen;     /* a picture came out, and `picture` has its words, no data */
    bool at_once;  /* and it did as soon as one had gone in */
    AVFrame *picture;
};
int fl_filter_try(const char *text, const AVFrame *like, AVRational rate, struct filter_trial *trial);

/* FALSE: it may write a file when it is made, so it must not be made twice, nor before the run starts. */
bool fl_filter_may_try(const char *text);

/* ---- filter-text.c ---- */

struct filter_change {
    unsigned nth; /* filter of the chain, counted from 0 as they stand there */
    char *option, *value;
};

struct filter_text {
    char *chain; /* as it was given */
    struct filter_change *changes;
    unsigned change_count;
    char *text; /* the chain with the changes in it: what a graph is made of */
};

/* Another chain, without changes. -ENOMEM; then it is as before. */
int fl_filter_text_set(struct filter_text *text, const char *chain);
/* Changes an option, as if it stood last in its filter's words. -ENOMEM; -EINVAL: the chain has no such filter; then it is as
 * before. */
int fl_filter_text_change(struct filter_text *text, unsigned nth, const char *option, const char *value);
/* What `text` would be after that change, to av_free; NULL: it cannot be made. */
char *fl_filter_text_with(const struct filter_text *text, unsigned nth, const char *option, const char *value);
/* The nth filter's words alone, to av_free; NULL: there are not so many, or no memory. */
char *fl_filter_text_words(const struct filter_text *text, unsigned nth);
void fl_filter_text_finish(struct filter_text *text);

/* ---- filter-refusal.c ---- */

#define FL_FILTER_REASON_BYTES 700

/* Why fl_filter_graph_create has just refused `chain` with `error`: which filter and option, what is wrong and what to do. */
void fl_filter_explain(const char *chain, const AVFrame *like, AVRational rate, int error, char *text, unsigned bytes);

/* ---- filter-identity.c ---- */

struct filter_identity {
    struct fl_desc last_in[FL_FILTER_REMEMBERED]; /* a ring */
    uint64_t count;
    uint64_t number; /* of what was given out last */
    uint32_t epoch, part;
    bool gave;
    /* Of the graph that is there now: */
    uint64_t graph_count; /* `count` when it was made */
    bool answered;        /* something came out of it */
    bool late;            /* something came out that was not made of the newest frame alone */
};

/* A graph is made: nothing is known of its ways yet. */
void fl_filter_identity_anew(struct filter_identity *identity);
/* TRUE: all that went in has come out, as far as can be seen from outside. */
bool fl_filter_is_prompt(const struct filter_identity *identity);

void fl_filter_remember(struct filter_identity *identity, const struct fl_desc *desc);

/* The identity for an output frame: that of the frame in whose slot it lies, or of the input frame that was due at its time.
 * Numbers never go backwards, and parts count what has the same number. `like` gets number, part, epoch, origin and parameters. */
void fl_filter_identify(struct filter_identity *identity, const AVFrame *frame, AVRational time_base, struct fl_desc *like);

/* ---- filter.c ---- */

struct filter {
    struct filter_text chain;
    struct filter_graph graph;
    AVFrame *like;  /* a picture without data: what the graph was made for */
    AVFrame *shell; /* blank between frames */
    AVFrame *out;   /* likewise */
    AVRational rate;
    struct fl_av_held held;
    struct filter_identity identity;
    uint64_t given;  /* frames announced */
    int64_t end_pts; /* when the last frame that went in is over, in the graph's time base */
    bool full;       /* the chain takes no more (trim): what still comes is dropped */
};

/* What is in the graph comes out. 0, or a failure that has been reported. */
int fl_filter_drain(struct fl_stage *stage);

/* ---- filter-set.c ---- */

int fl_filter_set(struct fl_stage *stage, const struct fl_stage_setting *setting);

#endif
