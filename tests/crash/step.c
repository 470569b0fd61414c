#include "step.h"

#include "../lib/check.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* In place of the C library's, whose way depends on the time: then no run would be like another. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    return (int)syscall(SYS_clock_gettime, clock, now);
}

bool step_traceable(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

void step_continue(pid_t child)
{
    CHECK_EQ(ptrace(PTRACE_CONT, child, NULL, NULL), 0);
}

void step_await(pid_t child, int signal)
{
    int status;
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        check_skip("this system lets nobody trace a child of its own");
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(WSTOPSIG(status), signal);
}

#if defined(__x86_64__)

#define RIP        offsetof(struct user, regs.rip)
#define BREAKPOINT 0xccul

__attribute__((noinline)) void step_end(void)
{
    __asm__ volatile("int3" ::: "memory");
}

static uint64_t peek_pc(pid_t child)
{
    errno = 0;
    long pc = ptrace(PTRACE_PEEKUSER, child, RIP, NULL);
    CHECK_EQ(errno, 0);
    return (uint64_t)pc;
}

static void step_once(pid_t child)
{
    CHECK_EQ(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
    step_await(child, SIGTRAP);
}

static uint32_t count_same(const struct step_trace *trace, uint32_t upto)
{
    for (uint32_t i = upto; i-- > 0;)
        if (trace->at[i].pc == trace->at[upto].pc)
            return trace->at[i].nth + 1;
    return 1;
}

void step_record(pid_t child, struct step_trace *trace)
{
    trace->count = 0;
    for (;;) {
        uint64_t pc = peek_pc(child);
        trace->at[trace->count].pc = pc;
        trace->at[trace->count].nth = count_same(trace, trace->count);
        if (pc == (uint64_t)(uintptr_t)step_end)
            return;
        CHECK(trace->count < STEP_MOST);
        step_once(child);
        trace->count++;
    }
}

/* ---- the short way ---- */

/* A hit of a breakpoint and the step over it cost two stops, a step costs one: where to put the breakpoint. */
static uint32_t choose(const struct step_trace *trace, uint32_t count)
{
    uint32_t best = 0, cost = count;
    for (uint32_t j = count; j > 0 && count - j < cost; j--) {
        uint32_t its = count - j + 2 * trace->at[j].nth;
        if (its < cost) {
            cost = its;
            best = j;
        }
    }
    return best;
}

/* True if the child has come to `pc` for the n-th time; false if it came to step_end instead. */
static bool run_to(pid_t child, uint64_t pc, uint32_t nth)
{
    errno = 0;
    unsigned long word = (unsigned long)ptrace(PTRACE_PEEKTEXT, child, pc, NULL);
    CHECK_EQ(errno, 0);
    for (uint32_t hit = 0; hit < nth; hit++) {
        if (hit > 0)
            step_once(child);
        CHECK_EQ(ptrace(PTRACE_POKETEXT, child, pc, (word & ~0xfful) | BREAKPOINT), 0);
        step_continue(child);
        step_await(child, SIGTRAP);
        CHECK_EQ(ptrace(PTRACE_POKETEXT, child, pc, word), 0);
        if (peek_pc(child) != pc + 1)
            return false;
        CHECK_EQ(ptrace(PTRACE_POKEUSER, child, RIP, pc), 0);
    }
    return true;
}

bool step_to(pid_t child, const struct step_trace *trace, uint32_t count)
{
    uint32_t at = choose(trace, count);
    if (at > 0 && !run_to(child, trace->at[at].pc, trace->at[at].nth))
        return false;
    for (; at < count; at++)
        step_once(child);
    return peek_pc(child) == trace->at[count].pc;
}

#endif
