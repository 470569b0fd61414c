/* Included before every file of the library in a fuzz build: the clock is the target's, and no sleep lasts. */
#ifndef FUZZ_QUIET_H
#define FUZZ_QUIET_H

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

int fuzz_clock_gettime(clockid_t clock, struct timespec *now);
int fuzz_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask);
long fuzz_syscall(long number, ...);
#define clock_gettime fuzz_clock_gettime
#define ppoll         fuzz_ppoll
#define syscall       fuzz_syscall

#endif
