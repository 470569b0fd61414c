/* In the place of transport/shm.c in a fuzz build: regions lie on the heap, both ends on the same bytes, so that a byte beyond one
 * is an error and not the next one's. A descriptor still names a region; seals are shm.c's matter and tested elsewhere. */
#include <framelane/shm.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 64 };

static struct region {
    ino_t inode;
    void *base;
    uint64_t bytes;
    unsigned users;
} regions[MOST];

int fl_shm_mint(const char *name, uint64_t bytes)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    return fd < 0 || ftruncate(fd, (off_t)bytes) < 0 ? -errno : fd;
}

int fl_shm_seal(int fd, uint64_t bytes)
{
    (void)fd, (void)bytes;
    return 0;
}

int fl_shm_map_writer(int fd, uint64_t bytes, void **base)
{
    struct region *region = NULL;
    struct stat st;
    if (fstat(fd, &st) < 0 || (uint64_t)st.st_size != bytes)
        return -EINVAL;
    for (unsigned i = 0; i < MOST; i++) {
        if (regions[i].users && regions[i].inode == st.st_ino) {
            regions[i].users++;
            *base = regions[i].base;
            return 0;
        }
        if (!regions[i].users)
            region = &regions[i];
    }
    if (!region)
        return -ENOMEM;
    if (posix_memalign(base, 4096, bytes) != 0)
        return -ENOMEM;
    for (uint64_t i = 0; i < bytes; i++)
        ((uint8_t *)*base)[i] = 0;
    *region = (struct region){st.st_ino, *base, bytes, 1};
    return 0;
}

int fl_shm_map_reader(int fd, uint64_t bytes, const void **base)
{
    return fl_shm_map_writer(fd, bytes, (void **)base);
}

void fl_shm_unmap(const void *base, uint64_t bytes)
{
    for (unsigned i = 0; i < MOST && base; i++) {
        if (!regions[i].users || regions[i].base != base)
            continue;
        if (--regions[i].users == 0)
            free(regions[i].base);
        return;
    }
    if (base)
        munmap((void *)base, bytes); /* private memory of a pool */
}
