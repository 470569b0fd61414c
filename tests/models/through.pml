/* `through` under its seqlock, and `closed`: words that belong together, nothing said too early, no last frame lost.
 *
 * protocol.md: "Gaps", "Take: read closed and through first". C: fl_tx_through, fl_rx_through, fl_tx_close, fl_rx_look in core.h,
 * fl_lane_hear_through in lane.c, fl_through_is_later in internal.h.
 *
 * The memory is weak. The producer announces, says through of two source epochs (the number starts again in the second), closes.
 *
 * run weak memory: -DWEAK
 * run store buffers: -DTSO
 * long weak memory, deep buffers: -DWEAK -DBUFFER_DEPTH=5
 *
 * mutant THROUGH_WITHOUT_ODD (weak memory): the count is not odd while the words change
 * mutant THROUGH_NO_RELEASE_FENCE (weak memory): no fence between the odd count and the words
 * mutant THROUGH_EVEN_RELAXED (weak memory): the even count is no release
 * mutant THROUGH_EVEN_BEFORE_WORDS (store buffers): the even count is stored before the words
 * mutant THROUGH_NOT_READ_AGAIN (store buffers): the reader does not look at the count again
 * mutant THROUGH_COUNT_READ_EARLY (store buffers): the reader's second look comes before the words: no acquire fence
 * mutant THROUGH_ODD_BELIEVED (store buffers): the reader takes the words though the count is odd
 * mutant THROUGH_BY_NUMBER (store buffers): what is later is told by the number alone, not by epoch, then number
 * mutant THROUGH_BEFORE_COUNT (store buffers): through is said before the frame at it is announced
 * mutant THROUGH_READ_LAST (store buffers): the reader looks whether there is one more, then at through
 * mutant THROUGH_GOES_BACK (store buffers): the writer says an earlier one after a later one
 * mutant CLOSED_RELAXED (weak memory): C0 is no release
 * mutant CLOSED_BEFORE_COMMIT (store buffers): closed is stored while a batch has not been shown
 * mutant CLOSED_AFTER_COUNT_READ (store buffers): the reader looks whether there is one more, then at closed
 * mutant CLOSED_CONFIRMS_NOTHING (store buffers): closed is stored as of before the last announcement
 */
#define CREDITS 4
#define ENTRY_WORDS 2

#include "core.pml"

byte announced;
byte said_epoch, said_number;

#ifdef THROUGH_EVEN_RELAXED
#define T0 RELAXED
#else
#define T0 RELEASE
#endif

inline fl_tx_through(lane, epoch, number)
{
    d_step { said_epoch = epoch; said_number = number };
#ifndef THROUGH_WITHOUT_ODD
    fl_store(THROUGH_SEQ(lane), seq + 1, RELAXED);
#endif
#ifdef THROUGH_EVEN_BEFORE_WORDS
    fl_store(THROUGH_SEQ(lane), seq + 2, T0);
#endif
#ifndef THROUGH_NO_RELEASE_FENCE
    fl_fence_release();
#endif
    fl_store(THROUGH_EPOCH(lane), epoch, RELAXED);
    fl_store(THROUGH_NUMBER(lane), number, RELAXED);
#ifndef THROUGH_EVEN_BEFORE_WORDS
    fl_store(THROUGH_SEQ(lane), seq + 2, T0);
#endif
    seq = seq + 2
}

inline announce(epoch, number)
{
    fl_tx_push_word(tx, 0, 0, epoch);
    fl_tx_push_word(tx, 0, 1, number);
    fl_tx_push(tx, 0);
    announced++
}

active proctype producer()
{
    fl_tx tx;
    byte me = 0, seq;

#ifdef THROUGH_BEFORE_COUNT
    fl_tx_through(0, 1, 2);
    announce(1, 2);
    fl_tx_commit(tx, 0);
#else
    announce(1, 2);
    fl_tx_commit(tx, 0);
    fl_tx_through(0, 1, 2);
#endif
    announce(2, 1); /* the source began again: a higher epoch, a lower number */
    fl_tx_commit(tx, 0);
    fl_tx_through(0, 2, 1);
#ifdef THROUGH_GOES_BACK
    fl_tx_through(0, 1, 4);
#endif
    announce(2, 2); /* a batch of two */
    announce(2, 3);
#ifdef CLOSED_BEFORE_COMMIT
    fl_tx_close(tx, 0);
    fl_tx_commit(tx, 0)
#elif defined(CLOSED_CONFIRMS_NOTHING)
    fl_tx_commit(tx, 0);
    fl_store(ANNOUNCE_CLOSED(0), tx.head - 1, C0)
#else
    fl_tx_commit(tx, 0);
    fl_tx_close(tx, 0)
#endif
}

/* ---- the consumer ---- */

inline fl_rx_through(lane, known)
{
    before = fl_load(THROUGH_SEQ(lane)); /* T1 */
#ifdef THROUGH_COUNT_READ_EARLY
    after = fl_load(THROUGH_SEQ(lane));
#endif
    epoch = fl_load(THROUGH_EPOCH(lane));
    number = fl_load(THROUGH_NUMBER(lane));
#if !defined(THROUGH_COUNT_READ_EARLY)
    after = fl_load(THROUGH_SEQ(lane));
#endif
#ifdef THROUGH_NOT_READ_AGAIN
    after = before;
#endif
#ifdef THROUGH_ODD_BELIEVED
    known = (before != 0 && after == before)
#else
    known = (before != 0 && before % 2 == 0 && after == before)
#endif
}

#ifdef THROUGH_BY_NUMBER
#define is_later(epoch, number) (number > heard_number)
#else
#define is_later(epoch, number) (epoch > heard_epoch || (epoch == heard_epoch && number > heard_number))
#endif

/* fl_lane_through: what is not later is not believed. */
inline hear()
{
    fl_rx_through(0, known);
    if
    :: known ->
        assert((epoch == 1 && number == 2) || (epoch == 2 && number == 1) || (epoch == 1 && number == 4)); /* the words of through belong together */
        assert(epoch > heard_epoch || (epoch == heard_epoch && number >= heard_number)); /* through never goes back */
        if
        :: is_later(epoch, number) -> next_epoch = epoch; next_number = number
        :: else
        fi
    :: else
    fi;
    skip;
    d_step { before = 0; after = 0; epoch = 0; number = 0; known = 0 }
}

inline take_all()
{
    do
    :: look == LOOK_ENTRY ->
        d_step {
            epoch = fl_rx_copy_word(rx, 0, 0);
            number = fl_rx_copy_word(rx, 0, 1);
            fl_rx_advance(rx, index);
            later = (epoch > heard_epoch || (epoch == heard_epoch && number > heard_number))
        }
        assert(later); /* nothing at or before through is still to come */
        d_step { later = 0; index = 0; epoch = 0; number = 0; look = 0 }
        fl_rx_look(rx, 0, look);
        assert(look <= LOOK_ENDED) /* an honest producer is believed */
    :: else -> break
    od;
    skip
}

#define something_new (is_there(0, rx.tail) || fl_load(ANNOUNCE_CLOSED(0)) != 0 || fl_load(THROUGH_SEQ(0)) != last_seq)

active proctype consumer()
{
    fl_rx rx;
    byte epoch, number, before, after, known, heard_epoch, heard_number, next_epoch, next_number, last_seq;
    byte look, closed, count, index, later;

    do
    :: something_new ->
        last_seq = fl_load(THROUGH_SEQ(0));
#ifdef THROUGH_READ_LAST
        fl_rx_look(rx, 0, look);
        hear();
#else
        hear();
        fl_rx_look(rx, 0, look);
#endif
        assert(look <= LOOK_ENDED); /* an honest producer is believed */
        take_all();
        /* what through says counts once all that was announced before it is taken */
        d_step { heard_epoch = next_epoch; heard_number = next_number };
        if
        :: look == LOOK_ENDED -> break
        :: else -> look = 0
        fi
    od;
    assert(rx.tail == announced && announced == 4); /* the end comes after the last frame */
    hear();
    assert(next_epoch == said_epoch && next_number == said_number) /* the last through is heard */
}

init
{
    atomic { run memory(0) }
}
