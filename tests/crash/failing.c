#include "failing.h"

#include "../lib/check.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default"))) /* by the library, which calls them by these names */

/* In the order of failing_calls. */
enum call {
    MALLOC,
    CALLOC,
    REALLOC,
    POSIX_MEMALIGN,
    MMAP,
    MUNMAP,
    MADVISE,
    MEMFD_CREATE,
    FCHMOD,
    FTRUNCATE,
    FALLOCATE,
    FCNTL,
    FSTAT,
    EVENTFD,
    SOCKETPAIR,
    PIPE2,
    SENDMSG,
    RECVMSG,
    OPEN,
    READ,
    READV,
    WRITE,
    WRITEV,
    PPOLL,
    SYSCALL,
    CLOSE,
};

/* Where the C library has 64-bit variants the headers give these functions their names. */
const struct failing_call failing_calls[] = {
    [MALLOC] = {"malloc", {ENOMEM}},
    [CALLOC] = {"calloc", {ENOMEM}},
    [REALLOC] = {"realloc", {ENOMEM}},
    [POSIX_MEMALIGN] = {"posix_memalign", {ENOMEM}},
    [MMAP] = {"mmap64", {ENOMEM}},
    [MUNMAP] = {"munmap", {0}},
    [MADVISE] = {"madvise", {ENOMEM, EINVAL}},
    [MEMFD_CREATE] = {"memfd_create", {EMFILE, EINVAL}},
    [FCHMOD] = {"fchmod", {EPERM}},
    [FTRUNCATE] = {"ftruncate64", {ENOSPC, EINTR}},
    [FALLOCATE] = {"fallocate64", {ENOSPC, EINTR}},
    [FCNTL] = {"fcntl64", {EPERM}},
    [FSTAT] = {"fstat64", {ENOMEM}},
    [EVENTFD] = {"eventfd", {EMFILE}},
    [SOCKETPAIR] = {"socketpair", {EMFILE}},
    [PIPE2] = {"pipe2", {EMFILE}},
    [SENDMSG] = {"sendmsg", {ENOBUFS, ECONNRESET, EPIPE, EINTR}},
    [RECVMSG] = {"recvmsg", {ENOMEM, ECONNRESET, EAGAIN, EINTR}},
    [OPEN] = {"open64", {EMFILE}},
    [READ] = {"read", {EIO, EINTR}},
    [READV] = {"readv", {EIO, EAGAIN, EINTR}},
    [WRITE] = {"write", {EIO, EAGAIN, EINTR}},
    [WRITEV] = {"writev", {EPIPE, EAGAIN, EINTR}},
    [PPOLL] = {"ppoll", {ENOMEM, EINTR}},
    [SYSCALL] = {"syscall", {ENOSYS, EAGAIN, ENOMEM, EINTR}},
    [CLOSE] = {"close", {EIO, EINTR}, .quiet = true},
};
const unsigned failing_call_count = sizeof failing_calls / sizeof *failing_calls;

static struct {
    bool on, persistent;
    unsigned long at;
    int error;
    struct failing_result result;
} state;

void failing_begin(unsigned long at, int error, bool persistent)
{
    memset(&state, 0, sizeof state);
    state.at = at;
    state.error = error;
    state.persistent = persistent;
    state.on = true;
}

struct failing_result failing_end(void)
{
    state.on = false;
    return state.result;
}

/* True: this call is to fail, and errno says how. */
static bool fails(enum call call)
{
    const struct failing_call *about = &failing_calls[call];
    if (!state.on || about->errnos[0] == 0)
        return false;
    state.result.calls++;
    if (state.result.calls == state.at) {
        state.result.call = about;
        errno = state.error;
        return state.error != 0;
    }
    if (!state.persistent || state.at == 0 || state.result.calls < state.at)
        return false;
    errno = about->errnos[0];
    return true;
}

#define REAL(name)                                                                                                                 \
    static __typeof__(name) *real;                                                                                                 \
    if (!real)                                                                                                                     \
    *(void **)&real = dlsym(RTLD_NEXT, failing_calls[call].symbol)

/* ---- memory ---- */

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void __libc_free(void *old);

static void *count_memory(void *memory)
{
    if (state.on && memory)
        state.result.allocations++;
    return memory;
}

SEEN void *malloc(size_t bytes)
{
    return fails(MALLOC) ? NULL : count_memory(__libc_malloc(bytes));
}

SEEN void *calloc(size_t count, size_t bytes)
{
    return fails(CALLOC) ? NULL : count_memory(__libc_calloc(count, bytes));
}

SEEN void *realloc(void *old, size_t bytes)
{
    if (fails(REALLOC))
        return NULL;
    return old ? __libc_realloc(old, bytes) : count_memory(__libc_realloc(old, bytes));
}

SEEN int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    const enum call call = POSIX_MEMALIGN;
    REAL(posix_memalign);
    if (fails(call))
        return errno;
    int error = real(memory, alignment, bytes);
    if (error == 0)
        count_memory(*memory);
    return error;
}

SEEN void free(void *old)
{
    if (state.on && old)
        state.result.allocations--;
    __libc_free(old);
}

SEEN void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    const enum call call = MMAP;
    REAL(mmap);
    if (fails(call))
        return MAP_FAILED;
    void *base = real(at, bytes, protection, flags, fd, offset);
    if (state.on && base != MAP_FAILED) {
        state.result.mappings++;
        state.result.mapped_bytes += bytes;
    }
    return base;
}

SEEN int munmap(void *at, size_t bytes)
{
    const enum call call = MUNMAP;
    REAL(munmap);
    int error = real(at, bytes);
    if (state.on && error == 0) {
        state.result.mappings--;
        state.result.mapped_bytes -= bytes;
    }
    return error;
}

/* ---- the rest: fails, or does what it is asked ---- */

#define STAND_IN(which, type, name, parameters, arguments)                                                                         \
    SEEN type name parameters                                                                                                      \
    {                                                                                                                              \
        const enum call call = which;                                                                                              \
        REAL(name);                                                                                                                \
        return fails(call) ? -1 : real arguments;                                                                                  \
    }

STAND_IN(MADVISE, int, madvise, (void *at, size_t bytes, int advice), (at, bytes, advice))
STAND_IN(MEMFD_CREATE, int, memfd_create, (const char *name, unsigned flags), (name, flags))
STAND_IN(FCHMOD, int, fchmod, (int fd, mode_t mode), (fd, mode))
STAND_IN(FTRUNCATE, int, ftruncate, (int fd, off_t bytes), (fd, bytes))
STAND_IN(FALLOCATE, int, fallocate, (int fd, int mode, off_t offset, off_t bytes), (fd, mode, offset, bytes))
STAND_IN(FSTAT, int, fstat, (int fd, struct stat *st), (fd, st))
STAND_IN(EVENTFD, int, eventfd, (unsigned value, int flags), (value, flags))
STAND_IN(SOCKETPAIR, int, socketpair, (int domain, int type, int protocol, int fds[2]), (domain, type, protocol, fds))
STAND_IN(PIPE2, int, pipe2, (int fds[2], int flags), (fds, flags))
STAND_IN(SENDMSG, ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
STAND_IN(RECVMSG, ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
STAND_IN(READ, ssize_t, read, (int fd, void *to, size_t bytes), (fd, to, bytes))
STAND_IN(READV, ssize_t, readv, (int fd, const struct iovec *parts, int count), (fd, parts, count))
STAND_IN(WRITE, ssize_t, write, (int fd, const void *from, size_t bytes), (fd, from, bytes))
STAND_IN(WRITEV, ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))
STAND_IN(PPOLL, int, ppoll, (struct pollfd * fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask),
         (fds, count, timeout, mask))

/* futex(2) and futex_waitv(2), which the C library has no names for. */
SEEN long syscall(long number, ...)
{
    const enum call call = SYSCALL;
    long arguments[6];
    va_list rest;
    va_start(rest, number);
    for (unsigned i = 0; i < 6; i++)
        arguments[i] = va_arg(rest, long);
    va_end(rest);
    REAL(syscall);
    bool is_ours = number == SYS_futex || number == SYS_futex_waitv; /* the tests' own calls go this way as well */
    if (is_ours && fails(call))
        return -1;
    return real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

SEEN int open(const char *path, int flags, ...)
{
    const enum call call = OPEN;
    REAL(open);
    return fails(call) ? -1 : real(path, flags); /* nobody here creates a file */
}

SEEN int fcntl(int fd, int command, ...)
{
    const enum call call = FCNTL;
    va_list rest;
    va_start(rest, command);
    long argument = va_arg(rest, long);
    va_end(rest);
    REAL(fcntl);
    return fails(call) ? -1 : real(fd, command, argument);
}

SEEN int close(int fd)
{
    const enum call call = CLOSE;
    REAL(close);
    bool failed = fails(call);
    int error = errno, result = real(fd);
    if (!failed)
        return result;
    errno = error; /* the descriptor is closed, whatever close says */
    return -1;
}
