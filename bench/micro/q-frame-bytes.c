/* What does a frame cost whose every byte is written by one process and read by others, through a pool of so many slots?
 *
 * slots_used tells how many of them the rotation has touched while it was measured: a floor is given as many buffers. With `--copy
 * in` the frame is made in the producer's own memory and copied into the slot, as one does who adds shared memory to what is there.
 * `--full drop|latest`: what becomes of frames for which a consumer has no credit. */
#include "lane.h"
#include "lib/carry.h"

#include <string.h>

static uint64_t slots = 8, credits = 4, spin, batch;
static const char *copy = "none", *full = "wait";
static const struct micro_option options[] = {
    CARRY_OPTIONS,
    {"slots", &slots},
    {"credits", &credits},
    {"spin", &spin},
    {"batch", &batch},
    {.name = "copy", .word = &copy},
    {.name = "full", .word = &full},
    {0},
};

static struct carry *carry;
static uint8_t *own;                     /* memory of the producer's, to copy from; or NULL */
static bool used[2 * FL_POOL_MAX_SLOTS]; /* by distance from the first slot ever filled */

static void consume(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    carry_be_consumer(carry, consumer->number);
    while ((frame = micro_take(consumer))) {
        carry_check(carry, fl_frame_plane(frame, 0), fl_frame_desc(frame)->number);
        fl_frame_release(frame);
    }
    carry_ends_here(carry);
}

static void fill(uint8_t *data, const struct fl_desc *desc)
{
    static const uint8_t *first;
    carry_fill(carry, own ? own : data, desc->number);
    if (own)
        memcpy(data, own, carry->bytes);
    if (!first)
        first = data;
    if (carry_counts(carry))
        used[FL_POOL_MAX_SLOTS + (data - first) / (ptrdiff_t)fl_pool_slot_bytes(carry->bytes)] = true;
}

static uint32_t when_full(void)
{
    static const char *const words[] = {
        [FL_WHEN_FULL_WAIT] = "wait", [FL_WHEN_FULL_DROP] = "drop", [FL_WHEN_FULL_LATEST] = "latest"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(full, words[i]) == 0)
            return i;
    micro_fail("--full: wait, drop or latest, not '%s'", full);
}

static void produce(struct micro_producer *producer)
{
    struct fl_desc desc;
    for (uint64_t number = 0; carry_goes_on(carry, number); number++) {
        micro_describe(&desc, number, carry->bytes);
        micro_publish(producer, &desc, fill);
    }
    carry_ends(carry);
}

int main(int argc, char **argv)
{
    struct micro micro;
    struct micro_producer producer;
    unsigned slots_used = 0;
    micro_begin(&micro, argc, argv, options);
    struct micro_lanes like = {
        .lane = {.credits = (uint32_t)credits, .spin_ns = spin, .batch = (uint32_t)batch, .when_full = when_full()},
        .slots = (uint32_t)slots,
        .slot_bytes = carry_like.bytes,
    };
    carry = carry_create_like(&micro, 2 * slots);
    carry->may_lose = like.lane.when_full != FL_WHEN_FULL_WAIT;
    micro_producer_create(&producer, &micro, &like, carry->consumers);
    if (strcmp(copy, "in") == 0) {
        own = carry_memory(carry->bytes, true);
        carry->copies = 1;
    }
    for (unsigned i = 0; i < carry->consumers; i++)
        micro_consume(&producer, consume, NULL);
    micro_pin_self(&micro, 0);
    carry_start(carry, &micro);
    produce(&producer);
    micro_producer_finish(&producer);
    carry_figures(carry);
    for (unsigned i = 0; i < sizeof used; i++)
        slots_used += used[i];
    micro_figure("slots_used", slots_used);
    return micro_end();
}
