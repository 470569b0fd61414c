/* Frames that the reader copies out of the writer's memory itself (process_vm_readv), told by the barest ring when. */
#include "lib/carry.h"
#include "lib/ring.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

static uint64_t bytes = 3110400, touch, buffers = 2;
static const struct micro_option options[] = {{"bytes", &bytes}, {"touch", &touch}, {"buffers", &buffers}, {0}};

static struct carry *carry;
static struct ring ring;
static uint8_t *memory; /* the writer's, at the same address in the reader only as a number */
static uint64_t step;
static _Atomic int *refused;

static bool copy_out(uint8_t *to, uint64_t number)
{
    uint8_t *from = memory + number % buffers * step;
    for (uint64_t done = 0; done < bytes;) {
        struct iovec local = {to + done, bytes - done}, remote = {from + done, bytes - done};
        ssize_t got = process_vm_readv(getppid(), &local, 1, &remote, 1, 0);
        if (got <= 0) {
            atomic_store(refused, errno);
            return false;
        }
        done += (uint64_t)got;
    }
    return true;
}

static void consume(void *arg)
{
    uint8_t *copy = carry_memory(bytes, true);
    for (uint64_t number = 0; ring_wait(&ring, number); number++) {
        if (copy_out(copy, number))
            carry_check(carry, copy, number);
        ring_return(&ring, number);
    }
    carry_ends_here(carry);
}

int main(int argc, char **argv)
{
    struct micro micro;
    uint64_t number = 0;
    micro_begin(&micro, argc, argv, options);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* where only ancestors may look into a process */
    step = (bytes + 4095) / 4096 * 4096;
    carry = carry_create(bytes, touch, 2 * buffers);
    refused = micro_shared(sizeof *refused);
    ring_init(&ring, buffers);
    memory = carry_memory(step * buffers, true);
    pid_t child = micro_fork(&micro, 1, consume, NULL);
    memset(memory, 1, step * buffers); /* after the fork these pages are to be this process's own */
    micro_pin_self(&micro, 0);
    carry_start(carry, &micro);
    for (; carry_goes_on(carry, number) && !atomic_load(refused); number++) {
        ring_room(&ring, number);
        carry_fill(carry, memory + number % buffers * step, number);
        ring_send(&ring, number);
    }
    carry_ends(carry);
    ring_end(&ring, number);
    micro_join(child);
    if (atomic_load(refused))
        micro_skip("the system does not let a child read its parent's memory (errno %d)", atomic_load(refused));
    carry_figures(carry);
    return micro_end();
}
