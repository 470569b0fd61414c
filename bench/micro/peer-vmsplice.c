/* Frames whose pages are put into a pipe without a copy (vmsplice) and copied out by the reader. A buffer may be written again when
 * the pipe cannot hold any of it any more: two buffers where a frame is larger than the pipe, else as many as fit and two. Each
 * consumer has a pipe of its own. */
#include "lib/carry.h"

#include <fcntl.h>
#include <sys/uio.h>

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

static void splice_frame(int fd, uint8_t *data)
{
    struct iovec rest = {data, carry->bytes};
    while (rest.iov_len > 0) {
        uint64_t done = (uint64_t)micro_call(vmsplice(fd, &rest, 1, 0));
        rest.iov_base = (uint8_t *)rest.iov_base + done;
        rest.iov_len -= done;
    }
}

int main(int argc, char **argv)
{
    struct micro micro;
    micro_begin(&micro, argc, argv, options);
    carry = carry_create_like(&micro, 4);
    carry->copies = carry->consumers;
    for (; pipes.count < carry->consumers; pipes.count++)
        carry_pipe(pipes.ends[pipes.count], pipe_bytes, &pipe_bytes);
    carry_fork(carry, &micro, consume);
    uint64_t step = (carry->bytes + 4095) / 4096 * 4096, buffers = pipe_bytes / step + 2;
    uint8_t *memory = carry_memory(step * buffers, true);
    carry_streams_writer(&pipes);
    micro_pin_self(&micro, 0);
    carry_start(carry, &micro);
    for (uint64_t number = 0; carry_goes_on(carry, number); number++) {
        uint8_t *data = memory + number % buffers * step;
        carry_fill(carry, data, number);
        for (unsigned i = 0; i < pipes.count; i++)
            splice_frame(pipes.ends[i][1], data);
    }
    carry_ends(carry);
    carry_streams_end(&pipes);
    carry_join(carry);
    carry_figures(carry);
    micro_figure("pipe_bytes", (double)pipe_bytes);
    return micro_end();
}
