#include "one-mapping.h"

#include <framelane/shm.h>

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MOST 1024

static struct {
    ino_t inode;
    void *base;
    uint64_t bytes;
    unsigned users;
} regions[MOST];
static unsigned shared;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

unsigned one_mapping_shared(void)
{
    return shared;
}

static int map(int fd, uint64_t bytes, void **base)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if ((uint64_t)st.st_size != bytes)
        return -EINVAL;
    int free_place = -1, error = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MOST; i++) {
        if (regions[i].users && regions[i].inode == st.st_ino) {
            regions[i].users++;
            shared++;
            *base = regions[i].base;
            goto end;
        }
        if (!regions[i].users && free_place < 0)
            free_place = i;
    }
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (at == MAP_FAILED || free_place < 0) {
        error = -ENOMEM;
        goto end;
    }
    regions[free_place].inode = st.st_ino;
    regions[free_place].base = at;
    regions[free_place].bytes = bytes;
    regions[free_place].users = 1;
    *base = at;
end:
    pthread_mutex_unlock(&lock);
    return error;
}

int fl_shm_map_writer(int fd, uint64_t bytes, void **base)
{
    return map(fd, bytes, base);
}

int fl_shm_map_reader(int fd, uint64_t bytes, const void **base)
{
    return map(fd, bytes, (void **)base);
}

void fl_shm_unmap(const void *base, uint64_t bytes)
{
    int known = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MOST && base; i++) {
        if (!regions[i].users || regions[i].base != base)
            continue;
        known = 1;
        if (--regions[i].users == 0)
            munmap((void *)base, bytes);
        break;
    }
    pthread_mutex_unlock(&lock);
    if (base && !known)
        munmap((void *)base, bytes); /* private memory of a pool */
}
