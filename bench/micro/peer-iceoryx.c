/* Frames that iceoryx 2 carries: lent to the publisher, announced, read in place by the subscriber and released. The publisher
 * waits for a subscriber that is slow (iceoryx spins there); the subscriber sleeps in a wait set (`--wait set`) or looks again and
 * again (`--wait poll`). Nothing is copied either way. Starts a broker (iox-roudi) of its own with a pool of the right size. */
#include "lib/carry.h"

#include <iceoryx_binding_c/log.h>
#include <iceoryx_binding_c/publisher.h>
#include <iceoryx_binding_c/runtime.h>
#include <iceoryx_binding_c/subscriber.h>
#include <iceoryx_binding_c/wait_set.h>
#include <fcntl.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t queue = 4, untouched;
static const char *wait_by = "set";
static const struct micro_option options[] = {
    CARRY_OPTIONS, {"untouched", &untouched}, {"queue", &queue}, {.name = "wait", .word = &wait_by}, {0},
};

static struct carry *carry;
static _Atomic uint64_t *count;   /* frames sent in all, once that is known */
static _Atomic unsigned *waiting; /* subscribers that are there */

/* ---- the broker ---- */

static void be_broker(void *config)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), said = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    execlp("iox-roudi", "iox-roudi", "-m", "off", "-l", "off", "-c", (const char *)config, NULL);
    dup2(said, STDERR_FILENO);
    micro_skip("iox-roudi is not installed");
}

/* Chunks for the queue, one being written, one being read by each subscriber, and those that the publisher keeps to use again. */
static pid_t start_broker(const struct micro *micro, char config[64])
{
    struct micro anywhere = *micro;
    anywhere.pin = MICRO_FREE;
    snprintf(config, 64, "/tmp/framelane-bench-%d.toml", (int)getpid());
    FILE *file = fopen(config, "we");
    if (!file)
        micro_fail("cannot write %s", config);
    fprintf(file, "[general]\nversion = 1\n[[segment]]\n[[segment.mempool]]\nsize = %llu\ncount = %llu\n",
            (unsigned long long)(carry->bytes / 8 * 8 + 4096), (unsigned long long)(queue + 3 + carry->consumers));
    fclose(file);
    return micro_fork(&anywhere, 1, be_broker, config);
}

/* Whether somebody listens where the broker does. A socket that was left behind there, by a broker that was killed, is taken away:
 * who finds it would not wait for ours. */
static bool broker_listens(void)
{
    struct sockaddr_un place = {.sun_family = AF_UNIX, .sun_path = "/tmp/roudi"};
    int fd = (int)micro_call(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    bool listens = connect(fd, (const struct sockaddr *)&place, sizeof place) == 0;
    if (!listens && errno == ECONNREFUSED)
        unlink(place.sun_path);
    close(fd);
    return listens;
}

static void join(const char *name)
{
    iox_set_loglevel(Iceoryx_LogLevel_Off);
    iox_runtime_init(name); /* waits for the broker */
}

/* The broker kills who has not taken leave when it ends, and taking leave is left to the process's end. */
_Noreturn static void leave(void)
{
    iox_runtime_shutdown();
    exit(0);
}

/* ---- a subscriber ---- */

static const void *take(iox_sub_t subscriber, iox_ws_t waiter)
{
    const void *data;
    for (;;) {
        enum iox_ChunkReceiveResult result = iox_sub_take_chunk(subscriber, &data);
        if (result == ChunkReceiveResult_SUCCESS)
            return data;
        if (result != ChunkReceiveResult_NO_CHUNK_AVAILABLE)
            micro_fail("iceoryx: take answers %d", (int)result);
        if (carry_seen(carry) == atomic_load(count))
            return NULL;
        if (waiter) {
            iox_notification_info_t notes[1];
            uint64_t missed;
            iox_ws_timed_wait(waiter, (struct timespec){0, 100000000}, notes, 1, &missed);
        } else {
            micro_relax();
        }
    }
}

static void consume(unsigned which)
{
    char name[64];
    iox_sub_storage_t storage;
    iox_ws_storage_t waiter_storage;
    iox_sub_options_t like;
    const void *data;
    snprintf(name, sizeof name, "framelane-bench-subscriber-%u", which);
    join(name);
    iox_sub_options_init(&like);
    like.queueCapacity = queue;
    like.queueFullPolicy = QueueFullPolicy_BLOCK_PRODUCER;
    iox_sub_t subscriber = iox_sub_init(&storage, "framelane", "bench", "frames", &like);
    iox_ws_t waiter = strcmp(wait_by, "set") == 0 ? iox_ws_init(&waiter_storage) : NULL;
    if (waiter)
        iox_ws_attach_subscriber_state(waiter, subscriber, SubscriberState_HAS_DATA, 1, NULL);
    while (iox_sub_get_subscription_state(subscriber) != SubscribeState_SUBSCRIBED)
        micro_sleep_until_ns(micro_now_ns() + 1000000);
    atomic_fetch_add(waiting, 1);
    while ((data = take(subscriber, waiter))) {
        if (untouched)
            carry_sees(carry, carry_seen(carry));
        else
            carry_check(carry, data, carry_seen(carry));
        iox_sub_release_chunk(subscriber, data);
    }
    carry_ends_here(carry);
    if (waiter)
        iox_ws_deinit(waiter);
    iox_sub_deinit(subscriber);
    leave();
}

/* ---- the publisher ---- */

static void *lend(iox_pub_t publisher)
{
    void *data;
    enum iox_AllocationResult result;
    while ((result = iox_pub_loan_aligned_chunk(publisher, &data, (uint32_t)carry->bytes, 64)) ==
           AllocationResult_RUNNING_OUT_OF_CHUNKS)
        micro_relax();
    if (result != AllocationResult_SUCCESS)
        micro_fail("iceoryx: loan answers %d", (int)result);
    return data;
}

static void produce(void *arg)
{
    iox_pub_storage_t storage;
    iox_pub_options_t like;
    uint64_t number = 0;
    join("framelane-bench-publisher");
    iox_pub_options_init(&like);
    like.subscriberTooSlowPolicy = ConsumerTooSlowPolicy_WAIT_FOR_CONSUMER;
    iox_pub_t publisher = iox_pub_init(&storage, "framelane", "bench", "frames", &like);
    while (atomic_load(waiting) < carry->consumers || !iox_pub_has_subscribers(publisher))
        micro_sleep_until_ns(micro_now_ns() + 1000000);
    carry_start(carry, arg);
    for (; carry_goes_on(carry, number); number++) {
        void *data = lend(publisher);
        if (!untouched)
            carry_fill(carry, data, number);
        iox_pub_publish_chunk(publisher, data);
    }
    carry_ends(carry);
    atomic_store(count, number);
    while (carry_seen_by_all(carry) < number)
        micro_sleep_until_ns(micro_now_ns() + 1000000);
    iox_pub_deinit(publisher);
    leave();
}

int main(int argc, char **argv)
{
    struct micro micro;
    char config[64];
    carry_like.bytes = 4096;
    micro_begin(&micro, argc, argv, options);
    carry = carry_create_like(&micro, untouched ? 1000 : 2 * (queue + 4));
    count = micro_shared(sizeof *count);
    waiting = micro_shared(sizeof *waiting);
    atomic_store(count, UINT64_MAX);
    if (broker_listens())
        micro_skip("another iox-roudi runs");
    pid_t broker = start_broker(&micro, config);
    for (uint64_t until_ns = micro_now_ns() + 10000000000; !broker_listens();) {
        if (micro_now_ns() > until_ns)
            micro_fail("iox-roudi does not listen");
        micro_sleep_until_ns(micro_now_ns() + 1000000);
    }
    carry_fork(carry, &micro, consume);
    pid_t publisher = micro_fork(&micro, 0, produce, &micro);
    micro_join(publisher);
    carry_join(carry);
    unlink(config);
    signal(SIGCHLD, SIG_DFL); /* the broker may end as it likes */
    kill(broker, SIGTERM);
    waitpid(broker, NULL, 0);
    carry_figures(carry);
    return micro_end();
}
