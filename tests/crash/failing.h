/* Stands in for every call by which the library takes something from the system, and makes one of them fail, or all from one on.
 *
 * Calls count while failing_begin holds, whoever makes them: a test that wants one for itself asks the kernel (syscall(2)). What is
 * taken and given back meanwhile is counted, so that nothing can stay behind unseen.
 */
#ifndef CRASH_FAILING_H
#define CRASH_FAILING_H

#include <stdbool.h>
#include <stddef.h>

enum { FAILING_ERRNOS = 4 };

struct failing_call {
    const char *symbol;         /* as the library asks for it */
    int errnos[FAILING_ERRNOS]; /* what it may fail with; EINTR where a signal can break it off; none: it cannot fail */
    bool quiet;                 /* it fails after it has done its work, as close does */
};
extern const struct failing_call failing_calls[];
extern const unsigned failing_call_count;

/* Calls begun from now on count from 1. The `at`-th fails with `error` (0: it does not, and one learns which it is), and with
 * `persistent` every later one with the first of its own. */
void failing_begin(unsigned long at, int error, bool persistent);

struct failing_result {
    unsigned long calls;             /* made in all */
    const struct failing_call *call; /* the `at`-th, NULL if there were fewer */
    long allocations, mappings;      /* not given back */
    unsigned long mapped_bytes;
};
struct failing_result failing_end(void);

/* The undefined symbols of the library that this test is linked with, each once: 0, or the status of the first that `visit`
 * refuses. */
int failing_each_symbol(const char *library, int (*visit)(const char *symbol));

#endif
