#include <framelane/wire.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int fl_wire_pair(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return -errno;
    return 0;
}

int fl_wire_send(int socket, uint32_t type, const void *body, size_t body_bytes, const void *tail, size_t tail_bytes,
                 const int *fds, unsigned fd_count)
{
    if (body_bytes > FL_WIRE_MAX_BYTES || tail_bytes > FL_WIRE_MAX_BYTES || fd_count > FL_WIRE_MAX_FDS ||
        sizeof(struct fl_message) + body_bytes + tail_bytes > FL_WIRE_MAX_BYTES)
        return -EMSGSIZE;
    struct fl_message head = {
        .magic = FL_WIRE_MAGIC, .type = type, .body_bytes = (uint32_t)body_bytes, .tail_bytes = (uint32_t)tail_bytes};
    struct iovec parts[3] = {
        {&head, sizeof head},
        {(void *)body, body_bytes},
        {(void *)tail, tail_bytes},
    };
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(FL_WIRE_MAX_FDS * sizeof(int))] = {0};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    if (fd_count) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(cmsg), fds, fd_count * sizeof(int));
    }
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return errno == ECONNRESET ? -EPIPE : -errno;
    return 0;
}

/* Descriptors beyond the room for them were closed by the kernel (MSG_CTRUNC); those that fit are ours and are closed on any
 * doubt. */
static void collect_fds(struct msghdr *message, struct fl_received *received)
{
    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(message); cmsg; cmsg = CMSG_NXTHDR(message, cmsg)) {
        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof fd);
            if (received->fd_count < FL_WIRE_MAX_FDS)
                received->fds[received->fd_count++] = fd;
            else
                close(fd);
        }
    }
}

static int check(struct fl_received *received, size_t bytes)
{
    struct fl_message head;
    if (bytes < sizeof head)
        return -EBADMSG;
    memcpy(&head, received->buffer, sizeof head);
    if (head.magic != FL_WIRE_MAGIC || (uint64_t)head.body_bytes + head.tail_bytes != bytes - sizeof head)
        return -EBADMSG;
    received->type = head.type;
    received->body = received->buffer + sizeof head;
    received->body_bytes = head.body_bytes;
    received->tail = received->buffer + sizeof head + head.body_bytes;
    received->tail_bytes = head.tail_bytes;
    return 0;
}

int fl_wire_receive(int socket, int flags, struct fl_received *received)
{
    struct iovec part = {received->buffer, sizeof received->buffer};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(FL_WIRE_MAX_FDS * sizeof(int))];
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    received->fd_count = 0;
    for (unsigned i = 0; i < FL_WIRE_MAX_FDS; i++)
        received->fds[i] = -1;
    ssize_t got;
    do {
        got = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
        /* A reset is told once, where the peer left with mail unread: its own last words follow it. */
    } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
    if (got < 0)
        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    collect_fds(&message, received);
    int error = 0;
    if (got == 0)
        error = -EPIPE; /* an empty message counts as the end too: nobody here sends one */
    else if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
        error = -EBADMSG;
    else
        error = check(received, (size_t)got);
    if (error < 0)
        fl_wire_close_fds(received);
    return error;
}

void fl_wire_close_fds(struct fl_received *received)
{
    for (unsigned i = 0; i < received->fd_count; i++)
        if (received->fds[i] >= 0)
            close(received->fds[i]);
    received->fd_count = 0;
}
