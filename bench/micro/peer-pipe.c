/* Frames through pipes as well as pipes can: as large as the system allows, whole frames in one write and in as few reads as they
 * come in, one buffer at each end so that it stays in the cache. `--pipe 64K` is what a pipe is by default. Each consumer has a
 * pipe of its own. */
#include "lib/carry.h"

static uint64_t pipe_bytes = 1 << 20;
static const struct micro_option options[] = {CARRY_OPTIONS, {"pipe", &pipe_bytes}, {0}};

static struct carry *carry;
static struct carry_streams pipes;

static void consume(unsigned which)
{
    void *memory = carry_memory(carry->bytes, true);
    int fd = carry_streams_reader(&pipes, which);
    for (uint64_t number = 0; carry_read(fd, memory, carry->bytes); number++)
        carry_check(carry, memory, number);
}

int main(int argc, char **argv)
{
    struct micro micro;
    micro_begin(&micro, argc, argv, options);
    carry = carry_create_like(&micro, 4);
    carry->copies = 2 * carry->consumers;
    for (; pipes.count < carry->consumers; pipes.count++)
        carry_pipe(pipes.ends[pipes.count], pipe_bytes, &pipe_bytes);
    carry_fork(carry, &micro, consume);
    void *memory = carry_memory(carry->bytes, true);
    carry_streams_writer(&pipes);
    micro_pin_self(&micro, 0);
    carry_start(carry, &micro);
    for (uint64_t number = 0; carry_goes_on(carry, number); number++) {
        carry_fill(carry, memory, number);
        for (unsigned i = 0; i < pipes.count; i++)
            carry_write(pipes.ends[i][1], memory, carry->bytes);
    }
    carry_ends(carry);
    carry_streams_end(&pipes);
    carry_join(carry);
    carry_figures(carry);
    micro_figure("pipe_bytes", (double)pipe_bytes);
    return micro_end();
}
