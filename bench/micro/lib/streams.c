#include "carry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *carry_memory(uint64_t bytes, bool huge)
{
    const uint64_t align = 2ull << 20;
    uint8_t *at = mmap(NULL, bytes + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        micro_fail("no memory for %llu bytes", (unsigned long long)bytes);
    at += (align - (uintptr_t)at % align) % align;
    if (huge)
        madvise(at, bytes, MADV_HUGEPAGE);
    memset(at, 1, bytes); /* its pages exist from here on */
    return at;
}

void carry_write(int fd, const void *data, uint64_t bytes)
{
    for (uint64_t done = 0; done < bytes;)
        done += (uint64_t)micro_call(write(fd, (const uint8_t *)data + done, bytes - done));
}

bool carry_read(int fd, void *data, uint64_t bytes)
{
    for (uint64_t done = 0; done < bytes;) {
        uint64_t got = (uint64_t)micro_call(read(fd, (uint8_t *)data + done, bytes - done));
        if (got == 0 && done == 0)
            return false;
        if (got == 0)
            micro_fail("the stream ended within a frame");
        done += got;
    }
    return true;
}

void carry_pipe(int ends[2], uint64_t bytes, uint64_t *got)
{
    micro_call(pipe2(ends, O_CLOEXEC));
    while (fcntl(ends[1], F_SETPIPE_SZ, (int)bytes) < 0 && errno == EPERM && bytes > 4096)
        bytes /= 2;
    *got = (uint64_t)micro_call(fcntl(ends[1], F_GETPIPE_SZ));
}

int carry_streams_reader(struct carry_streams *streams, unsigned which)
{
    for (unsigned i = 0; i < streams->count; i++) {
        close(streams->ends[i][1]);
        if (i != which)
            close(streams->ends[i][0]);
    }
    return streams->ends[which][0];
}

void carry_streams_writer(struct carry_streams *streams)
{
    for (unsigned i = 0; i < streams->count; i++)
        close(streams->ends[i][0]);
}

void carry_streams_end(struct carry_streams *streams)
{
    for (unsigned i = 0; i < streams->count; i++)
        close(streams->ends[i][1]);
}

/* ---- consumers as processes ---- */

static pid_t consumers[CARRY_MAX_CONSUMERS];

struct consumer_start {
    struct carry *carry;
    unsigned which;
    void (*body)(unsigned which);
};

static void be_consumer(void *arg)
{
    const struct consumer_start *start = arg;
    carry_be_consumer(start->carry, start->which);
    start->body(start->which);
    carry_ends_here(start->carry);
}

void carry_fork(struct carry *carry, const struct micro *micro, void (*body)(unsigned which))
{
    for (unsigned i = 0; i < carry->consumers; i++)
        consumers[i] = micro_fork(micro, i + 1, be_consumer, &(struct consumer_start){carry, i, body});
}

void carry_join(const struct carry *carry)
{
    for (unsigned i = 0; i < carry->consumers; i++)
        micro_join(consumers[i]);
}
