/* A consumer that writes whatever it likes into its return region, beside an honest one on the same output.
 *
 * protocol.md: "Release", "The one-writer rule". C: fl_tx_collect in core.h, fl_output_lane_collect and find_row in output-lane.c.
 *
 * Lane 0 is the hostile one's: `returned` goes forward, back and far, its entries are bogus, duplicate, foreign and stale, also while
 * they are read. It may do no more than lose its own lane: the books of the producer stay right, and lane 1 gets every frame whole.
 *
 * run two lanes: -DFRAMES=3
 * long two lanes, more: -DFRAMES=4 -DMORE
 *
 * mutant RETURN_NOT_VALIDATED (two lanes): a returned index that is not outstanding is taken for the oldest row
 * mutant RETURN_ACCEPTED_TWICE (two lanes): a row stays in the books when its index has come back
 * mutant RETURN_FOREIGN (two lanes): a returned index is looked for in the rows of every lane
 * mutant RETURN_READ_TWICE (two lanes): the index is read once to be checked and again to be used
 * mutant RETURNED_UNBOUNDED (two lanes): returned may advance by more than is outstanding
 * mutant CREDIT_FROM_SHARED_MEMORY (two lanes): credit is what head and the consumer's `returned` say, not what the books say
 * mutant BAD_RETURN_FREES_LANE (two lanes): a lane that breaks a rule has its frames taken back at once
 * mutant FAULT_IS_FORGOTTEN (two lanes): a lane that broke a rule goes on being announced on
 */
#define LANES 2
#define CREDITS 2
#define SLOTS 6
#define OWN_WORDS SLOTS
#define PAYLOAD(slot) OWN(slot)
#define NONE 255

#include "core.pml"

byte row_slot[4] = NONE, row_index[4], outstanding[LANES]; /* the producer's books; the hostile one cannot see them */
byte named[LANES * SLOTS]; /* what only the model sees: announcements whose index has not come back rightly */
bool fault, producer_done;
byte published;

/* ---- the producer: lane 0 is `drop`, lane 1 `wait` ---- */

#define is_row(row, index) (row_slot[row] != NONE && row_index[row] == (index))
#define find_in_lane(l, index) (is_row(l * 2, index) -> l * 2 : (is_row(l * 2 + 1, index) -> l * 2 + 1 : NONE))
#ifdef RETURN_FOREIGN
#define find_row(l, index) (find_in_lane(l, index) != NONE -> find_in_lane(l, index) : find_in_lane(1 - l, index))
#elif defined(RETURN_NOT_VALIDATED)
#define find_row(l, index) (find_in_lane(l, index) != NONE -> find_in_lane(l, index) : l * 2)
#else
#define find_row(l, index) find_in_lane(l, index)
#endif
#define is_free(s) (row_slot[0] != (s) && row_slot[1] != (s) && row_slot[2] != (s) && row_slot[3] != (s))
#define free_slot (is_free(0) -> 0 : (is_free(1) -> 1 : (is_free(2) -> 2 : (is_free(3) -> 3 : (is_free(4) -> 4 : 5)))))

inline forget(row)
{
    if
    :: row_slot[row] != NONE -> named[(row / 2) * SLOTS + row_slot[row]] = 0
    :: else
    fi;
    row_slot[row] = NONE;
    row_index[row] = 0
}

inline break_lane()
{
    d_step {
        fault = true;
#ifdef BAD_RETURN_FREES_LANE
        row_slot[0] = NONE;
        row_slot[1] = NONE;
        outstanding[0] = 0
#endif
    }
}

/* fl_output_lane_collect: one returned index. */
inline collect(l)
{
    atomic {
        claimed = fl_load(RETURN_RETURNED(l)) - tx[l].returned;
        is_lie = claimed > outstanding[l];
        fl_tx_collect(tx[l], l, outstanding[l], index, got)
    }
    if
    :: got == COLLECT_ONE ->
        row = find_row(l, index);
#ifdef RETURN_READ_TWICE
        index = fl_load(RETURN_ENTRY(l, tx[l].returned - 1));
        row = (row == NONE -> NONE : (find_row(l, index) == NONE -> 3 : find_row(l, index)));
#endif
        if
        :: row == NONE -> break_lane()
        :: else ->
            assert(outstanding[l] > 0 && row / 2 == l); /* who returns frees a row of its own lane */
            assert(row_slot[row] != NONE && row_index[row] == index); /* and a row that its index names */
#ifdef RETURN_ACCEPTED_TWICE
            outstanding[l]--
#else
            d_step { forget(row); outstanding[l]-- }
#endif
        fi
    :: got == COLLECT_FAR -> break_lane()
    :: else
    fi;
    assert(!is_lie || fault); /* who claims to return more than it holds has lost its lane */
    d_step { row = 0; index = 0; got = 0; claimed = 0; is_lie = false }
}

#ifdef CREDIT_FROM_SHARED_MEMORY
#define has_credit(l) (tx[l].head - fl_load(RETURN_RETURNED(l)) < CREDITS)
#else
#define has_credit(l) (outstanding[l] < CREDITS)
#endif
#ifdef FAULT_IS_FORGOTTEN
#define is_stopped(l) false
#else
#define is_stopped(l) ((l) == 0 && fault)
#endif

inline send(l)
{
    row = (row_slot[l * 2] == NONE -> l * 2 : (row_slot[l * 2 + 1] == NONE -> l * 2 + 1 : NONE));
    assert(row != NONE && outstanding[l] < CREDITS); /* no more is outstanding than there are credits */
    assert(l == 1 || !fault); /* nothing is announced on a lane that broke a rule */
    d_step {
        row_slot[row] = slot;
        row_index[row] = tx[l].head;
        named[l * SLOTS + slot] = 1;
        outstanding[l]++;
        row = 0
    }
    fl_tx_push_word(tx[l], l, 0, slot);
    fl_tx_push(tx[l], l);
    fl_tx_commit(tx[l], l)
}

#define returned_some(l) (fl_load(RETURN_RETURNED(l)) != tx[l].returned)

active proctype producer()
{
    fl_tx tx[LANES];
    byte me = 0, slot, row, index, got, claimed, returned, difference;
    bool is_lie;

    do
    :: published < FRAMES && has_credit(1) ->
        atomic {
            slot = free_slot;
            assert(named[slot] == 0 && named[SLOTS + slot] == 0); /* no slot is written while an announcement names it */
            published++;
            fl_store(PAYLOAD(slot), published, RELAXED)
        }
        atomic { send(1) }
        if
        :: has_credit(0) && !is_stopped(0) -> atomic { send(0); slot = 0 }
        :: else -> slot = 0
        fi
    :: returned_some(0) && !fault -> collect(0)
    :: returned_some(1) -> collect(1)
    :: published == FRAMES && outstanding[1] == 0 -> break
    od;
    assert(outstanding[0] <= CREDITS); /* a hostile consumer holds its own credits and nothing more */
    assert((row_slot[0] != NONE) + (row_slot[1] != NONE) == outstanding[0]); /* the books balance */
    assert(row_slot[2] == NONE && row_slot[3] == NONE); /* the honest lane is empty */
    producer_done = true
}

/* ---- who holds lane 0: any word of its region, at any time ---- */

active proctype hostile()
{
end_hostile:
    do
    :: !producer_done ->
        if
        :: fl_load(RETURN_RETURNED(0)) = 1
        :: fl_load(RETURN_RETURNED(0)) = 2
        :: fl_load(RETURN_RETURNED(0)) = 200
        :: fl_load(RETURN_ENTRY(0, 0)) = 0
        :: fl_load(RETURN_ENTRY(0, 0)) = 1
        :: fl_load(RETURN_ENTRY(0, 0)) = 7
        :: fl_load(RETURN_ENTRY(0, 1)) = 1
#ifdef MORE
        :: fl_load(RETURN_RETURNED(0)) = 0
        :: fl_load(RETURN_ENTRY(0, 1)) = 0
        :: fl_load(RETURN_ENTRY(0, 1)) = 7
#endif
        fi
    od
}

/* ---- who holds lane 1 ---- */

active proctype honest()
{
    fl_rx rx;
    byte me = 1, slot, index;

    do
    :: rx.tail < FRAMES ->
        atomic {
            is_there(1, rx.tail);
            slot = fl_rx_copy_word(rx, 1, 0);
            fl_rx_advance(rx, index)
        }
        assert(fl_load(PAYLOAD(slot)) == index + 1); /* the honest consumer gets every frame whole */
        assert(fl_load(PAYLOAD(slot)) == index + 1); /* and a frame in hand stays what it was */
        fl_rx_give_back(rx, 1, index); fl_rx_commit(rx, 1)
    :: rx.tail == FRAMES -> break
    od
}
