/* What do the bytes themselves cost when one core writes them and another reads them? No transport: two processes on memory they
 * share, told of each other's progress by a word each, spinning. Only the time inside fill and sum counts, on each core. */
#include "lib/bare.h"
#include "lib/carry.h"

static uint64_t bytes = 3110400, touch, buffers = 4;
static const struct micro_option options[] = {{"bytes", &bytes}, {"touch", &touch}, {"buffers", &buffers}, {0}};

#define STOP (1ull << 63)

static struct carry *carry;
static struct bare_word *filled, *summed;
static uint8_t *memory;
static uint64_t step;

static void sum(void *arg)
{
    uint64_t inside = 0;
    for (uint64_t number = 0;; number++) {
        uint64_t head;
        while (((head = bare_load(filled)) & ~STOP) <= number && !(head & STOP))
            micro_relax();
        if ((head & ~STOP) <= number)
            break;
        bool counts = carry_counts(carry) && number >= atomic_load_explicit(&carry->first, memory_order_relaxed);
        uint64_t before = micro_cpu_ns();
        carry_check_here(carry, memory + number % buffers * step, number);
        inside += counts ? micro_cpu_ns() - before : 0;
        bare_store(summed, number + 1);
    }
    carry->ends[0].start.cpu_ns = 0;
    carry->ends[0].stop.cpu_ns = inside;
}

int main(int argc, char **argv)
{
    struct micro micro;
    uint64_t inside = 0, number = 0;
    micro_begin(&micro, argc, argv, options);
    if (micro.pin != MICRO_ACROSS)
        micro_skip("spinning asks for a core each");
    step = (bytes + 4095) / 4096 * 4096;
    memory = micro_shared(step * buffers);
    filled = micro_shared(sizeof *filled);
    summed = micro_shared(sizeof *summed);
    carry = carry_create(bytes, touch, 2 * buffers);
    pid_t child = micro_fork(&micro, 1, sum, NULL);
    micro_pin_self(&micro, 0);
    carry_start(carry, &micro);
    for (; carry_goes_on(carry, number); number++) {
        while (number - bare_load(summed) >= buffers)
            micro_relax();
        uint64_t before = micro_cpu_ns();
        carry_fill(carry, memory + number % buffers * step, number);
        inside += carry_counts(carry) ? micro_cpu_ns() - before : 0;
        bare_store(filled, number + 1);
    }
    carry_ends(carry);
    bare_store(filled, number | STOP);
    micro_join(child);
    carry->first_end.start.cpu_ns = 0;
    carry->first_end.stop.cpu_ns = inside;
    carry_figures(carry);
    return micro_end();
}
