/* Floor of q-frame-bytes: one process fills a buffer and sums it, then the next of so many. No second process, nothing carried.
 *
 * With `--turn N` it fills N buffers, then sums those: what a core does that two processes share, when they take turns. */
#include "lib/carry.h"

static uint64_t bytes = 3110400, touch, buffers = 4, huge, turn = 1;
static const struct micro_option options[] = {
    {"bytes", &bytes}, {"touch", &touch}, {"buffers", &buffers}, {"huge", &huge}, {"turn", &turn}, {0},
};

int main(int argc, char **argv)
{
    struct micro micro;
    micro_begin(&micro, argc, argv, options);
    if (turn == 0 || turn > buffers)
        micro_fail("--turn: 1 to the number of buffers");
    uint64_t step = (bytes + 4095) / 4096 * 4096; /* page-aligned, as slots are */
    struct carry *carry = carry_create(bytes, touch, 2 * buffers);
    uint8_t *memory = carry_memory(step * buffers, huge != 0);
    micro_pin_self(&micro, 0);
    carry_start(carry, &micro);
    for (uint64_t number = 0; number % turn != 0 || carry_goes_on(carry, number); number++) {
        carry_fill(carry, memory + number % buffers * step, number);
        for (uint64_t n = number + 1 - turn; number % turn == turn - 1 && n <= number; n++)
            carry_check_here(carry, memory + n % buffers * step, n);
    }
    carry_ends(carry);
    carry_figures(carry);
    return micro_end();
}
