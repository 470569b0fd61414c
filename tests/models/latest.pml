/* The latest region and an observer that peeks: no credit, no lane, and never a frame that is not whole.
 *
 * protocol.md: "Credits, budget, policies" (peek), "A slot's life" (version). C: fl_latest_write, fl_latest_read, fl_version_open,
 * fl_version_close, fl_version_is, fl_version_still in core.h; latest.c.
 *
 * The producer publishes FRAMES frames through two slots, so that each old newest is written again at once. The observer peeks PEEKS
 * times at any moments, and once more when the producer rests.
 *
 * run weak memory: -DFRAMES=3 -DPEEKS=1 -DWEAK
 * run store buffers: -DFRAMES=4 -DPEEKS=2 -DTSO
 * run nobody spins: -DFRAMES=3 -DPEEKS=1 -DTSO progress
 * long weak memory, more: -DFRAMES=5 -DPEEKS=3 -DWEAK -DBUFFER_DEPTH=6
 *
 * mutant PEEK_WITHOUT_VERSION_CHECK (store buffers): the observer does not look whether version still holds
 * mutant PEEK_CHECK_BEFORE_COPY (store buffers): it looks before it has copied: no acquire fence
 * mutant VERSION_ODD_AFTER_PAYLOAD (store buffers): the payload is begun before version is odd
 * mutant NO_FENCE_AFTER_ODD (weak memory): no release fence between the odd version and the payload
 * mutant VERSION_EVEN_BEFORE_PAYLOAD (store buffers): version is even before the payload is complete, and told at once
 * mutant VERSION_COMES_AGAIN (store buffers): a version has few bits and comes again
 * mutant LATEST_WITHOUT_ODD (store buffers): the count is not odd while the entry changes
 * mutant LATEST_NO_RELEASE_FENCE (weak memory): no fence between the odd count and the entry
 * mutant LATEST_EVEN_RELAXED (weak memory): the even count is no release
 * mutant LATEST_NOT_READ_AGAIN (store buffers): the observer does not look at the count again
 * mutant LATEST_TOLD_FIRST (store buffers): the newest frame is told before its version is even
 * mutant NEWEST_WRITTEN_AGAIN (store buffers): the slot of the newest frame is written while it is the newest
 */
#define CREDITS 1
#define SLOTS 2
#define OWN_WORDS 10
#define VERSION(slot) OWN((slot) * 3)
#define PAYLOAD(slot, word) OWN((slot) * 3 + 1 + (word))
#define LATEST_SEQ OWN(6)
#define LATEST_ENTRY(word) OWN(7 + (word))
#define BUFFERS 1
#ifndef BUFFER_DEPTH
#define BUFFER_DEPTH 4
#endif

#include "core.pml"

bool producer_rests;
byte said_slot[FRAMES + 1], said_version[FRAMES + 1];

#ifdef LATEST_EVEN_RELAXED
#define L0 RELAXED
#else
#define L0 RELEASE
#endif

inline fl_latest_write(slot, version, number)
{
#ifndef LATEST_WITHOUT_ODD
    fl_store(LATEST_SEQ, seq + 1, RELAXED);
#endif
#ifndef LATEST_NO_RELEASE_FENCE
    fl_fence_release();
#endif
    d_step { said_slot[number] = slot; said_version[number] = version };
    fl_store(LATEST_ENTRY(0), slot, RELAXED);
    fl_store(LATEST_ENTRY(1), version, RELAXED);
    fl_store(LATEST_ENTRY(2), number, RELAXED);
    fl_store(LATEST_SEQ, seq + 2, L0);
    seq = seq + 2
}

inline write_payload()
{
    fl_store(PAYLOAD(slot, 0), number, RELAXED);
    fl_store(PAYLOAD(slot, 1), number, RELAXED)
}

inline next_version()
{
#ifdef VERSION_COMES_AGAIN
    version[slot] = (version[slot] == 2 -> 1 : version[slot] + 1)
#else
    version[slot]++
#endif
}

/* fl_pool_acquire, the payload, fl_output_publish. */
inline publish()
{
#ifdef NEWEST_WRITTEN_AGAIN
    slot = 0;
#else
    slot = number % SLOTS; /* the other one: the newest is not reused */
#endif
    number++;
    next_version();
#ifdef VERSION_ODD_AFTER_PAYLOAD
    write_payload();
    fl_version_open(VERSION(slot), version[slot]);
#else
    fl_version_open(VERSION(slot), version[slot]);
#ifndef VERSION_EVEN_BEFORE_PAYLOAD
    write_payload();
#endif
#endif
    next_version();
#ifdef LATEST_TOLD_FIRST
    fl_latest_write(slot, version[slot], number);
    fl_version_close(VERSION(slot), version[slot]);
#else
    fl_version_close(VERSION(slot), version[slot]);
    fl_latest_write(slot, version[slot], number);
#endif
#ifdef VERSION_EVEN_BEFORE_PAYLOAD
    write_payload()
#endif
}

active proctype producer()
{
    byte me = 0, number, slot, seq, version[SLOTS];

    do
    :: number < FRAMES -> publish()
    :: number == FRAMES -> break
    od;
    buffers_are_seen(0); /* sooner or later everything is seen */
    producer_rests = true
}

/* ---- the observer ---- */

inline fl_latest_read()
{
    before = fl_load(LATEST_SEQ); /* L1 */
    slot = fl_load(LATEST_ENTRY(0));
    even = fl_load(LATEST_ENTRY(1));
    number = fl_load(LATEST_ENTRY(2));
    after = fl_load(LATEST_SEQ);
#ifdef LATEST_NOT_READ_AGAIN
    after = before;
#endif
    known = (before != 0 && !ODD(before) && after == before)
}

/* `whole`: the copy may be used. */
inline peek()
{
    fl_latest_read();
    if
    :: known ->
        assert(slot == said_slot[number] && even == said_version[number]); /* the words of the latest region are of one announcement */
        whole = fl_version_is(VERSION(slot), even);
#if defined(TSO) && !defined(LATEST_NOT_READ_AGAIN)
        assert(whole || fl_load(LATEST_SEQ) != before); /* a peek fails only where something newer is there */
#endif
#ifdef PEEK_CHECK_BEFORE_COPY
        whole = whole && fl_version_still(VERSION(slot), even);
#endif
        first = fl_load(PAYLOAD(slot, 0));
        second = fl_load(PAYLOAD(slot, 1));
#if !defined(PEEK_WITHOUT_VERSION_CHECK) && !defined(PEEK_CHECK_BEFORE_COPY)
        whole = whole && fl_version_still(VERSION(slot), even); /* V1 */
#endif
        if
        :: whole -> assert(first == number && second == number) /* a copy that counts is of the frame that was announced */
        :: else -> failures++
        fi
    :: else -> failures++
    fi
}
active proctype observer()
{
    byte peeks, before, after, known, slot, even, number, first, second, whole, failures;

    do
    :: peeks < PEEKS ->
progress_peek:
        d_step { peeks++; before = 0; after = 0; slot = 0; even = 0; number = 0; first = 0; second = 0; known = 0; whole = 0 };
        peek()
    :: producer_rests -> break
    od;
    peek();
    assert(whole && number == FRAMES) /* when the producer rests its newest frame can be peeked at */
}

init
{
    atomic { run memory(0) }
}
