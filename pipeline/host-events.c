/* What became of frames here, written down for a run that is to tell (--drop-log, --trace): the transport records what its lanes
 * do, this the work and the waits around it. */
#include "host.h"

#include <errno.h>

#define DROPS (FL_EVENT_BIT(FL_EVENT_DROPPED) | FL_EVENT_BIT(FL_EVENT_BLOCKED) | FL_EVENT_BIT(FL_EVENT_UNBLOCKED))
#define ALL   (FL_EVENT_BIT(FL_EVENT_KINDS) - 1u)

int fl_host_map_events(struct fl_stage *stage, const struct fl_control_map *map, int fd)
{
    void *base;
    if (map->port >= FL_RECORD_COUNT)
        return -EINVAL;
    int error = fl_shm_map_writer(fd, map->bytes, &base);
    if (error < 0)
        return error;
    error = fl_context_record(stage->context, base, map->bytes, map->port == FL_RECORD_DROPS ? DROPS : ALL);
    if (error < 0)
        fl_shm_unmap(base, map->bytes);
    else
        atomic_store(&stage->records, true);
    return error;
}

void fl_host_note_work(struct fl_stage *stage, enum fl_event_kind kind, uint32_t lane, const struct fl_desc *desc)
{
    struct fl_event event = {.kind = (uint16_t)kind, .lane = lane, .pts_us = INT64_MIN};
    if (desc) {
        event.number = desc->number;
        event.epoch = desc->epoch;
        event.part = desc->part;
        event.pts_us = fl_host_pts_us(desc);
        event.origin_ns = desc->origin_ns;
    }
    fl_context_note(stage->context, &event);
}

void fl_host_note_wait(struct fl_stage *stage, bool begins, enum fl_waiting_for what, uint32_t lane)
{
    bool blocked = what == FL_WAIT_CREDIT || what == FL_WAIT_SLOT || what == FL_WAIT_POOL;
    struct fl_event event = {.what = (uint16_t)what, .lane = lane, .pts_us = INT64_MIN};
    if (blocked)
        event.kind = begins ? FL_EVENT_BLOCKED : FL_EVENT_UNBLOCKED;
    else
        event.kind = begins ? FL_EVENT_IDLE : FL_EVENT_IDLE_DONE;
    fl_context_note(stage->context, &event);
}

void fl_host_note_lost(struct fl_stage *stage)
{
    if (!fl_host_records(stage))
        return;
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++)
        for (unsigned i = 0; i < stage->out[port].lane_count; i++)
            fl_output_lane_record_lost(stage->out[port].lanes[i].lane);
}
