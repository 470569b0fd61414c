#include "../micro.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CORES 256

/* ---- cores ---- */

/* The lowest thread of the core that cpu belongs to: equal for all its threads. */
static int core_of(int cpu)
{
    char path[96];
    int first = cpu;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    FILE *file = fopen(path, "re");
    if (!file)
        return cpu;
    if (fscanf(file, "%d", &first) != 1)
        first = cpu;
    fclose(file);
    return first;
}

/* One cpu of each core that this process may use. Asked once, before anything is pinned. */
static unsigned find_cores(const int **cores)
{
    static int cpus[MAX_CORES], seen[MAX_CORES];
    static unsigned count;
    cpu_set_t allowed;
    *cores = cpus;
    if (count > 0)
        return count;
    micro_call(sched_getaffinity(0, sizeof allowed, &allowed));
    for (int cpu = 0; cpu < CPU_SETSIZE && count < MAX_CORES; cpu++) {
        bool fresh = CPU_ISSET(cpu, &allowed);
        int core = fresh ? core_of(cpu) : 0;
        for (unsigned i = 0; i < count; i++)
            fresh &= seen[i] != core;
        if (!fresh)
            continue;
        seen[count] = core;
        cpus[count++] = cpu;
    }
    return count;
}

unsigned micro_core_count(void)
{
    const int *cores;
    return find_cores(&cores);
}

void micro_pin_self(const struct micro *micro, unsigned party)
{
    const int *cores;
    unsigned count = find_cores(&cores);
    cpu_set_t set;
    if (micro->pin == MICRO_FREE)
        return;
    CPU_ZERO(&set);
    CPU_SET(cores[micro->pin == MICRO_ONE || party == 0 ? 0 : 1 + (party - 1) % (count - 1)], &set);
    micro_call(sched_setaffinity(0, sizeof set, &set));
}

/* ---- memory, children ---- */

void *micro_shared(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (at == MAP_FAILED)
        micro_fail("no memory for %zu bytes", bytes);
    return at;
}

static void child_ended(int signal, siginfo_t *info, void *unused)
{
    (void)signal, (void)unused;
    if (info->si_code != CLD_EXITED)
        _exit(1);
    if (info->si_status != 0)
        _exit(info->si_status); /* it has said why */
}

void micro_watch_children(void)
{
    struct sigaction action = {.sa_sigaction = child_ended, .sa_flags = SA_SIGINFO | SA_RESTART | SA_NOCLDSTOP};
    micro_call(sigaction(SIGCHLD, &action, NULL));
}

pid_t micro_fork(const struct micro *micro, unsigned party, void (*body)(void *arg), void *arg)
{
    find_cores(&(const int *){NULL});
    fflush(NULL);
    pid_t parent = getpid(), child = fork();
    micro_call(child);
    if (child > 0)
        return child;
    micro_call(prctl(PR_SET_PDEATHSIG, SIGKILL));
    if (getppid() != parent)
        _exit(1);
    micro_pin_self(micro, party);
    body(arg);
    _exit(0);
}

void micro_join(pid_t child)
{
    int status;
    micro_call(waitpid(child, &status, 0));
    if (!WIFEXITED(status))
        micro_fail("the second process died of signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        exit(WEXITSTATUS(status));
}

void micro_meet(struct micro_gate *gate, unsigned parties)
{
    uint32_t lap = atomic_load_explicit(&gate->lap, memory_order_acquire);
    if (atomic_fetch_add_explicit(&gate->arrived, 1, memory_order_acq_rel) + 1 == parties) {
        atomic_store_explicit(&gate->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&gate->lap, lap + 1, memory_order_release); /* what all did before is seen by all after */
        return;
    }
    while (atomic_load_explicit(&gate->lap, memory_order_acquire) == lap)
        sched_yield();
}
