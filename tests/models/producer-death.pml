/* A producer that dies at any point: what was announced is whole and may still be taken, what was being written was never announced,
 * and a death is no end.
 *
 * protocol.md: "Producer dies", "Death without `closed` is no end". C: fl_lane_producer_down, take_locked in lane.c; the order of stores
 * in fl_output_publish; tests/crash/README.md has the same points.
 *
 * The producer dies between any two stores or closes and exits; the supervisor says so when the pidfd has fired, and starts another in
 * a higher source epoch, whose numbers begin again, on a new lane. The consumer drains the old lane before the new one.
 *
 * run dies anywhere: -DFRAMES=2
 * run dies anywhere, weak memory: -DFRAMES=1 -DWEAK -DBUFFER_DEPTH=4
 * long dies anywhere, more: -DFRAMES=4
 *
 * mutant DEATH_IS_END (dies anywhere): a lane whose producer is dead and that is drained has ended
 * mutant DOWN_BEFORE_DRAIN (dies anywhere): what a dead producer announced is not taken any more
 * mutant DOWN_READ_AFTER_COUNT (dies anywhere): the consumer looks at the lane, then, unlocked, whether its producer is dead
 * mutant POOL_GOES_WITH_PRODUCER (dies anywhere): the memory of a pool goes when its producer dies
 * mutant COUNT_BEFORE_PAYLOAD (dies anywhere): a frame is announced before it is whole
 * mutant CLOSED_BEFORE_COUNT (dies anywhere): closed is stored, then the last announcement, which it speaks of
 * mutant EPOCH_NOT_RAISED (dies anywhere): a source that starts again counts in the same epoch
 * mutant NEW_LANE_FIRST (dies anywhere): the consumer takes from the new lane before the old one is drained
 * mutant COUNT_RELAXED (dies anywhere, weak memory): A0 is no release
 */
#define LANES 2
#define CREDITS 3
#define ENTRY_WORDS 2
#define OWN_WORDS 6
#define VERSION(slot) OWN((slot) * 2)
#define PAYLOAD(slot) OWN((slot) * 2 + 1)

#include "core.pml"

bool dead, producer_down, started, second_done;
bool unmapped;

/* ---- two incarnations, a pool each (the second's slots are not looked at here) ---- */

inline publish(l, slot)
{
    fl_version_open(VERSION(slot), 1);
#ifndef COUNT_BEFORE_PAYLOAD
    fl_store(PAYLOAD(slot), slot + 1, RELAXED);
#endif
    fl_version_close(VERSION(slot), 2);
    fl_tx_push_word(tx, l, 0, epoch);
    fl_tx_push_word(tx, l, 1, slot + 1);
    fl_tx_push(tx, l);
    fl_tx_commit(tx, l);
#ifdef COUNT_BEFORE_PAYLOAD
    fl_store(PAYLOAD(slot), slot + 1, RELAXED)
#endif
}

active proctype first()
{
    fl_tx tx;
    byte me = 0, number, epoch = 1;

    {
        do
        :: number < FRAMES -> publish(0, number); number++
        :: number == FRAMES -> break
        od;
#ifdef CLOSED_BEFORE_COUNT
        fl_store(ANNOUNCE_CLOSED(0), tx.head + 2, C0);
        publish(0, number);
#else
        fl_tx_close(tx, 0);
#endif
        buffers_are_seen(0);
        dead = true /* exits */
    } unless {
        dead
    }
}

proctype second()
{
    fl_tx tx;
    byte me = 1, epoch = 2;

#ifdef EPOCH_NOT_RAISED
    epoch = 1;
#endif
    fl_tx_push_word(tx, 1, 0, epoch);
    fl_tx_push_word(tx, 1, 1, 1);
    fl_tx_push(tx, 1);
    fl_tx_commit(tx, 1);
    fl_tx_close(tx, 1)
}

active proctype kernel()
{
end_kernel:
    !dead -> dead = true;
#ifdef POOL_GOES_WITH_PRODUCER
    unmapped = true
#endif
}

active proctype supervisor()
{
    dead;
    buffers_are_seen(0); /* the pidfd fires when the process is gone, and its stores are seen by then */
    if
    :: fl_load(ANNOUNCE_CLOSED(0)) == 0 -> run second(); started = true
    :: else
    fi;
    producer_down = true
}

/* ---- the consumer ---- */

inline is_later()
{
    later = (epoch > last_epoch || (epoch == last_epoch && number > last_number))
}

inline take(l)
{
    assert(!unmapped); /* a pool lives while it is mapped, also when its producer is dead */
    d_step {
        epoch = fl_rx_copy_word(rx, l, 0);
        number = fl_rx_copy_word(rx, l, 1);
        fl_rx_advance(rx, index);
        is_later()
    };
    assert(later); /* frames come in the order of epoch, then number */
    if
    :: l == 0 ->
        assert(number == index + 1); /* every announcement of a dead producer comes once */
        assert(fl_load(PAYLOAD(number - 1)) == number && fl_version_is(VERSION(number - 1), 2)) /* what a dead producer announced is whole */
    :: l != 0
    fi;
    d_step { last_epoch = epoch; last_number = number; epoch = 0; number = 0; later = 0; index = 0 }
}

/* fl_lane_take's answers: 0, -EAGAIN, -ENODATA; `ended` and `down` are what -ENODATA may mean. */
inline drain_first()
{
    do
    :: is_there(0, rx.tail) || fl_load(ANNOUNCE_CLOSED(0)) != 0 || producer_down || !looked ->
        looked = true;
#ifndef DOWN_READ_AFTER_COUNT
        is_down = producer_down;
#endif
        fl_rx_look(rx, 0, look);
#ifdef DOWN_READ_AFTER_COUNT
        is_down = producer_down;
#endif
        assert(look <= LOOK_ENDED); /* a dead producer has broken no rule */
#ifdef DOWN_BEFORE_DRAIN
        if
        :: is_down && look != LOOK_ENDED -> break
        :: else
        fi;
#endif
        if
        :: look == LOOK_ENTRY -> take(0)
        :: look == LOOK_ENDED -> ended = true; break
        :: look == LOOK_NOTHING && is_down ->
#ifdef DEATH_IS_END
            ended = true;
#endif
            break
        :: look == LOOK_NOTHING && !is_down
        fi;
        look = 0
    od
}

active proctype consumer()
{
    fl_rx rx;
    byte look, index, epoch, number, last_epoch, last_number, later, closed, count;
    bool ended, is_down, new_first, looked;

#ifdef NEW_LANE_FIRST
    if
    :: started && is_there(1, 0) -> take(1); rx.tail = 0; new_first = true
    :: true
    fi;
#endif
    drain_first();
    assert(!ended || (fl_load(ANNOUNCE_CLOSED(0)) != 0 && rx.tail == FRAMES)); /* a death is no end, an end is no death */
    assert(ended || !is_there(0, rx.tail)); /* all that a dead producer announced is taken */
    if
    :: !ended && !new_first ->
        is_there(1, 0);
        rx.tail = 0;
        take(1)
    :: else
    fi
}

#ifdef WEAK
init
{
    atomic { run memory(0); run memory(1) }
}
#endif
