/* The wire: rare messages with file descriptors, over a SOCK_SEQPACKET pair inherited from whoever started the process.
 *
 * A message is a fixed header, a body whose size its type fixes, and an optional tail. Nothing in it is trusted:
 * a message of the wrong size, with more descriptors than its type has, or cut short, closes what came with it and gives -EBADMSG.
 */
#ifndef FRAMELANE_WIRE_H
#define FRAMELANE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

#define FL_WIRE_MAGIC 0x31454e4cu /* "LNE1" */
#define FL_WIRE_MAX_BYTES (96 * 1024)
#define FL_WIRE_MAX_FDS 8

struct fl_message {
    uint32_t magic;
    uint32_t type;
    uint32_t body_bytes; /* what follows this header, before the tail */
    uint32_t tail_bytes;
};

/* Both ends, close-on-exec. -errno of socketpair(2). */
int fl_wire_pair(int fds[2]);

/* Blocks while the peer's buffer is full. The descriptors stay the caller's. -EMSGSIZE, -EPIPE, errno of sendmsg(2). */
int fl_wire_send(int socket, uint32_t type, const void *body, size_t body_bytes, const void *tail, size_t tail_bytes,
                 const int *fds, unsigned fd_count);

/* One received message: body and tail lie in `buffer`. */
struct fl_received {
    uint32_t type;
    const void *body;
    size_t body_bytes;
    const void *tail;
    size_t tail_bytes;
    int fds[FL_WIRE_MAX_FDS]; /* the receiver owns them: close, or take by setting -1; fl_wire_close_fds closes the rest */
    unsigned fd_count;
    unsigned char buffer[FL_WIRE_MAX_BYTES] __attribute__((aligned(16)));
};

/* Receives one message. `flags` as recvmsg(2) (MSG_DONTWAIT). 0; -EAGAIN; -EPIPE: the other end is gone; -EBADMSG: not a
 * message (its descriptors have been closed). */
int fl_wire_receive(int socket, int flags, struct fl_received *message);
void fl_wire_close_fds(struct fl_received *message);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
