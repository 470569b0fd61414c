/* Counts the system calls of processes while they want it. */
#ifndef CRASH_COUNT_CALLS_H
#define CRASH_COUNT_CALLS_H

#include <sys/types.h>

/* One for each process that is watched, in memory shared with it. */
struct count_calls {
    pid_t pid;           /* the process says who it is */
    _Atomic int counted; /* the process says when its calls count */
    unsigned long seen;  /* the tracer's: calls begun meanwhile */
};

/* Runs `body` in a child and lets it end with 0; it, and what it forks, are traced. */
void count_calls(void (*body)(void), struct count_calls *calls, unsigned count);

#endif
