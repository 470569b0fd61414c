/* Who copies pixels? A library to preload which counts copies from outside, knowing nothing of Framelane.
 *
 *   COPIES_DIRECTORY=/tmp/d COPIES_ROW=1920 LD_PRELOAD=build/bench/copies.so framelane run ...
 *
 * Every process leaves a file DIRECTORY/PID that holds one struct tally. It is mapped while the process runs, so that neither
 * a sandbox nor SIGKILL keeps it from being written. Counted are calls of memcpy and its kin of COPIES_ROW bytes or more;
 * of these, those with one end in a memfd (shared memory: pixels of a pool); and for an encoder where its input pictures lie.
 * A memfd is known by its inode, so that two processes' mappings of one can be compared.
 */
#undef _FILE_OFFSET_BITS /* it would make one symbol of mmap and mmap64, both of which programs call */
#include "copies.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static struct tally fallback;
static struct tally *tally = &fallback;
static size_t row_bytes = SIZE_MAX;

/* Constructors of other libraries may copy before ours has run: nothing is counted until `tally` is mapped. */
__attribute__((constructor)) static void begin(void)
{
    const char *directory = getenv("COPIES_DIRECTORY");
    const char *row = getenv("COPIES_ROW");
    char path[4096];
    if (!directory)
        return;
    snprintf(path, sizeof path, "%s/%d", directory, (int)getpid());
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *tally) < 0) {
        fprintf(stderr, "copies: %s: %s\n", path, strerror(errno));
        return;
    }
    void *mapped = (void *)syscall(SYS_mmap, NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED)
        return;
    tally = mapped;
    row_bytes = row ? strtoul(row, NULL, 10) : 1024;
    tally->row_bytes = row_bytes;
    int comm = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
    if (comm >= 0) {
        if (read(comm, tally->command, sizeof tally->command - 1) < 0)
            tally->command[0] = 0;
        close(comm);
    }
}

static struct mapping *mapping_of(const void *address)
{
    uint64_t at = (uintptr_t)address;
    uint64_t count = atomic_load(&tally->mapping_count);
    for (uint64_t i = 0; i < count && i < TALLY_MAPPINGS; i++) {
        struct mapping *mapping = &tally->mappings[i];
        if (at >= atomic_load(&mapping->start) && at < atomic_load(&mapping->end))
            return mapping;
    }
    return NULL;
}

static void count(const void *to, const void *from, size_t bytes)
{
    if (bytes < row_bytes)
        return;
    atomic_fetch_add(&tally->calls, 1);
    atomic_fetch_add(&tally->bytes, bytes);
    if (mapping_of(to) || mapping_of(from)) {
        atomic_fetch_add(&tally->shared_calls, 1);
        atomic_fetch_add(&tally->shared_bytes, bytes);
    }
}

/* The next definition of a name, looked up once; libc's own is always there by the time it is called. */
#define NEXT(type, name)                                                                                                           \
    static type next;                                                                                                              \
    if (!next)                                                                                                                     \
    next = (type)dlsym(RTLD_NEXT, name)

typedef void *(*copy_function)(void *, const void *, size_t);
typedef void *(*checked_copy_function)(void *, const void *, size_t, size_t);
typedef void *(*map_function)(void *, size_t, int, int, int, off_t);

EXPORT void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    NEXT(copy_function, "memmove");
    count(to, from, bytes);
    return next(to, from, bytes);
}

EXPORT void *memmove(void *to, const void *from, size_t bytes)
{
    NEXT(copy_function, "memmove");
    count(to, from, bytes);
    return next(to, from, bytes);
}

EXPORT void *mempcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    NEXT(copy_function, "mempcpy");
    count(to, from, bytes);
    return next(to, from, bytes);
}

void *__memcpy_chk(void *to, const void *from, size_t bytes, size_t room);
void *__memmove_chk(void *to, const void *from, size_t bytes, size_t room);

EXPORT void *__memcpy_chk(void *to, const void *from, size_t bytes, size_t room)
{
    NEXT(checked_copy_function, "__memcpy_chk");
    count(to, from, bytes);
    return next(to, from, bytes, room);
}

EXPORT void *__memmove_chk(void *to, const void *from, size_t bytes, size_t room)
{
    NEXT(checked_copy_function, "__memmove_chk");
    count(to, from, bytes);
    return next(to, from, bytes, room);
}

/* Remembers a mapping of a memfd. They are made at wiring time and seldom unmapped; more than fit are not known. */
static void remember(void *start, size_t bytes, int protection, int fd)
{
    struct stat status;
    if (start == MAP_FAILED || fd < 0 || fcntl(fd, F_GET_SEALS) < 0 || fstat(fd, &status) < 0)
        return;
    uint64_t place = atomic_fetch_add(&tally->mapping_count, 1);
    if (place >= TALLY_MAPPINGS)
        return;
    struct mapping *mapping = &tally->mappings[place];
    mapping->inode = status.st_ino;
    mapping->writable = (protection & PROT_WRITE) != 0;
    atomic_store(&mapping->start, (uintptr_t)start);
    atomic_store(&mapping->end, (uintptr_t)start + bytes);
}

EXPORT void *mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    void *start = (void *)syscall(SYS_mmap, address, bytes, protection, flags, fd, offset);
    if (row_bytes != SIZE_MAX && !(flags & MAP_ANONYMOUS))
        remember(start, bytes, protection, fd);
    return start;
}

EXPORT void *mmap64(void *address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    return mmap(address, bytes, protection, flags, fd, offset);
}

/* libavcodec comes with a module that is loaded late and privately, where RTLD_NEXT does not look: it is found among the loaded
 * objects. */
static int find_libavcodec(struct dl_phdr_info *info, size_t size, void *arg)
{
    void **handle = arg;
    (void)size;
    if (!strstr(info->dlpi_name, "libavcodec.so"))
        return 0;
    *handle = dlopen(info->dlpi_name, RTLD_NOW | RTLD_NOLOAD);
    return 1;
}

int avcodec_send_frame(void *context, const void *frame);

/* An AVFrame begins with the addresses of its planes, in every release of FFmpeg. */
EXPORT int avcodec_send_frame(void *context, const void *frame)
{
    static int (*next)(void *, const void *);
    if (!next) {
        void *handle = NULL;
        dl_iterate_phdr(find_libavcodec, &handle);
        next = handle ? (int (*)(void *, const void *))dlsym(handle, "avcodec_send_frame") : NULL;
        if (!next)
            abort();
    }
    if (frame) {
        struct mapping *mapping = mapping_of(*(void *const *)frame);
        atomic_fetch_add(mapping ? &mapping->encoder_pictures : &tally->encoder_elsewhere, 1);
    }
    return next(context, frame);
}
