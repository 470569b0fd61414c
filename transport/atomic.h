/* The only door to a byte that another process may read or write.
 *
 * Every field of a shared region is an `fl_word` and is touched through the macros below and through
 * nothing else. That keeps three promises:
 *   - the compiler can neither tear, repeat nor invent an access (a double fetch of a hostile byte is a bug
 *     even where the C looks right);
 *   - each access states its memory order, and the comment beside it names the access it pairs with;
 *   - the lane core (core.h) compiles as C11 and as C++, so that a model checker which brings its own atomics
 *     can run the very same code: define FL_MODEL to the name of a header which defines what this file does.
 */
#ifndef FL_ATOMIC_H
#define FL_ATOMIC_H

#include <stdint.h>

#if defined(FL_MODEL)

#include FL_MODEL

#elif defined(__cplusplus)

#include <atomic>
typedef std::atomic<uint64_t> fl_word;
#define FL_RELAXED std::memory_order_relaxed
#define FL_ACQUIRE std::memory_order_acquire
#define FL_RELEASE std::memory_order_release
#define FL_SEQ_CST std::memory_order_seq_cst
#define fl_load(word, order) ((word)->load(order))
#define fl_store(word, value, order) ((word)->store((value), (order)))
#define fl_fence(order) std::atomic_thread_fence(order)
#define fl_prefetch(word, write) __builtin_prefetch((word), (write))

#else

#include <stdatomic.h>
typedef _Atomic uint64_t fl_word;
#define FL_RELAXED memory_order_relaxed
#define FL_ACQUIRE memory_order_acquire
#define FL_RELEASE memory_order_release
#define FL_SEQ_CST memory_order_seq_cst
#define fl_load(word, order) atomic_load_explicit((word), (order))
#define fl_store(word, value, order) atomic_store_explicit((word), (value), (order))
#define fl_fence(order) atomic_thread_fence(order)
#define fl_prefetch(word, write) __builtin_prefetch((word), (write)) /* no access: nothing is seen by it, nothing torn */

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must be lock-free: no lock may live in shared memory");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the shared layout is little endian");
_Static_assert(sizeof(void *) == 8, "offsets and counts are 64 bits wide");

#endif

#endif
