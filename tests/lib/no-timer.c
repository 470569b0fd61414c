/* Linked into a test, takes the timer out of every sleep: where the library would look around after 100 ms at the latest, it sleeps
 * until something rings. A wake-up that is lost is then a test that hangs, and not a delay that nobody notices. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Visible to the library, which calls it by this name. */
__attribute__((visibility("default"))) int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                                                 const sigset_t *mask)
{
    (void)timeout, (void)mask;
    return (int)syscall(SYS_ppoll, fds, count, NULL, NULL, 0);
}

/* Those for whom another thread sleeps. */
__attribute__((visibility("default"))) int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                                                  const struct timespec *until)
{
    (void)until;
    return pthread_cond_wait(condition, mutex);
}
