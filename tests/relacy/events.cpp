/* The ring of events: who reads while it goes round gets each event whole, or is told how many it missed; never a word of another. */
#include "run.hpp"

template <typename visit> void each_word(fl_events_region *region, visit with)
{
    with(&region->magic), with(&region->head);
}

struct going_round : rl::test_suite<going_round, 2> {
    static const unsigned EVENTS = 5, PLACES = 2;
    ring_memory<fl_events_region, PLACES * FL_EVENT_WORDS> memory;
    fl_events_tx tx;
    fl_events_rx rx;

    void before()
    {
        memory.zero_all();
        tx = fl_events_tx();
        rx = fl_events_rx();
        tx.mine = memory.region();
        rx.theirs = memory.region();
        tx.mask = rx.mask = PLACES - 1;
    }
    void thread(unsigned end)
    {
        end == 0 ? write() : read();
    }
    void write()
    {
        for (uint64_t number = 1; number <= EVENTS; number++) {
            uint64_t words[FL_EVENT_WORDS];
            for (unsigned i = 0; i < FL_EVENT_WORDS; i++)
                words[i] = number * 100 + i;
            fl_events_push(&tx, words);
        }
    }
    void read()
    {
        uint64_t seen = 0, lost = 0;
        for (unsigned looks = 0; looks < 3; looks++) {
            uint64_t head = fl_events_head(&rx);
            while (rx.tail < head) {
                uint64_t words[FL_EVENT_WORDS], at = rx.tail, late = fl_events_next(&rx, words);
                lost += late;
                seen += late == 0;
                for (unsigned i = 0; i < FL_EVENT_WORDS && late == 0; i++)
                    PROMISE(words[i] == (at + 1) * 100 + i);
            }
            PROMISE(seen + lost == rx.tail && rx.tail <= EVENTS);
        }
    }
};

int main(int argc, char **argv)
{
    const suite_info suites[] = {
        {"going-round", 0, run_suite<going_round>},
    };
    return run_main(argc, argv, suites);
}
