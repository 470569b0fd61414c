#include "trace.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define VARIABLE "FRAMELANE_BENCH_TRACE" /* the number of a descriptor */

/* Lets `pid` go on after what stopped it. Signals are passed on; stops of our own asking are not signals. */
static void go_on(pid_t pid, int status)
{
    int signal = WSTOPSIG(status);
    bool own = signal == (SIGTRAP | 0x80) || status >> 16 != 0;
    ptrace(PTRACE_SYSCALL, pid, 0, own ? 0 : signal); /* it may have been killed meanwhile: then the next wait says so */
}

static void count_stops(struct micro_trace *trace, pid_t first)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno == ECHILD)
            return;
        micro_call(pid);
        if (WIFSTOPPED(status)) {
            if (WSTOPSIG(status) == (SIGTRAP | 0x80) && atomic_load(&trace->counting))
                atomic_fetch_add(&trace->stops, 1);
            go_on(pid, status);
        } else if (pid == first && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
        }
    }
}

void micro_trace_run(struct micro_trace *trace, void (*body)(void))
{
    int status;
    signal(SIGCHLD, SIG_DFL); /* stops are awaited here, and ends too */
    pid_t pid = fork();
    micro_call(pid);
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
            micro_skip("this system does not allow tracing: %s", strerror(errno));
        raise(SIGSTOP);
        body();
        _exit(0);
    }
    micro_call(waitpid(pid, &status, 0));
    if (WIFEXITED(status))
        _exit(WEXITSTATUS(status));
    micro_call(ptrace(PTRACE_SETOPTIONS, pid, 0,
                      PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                          PTRACE_O_EXITKILL));
    micro_call(ptrace(PTRACE_SYSCALL, pid, 0, 0));
    count_stops(trace, pid);
}

static struct micro_trace *map(int fd)
{
    void *at = mmap(NULL, sizeof(struct micro_trace), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        micro_fail("no memory to count calls in: %s", strerror(errno));
    return at;
}

struct micro_trace *micro_trace_offer(void)
{
    char number[16];
    int fd = (int)micro_call(memfd_create("calls", 0));
    micro_call(ftruncate(fd, sizeof(struct micro_trace)));
    snprintf(number, sizeof number, "%d", fd);
    micro_call(setenv(VARIABLE, number, 1));
    return map(fd);
}

struct micro_trace *micro_trace_found(void)
{
    const char *number = getenv(VARIABLE);
    return number ? map(atoi(number)) : NULL;
}
