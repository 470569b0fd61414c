#include "count-calls.h"

#include "../lib/check.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL)

static bool is_entry(pid_t pid)
{
    struct __ptrace_syscall_info info = {0};
    CHECK(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0);
    return info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

static void count(pid_t pid, struct count_calls *calls, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (calls[i].pid == pid && calls[i].counted && is_entry(pid))
            calls[i].seen++;
}

static pid_t start(void (*body)(void))
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
            check_skip("this system lets nobody trace a child of its own");
        raise(SIGSTOP);
        body();
        fflush(NULL);
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        _exit(77);
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(ptrace(PTRACE_SETOPTIONS, pid, NULL, OPTIONS), 0);
    CHECK_EQ(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
    return pid;
}

void count_calls(void (*body)(void), struct count_calls *calls, unsigned number)
{
    pid_t pid, first = start(body);
    int status, result = -1;
    while ((pid = waitpid(-1, &status, __WALL)) > 0) {
        if (!WIFSTOPPED(status)) {
            if (pid == first)
                result = status;
            continue;
        }
        int signal = WSTOPSIG(status);
        if (signal == (SIGTRAP | 0x80))
            count(pid, calls, number);
        /* Stops of the tracing itself are not the process's. */
        bool its_own = signal != (SIGTRAP | 0x80) && signal != SIGTRAP && signal != SIGSTOP;
        if (ptrace(PTRACE_SYSCALL, pid, NULL, its_own ? signal : 0) < 0)
            CHECK_EQ(errno, ESRCH); /* killed meanwhile */
    }
    CHECK_EQ(errno, ECHILD);
    CHECK_EQ(result, 0);
}
