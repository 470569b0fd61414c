/* Linked into a test, changes how the library waits.
 *
 * NO_TIMER: where it would look around after 100 ms at the latest, it sleeps until something rings. A wake-up that is lost is then
 * a test that hangs, and not a delay that nobody notices. NO_WORDS: the kernel cannot wait for several words, as none could before
 * Linux 5.16, and bells are descriptors. */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default"))) /* by the library, which calls them by these names */

SEEN long syscall(long number, ...)
{
    static long (*real)(long, ...);
    long args[6];
    va_list rest;
    va_start(rest, number);
    for (unsigned i = 0; i < 6; i++)
        args[i] = va_arg(rest, long);
    va_end(rest);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "syscall");
#ifdef NO_WORDS
    if (number == SYS_futex_waitv) {
        errno = ENOSYS;
        return -1;
    }
#endif
#ifdef NO_TIMER
    if (number == SYS_futex_waitv)
        args[3] = (long)NULL;
#endif
    return real(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

#ifdef NO_TIMER
SEEN int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    (void)timeout, (void)mask;
    return (int)syscall(SYS_ppoll, fds, count, NULL, NULL, 0);
}

/* Those for whom another thread sleeps. */
SEEN int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until)
{
    (void)until;
    return pthread_cond_wait(condition, mutex);
}
#endif
