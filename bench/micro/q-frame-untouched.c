/* What does a frame of so many bytes cost when nobody touches them? As much as one of any other size. */
#include "lane.h"
#include "lib/carry.h"

static uint64_t bytes = 4096, slots = 8, credits = 4, spin, batch;
static const struct micro_option options[] = {
    {"bytes", &bytes}, {"slots", &slots}, {"credits", &credits}, {"spin", &spin}, {"batch", &batch}, {0},
};

static struct carry *carry;

static void consume(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    while ((frame = micro_take(consumer))) {
        carry_sees(carry, fl_frame_desc(frame)->number);
        fl_frame_release(frame);
    }
    carry_ends_here(carry);
}

int main(int argc, char **argv)
{
    struct micro micro;
    struct micro_producer producer;
    struct fl_desc desc;
    micro_begin(&micro, argc, argv, options);
    struct micro_lanes like = {
        .lane = {.credits = (uint32_t)credits, .spin_ns = spin, .batch = (uint32_t)batch},
        .slots = (uint32_t)slots,
        .slot_bytes = bytes,
    };
    micro_producer_create(&producer, &micro, &like, 1);
    carry = carry_create(bytes, 0, 1000);
    micro_consume(&producer, consume, NULL);
    micro_pin_self(&micro, 0);
    carry_start(carry, &micro);
    for (uint64_t number = 0; carry_goes_on(carry, number); number++) {
        micro_describe(&desc, number, bytes);
        micro_publish(&producer, &desc, NULL);
    }
    carry_ends(carry);
    micro_producer_finish(&producer);
    carry_figures(carry);
    return micro_end();
}
