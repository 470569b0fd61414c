/* Stops a child after a chosen instruction.
 *
 * The child calls step_begin and step_end around what is to be stepped through. The first run of an operation is recorded one
 * instruction at a time; every later run goes to its instruction by way of a breakpoint, for a single step costs two changes of
 * process. A system call is one instruction. Each iteration of a repeated one (rep stos) counts, for it can be interrupted there.
 *
 * Runs are repeatable where the child comes from the same parent each time: one image, one heap, the same addresses.
 */
#ifndef CRASH_STEP_H
#define CRASH_STEP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { STEP_MOST = 1 << 16 };

struct step_trace {
    uint32_t count; /* instructions between the two marks */
    struct {
        uint64_t pc;
        uint32_t nth; /* how many of the instructions so far, this one included, stand at this address */
    } at[STEP_MOST + 1];
};

/* In the child: its parent may trace it from now on. False where the system does not allow it. */
bool step_traceable(void);

/* In the parent: waits until the child, traced or not, stops with `signal` by itself (SIGSTOP, or SIGTRAP at a mark). */
void step_await(pid_t child, int signal);
void step_continue(pid_t child);

#if defined(__x86_64__) /* the breakpoint and the program counter */

/* In the child. */
static inline void step_begin(void)
{
    __asm__ volatile("int3" ::: "memory");
}
void step_end(void);

/* In the parent. The child stands at step_begin. */
void step_record(pid_t child, struct step_trace *trace);

/* Lets it execute `count` instructions, 1 .. trace->count. False if it did not take the recorded way there. */
bool step_to(pid_t child, const struct step_trace *trace, uint32_t count);

#endif

#endif
