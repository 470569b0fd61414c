/* The ring of events: written under the context's lock, read by anybody. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint64_t fl_events_bytes(uint32_t events)
{
    uint64_t page = fl_page_bytes(), places = 64;
    while (places < events)
        places *= 2;
    return (sizeof(struct fl_events_region) + places * FL_EVENT_WORDS * sizeof(fl_word) + page - 1) / page * page;
}

/* The largest power of two of events that there is room for. */
static uint64_t places_in(uint64_t bytes)
{
    uint64_t room = bytes < sizeof(struct fl_events_region) ? 0 : bytes - sizeof(struct fl_events_region), places = 1;
    while (places * 2 * FL_EVENT_WORDS * sizeof(fl_word) <= room)
        places *= 2;
    return places;
}

/* ---- the writer ---- */

static void set_aside(struct fl_context *context)
{
    for (unsigned i = 0; i < context->lane_count; i++)
        context->lanes[i]->aside = true;
    for (unsigned i = 0; i < context->output_count; i++)
        for (unsigned k = 0; k < context->outputs[i]->lane_count; k++)
            context->outputs[i]->lanes[k]->aside = true;
}

int fl_context_record(struct fl_context *context, void *own, uint64_t bytes, uint32_t kinds)
{
    uint64_t places = places_in(bytes);
    if (!own || places < 64)
        return -EINVAL;
    fl_context_lock(context);
    struct fl_recorder *recorder = &context->recorders[context->recorder_count];
    int error = context->recorder_count < FL_MAX_RECORDERS ? 0 : -ENOSPC;
    if (error == 0) {
        *recorder = (struct fl_recorder){.tx = {.mine = own, .mask = places - 1}, .bytes = bytes, .kinds = kinds};
        fl_store(&recorder->tx.mine->magic, FL_EVENTS_MAGIC, FL_RELAXED); /* for who looks from outside */
        context->recorder_count++;
        context->recording |= kinds;
        set_aside(context);
    }
    fl_context_unlock(context);
    return error;
}

void fl_recorders_finish(struct fl_context *context)
{
    for (unsigned i = 0; i < context->recorder_count; i++)
        fl_shm_unmap(context->recorders[i].tx.mine, context->recorders[i].bytes);
}

/* Under the lock, as the time is read: so times never go back. */
static void record(struct fl_context *context, const struct fl_event *event)
{
    union {
        struct fl_event event;
        uint64_t words[FL_EVENT_WORDS];
    } copy = {*event};
    copy.event.time_ns = fl_now_ns();
    for (unsigned i = 0; i < context->recorder_count; i++)
        if (context->recorders[i].kinds & FL_EVENT_BIT(event->kind))
            fl_events_push(&context->recorders[i].tx, copy.words);
}

void fl_context_note(struct fl_context *context, const struct fl_event *event)
{
    fl_context_lock(context);
    record(context, event);
    fl_context_unlock(context);
}

static int64_t pts_us(const struct fl_desc *desc)
{
    if (desc->pts == FL_NO_PTS || desc->time_base_den <= 0)
        return INT64_MIN;
    return (int64_t)((__int128)desc->pts * desc->time_base_num * 1000000 / desc->time_base_den);
}

static void record_frame(struct fl_context *context, struct fl_event event, const struct fl_desc *desc)
{
    event.number = desc->number;
    event.epoch = desc->epoch;
    event.part = desc->part;
    event.pts_us = pts_us(desc);
    event.origin_ns = desc->origin_ns;
    record(context, &event);
}

/* ---- what lanes do ---- */

void fl_record_sent(const struct fl_output_lane *lane)
{
    struct fl_event event = {.kind = FL_EVENT_SENT, .lane = lane->info.id, .index = lane->tx.head};
    record_frame(lane->output->context, event, &lane->output->announcement.entry.desc);
}

void fl_record_taken(const struct fl_frame *frame, enum fl_event_kind kind)
{
    struct fl_event event = {.kind = (uint16_t)kind, .lane = frame->lane->info.id, .index = frame->index};
    record_frame(frame->context, event, &frame->desc);
}

/* Who has the credits that are missing: what the consumer says it has taken is good enough for that. */
void fl_record_drop(const struct fl_output_lane *lane, enum fl_drop why)
{
    uint64_t taken = lane->pipe ? 0 : fl_load(&lane->tx.theirs->taken, FL_RELAXED); /* a statistic */
    uint64_t queued = lane->stats.sent - taken < lane->outstanding ? lane->stats.sent - taken : lane->outstanding;
    struct fl_event event = {
        .kind = FL_EVENT_DROPPED,
        .what = (uint16_t)why,
        .lane = lane->info.id,
        .index = UINT64_MAX,
        .held = lane->outstanding - (uint32_t)queued,
        .queued = (uint32_t)queued,
    };
    record_frame(lane->output->context, event, &lane->output->announcement.entry.desc);
}

void fl_output_lane_record_lost(const struct fl_output_lane *lane)
{
    struct fl_context *context = lane->output->context;
    fl_context_lock(context);
    for (uint32_t i = 0; i <= lane->row_mask && fl_records(context, FL_EVENT_DROPPED); i++) {
        const struct fl_row *row = &lane->rows[i];
        struct fl_event event = {
            .kind = FL_EVENT_DROPPED, .what = FL_DROP_LOST, .lane = lane->info.id, .index = row->index, .held = lane->outstanding};
        if (row->frame)
            record_frame(context, event, &row->frame->desc);
    }
    fl_context_unlock(context);
}

/* How many announcements wait to be taken, as the producer says it: a figure to be shown. */
static uint32_t queued(const struct fl_lane *lane)
{
    if (lane->pipe)
        return 0;
    uint64_t count = fl_load(&lane->rx.theirs->head, FL_RELAXED) - lane->rx.tail;
    return count <= lane->info.credits ? (uint32_t)count : 0;
}

void fl_record_superseded(const struct fl_lane *lane, uint64_t index, const struct fl_desc *desc)
{
    struct fl_event event = {
        .kind = FL_EVENT_DROPPED,
        .what = FL_DROP_SUPERSEDED,
        .lane = lane->info.id,
        .index = index,
        .held = (uint32_t)(lane->stats.taken - lane->stats.returned),
        .queued = queued(lane),
    };
    record_frame(lane->context, event, desc);
}

/* ---- the reader ---- */

struct fl_events {
    struct fl_events_rx rx;
    uint64_t bytes;
};

int fl_events_open(int fd, uint64_t bytes, struct fl_events **out)
{
    const void *theirs;
    struct fl_events *events = calloc(1, sizeof *events);
    if (!events)
        return -ENOMEM;
    int error = places_in(bytes) < 64 ? -EINVAL : fl_shm_map_reader(fd, bytes, &theirs);
    if (error < 0) {
        free(events);
        return error;
    }
    events->rx = (struct fl_events_rx){.theirs = theirs, .mask = places_in(bytes) - 1};
    events->bytes = bytes;
    *out = events;
    return 0;
}

void fl_events_close(struct fl_events *events)
{
    if (!events)
        return;
    fl_shm_unmap(events->rx.theirs, events->bytes);
    free(events);
}

int fl_events_read(struct fl_events *events, struct fl_event *into, unsigned most, uint64_t *lost)
{
    struct fl_events_rx *rx = &events->rx;
    uint64_t words[FL_EVENT_WORDS];
    unsigned got = 0;
    uint64_t head = fl_events_head(rx);
    if (head < rx->tail)
        return -EBADMSG;
    for (unsigned looks = 0; looks < most && rx->tail < head; looks++) { /* looks: head may be moved on before each of them */
        uint64_t late = fl_events_next(rx, words);
        *lost += late;
        if (late == 0)
            memcpy(&into[got++], words, sizeof words);
    }
    return (int)got;
}
