/* A producer that writes whatever it likes into its announce region: counts of all kinds, closed that changes, entries that change while
 * they are read. The consumer loses that lane and nothing else.
 *
 * protocol.md: "Take", "The one-writer rule". C: fl_rx_look, fl_rx_copy_* in core.h; read_entry, check_pool, take_entry in take.c.
 *
 * run any word at any time: -DPLACES=4
 * long any word at any time, more: -DPLACES=4 -DMORE
 *
 * mutant CREDITS_NOT_COUNTED (any word at any time): what may be taken is bounded by the places of the ring, not by the credits
 * mutant CLOSED_MAY_CHANGE (any word at any time): closed may change, and the last announcement need not be where closed says
 * mutant ENTRY_READ_TWICE (any word at any time): the entry is read once to be checked and again to be used
 * mutant SLOT_NOT_CHECKED (any word at any time): an offset is used as it came
 * mutant VERSION_NOT_CHECKED (any word at any time): a frame is taken though its slot says another version
 * mutant POOL_NOT_CHECKED (any word at any time): a pool is accepted because it is known, though not through this lane
 * mutant FAULT_IS_FORGOTTEN (any word at any time): a lane that broke a rule is taken from again
 */
#define CREDITS 2
#define ENTRY_WORDS 3
#define SLOTS 2
#define OWN_WORDS SLOTS
#define VERSION(slot) OWN(slot)
#define NONE 255
#define OWN_POOL 1
#define POOL_OF_ANOTHER_LANE 2

#include "core.pml"

bool over;

active proctype hostile()
{
    byte i;

    d_step { /* it begins as an honest one would */
        do
        :: i < PLACES ->
            fl_load(ANNOUNCE_ENTRY(0, i, 1)) = 2;
            fl_load(ANNOUNCE_ENTRY(0, i, 2)) = OWN_POOL;
            i++
        :: else -> break
        od;
        fl_load(VERSION(0)) = 2
    };
end_hostile:
    do
    :: !over ->
        if
        :: fl_load(ANNOUNCE_COUNT(0, 0)) = 0
        :: fl_load(ANNOUNCE_COUNT(0, 0)) = 1
        :: fl_load(ANNOUNCE_COUNT(0, 1)) = 2
        :: fl_load(ANNOUNCE_COUNT(0, 2)) = 3
        :: fl_load(ANNOUNCE_COUNT(0, 2)) = 7
        :: fl_load(ANNOUNCE_CLOSED(0)) = 0
        :: fl_load(ANNOUNCE_CLOSED(0)) = 2
        :: fl_load(ANNOUNCE_ENTRY(0, 0, 0)) = 0
        :: fl_load(ANNOUNCE_ENTRY(0, 0, 0)) = 7
        :: fl_load(ANNOUNCE_ENTRY(0, 0, 2)) = OWN_POOL
        :: fl_load(ANNOUNCE_ENTRY(0, 0, 2)) = POOL_OF_ANOTHER_LANE
        :: fl_load(VERSION(0)) = 3
#ifdef MORE
        :: fl_load(ANNOUNCE_COUNT(0, 0)) = 5
        :: fl_load(ANNOUNCE_COUNT(0, 1)) = 200
        :: fl_load(ANNOUNCE_CLOSED(0)) = 3
        :: fl_load(ANNOUNCE_ENTRY(0, 1, 0)) = 1
        :: fl_load(ANNOUNCE_ENTRY(0, 1, 1)) = 4
        :: fl_load(VERSION(0)) = 4
        :: fl_load(VERSION(0)) = 2
#endif
        fi
    od
}

/* ---- the consumer ---- */

#ifdef SLOT_NOT_CHECKED
#define slot_is_wrong false
#else
#define slot_is_wrong (slot >= SLOTS)
#endif
#ifdef POOL_NOT_CHECKED
#define pool_is_wrong (pool != OWN_POOL && pool != POOL_OF_ANOTHER_LANE)
#else
#define pool_is_wrong (pool != OWN_POOL)
#endif

inline take()
{
    slot = fl_rx_copy_word(rx, 0, 0);
    even = fl_rx_copy_word(rx, 0, 1);
    pool = fl_rx_copy_word(rx, 0, 2);
    if
    :: slot_is_wrong || pool_is_wrong -> fault = true
    :: else ->
#ifdef ENTRY_READ_TWICE
        slot = fl_rx_copy_word(rx, 0, 0);
#endif
        assert(slot < SLOTS); /* no byte outside the pool is touched */
        assert(pool == OWN_POOL); /* a lane accepts only the pools that are reached through it */
        atomic {
#ifdef VERSION_NOT_CHECKED
            is_version = true;
#else
            is_version = fl_version_is(VERSION(slot), even);
#endif
            assert(!is_version || (fl_load(VERSION(slot)) == even && !ODD(even))) /* a frame that is taken was complete when it was looked at */
        }
        if
        :: !is_version -> fault = true
        :: is_version ->
            fl_rx_advance(rx, index);
            in_hand++;
            taken_after_fault = fault
        fi
    fi;
    d_step { slot = 0; even = 0; pool = 0; index = 0; is_version = false }
}

active proctype consumer()
{
    fl_rx rx;
    byte me = 1, look, slot, even, pool, index, in_hand, ended_at = NONE, closed, count, looks;
    bool fault, is_version, ended, taken_after_fault;

    do
    :: looks < 5 ->
        looks++;
        fl_rx_look(rx, 0, look);
        assert(!ended || look >= LOOK_ENDED); /* after the end there is nothing */
        if
        :: look == LOOK_ENTRY ->
            take();
            assert(in_hand <= CREDITS) /* no more is in hand than there are handles */
        :: look == LOOK_ENDED ->
            assert(rx.tail == rx.closed - 1); /* the end is where closed says */
            ended = true
        :: look > LOOK_ENDED -> fault = true
        :: look == LOOK_NOTHING
        fi;
        look = 0;
#ifndef FAULT_IS_FORGOTTEN
        if
        :: fault -> break
        :: else
        fi
#endif
    :: in_hand > 0 -> in_hand--; fl_rx_give_back(rx, 0, rx.returned); fl_rx_commit(rx, 0)
    :: looks == 5 && in_hand == 0 -> break
    od;
    assert(rx.tail - rx.returned == in_hand && (!fault || !taken_after_fault)); /* what is in hand can still be returned */
    over = true
}
