/* Descriptors smuggled in messages: any number that the kernel lets through, of any kind, with messages true and false. Those a
 * message may have arrive; every other is closed, and the process is left with exactly what it had. */
#include <framelane/wire.h>

#include "../lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 253 }; /* SCM_MAX_FD */

static struct fl_received received;

/* Sends a message of `bytes` with the same descriptor `count` times. */
static void smuggle(int socket, const void *bytes, size_t size, int fd, unsigned count)
{
    static _Alignas(struct cmsghdr) char control[CMSG_SPACE(MOST * sizeof(int))];
    struct iovec part = {(void *)bytes, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct cmsghdr *cmsg = (struct cmsghdr *)control;
    if (count) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
    }
    for (unsigned i = 0; i < count; i++)
        memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &fd, sizeof fd);
    CHECK_EQ(sendmsg(socket, &message, MSG_NOSIGNAL), size);
}

static void every_number_of_descriptors(void)
{
    struct fl_message good = {.magic = FL_WIRE_MAGIC, .type = 1}, bad = {.magic = 1, .type = 1};
    int ends[2];
    CHECK_EQ(fl_wire_pair(ends), 0);
    int before = open_fds();
    for (unsigned count = 0; count <= MOST; count++) {
        smuggle(ends[0], &good, sizeof good, STDOUT_FILENO, count);
        CHECK_EQ(fl_wire_receive(ends[1], 0, &received), count <= FL_WIRE_MAX_FDS ? 0 : -EBADMSG);
        CHECK_EQ(received.fd_count, count <= FL_WIRE_MAX_FDS ? count : 0);
        CHECK_EQ(open_fds(), before + (int)received.fd_count);
        fl_wire_close_fds(&received);
        smuggle(ends[0], &bad, sizeof bad, STDOUT_FILENO, count);
        CHECK_EQ(fl_wire_receive(ends[1], 0, &received), -EBADMSG);
        CHECK_EQ(open_fds(), before);
    }
    CHECK_EQ(fl_wire_send(ends[0], 3, NULL, 0, NULL, 0, NULL, 0), 0);
    CHECK_EQ(fl_wire_receive(ends[1], 0, &received), 0);
    CHECK_EQ(received.type, 3);
    close(ends[0]);
    close(ends[1]);
}

static void every_kind_of_descriptor(void)
{
    struct fl_message good = {.magic = FL_WIRE_MAGIC, .type = 1};
    int ends[2], other[2];
    CHECK_EQ(fl_wire_pair(ends), 0);
    CHECK_EQ(fl_wire_pair(other), 0);
    int kinds[] = {open("/dev/zero", O_RDWR | O_CLOEXEC),
                   eventfd(0, EFD_CLOEXEC),
                   epoll_create1(EPOLL_CLOEXEC),
                   memfd_create("smuggled", MFD_CLOEXEC),
                   other[0],
                   ends[1],
                   open("/", O_PATH | O_CLOEXEC)};
    int before = open_fds();
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        for (unsigned count = 1; count <= MOST; count += 63) {
            smuggle(ends[0], &good, sizeof good, kinds[kind], count);
            CHECK_EQ(fl_wire_receive(ends[1], 0, &received), count <= FL_WIRE_MAX_FDS ? 0 : -EBADMSG);
            for (unsigned i = 0; i < received.fd_count; i++)
                CHECK_EQ(fcntl(received.fds[i], F_GETFD), FD_CLOEXEC);
            fl_wire_close_fds(&received);
            CHECK_EQ(open_fds(), before);
        }
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        if (kinds[kind] != ends[1])
            close(kinds[kind]);
    close(other[1]);
    close(ends[0]);
    close(ends[1]);
}

/* Credentials come with a message where a receiver asks for them; they are no descriptors. */
static void other_control_messages_are_passed_over(void)
{
    struct fl_message good = {.magic = FL_WIRE_MAGIC, .type = 1};
    int ends[2], on = 1;
    CHECK_EQ(fl_wire_pair(ends), 0);
    CHECK_EQ(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
    int before = open_fds();
    smuggle(ends[0], &good, sizeof good, -1, 0);
    CHECK_EQ(fl_wire_receive(ends[1], 0, &received), 0);
    CHECK_EQ(received.fd_count, 0);
    CHECK_EQ(open_fds(), before);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"every number of descriptors", every_number_of_descriptors},
        {"every kind of descriptor", every_kind_of_descriptor},
        {"other control messages are passed over", other_control_messages_are_passed_over},
    };
    return CHECK_RUN(cases);
}
