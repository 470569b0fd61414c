/* How many slots libav keeps: an encoder that looks ahead, a filter that waits for more. A stage has said how many frames it holds
 * at once; what libav wants to keep beyond that becomes a private copy, or the source above would run out of slots and all would
 * stand still.
 */
#ifndef FL_AV_HELD_H
#define FL_AV_HELD_H

#include <stdatomic.h>
#include <libavutil/frame.h>

struct fl_stage;

struct fl_av_held {
    unsigned limit;    /* the stage's `hold` */
    atomic_uint count; /* slots that libav has now; falls on whatever thread lets one go */
    AVFrame *spare;    /* of the last private copy, used again once libav has let go of it */
};

/* -ENOMEM. */
int fl_av_held_init(struct fl_av_held *held, unsigned limit);

/* Before `view`, which fl_av_wrap made, is given to libav: counts it, or turns it into a private copy (counted with
 * fl_stage_copied). A view that lies in no slot passes. -ENOMEM. */
int fl_av_held_admit(struct fl_av_held *held, struct fl_stage *stage, AVFrame *view);

/* After libav has let go of everything. */
void fl_av_held_finish(struct fl_av_held *held);

#endif
