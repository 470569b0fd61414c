/* Floor of q-frame-bytes: one process fills a buffer and sums it, then the next of so many. No second process, nothing carried.
 *
 * With `--turn N` it fills N buffers, then sums those: what a core does that two processes share, when they take turns. */
#include "lib/carry.h"

static uint64_t buffers = 4, huge, turn = 1;
static const struct micro_option options[] = {CARRY_OPTIONS, {"buffers", &buffers}, {"huge", &huge}, {"turn", &turn}, {0}};

int main(int argc, char **argv)
{
    struct micro micro;
    micro_begin(&micro, argc, argv, options);
    if (turn == 0 || turn > buffers)
        micro_fail("--turn: 1 to the number of buffers");
    if (carry_like.consumers != 1)
        micro_skip("who fills a buffer reads it: there is one consumer");
    struct carry *carry = carry_create_like(&micro, 2 * buffers);
    uint64_t step = (carry->bytes + 4095) / 4096 * 4096; /* page-aligned, as slots are */
    carry->one_process = true;
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
