/* Floor of q-paced: every millisecond a word in a ring, and an eventfd, for a process that sleeps. */
#include "lib/bare.h"

static const char *how = "read";
static uint64_t period = 1000000;
static const struct micro_option options[] = {{.name = "hear", .word = &how}, {.name = "period", .number = &period}, {0}};

#define PLACES 256
#define STOP   UINT64_MAX /* the last time that is told */

struct talk {
    struct bare_word *head, *tail;
    _Atomic uint64_t *due_ns; /* PLACES of them: when the word was due */
    struct bare_bell to_listener, to_teller;
    struct micro_samples *samples;
};

static void listen_all(void *arg)
{
    struct talk *talk = arg;
    for (uint64_t tail = 0;;) {
        uint64_t head = bare_await(&talk->to_listener, talk->head, tail);
        for (; tail != head; tail++) {
            uint64_t due = atomic_load_explicit(&talk->due_ns[tail % PLACES], memory_order_relaxed);
            if (due == STOP)
                return;
            micro_sample(talk->samples, micro_now_ns() - due);
            bare_store(talk->tail, tail + 1);
            bare_tell(&talk->to_teller);
        }
    }
}

static void tell(struct talk *talk, uint64_t number, uint64_t due)
{
    if (number - bare_load(talk->tail) == PLACES)
        micro_fail("nobody has listened for %d ms", PLACES);
    atomic_store_explicit(&talk->due_ns[number % PLACES], due, memory_order_relaxed);
    bare_store(talk->head, number + 1);
    bare_tell(&talk->to_listener);
}

int main(int argc, char **argv)
{
    struct micro micro;
    struct talk talk;
    uint64_t told = 0;
    micro_begin(&micro, argc, argv, options);
    talk.samples = micro_samples_create(1 << 20);
    talk.head = micro_shared(sizeof *talk.head);
    talk.tail = micro_shared(sizeof *talk.tail);
    talk.due_ns = micro_shared(PLACES * sizeof *talk.due_ns);
    bare_bell_init(&talk.to_listener, how);
    bare_bell_init(&talk.to_teller, how);
    pid_t child = micro_fork(&micro, 1, listen_all, &talk);
    micro_pin_self(&micro, 0);
    uint64_t end_ns = micro_end_ns(&micro), due = micro_now_ns();
    for (due += period; due < end_ns || told < 10; due += period) {
        micro_sleep_until_ns(due);
        tell(&talk, told++, due);
    }
    tell(&talk, told, STOP);
    micro_join(child);
    if (talk.samples->count != told)
        micro_fail("%llu of %llu words were heard", (unsigned long long)talk.samples->count, (unsigned long long)told);
    micro_samples_figures(talk.samples);
    return micro_end();
}
