/* The lane core: the ring of announcements, the ring of returns, and the two doorbell words. Nothing else.
 *
 * No system call, no allocation, no pointer in shared memory, every shared word through atomic.h: the same text compiles as C11 for
 * the library and as C++ for a model checker. What an entry means is lane.c's and output.c's business.
 *
 * Ordering edges, by name; each access below says which it is an end of.
 *   A  an entry's count:  A0 store release (commit)     -> A1 load acquire (look).     After A1 that entry is whole, and those
 *                         that were shown with it, whose own counts are relaxed: nobody looks at them before that A1.
 *   C  announce.closed:   C0 store release (close)      -> C1 load acquire (look), before the count: who sees it sees the last one.
 *   R  return.returned:   R0 store release (commit)     -> R1 load acquire (collect).  After R1 the consumer has read its pixels.
 *   T  announce.through:  T0 seqlock write              -> T1 seqlock read.            After T1 the four words belong together.
 *   V  pool version:      V0 odd, release fence (acquire) -> V1 acquire fence, load (release): unchanged means one frame was read.
 *   L  latest region:     L0 seqlock write (publish)    -> L1 seqlock read (peek).     After L1 the words are of one announcement.
 *   E  events.head:       E0 release fence, words, store release (push) -> E1 load acquire, words, acquire fence, load (next):
 *                         what was read was not overwritten meanwhile, or is known to have been.
 *   D  doorbell:          D0 armed + full fence + look  /  D1 publish + full fence + read armed. At least one side sees the other:
 *                         without the store-load fence on both sides a wake-up is lost. The word `bell` is read before D0's fence
 *                         and stored after D1's: who had read the new value already finds the news in that look, and for who had
 *                         not the kernel, which compares once more, does not let it sleep.
 * The even version needs no edge of its own: whoever compares with it was told of it by A or L, and the payload came with that.
 */
#ifndef FL_CORE_H
#define FL_CORE_H

#include "layout.h"

/* The producer's private half of a lane. */
struct fl_tx {
    struct fl_announce_region *mine;
    const struct fl_return_region *theirs;
    uint64_t mask;      /* places - 1 */
    uint64_t head;      /* announcements written */
    uint64_t committed; /* announcements the consumer may see: head but within a batch */
    uint64_t returned;  /* returns collected */
    uint64_t seen;      /* returns known of: as many, or more */
    uint64_t armed, rung;
    uint64_t rings; /* of the word */
};

/* The consumer's private half. */
struct fl_rx {
    struct fl_return_region *mine;
    const struct fl_announce_region *theirs;
    uint64_t mask;
    uint64_t credits;
    uint64_t tail;      /* announcements taken */
    uint64_t head;      /* announcements known of: tail, or one more */
    uint64_t run;       /* takes on end for which there was one at once */
    uint64_t closed;    /* as last seen: 0, or final head + 1 */
    uint64_t returned;  /* returns made */
    uint64_t committed; /* returns the producer may see: all but within a batch */
    uint64_t armed, rung;
    uint64_t rings; /* of the word */
};

enum fl_look { FL_LOOK_NOTHING, FL_LOOK_ENTRY, FL_LOOK_ENDED, FL_LOOK_BACK, FL_LOOK_FAR, FL_LOOK_BAD_CLOSE };
enum fl_collect { FL_COLLECT_NONE, FL_COLLECT_ONE, FL_COLLECT_FAR };
enum fl_must_ring { FL_RING_NOT, FL_RING_FD, FL_RING_WORD };

/* ---- an entry: the words of an announcement, and on the first line, which is all that a short one has, its count ---- */

static inline uint64_t fl_entry_at(uint64_t index, uint64_t mask)
{
    return (index & mask) * FL_ENTRY_WORDS;
}

/* ---- producer ---- */

/* Writes the first `count` words of an announcement, which the consumer sees at the next commit. The caller has credit, so the
 * place is not in use: outstanding <= credits <= places. Within a batch all but the first are counted at once: nobody looks past
 * that. */
static inline void fl_tx_push(struct fl_tx *tx, const uint64_t *words, unsigned count)
{
    fl_word *entry = &tx->mine->entries[fl_entry_at(tx->head, tx->mask)];
#pragma GCC unroll 8
    for (unsigned i = 0; i < FL_COUNT_WORD; i++)
        fl_store(&entry[i], words[i], FL_RELAXED); /* ordered by A0 */
    for (unsigned i = FL_COUNT_WORD; i < count; i++)
        fl_store(&entry[i + 1], words[i], FL_RELAXED);
    tx->head++;
    if (tx->head - tx->committed > 1)
        fl_store(&entry[FL_COUNT_WORD], tx->head, FL_RELAXED); /* ordered by A0, as all before the first is shown */
}

/* How many announcements ahead a line is asked for: one takes as long to come from another core as several cost to make or take.
 * Who shows each by itself waits for its line at each fence, and asks beyond what the consumer asks for in the same moment, or both
 * would pull at one line: of 4 to 32 that did best by a quarter, and worse by an eighth where 32 are shown at once. */
#define FL_AHEAD       4u
#define FL_AHEAD_ALONE 16u

/* The line of an announcement to come is on its way from the consumer, which read it a lap ago, before it is written: if `free`
 * places are not in use, for the consumer still wants the others. */
static inline void fl_tx_expect_push(const struct fl_tx *tx, uint64_t free, uint64_t ahead)
{
    if (free > ahead)
        fl_prefetch(&tx->mine->entries[fl_entry_at(tx->head + ahead, tx->mask)], 1);
}

/* The line of the next announcement is on its way: several lanes' lines come at the same time, if all are asked for first. */
static inline void fl_tx_expect_now(const struct fl_tx *tx)
{
    fl_prefetch(&tx->mine->entries[fl_entry_at(tx->head, tx->mask)], 1);
}

/* Shows the consumer all that was pushed: once a batch. `head` is for who looks on. */
static inline void fl_tx_commit(struct fl_tx *tx)
{
    if (tx->committed == tx->head)
        return;
    fl_word *entry = &tx->mine->entries[fl_entry_at(tx->committed, tx->mask)];
    fl_store(&entry[FL_COUNT_WORD], tx->committed + 1, FL_RELEASE); /* A0: all entries, and the versions and payloads before them */
    fl_store(&tx->mine->head, tx->head, FL_RELAXED);
    tx->committed = tx->head;
}

/* All that was pushed has been committed. */
static inline void fl_tx_close(struct fl_tx *tx)
{
    fl_store(&tx->mine->closed, tx->head + 1, FL_RELEASE); /* C0: after the last A0 */
}

static inline void fl_tx_through(struct fl_tx *tx, uint64_t epoch, uint64_t number, uint64_t pts, uint64_t time_base)
{
    uint64_t seq = fl_load(&tx->mine->through_seq, FL_RELAXED); /* own word */
    fl_store(&tx->mine->through_seq, seq + 1, FL_RELAXED);
    fl_fence(FL_RELEASE); /* T0: whoever sees a new word below sees the odd count */
    fl_store(&tx->mine->through_epoch, epoch, FL_RELAXED);
    fl_store(&tx->mine->through_number, number, FL_RELAXED);
    fl_store(&tx->mine->through_pts, pts, FL_RELAXED);
    fl_store(&tx->mine->through_time_base, time_base, FL_RELAXED);
    fl_store(&tx->mine->through_seq, seq + 2, FL_RELEASE); /* T0: whoever sees the even count sees the words */
}

/* What the consumer has returned is on its way, if any: several lanes' lines come at the same time, if all are asked for first. */
static inline void fl_tx_expect_returns(const struct fl_tx *tx)
{
    fl_prefetch(&tx->theirs->returned, 0);
    fl_prefetch(&tx->theirs->entries[tx->returned & tx->mask], 0);
}

/* True if a return is known of that has not been collected: no shared count is read for it. */
static inline int fl_tx_knows_return(const struct fl_tx *tx)
{
    return tx->returned != tx->seen;
}

/* Takes one returned index, and looks for more where none is known of. `outstanding` is the caller's own count, of which each that
 * was taken is one less: more returns than that are a lie. */
static inline enum fl_collect fl_tx_collect(struct fl_tx *tx, uint64_t outstanding, uint64_t *index)
{
    if (!fl_tx_knows_return(tx)) {
        fl_prefetch(&tx->theirs->entries[tx->returned & tx->mask], 0); /* comes together with the count, not after it */
        uint64_t seen = fl_load(&tx->theirs->returned, FL_ACQUIRE);    /* R1: the consumer is done with the pixels */
        if (seen - tx->returned > outstanding)
            return FL_COLLECT_FAR; /* also when it went back: the difference is then huge */
        tx->seen = seen;
        if (!fl_tx_knows_return(tx))
            return FL_COLLECT_NONE;
    }
    *index = fl_load(&tx->theirs->entries[tx->returned & tx->mask], FL_RELAXED); /* ordered by R1; read once */
    tx->returned++;
    return FL_COLLECT_ONE;
}

static inline int fl_tx_gone(const struct fl_tx *tx)
{
    return fl_load(&tx->theirs->gone, FL_RELAXED) != 0; /* a hint; nothing is read because of it */
}

/* The full fence of D, on either side: one for all lanes of a process. */
static inline void fl_doorbell_fence(void)
{
    fl_fence(FL_SEQ_CST);
}

/* The next value of `armed`: no other has it, and its lowest bit says how who arms is going to sleep. */
static inline uint64_t fl_arming(uint64_t armed, int by_word)
{
    return (armed | FL_ARMED_BY_WORD) + 1 + (by_word ? FL_ARMED_BY_WORD : 0);
}

/* D1, after fl_doorbell_fence: must who has armed be rung, and how? `rung`: the arming it was rung for last. */
static inline enum fl_must_ring fl_judge_armed(uint64_t armed, uint64_t *rung)
{
    if (armed == *rung)
        return FL_RING_NOT;
    *rung = armed;
    return (armed & FL_ARMED_BY_WORD) != 0 ? FL_RING_WORD : FL_RING_FD;
}

/* What the consumer's `bell` says: read before fl_tx_arm, where the producer is going to sleep until it says something else. */
static inline uint64_t fl_tx_bell(const struct fl_tx *tx)
{
    return fl_load(&tx->theirs->bell, FL_RELAXED); /* ordered by D0 */
}

/* D0 for the producer, followed by fl_doorbell_fence, then by a look at everything. */
static inline void fl_tx_arm(struct fl_tx *tx, int by_word)
{
    tx->armed = fl_arming(tx->armed, by_word);
    fl_store(&tx->mine->armed, tx->armed, FL_RELAXED);
}

static inline enum fl_must_ring fl_tx_must_ring(struct fl_tx *tx)
{
    return fl_judge_armed(fl_load(&tx->theirs->armed, FL_RELAXED), &tx->rung); /* D1 */
}

/* After fl_tx_must_ring: the word a consumer sleeps on changes, then it is woken. */
static inline void fl_tx_ring(struct fl_tx *tx)
{
    fl_store(&tx->mine->bell, ++tx->rings, FL_RELAXED); /* ordered by D1 */
}

/* ---- consumer ---- */

/* True if an announcement is known of already: no shared word is read. */
static inline int fl_rx_knows_entry(const struct fl_rx *rx)
{
    return rx->tail != rx->head;
}

/* What the place of announcement `index` shows before it is announced: that of a lap ago, or nothing yet. */
static inline uint64_t fl_rx_count_before(const struct fl_rx *rx, uint64_t index)
{
    return index > rx->mask ? index - rx->mask : 0;
}

/* Looks for the next announcement. `closed` first: it is stored after the last one, so who sees it and then the place misses no
 * frame (the other order loses the last one). */
static inline enum fl_look fl_rx_look(struct fl_rx *rx)
{
    const fl_word *entry = &rx->theirs->entries[fl_entry_at(rx->tail, rx->mask)];
    uint64_t closed = fl_load(&rx->theirs->closed, FL_ACQUIRE);  /* C1 */
    uint64_t count = fl_load(&entry[FL_COUNT_WORD], FL_ACQUIRE); /* A1: the entry is whole */
    int is_there = count == rx->tail + 1;
    if (!is_there && count != fl_rx_count_before(rx, rx->tail))
        return count > rx->tail ? FL_LOOK_FAR : FL_LOOK_BACK;
    if (is_there && rx->tail - rx->committed >= rx->credits)
        return FL_LOOK_FAR; /* more than it has credit for; what has not been shown to it has given it none */
    if (rx->closed != 0 && closed != rx->closed)
        return FL_LOOK_BAD_CLOSE;
    if (closed != 0 && (is_there ? closed <= rx->tail + 1 : closed != rx->tail + 1))
        return FL_LOOK_BAD_CLOSE;
    rx->closed = closed;
    rx->head = rx->tail + (uint64_t)is_there;
    if (is_there)
        return FL_LOOK_ENTRY;
    rx->run = 0;
    return closed != 0 ? FL_LOOK_ENDED : FL_LOOK_NOTHING;
}

/* Is there one after that at tail, which is known of? */
static inline int fl_rx_sees_another(const struct fl_rx *rx)
{
    uint64_t next = rx->tail + 1;
    return fl_load(&rx->theirs->entries[fl_entry_at(next, rx->mask) + FL_COUNT_WORD], FL_RELAXED) == next + 1; /* looked at later */
}

/* Copies the words of a short entry at tail, or all the others, into private memory, where all checks are made. The caller reads no
 * word twice. */
static inline void fl_rx_copy_short(const struct fl_rx *rx, uint64_t *words)
{
    const fl_word *entry = &rx->theirs->entries[fl_entry_at(rx->tail, rx->mask)];
#pragma GCC unroll 8
    for (unsigned i = 0; i < FL_COUNT_WORD; i++)
        words[i] = fl_load(&entry[i], FL_RELAXED); /* ordered by A1 */
}

static inline void fl_rx_copy_rest(const struct fl_rx *rx, uint64_t *words)
{
    const fl_word *entry = &rx->theirs->entries[fl_entry_at(rx->tail, rx->mask)];
    for (unsigned i = FL_COUNT_WORD; i < FL_ENTRY_WORDS - 1; i++)
        words[i] = fl_load(&entry[i + 1], FL_RELAXED); /* ordered by A1 */
}

/* The entry at tail is taken; its index is what give_back wants. */
static inline uint64_t fl_rx_advance(struct fl_rx *rx)
{
    uint64_t index = rx->tail++;
    if (rx->run++ > FL_AHEAD) /* there is a queue: lines are on their way before they are read */
        fl_prefetch(&rx->theirs->entries[fl_entry_at(rx->tail + FL_AHEAD, rx->mask)], 0);
    fl_store(&rx->mine->taken, rx->tail, FL_RELAXED); /* statistics */
    fl_store(&rx->mine->working_on, index + 1, FL_RELAXED);
    return index;
}

/* Gives the credit of one taken announcement back, in any order; the producer sees it at the next commit. */
static inline void fl_rx_give_back(struct fl_rx *rx, uint64_t index)
{
    fl_store(&rx->mine->entries[rx->returned & rx->mask], index, FL_RELAXED);    /* ordered by R0 */
    fl_prefetch(&rx->mine->entries[(rx->returned + FL_LINE / 8) & rx->mask], 1); /* the producer has read that line a lap ago */
    rx->returned++;
}

/* Shows the producer all that was given back: once a batch. */
static inline void fl_rx_commit(struct fl_rx *rx)
{
    fl_store(&rx->mine->returned, rx->returned, FL_RELEASE); /* R0: reads of the pixels happen before it */
    rx->committed = rx->returned;
}

static inline void fl_rx_leave(struct fl_rx *rx)
{
    fl_store(&rx->mine->gone, 1, FL_RELAXED);
}

static inline uint64_t fl_rx_bell(const struct fl_rx *rx)
{
    return fl_load(&rx->theirs->bell, FL_RELAXED); /* ordered by D0 */
}

static inline void fl_rx_arm(struct fl_rx *rx, int by_word)
{
    rx->armed = fl_arming(rx->armed, by_word);
    fl_store(&rx->mine->armed, rx->armed, FL_RELAXED); /* D0 */
}

static inline enum fl_must_ring fl_rx_must_ring(struct fl_rx *rx)
{
    return fl_judge_armed(fl_load(&rx->theirs->armed, FL_RELAXED), &rx->rung); /* D1 */
}

static inline void fl_rx_ring(struct fl_rx *rx)
{
    fl_store(&rx->mine->bell, ++rx->rings, FL_RELAXED); /* ordered by D1 */
}

/* T1. 1 and the four words, or 0: never set, or the writer was in the middle of it (look again later). */
static inline int fl_rx_through(const struct fl_rx *rx, uint64_t words[4])
{
    uint64_t before = fl_load(&rx->theirs->through_seq, FL_ACQUIRE); /* T1: words below are at least as new */
    if (before == 0 || (before & 1) != 0)
        return 0;
    words[0] = fl_load(&rx->theirs->through_epoch, FL_RELAXED);
    words[1] = fl_load(&rx->theirs->through_number, FL_RELAXED);
    words[2] = fl_load(&rx->theirs->through_pts, FL_RELAXED);
    words[3] = fl_load(&rx->theirs->through_time_base, FL_RELAXED);
    fl_fence(FL_ACQUIRE); /* T1: a word of a later write above implies the later count below */
    return fl_load(&rx->theirs->through_seq, FL_RELAXED) == before;
}

/* ---- slots ---- */

/* The producer is about to write the payload: `odd` is the version of this life. */
static inline void fl_version_open(struct fl_slot_version *slot, uint64_t odd)
{
    fl_store(&slot->version, odd, FL_RELAXED);
    fl_fence(FL_RELEASE); /* V0: whoever reads a byte of the new payload, then the version, sees it odd */
}

/* The payload is complete: it may be seen. */
static inline void fl_version_close(struct fl_slot_version *slot, uint64_t even)
{
    fl_store(&slot->version, even, FL_RELAXED); /* ordered by A0 and L0, like the payload */
}

/* A reader that has been told of `even`, before it reads the payload. */
static inline int fl_version_is(const struct fl_slot_version *slot, uint64_t even)
{
    return (even & 1) == 0 && fl_load(&slot->version, FL_RELAXED) == even; /* ordered by A1 or L1 */
}

/* The same reader, when it has read: was it one frame all the while? */
static inline int fl_version_still(const struct fl_slot_version *slot, uint64_t even)
{
    fl_fence(FL_ACQUIRE); /* V1: what was read of a later payload implies its odd version below */
    return fl_load(&slot->version, FL_RELAXED) == even;
}

/* ---- the ring of events: no reader is waited for ---- */

/* The one writer's private half, and a reader's. */
struct fl_events_tx {
    struct fl_events_region *mine;
    uint64_t mask, head;
};
struct fl_events_rx {
    const struct fl_events_region *theirs;
    uint64_t mask, tail;
};

static inline void fl_events_push(struct fl_events_tx *tx, const uint64_t words[FL_EVENT_WORDS])
{
    fl_word *entry = &tx->mine->entries[(tx->head & tx->mask) * FL_EVENT_WORDS];
    fl_fence(FL_RELEASE); /* E0: whoever sees a new word below sees the head of the event before */
    for (unsigned i = 0; i < FL_EVENT_WORDS; i++)
        fl_store(&entry[i], words[i], FL_RELAXED);
    tx->head++;
    fl_store(&tx->mine->head, tx->head, FL_RELEASE); /* E0: whoever sees it sees the words */
}

static inline uint64_t fl_events_head(const struct fl_events_rx *rx)
{
    return fl_load(&rx->theirs->head, FL_ACQUIRE); /* E1: the words of all events before it are whole, or newer */
}

/* Copies the event at tail, which head has passed, and goes on. 0; or how many were overwritten before they could be read, and the
 * words count for nothing. */
static inline uint64_t fl_events_next(struct fl_events_rx *rx, uint64_t words[FL_EVENT_WORDS])
{
    const fl_word *entry = &rx->theirs->entries[(rx->tail & rx->mask) * FL_EVENT_WORDS];
    for (unsigned i = 0; i < FL_EVENT_WORDS; i++)
        words[i] = fl_load(&entry[i], FL_RELAXED);
    fl_fence(FL_ACQUIRE); /* E1: a word of a later event above implies the head before that event below */
    uint64_t late = fl_load(&rx->theirs->head, FL_RELAXED) - rx->tail;
    uint64_t lost = late > rx->mask ? late - rx->mask : 0; /* the place of the one that head stands at may be written just now */
    rx->tail += lost ? lost : 1;
    return lost;
}

/* ---- the latest region ---- */

static inline void fl_latest_write(struct fl_latest_region *mine, const uint64_t words[FL_ENTRY_WORDS])
{
    uint64_t seq = fl_load(&mine->seq, FL_RELAXED); /* own word */
    fl_store(&mine->seq, seq + 1, FL_RELAXED);
    fl_fence(FL_RELEASE); /* L0: whoever sees a new word below sees the odd count */
    for (unsigned i = 0; i < FL_ENTRY_WORDS; i++)
        fl_store(&mine->entry[i], words[i], FL_RELAXED);
    fl_store(&mine->seq, seq + 2, FL_RELEASE); /* L0: whoever sees the even count sees the words, and the payload before them */
}

/* The count the words belong to, or 0: never written, or the writer was in the middle of it (look again). */
static inline uint64_t fl_latest_read(const struct fl_latest_region *theirs, uint64_t words[FL_ENTRY_WORDS])
{
    uint64_t before = fl_load(&theirs->seq, FL_ACQUIRE); /* L1: words below are at least as new */
    if ((before & 1) != 0)
        return 0;
    for (unsigned i = 0; i < FL_ENTRY_WORDS; i++)
        words[i] = fl_load(&theirs->entry[i], FL_RELAXED);
    fl_fence(FL_ACQUIRE); /* L1: a word of a later write above implies the later count below */
    return fl_load(&theirs->seq, FL_RELAXED) == before ? before : 0;
}

#endif
