#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define PROBE_BYTES 4096

static void look_at_release(FlDoctor *doctor)
{
    struct utsname name;
    if (uname(&name) == 0)
        fl_doctor_add(doctor, FL_HEALTH_OK, "kernel", NULL, "%s %s, %s", name.sysname, name.release, name.machine);
}

/* With the writer's mapping in place: what the seals must still refuse. */
static const char *try_to_write(int fd)
{
    if (mmap(NULL, PROBE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
        return "a second writable mapping was possible";
    if (pwrite(fd, "x", 1, 0) >= 0)
        return "write(2) was possible";
    if (ftruncate(fd, 0) == 0)
        return "it could be cut off";
    return NULL;
}

static void look_at_seals(FlDoctor *doctor)
{
    static const char remedy[] =
        "pools cannot be given to other processes safely: a kernel of 5.1 or later with memfd_create is needed";
    int fd = memfd_create("fl-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *writer = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, PROBE_BYTES) == 0)
        writer = mmap(NULL, PROBE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (writer == MAP_FAILED) {
        fl_doctor_add(doctor, FL_HEALTH_FAIL, "shared memory", remedy, "memfd: %s", g_strerror(errno));
    } else if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0) {
        fl_doctor_add(doctor, FL_HEALTH_FAIL, "one-writer seals", remedy, "F_SEAL_FUTURE_WRITE: %s", g_strerror(errno));
    } else {
        const char *hole = try_to_write(fd);
        fl_doctor_add(doctor, hole ? FL_HEALTH_FAIL : FL_HEALTH_OK, "one-writer seals", remedy, "%s",
                      hole ? hole : "memfd with F_SEAL_FUTURE_WRITE: readers cannot write");
    }
    if (writer != MAP_FAILED)
        munmap(writer, PROBE_BYTES);
    if (fd >= 0)
        close(fd);
}

/* What was asked for with a call that gives a descriptor, or -1 and errno. */
static void look_at_descriptor(FlDoctor *doctor, int fd, enum fl_health without, const char *what, const char *remedy,
                               const char *with)
{
    fl_doctor_add(doctor, fd >= 0 ? FL_HEALTH_OK : without, what, remedy, "%s", fd >= 0 ? with : g_strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* No time and a word that says something else: EAGAIN, where the call is there. */
static void look_at_words(FlDoctor *doctor)
{
    uint32_t word = 1;
    struct futex_waitv wait = {.val = 0, .uaddr = (uintptr_t)&word, .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG};
    struct timespec now = {0};
    gboolean waits = syscall(SYS_futex_waitv, &wait, 1, 0, &now, CLOCK_MONOTONIC) < 0 && errno == EAGAIN;
    fl_doctor_add(doctor, FL_HEALTH_OK, "futex_waitv", NULL, "%s",
                  waits ? "a wake-up takes two system calls" : "not in this kernel: a wake-up takes three system calls, not two");
}

static void look_at_descriptors(FlDoctor *doctor)
{
    look_at_descriptor(doctor, memfd_create("fl-doctor", MFD_CLOEXEC | MFD_NOEXEC_SEAL), FL_HEALTH_WARN, "memory not executable",
                       "pools are made without this seal; kernels from 6.3 know it", "MFD_NOEXEC_SEAL");
    look_at_descriptor(doctor, (int)syscall(SYS_pidfd_open, getpid(), 0), FL_HEALTH_FAIL, "pidfd",
                       "the death of a stage could not be known for certain: a kernel of 5.3 or later is needed",
                       "deaths are seen");
    look_at_descriptor(doctor, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), FL_HEALTH_FAIL, "eventfd",
                       "doorbells need it: is a filter of system calls in force here?", "doorbells ring");
    look_at_words(doctor);
}

static void look_at_confinement(FlDoctor *doctor)
{
    unsigned action = SECCOMP_RET_KILL_PROCESS;
    gboolean seccomp = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
    fl_doctor_add(doctor, seccomp ? FL_HEALTH_OK : FL_HEALTH_WARN, "seccomp",
                  "system calls of a process that parses media cannot be filtered here", "%s",
                  seccomp ? "filters that kill the process" : g_strerror(errno));
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi >= 0)
        fl_doctor_add(doctor, FL_HEALTH_OK, "landlock", NULL, "ABI %ld", abi);
    else
        fl_doctor_add(doctor, FL_HEALTH_WARN, "landlock", "files cannot be put out of reach of a process that parses media here",
                      "%s", errno == EOPNOTSUPP ? "built into the kernel, but switched off" : g_strerror(errno));
    int no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    fl_doctor_add(doctor, no_new_privs >= 0 ? FL_HEALTH_OK : FL_HEALTH_FAIL, "no_new_privs",
                  "stages that parse media refuse to run without it", "%s", no_new_privs >= 0 ? "known" : g_strerror(errno));
}

void fl_doctor_look_at_kernel(FlDoctor *doctor)
{
    look_at_release(doctor);
    look_at_seals(doctor);
    look_at_descriptors(doctor);
    look_at_confinement(doctor);
}
