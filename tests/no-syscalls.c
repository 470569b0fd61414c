/* A busy lane makes no system call and takes no memory.
 *
 * Thousands of frames cross between two contexts of one process while the kernel itself stands guard: a filter answers every system
 * call of this thread with a signal. Memory is counted by standing in for malloc.
 */
#include "allocations.h"
#include "check.h"
#include "stand.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FRAMES = 20000 };

/* ---- the guard ---- */

/* Lets the report and the exit through and answers everything else with SIGSYS. */
static void forbid_system_calls(void)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof program / sizeof *program, program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) < 0)
        check_skip("this kernel gives no seccomp filter");
}

static void caught(int signal, siginfo_t *info, void *arg)
{
    (void)signal, (void)arg;
    _exit(100 + info->si_syscall % 100); /* which one: the status less 100, or hundreds above */
}

/* Everything that is not allowed to fail quietly: a check that fails wants to write, which is caught too. */
static void carry(struct stand *stand, uint64_t from, uint64_t count)
{
    struct fl_through through = {.epoch = 1, .time_base_num = 1, .time_base_den = 25};
    for (uint64_t number = from; number < from + count; number++) {
        if (stand_publish(stand, number) != 0)
            _exit(2);
        for (unsigned i = 0; i < stand->lane_count; i++)
            if (stand_next(&stand->lanes[i]) != (int64_t)number)
                _exit(3);
        through.number = number;
        fl_output_through(stand->output, &through);
    }
}

static void add_lanes(struct stand *stand)
{
    stand_create(stand, FL_TRANSPORT_SHM, 8, 4096);
    stand_add(stand, FL_WHEN_FULL_WAIT, 3);
    stand_add(stand, FL_WHEN_FULL_DROP, 3);
    stand_add(stand, FL_WHEN_FULL_LATEST, 3);
}

static void a_busy_lane_makes_no_system_call(void)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        static struct stand stand;
        struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO};
        add_lanes(&stand);
        carry(&stand, 0, 100);
        sigaction(SIGSYS, &action, NULL);
        forbid_system_calls();
        carry(&stand, 100, FRAMES);
        syscall(SYS_exit_group, 0);
    }
    wait_for_child(child, 0);
}

static void the_guard_is_awake(void)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO};
        sigaction(SIGSYS, &action, NULL);
        forbid_system_calls();
        syscall(SYS_getppid);
        syscall(SYS_exit_group, 0);
    }
    wait_for_child(child, 100 + SYS_getppid % 100);
}

static void a_busy_lane_takes_no_memory(void)
{
    static struct stand stand;
    if (!allocations_are_counted)
        check_skip("a sanitizer takes memory and makes system calls of its own");
    unsigned long before = allocations;
    add_lanes(&stand);
    CHECK(allocations > before); /* the library's own are counted */
    carry(&stand, 0, 100);
    before = allocations;
    carry(&stand, 100, FRAMES);
    CHECK_EQ(allocations, before);
    stand_destroy(&stand);
}

static void a_busy_lane_rings_no_bell(void)
{
    static struct stand stand;
    add_lanes(&stand);
    carry(&stand, 0, FRAMES);
    for (unsigned i = 0; i < stand.lane_count; i++) {
        CHECK_EQ(stand_sent(&stand.lanes[i]).rings, 0);
        CHECK_EQ(stand_taken(&stand.lanes[i]).rings, 0);
        CHECK_EQ(stand_sent(&stand.lanes[i]).copies, 0);
    }
    stand_destroy(&stand);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a busy lane rings no bell", a_busy_lane_rings_no_bell},
        {"a busy lane takes no memory", a_busy_lane_takes_no_memory},
        {"the guard notices a system call", the_guard_is_awake},
        {"a busy lane makes no system call", a_busy_lane_makes_no_system_call},
    };
    return CHECK_RUN(cases);
}
