/* Three processes: one output with two lanes, and a stage in the middle that forwards what it takes. All sleep whenever they can;
 * there is one slot, so each frame waits until everybody is done with the one before. */
#include "run.hpp"

/* One slot, announced on two lanes: written again when both have returned it. */
struct fan_out : rl::test_suite<fan_out, 3> {
    static const unsigned FRAMES = 2, LANES = 2;
    lane<1> ways[LANES];
    exclusive_slot slot;
    bell producer, consumers[LANES];
    unsigned outstanding[LANES];

    void before()
    {
        for (unsigned i = 0; i < LANES; i++) {
            ways[i].wire(1);
            consumers[i].hang();
            outstanding[i] = 0;
        }
        slot.zero_all();
        producer.hang();
    }
    void thread(unsigned end)
    {
        end == 0 ? produce() : consume(ways[end - 1], consumers[end - 1]);
    }

    bool all_back()
    {
        uint64_t index;
        unsigned left = 0;
        for (unsigned i = 0; i < LANES; i++) {
            if (fl_tx_collect(&ways[i].tx, outstanding[i], &index) == FL_COLLECT_ONE)
                outstanding[i]--;
            left += outstanding[i];
        }
        return left == 0;
    }
    void ring_all() /* one fence for all lanes */
    {
        full_fence(FENCE_PRODUCER_RINGS);
        for (unsigned i = 0; i < LANES; i++)
            if (fl_tx_must_ring(&ways[i].tx))
                consumers[i].ring();
    }
    void produce()
    {
        for (uint64_t number = 1; number <= FRAMES; number++) {
            sleep_until(
                producer, FENCE_PRODUCER_SLEEPS,
                [this] {
                    for (auto &way : ways)
                        fl_tx_arm(&way.tx, false);
                },
                [this] { return all_back(); });
            slot.write(number);
            for (unsigned i = 0; i < LANES; i++) {
                ways[i].announce(number, 0, slot.life);
                fl_tx_commit(&ways[i].tx);
                outstanding[i]++;
            }
            if (number == FRAMES)
                for (auto &way : ways)
                    fl_tx_close(&way.tx);
            ring_all();
        }
    }

    void consume(lane<1> &way, bell &mine)
    {
        fl_look look = FL_LOOK_NOTHING;
        while (look != FL_LOOK_ENDED) {
            sleep_until(
                mine, FENCE_CONSUMER_SLEEPS, [&way] { fl_rx_arm(&way.rx, false); },
                [&way, &look] { return (look = fl_rx_look(&way.rx)) != FL_LOOK_NOTHING; });
            if (look != FL_LOOK_ENTRY)
                continue;
            const entry &seen = way.read_entry();
            slot.read(seen);
            slot.done(seen);
            way.pass();
            ring_producer(way, producer);
        }
        PROMISE(look == FL_LOOK_ENDED && way.rx.tail == FRAMES);
    }
};

/* Source -> stage -> sink, the same slot on both lanes. What the sink has read the source may write again, though the two have no
 * word in common: edges reach through the stage. */
struct forwarding : rl::test_suite<forwarding, 3> {
    static const unsigned FRAMES = 2;
    lane<1> upper, lower;
    exclusive_slot slot;
    bell source, stage, sink;
    unsigned outstanding; /* upper, then lower, one each */
    bool forwarded;
    uint64_t in_hand;

    void before()
    {
        upper.wire(1);
        lower.wire(1);
        slot.zero_all();
        source.hang();
        stage.hang();
        sink.hang();
        outstanding = 0;
        forwarded = false;
        in_hand = 0;
    }
    void thread(unsigned who)
    {
        who == 0 ? produce() : who == 1 ? forward() : consume();
    }

    void produce()
    {
        for (uint64_t number = 1; number <= FRAMES; number++) {
            uint64_t index;
            if (number > 1)
                sleep_until(
                    source, FENCE_PRODUCER_SLEEPS, [this] { fl_tx_arm(&upper.tx, false); },
                    [this, &index] { return fl_tx_collect(&upper.tx, 1, &index) == FL_COLLECT_ONE; });
            slot.write(number);
            upper.announce(number, 0, slot.life);
            fl_tx_commit(&upper.tx);
            ring_consumer(upper, stage);
        }
        fl_tx_close(&upper.tx);
        ring_consumer(upper, stage);
    }

    /* One thread that waits for either: input from above, or what it forwarded back from below. */
    void forward()
    {
        bool ended = false;
        while (!ended || forwarded) {
            bool moved = false;
            sleep_until(
                stage, FENCE_CONSUMER_SLEEPS,
                [this] {
                    fl_rx_arm(&upper.rx, false);
                    fl_tx_arm(&lower.tx, false);
                },
                [this, &moved, &ended] { return moved = pass_back() | (!ended && pass_on(&ended)); });
        }
        fl_tx_close(&lower.tx);
        ring_consumer(lower, sink);
    }
    bool pass_on(bool *ended)
    {
        fl_look look = forwarded ? FL_LOOK_NOTHING : fl_rx_look(&upper.rx);
        *ended = look == FL_LOOK_ENDED;
        if (look != FL_LOOK_ENTRY)
            return *ended;
        const entry &seen = upper.read_entry();
        in_hand = fl_rx_advance(&upper.rx);
        lower.announce(seen.number(), 0, seen.words[ENTRY_VERSION]);
        fl_tx_commit(&lower.tx);
        forwarded = true;
        ring_consumer(lower, sink);
        return true;
    }
    bool pass_back()
    {
        uint64_t index;
        if (!forwarded || fl_tx_collect(&lower.tx, 1, &index) != FL_COLLECT_ONE)
            return false;
        forwarded = false;
        fl_rx_give_back(&upper.rx, in_hand);
        fl_rx_commit(&upper.rx);
        ring_producer(upper, source);
        return true;
    }

    void consume()
    {
        fl_look look = FL_LOOK_NOTHING;
        while (look != FL_LOOK_ENDED) {
            sleep_until(
                sink, FENCE_CONSUMER_SLEEPS, [this] { fl_rx_arm(&lower.rx, false); },
                [this, &look] { return (look = fl_rx_look(&lower.rx)) != FL_LOOK_NOTHING; });
            if (look != FL_LOOK_ENTRY)
                continue;
            const entry &seen = lower.read_entry();
            slot.read(seen);
            slot.done(seen);
            lower.pass();
            ring_producer(lower, stage);
        }
        PROMISE(lower.rx.tail == FRAMES);
    }
};

int main(int argc, char **argv)
{
    const suite_info suites[] = {
        {"fan-out", 1, run_suite<fan_out>},
        {"forwarding", 2, run_suite<forwarding>},
    };
    return run_main(argc, argv, suites);
}
