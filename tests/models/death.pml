/* A consumer that dies at any point, leaves, hangs up or is taken for hung; the supervisor's order of things; the lane's next epoch.
 *
 * protocol.md: "Death, stalls, restarts". C: fl_output_lane_stop, fl_output_lane_down in output.c, fl_output_lane_reclaim in
 * output-lane.c; the supervisor in pipeline/ending.c and supervise.c.
 *
 * Lane 0 is one lane's first epoch, lane 1 its second. The first consumer may die between any two of its steps, by itself or killed; a
 * slow one and a stopped one are the same here: nobody is obliged to move. The supervisor may take it for hung whenever it likes.
 *
 * run dies, leaves, hangs: -DFRAMES=3
 * run supervisor dies: -DFRAMES=2 -DSUPERVISOR_DIES
 * long dies, leaves, hangs, more: -DFRAMES=5 -DSUPERVISOR_DIES
 *
 * mutant RECLAIM_ON_TIMEOUT (dies, leaves, hangs): a consumer that hangs is taken for dead
 * mutant DOWN_BEFORE_PIDFD (dies, leaves, hangs): DOWN is said when SIGKILL is sent, not when the pidfd has fired
 * mutant RECLAIM_ON_GONE (dies, leaves, hangs): `gone` is taken for death
 * mutant RECLAIM_ON_HANGUP (dies, leaves, hangs): the end of a control socket is taken for death
 * mutant STOP_RECLAIMS (dies, leaves, hangs): the producer reclaims at STOP
 * mutant NO_DOWN (dies, leaves, hangs): nobody says DOWN
 * mutant NO_STOP (dies, leaves, hangs): a lane whose consumer has left is announced on and waited for
 * mutant DOWN_NAMES_NO_EPOCH (dies, leaves, hangs): messages carry no epoch, and the new lane is there before DOWN has been acknowledged
 * mutant DOWN_WITHOUT_LAST_COLLECT (dies, leaves, hangs): what the dead gave back in life is read after its frames were reclaimed
 * mutant REFCOUNT_IN_SHARED_MEMORY (dies, leaves, hangs): each slot has a count in shared memory that its readers lower
 * mutant RECLAIM_WITHOUT_SUPERVISOR (supervisor dies): the producer reclaims when its control socket has ended
 */
#define LANES 2
#define CREDITS 2
#define SLOTS 3
#define OWN_WORDS (2 * SLOTS)
#define PAYLOAD(slot) OWN(slot)
#define COUNT(slot) OWN(SLOTS + (slot))
#define NONE 255

#include "core.pml"

mtype = { STOP, DOWN, ATTACH };
chan control = [3] of { mtype, byte }; /* the supervisor's words to the producer: what, and to which epoch of the lane */
bool acknowledged;                     /* the last DOWN has been done */
bool dead[LANES], killed[LANES], hung_up[LANES];
bool supervisor_gone, producer_done;
byte published;

/* ---- the producer ---- */

#ifdef REFCOUNT_IN_SHARED_MEMORY
#define is_free(s) (fl_load(COUNT(s)) == 0)
#else
#define is_free(s) (row_slot[0] != (s) && row_slot[1] != (s) && row_slot[2] != (s) && row_slot[3] != (s))
#endif
#define free_slot (is_free(0) -> 0 : (is_free(1) -> 1 : (is_free(2) -> 2 : NONE)))
#define find_row(l, index) (row_slot[l * 2] != NONE && row_index[l * 2] == index -> l * 2 : \
                            (row_slot[l * 2 + 1] != NONE && row_index[l * 2 + 1] == index -> l * 2 + 1 : NONE))

/* fl_output_lane_collect, all there is. */
inline collect(l)
{
    do
    :: fl_load(RETURN_RETURNED(l)) != tx[l].returned && !fault[l] ->
        fl_tx_collect(tx[l], l, outstanding[l], index, got);
        row = (got == COLLECT_ONE -> find_row(l, index) : NONE);
        if
        :: row == NONE -> fault[l] = 1; stopped[l] = 1
        :: else -> row_slot[row] = NONE; row_index[row] = 0; outstanding[l]--
        fi
    :: else -> break
    od;
    row = 0;
    index = 0;
    got = 0
}

inline reclaim(l)
{
    row_slot[l * 2] = NONE;
    row_slot[l * 2 + 1] = NONE;
    row_index[l * 2] = 0;
    row_index[l * 2 + 1] = 0;
    outstanding[l] = 0
}

/* fl_output_lane_down */
inline down(l)
{
    stopped[l] = 1;
#ifndef DOWN_WITHOUT_LAST_COLLECT
    collect(l);
#endif
    reclaim(l)
}

inline obey(what, l)
{
    if
    :: what == STOP ->
        stopped[l] = 1;
#ifdef STOP_RECLAIMS
        reclaim(l)
#endif
    :: what == DOWN ->
#ifdef DOWN_NAMES_NO_EPOCH
        down(now);
#else
        down(l);
#endif
        acknowledged = true
    :: what == ATTACH -> now = l
    fi
}

inline send()
{
    row = (row_slot[now * 2] == NONE -> now * 2 : now * 2 + 1);
    row_slot[row] = slot;
    row_index[row] = tx[now].head;
    outstanding[now]++;
    fl_load(COUNT(slot)) = fl_load(COUNT(slot)) + 1;
    row = 0;
    fl_tx_push_word(tx[now], now, 0, slot);
    fl_tx_push(tx[now], now);
    fl_tx_commit(tx[now], now)
}

#define returned_some(l) (fl_load(RETURN_RETURNED(l)) != tx[l].returned && !fault[l])
#ifdef NO_STOP
#define listens(l) !fault[l]
#else
#define listens(l) (!stopped[l])
#endif

active proctype producer()
{
    fl_tx tx[LANES];
    byte me = 0, row_slot[4] = NONE, row_index[4], outstanding[LANES], stopped[LANES], fault[LANES];
    byte now, slot, row, index, got, returned, difference, l;
    mtype what;
#ifdef RECLAIM_WITHOUT_SUPERVISOR
    bool reclaimed;
#endif

    do
    :: atomic { published < FRAMES && listens(now) && outstanding[now] < CREDITS && free_slot != NONE ->
            slot = free_slot;
            published++;
            fl_store(PAYLOAD(slot), published, RELAXED)
        }
        atomic { send(); slot = 0 }
    :: atomic { returned_some(0) -> collect(0) }
    :: atomic { returned_some(1) -> collect(1) }
    :: atomic { fl_load(RETURN_GONE(0)) && !stopped[0] ->
            stopped[0] = 1;
#ifdef RECLAIM_ON_GONE
            reclaim(0)
#endif
        }
    :: atomic { control?what(l) -> obey(what, l); what = 0; l = 0 }
#ifdef SUPERVISOR_DIES
#ifdef RECLAIM_WITHOUT_SUPERVISOR
    :: atomic { supervisor_gone && !reclaimed -> reclaim(0); reclaimed = true }
#else
    :: supervisor_gone && empty(control) -> break /* its outputs end */
#endif
#endif
    :: published == FRAMES && outstanding[0] == 0 && outstanding[1] == 0 -> break
    od;
    assert(!fault[0] && !fault[1]); /* nobody is accused for having died */
    assert(supervisor_gone || (is_free(0) && is_free(1) && is_free(2))); /* a death leaks no slot */
    producer_done = true
}

/* ---- consumers ---- */

inline release(e)
{
    assert(fl_load(PAYLOAD(slot)) == number); /* a slot is never taken back from a living process */
#ifdef REFCOUNT_IN_SHARED_MEMORY
    fl_load(COUNT(slot)) = fl_load(COUNT(slot)) - 1;
#else
    fl_load(COUNT(slot)) = 0;
#endif
    fl_rx_give_back(rx, e, index); fl_rx_commit(rx, e);
    d_step { slot = 0; number = 0; index = 0 }
}

proctype consumer(byte e)
{
    fl_rx rx;
    byte me = 1, slot, number, index;

    {
end_taking:
        do
        :: atomic { is_there(e, rx.tail) ->
                slot = fl_rx_copy_word(rx, e, 0);
                number = fl_load(PAYLOAD(slot));
                fl_rx_advance(rx, index)
            }
            if
            :: true
            :: e == 0 -> fl_store(RETURN_GONE(0), 1, RELAXED); break /* leaves; what it has in hand is still to be released */
            :: e == 0 && !hung_up[0] -> hung_up[0] = true            /* its control thread ends before it does */
            fi;
            release(e)
        :: e == 0 && !is_there(0, rx.tail) && !fl_load(RETURN_GONE(0)) -> fl_store(RETURN_GONE(0), 1, RELAXED); goto left
        od;
        release(e);
left:
        dead[e] = true
    } unless {
        dead[e]
    }
}

/* ---- what kills ---- */

active proctype kernel()
{
end_kernel:
    do
    :: killed[0] && !dead[0] -> dead[0] = true
    :: !dead[0] && !producer_done -> dead[0] = true; break /* it dies by itself */
    :: producer_done -> break
    od
}

/* ---- the supervisor ---- */

bool stop_said;
#define pidfd(e) dead[e] /* fires when the process is gone */

inline wire_second()
{
    atomic {
        control!ATTACH(1);
        run consumer(1)
    }
}

active proctype supervisor()
{
#ifdef RECLAIM_ON_HANGUP
#define death (pidfd(0) || hung_up[0])
#else
#define death pidfd(0)
#endif
    do
    :: hung_up[0] && !stop_said -> control!STOP(0); stop_said = true
    :: !killed[0] && !pidfd(0) && !producer_done ->
        killed[0] = true; /* hangs, as far as one can tell */
#ifdef DOWN_BEFORE_PIDFD
        break
#elif defined(RECLAIM_ON_TIMEOUT)
        killed[0] = false;
        break
#endif
    :: death -> break
#ifdef SUPERVISOR_DIES
    :: supervisor_gone = true; goto over
#endif
    :: producer_done -> goto over
    od;
#ifdef NO_DOWN
    goto over;
#endif
#ifdef DOWN_NAMES_NO_EPOCH
    wire_second();
    control!DOWN(0);
#else
    control!DOWN(0);
    acknowledged || producer_done;
    wire_second();
#endif
over:
    skip
}

init
{
    run consumer(0)
}

active proctype rest()
{
end_rest:
    timeout;
    assert(producer_done) /* nobody waits for the dead */
}
