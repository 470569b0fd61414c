#include "carry.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define LEAST_FRAMES 16 /* counted, however short the time */

/* GCC makes one copy for each kind of processor and picks at load time; elsewhere the compiler's own vectors have to do. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDEST __attribute__((noinline, optimize("O3"), target_clones("avx512f", "avx2", "default")))
#else
#define WIDEST __attribute__((noinline))
#endif

WIDEST static void fill(void *data, uint64_t bytes, uint64_t number)
{
    uint64_t *words = data;
    for (uint64_t i = 0; i < bytes / sizeof *words; i++)
        words[i] = number + i;
}

WIDEST static uint64_t sum(const void *data, uint64_t bytes)
{
    const uint64_t *words = data;
    uint64_t total = 0;
    for (uint64_t i = 0; i < bytes / sizeof *words; i++)
        total += words[i];
    return total;
}

static uint64_t sum_of(uint64_t bytes, uint64_t number)
{
    uint64_t count = bytes / sizeof(uint64_t);
    return count * number + count * (count - 1) / 2;
}

void carry_fill(const struct carry *carry, void *data, uint64_t number)
{
    fill(data, carry->touched, number);
}

struct carry *carry_create(uint64_t bytes, uint64_t touch, uint64_t warm_up)
{
    struct carry *carry = micro_shared(sizeof *carry);
    if (bytes == 0 || bytes % sizeof(uint64_t) != 0 || touch % sizeof(uint64_t) != 0 || touch > bytes)
        micro_fail("--bytes, --touch: multiples of 8, and no more touched than there are");
    carry->bytes = bytes;
    carry->touched = touch ? touch : bytes;
    carry->warm_up = warm_up;
    carry->look_mask = bytes < 65536 ? 63 : 0;
    atomic_store(&carry->first, UINT64_MAX);
    return carry;
}

void carry_start(struct carry *carry, const struct micro *micro)
{
    carry->warm_ns = micro_now_ns() + (uint64_t)(micro->seconds * 1e8);
    carry->end_ns = carry->warm_ns + (uint64_t)(micro->seconds * 9e8);
}

bool carry_goes_on(struct carry *carry, uint64_t number)
{
    carry->frames = number;
    if ((number & carry->look_mask) != 0)
        return true;
    uint64_t now = micro_now_ns();
    bool counts = carry_counts(carry);
    if (!counts && now >= carry->warm_ns && number >= carry->warm_up) {
        carry->end_ns = now + (carry->end_ns - carry->warm_ns);
        carry->start_ns = now;
        carry->cpu_start_ns[0] = micro_cpu_ns();
        atomic_store_explicit(&carry->first, number, memory_order_release); /* before the frame itself goes */
        return true;
    }
    return !counts || now < carry->end_ns || number < atomic_load(&carry->first) + LEAST_FRAMES;
}

bool carry_counts(const struct carry *carry)
{
    return atomic_load_explicit(&carry->first, memory_order_relaxed) != UINT64_MAX;
}

void carry_ends(struct carry *carry)
{
    carry->stop_ns = micro_now_ns();
    carry->cpu_stop_ns[0] = micro_cpu_ns();
}

uint64_t carry_seen(const struct carry *carry)
{
    return atomic_load_explicit(&carry->seen, memory_order_relaxed); /* one writer, and nothing is read because of it */
}

void carry_sees(struct carry *carry, uint64_t number)
{
    atomic_store_explicit(&carry->seen, carry_seen(carry) + 1, memory_order_relaxed);
    if (number == atomic_load_explicit(&carry->first, memory_order_acquire))
        carry->cpu_start_ns[1] = micro_cpu_ns();
}

void carry_check_here(struct carry *carry, const void *data, uint64_t number)
{
    atomic_store_explicit(&carry->seen, carry_seen(carry) + 1, memory_order_relaxed);
    carry->wrong += sum(data, carry->touched) != sum_of(carry->touched, number);
}

void carry_check(struct carry *carry, const void *data, uint64_t number)
{
    carry_sees(carry, number);
    carry->wrong += sum(data, carry->touched) != sum_of(carry->touched, number);
}

void carry_ends_here(struct carry *carry)
{
    carry->cpu_stop_ns[1] = micro_cpu_ns();
}

void carry_figures(const struct carry *carry)
{
    uint64_t frames = carry->frames - atomic_load(&carry->first);
    uint64_t seen = carry_seen(carry);
    double cpu[2];
    if (seen != carry->frames || carry->wrong > 0)
        micro_fail("%llu frames sent, %llu came, %llu with wrong bytes", (unsigned long long)carry->frames,
                   (unsigned long long)seen, (unsigned long long)carry->wrong);
    for (unsigned i = 0; i < 2; i++)
        cpu[i] = (double)(carry->cpu_stop_ns[i] - carry->cpu_start_ns[i]) / (double)frames;
    micro_figure("cpu_ns", cpu[0] + cpu[1]);
    micro_figure("first_cpu_ns", cpu[0]);
    micro_figure("second_cpu_ns", cpu[1]);
    micro_figure("per_second", (double)frames * 1e9 / (double)(carry->stop_ns - carry->start_ns));
    micro_figure("frames", (double)frames);
}

void *carry_memory(uint64_t bytes, bool huge)
{
    const uint64_t align = 2ull << 20;
    uint8_t *at = mmap(NULL, bytes + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        micro_fail("no memory for %llu bytes", (unsigned long long)bytes);
    at += (align - (uintptr_t)at % align) % align;
    if (huge)
        madvise(at, bytes, MADV_HUGEPAGE);
    fill(at, bytes, 1); /* its pages exist from here on */
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
