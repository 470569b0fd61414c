/* `through`: four words that belong together, never older than they were, never ahead of a frame. */
#include "run.hpp"

struct told {
    uint64_t words[4];
    bool whole() const
    {
        return words[0] == 7 && words[1] != 0 && words[2] == words[1] * 40 && words[3] == words[1] * 90000;
    }
};

inline void tell(fl_tx *tx, uint64_t number)
{
    fl_tx_through(tx, 7, number, number * 40, number * 90000);
}

/* One more write while it is read. */
struct one_write : rl::test_suite<one_write, 2> {
    lane<2> way;

    void before()
    {
        way.wire(2);
        tell(&way.tx, 1);
    }
    void thread(unsigned end)
    {
        told seen;
        if (end == 0)
            tell(&way.tx, 2);
        else if (fl_rx_through(&way.rx, seen.words))
            PROMISE(seen.whole());
    }
};

/* Many writes, many reads. */
struct many_writes : rl::test_suite<many_writes, 2> {
    static const uint64_t WRITES = 4;
    lane<2> way;

    void before()
    {
        way.wire(2);
    }
    void thread(unsigned end)
    {
        end == 0 ? write() : read();
    }
    void write()
    {
        for (uint64_t number = 1; number <= WRITES; number++)
            tell(&way.tx, number);
    }
    void read()
    {
        uint64_t newest = 0;
        while (newest < WRITES) {
            told seen;
            if (!fl_rx_through(&way.rx, seen.words)) {
                spin();
                continue;
            }
            PROMISE(seen.whole());
            PROMISE(seen.words[1] >= newest);
            newest = seen.words[1];
        }
    }
};

/* "Nothing at or before this is still to come": who reads it and then looks sees every frame before it. */
struct after_frames : rl::test_suite<after_frames, 2> {
    static const unsigned FRAMES = 2;
    lane<2> way;

    void before()
    {
        way.wire(FRAMES);
    }
    void thread(unsigned end)
    {
        end == 0 ? produce() : consume();
    }
    void produce()
    {
        for (uint64_t number = 1; number <= FRAMES; number++) {
            way.announce(number, 0, 2);
            fl_tx_commit(&way.tx);
            tell(&way.tx, number);
        }
    }
    void consume()
    {
        for (unsigned looks = 0; looks < 3; looks++) {
            told seen;
            if (!fl_rx_through(&way.rx, seen.words))
                continue;
            PROMISE(seen.whole());
            while (way.rx.tail < seen.words[1]) {
                PROMISE(fl_rx_look(&way.rx) == FL_LOOK_ENTRY);
                way.read_entry();
                fl_rx_advance(&way.rx);
            }
        }
    }
};

int main(int argc, char **argv)
{
    const suite_info suites[] = {
        {"through-one-write", 99, run_suite<one_write>},
        {"through-many-writes", 0, run_suite<many_writes>},
        {"through-after-frames", 3, run_suite<after_frames>},
    };
    return run_main(argc, argv, suites);
}
