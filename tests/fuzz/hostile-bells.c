/* Whatever a peer does to its end of a bell, the other side never sleeps in a call that rings or listens, and every other lane is
 * served. */
#include "../lib/check.h"
#include "../lib/fake.h"
#include "../lib/stand.h"

#include "../../transport/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum { CREDITS = 4, TIMES = 1000 };

static void clear_nonblock(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    CHECK(flags >= 0);
    CHECK_EQ(fcntl(fd, F_SETFL, flags & ~O_NONBLOCK), 0);
}

static bool hears(int bell)
{
    struct pollfd poll_fd = {bell, POLLIN, 0};
    return poll(&poll_fd, 1, 0) == 1;
}

static void bells_ring(void)
{
    int ring, hear, before = open_fds();
    CHECK_EQ(fl_bell_mint(&ring, &hear), 0);
    CHECK_EQ(fcntl(ring, F_GETFD) & fcntl(hear, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    CHECK(!hears(hear));
    for (unsigned times = 1; times < 4; times++) {
        for (unsigned i = 0; i < times; i++)
            fl_ring(ring);
        CHECK(hears(hear));
        fl_bell_drain(hear);
        CHECK(!hears(hear)); /* however often it rang */
        fl_bell_drain(hear); /* nothing to hear: comes back at once */
    }
    close(ring);
    close(hear);
    CHECK_EQ(open_fds(), before);
}

/* As full as it goes, however large somebody made it. */
static void fill(int bell)
{
    uint64_t most = UINT64_MAX - 1;
    while (write(bell, &most, sizeof most) > 0)
        ;
    CHECK_EQ(errno, EAGAIN);
}

/* What can be done with the hearing end alone, by a process that has no other. */
_Noreturn static void spoil_hearing_end(int hear)
{
    char path[64];
    for (int fd = 3; fd < 256; fd++)
        if (fd != hear)
            close(fd);
    fcntl(hear, F_SETPIPE_SZ, 1 << 16);
    snprintf(path, sizeof path, "/proc/self/fd/%d", hear);
    int again = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    fill(again >= 0 ? again : hear);
    clear_nonblock(hear);
    if (again >= 0)
        clear_nonblock(again);
    _exit(0);
}

static void who_listens_cannot_stop_the_bell(void)
{
    int ring, hear;
    CHECK_EQ(fl_bell_mint(&ring, &hear), 0);
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        spoil_hearing_end(hear);
    wait_for_child(child, 0);
    CHECK_EQ(fcntl(ring, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    for (unsigned i = 0; i < TIMES; i++)
        fl_ring(ring);
    CHECK(hears(hear));
    close(hear); /* and goes */
    for (unsigned i = 0; i < TIMES; i++)
        fl_ring(ring);
    close(ring);
}

/* Who rings may fill its bell and make its own end block: it is the one who then waits. */
static void who_rings_cannot_stop_the_listener(void)
{
    struct fl_context *context;
    struct fake_producer bad, good;
    CHECK_EQ(fl_context_create(&context), 0);
    struct fl_lane *bad_lane = fake_producer_create(&bad, context, 1, CREDITS);
    struct fl_lane *good_lane = fake_producer_create(&good, context, 2, CREDITS);
    fill(bad.bell);
    clear_nonblock(bad.bell);
    for (uint64_t number = 0; number < 100; number++) {
        struct fl_entry entry = fake_entry(&good, number % 4, number);
        struct fl_frame *frame;
        fake_announce(&good, &entry);
        fl_bell_drain(bad_lane->fds.bell_in);
        CHECK_EQ(fl_lane_take(good_lane, &frame), 0);
        fl_frame_release(frame);
        CHECK_EQ(fl_context_wait(context, (bool (*)(void *))fl_lane_ready, bad_lane, 0), -ETIMEDOUT);
    }
    fl_context_destroy(context);
    fake_producer_destroy(&bad);
    fake_producer_destroy(&good);
}

/* A consumer that asks to be rung each time, and has filled what it can. */
static void a_producer_rings_on(void)
{
    struct stand stand;
    struct fake_consumer fake;
    stand_create(&stand, FL_TRANSPORT_SHM, 8, 4096);
    struct fl_output_lane *bad = fake_consumer_create(&fake, stand.output, FL_WHEN_FULL_DROP, CREDITS);
    struct stand_lane *good = stand_add(&stand, FL_WHEN_FULL_WAIT, CREDITS);
    fill(fake.bell); /* its own bell, which the producer hears */
    clear_nonblock(fake.bell);
    fill(bad->fds.bell_out); /* and the other, which it hears, by an open file of its own */
    for (uint64_t number = 0; number < TIMES; number++) {
        fl_store(&fake.returns->armed, number + 1, FL_RELEASE);
        CHECK_EQ(stand_publish(&stand, number), 0);
        CHECK_EQ(stand_next(good), number);
        fl_context_service(stand.producer);
        if (number % 100 == 0)
            CHECK_EQ(fl_context_wait(stand.producer, (bool (*)(void *))fl_output_owes, stand.output, 0), -ETIMEDOUT);
    }
    stand_destroy(&stand);
    fake_consumer_destroy(&fake);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a bell is heard once, however often it rang", bells_ring},
        {"who listens cannot stop the bell", who_listens_cannot_stop_the_bell},
        {"who rings cannot stop the listener", who_rings_cannot_stop_the_listener},
        {"a producer rings on, whatever its consumer filled", a_producer_rings_on},
    };
    return CHECK_RUN(cases);
}
