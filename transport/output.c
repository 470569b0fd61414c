#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- wiring ---- */

int fl_output_create(struct fl_context *context, struct fl_output **out)
{
    struct fl_output *output = calloc(1, sizeof *output);
    if (!output)
        return -ENOMEM;
    output->context = context;
    fl_context_lock(context);
    struct fl_output **outputs = realloc(context->outputs, (context->output_count + 1) * sizeof *outputs);
    if (outputs) {
        context->outputs = outputs;
        outputs[context->output_count++] = output;
    }
    fl_context_unlock(context);
    if (!outputs) {
        free(output);
        return -ENOMEM;
    }
    *out = output;
    return 0;
}

static void destroy_lane(struct fl_output_lane *lane)
{
    if (lane->info.credits > 0 && lane->info.credits <= FL_LANE_MAX_CREDITS) {
        fl_shm_unmap(lane->tx.theirs, fl_lane_return_bytes(lane->info.credits));
        fl_shm_unmap(lane->tx.mine, fl_lane_announce_bytes(lane->info.credits));
    }
    fl_pipe_writer_destroy(lane->pipe);
    fl_lane_close_fds(&lane->fds);
    free(lane->rows);
    free(lane);
}

void fl_output_destroy(struct fl_output *output)
{
    for (unsigned i = 0; i < output->lane_count; i++)
        destroy_lane(output->lanes[i]);
    free(output->lanes);
    free(output);
}

static int map_ring(struct fl_output_lane *lane, void *own)
{
    const void *theirs;
    if (!own)
        return -EINVAL;
    int error = fl_shm_map_reader(lane->fds.returns, fl_lane_return_bytes(lane->info.credits), &theirs);
    if (error < 0)
        return error;
    lane->tx.mine = own;
    lane->tx.theirs = theirs;
    lane->tx.mask = fl_lane_places(lane->info.credits) - 1;
    fl_store(&lane->tx.mine->magic, FL_ANNOUNCE_MAGIC, FL_RELAXED); /* for observers */
    fl_store(&lane->tx.mine->lane, lane->info.id, FL_RELAXED);
    fl_store(&lane->tx.mine->epoch, lane->info.epoch, FL_RELAXED);
    fl_store(&lane->tx.mine->places, lane->tx.mask + 1, FL_RELAXED);
    return 0;
}

static int register_lane(struct fl_output *output, struct fl_output_lane *lane)
{
    struct fl_output_lane **lanes = realloc(output->lanes, (output->lane_count + 1) * sizeof *lanes);
    if (!lanes)
        return -ENOMEM;
    output->lanes = lanes;
    lanes[output->lane_count++] = lane;
    int error = fl_context_reserve(output->context);
    if (error < 0)
        output->lane_count--;
    return error;
}

int fl_output_attach(struct fl_output *output, const struct fl_lane_info *info, void *own, const struct fl_lane_fds *fds,
                     struct fl_output_lane **out)
{
    int error = -ENOMEM;
    struct fl_lane_fds mine = *fds;
    struct fl_output_lane *lane = calloc(1, sizeof *lane);
    if (!lane) {
        fl_lane_close_fds(&mine);
        return error;
    }
    lane->output = output;
    lane->info = *info;
    lane->fds = mine;
    if (info->credits == 0 || info->credits > FL_LANE_MAX_CREDITS)
        error = -EINVAL;
    else if ((lane->rows = calloc(info->credits, sizeof *lane->rows)))
        error = info->transport == FL_TRANSPORT_PIPE ? fl_pipe_writer_create(lane, &lane->pipe) : map_ring(lane, own);
    if (error == 0) {
        fl_context_lock(output->context);
        error = register_lane(output, lane);
        fl_context_unlock(output->context);
    }
    if (error < 0) {
        lane->tx.mine = NULL; /* the caller mapped it */
        destroy_lane(lane);
        return error;
    }
    *out = lane;
    return 0;
}

/* ---- faults and returns ---- */

static void stop_locked(struct fl_output_lane *lane)
{
    lane->stopped = true;
    lane->owed = false;
}

void fl_output_lane_break(struct fl_output_lane *lane, const char *fault)
{
    if (!lane->fault)
        lane->fault = fault;
    stop_locked(lane);
}

void fl_output_returned(struct fl_output_lane *lane, struct fl_row *row)
{
    struct fl_frame *frame = row->frame;
    row->frame = NULL;
    lane->outstanding--;
    lane->stats.returned++;
    fl_frame_unref(frame);
}

static struct fl_row *find_row(struct fl_output_lane *lane, uint64_t index)
{
    for (uint32_t i = 0; i < lane->info.credits; i++)
        if (lane->rows[i].frame && lane->rows[i].index == index)
            return &lane->rows[i];
    return NULL;
}

static struct fl_row *free_row(struct fl_output_lane *lane)
{
    for (uint32_t i = 0; i < lane->info.credits; i++)
        if (!lane->rows[i].frame)
            return &lane->rows[i];
    return NULL;
}

/* Accepts each returned index once, if it is outstanding. Anything else changes nothing in the books and closes the lane. */
static void collect(struct fl_output_lane *lane)
{
    uint64_t index;
    enum fl_collect got;
    while ((got = fl_tx_collect(&lane->tx, lane->outstanding, &index)) == FL_COLLECT_ONE) {
        struct fl_row *row = find_row(lane, index);
        if (!row) {
            fl_output_lane_break(lane, "returned a frame that it does not hold");
            return;
        }
        fl_output_returned(lane, row);
    }
    if (got == FL_COLLECT_FAR)
        fl_output_lane_break(lane, "returned more frames than it holds");
    else if (fl_tx_gone(&lane->tx))
        stop_locked(lane);
}

/* ---- sending ---- */

static void note_ring(struct fl_output_lane *lane)
{
    fl_doorbell_fence(); /* D1: what was stored before the look at the consumer's `armed` */
    if (fl_tx_must_ring(&lane->tx)) {
        lane->stats.rings++;
        fl_context_note_bell(lane->output->context, lane->fds.bell_out);
    }
}

static void send_newest(struct fl_output_lane *lane)
{
    struct fl_output *output = lane->output;
    struct fl_row *row = free_row(lane);
    row->frame = fl_frame_ref(output->newest);
    lane->outstanding++;
    lane->owed = false;
    lane->stats.sent++;
    if (lane->pipe) {
        row->index = lane->tx.head++;
        fl_pipe_writer_queue(lane, row);
        return;
    }
    union {
        struct fl_entry entry;
        uint64_t words[FL_ENTRY_WORDS];
    } copy = {.entry = {
                  .pool = output->newest->pool ? output->newest->pool->info.id : 0,
                  .offset = output->newest->offset,
                  .version = output->newest->version,
                  .desc = output->newest_desc,
              }};
    row->index = lane->tx.head;
    fl_tx_push(&lane->tx, copy.words);
    fl_tx_commit(&lane->tx);
    note_ring(lane);
}

static void count_drop(struct fl_output_lane *lane)
{
    lane->owed = false;
    lane->stats.dropped++;
    lane->stats.last_dropped_number = lane->output->newest_desc.number;
}

/* "Nothing at or before this" must not pass a frame that is still owed. */
static void tell_through(struct fl_output_lane *lane)
{
    const struct fl_through *through = &lane->output->through;
    if (!lane->through_pending || lane->owed || lane->stopped)
        return;
    lane->through_pending = false;
    if (lane->pipe) {
        fl_pipe_writer_through(lane->pipe, through);
        return;
    }
    fl_tx_through(&lane->tx, through->epoch, through->number, (uint64_t)through->pts,
                  (uint64_t)(uint32_t)through->time_base_num << 32 | (uint32_t)through->time_base_den);
    note_ring(lane);
}

static void tell_closed(struct fl_output_lane *lane)
{
    if (lane->told_closed || lane->owed)
        return;
    lane->told_closed = true;
    if (lane->pipe) {
        fl_pipe_writer_close(lane->pipe);
        return;
    }
    fl_tx_close(&lane->tx);
    note_ring(lane);
}

/* Pays what this lane is owed, as its policy says. */
static void pay(struct fl_output_lane *lane)
{
    if (lane->owed && lane->stopped)
        lane->owed = false;
    if (lane->owed && lane->outstanding < lane->info.credits)
        send_newest(lane);
    else if (lane->owed && lane->info.when_full == FL_WHEN_FULL_DROP)
        count_drop(lane);
}

/* After a second only `wait` lanes are still worth waiting for. */
static bool grace_is_over(const struct fl_output *output)
{
    return fl_now_ns() - output->close_ns > FL_CLOSE_GRACE_NS;
}

static void close_lane(struct fl_output_lane *lane)
{
    if (lane->owed && lane->info.when_full != FL_WHEN_FULL_WAIT && grace_is_over(lane->output))
        count_drop(lane);
    tell_closed(lane);
}

void fl_output_service(struct fl_output *output)
{
    bool owes = false;
    for (unsigned i = 0; i < output->lane_count; i++) {
        struct fl_output_lane *lane = output->lanes[i];
        if (lane->pipe)
            fl_pipe_writer_progress(lane);
        else if (!lane->fault)
            collect(lane);
        pay(lane);
        tell_through(lane);
        if (output->closing)
            close_lane(lane);
        if (lane->pipe)
            fl_pipe_writer_progress(lane);
        owes |= lane->owed;
    }
    if (output->closing && !owes && output->newest) {
        fl_frame_unref(output->newest);
        output->newest = NULL;
    }
}

static bool owes_wait_lane(const struct fl_output *output)
{
    for (unsigned i = 0; i < output->lane_count; i++)
        if (output->lanes[i]->owed && output->lanes[i]->info.when_full == FL_WHEN_FULL_WAIT)
            return true;
    return false;
}

static unsigned listeners(const struct fl_output *output)
{
    unsigned count = 0;
    for (unsigned i = 0; i < output->lane_count; i++)
        count += !output->lanes[i]->stopped;
    return count;
}

/* The payload is complete: it may be seen. Only now, and only the first time. */
static void end_writing(struct fl_frame *frame)
{
    if (frame->lane || atomic_load_explicit(&frame->state, memory_order_relaxed) != FL_SLOT_WRITING)
        return;
    frame->version++;
    fl_version_close(&frame->pool->versions[frame->slot], frame->version);
    atomic_store_explicit(&frame->state, FL_SLOT_PUBLISHED, memory_order_relaxed);
}

static void set_newest(struct fl_output *output, struct fl_frame *frame, const struct fl_desc *desc)
{
    fl_frame_ref(frame);
    fl_frame_unref(output->newest);
    output->newest = frame;
    if (!frame->lane)
        frame->desc = *desc;
    for (unsigned i = 0; i < output->lane_count; i++) {
        struct fl_output_lane *lane = output->lanes[i];
        if (lane->owed) /* a `latest` lane is overtaken: what it was owed will never be sent */
            count_drop(lane);
        lane->owed = !lane->stopped;
    }
    output->newest_desc = *desc;
}

int fl_output_publish(struct fl_output *output, struct fl_frame *frame, const struct fl_desc *desc)
{
    int error = 0;
    if (fl_desc_check(desc, frame->capacity) < 0)
        return -EBADMSG;
    fl_context_lock(output->context);
    fl_output_service(output);
    if (output->closing || (output->lane_count > 0 && listeners(output) == 0)) {
        error = -EPIPE;
    } else if (owes_wait_lane(output)) {
        error = -EAGAIN;
    } else {
        end_writing(frame);
        set_newest(output, frame, desc);
        fl_output_service(output);
    }
    fl_context_unlock(output->context);
    return error;
}

bool fl_output_owes(const struct fl_output *output)
{
    fl_context_lock(output->context);
    bool owes = owes_wait_lane(output);
    fl_context_unlock(output->context);
    return owes;
}

void fl_output_through(struct fl_output *output, const struct fl_through *through)
{
    fl_context_lock(output->context);
    if (!output->through_known || fl_through_is_later(through, &output->through)) {
        output->through = *through;
        output->through_known = true;
        for (unsigned i = 0; i < output->lane_count; i++)
            output->lanes[i]->through_pending = true;
        fl_output_service(output);
    }
    fl_context_unlock(output->context);
}

/* ---- the end ---- */

void fl_output_close(struct fl_output *output)
{
    fl_context_lock(output->context);
    if (!output->closing) {
        output->closing = true;
        output->close_ns = fl_now_ns();
    }
    fl_context_service_locked(output->context);
    fl_context_unlock(output->context);
}

static bool lane_drained(const struct fl_output_lane *lane)
{
    if (lane->stopped)
        return true;
    if (lane->info.when_full != FL_WHEN_FULL_WAIT && grace_is_over(lane->output))
        return true; /* a pipe that nobody empties */
    if (!lane->told_closed || (lane->pipe && !fl_pipe_writer_idle(lane->pipe)))
        return false;
    return lane->outstanding == 0 || lane->info.when_full != FL_WHEN_FULL_WAIT;
}

bool fl_output_drained(const struct fl_output *output)
{
    bool drained = output->closing;
    fl_context_lock(output->context);
    for (unsigned i = 0; i < output->lane_count; i++)
        drained &= lane_drained(output->lanes[i]);
    fl_context_unlock(output->context);
    return drained;
}

void fl_output_lane_stop(struct fl_output_lane *lane)
{
    fl_context_lock(lane->output->context);
    stop_locked(lane);
    fl_context_unlock(lane->output->context);
}

void fl_output_lane_down(struct fl_output_lane *lane)
{
    fl_context_lock(lane->output->context);
    stop_locked(lane);
    if (lane->pipe)
        fl_pipe_writer_give_up(lane);
    for (uint32_t i = 0; i < lane->info.credits; i++)
        if (lane->rows[i].frame)
            fl_output_returned(lane, &lane->rows[i]);
    fl_context_service_locked(lane->output->context);
    fl_context_unlock(lane->output->context);
}

unsigned fl_output_listeners(const struct fl_output *output)
{
    fl_context_lock(output->context);
    unsigned count = listeners(output);
    fl_context_unlock(output->context);
    return count;
}

const char *fl_output_lane_fault(const struct fl_output_lane *lane)
{
    fl_context_lock(lane->output->context);
    const char *fault = lane->fault;
    fl_context_unlock(lane->output->context);
    return fault;
}

void fl_output_lane_get_stats(const struct fl_output_lane *lane, struct fl_output_stats *stats)
{
    fl_context_lock(lane->output->context);
    *stats = lane->stats;
    stats->outstanding = lane->outstanding;
    stats->credits = lane->info.credits;
    fl_context_unlock(lane->output->context);
}
