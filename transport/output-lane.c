/* The producer's end of one lane: which announcement names which frame, what is still owed, and when the other side is looked at.
 * Everything here runs under the context's lock. */
#include "internal.h"

#include <stdlib.h>

void fl_output_lane_destroy(struct fl_output_lane *lane)
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

void fl_output_lanes_destroy(struct fl_output_lane *lane)
{
    while (lane) {
        struct fl_output_lane *next = lane->next_detached;
        fl_output_lane_destroy(lane);
        lane = next;
    }
}

void fl_output_lane_halt(struct fl_output_lane *lane)
{
    lane->stopped = true;
    lane->owed = false;
    fl_output_count_listeners(lane->output);
}

void fl_output_lane_break(struct fl_output_lane *lane, const char *fault)
{
    lane->fault = fault; /* the first and only: nothing of it is looked at any more */
    fl_output_lane_halt(lane);
}

/* ---- rows and returns ---- */

void fl_output_returned(struct fl_output_lane *lane, struct fl_row *row)
{
    struct fl_frame *frame = row->frame;
    row->frame = NULL;
    lane->outstanding--;
    lane->stats.returned++;
    fl_frame_unbook(frame);
}

/* The search starts where the index would stand if none were kept for long: mostly it ends there as well. */
static struct fl_row *find_row(struct fl_output_lane *lane, uint64_t index)
{
    for (uint32_t i = 0; i <= lane->row_mask; i++) {
        struct fl_row *row = &lane->rows[(index + i) & lane->row_mask];
        if (row->frame && row->index == index)
            return row;
    }
    return NULL;
}

/* There is one: outstanding < credits <= rows. */
static struct fl_row *free_row(struct fl_output_lane *lane)
{
    uint64_t at = lane->tx.head;
    while (lane->rows[at & lane->row_mask].frame)
        at++;
    return &lane->rows[at & lane->row_mask];
}

/* Accepts each returned index once, if it is outstanding. Anything else changes nothing in the books and closes the lane. */
void fl_output_lane_collect(struct fl_output_lane *lane)
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
        fl_output_lane_halt(lane);
}

void fl_output_lane_reclaim(struct fl_output_lane *lane)
{
    for (uint32_t i = 0; i <= lane->row_mask; i++)
        if (lane->rows[i].frame)
            fl_output_returned(lane, &lane->rows[i]);
}

/* ---- sending ---- */

/* True: that was all, no ring is written. */
static bool send_aside(struct fl_output_lane *lane, struct fl_row *row)
{
    if (fl_records(lane->output->context, FL_EVENT_SENT))
        fl_record_sent(lane);
    if (!lane->pipe)
        return false;
    lane->tx.head++;
    fl_pipe_writer_queue(lane, row);
    return true;
}

static void push(struct fl_tx *tx, const uint64_t *words, bool as_before)
{
    if (!as_before) {
        fl_tx_push(tx, words, FL_ENTRY_WORDS - 1);
        return;
    }
    const uint64_t short_entry[FL_SHORT_ENTRY_WORDS] = {
        words[0] | (uint64_t)FL_ENTRY_AS_BEFORE << 32, words[1], words[2], words[3], words[4], words[5], words[FL_ORIGIN_WORD]};
    fl_tx_push(tx, short_entry, FL_SHORT_ENTRY_WORDS);
}

static void send_newest(struct fl_output_lane *lane)
{
    struct fl_output *output = lane->output;
    struct fl_row *row = free_row(lane);
    row->frame = output->newest;
    fl_frame_book(row->frame);
    row->index = lane->tx.head;
    lane->outstanding++;
    lane->in_gap = false;
    lane->stats.sent++;
    if (lane->aside && send_aside(lane, row))
        return;
    push(&lane->tx, output->announcement.words, lane->told == output->told);
    fl_tx_expect_push(&lane->tx, lane->info.credits - lane->outstanding, lane->batch > 1 ? FL_AHEAD : FL_AHEAD_ALONE);
    lane->told = output->told;
    if (lane->unlooked++ == 0 && lane->info.batch_delay_ns > 0)
        lane->unlooked_since_ns = fl_now_ns();
}

void fl_output_lane_count_drop(struct fl_output_lane *lane, enum fl_drop why)
{
    lane->owed = false;
    lane->stats.gaps += !lane->in_gap;
    lane->in_gap = true;
    lane->stats.dropped++;
    lane->stats.left_over += why == FL_DROP_LEFT_OVER;
    lane->stats.last_dropped_number = lane->output->announcement.entry.desc.number;
    if (fl_records(lane->output->context, FL_EVENT_DROPPED))
        fl_record_drop(lane, why);
}

/* Its frame's own words: those of an announcement are in the ring, and gone from there once the place is used again. */
bool fl_output_lane_oldest(const struct fl_output_lane *lane, struct fl_outstanding *oldest)
{
    const struct fl_row *found = NULL;
    fl_context_lock(lane->output->context);
    for (uint32_t i = 0; i <= lane->row_mask; i++)
        if (lane->rows[i].frame && (!found || lane->rows[i].index < found->index))
            found = &lane->rows[i];
    if (found)
        *oldest = (struct fl_outstanding){.index = found->index, .number = found->frame->desc.number};
    fl_context_unlock(lane->output->context);
    return found != NULL;
}

void fl_output_lane_pay(struct fl_output_lane *lane)
{
    if (!lane->owed) /* nor is a lane that is stopped */
        return;
    if (lane->outstanding < lane->info.credits) {
        lane->owed = false;
        send_newest(lane);
    } else if (lane->info.when_full == FL_WHEN_FULL_DROP) {
        fl_output_lane_count_drop(lane, FL_DROP_NO_CREDIT);
    }
}

bool fl_output_lane_send(struct fl_output_lane *lane)
{
    if (lane->outstanding < lane->info.credits && !lane->stopped) {
        send_newest(lane);
        return false;
    }
    lane->owed = !lane->stopped;
    if (lane->owed)
        fl_output_lane_collect(lane); /* an output with a pipe is restless, and does not come by here */
    fl_output_lane_pay(lane);
    return lane->owed;
}

/* ---- telling ---- */

/* "Nothing at or before this" must not pass a frame that is still owed. */
void fl_output_lane_tell(struct fl_output_lane *lane)
{
    const struct fl_through *through = &lane->output->through;
    if (!lane->through_pending || lane->owed || lane->stopped)
        return;
    lane->through_pending = false;
    if (lane->pipe) {
        fl_pipe_writer_through(lane->pipe, through);
        return;
    }
    fl_tx_commit(&lane->tx); /* what is told after an announcement does not wait for a batch to fill */
    fl_tx_through(&lane->tx, through->epoch, through->number, (uint64_t)through->pts,
                  (uint64_t)(uint32_t)through->time_base_num << 32 | (uint32_t)through->time_base_den);
    lane->urgent = true;
}

/* After a second only `wait` lanes are still worth waiting for, and a guest's never was. */
static bool grace_is_over(const struct fl_output_lane *lane)
{
    return lane->info.guest || fl_now_ns() - lane->output->close_ns > FL_CLOSE_GRACE_NS;
}

void fl_output_lane_close(struct fl_output_lane *lane)
{
    if (lane->owed && lane->info.when_full != FL_WHEN_FULL_WAIT && grace_is_over(lane))
        fl_output_lane_count_drop(lane, FL_DROP_LEFT_OVER);
    if (lane->told_closed || lane->owed)
        return;
    lane->told_closed = true;
    if (lane->pipe) {
        fl_pipe_writer_close(lane->pipe);
        return;
    }
    fl_tx_commit(&lane->tx);
    fl_tx_close(&lane->tx);
    lane->urgent = true;
}

bool fl_output_lane_drained(const struct fl_output_lane *lane)
{
    if (lane->stopped)
        return true;
    if (lane->info.when_full != FL_WHEN_FULL_WAIT && grace_is_over(lane))
        return true; /* a pipe that nobody empties */
    if (!lane->told_closed || (lane->pipe && !fl_pipe_writer_idle(lane->pipe)))
        return false;
    return lane->outstanding == 0 || lane->info.when_full != FL_WHEN_FULL_WAIT;
}

/* ---- looking ---- */

static bool look_is_due(const struct fl_output_lane *lane, bool all)
{
    if (lane->urgent || (lane->unlooked > 0 && (all || lane->unlooked >= lane->batch)))
        return true;
    return lane->unlooked > 0 && lane->info.batch_delay_ns > 0 &&
           fl_now_ns() - lane->unlooked_since_ns >= lane->info.batch_delay_ns;
}

static void ring(struct fl_output_lane *lane)
{
    enum fl_must_ring how = fl_tx_must_ring(&lane->tx);
    if (how == FL_RING_NOT)
        return;
    lane->stats.rings++;
    if (how == FL_RING_WORD)
        fl_tx_ring(&lane->tx);
    struct fl_bell bell = {how == FL_RING_WORD ? &lane->tx.mine->bell : NULL, lane->fds.bell_out};
    fl_context_note_bell(lane->output->context, bell);
}

/* D1 of core.h for every lane at once: all stores, one fence, then the looks. `all`: also what a batch still keeps back. */
void fl_output_look(struct fl_output *output, bool all)
{
    unsigned due = 0;
    for (unsigned i = 0; i < output->lane_count; i++) {
        struct fl_output_lane *lane = output->lanes[i];
        if (!look_is_due(lane, all))
            continue;
        fl_tx_commit(&lane->tx);
        lane->looking = true;
        due++;
    }
    if (due == 0)
        return;
    fl_doorbell_fence();
    for (unsigned i = 0; i < output->lane_count; i++) {
        struct fl_output_lane *lane = output->lanes[i];
        if (!lane->looking)
            continue;
        lane->looking = lane->urgent = false;
        lane->unlooked = 0;
        ring(lane);
    }
}
