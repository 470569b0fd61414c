/* Doorbells, both ways: whatever one side does while the other goes to sleep, the other is woken. A wake-up that is lost is a
 * deadlock. Each of the small suites has one thing to hear of, and is searched through to the end. */
#include "run.hpp"

/* The end of a lane. */
struct hear_end : rl::test_suite<hear_end, 2> {
    lane<2> way;
    bell consumer;

    void before()
    {
        way.wire(2);
        consumer.hang();
    }
    void thread(unsigned end)
    {
        if (end == 0) {
            fl_tx_close(&way.tx);
            ring_consumer(way, consumer);
        } else {
            sleep_either_way(
                consumer, FENCE_CONSUMER_SLEEPS, [this](bool by_word) { return way.arm_consumer(by_word); },
                [this] { return fl_rx_look(&way.rx) == FL_LOOK_ENDED; });
        }
    }
};

/* `through`. */
struct hear_through : rl::test_suite<hear_through, 2> {
    lane<2> way;
    bell consumer;

    void before()
    {
        way.wire(2);
        consumer.hang();
    }
    void thread(unsigned end)
    {
        if (end == 0) {
            fl_tx_through(&way.tx, 1, 1, 40, 90000);
            ring_consumer(way, consumer);
        } else {
            uint64_t words[4];
            sleep_either_way(
                consumer, FENCE_CONSUMER_SLEEPS, [this](bool by_word) { return way.arm_consumer(by_word); },
                [this, &words] { return fl_rx_through(&way.rx, words) != 0; });
            PROMISE(words[1] == 1 && words[3] == 90000);
        }
    }
};

/* A frame that comes back to who waits for credit. */
struct hear_return : rl::test_suite<hear_return, 2> {
    lane<2> way;
    bell producer;

    void before()
    {
        way.wire(1);
        producer.hang();
        way.announce(1, 0, 2);
        fl_tx_commit(&way.tx);
        PROMISE(fl_rx_look(&way.rx) == FL_LOOK_ENTRY);
        fl_rx_advance(&way.rx);
    }
    void thread(unsigned end)
    {
        uint64_t index = 1;
        if (end == 1) {
            fl_rx_give_back(&way.rx, 0);
            fl_rx_commit(&way.rx);
            ring_producer(way, producer);
        } else {
            sleep_either_way(
                producer, FENCE_PRODUCER_SLEEPS, [this](bool by_word) { return way.arm_producer(by_word); },
                [this, &index] { return fl_tx_collect(&way.tx, 1, &index) == FL_COLLECT_ONE; });
            PROMISE(index == 0);
        }
    }
};

/* A consumer that leaves. */
struct hear_leave : rl::test_suite<hear_leave, 2> {
    lane<2> way;
    bell producer;

    void before()
    {
        way.wire(1);
        producer.hang();
    }
    void thread(unsigned end)
    {
        if (end == 1) {
            fl_rx_leave(&way.rx);
            ring_producer(way, producer);
        } else {
            sleep_either_way(
                producer, FENCE_PRODUCER_SLEEPS, [this](bool by_word) { return way.arm_producer(by_word); },
                [this] { return fl_tx_gone(&way.tx) != 0; });
        }
    }
};

/* Both ends of a lane, asleep whenever they can be: frames one way, returns the other, the end. Both sides put off their looks
 * whether to ring, within a batch: never when they sleep, nor at the end. */
template <sleep_way WAY> struct lane_asleep : rl::test_suite<lane_asleep<WAY>, 2> {
    static const unsigned FRAMES = 4, CREDITS = 2;
    lane<2> way;
    exclusive_slot slots[CREDITS];
    bell producer, consumer;
    unsigned outstanding, unlooked;

    void before()
    {
        way.wire(CREDITS);
        for (exclusive_slot &slot : slots)
            slot.zero_all();
        producer.hang();
        consumer.hang();
        outstanding = unlooked = 0;
    }
    void thread(unsigned end)
    {
        end == 0 ? produce() : consume();
    }

    void flush()
    {
        if (way.tx.committed == way.tx.head)
            return;
        fl_tx_commit(&way.tx);
        ring_consumer(way, consumer);
    }
    bool at_most(unsigned most)
    {
        uint64_t index;
        while (fl_tx_collect(&way.tx, outstanding, &index) == FL_COLLECT_ONE)
            outstanding--;
        return outstanding <= most;
    }
    void wait_for(unsigned most)
    {
        sleep_some_way(
            WAY, producer, FENCE_PRODUCER_SLEEPS, [this](bool by_word) { return way.arm_producer(by_word); },
            [this, most] { return at_most(most); }, [this] { flush(); });
    }
    void produce()
    {
        for (uint64_t number = 1; number <= FRAMES; number++) {
            exclusive_slot &slot = slots[number % CREDITS];
            wait_for(CREDITS - 1);
            slot.write(number); /* returns come in order here: this is the oldest */
            way.announce(number, number % CREDITS, slot.life);
            outstanding++;
            if (heads())
                flush();
        }
        if (heads())
            wait_for(0);
        fl_tx_commit(&way.tx);
        fl_tx_close(&way.tx);
        ring_consumer(way, consumer);
    }

    void look()
    {
        if (unlooked == 0)
            return;
        unlooked = 0;
        fl_rx_commit(&way.rx);
        ring_producer(way, producer);
    }
    void consume()
    {
        fl_look seen = FL_LOOK_NOTHING;
        while (seen != FL_LOOK_ENDED) {
            sleep_some_way(
                WAY, consumer, FENCE_CONSUMER_SLEEPS, [this](bool by_word) { return way.arm_consumer(by_word); },
                [this, &seen] { return (seen = fl_rx_look(&way.rx)) != FL_LOOK_NOTHING; }, [this] { look(); });
            PROMISE(seen == FL_LOOK_ENTRY || seen == FL_LOOK_ENDED);
            if (seen == FL_LOOK_ENTRY)
                take_one();
        }
        look();
        PROMISE(way.rx.tail == FRAMES);
    }
    void take_one()
    {
        const entry &seen = way.read_entry();
        uint64_t index = fl_rx_advance(&way.rx);
        exclusive_slot &slot = slots[seen.words[ENTRY_SLOT]];
        slot.read(seen);
        slot.done(seen);
        fl_rx_give_back(&way.rx, index);
        unlooked++;
        if (heads())
            look();
    }
};

int main(int argc, char **argv)
{
    const suite_info suites[] = {
        {"hear-end", 99, run_suite<hear_end>},
        {"hear-through", 99, run_suite<hear_through>},
        {"hear-return", 99, run_suite<hear_return>},
        {"hear-leave", 99, run_suite<hear_leave>},
        {"lane-asleep", 1, run_suite<lane_asleep<BY_FD>>},
        {"lane-asleep-by-word", 1, run_suite<lane_asleep<BY_WORD>>},
    };
    return run_main(argc, argv, suites);
}
