#include "carry.h"

#include <string.h>
#include <sys/mman.h>

#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h> /* the widest vectors that the processor has */
#else
#include <xxhash.h>
#endif

#define VARIANTS      11   /* different contents of a frame; prime, so that no number of buffers goes round in step with it */
#define KNOWN_BUFFERS 8192 /* a power of two */
#define PAGE          4096

/* GCC makes one copy for each kind of processor and picks at load time, which is before ThreadSanitizer is there to be called;
 * elsewhere the compiler's own vectors have to do. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define WIDEST __attribute__((noinline, optimize("O3"), target_clones("avx512f", "avx2", "default")))
#else
#define WIDEST __attribute__((noinline))
#endif

/* What every frame but those of `sum` begins with. */
struct stamp {
    uint64_t number, variant;
};

static uint64_t expected[VARIANTS]; /* the hash of what follows the stamp */

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

static uint64_t hash(const struct carry *carry, const void *data)
{
    return XXH3_64bits((const uint8_t *)data + sizeof(struct stamp), carry->bytes - sizeof(struct stamp));
}

static void fill_variant(const struct carry *carry, void *data, uint64_t variant)
{
    fill((uint8_t *)data + sizeof(struct stamp), carry->bytes - sizeof(struct stamp), variant << 32);
}

enum carry_work carry_work_named(const char *name)
{
    static const char *const names[] = {
        [CARRY_SUM] = "sum",
        [CARRY_NONE] = "none",
        [CARRY_TOUCH] = "touch",
        [CARRY_READ] = "read",
        [CARRY_WRITE_READ] = "write+read",
    };
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum carry_work)i;
    micro_fail("--work: sum, none, touch, read or write+read, not '%s'", name);
}

void carry_work_prepare(const struct carry *carry)
{
    if (carry->work != CARRY_READ && carry->work != CARRY_WRITE_READ)
        return;
    uint8_t *frame = micro_shared(carry->bytes);
    for (uint64_t variant = 0; variant < VARIANTS; variant++) {
        fill_variant(carry, frame, variant);
        expected[variant] = hash(carry, frame);
    }
    munmap(frame, carry->bytes);
}

/* Whether this buffer was never asked for before. Producer's process alone. */
static bool is_new(const void *data)
{
    static const void *known[KNOWN_BUFFERS];
    uint64_t at = ((uintptr_t)data >> 6) * 0x9e3779b97f4a7c15ull >> 51;
    for (unsigned looks = 0; looks < KNOWN_BUFFERS; looks++, at = (at + 1) % KNOWN_BUFFERS) {
        if (known[at] == data)
            return false;
        if (!known[at]) {
            known[at] = data;
            return true;
        }
    }
    micro_fail("frames come in more than %d buffers", KNOWN_BUFFERS);
}

void carry_work_write(const struct carry *carry, void *data, uint64_t number)
{
    struct stamp *stamp = data;
    if (carry->work == CARRY_SUM) {
        fill(data, carry->touched, number);
        return;
    }
    bool whole = carry->work == CARRY_WRITE_READ || (carry->work == CARRY_READ && is_new(data));
    if (whole) {
        stamp->variant = number % VARIANTS;
        fill_variant(carry, data, stamp->variant);
    }
    stamp->number = number;
    for (uint64_t at = PAGE; carry->work == CARRY_TOUCH && at < carry->bytes; at += PAGE)
        *(uint64_t *)((uint8_t *)data + at) = number + at;
}

bool carry_work_holds(const struct carry *carry, const void *data, uint64_t number)
{
    const struct stamp *stamp = data;
    if (carry->work == CARRY_SUM)
        return sum(data, carry->touched) == sum_of(carry->touched, number);
    bool holds = stamp->number == number;
    for (uint64_t at = PAGE; carry->work == CARRY_TOUCH && at < carry->bytes; at += PAGE)
        holds &= *(const uint64_t *)((const uint8_t *)data + at) == number + at;
    if (carry->work == CARRY_READ || carry->work == CARRY_WRITE_READ)
        holds &= stamp->variant < VARIANTS && hash(carry, data) == expected[stamp->variant];
    return holds;
}
