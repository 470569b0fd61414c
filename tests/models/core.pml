/* The lane core as core.h has it, function by function and by the same names, over a memory that is as weak as it is told to be.
 *
 * A model says how many LANES there are, how many CREDITS a lane has (as many PLACES, so that nothing hides in spare ones), how
 * many words an entry has (ENTRY_WORDS) and how many words of its own it wants (OWN_WORDS), then includes this file. A process
 * that stores names its store buffer `me`.
 *
 * Without -DWEAK or -DTSO a store is seen by all at once. With -DTSO stores are seen in order, later: what an x86 does. With
 * -DWEAK relaxed stores overtake each other too, unless a release fence lies between; a release store overtakes nothing; a
 * NON_TEMPORAL store is overtaken even by release stores. Loads are never reordered here: where one must not move, a mutant moves it.
 */
#ifndef LANES
#define LANES 1
#endif
#ifndef PLACES
#define PLACES CREDITS
#endif
#ifndef ENTRY_WORDS
#define ENTRY_WORDS 1
#endif
#ifndef OWN_WORDS
#define OWN_WORDS 1
#endif
#ifndef BUFFERS
#define BUFFERS 2
#endif
#ifndef BUFFER_DEPTH
#define BUFFER_DEPTH 3
#endif

/* ---- atomic.h: words, orders, fences ---- */

#define RETURN_WORDS (3 + PLACES)
#define ANNOUNCE_WORDS (5 + PLACES * (ENTRY_WORDS + 1))
#define LANE_WORDS (ANNOUNCE_WORDS + RETURN_WORDS)
#define ANNOUNCE(lane) ((lane) * LANE_WORDS)
#define RETURN(lane) ((lane) * LANE_WORDS + ANNOUNCE_WORDS)
#define OWN(word) (LANES * LANE_WORDS + (word))

/* layout.h: the words of the two regions */
#define ANNOUNCE_ARMED(lane) (ANNOUNCE(lane) + 0)
#define ANNOUNCE_CLOSED(lane) (ANNOUNCE(lane) + 1)
#define THROUGH_SEQ(lane) (ANNOUNCE(lane) + 2)
#define THROUGH_EPOCH(lane) (ANNOUNCE(lane) + 3)
#define THROUGH_NUMBER(lane) (ANNOUNCE(lane) + 4)
#define ANNOUNCE_COUNT(lane, index) (ANNOUNCE(lane) + 5 + (index) % PLACES)
#define ANNOUNCE_ENTRY(lane, index, word) (ANNOUNCE(lane) + 5 + PLACES + ((index) % PLACES) * ENTRY_WORDS + (word))
#define RETURN_RETURNED(lane) (RETURN(lane) + 0)
#define RETURN_GONE(lane) (RETURN(lane) + 1)
#define RETURN_ARMED(lane) (RETURN(lane) + 2)
#define RETURN_ENTRY(lane, index) (RETURN(lane) + 3 + ((index) % PLACES))

byte mem[LANES * LANE_WORDS + OWN_WORDS];
#define fl_load(word) mem[word]

#define RELAXED 1
#define RELEASE 2
#define NON_TEMPORAL 3
#define FENCE 4

#if defined(WEAK) || defined(TSO)

typedef store_buffer {
    byte count;
    byte word[BUFFER_DEPTH], value[BUFFER_DEPTH], order[BUFFER_DEPTH];
};
store_buffer buffer[BUFFERS];

inline buffer_push(w, v, o)
{
    d_step {
        buffer[me].count < BUFFER_DEPTH;
        buffer[me].word[buffer[me].count] = w;
        buffer[me].value[buffer[me].count] = v;
        buffer[me].order[buffer[me].count] = o;
        buffer[me].count++
    }
}

#ifdef TSO
#define fl_store(w, v, o) buffer_push(w, v, RELEASE)
#define fl_fence_release() skip
#else
#define fl_store(w, v, o) buffer_push(w, v, o)
#define fl_fence_release() buffer_push(0, 0, FENCE)
#endif
#define fl_fence_full() buffer[me].count == 0

/* May the k-th store of p be seen before those ahead of it? */
#define first_of_p (buffer[p].count > 0)
#define passes(k, j) ((buffer[p].order[k] == RELAXED && buffer[p].order[j] != FENCE && buffer[p].word[k] != buffer[p].word[j]) || \
                      (buffer[p].order[k] == RELEASE && buffer[p].order[j] == NON_TEMPORAL))
#define second_of_p (buffer[p].count > 1 && passes(1, 0))
#define third_of_p (buffer[p].count > 2 && passes(2, 0) && passes(2, 1))

/* The k-th store of p is seen now. */
inline buffer_drain(k)
{
    i = k;
    if
    :: buffer[p].order[i] != FENCE -> mem[buffer[p].word[i]] = buffer[p].value[i]
    :: else
    fi;
    do
    :: i + 1 < buffer[p].count ->
        buffer[p].word[i] = buffer[p].word[i + 1];
        buffer[p].value[i] = buffer[p].value[i + 1];
        buffer[p].order[i] = buffer[p].order[i + 1];
        i++
    :: else -> break
    od;
    buffer[p].word[i] = 0;
    buffer[p].value[i] = 0;
    buffer[p].order[i] = 0;
    buffer[p].count--;
    i = 0
}

proctype memory(byte p)
{
    byte i;
end:
    do
    :: d_step { first_of_p -> buffer_drain(0) }
#ifdef WEAK
    :: d_step { second_of_p -> buffer_drain(1) }
    :: d_step { third_of_p -> buffer_drain(2) }
#endif
    od
}
#define buffers_are_seen(p) buffer[p].count == 0
#define written_by_me(w, v) (mem[w] == (v) || buffer[me].count != 0) /* one's own stores that wait are not looked through */

#else

#define fl_store(w, v, o) mem[w] = v
#define fl_fence_release() skip
#define fl_fence_full() skip
#define buffers_are_seen(p) true
#define written_by_me(w, v) (mem[w] == (v))

#endif

/* ---- core.h: the producer's private half ---- */

typedef fl_tx {
    byte head, committed, returned, armed, rung;
};

/* The caller has credit, so the place is not in use. Words of the entry: one store each, by fl_tx_push_word, then: */
#define fl_tx_push_word(tx, lane, word, value) fl_store(ANNOUNCE_ENTRY(lane, tx.head, word), value, RELAXED)
inline fl_tx_push(tx, lane)
{
    if
#ifdef FIRST_COUNTED_AS_OTHERS
    :: true -> fl_store(ANNOUNCE_COUNT(lane, tx.head), tx.head + 1, RELAXED)
#else
    :: tx.head != tx.committed -> fl_store(ANNOUNCE_COUNT(lane, tx.head), tx.head + 1, RELAXED)
    :: else
#endif
    fi;
    tx.head++
}

#ifdef COUNT_RELAXED
#define A0 RELAXED
#else
#define A0 RELEASE
#endif
inline fl_tx_commit(tx, lane)
{
    if
    :: tx.head != tx.committed ->
        fl_store(ANNOUNCE_COUNT(lane, tx.committed), tx.committed + 1, A0);
        tx.committed = tx.head
    :: else
    fi
}

#ifdef CLOSED_RELAXED
#define C0 RELAXED
#else
#define C0 RELEASE
#endif
inline fl_tx_close(tx, lane)
{
    fl_store(ANNOUNCE_CLOSED(lane), tx.head + 1, C0)
}

inline fl_tx_arm(tx, lane)
{
    tx.armed++;
    fl_store(ANNOUNCE_ARMED(lane), tx.armed, RELAXED)
}

/* COLLECT_ONE: `index` is one that was returned. `outstanding` is the caller's own count. core.h may look once for several that it
 * collects: what was seen then is what a later look here may still see. */
#define COLLECT_NONE 0
#define COLLECT_ONE 1
#define COLLECT_FAR 2
inline fl_tx_collect(tx, lane, outstanding, index, got)
{
    d_step { /* one shared word: R1. A byte that went back makes the difference huge, as 64 bits do */
        returned = fl_load(RETURN_RETURNED(lane));
        difference = returned - tx.returned;
        if
#ifdef RETURNED_UNBOUNDED
        :: false
#else
        :: difference > outstanding -> got = COLLECT_FAR
#endif
        :: else -> got = (returned == tx.returned -> COLLECT_NONE : COLLECT_ONE)
        fi;
        returned = 0;
        difference = 0
    }
    if
    :: got == COLLECT_ONE ->
        index = fl_load(RETURN_ENTRY(lane, tx.returned)); /* read once */
        tx.returned++
    :: else
    fi
}

/* ---- core.h: the consumer's private half ---- */

typedef fl_rx {
    byte tail, closed, returned, armed, rung;
};

#define LOOK_NOTHING 0
#define LOOK_ENTRY 1
#define LOOK_ENDED 2
#define LOOK_BACK 3
#define LOOK_FAR 4
#define LOOK_BAD_CLOSE 5

/* What the place of an announcement says before, and when it is there. */
#define count_before(index) ((index) >= PLACES -> (index) + 1 - PLACES : 0)
#define is_there(lane, index) (fl_load(ANNOUNCE_COUNT(lane, index)) == (index) + 1)

#define is_here(rx) (count == rx.tail + 1)
#define is_wrong(rx) (!is_here(rx) && count != count_before(rx.tail))
#ifdef CREDITS_NOT_COUNTED
#define is_far(rx) false
#else
#define is_far(rx) (is_here(rx) && rx.tail - rx.returned >= CREDITS)
#endif
#ifdef CLOSED_MAY_CHANGE
#define closes_badly(rx) false
#else
#define closes_badly(rx) ((rx.closed != 0 && closed != rx.closed) || \
                          (closed != 0 && (is_here(rx) -> closed <= rx.tail + 1 : closed != rx.tail + 1)))
#endif
inline fl_rx_judge(rx, look)
{
    d_step { /* private, from what was read */
        if
        :: is_wrong(rx) -> look = (count > rx.tail -> LOOK_FAR : LOOK_BACK)
        :: is_far(rx) -> look = LOOK_FAR
        :: !is_wrong(rx) && !is_far(rx) && closes_badly(rx) -> look = LOOK_BAD_CLOSE
        :: else ->
            rx.closed = closed;
            look = (is_here(rx) -> LOOK_ENTRY : (closed != 0 -> LOOK_ENDED : LOOK_NOTHING))
        fi;
        count = 0;
        closed = 0
    }
}

inline fl_rx_look(rx, lane, look)
{
#ifdef CLOSED_AFTER_COUNT_READ
    count = fl_load(ANNOUNCE_COUNT(lane, rx.tail));
    closed = fl_load(ANNOUNCE_CLOSED(lane));
#else
    closed = fl_load(ANNOUNCE_CLOSED(lane));        /* C1 */
    count = fl_load(ANNOUNCE_COUNT(lane, rx.tail)); /* A1 */
#endif
    fl_rx_judge(rx, look)
}

#define fl_rx_copy_word(rx, lane, word) fl_load(ANNOUNCE_ENTRY(lane, rx.tail, word))

inline fl_rx_advance(rx, index)
{
    index = rx.tail;
    rx.tail++
}

#ifdef RETURNED_RELAXED
#define R0 RELAXED
#else
#define R0 RELEASE
#endif
inline fl_rx_give_back(rx, lane, index)
{
#ifdef RETURNED_BEFORE_ENTRY
    fl_store(RETURN_RETURNED(lane), rx.returned + 1, R0);
#endif
    fl_store(RETURN_ENTRY(lane, rx.returned), index, RELAXED);
    rx.returned++
}

inline fl_rx_commit(rx, lane)
{
    fl_store(RETURN_RETURNED(lane), rx.returned, R0)
}

inline fl_rx_arm(rx, lane)
{
    rx.armed++;
    fl_store(RETURN_ARMED(lane), rx.armed, RELAXED)
}

/* ---- core.h: slots ---- */

#define ODD(version) ((version) % 2 == 1)

/* The producer is about to write the payload. */
inline fl_version_open(word, odd)
{
    fl_store(word, odd, RELAXED);
#ifndef NO_FENCE_AFTER_ODD
    fl_fence_release() /* V0 */
#endif
}

#define fl_version_close(word, even) fl_store(word, even, RELAXED) /* P0: ordered by A0 and L0, like the payload */
#define fl_version_is(word, even) (!ODD(even) && fl_load(word) == (even)) /* P1 */
#define fl_version_still(word, even) (fl_load(word) == (even))            /* V1 */
