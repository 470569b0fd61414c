/* Memory that is not as it must be (unsealed, of another size, no memory at all) is refused with the reason, everything that came
 * with it is closed, and the other lanes of the same process go on. */
#include "../lib/check.h"
#include "../lib/fake.h"
#include "../lib/stand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

enum { CREDITS = 4, ALL_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL };

/* ---- what a peer may give instead: each makes a descriptor for `bytes` ---- */

static int sealed_with(uint64_t bytes, int seals)
{
    int fd = memfd_create("not as it must be", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, (off_t)bytes), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

#define GIVES(name, how)                                                                                                           \
    static int name(uint64_t bytes)                                                                                                \
    {                                                                                                                              \
        (void)bytes;                                                                                                               \
        return how;                                                                                                                \
    }

static int pipe_end(void)
{
    int ends[2];
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    close(ends[1]);
    return ends[0];
}

static int unsealable(uint64_t bytes)
{
    int fd = memfd_create("cannot be sealed", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, (off_t)bytes), 0);
    return fd;
}

static int plain_file(uint64_t bytes)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return unsealable(bytes);
    CHECK_EQ(ftruncate(fd, (off_t)bytes), 0);
    return fd;
}

GIVES(nothing_sealed, sealed_with(bytes, 0))
GIVES(may_shrink, sealed_with(bytes, ALL_SEALS & ~F_SEAL_SHRINK))
GIVES(may_grow, sealed_with(bytes, ALL_SEALS & ~F_SEAL_GROW))
GIVES(may_be_written, sealed_with(bytes, ALL_SEALS & ~F_SEAL_FUTURE_WRITE))
GIVES(may_be_sealed_more, sealed_with(bytes, ALL_SEALS & ~F_SEAL_SEAL))
GIVES(too_small, sealed_with(bytes - 4096, ALL_SEALS))
GIVES(too_large, sealed_with(bytes + 4096, ALL_SEALS))
GIVES(empty, sealed_with(0, ALL_SEALS))
GIVES(a_pipe, pipe_end())
GIVES(endless_zeros, open("/dev/zero", O_RDWR | O_CLOEXEC))
GIVES(a_counter, eventfd(0, EFD_CLOEXEC))
GIVES(a_socket, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
GIVES(a_folder, open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
GIVES(a_path, open("/dev/null", O_PATH | O_CLOEXEC))
GIVES(none, -1)

static const struct {
    const char *name;
    int (*make)(uint64_t bytes);
    int error;
} gifts[] = {
    {"memory without a seal", nothing_sealed, -EPERM},
    {"memory that may shrink", may_shrink, -EPERM},
    {"memory that may grow", may_grow, -EPERM},
    {"memory that may be mapped writable", may_be_written, -EPERM},
    {"memory that may be sealed further", may_be_sealed_more, -EPERM},
    {"memory that cannot be sealed", unsealable, -EPERM},
    {"a file", plain_file, -EPERM},
    {"less memory", too_small, -EINVAL},
    {"more memory", too_large, -EINVAL},
    {"no memory", empty, -EINVAL},
    {"a pipe", a_pipe, -EPERM},
    {"/dev/zero", endless_zeros, -EPERM},
    {"an eventfd", a_counter, -EPERM},
    {"a socket", a_socket, -EPERM},
    {"a folder", a_folder, -EPERM},
    {"a path", a_path, -EPERM},
    {"no descriptor", none, -EPERM},
};

/* A region of one's own, as an attaching end has it. */
static void *own_region(uint64_t bytes)
{
    void *own;
    int fd = fl_shm_mint("own", bytes);
    CHECK(fd >= 0);
    CHECK_EQ(fl_shm_map_writer(fd, bytes, &own), 0);
    close(fd);
    return own;
}

static struct fl_lane_fds with_bells(int announce, int returns)
{
    struct fl_lane_fds fds = {.announce = announce, .returns = returns};
    int other_ring, other_hear;
    CHECK_EQ(fl_bell_mint(&fds.bell_out, &other_hear), 0);
    CHECK_EQ(fl_bell_mint(&other_ring, &fds.bell_in), 0);
    close(other_ring);
    close(other_hear);
    return fds;
}

static void try_consumer(struct fl_context *context, int fd, int error)
{
    struct fl_lane_info info = {.id = 9, .epoch = 1, .credits = CREDITS};
    struct fl_lane_fds fds = with_bells(fd, -1);
    struct fl_lane *lane = NULL;
    void *own = own_region(fl_lane_return_bytes(CREDITS));
    CHECK_EQ(fl_lane_attach(context, &info, own, &fds, &lane), error);
    CHECK(lane == NULL);
    fl_shm_unmap(own, fl_lane_return_bytes(CREDITS)); /* still the caller's */
}

static void try_producer(struct fl_output *output, int fd, int error)
{
    struct fl_lane_info info = {.id = 9, .epoch = 1, .credits = CREDITS};
    struct fl_lane_fds fds = with_bells(-1, fd);
    struct fl_output_lane *lane = NULL;
    void *own = own_region(fl_lane_announce_bytes(CREDITS));
    CHECK_EQ(fl_output_attach(output, &info, own, &fds, &lane), error);
    CHECK(lane == NULL);
    fl_shm_unmap(own, fl_lane_announce_bytes(CREDITS));
}

static void try_pool(int fd, int error)
{
    struct fl_pool_info info = {.id = 77, .slot_count = 2, .slot_bytes = fl_pool_slot_bytes(1)};
    struct fl_pool *pool = NULL;
    CHECK_EQ(fl_pool_map_reader(fd, &info, &pool), error);
    CHECK(pool == NULL);
    if (fd >= 0)
        close(fd);
}

static void frames_go_on(struct stand *stand, struct stand_lane *lane, uint64_t *number)
{
    for (unsigned i = 0; i < 10; i++, (*number)++) {
        CHECK_EQ(stand_publish(stand, *number), 0);
        CHECK_EQ(stand_next(lane), *number);
    }
    CHECK(!fl_lane_fault(lane->rx) && !fl_output_lane_fault(lane->tx));
}

static void what_is_not_as_it_must_be_is_refused(void)
{
    struct stand stand;
    uint64_t number = 0;
    struct fl_pool_info pool = {.id = 77, .slot_count = 2, .slot_bytes = fl_pool_slot_bytes(1)};
    stand_create(&stand, FL_TRANSPORT_SHM, 8, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, CREDITS);
    for (size_t i = 0; i < sizeof gifts / sizeof *gifts; i++) {
        int before = open_fds();
        printf("    %s\n", gifts[i].name);
        try_consumer(lane->consumer, gifts[i].make(fl_lane_announce_bytes(CREDITS)), gifts[i].error);
        try_producer(stand.output, gifts[i].make(fl_lane_return_bytes(CREDITS)), gifts[i].error);
        try_pool(gifts[i].make(fl_pool_file_bytes(&pool)), gifts[i].error);
        CHECK_EQ(open_fds(), before);
        frames_go_on(&stand, lane, &number);
    }
    stand_destroy(&stand);
}

/* A region that cannot be mapped by its writer: what the supervisor gives is looked at too. */
static void no_writer_maps_what_is_no_memory(void)
{
    int (*const makers[])(uint64_t) = {a_pipe, endless_zeros, a_counter, a_socket, a_folder, too_small, too_large, none};
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        void *own = NULL;
        int fd = makers[i](8192);
        CHECK(fl_shm_map_writer(fd, 8192, &own) < 0);
        CHECK(own == NULL);
        if (fd >= 0)
            close(fd);
    }
}

int main(void)
{
    static const struct check_case cases[] = {
        {"what is not as it must be is refused, and everything else goes on", what_is_not_as_it_must_be_is_refused},
        {"no writer maps what is no memory", no_writer_maps_what_is_no_memory},
    };
    return CHECK_RUN(cases);
}
