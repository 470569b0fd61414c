/* What does a frame cost whose every byte is written by one process and read by another, through a pool of so many slots?
 *
 * slots_used tells how many of them the rotation has touched while it was measured: a floor is given as many buffers. */
#include "lane.h"
#include "lib/carry.h"

static uint64_t bytes = 3110400, touch, slots = 8, credits = 4, spin, batch;
static const struct micro_option options[] = {
    {"bytes", &bytes}, {"touch", &touch}, {"slots", &slots}, {"credits", &credits}, {"spin", &spin}, {"batch", &batch}, {0},
};

static struct carry *carry;
static bool used[2 * FL_POOL_MAX_SLOTS]; /* by distance from the first slot ever filled */

static void consume(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    while ((frame = micro_take(consumer))) {
        carry_check(carry, fl_frame_plane(frame, 0), fl_frame_desc(frame)->number);
        fl_frame_release(frame);
    }
    carry_ends_here(carry);
}

static void fill(uint8_t *data, const struct fl_desc *desc)
{
    static const uint8_t *first;
    carry_fill(carry, data, desc->number);
    if (!first)
        first = data;
    if (carry_counts(carry))
        used[FL_POOL_MAX_SLOTS + (data - first) / (ptrdiff_t)fl_pool_slot_bytes(bytes)] = true;
}

int main(int argc, char **argv)
{
    struct micro micro;
    struct micro_producer producer;
    struct fl_desc desc;
    unsigned slots_used = 0;
    micro_begin(&micro, argc, argv, options);
    struct micro_lanes like = {
        .lane = {.credits = (uint32_t)credits, .spin_ns = spin, .batch = (uint32_t)batch},
        .slots = (uint32_t)slots,
        .slot_bytes = bytes,
    };
    micro_producer_create(&producer, &micro, &like, 1);
    carry = carry_create(bytes, touch, 2 * slots);
    micro_consume(&producer, consume, NULL);
    micro_pin_self(&micro, 0);
    carry_start(carry, &micro);
    for (uint64_t number = 0; carry_goes_on(carry, number); number++) {
        micro_describe(&desc, number, bytes);
        micro_publish(&producer, &desc, fill);
    }
    carry_ends(carry);
    micro_producer_finish(&producer);
    carry_figures(carry);
    for (unsigned i = 0; i < sizeof used; i++)
        slots_used += used[i];
    micro_figure("slots_used", slots_used);
    return micro_end();
}
