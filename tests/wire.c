/* Control messages: what is no message is refused and leaves no descriptor behind. */
#include <framelane/wire.h>

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fl_received received;

/* Sends bytes and descriptors as they are. */
static void send_raw(int socket, const void *bytes, size_t count, unsigned fd_count)
{
    struct iovec part = {(void *)bytes, count};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(64 * sizeof(int))] = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_count) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        for (unsigned i = 0; i < fd_count; i++)
            memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &(int){STDOUT_FILENO}, sizeof(int));
    }
    CHECK_EQ(sendmsg(socket, &message, MSG_NOSIGNAL), count);
}

static void messages_arrive_whole(void)
{
    int ends[2], passed[2], before = open_fds();
    static char tail[60000];
    memset(tail, 't', sizeof tail);
    CHECK_EQ(fl_wire_pair(ends), 0);
    CHECK_EQ(pipe2(passed, O_CLOEXEC), 0);
    CHECK_EQ(fl_wire_send(ends[0], 7, "body", 4, tail, sizeof tail, passed, 2), 0);
    CHECK_EQ(fl_wire_send(ends[0], 8, NULL, 0, NULL, 0, NULL, 0), 0);
    CHECK_EQ(fl_wire_receive(ends[1], 0, &received), 0);
    CHECK_EQ(received.type, 7);
    CHECK_EQ(received.body_bytes, 4);
    CHECK_EQ(memcmp(received.body, "body", 4), 0);
    CHECK_EQ(received.tail_bytes, sizeof tail);
    CHECK_EQ(memcmp(received.tail, tail, sizeof tail), 0);
    CHECK_EQ(received.fd_count, 2);
    CHECK_EQ(fcntl(received.fds[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    CHECK_EQ(write(received.fds[1], "x", 1), 1); /* the very pipe */
    char byte;
    CHECK_EQ(read(passed[0], &byte, 1), 1);
    fl_wire_close_fds(&received);
    CHECK_EQ(fl_wire_receive(ends[1], 0, &received), 0);
    CHECK_EQ(received.type, 8);
    CHECK_EQ(received.body_bytes + received.tail_bytes + received.fd_count, 0);
    CHECK_EQ(fl_wire_receive(ends[1], MSG_DONTWAIT, &received), -EAGAIN);
    close(passed[0]);
    close(passed[1]);
    close(ends[0]);
    CHECK_EQ(fl_wire_receive(ends[1], 0, &received), -EPIPE);
    CHECK_EQ(fl_wire_send(ends[1], 1, NULL, 0, NULL, 0, NULL, 0), -EPIPE);
    close(ends[1]);
    CHECK_EQ(open_fds(), before);
}

static void too_much_is_not_sent(void)
{
    static char large[FL_WIRE_MAX_BYTES];
    int ends[2], fds[FL_WIRE_MAX_FDS + 1] = {0};
    CHECK_EQ(fl_wire_pair(ends), 0);
    CHECK_EQ(fl_wire_send(ends[0], 1, large, sizeof large, NULL, 0, NULL, 0), -EMSGSIZE);
    CHECK_EQ(fl_wire_send(ends[0], 1, large, sizeof large / 2, large, sizeof large / 2, NULL, 0), -EMSGSIZE);
    CHECK_EQ(fl_wire_send(ends[0], 1, large, SIZE_MAX - 8, NULL, 0, NULL, 0), -EMSGSIZE);
    CHECK_EQ(fl_wire_send(ends[0], 1, NULL, 0, NULL, 0, fds, FL_WIRE_MAX_FDS + 1), -EMSGSIZE);
    CHECK_EQ(fl_wire_send(ends[0], 1, large, sizeof large - sizeof(struct fl_message), NULL, 0, fds, FL_WIRE_MAX_FDS), 0);
    CHECK_EQ(fl_wire_receive(ends[1], 0, &received), 0);
    CHECK_EQ(received.body_bytes, sizeof large - sizeof(struct fl_message));
    CHECK_EQ(received.fd_count, FL_WIRE_MAX_FDS);
    fl_wire_close_fds(&received);
    close(ends[0]);
    close(ends[1]);
}

static void refuse(const void *bytes, size_t count, unsigned fd_count, int error)
{
    int ends[2];
    CHECK_EQ(fl_wire_pair(ends), 0);
    int before = open_fds();
    send_raw(ends[0], bytes, count, fd_count);
    CHECK_EQ(fl_wire_receive(ends[1], 0, &received), error);
    CHECK_EQ(received.fd_count, 0);
    CHECK_EQ(open_fds(), before);
    CHECK_EQ(fl_wire_send(ends[0], 3, NULL, 0, NULL, 0, NULL, 0), 0); /* the next one is understood again */
    CHECK_EQ(fl_wire_receive(ends[1], 0, &received), 0);
    CHECK_EQ(received.type, 3);
    close(ends[0]);
    close(ends[1]);
}

static void what_is_no_message_is_refused(void)
{
    struct {
        struct fl_message head;
        char body[16];
    } good = {.head = {.magic = FL_WIRE_MAGIC, .type = 1, .body_bytes = 12, .tail_bytes = 4}}, bad;
    static char garbage[FL_WIRE_MAX_BYTES + 8192];
    memset(garbage, 0xa5, sizeof garbage);
    for (unsigned fds = 0; fds <= FL_WIRE_MAX_FDS; fds += FL_WIRE_MAX_FDS) {
        refuse(garbage, 1, fds, -EBADMSG);
        refuse(garbage, sizeof(struct fl_message), fds, -EBADMSG);
        refuse(garbage, 5000, fds, -EBADMSG);
        refuse(garbage, sizeof garbage, fds, -EBADMSG); /* longer than any message: cut short */
        refuse(&good, sizeof good.head - 1, fds, -EBADMSG);
        refuse(&good, sizeof good - 1, fds, -EBADMSG);
        refuse(&good, sizeof good + 0, FL_WIRE_MAX_FDS + 1, -EBADMSG);
        refuse(&good, sizeof good + 0, 40, -EBADMSG);
        bad = good;
        bad.head.magic ^= 1;
        refuse(&bad, sizeof bad, fds, -EBADMSG);
        bad = good;
        bad.head.body_bytes = 13;
        refuse(&bad, sizeof bad, fds, -EBADMSG);
        bad.head.body_bytes = UINT32_MAX;
        bad.head.tail_bytes = 17; /* adds up to 16 in 32 bits */
        refuse(&bad, sizeof bad, fds, -EBADMSG);
        refuse(garbage, 0, fds, -EPIPE); /* nobody sends nothing: taken as the end */
    }
}

static void floods_leave_no_descriptor(void)
{
    int ends[2];
    unsigned long long state = 9;
    struct fl_message head = {.magic = FL_WIRE_MAGIC, .type = 1};
    CHECK_EQ(fl_wire_pair(ends), 0);
    int before = open_fds();
    for (unsigned round = 0; round < 5000; round++) {
        head.body_bytes = next_random(&state) % 2;
        send_raw(ends[0], &head, sizeof head, next_random(&state) % 40);
        if (fl_wire_receive(ends[1], 0, &received) == 0)
            fl_wire_close_fds(&received);
    }
    CHECK_EQ(open_fds(), before);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"messages arrive whole, with their descriptors", messages_arrive_whole},
        {"what is too much is not sent", too_much_is_not_sent},
        {"what is no message is refused", what_is_no_message_is_refused},
        {"floods of descriptors leave none behind", floods_leave_no_descriptor},
    };
    return CHECK_RUN(cases);
}
