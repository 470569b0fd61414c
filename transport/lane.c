#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
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

/* Nothing is taken any more, so nothing fills another batch: what is still in hand goes back as it is let go. */
static void end_batches(struct fl_lane *lane)
{
    lane->batch = 1;
}

void fl_lane_break(struct fl_lane *lane, const char *fault)
{
    if (!lane->fault)
        lane->fault = fault;
    end_batches(lane);
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

static void give_back(struct fl_lane *lane, uint64_t index)
{
    fl_rx_give_back(&lane->rx, index);
    lane->stats.returned++;
    if (lane->unlooked++ == 0 && lane->info.batch_delay_ns > 0)
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
    if (fl_rx_must_ring(&lane->rx)) {
        lane->stats.rings++;
        fl_context_note_bell(lane->context, lane->fds.bell_out);
    }
}

static void commit(struct fl_lane *lane)
{
    if (lane->unlooked > 0)
        fl_rx_commit(&lane->rx);
    lane->unlooked = 0;
}

/* All stores, one fence, then the looks. */
void fl_lanes_look(struct fl_context *context, bool all)
{
    unsigned due = 0;
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
        give_back(lane, frame->index);
    }
    frame->pool = NULL;
    frame->next = lane->free_frames;
    lane->free_frames = frame;
}

/* ---- taking ---- */

static const char *const look_faults[] = {
    [FL_LOOK_BACK] = "took announcements back",
    [FL_LOOK_FAR] = "announced more than it has credit for",
    [FL_LOOK_BAD_CLOSE] = "announced after it had closed",
};

/* Copies the entry at tail, each word once, and makes it whole: what is checked is what is used. `told` follows every announcement,
 * also those that are skipped. */
static const char *read_entry(struct fl_lane *lane, union fl_announcement *copy)
{
    fl_rx_copy_short(&lane->rx, copy->words);
    if (copy->entry.type == FL_ENTRY_WHOLE) {
        fl_rx_copy_rest(&lane->rx, copy->words);
        lane->told = copy->entry.desc;
        lane->told_count = ++lane->context->descriptions;
        lane->checked_for = 0;
        return NULL;
    }
    if (copy->entry.type != FL_ENTRY_AS_BEFORE)
        return "made an announcement of no known form";
    lane->told.number = copy->short_entry.number;
    lane->told.epoch = copy->short_entry.epoch;
    lane->told.part = copy->short_entry.part;
    lane->told.pts = copy->short_entry.pts;
    lane->told.origin_ns = copy->short_entry.origin_ns;
    return NULL;
}

/* What the entry and `told` say, checked against what this process knows. */
static const char *entry_fault(struct fl_lane *lane, const struct fl_pool *pool, const struct fl_entry *entry, uint32_t *slot)
{
    if (!fl_pool_slot_at(pool, entry->offset, slot))
        return "announced an offset that is no slot's";
    if (lane->checked_for != pool->info.id && fl_desc_check(&lane->told, pool->info.slot_bytes) < 0)
        return "announced a frame that does not lie within its slot";
    lane->checked_for = pool->info.id;
    if (!fl_version_is(&pool->versions[*slot], entry->version))
        return "announced a frame that has been overwritten";
    return NULL;
}

/* A pool that some other lane's frames lie in is no pool of this one's. */
static bool reaches(const struct fl_lane *lane, uint32_t pool_id)
{
    if (!lane->reach)
        return true;
    for (uint32_t i = 0; i < lane->reach_count; i++)
        if (lane->reach[i] == pool_id)
            return true;
    return false;
}

/* There is one: what is outstanding was checked against the credits when the count was read, and a handle comes back with each. */
static struct fl_frame *pop_handle(struct fl_lane *lane)
{
    struct fl_frame *frame = lane->free_frames;
    lane->free_frames = frame->next;
    return frame;
}

static int broken(struct fl_lane *lane, const char *fault)
{
    fl_lane_break(lane, fault);
    return -EBADMSG;
}

static int take_entry(struct fl_lane *lane, struct fl_frame **out)
{
    union fl_announcement copy;
    uint32_t slot;
    const char *fault = read_entry(lane, &copy);
    struct fl_pool *pool = fault ? NULL : fl_context_find_pool(lane->context, copy.entry.pool);
    if (!fault && !pool && copy.entry.pool != 0)
        return -ENOENT;
    if (!fault && (!pool || pool->writer || !reaches(lane, copy.entry.pool)))
        fault = "announced a frame of a pool that cannot be its own";
    if (!fault)
        fault = entry_fault(lane, pool, &copy.entry, &slot);
    if (fault)
        return broken(lane, fault);
    struct fl_frame *frame = pop_handle(lane);
    frame->pool = pool;
    pool->held++;
    frame->slot = slot;
    frame->offset = copy.entry.offset;
    frame->version = copy.entry.version;
    frame->base = pool->base + copy.entry.offset;
    frame->capacity = pool->info.slot_bytes;
    fl_frame_describe(frame, &lane->told, lane->told_count);
    frame->index = fl_rx_advance(&lane->rx);
    atomic_store_explicit(&frame->refs, 1, memory_order_relaxed);
    lane->stats.taken++;
    uint64_t outstanding = lane->rx.tail - lane->rx.returned;
    if (outstanding > lane->stats.highest_outstanding)
        lane->stats.highest_outstanding = outstanding;
    *out = frame;
    return 0;
}

/* 0: the entry at tail is one. */
static int find_entry(struct fl_lane *lane)
{
    if (fl_rx_knows_entry(&lane->rx))
        return 0;
    enum fl_look seen = fl_rx_look(&lane->rx);
    if (seen == FL_LOOK_ENTRY)
        return 0;
    if (seen == FL_LOOK_NOTHING && !lane->producer_down)
        return -EAGAIN;
    if (seen != FL_LOOK_NOTHING && seen != FL_LOOK_ENDED)
        return broken(lane, look_faults[seen]);
    end_batches(lane);
    return -ENODATA;
}

/* An announcement nobody is going to look at goes back at once. */
static int skip_entry(struct fl_lane *lane)
{
    union fl_announcement copy;
    const char *fault = read_entry(lane, &copy);
    if (fault)
        return broken(lane, fault);
    if (fl_records(lane->context, FL_EVENT_DROPPED))
        fl_record_superseded(lane, lane->rx.tail, &lane->told);
    give_back(lane, fl_rx_advance(&lane->rx));
    lane->stats.taken++;
    lane->stats.skipped++;
    return find_entry(lane);
}

/* What is skipped is shown when it is over, so there is an end: who announces on and on has no credit left. */
static int find_newest(struct fl_lane *lane)
{
    int error = find_entry(lane);
    while (error == 0 && fl_rx_sees_another(&lane->rx))
        error = skip_entry(lane);
    fl_lanes_look(lane->context, false);
    return error;
}

static int take_from_ring(struct fl_lane *lane, struct fl_frame **out)
{
    if (lane->fault)
        return -EBADMSG;
    int error = lane->info.when_full == FL_WHEN_FULL_LATEST ? find_newest(lane) : find_entry(lane);
    return error < 0 ? error : take_entry(lane, out);
}

static int take_aside(struct fl_lane *lane, struct fl_frame **out)
{
    int error = lane->pipe ? fl_pipe_reader_take(lane, out) : take_from_ring(lane, out);
    if (error == 0 && fl_records(lane->context, FL_EVENT_TAKEN))
        fl_record_taken(*out, FL_EVENT_TAKEN);
    return error;
}

static int take_locked(struct fl_lane *lane, struct fl_frame **out)
{
    return lane->aside ? take_aside(lane, out) : take_from_ring(lane, out);
}

int fl_lane_take(struct fl_lane *lane, struct fl_frame **frame)
{
    fl_context_lock(lane->context);
    fl_context_tend_locked(lane->context);
    int error = lane->left ? -ENODATA : take_locked(lane, frame);
    if (error < 0)
        fl_context_flush_locked(lane->context); /* who finds nothing may wait by looking again: no batch fills meanwhile */
    fl_context_unlock(lane->context);
    return error;
}

int fl_lane_reach(struct fl_lane *lane, uint32_t pool_id)
{
    int error = 0;
    fl_context_lock(lane->context);
    uint32_t *reach = realloc(lane->reach, (lane->reach_count + 1) * sizeof *reach);
    if (reach) {
        lane->reach = reach;
        reach[lane->reach_count++] = pool_id;
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
    if (lane->checked_for == pool_id)
        lane->checked_for = 0;
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
    end_batches(lane);
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
    fl_context_unlock(lane->context);
}
