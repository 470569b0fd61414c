/* System calls, counted from outside: a program and everything it starts runs traced, and the kernel stops it at each call it
 * makes. That slows it, so no time is taken in such a run. */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include "../micro.h"

#include <stdatomic.h>

/* In memory that both share. A call stops its thread twice, at its entry and at its exit. */
struct micro_trace {
    _Atomic uint64_t counting; /* stops are counted while this is not 0: set by who is traced */
    _Atomic uint64_t stops;
};

/* Runs body() as a process of its own, traced; returns when it and all it has started have ended. Ends the program as the body
 * ended where that was not well, and with 77 where tracing is not allowed. */
void micro_trace_run(struct micro_trace *trace, void (*body)(void));

/* A page to count in that a program executed later finds again by an environment variable; and there: the page, or NULL where
 * nobody traces. */
struct micro_trace *micro_trace_offer(void);
struct micro_trace *micro_trace_found(void);

#endif
