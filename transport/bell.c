#include "internal.h"

#include <linux/futex.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define BELL_BYTES 4096 /* the least a pipe can hold */

/* An open file of its own for the same pipe, for reading and writing. -errno. */
static int reopen(int end)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", end);
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int fl_bell_mint(int *ring, int *hear)
{
    int ends[2], error = 0;
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
        return -errno;
    fcntl(ends[1], F_SETPIPE_SZ, BELL_BYTES); /* larger does no harm */
    int ringing = reopen(ends[1]), hearing = ringing < 0 ? ringing : reopen(ends[0]);
    if (hearing < 0) {
        error = hearing;
        if (ringing >= 0)
            close(ringing);
    } else {
        *ring = ringing;
        *hear = hearing;
    }
    close(ends[0]);
    close(ends[1]);
    return error;
}

void fl_ring(int bell)
{
    uint64_t one = 1;                              /* eight bytes, for an eventfd takes no less */
    ssize_t wrote = write(bell, &one, sizeof one); /* EAGAIN: it is full, so it has rung already */
    (void)wrote;
}

void fl_bell_ring_word(void *word, bool is_private)
{
    syscall(SYS_futex, word, is_private ? FUTEX_WAKE_PRIVATE : FUTEX_WAKE, 1, NULL, NULL, 0); /* there is one sleeper a process */
}

void fl_bell_drain(int bell)
{
    uint64_t rings[16];
    ssize_t got = read(bell, rings, sizeof rings);
    (void)got;
}
