/* One lane with announcements, returns in any order, and credits.
 *
 * protocol.md: "A slot's life", "Publish, Take, Release". C: fl_tx_push, fl_tx_commit, fl_tx_collect, fl_rx_look, fl_rx_copy_*,
 * fl_rx_give_back, fl_version_* in core.h; publish, collect and the rows in output.c; acquire in pool.c; take in take.c; settle in lane.c.
 *
 * The producer acquires, writes, publishes, announces the same slot again with other words while others read it, abandons, keeps a
 * reference of its own as a decoder does. The consumer holds up to its credits and releases in any order. Waiting is a blocked
 * guard here; doorbell.pml has the sleeping.
 *
 * run books: -DANNOUNCEMENTS=3
 * run again: -DANNOUNCEMENTS=4 -DPLAIN
 * run weak memory: -DANNOUNCEMENTS=3 -DWEAK
 * long books: -DANNOUNCEMENTS=5
 * long weak memory: -DANNOUNCEMENTS=4 -DWEAK
 *
 * mutant COUNT_BEFORE_ENTRY (books): an entry is counted before it is there
 * mutant ENTRY_BEFORE_PAYLOAD (books): a frame is announced before its payload is complete
 * mutant CREDIT_AT_TAKE (books): the credit goes back when a frame is taken, not when it is released
 * mutant RETURNED_BEFORE_ENTRY (books): the return is counted before its index is there
 * mutant SET_INSTEAD_OF_INDEX (again): the books are a set of slots, not rows found by announcement index
 * mutant VERSION_AFTER_COUNT (books): a slot's version becomes even after it was announced
 * mutant DESCRIPTION_IN_SLOT (books): the description lies beside the pixels, not in the announcement
 * mutant OWN_REFERENCE_FORGOTTEN (books): a slot is free though the producer's own reference stands
 * mutant CREDITS_BEYOND_PLACES (books): more may be outstanding than the rings have places
 * mutant ABANDONED_VERSION_KEPT (books): a slot's next life after an abandoned one takes the same odd version
 * mutant VERSION_STAYS_ODD (books): a published slot keeps the odd version
 * mutant RETURNS_IN_ORDER_ASSUMED (books): the producer frees its oldest row, whatever index came back
 * mutant COUNT_RELAXED (weak memory): A0 is no release
 * mutant FIRST_COUNTED_AS_OTHERS (weak memory): the first of a batch is counted when it is pushed, as the others are
 * mutant RETURNED_RELAXED (weak memory): R0 is no release
 * mutant NON_TEMPORAL_WITHOUT_SFENCE (weak memory): the payload is written past the caches and nothing orders it
 */
#ifndef CREDITS
#define CREDITS 2
#endif
#define SLOTS 3
#define ENTRY_WORDS 3
#define OWN_WORDS (SLOTS * 3)
#define VERSION(slot) OWN((slot) * 3)
#define PAYLOAD(slot) OWN((slot) * 3 + 1)
#define DESC(slot) OWN((slot) * 3 + 2)
#ifdef CREDITS_BEYOND_PLACES
#define PLACES 1
#endif
#define NONE 255

#include "core.pml"

byte named[SLOTS]; /* announcements of a slot that are not released: what only the model sees */

/* ---- the producer's books ---- */

#define row_names(i, s) (row_slot[i] == (s))
#ifdef SET_INSTEAD_OF_INDEX
#define is_outstanding(s) (in_set[s] != 0)
#else
#define is_outstanding(s) (row_names(0, s) || row_names(1, s))
#endif
#ifdef OWN_REFERENCE_FORGOTTEN
#define is_free(s) (!is_outstanding(s) && newest != (s))
#else
#define is_free(s) (!is_outstanding(s) && newest != (s) && !own[s])
#endif

inline find_row(what)
{
    d_step {
        row = 0;
        do
        :: row < CREDITS && !(what) -> row++
        :: else -> break
        od
    }
}

inline collect()
{
    atomic { fl_tx_collect(tx, 0, outstanding, index, got) }
    assert(got != COLLECT_FAR); /* an honest consumer returns no more than it holds */
    if
    :: got == COLLECT_ONE ->
#ifdef RETURNS_IN_ORDER_ASSUMED
        index = tx.returned - 1;
#endif
        find_row(row_slot[row] != NONE && row_index[row] == index);
        assert(row < CREDITS); /* a returned index is outstanding */
        d_step {
#ifdef SET_INSTEAD_OF_INDEX
            in_set[row_slot[row]] = 0;
#endif
            row_slot[row] = NONE;
            row_index[row] = 0;
            row = 0;
            index = 0;
            outstanding--
        }
    :: else
    fi
}

inline send_newest(slot)
{
    d_step {
        find_row(row_slot[row] == NONE);
        row_slot[row] = slot;
        row_index[row] = tx.head;
        row = 0;
#ifdef SET_INSTEAD_OF_INDEX
        in_set[slot] = 1;
#endif
        named[slot]++;
        outstanding++;
        announced++
    }
#ifdef COUNT_BEFORE_ENTRY
    fl_store(ANNOUNCE_COUNT(0, tx.head), tx.head + 1, A0);
#endif
    atomic {
        fl_tx_push_word(tx, 0, 0, slot);
        fl_tx_push_word(tx, 0, 1, version[slot]);
        fl_tx_push_word(tx, 0, 2, announced);
#ifdef DESCRIPTION_IN_SLOT
        fl_store(DESC(slot), announced, RELAXED);
#endif
        fl_tx_push(tx, 0)
    }
    if
    :: true; fl_tx_commit(tx, 0)
    :: true /* kept within a batch, for as long as it likes */
    fi
}

inline acquire(slot)
{
    slot = (is_free(0) -> 0 : (is_free(1) -> 1 : (is_free(2) -> 2 : NONE)));
    if
    :: slot != NONE ->
        assert(named[slot] == 0); /* no slot is written while an announcement names it */
        d_step {
#ifdef ABANDONED_VERSION_KEPT
            version[slot] = version[slot] + (ODD(version[slot]) -> 0 : 1);
#else
            version[slot] = version[slot] + (ODD(version[slot]) -> 2 : 1);
#endif
        }
        assert(ODD(version[slot]) && version[slot] > life[slot]); /* each life has an odd version of its own */
        life[slot] = version[slot];
        fl_version_open(VERSION(slot), version[slot])
    :: else
    fi
}

#ifdef NON_TEMPORAL_WITHOUT_SFENCE
#define PAYLOAD_ORDER NON_TEMPORAL
#else
#define PAYLOAD_ORDER RELAXED
#endif
/* The payload says which life it is of. */
#define write_payload(slot) fl_store(PAYLOAD(slot), life[slot], PAYLOAD_ORDER)

inline publish(slot)
{
#ifndef VERSION_STAYS_ODD
    version[slot]++;
#endif
#ifdef ENTRY_BEFORE_PAYLOAD
    fl_version_close(VERSION(slot), version[slot]);
    newest = slot;
    send_newest(slot);
    write_payload(slot)
#else
    write_payload(slot);
#ifndef VERSION_AFTER_COUNT
    fl_version_close(VERSION(slot), version[slot]);
#endif
    newest = slot;
    send_newest(slot);
#ifdef VERSION_AFTER_COUNT
    fl_version_close(VERSION(slot), version[slot])
#endif
#endif
}

inline drop_own(slot)
{
    assert(written_by_me(PAYLOAD(slot), life[slot])); /* what a decoder refers to stays whole */
    own[slot] = 0
}

#define has_credit (outstanding < CREDITS)
#define returned_some (fl_load(RETURN_RETURNED(0)) != tx.returned)

active proctype producer()
{
    byte me = 0;
    fl_tx tx;
    byte row_slot[CREDITS] = NONE, row_index[CREDITS];
#ifdef SET_INSTEAD_OF_INDEX
    byte in_set[SLOTS];
#endif
    byte version[SLOTS], life[SLOTS], own[SLOTS];
    byte newest = NONE, slot = NONE, row, index, got, outstanding, announced, returned, difference, abandoned;

    do
    :: announced < ANNOUNCEMENTS && has_credit ->
        if
        :: newest != NONE -> send_newest(newest) /* the same pixels with other words */
        :: acquire(slot);
            if
            :: slot == NONE
            :: slot != NONE -> publish(slot)
#ifndef PLAIN
            :: slot != NONE -> own[slot] = 1; publish(slot)
            :: slot != NONE && abandoned == 0 -> abandoned = 1
#endif
            fi;
            slot = NONE
        fi
    :: returned_some -> collect()
    :: tx.head != tx.committed -> fl_tx_commit(tx, 0)
#ifndef PLAIN
    :: own[0] -> drop_own(0)
    :: own[1] -> drop_own(1)
    :: own[2] -> drop_own(2)
#endif
    :: announced == ANNOUNCEMENTS && outstanding == 0 && own[0] + own[1] + own[2] == 0 -> break
    od;
    newest = NONE;
    assert(is_free(0) && is_free(1) && is_free(2)); /* when all is returned every slot is free */
    assert(tx.head == ANNOUNCEMENTS && tx.returned == ANNOUNCEMENTS) /* as many returns as announcements */
}

/* ---- the consumer ---- */

inline take()
{
    d_step {
        slot = fl_rx_copy_word(rx, 0, 0);
        version = fl_rx_copy_word(rx, 0, 1);
        desc = fl_rx_copy_word(rx, 0, 2);
        fl_rx_advance(rx, index)
    }
    assert(slot < SLOTS && fl_version_is(VERSION(slot), version)); /* an entry is whole before its count says so */
#ifdef DESCRIPTION_IN_SLOT
    desc = fl_load(DESC(slot));
#endif
    assert(desc == index + 1); /* every announcement is taken once, in order, with its own words */
    assert(fl_load(PAYLOAD(slot)) == version - 1); /* the payload is whole when its announcement is taken */
    d_step {
        i = (held[0] == NONE -> 0 : 1);
        held[i] = slot;
        held_version[i] = version;
        held_index[i] = index
    }
#ifdef CREDIT_AT_TAKE
    fl_rx_give_back(rx, 0, held_index[i]); fl_rx_commit(rx, 0);
#endif
    d_step { slot = 0; version = 0; desc = 0; index = 0; i = 0 }
}

inline release(i)
{
    assert(fl_load(PAYLOAD(held[i])) == held_version[i] - 1); /* a frame in hand stays what it was */
    assert(fl_version_still(VERSION(held[i]), held_version[i])); /* a frame in hand keeps its version */
    d_step { named[held[i]]--; held[i] = NONE; held_version[i] = 0 }
#ifndef CREDIT_AT_TAKE
    fl_rx_give_back(rx, 0, held_index[i]); fl_rx_commit(rx, 0);
#endif
    held_index[i] = 0
}

active proctype consumer()
{
    byte me = 1;
    fl_rx rx;
    byte held[2] = NONE, held_version[2], held_index[2];
    byte slot, version, desc, index, look, i, closed, count;

    do
    :: (held[0] == NONE || held[1] == NONE) && is_there(0, rx.tail) ->
        atomic {
            fl_rx_look(rx, 0, look);
            assert(look == LOOK_ENTRY); /* an honest producer is believed */
            look = 0
        }
        take()
    :: held[0] != NONE -> release(0)
    :: held[1] != NONE -> release(1)
    :: rx.tail == ANNOUNCEMENTS && held[0] == NONE && held[1] == NONE -> break
    od
}

#ifdef WEAK
init
{
    atomic { run memory(0); run memory(1) }
}
#endif
