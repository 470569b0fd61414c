/* How long until a consumer that slept has a whole frame, every byte of it read? From the moment the frame is complete at the
 * producer, by size and by the way it goes: shm, a lane; pipe, unix, as well as these can be made (peer-pipe.c, peer-unix.c).
 *
 * One frame at a time: the consumer has finished the last one and sleeps again before the next is sent. */
#include "../micro/lane.h"
#include "../micro/lib/bare.h"
#include "../micro/lib/carry.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static uint64_t bytes = 65536, pause_ns = 50000;
static const char *over = "shm";
static const struct micro_option options[] = {{"bytes", &bytes}, {"pause", &pause_ns}, {"over", .word = &over}, {0}};

static struct carry *carry;
static struct micro_samples *latencies;
static struct bare_word *sent_ns, *done; /* when the frame was complete; how many have been read */
static int ends[2];

/* ---- the consumer ---- */

static void finish_frame(const void *data, uint64_t number)
{
    carry_check(carry, data, number);
    micro_sample(latencies, micro_now_ns() - bare_load(sent_ns));
    bare_store(done, number + 1);
}

static void take_all(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    for (uint64_t number = 0; (frame = micro_take(consumer)); number++) {
        finish_frame(fl_frame_plane(frame, 0), number);
        fl_frame_release(frame);
    }
    carry_ends_here(carry);
}

static void read_all(void *arg)
{
    void *memory = carry_memory(bytes, true);
    close(ends[1]);
    for (uint64_t number = 0; carry_read(ends[0], memory, bytes); number++)
        finish_frame(memory, number);
    carry_ends_here(carry);
}

/* ---- the producer ---- */

/* Whether there is to be one more frame; if so, the consumer has gone to sleep. */
static bool next(uint64_t number)
{
    while (bare_load(done) != number)
        micro_sleep_until_ns(micro_now_ns() + 10000);
    micro_sleep_until_ns(micro_now_ns() + pause_ns);
    return carry_goes_on(carry, number);
}

static void fill(uint8_t *data, const struct fl_desc *desc)
{
    carry_fill(carry, data, desc->number);
    bare_store(sent_ns, micro_now_ns());
}

static void over_lane(const struct micro *micro)
{
    struct micro_producer producer;
    struct fl_desc desc;
    micro_producer_create(&producer, micro, &(struct micro_lanes){.lane.credits = 2, .slot_bytes = bytes}, 1);
    micro_consume(&producer, take_all, NULL);
    micro_pin_self(micro, 0);
    carry_start(carry, micro);
    for (uint64_t number = 0; next(number); number++) {
        micro_describe(&desc, number, bytes);
        micro_publish(&producer, &desc, fill);
    }
    carry_ends(carry);
    micro_producer_finish(&producer);
}

static void over_stream(const struct micro *micro)
{
    void *memory = carry_memory(bytes, true);
    pid_t child = micro_fork(micro, 1, read_all, NULL);
    close(ends[0]);
    micro_pin_self(micro, 0);
    carry_start(carry, micro);
    for (uint64_t number = 0; next(number); number++) {
        carry_fill(carry, memory, number);
        bare_store(sent_ns, micro_now_ns());
        carry_write(ends[1], memory, bytes);
    }
    carry_ends(carry);
    close(ends[1]);
    micro_join(child);
}

static void make_socket(void)
{
    int size = 1 << 20;
    micro_call(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    for (unsigned i = 0; i < 2; i++) /* beyond what the system grants everybody, where this process may have it */
        if (setsockopt(ends[i], SOL_SOCKET, i ? SO_SNDBUFFORCE : SO_RCVBUFFORCE, &size, sizeof size) < 0)
            micro_call(setsockopt(ends[i], SOL_SOCKET, i ? SO_SNDBUF : SO_RCVBUF, &size, sizeof size));
}

int main(int argc, char **argv)
{
    struct micro micro;
    uint64_t got;
    micro_begin(&micro, argc, argv, options);
    carry = carry_create(bytes, 0, 0);
    latencies = micro_samples_create(1 << 18);
    sent_ns = micro_shared(sizeof *sent_ns);
    done = micro_shared(sizeof *done);
    if (strcmp(over, "pipe") == 0)
        carry_pipe(ends, 1 << 20, &got);
    else if (strcmp(over, "unix") == 0)
        make_socket();
    else if (strcmp(over, "shm") != 0)
        micro_fail("--over: shm, pipe or unix");
    if (strcmp(over, "shm") == 0)
        over_lane(&micro);
    else
        over_stream(&micro);
    carry_figures(carry); /* every frame has come, with the bytes it must have */
    micro_samples_figures(latencies);
    return micro_end();
}
