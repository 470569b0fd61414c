/* One output, several lanes: a `wait` lane, a `latest` lane, a `drop` lane; the owed newest frame; through; the end.
 *
 * protocol.md: "Credits, budget, policies" and "Gaps". C: set_newest, pay, send_newest, count_drop, tell_through, tell_closed, close_lane,
 * owes_wait_lane, fl_output_publish in output.c; the skipping take in lane.c.
 *
 * The producer publishes FRAMES numbers, some of which are gaps, and then closes or stays idle for ever. The consumer of the `wait` lane may
 * leave. Each look at a peer's word is one step; sleeping is a blocked guard (doorbell.pml has it).
 *
 * run wait and latest: -DFRAMES=3 -DOTHER=LATEST -DSTAYS
 * run wait and drop: -DFRAMES=3 -DOTHER=DROP -DSTAYS
 * run overtaken: -DFRAMES=3 -DOTHER=LATEST -DSTAYS -DOTHER_CREDITS=1
 * run one leaves: -DFRAMES=2 -DOTHER=LATEST
 * long wait and latest, more: -DFRAMES=5 -DOTHER=LATEST
 * long wait and drop, more: -DFRAMES=5 -DOTHER=DROP
 *
 * mutant WAIT_BLOCKS_FANOUT (wait and latest): publish waits for the `wait` lane before it goes to the others
 * mutant OWED_OVERTAKEN (wait and latest): the next publish does not wait for what a `wait` lane is still owed
 * mutant OWED_NOT_CLEARED (wait and latest): the owed bit stays when the frame is sent
 * mutant STOP_KEEPS_OWED (one leaves): a lane that is stopped is still owed the newest frame
 * mutant NEWEST_REUSED (overtaken): the slot of the newest frame is free as soon as its announcements are returned
 * mutant LATEST_NOT_SENT_ON_RETURN (overtaken): a `latest` lane gets the next frame, not the newest on its next return
 * mutant LATEST_TAKES_OLDEST (wait and latest): the consumer of a `latest` lane does not skip to the newest announcement
 * mutant OVERTAKEN_NOT_COUNTED (overtaken): a frame that a `latest` lane was owed and never got is not counted
 * mutant DROP_NOT_COUNTED (wait and drop): a frame that a `drop` lane had no credit for is not counted
 * mutant DROP_STAYS_OWED (wait and drop): a `drop` lane is owed what it had no credit for
 * mutant THROUGH_PASSES_OWED (overtaken): through is told while the frame before it is still owed
 * mutant CLOSED_PASSES_OWED (overtaken): closed is written while a frame is still owed
 * mutant CLOSED_WITHOUT_GRACE_END (wait and latest): a `latest` lane that returns nothing keeps the end from all
 * mutant THROUGH_READ_LAST (wait and latest): the consumer takes what is there, then reads through
 */
#define LANES 2
#define CREDITS 2
#define ENTRY_WORDS 2
#define WAIT 0
#define DROP 1
#define LATEST 2
#define SLOTS 5
#define OWN_WORDS SLOTS
#define PAYLOAD(slot) OWN(slot)
#define NONE 255

#include "core.pml"

#ifdef CLOSED_WITHOUT_GRACE_END
#define GRACE_ENDS false
#else
#define GRACE_ENDS true
#endif
#define when_full(l) ((l) == 0 -> WAIT : OTHER)
#ifndef OTHER_CREDITS
#define OTHER_CREDITS 2
#endif
#define credits(l) ((l) == 0 -> 1 : OTHER_CREDITS)

/* what only the model sees */
byte last_taken[LANES], count_taken[LANES], dropped[LANES];
byte published, newest_number;
bool hangs, grace_is_over, producer_done, producer_idle, left, consumer_done[LANES];

/* ---- the books: rows of both lanes, the newest frame, what is owed ---- */

#ifdef NEWEST_REUSED
#define is_newest(s) false
#else
#define is_newest(s) (newest == (s))
#endif
#define is_free(s) (row_slot[0] != (s) && row_slot[2] != (s) && row_slot[3] != (s) && !is_newest(s) && writing != (s))
#define free_slot (is_free(0) -> 0 : (is_free(1) -> 1 : (is_free(2) -> 2 : (is_free(3) -> 3 : (is_free(4) -> 4 : NONE)))))

inline collect(l)
{
    fl_tx_collect(tx[l], l, outstanding[l], index, got);
    if
    :: got == COLLECT_ONE && row_slot[l * 2] != NONE && row_index[l * 2] == index -> row_slot[l * 2] = NONE; row_index[l * 2] = 0; outstanding[l]--
    :: got == COLLECT_ONE && (row_slot[l * 2] == NONE || row_index[l * 2] != index) ->
        assert(row_index[l * 2 + 1] == index);
        row_slot[l * 2 + 1] = NONE;
        row_index[l * 2 + 1] = 0;
        outstanding[l]--
    :: else
    fi;
    index = 0;
    got = 0;
    if
    :: l == 0 && fl_load(RETURN_GONE(0)) -> stop(0)
    :: else
    fi
}

inline stop(l)
{
    stopped[l] = 1;
#ifndef STOP_KEEPS_OWED
    owed[l] = 0
#endif
}

inline send_newest(l)
{
    atomic {
        row = (row_slot[l * 2] == NONE -> l * 2 : l * 2 + 1);
        row_slot[row] = newest;
        row_index[row] = tx[l].head;
        row = 0;
        outstanding[l]++;
        fl_tx_push_word(tx[l], l, 0, newest);
        fl_tx_push_word(tx[l], l, 1, newest_number);
        fl_tx_push(tx[l], l);
#ifndef OWED_NOT_CLEARED
        owed[l] = 0;
#endif
        fl_tx_commit(tx[l], l)
    }
}

inline count_drop(l)
{
    owed[l] = 0;
    dropped[l]++
}

inline pay(l)
{
    if
    :: owed[l] && outstanding[l] < credits(l) -> send_newest(l)
    :: owed[l] && outstanding[l] == credits(l) && when_full(l) == DROP ->
#ifdef DROP_NOT_COUNTED
        owed[l] = 0
#elif defined(DROP_STAYS_OWED)
        skip
#else
        count_drop(l)
#endif
    :: else
    fi
}

inline tell_through(l)
{
#ifdef THROUGH_PASSES_OWED
    if
    :: through_pending[l] && !stopped[l] ->
#else
    if
    :: through_pending[l] && !stopped[l] && !owed[l] ->
#endif
        through_pending[l] = 0;
        fl_store(THROUGH_NUMBER(l), through, RELEASE)
    :: else
    fi
}

inline close_lane(l)
{
    if
    :: owed[l] && when_full(l) != WAIT && grace_is_over -> count_drop(l)
    :: else
    fi;
#ifdef CLOSED_PASSES_OWED
    if
    :: !told_closed[l] ->
#else
    if
    :: !told_closed[l] && !owed[l] ->
#endif
        told_closed[l] = 1;
        fl_tx_close(tx[l], l)
    :: else
    fi
}

#ifdef LATEST_NOT_SENT_ON_RETURN
#define pays(l) (when_full(l) != LATEST || publishing)
#else
#define pays(l) true
#endif

#define is_paid(l) (!owed[l] || (outstanding[l] == credits(l) && when_full(l) != DROP))

/* fl_output_service. Who looks in from another process sees each word at another time, but no two of them in another order. */
inline service()
{
    atomic {
        do
        :: l < LANES ->
            collect(l);
            if
            :: pays(l) -> pay(l)
            :: else
            fi;
            tell_through(l);
            if
            :: closing -> close_lane(l)
            :: else
            fi;
            l++
        :: else -> break
        od;
        l = 0;
        publishing = 0;
        assert(is_paid(0) && is_paid(1)) /* who has credit is not kept waiting for others */
    }
}

#define owes_wait_lane (owed[0] && WAIT_IS_WAITED_FOR)
#ifdef OWED_OVERTAKEN
#define WAIT_IS_WAITED_FOR false
#else
#define WAIT_IS_WAITED_FOR true
#endif
#define returned_some(l) (fl_load(RETURN_RETURNED(l)) != tx[l].returned)
#define something_returned (returned_some(0) || returned_some(1) || (left && !stopped[0]))

inline overtake(l)
{
    if
    :: owed[l] ->
#ifdef OVERTAKEN_NOT_COUNTED
        owed[l] = 0
#else
        count_drop(l)
#endif
    :: else
    fi;
    owed[l] = 1 - stopped[l]
}

/* fl_pool_acquire, and the whole payload. */
inline acquire()
{
    atomic {
        writing = free_slot;
        assert(writing != NONE); /* credits, the newest frame and one more fit the pool */
        number++;
        fl_store(PAYLOAD(writing), number, RELAXED)
    }
}

/* end_writing, set_newest; the service that follows sends it to every lane that has credit. */
inline publish()
{
    d_step {
        newest = writing;
        newest_number = number;
        writing = NONE;
        published++;
        publishing = 1;
        overtake(0);
        overtake(1)
    }
}

active proctype producer()
{
    fl_tx tx[LANES];
    byte me = 0, row_slot[4] = NONE, row_index[4], outstanding[LANES], owed[LANES], stopped[LANES], through_pending[LANES];
    byte told_closed[LANES], newest = NONE, row, index, got, number, through, closing, returned, difference;
    byte l, publishing, writing = NONE;

    do
    :: service();
        if
        :: writing == NONE && number < FRAMES -> acquire()
        :: writing != NONE && !owes_wait_lane -> publish()
        :: writing == NONE && number < FRAMES && through == 0 ->
            d_step { number++; through = number; through_pending[0] = 1; through_pending[1] = 1 } /* a gap */
        :: number == FRAMES && writing == NONE && !closing -> closing = 1
        :: number == FRAMES && writing == NONE && !closing -> producer_idle = true
#if OTHER == 2 && defined(STAYS) /* LATEST */
        :: closing && owed[1] && !grace_is_over && GRACE_ENDS -> grace_is_over = true
#endif
        :: something_returned
        :: told_closed[0] && told_closed[1] -> break
        fi;
#ifdef WAIT_BLOCKS_FANOUT
        do
        :: owed[0] && outstanding[0] == credits(0) ->
            assert(is_paid(1)); /* nobody else waits while the `wait` lane is waited for */
            returned_some(0);
            collect(0)
        :: else -> break
        od;
#endif
        if
        :: producer_idle ->
end_idle:
            something_returned
        :: else
        fi
    od;
    producer_done = true
}

/* ---- consumers ---- */

inline take(l)
{
    atomic {
        slot = fl_rx_copy_word(rx, l, 0);
        number = fl_rx_copy_word(rx, l, 1);
        fl_rx_advance(rx, index);
        assert(number > last_taken[l]); /* every frame comes once and in order */
        assert(number > heard); /* nothing at or before through is still to come */
        assert(fl_load(PAYLOAD(slot)) == number); /* a frame that was owed is whole when it is sent */
        last_taken[l] = number;
        count_taken[l]++
    }
}

inline release(l)
{
    atomic {
        assert(fl_load(PAYLOAD(slot)) == number); /* a frame in hand stays what it was */
        fl_rx_give_back(rx, l, index); fl_rx_commit(rx, l);
        index = 0;
        slot = 0;
        number = 0
    }
}

/* closed and through first, then all that is there. */
#ifdef THROUGH_READ_LAST
#define read_first(l) closed = fl_load(ANNOUNCE_CLOSED(l))
#define read_last(l) through = fl_load(THROUGH_NUMBER(l))
#else
#define read_first(l) closed = fl_load(ANNOUNCE_CLOSED(l)); through = fl_load(THROUGH_NUMBER(l))
#define read_last(l) skip
#endif
#define something_new(l) (is_there(l, rx.tail) || fl_load(ANNOUNCE_CLOSED(l)) != 0 || fl_load(THROUGH_NUMBER(l)) != heard)

/* What through says counts once all that was announced before it is taken. */
inline hear()
{
    d_step { heard = through; through = 0; closed = 0 }
}

active proctype wait_consumer()
{
    fl_rx rx;
    byte me = 1, slot, number, index, closed, through, heard;

end_taking:
    do
    :: atomic { something_new(0) -> read_first(0) };
        do
        :: is_there(0, rx.tail) -> take(0); release(0)
        :: else -> break
        od;
        read_last(0);
        if
        :: closed != 0 -> break
        :: else
        fi;
        hear()
#ifndef STAYS
    :: !left -> atomic { fl_store(RETURN_GONE(0), 1, RELAXED); left = true; goto gone }
#endif
    od;
    assert(count_taken[0] == published); /* nothing is lost on a `wait` lane */
gone:
    consumer_done[0] = true
}

inline skip_older(l)
{
    do
    :: is_there(l, rx.tail + 1) ->
        atomic {
            fl_rx_advance(rx, index);
            fl_rx_give_back(rx, l, index);
            fl_rx_commit(rx, l);
            dropped[l]++
        }
    :: else -> break
    od
}

active proctype other_consumer()
{
    fl_rx rx;
    byte me = 1, slot, number, index, closed, through, heard, newest_seen;

end_taking:
    do
    :: atomic { something_new(1) -> read_first(1) };
        do
        :: is_there(1, rx.tail) ->
            newest_seen = rx.tail + is_there(1, rx.tail + 1);
#if OTHER == 2 /* LATEST */
#ifndef LATEST_TAKES_OLDEST
            skip_older(1);
#endif
            take(1);
            assert(rx.tail > newest_seen); /* a `latest` consumer gets the newest announcement */
            if
            :: hangs = true; goto stuck /* with a frame in hand */
            :: true
            fi;
#else
            take(1);
#endif
            release(1)
        :: else -> break
        od;
        read_last(1);
        if
        :: closed != 0 -> break
        :: else
        fi;
        hear()
    od;
    assert(count_taken[1] + dropped[1] == published); /* every frame was taken or counted as dropped */
stuck:
end_stuck:
    fl_load(ANNOUNCE_CLOSED(1)) != 0; /* the end comes also to one who hangs */
    consumer_done[1] = true
}

active proctype rest()
{
end_rest:
    timeout;
    assert(producer_done || producer_idle); /* nobody waits for one who left, nor for what came */
    assert(producer_idle || (consumer_done[0] && consumer_done[1])); /* the end reaches everyone */
    assert(left || count_taken[0] == published); /* a `wait` lane gets all there is */
    assert(OTHER != LATEST || hangs || grace_is_over || last_taken[1] == newest_number) /* a `latest` lane gets the newest frame on its next return */
}
