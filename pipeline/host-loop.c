#include "host.h"

#include <errno.h>
#include <string.h>

#define FINAL_LOOK_NS 200000000ll /* when nothing is to be waited for: long enough for bells to be answered */

void fl_host_check_faults(struct fl_stage *stage)
{
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++) {
        struct fl_host_input *in = &stage->in[port];
        const char *fault = in->lane && !in->reported ? fl_lane_fault(in->lane) : NULL;
        if (fault) {
            in->reported = stage->faulted = stage->input_faulted = true;
            fl_host_report_fault(stage, in->lane_id, in->lane_epoch, fault);
        }
        for (unsigned i = 0; i < stage->out[port].lane_count; i++) {
            struct fl_host_output_lane *out = &stage->out[port].lanes[i];
            fault = out->reported ? NULL : fl_output_lane_fault(out->lane);
            if (fault) {
                out->reported = true;
                stage->faulted |= !out->guest;
                fl_host_report_fault(stage, out->lane_id, out->lane_epoch, fault);
            }
        }
    }
}

/* What a function of the stage answered: 0, or why the run of this stage is over. */
static int judge(struct fl_stage *stage, int answer, const char *where)
{
    if (atomic_load(&stage->failed))
        return answer < 0 ? answer : -EIO;
    if (answer >= 0 || answer == -EPIPE) /* nobody listens: the input is drained all the same */
        return 0;
    if (answer == -ECANCELED)
        return answer;
    return fl_stage_fail(stage, FL_STAGE_ERROR_RUN, answer, "%s failed: %s", where, strerror(-answer));
}

/* ---- one input ---- */

static int end_input(struct fl_stage *stage, unsigned port)
{
    stage->in[port].open = false;
    atomic_fetch_add(&stage->progress, 1);
    return stage->module->ended ? judge(stage, stage->module->ended(stage, port), "finishing") : 0;
}

/* A change waits for a frame of which no part has been seen yet. */
static bool may_change(const struct fl_stage *stage, const struct fl_desc *next)
{
    return stage->first_setting && next->kind == FL_KIND_VIDEO && next->part == 0;
}

static int process(struct fl_stage *stage, unsigned port, struct fl_frame *frame)
{
    int error = may_change(stage, fl_frame_desc(frame)) ? fl_host_apply_setting(stage, fl_frame_desc(frame)) : 0;
    if (error < 0) {
        fl_frame_unref(frame);
        return error;
    }
    uint64_t before = fl_host_now_ns(), waited = stage->waited_ns;
    atomic_store_explicit(&stage->in_hand, true, memory_order_relaxed);
    if (fl_host_records(stage))
        fl_host_note_work(stage, FL_EVENT_WORK, stage->in[port].lane_id, fl_frame_desc(frame));
    int answer = stage->module->process(stage, port, frame);
    if (fl_host_records(stage))
        fl_host_note_work(stage, FL_EVENT_WORK_DONE, stage->in[port].lane_id, fl_frame_desc(frame));
    fl_host_worked(stage, fl_host_now_ns() - before - (stage->waited_ns - waited), fl_frame_desc(frame)->kind != FL_KIND_PACKET);
    fl_host_count(stage, fl_frame_desc(frame), false);
    fl_frame_unref(frame);
    if (stage->frames_limit && stage->frames_in >= stage->frames_limit)
        fl_stage_leave(stage);
    return judge(stage, answer, "processing a frame");
}

static int break_input(struct fl_stage *stage, unsigned port, const char *fault)
{
    struct fl_host_input *in = &stage->in[port];
    stage->faulted = stage->input_faulted = true;
    if (!in->reported)
        fl_host_report_fault(stage, in->lane_id, in->lane_epoch, fault);
    in->reported = true;
    return end_input(stage, port);
}

/* A larger pool is announced to readers before its writer uses it, but over another socket: the word may still be on its way. */
static int miss_pool(struct fl_stage *stage, unsigned port)
{
    struct fl_host_input *in = &stage->in[port];
    uint64_t now = fl_host_now_ns();
    if (!in->stuck_ns)
        in->stuck_ns = now;
    in->stuck_at = atomic_load(&stage->pools_known);
    if (now - in->stuck_ns < (uint64_t)FL_HOST_POOL_WAIT_NS)
        return 0;
    return break_input(stage, port, "announced a frame in a pool that was not given to its consumer");
}

static void count_gap(struct fl_host_input *in, const struct fl_desc *desc)
{
    if (in->epoch == desc->epoch && desc->number > in->number + 1) {
        in->missing += desc->number - in->number - 1;
        in->gaps++;
    }
    in->number = desc->number;
    in->epoch = desc->epoch;
}

/* 1: something was done; 0: nothing to take now; or a negative errno. */
static int step_input(struct fl_stage *stage, unsigned port)
{
    struct fl_host_input *in = &stage->in[port];
    struct fl_frame *frame;
    unsigned known = atomic_load(&stage->pools_known);
    int error = fl_lane_take(in->lane, &frame);
    if (error == -EAGAIN)
        return 0;
    if (error == -ENOENT) {
        error = miss_pool(stage, port);
        return error < 0 ? error : !in->open || known != in->stuck_at;
    }
    in->stuck_ns = 0;
    if (error == 0 && in->when_full != FL_WHEN_FULL_WAIT)
        count_gap(in, fl_frame_desc(frame));
    if (error == 0)
        error = process(stage, port, frame);
    else if (error == -ENODATA)
        error = end_input(stage, port);
    else
        error = break_input(stage, port, fl_lane_fault(in->lane) ? fl_lane_fault(in->lane) : "broke the protocol");
    return error < 0 ? error : 1;
}

/* ---- stages with inputs ---- */

static bool input_ready(void *arg)
{
    struct fl_stage *stage = arg;
    if (fl_host_interrupted(stage) || atomic_load(&stage->leaving))
        return true;
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++) {
        struct fl_host_input *in = &stage->in[port];
        if (!in->open)
            continue;
        if (in->stuck_ns ? in->stuck_at != atomic_load(&stage->pools_known) : fl_lane_ready(in->lane))
            return true;
    }
    return false;
}

static int wait_for_input(struct fl_stage *stage)
{
    const struct fl_host_input *first = stage->in[0].open ? &stage->in[0] : &stage->in[1];
    bool stuck = stage->in[0].stuck_ns || stage->in[1].stuck_ns;
    if (input_ready(stage))
        return 0;
    int error = fl_host_wait(stage, stuck ? FL_WAIT_POOL : FL_WAIT_INPUT, first->lane_id, input_ready, stage,
                             stuck ? FL_HOST_POOL_WAIT_NS : -1);
    return error == -ETIMEDOUT ? 0 : error;
}

static bool has_open_input(const struct fl_stage *stage)
{
    return stage->in[0].open || stage->in[1].open;
}

void fl_stage_leave(struct fl_stage *stage)
{
    atomic_store(&stage->leaving, true);
    fl_context_kick(stage->context);
}

static int leave_inputs(struct fl_stage *stage)
{
    int error = 0;
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS && error == 0; port++)
        if (stage->in[port].open)
            error = end_input(stage, port);
    return error;
}

static int loop_inputs(struct fl_stage *stage)
{
    unsigned next = 0; /* the port that is looked at first: after the one served last */
    while (has_open_input(stage)) {
        int moved = 0;
        fl_host_serve(stage);
        if (fl_stage_cancelled(stage))
            return -ECANCELED;
        if (atomic_load(&stage->leaving))
            return leave_inputs(stage);
        for (unsigned i = 0; i < FL_STAGE_MAX_PORTS && moved == 0; i++) {
            unsigned port = (next + i) % FL_STAGE_MAX_PORTS;
            moved = stage->in[port].open ? step_input(stage, port) : 0;
            if (moved > 0)
                next = port + 1;
        }
        if (moved == 0)
            moved = wait_for_input(stage);
        if (moved < 0)
            return moved;
    }
    return 0;
}

/* ---- sources ---- */

static int loop_source(struct fl_stage *stage)
{
    for (;;) {
        uint64_t before = fl_host_now_ns(), waited = stage->waited_ns, made = stage->frames_out;
        fl_host_serve(stage);
        if (fl_stage_cancelled(stage))
            return -ECANCELED;
        if (stage->first_setting && !fl_stage_stopping(stage)) {
            int failed = fl_host_apply_setting(stage, NULL);
            if (failed < 0)
                return failed;
        }
        if (fl_host_records(stage))
            fl_host_note_work(stage, FL_EVENT_WORK, 0, NULL);
        int answer = stage->module->produce(stage);
        if (fl_host_records(stage))
            fl_host_note_work(stage, FL_EVENT_WORK_DONE, 0, NULL);
        fl_host_worked(stage, fl_host_now_ns() - before - (stage->waited_ns - waited), stage->frames_out - made);
        atomic_fetch_add_explicit(&stage->progress, 1, memory_order_relaxed);
        int error = judge(stage, answer, "producing a frame");
        if (error < 0 || answer == FL_STAGE_END || answer == -EPIPE)
            return error;
    }
}

/* An input that is connected but was given no lane (there is nothing to come) ends at once. */
static int end_unwired(struct fl_stage *stage)
{
    int error = 0;
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS && error == 0; port++)
        if (stage->inputs[port].connected && !stage->inputs[port].unused && !stage->in[port].lane)
            error = end_input(stage, port);
    return error;
}

int fl_host_loop(struct fl_stage *stage)
{
    bool source = !stage->inputs[0].connected && !stage->inputs[1].connected;
    if (source && stage->module->produce)
        return loop_source(stage);
    int error = end_unwired(stage);
    return error < 0 ? error : loop_inputs(stage);
}

/* ---- the end ---- */

void fl_host_end_inputs(struct fl_stage *stage)
{
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++)
        if (stage->in[port].open && !atomic_load(&stage->failed))
            end_input(stage, port);
}

/* Each return that comes in while draining is progress. */
static bool drained(void *arg)
{
    struct fl_stage *stage = arg;
    bool all = true;
    uint64_t returned = 0;
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++) {
        struct fl_host_output *out = &stage->out[port];
        all &= !out->output || fl_output_drained(out->output);
        for (unsigned i = 0; i < out->lane_count; i++) {
            struct fl_output_stats now;
            fl_output_lane_get_stats(out->lanes[i].lane, &now);
            returned += now.returned;
        }
    }
    atomic_store(&stage->progress, stage->frames_in + stage->frames_out + returned);
    return all || fl_host_interrupted(stage);
}

static bool is_drained(struct fl_stage *stage)
{
    bool all = true;
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++)
        all &= !stage->out[port].output || fl_output_drained(stage->out[port].output);
    return all;
}

void fl_host_close_outputs(struct fl_stage *stage, bool wait)
{
    int error = 0;
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++)
        if (stage->out[port].output)
            fl_output_close(stage->out[port].output);
    while (wait && error == 0 && !is_drained(stage) && !fl_stage_cancelled(stage)) {
        error = fl_host_wait(stage, FL_WAIT_CREDIT, 0, drained, stage, -1);
        fl_host_serve(stage);
    }
    if (!wait)
        fl_host_wait(stage, FL_WAIT_CREDIT, 0, drained, stage, FINAL_LOOK_NS);
}
