/* After sealing nobody but the one writer can change a byte or the size of a region, by whatever door. */
#include <framelane/framelane.h>

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

enum { BYTES = 64 * 1024 };

struct region {
    int fd;            /* as a reader is given it */
    uint8_t *writable; /* the one writer's mapping */
    const uint8_t *readable;
};

static void create(struct region *region)
{
    void *writable;
    const void *readable;
    region->fd = fl_shm_mint("one writer", BYTES);
    CHECK(region->fd >= 0);
    CHECK_EQ(fl_shm_map_writer(region->fd, BYTES, &writable), 0);
    memset(writable, 0x11, BYTES);
    CHECK_EQ(fl_shm_seal(region->fd, BYTES), 0);
    CHECK_EQ(fl_shm_map_reader(region->fd, BYTES, &readable), 0);
    region->writable = writable;
    region->readable = readable;
}

static void destroy(struct region *region)
{
    fl_shm_unmap(region->writable, BYTES);
    fl_shm_unmap(region->readable, BYTES);
    close(region->fd);
}

/* ---- doors: each returns 0 if it was open, else the errno it was shut with ---- */

static int map_writable(int fd)
{
    void *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return errno;
    munmap(at, BYTES);
    return 0;
}

static int second_mapping(const struct region *region)
{
    return map_writable(region->fd);
}

static int plain_write(const struct region *region)
{
    return write(region->fd, "x", 1) < 0 ? errno : 0;
}

static int positioned_write(const struct region *region)
{
    return pwrite(region->fd, "x", 1, 4096) < 0 ? errno : 0;
}

static int gain_write_on_a_mapping(const struct region *region)
{
    return mprotect((void *)region->readable, BYTES, PROT_READ | PROT_WRITE) < 0 ? errno : 0;
}

static int reopen(const struct region *region, int flags)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", region->fd);
    return open(path, flags | O_CLOEXEC);
}

static int map_after_reopening(const struct region *region)
{
    int fd = reopen(region, O_RDWR);
    if (fd < 0)
        return errno;
    int error = map_writable(fd);
    close(fd);
    return error;
}

static int write_after_reopening(const struct region *region)
{
    int fd = reopen(region, O_RDWR);
    if (fd < 0)
        return errno;
    int error = write(fd, "x", 1) < 0 ? errno : 0;
    close(fd);
    return error;
}

static int truncate_while_reopening(const struct region *region)
{
    int fd = reopen(region, O_RDWR | O_TRUNC);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int read_only_then_writable(const struct region *region)
{
    int fd = reopen(region, O_RDONLY);
    if (fd < 0)
        return errno;
    int error = map_writable(fd);
    close(fd);
    return error;
}

static int punch_a_hole(const struct region *region)
{
    return fallocate(region->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) < 0 ? errno : 0;
}

static int remove_pages(const struct region *region)
{
    return madvise((void *)region->readable, 4096, MADV_REMOVE) < 0 ? errno : 0;
}

static int shrink(const struct region *region)
{
    return ftruncate(region->fd, BYTES / 2) < 0 ? errno : 0;
}

static int grow(const struct region *region)
{
    return ftruncate(region->fd, BYTES * 2) < 0 ? errno : 0;
}

static int grow_by_allocating(const struct region *region)
{
    return fallocate(region->fd, 0, BYTES, 4096) < 0 ? errno : 0;
}

static int another_seal(const struct region *region)
{
    return fcntl(region->fd, F_ADD_SEALS, F_SEAL_WRITE) < 0 ? errno : 0;
}

static int receive_from_a_pipe(const struct region *region)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    loff_t at = 0;
    int error = splice(ends[0], NULL, region->fd, &at, 1, 0) < 0 ? errno : 0;
    close(ends[0]);
    close(ends[1]);
    return error;
}

static int through_a_private_mapping(const struct region *region)
{
    uint8_t *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, region->fd, 0);
    if (at == MAP_FAILED)
        return errno;
    at[0] = 0x77; /* a copy of the page: allowed, and seen by nobody */
    munmap(at, BYTES);
    return region->readable[0] == 0x77 ? 0 : EPERM;
}

static const struct {
    const char *door;
    int (*try)(const struct region *region);
} doors[] = {
    {"a second writable mapping", second_mapping},
    {"write", plain_write},
    {"pwrite", positioned_write},
    {"splice from a pipe", receive_from_a_pipe},
    {"mprotect of the read-only mapping", gain_write_on_a_mapping},
    {"reopen through /proc, map writable", map_after_reopening},
    {"reopen through /proc, write", write_after_reopening},
    {"reopen through /proc, truncating", truncate_while_reopening},
    {"reopen read-only, map writable", read_only_then_writable},
    {"a private mapping", through_a_private_mapping},
    {"punch a hole", punch_a_hole},
    {"remove pages", remove_pages},
    {"shrink", shrink},
    {"grow", grow},
    {"grow by allocating", grow_by_allocating},
    {"add a seal", another_seal},
};

static void check_untouched(const struct region *region)
{
    struct stat st;
    CHECK_EQ(fstat(region->fd, &st), 0);
    CHECK_EQ(st.st_size, BYTES);
    CHECK_EQ(st.st_blocks * 512, BYTES); /* and not one page has been taken away */
    for (size_t i = 0; i < BYTES; i++)
        CHECK_EQ(region->readable[i], 0x11);
}

static void all_doors_are_shut(void)
{
    struct region region;
    create(&region);
    for (size_t i = 0; i < sizeof doors / sizeof *doors; i++) {
        int error = doors[i].try(&region);
        printf("    %-36s %s\n", doors[i].door, error ? strerror(error) : "OPEN");
        CHECK(error != 0);
        check_untouched(&region);
    }
    memset(region.writable, 0x22, BYTES); /* while the writer goes on writing */
    CHECK_EQ(region.readable[BYTES - 1], 0x22);
    destroy(&region);
}

/* Forks; the child tries to write where the writer writes. */
static void a_forked_child_has_no_mapping(void)
{
    struct region region;
    create(&region);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        unsigned char there;
        /* mincore names an address that is not mapped with ENOMEM. */
        _exit(mincore(region.writable, 1, &there) < 0 && errno == ENOMEM ? 0 : 1);
    }
    wait_for_child(child, 0);
    destroy(&region);
}

static void a_forked_child_cannot_map_it_again(void)
{
    struct region region;
    create(&region);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(map_writable(region.fd) != 0 && map_after_reopening(&region) != 0 ? 0 : 1);
    wait_for_child(child, 0);
    check_untouched(&region);
    destroy(&region);
}

static void a_core_dump_leaves_it_out(void)
{
    struct region region;
    char line[512];
    bool inside = false, left_out = false;
    create(&region);
    FILE *maps = fopen("/proc/self/smaps", "r");
    if (!maps)
        check_skip("/proc/self/smaps cannot be read");
    while (fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx", &from, &to) == 2)
            inside = from == (unsigned long)region.writable;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            left_out = strstr(line, " dd") && strstr(line, " dc"); /* no dump, no copy on fork */
    }
    fclose(maps);
    CHECK(left_out);
    destroy(&region);
}

/* ---- what a reader refuses ---- */

static int as_reader(int fd, uint64_t bytes)
{
    const void *base = NULL;
    int error = fl_shm_map_reader(fd, bytes, &base);
    CHECK(error == 0 || base == NULL);
    if (error == 0)
        fl_shm_unmap(base, bytes);
    return error;
}

static void a_reader_refuses_missing_seals(void)
{
    static const int needed[] = {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_FUTURE_WRITE, F_SEAL_SEAL};
    for (unsigned mask = 0; mask < 16; mask++) {
        int seals = 0, fd = memfd_create("half sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        CHECK(fd >= 0);
        CHECK_EQ(ftruncate(fd, BYTES), 0);
        for (unsigned i = 0; i < 4; i++)
            seals |= mask >> i & 1 ? needed[i] : 0;
        CHECK_EQ(fcntl(fd, F_ADD_SEALS, seals), 0);
        CHECK_EQ(as_reader(fd, BYTES), mask == 15 ? 0 : -EPERM);
        close(fd);
    }
    int pipe_ends[2];
    CHECK_EQ(pipe(pipe_ends), 0);
    CHECK_EQ(as_reader(pipe_ends[0], BYTES), -EPERM);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    CHECK_EQ(as_reader(file, BYTES), -EPERM);
    close(file);
    CHECK_EQ(as_reader(-1, BYTES), -EPERM);
}

static void a_reader_refuses_a_wrong_size(void)
{
    struct region region;
    struct fl_pool_info info = {.id = 1, .slot_count = 4, .slot_bytes = 4096};
    struct fl_pool *pool;
    create(&region);
    CHECK_EQ(as_reader(region.fd, BYTES), 0);
    CHECK_EQ(as_reader(region.fd, BYTES / 2), -EINVAL);
    CHECK_EQ(as_reader(region.fd, BYTES * 2), -EINVAL);
    CHECK_EQ(fl_pool_map_reader(region.fd, &info, &pool), -EINVAL);
    destroy(&region);
}

static void sealing_notices_a_hole_and_fills_it(void)
{
    void *writable;
    struct stat st;
    int fd = fl_shm_mint("punched", BYTES);
    CHECK(fd >= 0);
    CHECK_EQ(fl_shm_map_writer(fd, BYTES, &writable), 0);
    CHECK_EQ(madvise(writable, BYTES / 2, MADV_REMOVE), 0);
    CHECK_EQ(fl_shm_seal(fd, BYTES), 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_blocks * 512, BYTES);
    fl_shm_unmap(writable, BYTES);
    close(fd);
}

static void a_minted_region_is_private(void)
{
    struct stat st;
    int fd = fl_shm_mint("private", BYTES);
    CHECK(fd >= 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    CHECK_EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    CHECK_EQ(ftruncate(fd, BYTES * 2), -1); /* its size is settled before the writer has it */
    close(fd);
    CHECK(fl_shm_mint("nothing", 0) < 0);
    CHECK(fl_shm_mint("everything", UINT64_MAX) < 0);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"after sealing every door is shut", all_doors_are_shut},
        {"a forked child has no mapping", a_forked_child_has_no_mapping},
        {"a forked child cannot map it again", a_forked_child_cannot_map_it_again},
        {"core dumps leave frames out", a_core_dump_leaves_it_out},
        {"a reader refuses a region with a seal missing", a_reader_refuses_missing_seals},
        {"a reader refuses a wrong size", a_reader_refuses_a_wrong_size},
        {"sealing fills a hole that was punched before", sealing_notices_a_hole_and_fills_it},
        {"a new region is private and of settled size", a_minted_region_is_private},
    };
    return CHECK_RUN(cases);
}
