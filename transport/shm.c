#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Kernels and headers older than the feature. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define SIZE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)
#define READER_SEALS (SIZE_SEALS | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

/* Both can take long for a large pool, and a signal breaks them off: to begin again is to go on. */
static int set_size(int fd, uint64_t bytes)
{
    int result;
    do {
        result = ftruncate(fd, (off_t)bytes);
    } while (result < 0 && errno == EINTR);
    return result;
}

static int allocate(int fd, uint64_t bytes)
{
    int result;
    do {
        result = fallocate(fd, 0, 0, (off_t)bytes);
    } while (result < 0 && errno == EINTR);
    return result;
}

static int allocate_first(int fd, uint64_t bytes)
{
    fl_shm_ask_for_huge_pages(fd, bytes);
    return allocate(fd, bytes);
}

int fl_shm_mint(const char *name, uint64_t bytes)
{
    if (bytes == 0 || bytes > INT64_MAX)
        return -EINVAL;
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING); /* before Linux 6.3 */
    if (fd < 0)
        return -errno;
    /* The size is sealed before memory is asked for; allocation then fails here and not as a SIGBUS in a frame's path. */
    if (fchmod(fd, 0600) < 0 || set_size(fd, bytes) < 0 || fcntl(fd, F_ADD_SEALS, SIZE_SEALS) < 0 ||
        allocate_first(fd, bytes) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

static int check_size(int fd, uint64_t bytes)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    return S_ISREG(st.st_mode) && (uint64_t)st.st_size == bytes ? 0 : -EINVAL;
}

int fl_shm_seal(int fd, uint64_t bytes)
{
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0)
        return -errno;
    int error = check_size(fd, bytes);
    if (error < 0)
        return -EPERM;
    /* The writer could have punched a hole before the seal: a reader would meet it as a fault. */
    return allocate(fd, bytes) < 0 ? -errno : 0;
}

int fl_shm_map_writer(int fd, uint64_t bytes, void **base)
{
    int error = check_size(fd, bytes);
    if (error < 0)
        return error;
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return -errno;
    /* A forked child would keep write access past the seal; a core dump would keep every frame. */
    if (madvise(at, bytes, MADV_DONTFORK) < 0 || madvise(at, bytes, MADV_DONTDUMP) < 0) {
        error = -errno;
        munmap(at, bytes);
        return error;
    }
    if (madvise(at, bytes, MADV_POPULATE_WRITE) < 0 && errno != EINVAL) { /* EINVAL: before Linux 5.14, faults come one by one */
        error = -errno;
        munmap(at, bytes);
        return error;
    }
    *base = at;
    return 0;
}

int fl_shm_map_reader(int fd, uint64_t bytes, const void **base)
{
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & READER_SEALS) != READER_SEALS) /* by mask: kernels add seals of their own */
        return -EPERM;
    int error = check_size(fd, bytes);
    if (error < 0)
        return error;
    void *at = mmap(NULL, bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (at == MAP_FAILED)
        return -errno;
    madvise(at, bytes, MADV_DONTDUMP); /* best effort: it is not ours to leak */
    *base = at;
    return 0;
}

void fl_shm_unmap(const void *base, uint64_t bytes)
{
    if (base)
        munmap((void *)base, bytes);
}
