/* How many slots the rotation aims at follows from the caches of the machine, whatever the system says of them. The system is one
 * that this test makes up: it answers for the library's own looks at it. */
#include "check.h"

#include "../transport/internal.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CACHES "/sys/devices/system/cpu/cpu0/cache/index"
enum { FAKE_FD = 1 << 20, PLACES = 10 };

/* One cache a place; NULL ends them. */
static const struct cache {
    const char *level, *size;
} * caches;

/* Visible to the library, which calls them by these names. */
__attribute__((visibility("default"))) int open(const char *path, int flags, ...)
{
    unsigned index;
    char what[16];
    if (sscanf(path, CACHES "%u/%15s", &index, what) == 2)
        return index < PLACES && caches[index].level ? FAKE_FD + (int)index * 2 + !strcmp(what, "size") : -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
}

__attribute__((visibility("default"))) ssize_t read(int fd, void *bytes, size_t count)
{
    if (fd < FAKE_FD)
        return syscall(SYS_read, fd, bytes, count);
    const struct cache *cache = &caches[(fd - FAKE_FD) / 2];
    const char *text = fd & 1 ? cache->size : cache->level;
    if (!text)
        return -1;
    memcpy(bytes, text, strlen(text));
    return (ssize_t)strlen(text);
}

__attribute__((visibility("default"))) int close(int fd)
{
    return fd < FAKE_FD ? (int)syscall(SYS_close, fd) : 0;
}

/* The window for slots of a mebibyte. */
static uint32_t window(const struct cache *there)
{
    struct fl_context *context;
    struct fl_pool *pool;
    struct fl_pool_info info = {.id = 1, .slot_count = 1, .slot_bytes = fl_pool_slot_bytes(1 << 20)};
    caches = there;
    CHECK_EQ(fl_context_create(&context), 0);
    CHECK_EQ(fl_pool_create_private(context, &info, &pool), 0);
    uint32_t slots = pool->window;
    fl_context_destroy(context);
    return slots;
}

static void four_times_the_second_level(void)
{
    CHECK_EQ(window((struct cache[]){{"1", "32K"}, {"1", "32K"}, {"2", "2048K"}, {"3", "32M"}, {NULL}}), 8);
    CHECK_EQ(window((struct cache[]){{"2", "2M"}, {NULL}}), 8); /* without a third, and told in mebibytes */
}

static void never_more_than_half_of_the_last(void)
{
    CHECK_EQ(window((struct cache[]){{"2", "2048K"}, {"3", "12288K"}, {NULL}}), 6);
}

static void within_bounds_whatever_is_said(void)
{
    CHECK_EQ(window((struct cache[]){{NULL}}), 4);
    CHECK_EQ(window((struct cache[]){{"2", "64K"}, {"3", "32M"}, {NULL}}), 4);
    CHECK_EQ(window((struct cache[]){{"2", "64M"}, {"3", "512M"}, {NULL}}), 14);
    CHECK_EQ(window((struct cache[]){{"2", NULL}, {"3", "what"}, {NULL}}), 4);
    struct cache endless[PLACES];
    for (unsigned i = 0; i < PLACES; i++)
        endless[i] = (struct cache){"1", "32K"};
    CHECK_EQ(window(endless), 4);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"four times the second level", four_times_the_second_level},
        {"never more than half of the last", never_more_than_half_of_the_last},
        {"within bounds, whatever is said", within_bounds_whatever_is_said},
    };
    return CHECK_RUN(cases);
}
