/* Looks on at an output of a run, as a viewer does, and prints "NUMBER MD5" of each frame it could read whole.
 * usage: look-on RUN STAGE FRAMES. Exit 0: that many were read; 2: the run ended before; 1: something is wrong.
 * It also tries to write to everything it was given; that this fails is part of the promise. */
#include "control-client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <framelane/framelane.h>
#include <framelane/latest.h>

static void fail(const char *what)
{
    fprintf(stderr, "look-on: %s\n", what);
    exit(1);
}

static void check_sealed(int fd)
{
    if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED || pwrite(fd, "x", 1, 0) == 1 ||
        ftruncate(fd, 0) == 0)
        fail("what was handed out can be written");
}

/* FALSE: the run is over. */
static gboolean take_news(FlRemote *remote, struct fl_context *context)
{
    struct fl_pool_info info;
    enum fl_remote_news news;
    int fd;
    while ((news = fl_remote_news(remote, &info, &fd)) == FL_NEWS_POOL) {
        struct fl_pool *pool;
        check_sealed(fd);
        if (fl_pool_map_reader(fd, &info, &pool) < 0 || fl_context_add_pool(context, pool) < 0)
            fail("a pool cannot be mapped");
    }
    return news != FL_NEWS_OVER;
}

/* Rows without their padding, as framemd5 sees them. */
static char *hash(const struct fl_peek *peek)
{
    GChecksum *sum = g_checksum_new(G_CHECKSUM_MD5);
    for (unsigned i = 0; i < peek->desc.plane_count; i++) {
        const struct fl_plane *plane = &peek->desc.planes[i];
        for (uint32_t row = 0; row < plane->rows; row++)
            g_checksum_update(sum, peek->base + plane->offset + (int64_t)row * plane->stride, (gssize)plane->row_bytes);
    }
    char *text = g_strdup(g_checksum_get_string(sum));
    g_checksum_free(sum);
    return text;
}

/* 1: a frame was read; 0: none, or it did not hold. */
static int look(struct fl_observer *observer, uint64_t *count)
{
    struct fl_peek peek;
    int error = fl_observer_peek(observer, &peek);
    if (error == -EBADMSG)
        fail("the output breaks the protocol");
    if (error < 0 || peek.count == *count)
        return 0;
    g_autofree char *text = hash(&peek);
    if (!fl_observer_holds(observer, &peek))
        return 0;
    *count = peek.count;
    printf("%llu %s\n", (unsigned long long)peek.desc.number, text);
    return 1;
}

static FlRemote *attach(const char *run, const char *stage, struct fl_context *context, struct fl_observer **observer)
{
    struct fl_remote_attach asked = {.how = FL_REMOTE_LOOK};
    struct fl_remote_attached attached;
    int fds[FL_REMOTE_MOST_FDS];
    char *why = NULL;
    g_strlcpy(asked.stage, stage, sizeof asked.stage);
    FlRemote *remote = fl_remote_open(run, &why);
    if (!remote || !fl_remote_attach(remote, &asked, &attached, fds, &why))
        fail(why);
    for (unsigned i = 0; i < FL_REMOTE_MOST_FDS; i++) {
        if ((attached.roles[i] == FL_REMOTE_FD_NONE) != (fds[i] < 0))
            fail("descriptors and their roles differ");
        if (fds[i] >= 0)
            check_sealed(fds[i]);
        if (attached.roles[i] == FL_REMOTE_FD_LATEST && fl_observer_create(context, fds[i], observer) < 0)
            fail("the latest region cannot be mapped");
        if (fds[i] >= 0)
            close(fds[i]);
    }
    return remote;
}

int main(int argc, char **argv)
{
    struct fl_context *context;
    struct fl_observer *observer = NULL;
    uint64_t count = 0;
    int left = argc == 4 ? atoi(argv[3]) : 0;
    if (left <= 0 || fl_context_create(&context) < 0)
        fail("usage: look-on RUN STAGE FRAMES");
    FlRemote *remote = attach(argv[1], argv[2], context, &observer);
    if (!observer)
        fail("no latest region was given");
    while (left > 0 && take_news(remote, context)) {
        struct pollfd news = {fl_remote_fd(remote), POLLIN, 0};
        left -= look(observer, &count);
        poll(&news, 1, 1); /* an observer comes by at its own pace */
    }
    fl_observer_destroy(observer);
    fl_context_destroy(context);
    fl_remote_close(remote);
    return left > 0 ? 2 : 0;
}
