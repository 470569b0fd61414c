/* What the tests are made of: a lane, slots, and bells, around the C of the lane core. */
#ifndef FL_MODEL_LANE_HPP
#define FL_MODEL_LANE_HPP

#include "model-atomic.hpp"

#include "core.h"

/* Where who reads runs past what is so, and where who waits has waited in vain. */
#define PROMISE(what) RL_ASSERT(what)

inline void spin()
{
    rl::yield(1, $);
}

inline bool heads()
{
    return rl::rand(2) == 0;
}

/* ---- memory as a fresh memfd has it: zeros ---- */

inline void zero(fl_word &word)
{
    fl_store(&word, 0, FL_RELAXED);
}

template <typename words> void zero_words(words &all)
{
    for (fl_word &word : all)
        zero(word);
}

template <typename visit> void each_word(fl_announce_region *region, visit with)
{
    with(&region->magic), with(&region->lane), with(&region->epoch), with(&region->places), with(&region->head);
    with(&region->armed), with(&region->bell), with(&region->closed), with(&region->through_seq), with(&region->through_epoch);
    with(&region->through_number), with(&region->through_pts), with(&region->through_time_base);
}

template <typename visit> void each_word(fl_return_region *region, visit with)
{
    with(&region->magic), with(&region->lane), with(&region->epoch), with(&region->places), with(&region->returned);
    with(&region->gone), with(&region->armed), with(&region->bell), with(&region->taken), with(&region->working_on);
}

/* A region and the words behind it. C++ cannot end the life of an open array, so every word is born and buried by name. */
template <typename region_type, unsigned WORDS> class ring_memory
{
  public:
    ring_memory()
    {
        every([](fl_word *word) { new (word) fl_word; });
    }
    ~ring_memory()
    {
        every([](fl_word *word) { word->~fl_word(); });
    }
    region_type *region()
    {
        return reinterpret_cast<region_type *>(place_);
    }
    void zero_all()
    {
        every([](fl_word *word) { zero(*word); });
    }

  private:
    alignas(16) char place_[sizeof(region_type) + WORDS * sizeof(fl_word)];

    template <typename visit> void every(visit with)
    {
        each_word(region(), with);
        for (unsigned i = 0; i < WORDS; i++)
            with(&region()->entries[i]);
    }
};

/* ---- entries: 31 words that belong together, or 7 that lean on those before ---- */

enum entry_word { ENTRY_NUMBER, ENTRY_SLOT, ENTRY_VERSION, ENTRY_TYPE, ENTRY_BASE, ENTRY_OTHERS };

struct entry {
    static const unsigned WORDS = FL_ENTRY_WORDS - 1; /* the other is the count */
    uint64_t words[WORDS];

    entry()
    {
        memset(words, 0, sizeof words);
    }
    entry(uint64_t number, uint64_t slot, uint64_t version)
    {
        words[ENTRY_NUMBER] = number;
        words[ENTRY_SLOT] = slot;
        words[ENTRY_VERSION] = version;
        words[ENTRY_TYPE] = FL_ENTRY_WHOLE;
        describe(number);
    }
    uint64_t number() const
    {
        return words[ENTRY_NUMBER];
    }
    bool whole() const
    {
        bool all = number() != 0;
        for (unsigned i = ENTRY_OTHERS; i < WORDS; i++)
            all &= words[i] == words[ENTRY_BASE] * 100 + i;
        return all;
    }
    /* The number of the announcement whose description this is. */
    void describe(uint64_t base)
    {
        words[ENTRY_BASE] = base;
        for (unsigned i = ENTRY_OTHERS; i < WORDS; i++)
            words[i] = base * 100 + i;
    }
};

/* ---- a lane and the private halves of its two ends ---- */

template <unsigned PLACES> struct lane {
    ring_memory<fl_announce_region, PLACES * FL_ENTRY_WORDS> announces;
    ring_memory<fl_return_region, PLACES> returns;
    fl_tx tx;
    fl_rx rx;
    entry told; /* the consumer's: the newest announcement it read */

    void wire(unsigned credits)
    {
        announces.zero_all();
        returns.zero_all();
        tx = fl_tx();
        rx = fl_rx();
        tx.mine = announces.region();
        tx.theirs = returns.region();
        rx.mine = returns.region();
        rx.theirs = announces.region();
        tx.mask = rx.mask = PLACES - 1;
        rx.credits = credits;
    }

    /* Every other one in the short form, described as the one before. */
    void announce(uint64_t number, uint64_t slot, uint64_t version)
    {
        entry what(number, slot, version);
        if (number % 2 == 0) {
            what.words[ENTRY_TYPE] = FL_ENTRY_AS_BEFORE;
            what.describe(number - 1);
        }
        fl_tx_push(&tx, what.words, number % 2 == 0 ? FL_SHORT_ENTRY_WORDS : entry::WORDS);
    }

    /* Reads the entry at tail over the one before it. */
    const entry &read_entry()
    {
        fl_rx_copy_short(&rx, told.words);
        if (told.words[ENTRY_TYPE] == FL_ENTRY_WHOLE)
            fl_rx_copy_rest(&rx, told.words);
        PROMISE(told.number() == rx.tail + 1);
        PROMISE(told.words[ENTRY_BASE] == rx.tail / 2 * 2 + 1 && told.whole());
        return told;
    }

    /* Takes the entry at tail and gives it back. */
    void pass()
    {
        fl_rx_give_back(&rx, fl_rx_advance(&rx));
        fl_rx_commit(&rx);
    }

    /* What the other's bell said before. */
    uint64_t arm_producer(bool by_word)
    {
        uint64_t said = fl_tx_bell(&tx);
        fl_tx_arm(&tx, by_word);
        return said;
    }
    uint64_t arm_consumer(bool by_word)
    {
        uint64_t said = fl_rx_bell(&rx);
        fl_rx_arm(&rx, by_word);
        return said;
    }
};

/* ---- slots ---- */

/* A slot whose readers and writer must never meet: the payload is plain memory, and a race on it ends the run. */
struct exclusive_slot {
    fl_slot_version version;
    rl::var<uint64_t> payload;
    uint64_t life; /* the producer's */

    void zero_all()
    {
        zero(version.version);
        payload($) = 0;
        life = 0;
    }
    void write(uint64_t number)
    {
        fl_version_open(&version, ++life);
        payload($) = number;
        fl_version_close(&version, ++life);
    }
    void read(const entry &told)
    {
        PROMISE(fl_version_is(&version, told.words[ENTRY_VERSION]));
        PROMISE(uint64_t(payload($)) == told.number());
    }
    void done(const entry &told)
    {
        PROMISE(uint64_t(payload($)) == told.number());
        PROMISE(fl_version_still(&version, told.words[ENTRY_VERSION]));
    }
};

/* A slot that may be overwritten while it is read: the payload is words, torn or not as the machine has it. */
struct shared_slot {
    static const unsigned WORDS = 2;
    fl_slot_version version;
    fl_word payload[WORDS];
    uint64_t life;

    void zero_all()
    {
        zero(version.version);
        zero_words(payload);
        life = 0;
    }
    void write(uint64_t number)
    {
        fl_version_open(&version, ++life);
        for (fl_word &word : payload)
            fl_store(&word, number, FL_RELAXED);
        fl_version_close(&version, ++life);
    }
    /* True if it says that it was read whole; then it must be. */
    bool read(uint64_t number, uint64_t even)
    {
        uint64_t seen[WORDS];
        if (!fl_version_is(&version, even))
            return false;
        for (unsigned i = 0; i < WORDS; i++)
            seen[i] = fl_load(&payload[i], FL_RELAXED);
        if (!fl_version_still(&version, even))
            return false;
        for (unsigned i = 0; i < WORDS; i++)
            PROMISE(seen[i] == number);
        return true;
    }
};

/* ---- bells ---- */

/* A descriptor and the thread that polls it, or a futex and the thread that waits on it. The kernel's own would order memory
 * besides; the protocol does not lean on that, so these order nothing, but that whoever is not let to sleep, for the word is newer,
 * finds it newer. Who sleeps and is never rung sleeps for ever: Relacy calls that a deadlock. */
struct bell {
    bool rung, asleep;
    uint64_t said; /* the futex, as the kernel knows it once somebody was to be woken */
    rl::thread_id_t sleeper;

    void hang()
    {
        rung = asleep = false;
        said = 0;
    }
    void ring()
    {
        rl::ctx().sched();
        rung = true;
        wake();
    }
    void ring_word(uint64_t says)
    {
        model_fence(rl::mo_seq_cst, $);
        rl::ctx().sched();
        said = says;
        wake();
    }
    void sleep()
    {
        rl::ctx().sched();
        if (!rung)
            park();
        rl::ctx().sched();
        rung = false; /* drained, then the sleeper looks again */
    }
    /* Unless the word is newer than what was `noted`. */
    void sleep_by_word(uint64_t noted)
    {
        rl::ctx().sched();
        if (said <= noted)
            park();
        else
            model_fence(rl::mo_seq_cst, $);
        rl::ctx().sched();
    }

  private:
    void park()
    {
        asleep = true;
        sleeper = rl::ctx().current_thread();
        rl::ctx().park_current_thread(false, false, false, $);
    }
    void wake()
    {
        if (!asleep)
            return;
        asleep = false;
        rl::ctx().unpark_thread(sleeper, false, $);
    }
};

/* The four places where the full fence of the doorbells stands. A run may weaken one of them alone. */
enum fence_place { FENCE_NOWHERE, FENCE_PRODUCER_SLEEPS, FENCE_CONSUMER_SLEEPS, FENCE_PRODUCER_RINGS, FENCE_CONSUMER_RINGS };

struct weak_fence {
    fence_place place;
    rl::memory_order order;
    bool reached[FENCE_CONSUMER_RINGS + 1];
};

inline weak_fence &fences()
{
    static weak_fence fence;
    return fence;
}

inline void full_fence(fence_place place)
{
    fences().reached[place] = true;
    if (fences().place == place)
        model_fence(fences().order, $);
    else
        fl_doorbell_fence();
}

template <typename some_lane> void ring_consumer(some_lane &lane, bell &consumer)
{
    full_fence(FENCE_PRODUCER_RINGS);
    fl_must_ring how = fl_tx_must_ring(&lane.tx);
    if (how == FL_RING_FD)
        consumer.ring();
    if (how == FL_RING_WORD) {
        fl_tx_ring(&lane.tx);
        consumer.ring_word(lane.tx.rings);
    }
}

template <typename some_lane> void ring_producer(some_lane &lane, bell &producer)
{
    full_fence(FENCE_CONSUMER_RINGS);
    fl_must_ring how = fl_rx_must_ring(&lane.rx);
    if (how == FL_RING_FD)
        producer.ring();
    if (how == FL_RING_WORD) {
        fl_rx_ring(&lane.rx);
        producer.ring_word(lane.rx.rings);
    }
}

/* Looks; if nothing, arms and looks again; if still nothing, does what may not wait for it, sleeps until rung, and so on. */
template <typename arm, typename look, typename tend>
void sleep_until(bell &mine, fence_place place, arm arms, look ready, tend before_sleep)
{
    while (!ready()) {
        arms();
        full_fence(place);
        if (ready())
            return;
        before_sleep();
        mine.sleep();
    }
}

template <typename arm, typename look> void sleep_until(bell &mine, fence_place place, arm arms, look ready)
{
    sleep_until(mine, place, arms, ready, [] {});
}

/* By descriptor or by word, as `way` says: `arms` is told which, and gives what the other's word said before. */
enum sleep_way { BY_FD, BY_WORD, EITHER };

template <typename arm, typename look, typename tend>
void sleep_some_way(sleep_way way, bell &mine, fence_place place, arm arms, look ready, tend before_sleep)
{
    while (!ready()) {
        bool by_word = way == EITHER ? heads() : way == BY_WORD;
        uint64_t said = arms(by_word);
        full_fence(place);
        if (ready())
            return;
        before_sleep();
        if (by_word)
            mine.sleep_by_word(said);
        else
            mine.sleep();
    }
}

template <typename arm, typename look> void sleep_either_way(bell &mine, fence_place place, arm arms, look ready)
{
    sleep_some_way(EITHER, mine, place, arms, ready, [] {});
}

#endif
