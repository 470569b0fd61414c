/* How the threads of a test take turns.
 *
 * Relacy's own random scheduler draws from a generator whose low bits repeat after 2^17 draws, and switches threads as often as
 * not; behind a ring entry of 32 words that leaves many orders of events untried. This one draws from 64 bits, and each execution
 * has habits of its own: how long a thread runs on, and how often a load returns an old value.
 */
#ifndef FL_MODEL_SCHEDULER_HPP
#define FL_MODEL_SCHEDULER_HPP

#include <math.h>
#include <time.h>

#include <relacy/relacy.hpp>

inline double now_seconds()
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

/* Which executions there were, by a hash of all their choices: a bit each. */
class execution_census
{
  public:
    void note(uint64_t hash)
    {
        uint64_t bit = hash % BITS;
        uint64_t mask = 1ull << (bit % 64);
        set_ += !(words_[bit / 64] & mask);
        words_[bit / 64] |= mask;
    }
    void clear()
    {
        memset(words_, 0, sizeof words_);
        set_ = 0;
    }
    /* Linear counting: of n hashes thrown, how many bits stay clear. */
    uint64_t distinct() const
    {
        double clear = double(BITS - set_) / BITS;
        return uint64_t(-log(clear) * BITS + 0.5);
    }

  private:
    static const uint64_t BITS = 1ull << 30;
    uint64_t words_[BITS / 64];
    uint64_t set_;
};

struct scheduler_run {
    double until; /* by now_seconds; 0: no limit but the count of iterations */
    execution_census census;
};

inline scheduler_run &this_run()
{
    static scheduler_run run;
    return run;
}

template <rl::thread_id_t THREADS>
class habit_scheduler : public rl::scheduler<habit_scheduler<THREADS>, rl::scheduler_thread_info, THREADS>
{
  public:
    typedef rl::scheduler<habit_scheduler<THREADS>, rl::scheduler_thread_info, THREADS> base;
    typedef typename base::thread_info_t thread_info_t;
    typedef typename base::shared_context_t shared_context_t;
    struct task_t {
    };

    habit_scheduler(rl::test_params &params, shared_context_t &context, rl::thread_id_t dynamic_threads)
        : base(params, context, dynamic_threads)
    {
    }

    rl::thread_id_t iteration_begin_impl()
    {
        state_ = this->iter_;
        state_ = draw();
        hash_ = 0;
        uint64_t habits = draw();
        stay_ = 256 - (256u >> (habits % 7)); /* of 256: 0, 128, 192, ... 252 */
        old_ = 32u << (habits / 7 % 3);       /* of 256: 32, 64, 128 */
        return any_running();
    }

    bool iteration_end_impl()
    {
        this_run().census.note(hash_);
        if (this->iter_ == this->params_.iteration_count)
            return true;
        return this_run().until != 0 && this->iter_ % 64 == 0 && now_seconds() > this_run().until;
    }

    rl::thread_id_t schedule_impl(rl::unpark_reason &reason, unsigned yield)
    {
        reason = rl::unpark_reason_normal;
        if (!yield && this->thread_->state_ == rl::thread_state_running && draw() % 256 < stay_)
            return choose(this->thread_->index_);
        return any_running();
    }

    unsigned rand_impl(unsigned limit, rl::sched_type type)
    {
        if (type == rl::sched_type_atomic_load && limit == 2)
            return unsigned(choose(draw() % 256 < old_ ? 1 : 0)); /* 0: the newest */
        return unsigned(choose(int(draw() % limit)));
    }

    rl::iteration_t iteration_count_impl()
    {
        return this->params_.iteration_count;
    }

    void get_state_impl(std::ostream &)
    {
    }

    void set_state_impl(std::istream &)
    {
    }

    void on_thread_block(rl::thread_id_t, bool)
    {
    }

  private:
    uint64_t state_, hash_;
    unsigned stay_, old_;

    uint64_t draw() /* splitmix64 */
    {
        uint64_t z = state_ += 0x9e3779b97f4a7c15ull;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ z >> 27) * 0x94d049bb133111ebull;
        return z ^ z >> 31;
    }

    rl::thread_id_t choose(int what)
    {
        hash_ = (hash_ ^ unsigned(what)) * 0xff51afd7ed558ccdull;
        hash_ ^= hash_ >> 32;
        return what;
    }

    rl::thread_id_t any_running()
    {
        return choose(this->running_threads[draw() % unsigned(this->running_threads_count)]);
    }
};

#endif
