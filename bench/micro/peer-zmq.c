/* Frames through ZeroMQ's ipc transport, PUSH to PULL: sent from the sender's own buffers without a copy (ZeroMQ says when it is
 * done with one), received as messages that are summed where they lie. The allocator is told to keep memory, so that a message
 * costs no page faults; few messages are queued, so that they stay in the cache. */
#include "lib/carry.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

static uint64_t bytes = 3110400, touch, queue = 2, socket_bytes = 4 << 20;
static const struct micro_option options[] = {
    {"bytes", &bytes}, {"touch", &touch}, {"queue", &queue}, {"socket", &socket_bytes}, {0},
};

static struct carry *carry;
static char address[64];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t freed = PTHREAD_COND_INITIALIZER;
static uint8_t *free_buffers[64];
static unsigned free_count;

static void must(int result, const char *what)
{
    if (result < 0)
        micro_fail("%s: %s", what, zmq_strerror(zmq_errno()));
}

static void give_back(void *data, void *hint)
{
    pthread_mutex_lock(&lock);
    free_buffers[free_count++] = data;
    pthread_cond_signal(&freed);
    pthread_mutex_unlock(&lock);
}

static uint8_t *take_buffer(void)
{
    pthread_mutex_lock(&lock);
    while (free_count == 0)
        pthread_cond_wait(&freed, &lock);
    uint8_t *data = free_buffers[--free_count];
    pthread_mutex_unlock(&lock);
    return data;
}

static void *open_socket(void *context, int type)
{
    int high_water = (int)queue, size = (int)socket_bytes, linger = -1;
    void *socket = zmq_socket(context, type);
    if (!socket)
        micro_fail("zmq_socket: %s", zmq_strerror(zmq_errno()));
    must(zmq_setsockopt(socket, ZMQ_SNDHWM, &high_water, sizeof high_water), "ZMQ_SNDHWM");
    must(zmq_setsockopt(socket, ZMQ_RCVHWM, &high_water, sizeof high_water), "ZMQ_RCVHWM");
    must(zmq_setsockopt(socket, ZMQ_SNDBUF, &size, sizeof size), "ZMQ_SNDBUF");
    must(zmq_setsockopt(socket, ZMQ_RCVBUF, &size, sizeof size), "ZMQ_RCVBUF");
    must(zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger), "ZMQ_LINGER");
    return socket;
}

static void consume(void *arg)
{
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    void *context = zmq_ctx_new();
    void *socket = open_socket(context, ZMQ_PULL);
    must(zmq_connect(socket, address), "zmq_connect");
    for (uint64_t number = 0;; number++) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        must(zmq_msg_recv(&message, socket, 0), "zmq_msg_recv");
        bool last = zmq_msg_size(&message) == 0;
        if (!last && zmq_msg_size(&message) != bytes)
            micro_fail("a message of %zu bytes", zmq_msg_size(&message));
        if (!last)
            carry_check(carry, zmq_msg_data(&message), number);
        zmq_msg_close(&message);
        if (last)
            break;
    }
    carry_ends_here(carry);
    zmq_close(socket);
    zmq_ctx_term(context);
}

static void produce(void *socket, const struct micro *micro)
{
    carry_start(carry, micro);
    for (uint64_t number = 0; carry_goes_on(carry, number); number++) {
        zmq_msg_t message;
        uint8_t *data = take_buffer();
        carry_fill(carry, data, number);
        zmq_msg_init_data(&message, data, bytes, give_back, NULL);
        must(zmq_msg_send(&message, socket, 0), "zmq_msg_send");
    }
    carry_ends(carry);
    must(zmq_send(socket, "", 0, 0), "zmq_send");
}

int main(int argc, char **argv)
{
    struct micro micro;
    micro_begin(&micro, argc, argv, options);
    uint64_t step = (bytes + 4095) / 4096 * 4096, buffers = queue + 2;
    if (buffers > sizeof free_buffers / sizeof *free_buffers)
        micro_fail("--queue: at most 62");
    carry = carry_create(bytes, touch, 2 * buffers);
    snprintf(address, sizeof address, "%s@framelane-bench-%d", "ipc://", (int)getpid());
    pid_t child = micro_fork(&micro, 1, consume, NULL);
    uint8_t *memory = carry_memory(step * buffers, true);
    for (uint64_t i = 0; i < buffers; i++)
        give_back(memory + i * step, NULL);
    micro_pin_self(&micro, 0); /* before ZeroMQ makes its threads: each end has one core, as everybody here */
    void *context = zmq_ctx_new();
    void *socket = open_socket(context, ZMQ_PUSH);
    must(zmq_bind(socket, address), "zmq_bind");
    produce(socket, &micro);
    zmq_close(socket);
    zmq_ctx_term(context);
    micro_join(child);
    carry_figures(carry);
    return micro_end();
}
