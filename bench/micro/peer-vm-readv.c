/* Frames that each reader copies out of the writer's memory itself (process_vm_readv), told by the barest ring when. */
#include "lib/carry.h"
#include "lib/ring.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

static uint64_t buffers = 2;
static const struct micro_option options[] = {CARRY_OPTIONS, {"buffers", &buffers}, {0}};

static struct carry *carry;
static struct ring rings[CARRY_MAX_CONSUMERS];
static uint8_t *memory; /* the writer's, at the same address in the reader only as a number */
static uint64_t step;
static _Atomic int *refused;

static bool copy_out(uint8_t *to, uint64_t number)
{
    uint8_t *from = memory + number % buffers * step;
    for (uint64_t done = 0; done < carry->bytes;) {
        struct iovec local = {to + done, carry->bytes - done}, remote = {from + done, carry->bytes - done};
        ssize_t got = process_vm_readv(getppid(), &local, 1, &remote, 1, 0);
        if (got <= 0) {
            atomic_store(refused, errno);
            return false;
        }
        done += (uint64_t)got;
    }
    return true;
}

static void consume(unsigned which)
{
    struct ring *ring = &rings[which];
    uint8_t *copy = carry_memory(carry->bytes, true);
    for (uint64_t number = 0; ring_wait(ring, number); number++) {
        if (copy_out(copy, number))
            carry_check(carry, copy, number);
        ring_return(ring, number);
    }
}

static void produce(void)
{
    uint64_t number = 0;
    for (; carry_goes_on(carry, number) && !atomic_load(refused); number++) {
        for (unsigned i = 0; i < carry->consumers; i++)
            ring_room(&rings[i], number);
        carry_fill(carry, memory + number % buffers * step, number);
        for (unsigned i = 0; i < carry->consumers; i++)
            ring_send(&rings[i], number);
    }
    carry_ends(carry);
    for (unsigned i = 0; i < carry->consumers; i++)
        ring_end(&rings[i], number);
}

int main(int argc, char **argv)
{
    struct micro micro;
    micro_begin(&micro, argc, argv, options);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* where only ancestors may look into a process */
    carry = carry_create_like(&micro, 2 * buffers);
    carry->copies = carry->consumers;
    step = (carry->bytes + 4095) / 4096 * 4096;
    refused = micro_shared(sizeof *refused);
    for (unsigned i = 0; i < carry->consumers; i++)
        ring_init(&rings[i], buffers);
    memory = carry_memory(step * buffers, true);
    carry_fork(carry, &micro, consume);
    memset(memory, 1, step * buffers); /* after the fork these pages are to be this process's own */
    micro_pin_self(&micro, 0);
    carry_start(carry, &micro);
    produce();
    carry_join(carry);
    if (atomic_load(refused))
        micro_skip("the system does not let a child read its parent's memory (errno %d)", atomic_load(refused));
    carry_figures(carry);
    return micro_end();
}
