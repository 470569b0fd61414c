/* Events: what became of each frame here, for whoever draws a run or keeps a list of what was lost.
 *
 * Off unless asked for, and then it costs a look at a private word. A context that records writes each event (64 bytes, one cache
 * line) into a ring that it alone writes and anybody may read: a region like all others, minted, mapped and sealed as shm.h says.
 * The writer never waits for a reader, makes no system call and knows of none; it goes round and overwrites the oldest. Who reads
 * comes by often enough, or is told how many events it was too late for.
 *
 *   writer   fl_context_record(context, own, bytes, kinds);  then the library records what its lanes do, fl_context_note the rest
 *   reader   fl_events_open(fd, &reader);  while ((got = fl_events_read(reader, events, MOST, &lost)) > 0) ...
 *
 * Events of one ring come in the order they happened, with times that never go back. A reader may read on when the writer is dead.
 */
#ifndef FRAMELANE_EVENTS_H
#define FRAMELANE_EVENTS_H

#include <framelane/context.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

enum fl_event_kind {
    FL_EVENT_SENT = 1,   /* announced on `lane`, as announcement `index` */
    FL_EVENT_TAKEN,      /* announcement `index` of `lane` was taken */
    FL_EVENT_GIVEN_BACK, /* its credit went back */
    FL_EVENT_DROPPED,    /* will not be seen by the consumer of `lane`; `what` is enum fl_drop */
    /* Written by the stage's host with fl_context_note. */
    FL_EVENT_WORK, /* work begins on the frame, taken from `lane`; a source's (lane 0) has no number yet */
    FL_EVENT_WORK_DONE,
    FL_EVENT_BLOCKED, /* waits for credit, a slot or a pool (`what`), which `lane` holds; 0: not known */
    FL_EVENT_UNBLOCKED,
    FL_EVENT_IDLE, /* waits for frames of `lane`, or for what is outside */
    FL_EVENT_IDLE_DONE,
    FL_EVENT_KINDS,
};

#define FL_EVENT_BIT(kind) (1u << (kind))

enum fl_drop {
    FL_DROP_NO_CREDIT = 1, /* the consumer held all credits: it was not announced */
    FL_DROP_SUPERSEDED,    /* `latest`: announced, and given back unseen because a newer one was there */
    FL_DROP_LEFT_OVER,     /* the stage ended while it was still owed, and nobody made room within the second that is given */
    FL_DROP_LOST,          /* announced, and not given back when the producer ended: lost if its consumer has died */
    FL_DROP_KINDS,
};

struct fl_event {
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    uint16_t kind;    /* enum fl_event_kind */
    uint16_t what;
    uint32_t lane;   /* its id; 0: none */
    uint64_t number; /* identity of the frame, as in struct fl_desc */
    uint32_t epoch, part;
    uint64_t index;     /* of the announcement: SENT, TAKEN, GIVEN_BACK and DROPPED of one lane with one index are of one frame */
    uint32_t held;      /* DROPPED: credits of frames its consumer had in hand, */
    uint32_t queued;    /* and of frames it had not taken yet */
    int64_t pts_us;     /* microseconds of the stream; INT64_MIN: unknown */
    uint64_t origin_ns; /* when its source was due to give it; 0: unknown */
};

/* Bytes of a region with room for at least so many events (a power of two of them). */
uint64_t fl_events_bytes(uint32_t events);

/* Records events whose FL_EVENT_BIT is in `kinds` from now on. `own` is what fl_shm_map_writer gave for the region of `bytes`; the
 * context owns it. Any thread. -ENOSPC: two regions are written already; -EINVAL: too small. */
int fl_context_record(struct fl_context *context, void *own, uint64_t bytes, uint32_t kinds);

/* Records one, now: `time_ns` is filled in. Nothing where nobody records such. Any thread. */
void fl_context_note(struct fl_context *context, const struct fl_event *event);

struct fl_events; /* a reader */

/* `fd`: the sealed region of `bytes`; it stays the caller's. -EPERM, -EINVAL as fl_shm_map_reader; -ENOMEM. close accepts NULL. */
int fl_events_open(int fd, uint64_t bytes, struct fl_events **events);
void fl_events_close(struct fl_events *events);

/* The next events, at most `most` of them: how many there were, 0 for none now. `lost` rises by those that were overwritten before
 * they could be read. -EBADMSG: the writer took events back; nothing more can be read. What an event says is its writer's word. */
int fl_events_read(struct fl_events *events, struct fl_event *into, unsigned most, uint64_t *lost);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
