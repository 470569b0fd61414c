#include "host.h"

#include <errno.h>
#include <string.h>

#define DECODER_WAIT_NS 20000000ll
#define OLDER_LOOK_NS   10000000ll
#define BUSY_TIMES      10 /* the supervisor waits a second for older generations before it says that too many are alive */

/* ---- a slot to write ---- */

/* See struct fl_host_output: between enter and leave the pool stays mapped. */
static struct fl_pool *enter(struct fl_host_output *out)
{
    atomic_fetch_add(&out->users, 1);
    return atomic_load(&out->pool);
}

static void leave(struct fl_host_output *out)
{
    atomic_fetch_sub(&out->users, 1);
}

static bool fits(const struct fl_pool *pool, uint64_t payload_bytes)
{
    return pool && payload_bytes <= fl_pool_info(pool)->slot_bytes;
}

struct wish {
    struct fl_stage *stage;
    struct fl_host_output *out;
    struct fl_pool *pool; /* the generation a slot is wanted of */
    uint64_t payload_bytes;
    struct fl_frame *frame;
};

static bool larger_pool(void *arg)
{
    struct wish *wish = arg;
    return fits(atomic_load(&wish->out->pool), wish->payload_bytes) || atomic_load(&wish->out->refused) ||
           atomic_load(&wish->stage->alone) || fl_host_interrupted(wish->stage);
}

/* The owner waits for a generation whose slots hold `payload_bytes`. With the supervisor dead there will be none. */
static int wait_larger_pool(struct fl_stage *stage, unsigned port, uint64_t payload_bytes)
{
    struct wish wish = {.stage = stage, .out = &stage->out[port], .payload_bytes = payload_bytes};
    if (!fl_pool_slot_bytes(payload_bytes))
        return fl_stage_fail(stage, FL_STAGE_ERROR_RUN, -EOVERFLOW, "a frame of %llu bytes is larger than any slot can be",
                             (unsigned long long)payload_bytes);
    unsigned times = 0;
    fl_host_want_pool(stage, port, payload_bytes);
    while (!fits(atomic_load(&wish.out->pool), payload_bytes)) {
        int refused = atomic_load(&wish.out->refused);
        if (refused == -EBUSY && times++ < BUSY_TIMES)
            fl_host_want_pool(stage, port, payload_bytes);
        else if (refused < 0)
            return fl_stage_fail(stage, FL_STAGE_ERROR_RUN, refused, "no shared memory for frames of %llu bytes: %s",
                                 (unsigned long long)payload_bytes, strerror(-refused));
        if (atomic_load(&stage->alone) || fl_stage_cancelled(stage))
            return -ECANCELED;
        bool older = atomic_load(&stage->pools_idle); /* the supervisor may be waiting for it to be given up */
        int error = fl_host_wait(stage, FL_WAIT_POOL, 0, larger_pool, &wish, older ? OLDER_LOOK_NS : -1);
        if (error < 0 && error != -ETIMEDOUT)
            return error;
        fl_host_serve(stage);
    }
    return 0;
}

/* Consumers that have left take slots with them until the supervisor knows that they are dead: nothing to wait for here. */
static bool nobody_listens(const struct fl_host_output *out)
{
    return !out->output || fl_output_listeners(out->output) == 0;
}

/* The lane that holds the most slots, for who looks in. */
static uint32_t holding_lane(const struct fl_host_output *out)
{
    uint32_t found = 0, most = 0;
    for (unsigned i = 0; i < out->lane_count; i++) {
        struct fl_output_stats now;
        fl_output_lane_get_stats(out->lanes[i].lane, &now);
        if (now.outstanding > most) {
            most = now.outstanding;
            found = out->lanes[i].lane_id;
        }
    }
    return found;
}

static bool slot_free(void *arg)
{
    struct wish *wish = arg;
    return fl_pool_acquire(wish->pool, &wish->frame) == 0 || atomic_load(&wish->out->pool) != wish->pool ||
           nobody_listens(wish->out) || fl_host_interrupted(wish->stage);
}

int fl_stage_acquire(struct fl_stage *stage, unsigned port, uint64_t payload_bytes, struct fl_frame **frame)
{
    struct wish wish = {.stage = stage, .out = &stage->out[port], .payload_bytes = payload_bytes};
    int error = 0;
    while (!wish.frame && error == 0) {
        if (fl_stage_cancelled(stage))
            return -ECANCELED;
        wish.pool = enter(wish.out);
        if (!fits(wish.pool, payload_bytes)) {
            leave(wish.out);
            error = wait_larger_pool(stage, port, payload_bytes);
            continue;
        }
        error = fl_pool_acquire(wish.pool, &wish.frame);
        if (error == -EAGAIN)
            error = fl_host_wait(stage, FL_WAIT_SLOT, holding_lane(wish.out), slot_free, &wish, -1);
        leave(wish.out);
        if (!wish.frame && error == 0) {
            fl_host_serve(stage);
            error = nobody_listens(wish.out) ? -EPIPE : 0;
        }
    }
    if (error == 0)
        *frame = wish.frame;
    return error;
}

/* Leaves one slot for the copy that its caller may have to make. Between the look and the taking another thread may have
 * been quicker: then the slot goes back. */
static bool slot_to_spare(void *arg)
{
    struct wish *wish = arg;
    if (fl_stage_cancelled(wish->stage))
        return true;
    if (fl_pool_free_slots(wish->pool) < 2 || fl_pool_acquire(wish->pool, &wish->frame) < 0)
        return false;
    if (fl_pool_free_slots(wish->pool) > 0)
        return true;
    fl_frame_unref(wish->frame);
    wish->frame = NULL;
    return false;
}

int fl_stage_acquire_now(struct fl_stage *stage, unsigned port, uint64_t payload_bytes, struct fl_frame **frame)
{
    struct wish wish = {.stage = stage, .out = &stage->out[port], .payload_bytes = payload_bytes};
    int error = 0;
    wish.pool = enter(wish.out);
    if (fl_stage_cancelled(stage)) {
        error = -ECANCELED;
    } else if (!fits(wish.pool, payload_bytes)) {
        if (fl_pool_slot_bytes(payload_bytes) && !atomic_load(&wish.out->refused))
            fl_host_want_pool(stage, port, payload_bytes);
        error = -ENOSPC;
    } else if (!slot_to_spare(&wish)) {
        error = fl_context_wait(stage->context, slot_to_spare, &wish, DECODER_WAIT_NS);
    }
    leave(wish.out);
    if (wish.frame)
        *frame = wish.frame;
    else if (error == -ETIMEDOUT)
        error = -EAGAIN;
    else if (error == 0)
        error = -ECANCELED;
    return error;
}

/* ---- announcing ---- */

static bool is_source(const struct fl_stage *stage)
{
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++)
        if (stage->inputs[port].connected)
            return false;
    return true;
}

static void identify(struct fl_host_output *out, struct fl_desc *desc)
{
    if (desc->number == 0)
        desc->number = out->published;
    if (desc->epoch == 0)
        desc->epoch = 1;
    if (desc->origin_ns == 0)
        desc->origin_ns = fl_host_now_ns();
}

static bool anyone_listens(const struct fl_stage *stage)
{
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++)
        if (stage->out[port].output && fl_output_listeners(stage->out[port].output) > 0)
            return true;
    return false;
}

/* The `wait` lane whose credit is missing, for who looks in. */
static uint32_t owing_lane(const struct fl_host_output *out)
{
    for (unsigned i = 0; i < out->lane_count; i++) {
        struct fl_output_stats now;
        fl_output_lane_get_stats(out->lanes[i].lane, &now);
        if (out->lanes[i].when_full == FL_WHEN_FULL_WAIT && now.outstanding >= now.credits)
            return out->lanes[i].lane_id;
    }
    return 0;
}

struct debt {
    struct fl_stage *stage;
    struct fl_host_output *out;
};

static bool paid(void *arg)
{
    struct debt *debt = arg;
    return !fl_output_owes(debt->out->output) || fl_host_interrupted(debt->stage);
}

static int publish(struct fl_stage *stage, struct fl_host_output *out, struct fl_frame *frame, const struct fl_desc *desc)
{
    struct debt debt = {stage, out};
    for (;;) {
        if (fl_stage_cancelled(stage))
            return -ECANCELED;
        int error = fl_output_publish(out->output, frame, desc);
        if (error != -EAGAIN)
            return error;
        error = fl_host_wait(stage, FL_WAIT_CREDIT, owing_lane(out), paid, &debt, -1);
        if (error < 0)
            return error;
        fl_host_serve(stage);
    }
}

int fl_stage_publish(struct fl_stage *stage, unsigned port, struct fl_frame *frame, const struct fl_desc *desc)
{
    struct fl_host_output *out = &stage->out[port];
    bool source = is_source(stage), limited = source && port == 0 && stage->frames_limit;
    if (!out->output || (limited && out->published >= stage->frames_limit))
        return -EPIPE;
    struct fl_desc words = *desc;
    if (source)
        identify(out, &words);
    if (words.kind == FL_KIND_VIDEO)
        words.parameters += fl_host_parameters_at(stage, &words);
    int error = publish(stage, out, frame, &words);
    if (error == -EPIPE && anyone_listens(stage))
        return 0;
    if (error == -EBADMSG)
        return fl_stage_fail(stage, FL_STAGE_ERROR_RUN, error, "made a frame whose description does not fit it (%ux%u %s)",
                             words.width, words.height, words.format);
    if (error < 0)
        return error;
    out->published++;
    fl_host_count(stage, &words, true);
    if (limited && out->published >= stage->frames_limit)
        atomic_store(&stage->limit_reached, true);
    return 0;
}

void fl_stage_skipped(struct fl_stage *stage, unsigned port, const struct fl_desc *desc)
{
    struct fl_through through = {
        .number = desc->number,
        .pts = desc->pts,
        .epoch = desc->epoch,
        .time_base_num = desc->time_base_num,
        .time_base_den = desc->time_base_den,
    };
    if (stage->out[port].output)
        fl_output_through(stage->out[port].output, &through);
}

bool fl_stage_stopping(const struct fl_stage *stage)
{
    return atomic_load_explicit(&stage->stopping, memory_order_relaxed) ||
           atomic_load_explicit(&stage->limit_reached, memory_order_relaxed);
}

bool fl_stage_cancelled(const struct fl_stage *stage)
{
    return atomic_load_explicit(&stage->cancelled, memory_order_relaxed);
}
