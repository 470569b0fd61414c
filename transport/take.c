/* The end that takes, as frames come: what an announcement says is copied once, checked on the copy, and becomes a handle. */
#include "internal.h"

#include <errno.h>

static const char *const look_faults[] = {
    [FL_LOOK_BACK] = "took announcements back",
    [FL_LOOK_FAR] = "announced more than it has credit for",
    [FL_LOOK_BAD_CLOSE] = "announced after it had closed",
};

/* Copies the entry at tail, each word once, and makes it whole but for the description that it may share with the one before: what
 * is checked is what is used. `told` follows every announcement, also those that are skipped. */
static const char *read_entry(struct fl_lane *lane, union fl_announcement *copy)
{
    fl_rx_copy_short(&lane->rx, copy->words);
    if (copy->entry.type == FL_ENTRY_WHOLE) {
        fl_rx_copy_rest(&lane->rx, copy->words);
        lane->told = copy->entry.desc;
        lane->told_count = ++lane->context->descriptions;
        lane->checked_for = NULL;
        return NULL;
    }
    if (copy->entry.type != FL_ENTRY_AS_BEFORE)
        return "made an announcement of no known form";
    copy->entry.desc.origin_ns =
        copy->short_entry.origin_ns; /* the other words of a short entry stand where they do in a whole one */
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

static int broken(struct fl_lane *lane, const char *fault)
{
    fl_lane_break(lane, fault);
    return -EBADMSG;
}

/* The pool is one that frames of this lane may lie in, and `told` is right for its slots: found out once for all frames that are
 * described alike. */
static int check_pool(struct fl_lane *lane, uint32_t pool_id)
{
    struct fl_pool *pool = fl_context_find_pool(lane->context, pool_id);
    if (!pool && pool_id != 0)
        return -ENOENT;
    if (!pool || pool->writer || !reaches(lane, pool_id))
        return broken(lane, "announced a frame of a pool that cannot be its own");
    if (fl_desc_check(&lane->told, pool->info.slot_bytes) < 0)
        return broken(lane, "announced a frame that does not lie within its slot");
    lane->checked_for = pool;
    return 0;
}

/* There is one: what is outstanding was checked against the credits when the count was read, and a handle comes back with each. */
static struct fl_frame *pop_handle(struct fl_lane *lane)
{
    struct fl_frame *frame = lane->free_frames;
    lane->free_frames = frame->next;
    return frame;
}

static int take_entry(struct fl_lane *lane, struct fl_frame **out)
{
    union fl_announcement copy;
    uint32_t slot;
    const char *fault = read_entry(lane, &copy);
    if (fault)
        return broken(lane, fault);
    if (!lane->checked_for || lane->checked_for->info.id != copy.entry.pool) {
        int error = check_pool(lane, copy.entry.pool);
        if (error < 0)
            return error;
    }
    struct fl_pool *pool = lane->checked_for;
    if (!fl_pool_slot_at(pool, copy.entry.offset, &slot))
        return broken(lane, "announced an offset that is no slot's");
    if (!fl_version_is(&pool->versions[slot], copy.entry.version))
        return broken(lane, "announced a frame that has been overwritten");
    struct fl_frame *frame = pop_handle(lane);
    frame->pool = pool;
    pool->held++;
    frame->slot = slot;
    frame->offset = copy.entry.offset;
    frame->version = copy.entry.version;
    frame->base = pool->base + copy.entry.offset;
    frame->capacity = pool->info.slot_bytes;
    fl_frame_describe(frame, &lane->told, &copy.entry.desc, lane->told_count);
    frame->index = fl_rx_advance(&lane->rx);
    atomic_store_explicit(&frame->refs, 1, memory_order_relaxed);
    lane->stats.taken++;
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
    fl_lane_end_batches(lane);
    return -ENODATA;
}

/* An announcement nobody is going to look at goes back at once. */
static int skip_entry(struct fl_lane *lane)
{
    union fl_announcement copy;
    const char *fault = read_entry(lane, &copy);
    if (fault)
        return broken(lane, fault);
    if (fl_records(lane->context, FL_EVENT_DROPPED)) {
        fl_desc_follow(&lane->told, &copy.entry.desc);
        fl_record_superseded(lane, lane->rx.tail, &lane->told);
    }
    fl_lane_give_back(lane, fl_rx_advance(&lane->rx));
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

static void note_outstanding(struct fl_lane *lane)
{
    uint64_t outstanding = lane->rx.tail - lane->rx.returned; /* a pipe counts its own */
    if (outstanding > lane->stats.highest_outstanding)
        lane->stats.highest_outstanding = outstanding;
}

/* What is done for a call and not for a frame: the lock, the work that waits for somebody to come by, the looks. */
int fl_lane_take_many(struct fl_lane *lane, struct fl_frame **frames, unsigned most)
{
    unsigned count = 0, wanted = lane->info.when_full == FL_WHEN_FULL_LATEST && most > 1 ? 1 : most;
    int error = 0;
    fl_context_lock(lane->context);
    fl_context_tend_locked(lane->context);
    if (lane->left)
        error = -ENODATA;
    while (error == 0 && count < wanted) {
        error = take_locked(lane, &frames[count]);
        count += error == 0;
    }
    note_outstanding(lane);
    if (count == 0)
        fl_context_flush_locked(lane->context); /* who finds nothing may wait by looking again: no batch fills meanwhile */
    fl_context_unlock(lane->context);
    return count > 0 ? (int)count : error;
}

int fl_lane_take(struct fl_lane *lane, struct fl_frame **frame)
{
    int got = fl_lane_take_many(lane, frame, 1);
    return got < 0 ? got : 0;
}

struct take_wait {
    struct fl_lane *lane;
    struct fl_frame *frame;
    int error;
};

static bool takes_locked(void *arg)
{
    struct take_wait *wait = arg;
    wait->error = wait->lane->left ? -ENODATA : take_locked(wait->lane, &wait->frame);
    note_outstanding(wait->lane);
    if (wait->error == -EAGAIN)
        return false; /* the wait shows what batches keep back */
    if (wait->error < 0)
        fl_context_flush_locked(wait->lane->context); /* as take does: no batch fills after the end, nor until the pool is known */
    return true;
}

int fl_lane_take_wait(struct fl_lane *lane, int64_t timeout_ns, struct fl_frame **frame)
{
    struct take_wait wait = {.lane = lane};
    int error = fl_context_wait_locked(lane->context, takes_locked, &wait, timeout_ns);
    if (error < 0)
        return error;
    if (wait.error == 0)
        *frame = wait.frame;
    return wait.error;
}
