#include "life-lane.h"

#include "../lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { READ_THIS = 3 };

void life_close(int *fd)
{
    if (*fd >= 0)
        CHECK_EQ(syscall(SYS_close, *fd), 0);
    *fd = -1;
}

static int copy_of(int fd)
{
    int copy = fd < 0 ? -1 : (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0);
    CHECK(fd < 0 || copy >= 0);
    return copy;
}

void life_lane_init(struct life_lane *lane)
{
    *lane = (struct life_lane){.announce = -1, .returns = -1, -1, -1, -1, -1};
}

static int mint_pipe(struct life_lane *lane)
{
    int ends[2];
    CHECK_EQ(syscall(SYS_pipe2, ends, O_CLOEXEC), 0);
    lane->returns = ends[0];
    lane->announce = ends[1];
    return 0;
}

static int mint(struct life_lane *lane)
{
    if (lane->info.transport == FL_TRANSPORT_PIPE)
        return mint_pipe(lane);
    uint64_t announce_bytes = fl_lane_announce_bytes(lane->info.credits), return_bytes = fl_lane_return_bytes(lane->info.credits);
    if ((lane->announce = fl_shm_mint("announce", announce_bytes)) < 0)
        return lane->announce;
    if ((lane->returns = fl_shm_mint("returns", return_bytes)) < 0)
        return lane->returns;
    int error = fl_bell_mint(&lane->ring_taker, &lane->hear_maker);
    if (error == 0)
        error = fl_bell_mint(&lane->ring_maker, &lane->hear_taker);
    if (error == 0)
        error = fl_shm_map_writer(lane->announce, announce_bytes, &lane->announce_own);
    if (error == 0)
        error = fl_shm_map_writer(lane->returns, return_bytes, &lane->returns_own);
    if (error == 0)
        error = fl_shm_seal(lane->announce, announce_bytes);
    if (error == 0)
        error = fl_shm_seal(lane->returns, return_bytes);
    return error;
}

/* The taker's end gets its descriptors as a process of its own would. */
static int send_over(const struct life_lane *lane, const int control[2], struct fl_lane_fds *fds)
{
    static struct fl_received message;
    bool shm = lane->info.transport == FL_TRANSPORT_SHM;
    int all[] = {shm ? lane->announce : lane->returns, lane->returns, lane->ring_maker, lane->hear_maker};
    unsigned count = shm ? 4 : 1;
    int error = fl_wire_send(control[0], READ_THIS, NULL, 0, NULL, 0, all, count);
    if (error == 0)
        error = fl_wire_receive(control[1], 0, &message);
    if (error < 0)
        return error;
    if (message.type != READ_THIS || message.fd_count != count) {
        fl_wire_close_fds(&message);
        return -EPROTO;
    }
    *fds = (struct fl_lane_fds){message.fds[0], message.fds[1], message.fds[2], message.fds[3]};
    return 0;
}

static int attach_maker(struct life_lane *lane, struct fl_output *output)
{
    bool shm = lane->info.transport == FL_TRANSPORT_SHM;
    struct fl_lane_fds fds = {
        .announce = copy_of(lane->announce),
        .returns = shm ? copy_of(lane->returns) : -1,
        .bell_out = copy_of(lane->ring_taker),
        .bell_in = copy_of(lane->hear_taker),
    };
    int error = fl_output_attach(output, &lane->info, lane->announce_own, &fds, &lane->tx);
    if (error == 0)
        lane->announce_own = NULL;
    return error;
}

int life_lane_wire(struct life_lane *lane, const struct fl_lane_info *info, struct fl_output *output, struct fl_context *taker,
                   const int control[2])
{
    struct fl_lane_fds fds;
    lane->info = *info;
    int error = mint(lane);
    if (error == 0)
        error = attach_maker(lane, output);
    if (error == 0)
        error = send_over(lane, control, &fds);
    if (error == 0)
        error = fl_lane_attach(taker, info, lane->returns_own, &fds, &lane->rx);
    if (error == 0)
        lane->returns_own = NULL;
    return error;
}

void life_lane_unwire(struct life_lane *lane)
{
    int *all[] = {&lane->announce, &lane->returns, &lane->ring_taker, &lane->hear_maker, &lane->ring_maker, &lane->hear_taker};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        life_close(all[i]);
    fl_shm_unmap(lane->announce_own, fl_lane_announce_bytes(lane->info.credits));
    fl_shm_unmap(lane->returns_own, fl_lane_return_bytes(lane->info.credits));
}
