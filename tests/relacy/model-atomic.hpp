/* Relacy's atomics in the place of the processor's: what ../../transport/atomic.h includes when FL_MODEL names this file.
 *
 * Each access and each fence passes its line of core.h along, so that a run may take one of them weaker than it is written
 * (`weaken`), and can say which of them it came by (`reached`). Orders that are not relaxed stand in core.h alone, and at most
 * one a line: a line is a name.
 */
#ifndef FL_MODEL_ATOMIC_HPP
#define FL_MODEL_ATOMIC_HPP

#include <relacy/relacy.hpp>
#undef new /* Relacy would have its allocations told where they stand; nothing here allocates */

typedef rl::atomic<uint64_t> fl_word;
#define FL_RELAXED rl::mo_relaxed
#define FL_ACQUIRE rl::mo_acquire
#define FL_RELEASE rl::mo_release
#define FL_ACQ_REL rl::mo_acq_rel
#define FL_SEQ_CST rl::mo_seq_cst

struct model_orders {
    static const unsigned LINES = 4096;
    unsigned weak_line; /* 0: none */
    rl::memory_order weaker;
    bool reached[LINES];
};

inline model_orders &orders()
{
    static model_orders all;
    return all;
}

inline rl::memory_order model_order(rl::memory_order written, unsigned line)
{
    if (written == rl::mo_relaxed)
        return written;
    orders().reached[line % model_orders::LINES] = true;
    return line == orders().weak_line ? orders().weaker : written;
}

/* A fence weakened to relaxed is no fence. */
inline void model_fence(rl::memory_order order, rl::debug_info_param info)
{
    if (order != rl::mo_relaxed)
        rl::atomic_thread_fence(order, info);
}

#define fl_load(word, order)         ((word)->load(model_order((order), __LINE__), $))
#define fl_store(word, value, order) ((word)->store((value), model_order((order), __LINE__), $))
#define fl_prefetch(word, write)     ((void)(word)) /* no access */
#define fl_fence(order)              model_fence(model_order((order), __LINE__), $)

#endif
