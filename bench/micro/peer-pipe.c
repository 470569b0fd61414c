/* Frames through a pipe as well as a pipe can: as large as the system allows, whole frames in one write and in as few reads as they
 * come in, one buffer at each end so that it stays in the cache. `--pipe 64K` is what a pipe is by default. */
#include "lib/carry.h"

#include <unistd.h>

static uint64_t bytes = 3110400, touch, pipe_bytes = 1 << 20;
static const struct micro_option options[] = {{"bytes", &bytes}, {"touch", &touch}, {"pipe", &pipe_bytes}, {0}};

static struct carry *carry;
static int ends[2];

static void consume(void *arg)
{
    void *memory = carry_memory(bytes, true);
    close(ends[1]);
    for (uint64_t number = 0; carry_read(ends[0], memory, bytes); number++)
        carry_check(carry, memory, number);
    carry_ends_here(carry);
}

int main(int argc, char **argv)
{
    struct micro micro;
    uint64_t number = 0;
    micro_begin(&micro, argc, argv, options);
    carry = carry_create(bytes, touch, 4);
    carry_pipe(ends, pipe_bytes, &pipe_bytes);
    pid_t child = micro_fork(&micro, 1, consume, NULL);
    void *memory = carry_memory(bytes, true);
    close(ends[0]);
    micro_pin_self(&micro, 0);
    carry_start(carry, &micro);
    for (; carry_goes_on(carry, number); number++) {
        carry_fill(carry, memory, number);
        carry_write(ends[1], memory, bytes);
    }
    carry_ends(carry);
    close(ends[1]);
    micro_join(child);
    carry_figures(carry);
    micro_figure("pipe_bytes", (double)pipe_bytes);
    return micro_end();
}
