/* Floor of q-announce: a ring between one writer and one reader, with a flag by which each would know that the other sleeps.
 *
 * `--entry 16`: an entry is two words, and the reader gives places back by its tail. That is the barest announcement there is.
 * `--entry 64` or `256`, with `--returns 1`: an entry is one cache line or four, copied into private memory, and the reader names
 * what it returns in a ring of its own. That is what carrying a description and returning in any order cost physically.
 * `--batch N`: the writer shows N entries at once and looks at the flag once for them; so does the reader with what it gives back.
 */
#include "lib/bare.h"

#include <string.h>

static uint64_t places = 64, batch = 1, entry = 16, returns;
static const struct micro_option options[] = {
    {.name = "places", .number = &places},
    {.name = "batch", .number = &batch},
    {.name = "entry", .number = &entry},
    {.name = "returns", .number = &returns},
    {0},
};

#define MAX_PLACES 1024
#define CHECKED    1024 /* entries between two looks at the clock */

struct ring {
    struct bare_word head, writer_armed, tail, reader_armed, last; /* `last`: how many there will be, plus one */
    _Atomic uint64_t returned[MAX_PLACES];
    unsigned char entries[MAX_PLACES * 256] __attribute__((aligned(64)));
};

struct sum {
    uint64_t count, numbers;
};

struct reader {
    struct ring *ring;
    struct sum *sum; /* shared */
};

static struct micro micro;

/* The look that must follow every store of head or tail; nobody sleeps here, so nobody is rung. */
static void look(const struct bare_word *armed)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&armed->value, memory_order_relaxed) != 0)
        micro_fail("nobody was to sleep");
}

__attribute__((always_inline)) static inline void read_entry(struct ring *ring, uint64_t at, uint64_t bytes, struct sum *sum)
{
    uint64_t copy[32];
    memcpy(copy, &ring->entries[(at & (places - 1)) * bytes], bytes);
    __asm__ __volatile__("" : : "r"(copy) : "memory"); /* the whole of it */
    sum->numbers += copy[0] + copy[1];
    sum->count++;
    if (returns)
        atomic_store_explicit(&ring->returned[at & (places - 1)], at, memory_order_relaxed);
}

__attribute__((always_inline)) static inline void read_all(struct ring *ring, uint64_t bytes, struct sum *sum)
{
    uint64_t tail = 0, shown = 0, head;
    for (;;) {
        while ((head = bare_load(&ring->head)) == tail) {
            if (bare_load(&ring->last) == tail + 1)
                return;
            micro_relax();
        }
        for (; tail != head; tail++) {
            read_entry(ring, tail, bytes, sum);
            if (tail + 1 - shown < batch)
                continue;
            shown = tail + 1;
            bare_store(&ring->tail, shown);
            look(&ring->writer_armed);
        }
    }
}

static void reader(void *arg)
{
    struct reader *reader = arg;
    struct sum sum = {0};
    if (entry == 16)
        read_all(reader->ring, 16, &sum);
    else if (entry == 64)
        read_all(reader->ring, 64, &sum);
    else
        read_all(reader->ring, 256, &sum);
    *reader->sum = sum;
}

/* Reads what came back; the sum of indices stands in for the books. */
static uint64_t collect(struct ring *ring, uint64_t tail, uint64_t *indices)
{
    uint64_t now = bare_load(&ring->tail);
    for (; returns && tail != now; tail++)
        *indices += atomic_load_explicit(&ring->returned[tail & (places - 1)], memory_order_relaxed);
    return now;
}

__attribute__((always_inline)) static inline void write_entry(struct ring *ring, uint64_t head, uint64_t bytes, uint64_t words[32])
{
    words[0] = head;
    words[1] = 2;
    memcpy(&ring->entries[(head & (places - 1)) * bytes], words, bytes);
    __asm__ __volatile__("" : : : "memory");
}

__attribute__((always_inline)) static inline uint64_t write_all(struct ring *ring, uint64_t bytes, uint64_t end_ns)
{
    uint64_t head = 0, tail = 0, indices = 0, words[32] = {0};
    while (head % CHECKED != 0 || head == 0 || micro_now_ns() < end_ns) {
        while (head - tail == places && (tail = collect(ring, tail, &indices)) + places == head)
            micro_relax();
        write_entry(ring, head++, bytes, words);
        if (head % batch != 0)
            continue;
        bare_store(&ring->head, head);
        look(&ring->reader_armed);
    }
    bare_store(&ring->last, head + 1);
    while (tail != head)
        tail = collect(ring, tail, &indices);
    if (returns && indices != head * (head - 1) / 2)
        micro_fail("not every index came back");
    return head;
}

static uint64_t write_entries(struct ring *ring, uint64_t end_ns)
{
    if (entry == 16)
        return write_all(ring, 16, end_ns);
    if (entry == 64)
        return write_all(ring, 64, end_ns);
    return write_all(ring, 256, end_ns);
}

static void check_arguments(void)
{
    if (micro.pin == MICRO_ONE)
        micro_skip("on one core the consumer is never awake beside the producer");
    if (entry != 16 && entry != 64 && entry != 256)
        micro_fail("--entry: 16, 64 or 256");
    if (places == 0 || places > MAX_PLACES || (places & (places - 1)) || batch == 0 || batch > places || (batch & (batch - 1)))
        micro_fail("--places: a power of two, at most %d; --batch: a power of two, at most the places", MAX_PLACES);
}

int main(int argc, char **argv)
{
    micro_begin(&micro, argc, argv, options);
    check_arguments();
    struct ring *ring = micro_shared(sizeof *ring);
    struct reader arg = {ring, micro_shared(sizeof *arg.sum)};
    pid_t child = micro_fork(&micro, 1, reader, &arg);
    micro_pin_self(&micro, 0);
    uint64_t start_ns = micro_now_ns();
    uint64_t count = write_entries(ring, micro_end_ns(&micro));
    double seconds = (double)(micro_now_ns() - start_ns) / 1e9;
    micro_join(child);
    if (arg.sum->count != count || arg.sum->numbers != count * (count - 1) / 2 + 2 * count)
        micro_fail("%llu of %llu entries came, or some were not whole", (unsigned long long)arg.sum->count,
                   (unsigned long long)count);
    micro_figure("per_second", (double)count / seconds);
    micro_figure("ns", seconds * 1e9 / (double)count);
    micro_figure("announcements", (double)count);
    return micro_end();
}
