#include "host.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* the sanitizers read /proc/self and write their reports to files */
#else
#define SANITIZED 0
#endif

#define MOST_FILES     1024
#define MOST_PROCESSES 8192

static void lower(int what, rlim_t most)
{
    struct rlimit limit;
    if (getrlimit(what, &limit) < 0)
        return;
    if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > most)
        limit.rlim_max = most;
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    setrlimit(what, &limit);
}

/* Everything here holds for threads made later. None of it stands in the way of a system call filter that is sealed after the
 * module and its threads are there and before the first byte is parsed: from then on the process only uses descriptors it is given.
 * RLIMIT_NPROC counts all threads of the user, so it can only be a bound to a fork bomb; RLIMIT_AS would refuse
 * large pools, which are accounted for elsewhere. */
void fl_host_confine(void)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    lower(RLIMIT_CORE, 0);
    lower(RLIMIT_NPROC, MOST_PROCESSES);
    lower(RLIMIT_NOFILE, MOST_FILES);
    if (SANITIZED)
        return;
    lower(RLIMIT_FSIZE, 0); /* it writes to memory and sockets only */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
