#include "wiring.h"

#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static int mint(const char *name, uint64_t bytes)
{
    int fd = fl_shm_mint(name, bytes);
    CHECK(fd >= 0);
    return fd;
}

static int copy_of(int fd)
{
    if (fd < 0)
        return -1;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    CHECK(copy >= 0);
    return copy;
}

void wiring_mint(struct wiring *wiring, const struct fl_lane_info *info)
{
    static uint32_t last_id;
    *wiring = (struct wiring){.info = *info, -1, -1, -1, -1, -1, -1};
    if (!wiring->info.id)
        wiring->info.id = ++last_id;
    if (!wiring->info.epoch)
        wiring->info.epoch = 1;
    if (info->transport == FL_TRANSPORT_PIPE) {
        int ends[2];
        CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
        wiring->returns = ends[0];
        wiring->announce = ends[1];
        return;
    }
    wiring->announce = mint("test announce", fl_lane_announce_bytes(info->credits));
    wiring->returns = mint("test returns", fl_lane_return_bytes(info->credits));
    CHECK_EQ(fl_bell_mint(&wiring->to_consumer, &wiring->hears_producer), 0);
    CHECK_EQ(fl_bell_mint(&wiring->to_producer, &wiring->hears_consumer), 0);
}

void wiring_map_producer(struct wiring *wiring)
{
    if (wiring->info.transport == FL_TRANSPORT_SHM)
        CHECK_EQ(fl_shm_map_writer(wiring->announce, fl_lane_announce_bytes(wiring->info.credits), &wiring->announce_own), 0);
}

void wiring_map_consumer(struct wiring *wiring)
{
    if (wiring->info.transport == FL_TRANSPORT_SHM)
        CHECK_EQ(fl_shm_map_writer(wiring->returns, fl_lane_return_bytes(wiring->info.credits), &wiring->returns_own), 0);
}

void wiring_seal(struct wiring *wiring)
{
    if (wiring->info.transport != FL_TRANSPORT_SHM)
        return;
    CHECK_EQ(fl_shm_seal(wiring->announce, fl_lane_announce_bytes(wiring->info.credits)), 0);
    CHECK_EQ(fl_shm_seal(wiring->returns, fl_lane_return_bytes(wiring->info.credits)), 0);
}

struct fl_output_lane *wiring_attach_producer(struct wiring *wiring, struct fl_output *output)
{
    struct fl_output_lane *lane;
    bool shm = wiring->info.transport == FL_TRANSPORT_SHM;
    struct fl_lane_fds fds = {
        .announce = copy_of(wiring->announce),
        .returns = shm ? copy_of(wiring->returns) : -1,
        .bell_out = copy_of(wiring->to_consumer),
        .bell_in = copy_of(wiring->hears_consumer),
    };
    CHECK_EQ(fl_output_attach(output, &wiring->info, wiring->announce_own, &fds, &lane), 0);
    return lane;
}

struct fl_lane *wiring_attach_consumer(struct wiring *wiring, struct fl_context *context)
{
    struct fl_lane *lane;
    bool shm = wiring->info.transport == FL_TRANSPORT_SHM;
    struct fl_lane_fds fds = {
        .announce = copy_of(shm ? wiring->announce : wiring->returns),
        .returns = shm ? copy_of(wiring->returns) : -1,
        .bell_out = copy_of(wiring->to_producer),
        .bell_in = copy_of(wiring->hears_producer),
    };
    CHECK_EQ(fl_lane_attach(context, &wiring->info, wiring->returns_own, &fds, &lane), 0);
    return lane;
}

void wiring_finish(struct wiring *wiring)
{
    int *all[] = {&wiring->announce,    &wiring->returns,        &wiring->to_consumer,
                  &wiring->to_producer, &wiring->hears_producer, &wiring->hears_consumer};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        if (*all[i] >= 0)
            close(*all[i]);
        *all[i] = -1;
    }
}

void wiring_lane(struct fl_output *output, struct fl_context *consumer, const struct fl_lane_info *info, struct fl_output_lane **tx,
                 struct fl_lane **rx)
{
    struct wiring wiring;
    wiring_mint(&wiring, info);
    wiring_map_producer(&wiring);
    wiring_map_consumer(&wiring);
    wiring_seal(&wiring);
    *tx = wiring_attach_producer(&wiring, output);
    *rx = wiring_attach_consumer(&wiring, consumer);
    wiring_finish(&wiring);
}

struct fl_pool *wiring_pool(struct fl_context *writer, struct fl_pool_info *info, int *fd)
{
    struct fl_pool *pool;
    info->slot_bytes = fl_pool_slot_bytes(info->slot_bytes);
    uint64_t bytes = fl_pool_file_bytes(info);
    *fd = mint("test pool", bytes);
    CHECK_EQ(fl_pool_map_writer(writer, *fd, info, &pool), 0);
    CHECK_EQ(fl_shm_seal(*fd, bytes), 0);
    return pool;
}

void wiring_pool_reader(struct fl_context *reader, int fd, const struct fl_pool_info *info)
{
    struct fl_pool *pool;
    CHECK_EQ(fl_pool_map_reader(fd, info, &pool), 0);
    CHECK_EQ(fl_context_add_pool(reader, pool), 0);
}

/* ---- across a fork ---- */

enum { MAPPED = 1, SEALED };

static struct fl_received received;

static void await(int control, uint32_t type)
{
    CHECK_EQ(fl_wire_receive(control, 0, &received), 0);
    CHECK_EQ(received.type, type);
}

static void tell(int control, uint32_t type)
{
    CHECK_EQ(fl_wire_send(control, type, NULL, 0, NULL, 0, NULL, 0), 0);
}

_Noreturn static void be_child(struct wiring *wiring, int control, int pool_fd, const struct fl_pool_info *pool_info,
                               void (*body)(struct wiring_child *child), void *arg)
{
    struct wiring_child child = {.arg = arg};
    CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
    wiring_map_consumer(wiring);
    tell(control, MAPPED);
    await(control, SEALED);
    CHECK_EQ(fl_context_create(&child.context), 0);
    if (pool_fd >= 0)
        wiring_pool_reader(child.context, pool_fd, pool_info);
    child.lane = wiring_attach_consumer(wiring, child.context);
    wiring_finish(wiring);
    body(&child);
    fl_context_destroy(child.context);
    close(control);
    fflush(NULL);
    _exit(0);
}

pid_t wiring_fork(struct fl_output *output, const struct fl_lane_info *info, int pool_fd, const struct fl_pool_info *pool_info,
                  void (*body)(struct wiring_child *child), void *arg, struct fl_output_lane **tx)
{
    struct wiring wiring;
    int control[2];
    CHECK_EQ(fl_wire_pair(control), 0);
    wiring_mint(&wiring, info);
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(control[0]);
        be_child(&wiring, control[1], pool_fd, pool_info, body, arg);
    }
    close(control[1]);
    wiring_map_producer(&wiring);
    await(control[0], MAPPED);
    wiring_seal(&wiring);
    *tx = wiring_attach_producer(&wiring, output);
    wiring_finish(&wiring);
    tell(control[0], SEALED);
    close(control[0]);
    return pid;
}
