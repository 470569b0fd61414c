/* The common part of every target: entry points of the fuzzer, reading an input, and what a failed check does. */
#include "fuzz.h"

#include "../lib/check.h"

#include <framelane/lane.h>

#include <fcntl.h>
#include <poll.h>
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int fuzz_clock_gettime(clockid_t clock, struct timespec *now);
int fuzz_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask);
long fuzz_syscall(long number, ...);

/* ---- checks ---- */

_Noreturn void fuzz_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

void check_failed(const char *file, int line, const char *what)
{
    fuzz_failed(file, line, what);
}

void check_equal(const char *file, int line, const char *what, long long got, long long wanted)
{
    if (got == wanted)
        return;
    fprintf(stderr, "got %lld, wanted %lld\n", got, wanted);
    fuzz_failed(file, line, what);
}

/* ---- time ---- */

static uint64_t clock_ns = 1000000000;

void fuzz_pass_ns(uint64_t ns)
{
    clock_ns += ns;
}

int fuzz_clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    clock_ns += 1000;
    *now = (struct timespec){(time_t)(clock_ns / 1000000000), (long)(clock_ns % 1000000000)};
    return 0;
}

int fuzz_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    (void)timeout, (void)mask;
    return poll(fds, count, 0);
}

/* The library wakes, and waits for words: whoever waits finds at once that one has changed, or that it is time. */
long fuzz_syscall(long number, ...)
{
    va_list rest;
    va_start(rest, number);
    const struct futex_waitv *words = va_arg(rest, const struct futex_waitv *);
    unsigned count = number == SYS_futex_waitv ? va_arg(rest, unsigned) : 0;
    va_end(rest);
    if (number != SYS_futex_waitv)
        return 0;
    errno = ETIMEDOUT;
    for (unsigned i = 0; i < count; i++)
        if (*(const volatile uint32_t *)(uintptr_t)words[i].uaddr != words[i].val)
            errno = EAGAIN;
    return -1;
}

/* ---- input ---- */

bool fuzz_more(const struct fuzz_input *in)
{
    return in->at < in->end;
}

uint8_t fuzz_byte(struct fuzz_input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

uint64_t fuzz_raw(struct fuzz_input *in, unsigned bytes)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < bytes; i++)
        word |= (uint64_t)fuzz_byte(in) << 8 * i;
    return word;
}

uint64_t fuzz_word(struct fuzz_input *in, uint64_t near)
{
    uint8_t how = fuzz_byte(in);
    switch (how >> 5) {
    case 0:
    case 1:
        return near + (how & 63); /* mostly a little ahead */
    case 2:
        return near - 1 - (how & 31);
    case 3:
        return how & 31;
    case 4:
        return UINT64_MAX - (how & 31);
    case 5:
        return 1ull << (2 * (how & 31) + (fuzz_byte(in) & 1));
    case 6:
        return near ^ (1ull << (2 * (how & 31)));
    default:
        return fuzz_raw(in, 8);
    }
}

void fuzz_spoil(struct fuzz_input *in, void *record, size_t bytes)
{
    unsigned edits = fuzz_byte(in) % 4;
    for (unsigned i = 0; i < edits && bytes >= 4; i++) {
        size_t at = fuzz_byte(in) % (bytes / 4) * 4;
        uint32_t near, word;
        memcpy(&near, (uint8_t *)record + at, sizeof near);
        word = (uint32_t)fuzz_word(in, near);
        memcpy((uint8_t *)record + at, &word, sizeof word);
    }
}

void fuzz_pace(struct fuzz_input *in, struct fl_lane_info *info)
{
    uint8_t pace = fuzz_byte(in);
    info->batch = fuzz_byte(in) % 4;
    info->batch_delay_ns = pace & 1 ? 20000 : 0;
    info->spin_ns = pace & 2 ? 3000 : 0;
}

int fuzz_free_fd(void)
{
    int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    close(fd);
    return fd;
}

/* ---- the fuzzer's entry points ---- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    fuzz_one(&in);
    return 0;
}

/* `--seeds=FOLDER` writes the seeds and ends. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (*argc < 2 || strncmp((*argv)[1], "--seeds=", 8) != 0)
        return 0;
    for (unsigned i = 0; fuzz_seeds[i].bytes; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/seed-%03u", (*argv)[1] + 8, i);
        FILE *file = fopen(path, "w");
        if (!file || fwrite(fuzz_seeds[i].bytes, 1, fuzz_seeds[i].count, file) != fuzz_seeds[i].count || fclose(file) != 0)
            abort();
    }
    exit(0);
}
