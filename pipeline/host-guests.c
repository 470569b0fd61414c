/* Lanes of guests: they come and go while frames flow, and whatever becomes of them is no business of the run. */
#include "host.h"

#include <stdio.h>
#include <string.h>

static void say_left(struct fl_stage *stage, uint32_t lane, uint32_t epoch)
{
    struct fl_control_lane_event event = {.lane = lane, .epoch = epoch};
    fl_host_send(stage, FL_CONTROL_LANE_LEFT, &event, sizeof event, NULL, 0);
}

void fl_host_refuse_guest(struct fl_stage *stage, const struct fl_control_lane *lane, void *own, int error)
{
    char text[128];
    snprintf(text, sizeof text, "cannot be given a lane: %s", strerror(-error));
    fl_shm_unmap(own, own ? fl_lane_announce_bytes(lane->info.credits) : 0);
    fl_host_report_fault(stage, lane->info.id, lane->info.epoch, text);
    say_left(stage, lane->info.id, lane->info.epoch);
}

void fl_host_guest_leaves(struct fl_stage *stage, struct fl_host_output_lane *lane)
{
    lane->leaving = stage->guests_leaving = true;
}

bool fl_host_guest_can_go(const struct fl_stage *stage)
{
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++) {
        const struct fl_host_output *out = &stage->out[port];
        for (unsigned i = 0; i < out->lane_count; i++) {
            struct fl_output_stats now;
            if (!out->lanes[i].leaving)
                continue;
            fl_output_lane_get_stats(out->lanes[i].lane, &now);
            if (now.outstanding == 0)
                return true;
        }
    }
    return false;
}

/* True where some still holds frames. */
static bool tend_output(struct fl_stage *stage, struct fl_host_output *out)
{
    unsigned kept = 0;
    bool more = false;
    for (unsigned i = 0; i < out->lane_count; i++) {
        struct fl_host_output_lane lane = out->lanes[i];
        if (lane.leaving && fl_output_detach(lane.lane) == 0) {
            say_left(stage, lane.lane_id, lane.lane_epoch);
            continue;
        }
        more |= lane.leaving;
        out->lanes[kept++] = lane;
    }
    out->lane_count = kept;
    return more;
}

void fl_host_tend_guests(struct fl_stage *stage)
{
    bool more = false;
    fl_context_service(stage->context); /* returns that nobody has looked at yet */
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++)
        more |= tend_output(stage, &stage->out[port]);
    stage->guests_leaving = more;
}
