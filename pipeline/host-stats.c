#include "host.h"

#include <time.h>

#define REFRESH_NS 50000000ull /* how old the rarely needed numbers may be while frames flow */

uint64_t fl_host_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* Readers look at single words at any moment and need no order among them. */
static void set(fl_word *word, uint64_t value)
{
    fl_store(word, value, FL_RELAXED);
}

void fl_host_set_state(struct fl_stage *stage, enum fl_stage_state state)
{
    struct fl_stats *page = atomic_load(&stage->stats_page);
    if (page && stage->stats != page) {
        stage->stats = page;
        set(&page->last_pts_us, (uint64_t)INT64_MIN);
        set(&page->magic, FL_STATS_MAGIC);
    }
    set(&stage->stats->state, state);
    atomic_store_explicit(&stage->state, (int)state, memory_order_relaxed);
}

int64_t fl_host_pts_us(const struct fl_desc *desc)
{
    if (desc->pts == FL_NO_PTS || desc->time_base_den <= 0)
        return INT64_MIN;
    return (int64_t)((__int128)desc->pts * desc->time_base_num * 1000000 / desc->time_base_den);
}

static bool is_source(const struct fl_stage *stage)
{
    return !stage->inputs[0].connected && !stage->inputs[1].connected;
}

void fl_host_worked(struct fl_stage *stage, uint64_t busy_ns, uint64_t pictures)
{
    stage->busy_ns += busy_ns;
    stage->unit_ns += busy_ns;
    if (pictures == 0)
        return;
    fl_histogram_add(&stage->stats->work, stage->unit_ns / pictures, pictures);
    stage->unit_ns = 0;
}

/* How old the picture is, now that it is done with here: from when it was due, so that a stall before its source counts too. */
static uint64_t age(struct fl_stats *stats, const struct fl_desc *desc, uint64_t now)
{
    uint64_t ns = now > desc->origin_ns ? now - desc->origin_ns : 0;
    set(&stats->last_age_ns, ns);
    fl_histogram_add(&stats->age, ns, 1);
    return ns;
}

void fl_host_count(struct fl_stage *stage, const struct fl_desc *desc, bool out)
{
    struct fl_stats *stats = stage->stats;
    int64_t us = fl_host_pts_us(desc);
    if (desc->kind == FL_KIND_PACKET)
        set(out ? &stats->packets_out : &stats->packets_in, out ? ++stage->packets_out : ++stage->packets_in);
    else
        set(out ? &stats->frames_out : &stats->frames_in, out ? ++stage->frames_out : ++stage->frames_in);
    if (us != INT64_MIN && desc->kind != FL_KIND_PACKET)
        set(&stats->last_pts_us, (uint64_t)us);
    if (desc->kind != FL_KIND_PACKET && (out || !stage->out[0].output))
        set(&stats->parameters, desc->parameters);
    set(&stats->busy_ns, stage->busy_ns);
    atomic_fetch_add_explicit(&stage->progress, 1, memory_order_relaxed);
    uint64_t now = fl_host_now_ns();
    if (desc->kind != FL_KIND_PACKET && desc->origin_ns != 0 && out == is_source(stage))
        stage->age_sum_ns += age(stats, desc, now);
    if (now - stage->refreshed_ns > REFRESH_NS)
        fl_host_refresh_stats(stage);
}

/* ---- lanes, pools ---- */

/* Said once: everything still works, only later. */
static void refresh_bell(struct fl_stage *stage, struct fl_stats_lane *row, uint32_t lane_id, bool muted, bool *said)
{
    set(&row->muted, muted);
    if (muted && !*said)
        fl_stage_warn(stage,
                      "the other end of lane %u rings more than 1,000 times a second for nothing: its bell is left to the "
                      "timer, and it is looked at every 100 ms from now on",
                      lane_id);
    *said |= muted;
}

static uint64_t refresh_in(struct fl_stage *stage, struct fl_host_input *in, struct fl_stats_lane *row)
{
    struct fl_lane_stats now;
    fl_lane_get_stats(in->lane, &now);
    refresh_bell(stage, row, in->lane_id, now.muted, &in->muted);
    set(&row->sent, now.taken);
    set(&row->returned, now.returned);
    set(&row->dropped, now.skipped);
    set(&row->gaps, in->gaps);
    set(&row->missing, in->missing);
    set(&row->wakeups, now.wakeups);
    set(&row->copies, now.copies);
    set(&row->copied_bytes, now.copied_bytes);
    set(&row->waited_ns, in->waited_ns);
    set(&row->lane, in->lane_id);
    return now.taken - now.returned;
}

static void refresh_oldest(struct fl_host_output_lane *out, struct fl_stats_lane *row, uint64_t now_ns)
{
    struct fl_outstanding oldest;
    bool any = fl_output_lane_oldest(out->lane, &oldest);
    if (!any || !out->oldest_since_ns || oldest.index != out->oldest_index)
        out->oldest_since_ns = any ? now_ns : 0;
    out->oldest_index = any ? oldest.index : 0;
    set(&row->oldest_number, any ? oldest.number : 0);
    set(&row->oldest_since_ns, out->oldest_since_ns);
}

static uint64_t refresh_out(struct fl_stage *stage, struct fl_host_output_lane *out, struct fl_stats_lane *row)
{
    struct fl_output_stats now;
    refresh_oldest(out, row, stage->refreshed_ns);
    fl_output_lane_get_stats(out->lane, &now);
    refresh_bell(stage, row, out->lane_id, now.muted, &out->muted);
    set(&row->sent, now.sent);
    set(&row->returned, now.returned);
    set(&row->dropped, now.dropped);
    set(&row->gaps, now.gaps);
    set(&row->wakeups, now.wakeups);
    set(&row->copies, now.copies);
    set(&row->copied_bytes, now.copied_bytes);
    set(&row->last_dropped, now.last_dropped_number);
    set(&row->left_over, now.left_over);
    set(&row->waited_ns, out->waited_ns);
    set(&row->lane, out->lane_id);
    return now.outstanding;
}

/* The lanes of guests, or those of all others. What they hold is added to `in_hand`. */
static unsigned refresh_out_lanes(struct fl_stage *stage, bool guests, unsigned used, uint64_t *in_hand)
{
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++) {
        struct fl_host_output *out = &stage->out[port];
        for (unsigned i = 0; i < out->lane_count && used < FL_STATS_MAX_LANES; i++)
            if (out->lanes[i].guest == guests)
                *in_hand += refresh_out(stage, &out->lanes[i], &stage->stats->lanes[used++]);
    }
    return used;
}

/* Guests come last, so that nobody else's row moves when they come and go; and who holds frames there is not waited for. */
static void refresh_lanes(struct fl_stage *stage)
{
    struct fl_stats *stats = stage->stats;
    uint64_t in_hand = 0, with_guests = 0;
    unsigned used = 0;
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++)
        if (stage->in[port].lane && used < FL_STATS_MAX_LANES)
            in_hand += refresh_in(stage, &stage->in[port], &stats->lanes[used++]);
    used = refresh_out_lanes(stage, false, used, &in_hand);
    used = refresh_out_lanes(stage, true, used, &with_guests);
    set(&stats->lanes_used, used);
    atomic_store_explicit(&stage->in_hand, in_hand > 0, memory_order_relaxed);
}

static void refresh_pools(struct fl_stage *stage)
{
    uint64_t slots = 0, slots_free = 0, bytes = 0;
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++) {
        struct fl_pool *pool = atomic_load(&stage->out[port].pool); /* only the owner unmaps, so it is there */
        if (!pool)
            continue;
        slots += fl_pool_info(pool)->slot_count;
        slots_free += fl_pool_free_slots(pool);
        bytes += fl_pool_file_bytes(fl_pool_info(pool));
    }
    set(&stage->stats->slots, slots);
    set(&stage->stats->slots_free, slots_free);
    set(&stage->stats->pool_bytes, bytes);
}

void fl_host_refresh_stats(struct fl_stage *stage)
{
    struct fl_stats *stats = stage->stats;
    stage->refreshed_ns = fl_host_now_ns();
    refresh_lanes(stage);
    refresh_pools(stage);
    fl_host_check_faults(stage);
    set(&stats->busy_ns, stage->busy_ns);
    set(&stats->copies, atomic_load_explicit(&stage->copies, memory_order_relaxed));
    set(&stats->copied_bytes, atomic_load_explicit(&stage->copied_bytes, memory_order_relaxed));
    set(&stats->damage, atomic_load_explicit(&stage->damage, memory_order_relaxed));
    set(&stats->age_sum_ns, stage->age_sum_ns);
}

static void charge_lane(struct fl_stage *stage, uint32_t lane, uint64_t ns)
{
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++) {
        if (stage->in[port].lane_id == lane)
            stage->in[port].waited_ns += ns;
        for (unsigned i = 0; i < stage->out[port].lane_count; i++)
            if (stage->out[port].lanes[i].lane_id == lane)
                stage->out[port].lanes[i].waited_ns += ns;
    }
}

static uint64_t begin_wait(struct fl_stage *stage, enum fl_waiting_for what, uint32_t lane)
{
    struct fl_stats *stats = stage->stats;
    uint64_t now = fl_host_now_ns();
    fl_host_refresh_stats(stage);
    set(&stats->waiting_lane, lane);
    set(&stats->waiting_since_ns, now);
    set(&stats->waiting_for, what);
    if (fl_host_records(stage))
        fl_host_note_wait(stage, true, what, lane);
    return now;
}

static void end_wait(struct fl_stage *stage, enum fl_waiting_for what, uint32_t lane, uint64_t began)
{
    struct fl_stats *stats = stage->stats;
    uint64_t waited = fl_host_now_ns() - began;
    set(&stats->waiting_for, FL_WAIT_NOTHING);
    if (fl_host_records(stage))
        fl_host_note_wait(stage, false, what, lane);
    stage->waited_ns += waited;
    stage->waited_by_ns[what] += waited;
    set(&stats->waited_ns[what], stage->waited_by_ns[what]);
    if (lane)
        charge_lane(stage, lane, waited);
}

int fl_host_wait(struct fl_stage *stage, enum fl_waiting_for what, uint32_t lane, bool (*ready)(void *arg), void *arg,
                 int64_t timeout_ns)
{
    uint64_t began = begin_wait(stage, what, lane);
    int error = fl_context_wait(stage->context, ready, arg, timeout_ns);
    end_wait(stage, what, lane, began);
    return error;
}

void fl_stage_outside(struct fl_stage *stage, bool begins)
{
    if (begins)
        stage->outside_ns = begin_wait(stage, FL_WAIT_OUTSIDE, 0);
    else
        end_wait(stage, FL_WAIT_OUTSIDE, 0, stage->outside_ns);
}
