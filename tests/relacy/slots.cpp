/* Versions: a slot that is written again while somebody reads it, because a stage between returned it early, or because who reads
 * holds no credit at all (an observer of the latest region). A read that says it was whole was whole. */
#include "run.hpp"

/* The slot is written again, once, while it is read. */
struct overwritten : rl::test_suite<overwritten, 2> {
    shared_slot slot;

    void before()
    {
        slot.zero_all();
        slot.write(1);
    }
    void thread(unsigned end)
    {
        if (end == 0)
            slot.write(2);
        else
            slot.read(1, 2);
    }
};

/* Two frames in one slot, both announced, nothing waited for: the lie of a stage that returns what it still shows below. */
struct returned_early : rl::test_suite<returned_early, 2> {
    static const unsigned FRAMES = 3;
    lane<4> way;
    shared_slot slot;

    void before()
    {
        way.wire(FRAMES);
        slot.zero_all();
    }
    void thread(unsigned end)
    {
        end == 0 ? produce() : consume();
    }
    void produce()
    {
        for (uint64_t number = 1; number <= FRAMES; number++) {
            slot.write(number);
            way.announce(number, 0, slot.life);
            fl_tx_commit(&way.tx);
        }
    }
    void consume()
    {
        uint64_t last = 0;
        while (way.rx.tail < FRAMES) {
            if (fl_rx_look(&way.rx) != FL_LOOK_ENTRY) {
                spin();
                continue;
            }
            const entry &seen = way.read_entry();
            bool whole = slot.read(seen.number(), seen.words[ENTRY_VERSION]);
            PROMISE(whole || seen.number() < FRAMES); /* the last is overwritten by nobody */
            last = whole ? seen.number() : last;
            way.pass();
        }
        PROMISE(last == FRAMES);
    }
};

struct latest_memory {
    fl_latest_region region;

    void zero_all()
    {
        zero(region.magic), zero(region.output), zero(region.seq);
        for (fl_word &word : region.entry)
            zero(word);
    }
};

/* The region alone: the words of one announcement, also while the next is written. */
struct latest_words : rl::test_suite<latest_words, 2> {
    latest_memory latest;

    void before()
    {
        latest.zero_all();
        fl_latest_write(&latest.region, entry(1, 0, 2).words);
    }
    void thread(unsigned end)
    {
        entry seen;
        if (end == 0)
            fl_latest_write(&latest.region, entry(2, 0, 2).words);
        else if (fl_latest_read(&latest.region, seen.words))
            PROMISE(seen.whole());
    }
};

/* An output that goes round two slots, and an observer that peeks. */
struct peek : rl::test_suite<peek, 2> {
    static const unsigned FRAMES = 4, SLOTS = 2;
    latest_memory latest;
    shared_slot slots[SLOTS];

    void before()
    {
        latest.zero_all();
        for (shared_slot &slot : slots)
            slot.zero_all();
    }
    void thread(unsigned end)
    {
        end == 0 ? publish() : observe();
    }
    void publish()
    {
        for (uint64_t number = 1; number <= FRAMES; number++) {
            shared_slot &slot = slots[number % SLOTS];
            slot.write(number);
            fl_latest_write(&latest.region, entry(number, number % SLOTS, slot.life).words);
        }
    }
    void observe()
    {
        uint64_t newest = 0;
        while (newest < FRAMES) {
            entry seen;
            uint64_t count = fl_latest_read(&latest.region, seen.words);
            if (count == 0) {
                spin();
                continue;
            }
            uint64_t number = seen.number();
            PROMISE(seen.whole() && count == number * 2 && number >= newest);
            bool whole = slots[seen.words[ENTRY_SLOT]].read(number, seen.words[ENTRY_VERSION]);
            PROMISE(whole || number < FRAMES);
            newest = number;
        }
    }
};

int main(int argc, char **argv)
{
    const suite_info suites[] = {
        {"overwritten", 99, run_suite<overwritten>},
        {"returned-early", 0, run_suite<returned_early>},
        {"latest-words", 0, run_suite<latest_words>},
        {"peek", 0, run_suite<peek>},
    };
    return run_main(argc, argv, suites);
}
