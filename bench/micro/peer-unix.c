/* Frames through a unix stream socket: large buffers (larger ones cost more, see the sweep), whole frames in one send and one
 * receive each, one buffer at each end so that it stays in the cache. */
#include "lib/carry.h"

#include <sys/socket.h>
#include <unistd.h>

static uint64_t bytes = 3110400, touch, buffer_bytes = 1 << 20;
static const struct micro_option options[] = {{"bytes", &bytes}, {"touch", &touch}, {"buffer", &buffer_bytes}, {0}};

static struct carry *carry;
static int ends[2];

static void consume(void *arg)
{
    void *memory = carry_memory(bytes, true);
    uint64_t number = 0, got;
    close(ends[1]);
    while ((got = (uint64_t)micro_call(recv(ends[0], memory, bytes, MSG_WAITALL))) == bytes)
        carry_check(carry, memory, number++);
    if (got != 0)
        micro_fail("the stream ended within a frame");
    carry_ends_here(carry);
}

/* Beyond what the system grants everybody where this process may have it. */
static void enlarge(int fd, int granted, int forced)
{
    int size = (int)buffer_bytes;
    if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof size) < 0)
        micro_call(setsockopt(fd, SOL_SOCKET, granted, &size, sizeof size));
}

int main(int argc, char **argv)
{
    struct micro micro;
    uint64_t number = 0;
    micro_begin(&micro, argc, argv, options);
    carry = carry_create(bytes, touch, 4);
    micro_call(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    enlarge(ends[1], SO_SNDBUF, SO_SNDBUFFORCE);
    enlarge(ends[0], SO_RCVBUF, SO_RCVBUFFORCE);
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
    return micro_end();
}
