#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- sizes, wiring ---- */

uint32_t fl_lane_places(uint32_t credits)
{
    uint32_t places = 4;
    while (places < credits)
        places *= 2;
    return places;
}

static uint64_t region_bytes(uint64_t header, uint64_t entries)
{
    uint64_t page = fl_page_bytes();
    return (header + entries * sizeof(fl_word) + page - 1) / page * page;
}

uint64_t fl_lane_announce_bytes(uint32_t credits)
{
    return region_bytes(sizeof(struct fl_announce_region), (uint64_t)fl_lane_places(credits) * FL_ENTRY_WORDS);
}

uint64_t fl_lane_return_bytes(uint32_t credits)
{
    return region_bytes(sizeof(struct fl_return_region), fl_lane_places(credits));
}

void fl_lane_close_fds(struct fl_lane_fds *fds)
{
    int *all[] = {&fds->announce, &fds->returns, &fds->bell_out, &fds->bell_in};
    for (unsigned i = 0; i < 4; i++) {
        if (*all[i] >= 0)
            close(*all[i]);
        *all[i] = -1;
    }
}

static int make_handles(struct fl_lane *lane)
{
    lane->frames = calloc(lane->info.credits, sizeof *lane->frames);
    if (!lane->frames)
        return -ENOMEM;
    for (uint32_t i = 0; i < lane->info.credits; i++) {
        struct fl_frame *frame = &lane->frames[i];
        fl_frame_init(frame, lane->context);
        frame->lane = lane;
        frame->next = lane->free_frames;
        lane->free_frames = frame;
    }
    return 0;
}

static int map_ring(struct fl_lane *lane, void *own)
{
    const void *theirs;
    if (!own)
        return -EINVAL;
    lane->rx.mine = own;
    int error = fl_shm_map_reader(lane->fds.announce, fl_lane_announce_bytes(lane->info.credits), &theirs);
    if (error < 0)
        return error;
    lane->rx.theirs = theirs;
    lane->rx.mask = fl_lane_places(lane->info.credits) - 1;
    lane->rx.credits = lane->info.credits;
    fl_store(&lane->rx.mine->magic, FL_RETURN_MAGIC, FL_RELAXED); /* for observers */
    fl_store(&lane->rx.mine->lane, lane->info.id, FL_RELAXED);
    fl_store(&lane->rx.mine->epoch, lane->info.epoch, FL_RELAXED);
    fl_store(&lane->rx.mine->places, lane->rx.mask + 1, FL_RELAXED);
    return 0;
}

static int register_lane(struct fl_context *context, struct fl_lane *lane)
{
    struct fl_lane **lanes = realloc(context->lanes, (context->lane_count + 1) * sizeof *lanes);
    if (!lanes)
        return -ENOMEM;
    context->lanes = lanes;
    lanes[context->lane_count++] = lane;
    int error = fl_context_reserve(context);
    if (error < 0) {
        context->lane_count--;
        return error;
    }
    lane->aside = lane->pipe || context->recording;
    context->reads_pipes |= lane->pipe != NULL;
    if (lane->pipe)
        context->by_fd_only = true;
    lane->bell_watch = (struct fl_bell_watch){.rx = lane->pipe ? NULL : &lane->rx, .wakeups = &lane->stats.wakeups};
    fl_context_suit(context, &lane->info);
    return 0;
}

int fl_lane_attach(struct fl_context *context, const struct fl_lane_info *info, void *own, const struct fl_lane_fds *fds,
                   struct fl_lane **out)
{
    int error = -ENOMEM;
    struct fl_lane *lane = calloc(1, sizeof *lane);
    struct fl_lane_fds mine = *fds;
    if (!lane) {
        fl_lane_close_fds(&mine);
        return error;
    }
    lane->context = context;
    lane->info = *info;
    lane->fds = mine;
    lane->batch = fl_lane_batch(info);
    if (info->credits == 0 || info->credits > FL_LANE_MAX_CREDITS)
        error = -EINVAL;
    else
        error = make_handles(lane);
    if (error == 0)
        error = info->transport == FL_TRANSPORT_PIPE ? fl_pipe_reader_create(lane, &lane->pipe) : map_ring(lane, own);
    if (error == 0) {
        fl_context_lock(context);
        error = register_lane(context, lane);
        fl_context_unlock(context);
    }
    if (error < 0) {
        lane->rx.mine = NULL; /* the caller mapped it */
        fl_lane_destroy(lane);
        return error;
    }
    fl_context_kick(context); /* whoever sleeps does not poll its bell yet */
    *out = lane;
    return 0;
}

void fl_lane_destroy(struct fl_lane *lane)
{
    if (!lane)
        return;
    if (lane->info.credits > 0 && lane->info.credits <= FL_LANE_MAX_CREDITS) {
        fl_shm_unmap(lane->rx.theirs, fl_lane_announce_bytes(lane->info.credits));
        fl_shm_unmap(lane->rx.mine, fl_lane_return_bytes(lane->info.credits));
    }
    fl_pipe_reader_destroy(lane->pipe);
    fl_lane_close_fds(&lane->fds);
    free(lane->reach);
    for (uint32_t i = 0; lane->frames && i < lane->info.credits; i++)
        free(lane->frames[i].buffer);
    free(lane->frames);
    free(lane);
}

/* ---- faults ---- */

void fl_lane_end_batches(struct fl_lane *lane)
{
    lane->batch = 1;
}

void fl_lane_break(struct fl_lane *lane, const char *fault)
{
    if (!lane->fault)
        lane->fault = fault;
    fl_lane_end_batches(lane);
}

const char *fl_lane_fault(const struct fl_lane *lane)
{
    fl_context_lock(lane->context);
    const char *fault = lane->fault;
    fl_context_unlock(lane->context);
    return fault;
}

/* ---- giving back ---- */

uint32_t fl_lane_batch(const struct fl_lane_info *info)
{
    uint32_t batch = info->batch < info->credits / 2 ? info->batch : info->credits / 2; /* more could starve the other side */
    return batch ? batch : 1;
}

void fl_lane_give_back(struct fl_lane *lane, uint64_t index)
{
    fl_rx_give_back(&lane->rx, index);
    lane->stats.returned++;
    if (lane->unlooked++ > 0)
        return;
    lane->context->keeping_back++;
    if (lane->info.batch_delay_ns > 0)
        lane->unlooked_since_ns = fl_now_ns();
}

static bool look_is_due(const struct fl_lane *lane, bool all)
{
    if (lane->unlooked == 0)
        return false;
    return all || lane->unlooked >= lane->batch ||
           (lane->info.batch_delay_ns > 0 && fl_now_ns() - lane->unlooked_since_ns >= lane->info.batch_delay_ns);
}

/* D1 of core.h, after the commit and the fence. */
static void look(struct fl_lane *lane)
{
    lane->looking = false;
    enum fl_must_ring how = fl_rx_must_ring(&lane->rx);
    if (how == FL_RING_NOT)
        return;
    lane->stats.rings++;
    if (how == FL_RING_WORD)
        fl_rx_ring(&lane->rx);
    fl_context_note_bell(lane->context, (struct fl_bell){how == FL_RING_WORD ? &lane->rx.mine->bell : NULL, lane->fds.bell_out});
}

static void commit(struct fl_lane *lane)
{
    if (lane->unlooked == 0)
        return;
    fl_rx_commit(&lane->rx);
    lane->unlooked = 0;
    lane->context->keeping_back--;
}

/* All stores, one fence, then the looks. */
void fl_lanes_look(struct fl_context *context, bool all)
{
    unsigned due = 0;
    if (context->keeping_back == 0)
        return;
    for (unsigned i = 0; i < context->lane_count; i++) {
        struct fl_lane *lane = context->lanes[i];
        if (!look_is_due(lane, all))
            continue;
        commit(lane);
        lane->looking = true;
        due++;
    }
    if (due == 0)
        return;
    fl_doorbell_fence();
    for (unsigned i = 0; i < context->lane_count; i++)
        if (context->lanes[i]->looking)
            look(context->lanes[i]);
}

/* True: it is to go back by the ring. */
static bool settle_aside(struct fl_frame *frame)
{
    struct fl_lane *lane = frame->lane;
    if (fl_records(lane->context, FL_EVENT_GIVEN_BACK))
        fl_record_taken(frame, FL_EVENT_GIVEN_BACK);
    if (lane->pipe)
        lane->stats.returned++;
    return !lane->pipe;
}

void fl_lane_settle(struct fl_frame *frame)
{
    struct fl_lane *lane = frame->lane;
    if (!lane->aside || settle_aside(frame)) {
        if (!fl_version_still(&frame->pool->versions[frame->slot], frame->version))
            fl_lane_break(lane, "a frame was overwritten while it was held: somebody above returned it early");
        frame->pool->held--;
        fl_lane_give_back(lane, frame->index);
    }
    frame->pool = NULL;
    frame->next = lane->free_frames;
    lane->free_frames = frame;
}

/* ---- which pools, and waiting ---- */

int fl_lane_reach(struct fl_lane *lane, uint32_t pool_id)
{
    int error = 0;
    fl_context_lock(lane->context);
    uint32_t *reach = realloc(lane->reach, (lane->reach_count + 1) * sizeof *reach);
    if (reach) {
        lane->reach = reach;
        reach[lane->reach_count++] = pool_id;
        lane->checked_for = NULL; /* the first narrows it */
    } else {
        error = -ENOMEM;
    }
    fl_context_unlock(lane->context);
    return error;
}

void fl_lane_forget(struct fl_lane *lane, uint32_t pool_id)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < lane->reach_count; i++)
        if (lane->reach[i] != pool_id)
            lane->reach[kept++] = lane->reach[i];
    lane->reach_count = kept;
    if (lane->checked_for && lane->checked_for->info.id == pool_id)
        lane->checked_for = NULL;
}

bool fl_lane_ready_locked(struct fl_lane *lane)
{
    if (lane->left || lane->fault)
        return true;
    if (lane->pipe)
        return fl_pipe_reader_progress(lane) || fl_pipe_reader_ended(lane);
    return fl_rx_knows_entry(&lane->rx) || fl_rx_look(&lane->rx) != FL_LOOK_NOTHING || lane->producer_down;
}

bool fl_lane_ready(struct fl_lane *lane)
{
    fl_context_lock(lane->context);
    bool ready = fl_lane_ready_locked(lane);
    fl_context_unlock(lane->context);
    return ready;
}

static bool is_ready_locked(void *lane)
{
    return fl_lane_ready_locked(lane);
}

int fl_lane_wait(struct fl_lane *lane, int64_t timeout_ns)
{
    return fl_context_wait_locked(lane->context, is_ready_locked, lane, timeout_ns);
}

/* ---- the rest of the conversation ---- */

/* A peer that goes back, or speaks of times without a base, is not believed. */
void fl_lane_hear_through(struct fl_lane *lane, const struct fl_through *now)
{
    if (now->time_base_num <= 0 || now->time_base_den <= 0 || (lane->through_known && !fl_through_is_later(now, &lane->through)))
        return;
    lane->through = *now;
    lane->through_known = true;
}

bool fl_lane_through(struct fl_lane *lane, struct fl_through *through)
{
    uint64_t words[4];
    fl_context_lock(lane->context);
    if (!lane->pipe && fl_rx_through(&lane->rx, words)) {
        struct fl_through now = {
            .epoch = (uint32_t)words[0],
            .number = words[1],
            .pts = (int64_t)words[2],
            .time_base_num = (int32_t)(words[3] >> 32),
            .time_base_den = (int32_t)words[3],
        };
        fl_lane_hear_through(lane, &now);
    }
    bool known = lane->through_known;
    if (known)
        *through = lane->through;
    fl_context_unlock(lane->context);
    return known;
}

void fl_lane_producer_down(struct fl_lane *lane)
{
    fl_context_lock(lane->context);
    lane->producer_down = true;
    fl_context_unlock(lane->context);
}

void fl_lane_leave(struct fl_lane *lane)
{
    fl_context_lock(lane->context);
    lane->left = true;
    fl_lane_end_batches(lane);
    if (lane->pipe) {
        fl_lane_close_fds(&lane->fds); /* the producer sees EPIPE */
    } else {
        commit(lane);
        fl_rx_leave(&lane->rx);
        fl_doorbell_fence();
        look(lane);
    }
    fl_context_unlock(lane->context);
}

void fl_lane_get_stats(const struct fl_lane *lane, struct fl_lane_stats *stats)
{
    fl_context_lock(lane->context);
    *stats = lane->stats;
    stats->muted = lane->bell_watch.muted;
    fl_context_unlock(lane->context);
}
