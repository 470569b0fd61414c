/* Messages with descriptors: any bytes, any number of descriptors of any kind. What is refused, and what nobody takes, leaves no
 * descriptor behind, and the next message is understood again. */
#include "fuzz.h"

#include <framelane/wire.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_FDS = 253 }; /* the kernel's own limit */

static struct fl_received received;

/* One descriptor of each kind, opened once. */
static const int *kinds(void)
{
    static int fds[4];
    if (!fds[0]) {
        fds[0] = open("/dev/zero", O_RDWR | O_CLOEXEC);
        fds[1] = eventfd(0, EFD_CLOEXEC);
        fds[2] = memfd_create("smuggled", MFD_CLOEXEC);
        fds[3] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
    return fds;
}

static unsigned add_fds(struct msghdr *message, char *control, unsigned count, unsigned kind)
{
    struct cmsghdr *cmsg = (struct cmsghdr *)control;
    if (count == 0)
        return 0;
    message->msg_control = control;
    message->msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
    for (unsigned i = 0; i < count; i++)
        memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &kinds()[(kind + i) % 4], sizeof(int));
    return count;
}

static void send_any(int socket, struct fuzz_input *in)
{
    static uint8_t bytes[FL_WIRE_MAX_BYTES + 64];
    static _Alignas(struct cmsghdr) char control[CMSG_SPACE(MOST_FDS * sizeof(int))];
    struct fl_message head = {
        .magic = FL_WIRE_MAGIC, .type = fuzz_byte(in), .body_bytes = fuzz_byte(in), .tail_bytes = fuzz_byte(in)};
    uint8_t how = fuzz_byte(in), fds = fuzz_byte(in);
    size_t count = sizeof head + head.body_bytes + head.tail_bytes;
    if (how & 1)
        fuzz_spoil(in, &head, sizeof head);
    if (how & 2)
        count = fuzz_word(in, count) % sizeof bytes;
    memcpy(bytes, &head, sizeof head);
    struct iovec part = {bytes, count};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    unsigned sent = add_fds(&message, control, how & 4 ? fds % (MOST_FDS + 1) : fds % (FL_WIRE_MAX_FDS + 2), how);
    if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return;
    int error = fl_wire_receive(socket ^ 1, MSG_DONTWAIT, &received); /* the pair stands side by side */
    FUZZ_CHECK(error == 0 || error == -EBADMSG || error == (count == 0 ? -EPIPE : -EBADMSG));
    if (error < 0) {
        FUZZ_CHECK(received.fd_count == 0);
        return;
    }
    FUZZ_CHECK(sent <= FL_WIRE_MAX_FDS && received.fd_count == sent &&
               received.body_bytes + received.tail_bytes == count - sizeof head);
    FUZZ_CHECK((const uint8_t *)received.body >= received.buffer);
    FUZZ_CHECK((const uint8_t *)received.tail + received.tail_bytes <= received.buffer + sizeof received.buffer);
    for (unsigned i = 0; i < received.fd_count; i++)
        FUZZ_CHECK(fcntl(received.fds[i], F_GETFD) == FD_CLOEXEC);
    if (sent && how & 8) { /* a receiver takes the first */
        close(received.fds[0]);
        received.fds[0] = -1;
    }
    fl_wire_close_fds(&received);
}

void fuzz_one(struct fuzz_input *in)
{
    int pair[2], ends[2] = {200, 201};
    kinds();
    int fd = fuzz_free_fd();
    FUZZ_CHECK(fl_wire_pair(pair) == 0);
    for (unsigned i = 0; i < 2; i++) {
        dup3(pair[i], ends[i], O_CLOEXEC);
        close(pair[i]);
    }
    for (unsigned count = 0; fuzz_more(in) && count < 40; count++) {
        send_any(ends[0], in);
        FUZZ_CHECK(fuzz_free_fd() == fd);
    }
    FUZZ_CHECK(fl_wire_send(ends[0], 7, "body", 4, "tail", 4, kinds(), 2) == 0);
    FUZZ_CHECK(fl_wire_receive(ends[1], 0, &received) == 0 && received.type == 7 && received.fd_count == 2);
    FUZZ_CHECK(memcmp(received.body, "bodytail", 8) == 0);
    fl_wire_close_fds(&received);
    close(ends[0]);
    FUZZ_CHECK(fl_wire_receive(ends[1], 0, &received) == -EPIPE);
    close(ends[1]);
    FUZZ_CHECK(fuzz_free_fd() == fd);
}

const struct fuzz_seed fuzz_seeds[] = {
    FUZZ_SEED(1, 4, 4, 0, 2, 2, 0, 0, 0, 0, 3, 9, 9, 8, 8),
    FUZZ_SEED(1, 4, 4, 0, 9, 1, 4, 4, 4, 253, 1, 4, 4, 4, 9),
    FUZZ_SEED(1, 4, 4, 1, 0, 1, 2, 63, 1, 4, 4, 2, 0, 0x60, 1, 4, 4, 2, 0, 0x40, 1, 4, 4, 2, 0, 0xa8, 0),
    {0},
};
