/* A ring of two words between two cores, one word with each writer, `--apart` bytes from one another: what does an item cost?
 *
 * The writer looks at the reader's word only when it believes the ring full, the reader at the writer's only when it believes it
 * empty, and then lets some time go by before it looks again, as rings do that care. So in lines of their own the words are seldom
 * looked at; in one line every step of either takes the line away from the other, though neither asked for what the other wrote. */
#include "../micro/micro.h"

#include <stdatomic.h>

static uint64_t apart = 64, places = 1024;
static const struct micro_option options[] = {{"apart", &apart}, {"places", &places}, {0}};

#define ENDED   (1ull << 63)
#define CHECKED 1024 /* items between two looks at the clock */
#define IDLE    64   /* turns between two looks at a word that had no news */

static _Atomic uint64_t *head, *tail; /* head: the writer's, tail: the reader's */
static uint64_t *items;               /* on lines of their own */

static uint64_t look(const _Atomic uint64_t *word, uint64_t known)
{
    uint64_t value = atomic_load_explicit(word, memory_order_acquire);
    for (unsigned i = 0; value == known && i < IDLE; i++)
        micro_relax();
    return value;
}

/* And the full fence that a doorbell needs: without it the store would wait in the core's buffer, and the line with it. */
static void show(_Atomic uint64_t *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
}

static void read_all(void *arg)
{
    uint64_t known = 0;
    for (uint64_t number = 0;; number++) {
        while ((known & ~ENDED) <= number) {
            if (known & ENDED)
                return;
            known = look(head, known);
        }
        if (items[number % places] != number)
            micro_fail("item %llu is not what was written", (unsigned long long)number);
        show(tail, number + 1);
    }
}

int main(int argc, char **argv)
{
    struct micro micro;
    uint64_t number = 0, known = 0;
    micro_begin(&micro, argc, argv, options);
    if (micro.pin == MICRO_ONE)
        micro_skip("one core has no line to take away");
    if (apart < 8 || apart % 8 != 0 || apart > 2048 || places == 0)
        micro_fail("--apart: 8 to 2048, a multiple of 8; --places: at least 1");
    char *words = micro_shared(4096);
    head = (_Atomic uint64_t *)(void *)(words + 1024);
    tail = (_Atomic uint64_t *)(void *)(words + 1024 + apart);
    items = micro_shared(places * sizeof *items);
    pid_t child = micro_fork(&micro, 1, read_all, NULL);
    micro_pin_self(&micro, 0);
    uint64_t start_ns = micro_now_ns(), end_ns = micro_end_ns(&micro);
    for (; number % CHECKED != 0 || number == 0 || micro_now_ns() < end_ns; number++) {
        while (number - known >= places)
            known = look(tail, known);
        items[number % places] = number;
        show(head, number + 1);
    }
    double ns = (double)(micro_now_ns() - start_ns) / (double)number;
    atomic_store_explicit(head, number | ENDED, memory_order_release);
    micro_join(child);
    micro_figure("item_ns", ns);
    micro_figure("per_second", 1e9 / ns);
    return micro_end();
}
