/* Floor of q-frame-bytes with a second process: the plainest ring, whose every slot is used in turn. It shows what the bytes cost
 * when they go from one core to another, and what a ring pays for being long. */
#include "lib/carry.h"
#include "lib/ring.h"

#include <sys/mman.h>

static uint64_t bytes = 3110400, touch, slots = 4;
static const struct micro_option options[] = {{"bytes", &bytes}, {"touch", &touch}, {"slots", &slots}, {0}};

static struct carry *carry;
static struct ring ring;
static uint8_t *memory;
static uint64_t step;

static void consume(void *arg)
{
    for (uint64_t number = 0; ring_wait(&ring, number); number++) {
        carry_check(carry, memory + number % slots * step, number);
        ring_return(&ring, number);
    }
    carry_ends_here(carry);
}

int main(int argc, char **argv)
{
    struct micro micro;
    uint64_t number = 0;
    micro_begin(&micro, argc, argv, options);
    step = (bytes + 4095) / 4096 * 4096;
    memory = micro_shared(step * slots);
    carry = carry_create(bytes, touch, 2 * slots);
    ring_init(&ring, slots);
    pid_t child = micro_fork(&micro, 1, consume, NULL);
    micro_pin_self(&micro, 0);
    carry_start(carry, &micro);
    for (; carry_goes_on(carry, number); number++) {
        ring_room(&ring, number);
        carry_fill(carry, memory + number % slots * step, number);
        ring_send(&ring, number);
    }
    carry_ends(carry);
    ring_end(&ring, number);
    micro_join(child);
    carry_figures(carry);
    return micro_end();
}
