/* Frames through unix sockets: large buffers (larger ones cost more, see the sweep), one buffer at each end so that it stays in the
 * cache. `--type stream`: whole frames in one send and one receive each; `--type seqpacket`: in messages of `--message` bytes, for
 * a message must fit the buffers. Each consumer has a socket of its own. */
#include "lib/carry.h"

#include <string.h>
#include <sys/socket.h>

static uint64_t buffer_bytes = 1 << 20, message_bytes = 128 << 10;
static const char *type = "stream";
static const struct micro_option options[] = {
    CARRY_OPTIONS, {"buffer", &buffer_bytes}, {"message", &message_bytes}, {.name = "type", .word = &type}, {0},
};

static struct carry *carry;
static struct carry_streams sockets;

static uint64_t receive(int fd, uint8_t *memory)
{
    uint64_t got = 0;
    if (strcmp(type, "stream") == 0)
        return (uint64_t)micro_call(recv(fd, memory, carry->bytes, MSG_WAITALL));
    while (got < carry->bytes) {
        uint64_t more = (uint64_t)micro_call(recv(fd, memory + got, carry->bytes - got, 0));
        if (more == 0)
            break;
        got += more;
    }
    return got;
}

static void transmit(int fd, const uint8_t *memory)
{
    if (strcmp(type, "stream") == 0) {
        carry_write(fd, memory, carry->bytes);
        return;
    }
    for (uint64_t done = 0; done < carry->bytes;) {
        uint64_t rest = carry->bytes - done;
        done += (uint64_t)micro_call(send(fd, memory + done, rest < message_bytes ? rest : message_bytes, 0));
    }
}

static void consume(unsigned which)
{
    void *memory = carry_memory(carry->bytes, true);
    uint64_t number = 0, got;
    int fd = carry_streams_reader(&sockets, which);
    while ((got = receive(fd, memory)) == carry->bytes)
        carry_check(carry, memory, number++);
    if (got != 0)
        micro_fail("the stream ended within a frame");
}

/* Beyond what the system grants everybody where this process may have it. */
static void enlarge(int fd, int granted, int forced)
{
    int size = (int)buffer_bytes;
    if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof size) < 0)
        micro_call(setsockopt(fd, SOL_SOCKET, granted, &size, sizeof size));
}

static void connect_all(void)
{
    int kind = strcmp(type, "stream") == 0 ? SOCK_STREAM : SOCK_SEQPACKET;
    for (; sockets.count < carry->consumers; sockets.count++) {
        int *ends = sockets.ends[sockets.count];
        micro_call(socketpair(AF_UNIX, kind | SOCK_CLOEXEC, 0, ends));
        enlarge(ends[1], SO_SNDBUF, SO_SNDBUFFORCE);
        enlarge(ends[0], SO_RCVBUF, SO_RCVBUFFORCE);
    }
}

int main(int argc, char **argv)
{
    struct micro micro;
    micro_begin(&micro, argc, argv, options);
    carry = carry_create_like(&micro, 4);
    carry->copies = 2 * carry->consumers;
    connect_all();
    carry_fork(carry, &micro, consume);
    void *memory = carry_memory(carry->bytes, true);
    carry_streams_writer(&sockets);
    micro_pin_self(&micro, 0);
    carry_start(carry, &micro);
    for (uint64_t number = 0; carry_goes_on(carry, number); number++) {
        carry_fill(carry, memory, number);
        for (unsigned i = 0; i < sockets.count; i++)
            transmit(sockets.ends[i][1], memory);
    }
    carry_ends(carry);
    carry_streams_end(&sockets);
    carry_join(carry);
    carry_figures(carry);
    return micro_end();
}
