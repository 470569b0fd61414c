/* Huge pages are asked for where the system gives them to those who ask, and nothing depends on whether they come. The system's
 * word is one that this test makes up: it answers for the library's own look at it. */
#include "check.h"

#include "../transport/internal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SETTING "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
enum { FAKE_FD = 1 << 20, LARGE = 4 << 20, SMALL = 64 << 10 };

static const char *setting; /* NULL: there is no such file */
static bool unreadable, refused;
static unsigned asked, made;

/* Visible to the library, which calls them by these names. */
__attribute__((visibility("default"))) int open(const char *path, int flags, ...)
{
    if (!strcmp(path, SETTING))
        return setting ? FAKE_FD : -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
}

__attribute__((visibility("default"))) ssize_t read(int fd, void *bytes, size_t count)
{
    if (fd != FAKE_FD)
        return syscall(SYS_read, fd, bytes, count);
    if (unreadable)
        return -1;
    memcpy(bytes, setting, strlen(setting));
    return (ssize_t)strlen(setting);
}

__attribute__((visibility("default"))) int close(int fd)
{
    return fd == FAKE_FD ? 0 : (int)syscall(SYS_close, fd);
}

__attribute__((visibility("default"))) int madvise(void *at, size_t bytes, int advice)
{
    asked += advice == MADV_HUGEPAGE;
    made += advice == MADV_POPULATE_WRITE;
    if (advice == MADV_HUGEPAGE)
        return refused ? -1 : 0;
    return (int)syscall(SYS_madvise, at, bytes, advice);
}

/* How often huge pages are asked for while so much is minted. */
static unsigned mint(uint64_t bytes)
{
    asked = made = 0;
    int fd = fl_shm_mint("huge", bytes);
    CHECK(fd >= 0);
    close(fd);
    return asked;
}

static void they_are_asked_for_where_one_must(void)
{
    unreadable = refused = false;
    setting = "always within_size [advise] never deny force\n";
    CHECK_EQ(mint(LARGE), 1);
    CHECK_EQ(made, 1);
    CHECK_EQ(mint(SMALL), 0);
}

static void they_are_not_asked_for_elsewhere(void)
{
    unreadable = refused = false;
    setting = "[always] within_size advise never deny force\n";
    CHECK_EQ(mint(LARGE), 0);
    setting = "always within_size advise [never] deny force\n";
    CHECK_EQ(mint(LARGE), 0);
    setting = NULL;
    CHECK_EQ(mint(LARGE), 0);
    setting = "[advise]";
    unreadable = true;
    CHECK_EQ(mint(LARGE), 0);
}

static void without_them_it_goes_on(void)
{
    struct rlimit before, none;
    unreadable = false;
    setting = "[advise]";
    refused = true;
    CHECK_EQ(mint(LARGE), 1);
    CHECK_EQ(made, 0);
    CHECK_EQ(getrlimit(RLIMIT_AS, &before), 0);
    none = before;
    none.rlim_cur = 4096; /* no room for another mapping */
    CHECK_EQ(setrlimit(RLIMIT_AS, &none), 0);
    unsigned times = mint(LARGE);
    CHECK_EQ(setrlimit(RLIMIT_AS, &before), 0);
    CHECK_EQ(times, 0);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"they are asked for where one must", they_are_asked_for_where_one_must},
        {"they are not asked for elsewhere", they_are_not_asked_for_elsewhere},
        {"without them it goes on", without_them_it_goes_on},
    };
    return CHECK_RUN(cases);
}
