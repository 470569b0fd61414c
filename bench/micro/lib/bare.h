/* The barest doorbell, for floors: a word that says "I am going to sleep", an eventfd, and the calls that any careful sleeper makes
 * (look, ppoll, read; write by the other side only if somebody sleeps). Two file descriptors are polled, the bell and one more, as
 * a process does that can also be woken by itself; and every 100 ms it looks around.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include "../micro.h"

#include <stdatomic.h>

/* A shared word on a cache line of its own. */
struct bare_word {
    _Atomic uint64_t value;
    uint64_t pad[7];
};

/* One direction of ringing. Minted before the fork, so both processes have it; each uses its own half. */
struct bare_bell {
    struct bare_word *armed;       /* shared: raised by the sleeper before it sleeps */
    int ring, hear;                /* see bare_bell_init */
    struct bare_word *word;        /* and: changed by who rings; NULL: the bell is a descriptor */
    const struct bare_word *heard; /* the same, as the sleeper sees it, who cannot write there */
    int kick;
    bool epoll;
    uint64_t raised; /* the sleeper's own */
    uint64_t rung;   /* the other's own */
    uint64_t sleeps;
};

/* `how`: "read", one eventfd that both sides hold; "epoll", an eventfd, and an epoll instance that watches it for the sleeper;
 * "pipe", the two ends of a pipe; "word", a futex in memory that only who rings may write, and one more that is waited for besides.
 */
void bare_bell_init(struct bare_bell *bell, const char *how);

/* After the news has been stored: rings if the other side sleeps, or is about to. */
void bare_tell(struct bare_bell *bell);

/* Sleeps until *word != seen; its value, acquired. */
uint64_t bare_await(struct bare_bell *bell, const struct bare_word *word, uint64_t seen);

static inline uint64_t bare_load(const struct bare_word *word)
{
    return atomic_load_explicit(&word->value, memory_order_acquire);
}

static inline void bare_store(struct bare_word *word, uint64_t value)
{
    atomic_store_explicit(&word->value, value, memory_order_release);
}

/* The look at the sleeper's flag alone: true when it has to be rung. */
static inline bool bare_must_ring(struct bare_bell *bell)
{
    atomic_thread_fence(memory_order_seq_cst); /* what was stored before, ahead of the look */
    uint64_t armed = atomic_load_explicit(&bell->armed->value, memory_order_relaxed);
    if (armed == bell->rung)
        return false;
    bell->rung = armed;
    return true;
}

#endif
