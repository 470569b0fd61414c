/* Frames whose pages are put into a pipe without a copy (vmsplice) and copied out by the reader. A buffer may be written again when
 * the pipe cannot hold any of it any more: two buffers where a frame is larger than the pipe, else as many as fit and two. */
#include "lib/carry.h"

#include <fcntl.h>
#include <sys/uio.h>
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

static void splice_frame(uint8_t *data)
{
    struct iovec rest = {data, bytes};
    while (rest.iov_len > 0) {
        uint64_t done = (uint64_t)micro_call(vmsplice(ends[1], &rest, 1, 0));
        rest.iov_base = (uint8_t *)rest.iov_base + done;
        rest.iov_len -= done;
    }
}

int main(int argc, char **argv)
{
    struct micro micro;
    uint64_t number = 0;
    micro_begin(&micro, argc, argv, options);
    carry = carry_create(bytes, touch, 4);
    carry_pipe(ends, pipe_bytes, &pipe_bytes);
    pid_t child = micro_fork(&micro, 1, consume, NULL);
    uint64_t step = (bytes + 4095) / 4096 * 4096, buffers = pipe_bytes / step + 2;
    uint8_t *memory = carry_memory(step * buffers, true);
    close(ends[0]);
    micro_pin_self(&micro, 0);
    carry_start(carry, &micro);
    for (; carry_goes_on(carry, number); number++) {
        uint8_t *data = memory + number % buffers * step;
        carry_fill(carry, data, number);
        splice_frame(data);
    }
    carry_ends(carry);
    close(ends[1]);
    micro_join(child);
    carry_figures(carry);
    micro_figure("pipe_bytes", (double)pipe_bytes);
    return micro_end();
}
