#include <framelane/latest.h>

#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static unsigned listeners(const struct fl_output *output)
{
    unsigned count = 0;
    for (unsigned i = 0; i < output->lane_count; i++)
        count += !output->lanes[i]->stopped && !output->lanes[i]->info.guest;
    return count;
}

void fl_output_count_listeners(struct fl_output *output)
{
    output->deaf = output->lane_count > 0 && listeners(output) == 0;
}

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

void fl_output_destroy(struct fl_output *output)
{
    for (unsigned i = 0; i < output->lane_count; i++)
        fl_output_lane_destroy(output->lanes[i]);
    fl_shm_unmap(output->latest, fl_latest_bytes());
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
    lane->aside = lane->pipe || output->context->recording;
    if (lane->pipe)
        output->context->by_fd_only = true;
    output->restless = true; /* until the next service has seen what kind of lane it is */
    int error = fl_context_reserve(output->context);
    if (error < 0) {
        output->lane_count--;
        return error;
    }
    fl_output_count_listeners(output);
    lane->bell_watch = (struct fl_bell_watch){.tx = lane->pipe ? NULL : &lane->tx, .wakeups = &lane->stats.wakeups};
    fl_context_suit(output->context, &lane->info);
    return 0;
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
    lane->batch = fl_lane_batch(info);
    lane->row_mask = fl_lane_places(info->credits) - 1;
    bool waited_for = info->guest && info->when_full == FL_WHEN_FULL_WAIT;
    if (info->credits == 0 || info->credits > FL_LANE_MAX_CREDITS || waited_for)
        error = -EINVAL;
    else if ((lane->rows = calloc(fl_lane_places(info->credits), sizeof *lane->rows)))
        error = info->transport == FL_TRANSPORT_PIPE ? fl_pipe_writer_create(lane, &lane->pipe) : map_ring(lane, own);
    if (error == 0) {
        fl_context_lock(output->context);
        error = register_lane(output, lane);
        fl_context_unlock(output->context);
    }
    if (error < 0) {
        lane->tx.mine = NULL; /* the caller mapped it */
        fl_output_lane_destroy(lane);
        return error;
    }
    fl_context_kick(output->context); /* whoever sleeps does not poll its bell yet */
    *out = lane;
    return 0;
}

/* ---- service ---- */

void fl_output_service(struct fl_output *output)
{
    bool owes = false, pending = false, pipes = false;
    for (unsigned i = 0; i < output->lane_count; i++)
        if (!output->lanes[i]->pipe)
            fl_tx_expect_returns(&output->lanes[i]->tx);
    for (unsigned i = 0; i < output->lane_count; i++) {
        struct fl_output_lane *lane = output->lanes[i];
        if (lane->pipe)
            fl_pipe_writer_progress(lane);
        else if (!lane->fault)
            fl_output_lane_collect(lane);
        do {
            fl_output_lane_pay(lane);
            fl_output_lane_tell(lane);
            if (output->closing)
                fl_output_lane_close(lane);
            if (lane->pipe)
                fl_pipe_writer_progress(lane);
        } while (lane->owed && lane->pipe && lane->outstanding < lane->info.credits); /* emptied meanwhile: nothing would ring */
        owes |= lane->owed;
        pending |= lane->through_pending;
        pipes |= lane->pipe != NULL;
    }
    if (output->closing && !owes && output->newest) {
        fl_frame_unbook(output->newest);
        output->newest = NULL;
    }
    output->restless = owes || pending || pipes || output->closing;
    fl_output_look(output, false);
}

static bool owes_wait_lane(const struct fl_output *output)
{
    for (unsigned i = 0; i < output->lane_count; i++)
        if (output->lanes[i]->owed && output->lanes[i]->info.when_full == FL_WHEN_FULL_WAIT)
            return true;
    return false;
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

/* All but the words of a short entry. By words, for memcmp reads more at once than the caller has just written at once: such a load
 * waits until the stores have left the processor's store buffer, behind those into lines that the consumer's core holds. */
static bool describes_the_same(const struct fl_desc *a, const struct fl_desc *b)
{
    uint64_t differs = 0;
#pragma GCC unroll 24
    for (size_t at = offsetof(struct fl_desc, dts); at < offsetof(struct fl_desc, origin_ns); at += sizeof differs) {
        uint64_t of_a, of_b;
        memcpy(&of_a, (const char *)a + at, sizeof of_a);
        memcpy(&of_b, (const char *)b + at, sizeof of_b);
        differs |= of_a ^ of_b;
    }
    return differs == 0;
}

/* Whether a short entry can carry all that differs from what was announced last; the rest has been found right then. */
static bool is_as_before(const struct fl_output *output, const struct fl_frame *frame, const struct fl_desc *desc)
{
    return output->told != 0 && frame->capacity >= output->checked_capacity &&
           describes_the_same(&output->announcement.entry.desc, desc);
}

/* The announcement, whole; a lane that was sent the one before takes the words of a short entry out of it. By words, for they are
 * read as such at once. */
static void describe(struct fl_output *output, const struct fl_frame *frame, const struct fl_desc *desc, bool as_before)
{
    uint64_t *words = output->announcement.words;
    if (!as_before) {
        output->announcement.entry.desc = *desc;
        output->told = ++output->context->descriptions;
        output->checked_capacity = frame->capacity;
    }
    words[0] = frame->pool ? frame->pool->info.id : 0;
    words[1] = frame->offset;
    words[2] = frame->version;
    words[3] = desc->number;
    words[4] = desc->epoch | (uint64_t)desc->part << 32;
    words[5] = (uint64_t)desc->pts;
    words[FL_ORIGIN_WORD] = desc->origin_ns;
}

/* Every lane is owed another frame. What a `latest` lane still was will never be sent. */
static void overtake(struct fl_output *output)
{
    for (unsigned i = 0; i < output->lane_count; i++) {
        struct fl_output_lane *lane = output->lanes[i];
        if (lane->owed)
            fl_output_lane_count_drop(lane, FL_DROP_NO_CREDIT);
        lane->owed = !lane->stopped;
    }
}

/* Its references are the caller's business: a row's is its own, and the output's is taken when the call is over. */
static void set_newest(struct fl_output *output, struct fl_frame *frame, const struct fl_desc *desc, bool as_before)
{
    output->newest = frame;
    output->forwards |= frame->lane != NULL;
    describe(output, frame, desc, as_before);
    if (!frame->lane)
        fl_frame_describe(frame, desc, desc, output->told);
    if (output->latest)
        fl_output_show(output);
}

/* What it has let go of may be frames of others, whose credit goes back: before this side goes on to other things. */
static void show_returns(const struct fl_output *output)
{
    if (output->forwards)
        fl_lanes_look(output->context, false);
}

/* To every lane that has credit. Returns are collected where credit is wanting, and otherwise left until somebody wants the slots:
 * each look at them takes the line away from the consumer that writes it. */
static void send(struct fl_output *output)
{
    bool owes = false;
    for (unsigned i = 0; i < output->lane_count; i++)
        owes |= fl_output_lane_send(output->lanes[i]);
    output->restless |= owes;
}

/* One frame of a call. */
static int announce(struct fl_output *output, struct fl_frame *frame, const struct fl_desc *desc)
{
    bool as_before = is_as_before(output, frame, desc);
    if (!as_before && fl_desc_check(desc, frame->capacity) < 0)
        return -EBADMSG;
    if (output->restless)
        fl_output_service(output);
    if (output->closing || output->deaf)
        return -EPIPE;
    if (output->restless && owes_wait_lane(output))
        return -EAGAIN;
    end_writing(frame);
    if (output->restless) {
        overtake(output);
        set_newest(output, frame, desc, as_before);
        fl_output_service(output);
    } else {
        set_newest(output, frame, desc, as_before);
        send(output);
    }
    return 0;
}

static void expect_places(const struct fl_output *output)
{
    for (unsigned i = 0; i < output->lane_count; i++)
        if (!output->lanes[i]->pipe)
            fl_tx_expect_now(&output->lanes[i]->tx);
}

/* What is done for a call and not for a frame: the lock, the work that waits for somebody to come by, the looks, and the reference
 * that the newest frame has of its output. */
int fl_output_publish_many(struct fl_output *output, const struct fl_publish *what, unsigned count)
{
    unsigned done = 0;
    int error = 0;
    fl_context_lock(output->context);
    expect_places(output);
    if (output->forwards && !output->restless)
        fl_output_service(output);
    struct fl_frame *before = output->newest;
    while (done < count && (error = announce(output, what[done].frame, what[done].desc)) == 0)
        done++;
    if (done > 0) {
        fl_frame_book(output->newest);
        fl_frame_unbook(before);
        fl_output_look(output, false);
    }
    if (error == -EAGAIN && done == 0)
        fl_context_flush_locked(output->context); /* who waits by asking again: no batch fills meanwhile */
    show_returns(output);
    fl_context_unlock(output->context);
    return done > 0 ? (int)done : error;
}

int fl_output_publish(struct fl_output *output, struct fl_frame *frame, const struct fl_desc *desc)
{
    int done = fl_output_publish_many(output, &(struct fl_publish){frame, desc}, 1);
    return done < 0 ? done : 0;
}

bool fl_output_owes(const struct fl_output *output)
{
    fl_context_lock(output->context);
    bool owes = owes_wait_lane(output);
    fl_context_unlock(output->context);
    return owes;
}

static bool owes_nothing_locked(void *output)
{
    return !owes_wait_lane(output);
}

int fl_output_wait(struct fl_output *output, int64_t timeout_ns)
{
    return fl_context_wait_locked(output->context, owes_nothing_locked, output, timeout_ns);
}

/* Of a lane: announcements that are out, and the one that it is owed. Nobody waits for a guest. */
static unsigned not_back(struct fl_output_lane *lane)
{
    if (lane->info.guest)
        return 0;
    if (!lane->stopped && !lane->pipe && lane->outstanding > 0)
        fl_output_lane_collect(lane);
    return lane->stopped ? 0 : lane->outstanding + lane->owed;
}

static unsigned outstanding_locked(struct fl_output *output)
{
    unsigned count = 0;
    for (unsigned i = 0; i < output->lane_count; i++)
        count += not_back(output->lanes[i]);
    show_returns(output);
    return count;
}

unsigned fl_output_outstanding(struct fl_output *output)
{
    fl_context_lock(output->context);
    fl_context_tend_locked(output->context);
    unsigned count = outstanding_locked(output);
    if (count > 0)
        fl_context_flush_locked(output->context); /* who waits by asking again: no batch fills meanwhile */
    fl_context_unlock(output->context);
    return count;
}

static bool all_is_back_locked(void *output)
{
    return outstanding_locked(output) == 0;
}

int fl_output_wait_returns(struct fl_output *output, int64_t timeout_ns)
{
    return fl_context_wait_locked(output->context, all_is_back_locked, output, timeout_ns);
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
        show_returns(output);
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

bool fl_output_drained(const struct fl_output *output)
{
    bool drained = output->closing;
    fl_context_lock(output->context);
    for (unsigned i = 0; i < output->lane_count; i++)
        drained &= fl_output_lane_drained(output->lanes[i]);
    fl_context_unlock(output->context);
    return drained;
}

void fl_output_lane_stop(struct fl_output_lane *lane)
{
    fl_context_lock(lane->output->context);
    fl_output_lane_halt(lane);
    fl_context_unlock(lane->output->context);
}

void fl_output_lane_down(struct fl_output_lane *lane)
{
    fl_context_lock(lane->output->context);
    if (!lane->pipe && !lane->fault)
        fl_output_lane_collect(lane); /* what it gave back in life would look like a lie once nothing is outstanding */
    fl_output_lane_halt(lane);
    if (lane->pipe)
        fl_pipe_writer_give_up(lane);
    fl_output_lane_reclaim(lane);
    fl_context_service_locked(lane->output->context);
    fl_context_unlock(lane->output->context);
}

int fl_output_detach(struct fl_output_lane *lane)
{
    struct fl_output *output = lane->output;
    struct fl_context *context = output->context;
    fl_context_lock(context);
    bool busy = !lane->stopped || lane->outstanding > 0;
    if (!busy) {
        unsigned kept = 0;
        for (unsigned i = 0; i < output->lane_count; i++)
            if (output->lanes[i] != lane)
                output->lanes[kept++] = output->lanes[i];
        output->lane_count = kept;
        fl_output_count_listeners(output);
        fl_context_bury(context, lane);
    }
    fl_context_unlock(context);
    if (busy)
        return -EBUSY;
    fl_sleep_let_go(context);
    return 0;
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
    stats->muted = lane->bell_watch.muted;
    fl_context_unlock(lane->output->context);
}
