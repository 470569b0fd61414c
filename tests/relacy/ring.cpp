/* The two rings: announcements whole, credits kept, slots never written while they are read, and nothing lost at the end.
 * No doorbell rings here: full fences would hide what is missing. */
#include "run.hpp"

/* Four frames through two places, two credits and two slots, in batches, returned in any order. */
struct frames : rl::test_suite<frames, 2> {
    static const unsigned FRAMES = 4, CREDITS = 2, SLOTS = 2;
    lane<2> way;
    exclusive_slot slots[SLOTS];
    uint64_t slot_of[FRAMES]; /* by announcement, the producer's */
    unsigned free_slots, outstanding;

    void before()
    {
        way.wire(CREDITS);
        for (exclusive_slot &slot : slots)
            slot.zero_all();
        free_slots = (1u << SLOTS) - 1;
        outstanding = 0;
    }

    void thread(unsigned end)
    {
        end == 0 ? produce() : consume();
    }

    void collect()
    {
        uint64_t index;
        fl_collect got;
        while ((got = fl_tx_collect(&way.tx, outstanding, &index)) == FL_COLLECT_ONE) {
            PROMISE(index < way.tx.head);
            PROMISE(!(free_slots & 1u << slot_of[index]));
            free_slots |= 1u << slot_of[index];
            outstanding--;
        }
        PROMISE(got == FL_COLLECT_NONE);
    }

    void produce()
    {
        for (uint64_t number = 1; number <= FRAMES; number++) {
            if (free_slots == 0)
                fl_tx_commit(&way.tx);
            for (collect(); free_slots == 0; collect())
                spin();
            unsigned slot = free_slots & 1 ? 0 : 1;
            free_slots &= ~(1u << slot);
            slots[slot].write(number);
            slot_of[way.tx.head] = slot;
            way.announce(number, slot, slots[slot].life);
            outstanding++;
            if (heads())
                fl_tx_commit(&way.tx);
        }
        fl_tx_commit(&way.tx);
        fl_tx_close(&way.tx);
    }

    void consume()
    {
        entry held[CREDITS];
        uint64_t index[CREDITS];
        unsigned count = 0;
        fl_look look;
        while ((look = fl_rx_look(&way.rx)) != FL_LOOK_ENDED) {
            PROMISE(look == FL_LOOK_ENTRY || look == FL_LOOK_NOTHING);
            if (look == FL_LOOK_ENTRY) {
                held[count] = way.read_entry();
                slots[held[count].words[ENTRY_SLOT]].read(held[count]);
                index[count++] = fl_rx_advance(&way.rx);
            }
            if (count == CREDITS || (count > 0 && heads()))
                give_back(held, index, &count);
            if (look == FL_LOOK_NOTHING) {
                fl_rx_commit(&way.rx);
                spin();
            }
        }
        PROMISE(way.rx.tail == FRAMES);
        while (count > 0)
            give_back(held, index, &count);
        fl_rx_commit(&way.rx);
    }

    void give_back(entry *held, uint64_t *index, unsigned *count)
    {
        unsigned which = *count == 2 && heads() ? 0 : *count - 1;
        slots[held[which].words[ENTRY_SLOT]].done(held[which]);
        fl_rx_give_back(&way.rx, index[which]);
        if (heads())
            fl_rx_commit(&way.rx);
        --*count;
        held[which] = held[*count];
        index[which] = index[*count];
    }
};

/* Who skips to the newest: what it sees ahead is there when it looks, and whole, in one batch or in several. */
struct newest : rl::test_suite<newest, 2> {
    static const unsigned FRAMES = 3;
    lane<4> way;

    void before()
    {
        way.wire(4);
    }

    void thread(unsigned end)
    {
        end == 0 ? produce() : consume();
    }

    void produce()
    {
        for (uint64_t number = 1; number <= FRAMES; number++) {
            way.announce(number, 0, 2);
            if (heads())
                fl_tx_commit(&way.tx);
        }
        fl_tx_commit(&way.tx);
        fl_tx_close(&way.tx);
    }

    void consume()
    {
        fl_look look;
        while ((look = fl_rx_look(&way.rx)) != FL_LOOK_ENDED) {
            PROMISE(look == FL_LOOK_ENTRY || look == FL_LOOK_NOTHING);
            if (look == FL_LOOK_ENTRY)
                skip_to_newest();
            else
                spin();
        }
        PROMISE(way.rx.tail == FRAMES);
    }

    void skip_to_newest()
    {
        while (fl_rx_sees_another(&way.rx)) {
            way.read_entry();
            way.pass();
            PROMISE(fl_rx_look(&way.rx) == FL_LOOK_ENTRY);
        }
        way.read_entry();
        way.pass();
    }
};

/* The last frame and the end: who sees the end sees the frame. */
struct last_frame : rl::test_suite<last_frame, 2> {
    lane<2> way;

    void before()
    {
        way.wire(2);
    }

    void thread(unsigned end)
    {
        end == 0 ? produce() : consume();
    }

    void produce()
    {
        way.announce(1, 0, 2);
        fl_tx_commit(&way.tx);
        fl_tx_close(&way.tx);
    }

    void consume()
    {
        for (unsigned looks = 0; looks < 3; looks++) {
            fl_look look = fl_rx_look(&way.rx);
            PROMISE(look == FL_LOOK_NOTHING || look == FL_LOOK_ENTRY || look == FL_LOOK_ENDED);
            PROMISE(look != FL_LOOK_ENDED || way.rx.tail == 1);
            if (look == FL_LOOK_ENTRY) {
                way.read_entry();
                way.pass();
            }
        }
    }
};

/* A frame comes back, and its slot is written again at once. */
struct slot_again : rl::test_suite<slot_again, 2> {
    lane<2> way;
    exclusive_slot slot;

    void before()
    {
        way.wire(1);
        slot.zero_all();
        slot.write(1);
        way.announce(1, 0, slot.life);
        fl_tx_commit(&way.tx);
        PROMISE(fl_rx_look(&way.rx) == FL_LOOK_ENTRY);
    }

    void thread(unsigned end)
    {
        uint64_t index;
        if (end == 1) {
            entry seen(1, 0, 2);
            slot.read(seen);
            slot.done(seen);
            way.pass();
        } else if (fl_tx_collect(&way.tx, 1, &index) == FL_COLLECT_ONE) {
            PROMISE(index == 0);
            slot.write(2);
        }
    }
};

int main(int argc, char **argv)
{
    const suite_info suites[] = {
        {"frames", 0, run_suite<frames>},
        {"newest", 0, run_suite<newest>},
        {"last-frame", 4, run_suite<last_frame>},
        {"slot-again", 99, run_suite<slot_again>},
    };
    return run_main(argc, argv, suites);
}
