/* A stage in the middle is restarted: what it had sent is not sent again, what it had not is, lane by lane.
 *
 *   origin -> middle -> consumer 0
 *                    -> consumer 1
 *
 * protocol.md: "Consumer restarted". C: its place is in the layout (every lane's announce region is kept by the supervisor) and in the
 * messages, not in the code yet.
 *
 * The middle makes one frame of each it takes, announces it on both lanes one after the other, each when there is credit, and returns
 * its input when nothing made from it is owed any more. It dies at any point, twice. The supervisor reads from each lane which frame was
 * the last on it; the origin announces what is outstanding again, oldest first, on a new lane; consumers drain the old lane first.
 *
 * run dies twice: -DFRAMES=3 -DLIVES=3
 * long dies twice, more: -DFRAMES=7 -DLIVES=3
 *
 * mutant LAST_OF_OUTPUT (dies twice): what was announced last is told per output: the later of its lanes
 * mutant LAST_OF_SLOWEST (dies twice): the earlier of its lanes
 * mutant NOTHING_SUPPRESSED (dies twice): the new process announces whatever it makes
 * mutant NOT_ANNOUNCED_AGAIN (dies twice): the new lane begins with the next frame
 * mutant NEWEST_FIRST (dies twice): what is outstanding is announced again from its newest on
 * mutant RETURNED_WHILE_OWED (dies twice): the input is returned when the first of the two lanes has what was made from it
 * mutant NEW_LANE_FIRST (dies twice): a consumer takes from the new lane while the old one has frames
 */
#define CREDITS 2

byte sent, returned;       /* the origin: the last frame announced, the last returned: those between are outstanding */
byte life;                 /* which process the middle is */
byte last[2];              /* what the supervisor reads: the last frame announced on a lane, in whatever life */
byte came[2];              /* the last frame a consumer took */
chan lane[6] = [CREDITS] of { byte }; /* 2 * life + consumer */

active proctype origin()
{
    do
    :: atomic { sent < FRAMES && sent - returned < CREDITS -> sent++ }
    :: sent == FRAMES -> break
    od
}

inline announce(l)
{
    if
    :: frame > suppress[l] -> lane[me * 2 + l]!frame; last[l] = frame
    :: else
    fi;
    owes[l] = false
}

proctype middle(byte me)
{
    byte frame, suppress[2], next;
    bool owes[2];

    {
        d_step {
#ifdef NOTHING_SUPPRESSED
            skip;
#elif defined(LAST_OF_OUTPUT)
            suppress[0] = (last[0] > last[1] -> last[0] : last[1]);
            suppress[1] = suppress[0];
#elif defined(LAST_OF_SLOWEST)
            suppress[0] = (last[0] < last[1] -> last[0] : last[1]);
            suppress[1] = suppress[0];
#else
            suppress[0] = last[0];
            suppress[1] = last[1];
#endif
#ifdef NOT_ANNOUNCED_AGAIN
            next = sent + 1
#elif defined(NEWEST_FIRST)
            next = (sent > returned -> sent : returned + 1)
#else
            next = returned + 1
#endif
        }
end_middle:
        do
        :: atomic { !owes[0] && !owes[1] && next <= sent -> frame = next; next++; owes[0] = true; owes[1] = true }
        :: atomic { owes[0] && (nfull(lane[me * 2]) || frame <= suppress[0]) -> announce(0) }
        :: atomic { owes[1] && (nfull(lane[me * 2 + 1]) || frame <= suppress[1]) -> announce(1) }
#ifdef RETURNED_WHILE_OWED
        :: atomic { frame > returned && (!owes[0] || !owes[1]) -> returned = frame }
#else
        :: atomic { frame > returned && !owes[0] && !owes[1] -> returned = frame }
#endif
        od
    } unless {
        me != life
    }
}

active proctype supervisor()
{
    run middle(0);
end_supervisor:
    do
    :: atomic { life + 1 < LIVES && sent > 0 -> life++; run middle(life) }
    od
}

inline take(l, e)
{
    lane[e * 2 + l]?frame;
    assert(frame == came[l] + 1); /* every frame comes once, in order, on every lane */
    came[l] = frame
}

#ifdef NEW_LANE_FIRST
#define old_is_drained(l, e) true
#else
#define old_is_drained(l, e) (((e) < 1 || empty(lane[l])) && ((e) < 2 || empty(lane[2 + (l)])))
#endif

proctype consumer(byte l)
{
    byte frame;

end_consumer:
    do
    :: atomic { nempty(lane[l]) -> take(l, 0) }
    :: atomic { nempty(lane[2 + l]) && old_is_drained(l, 1) -> take(l, 1) }
    :: atomic { nempty(lane[4 + l]) && old_is_drained(l, 2) -> take(l, 2) }
    od
}

init
{
    atomic { run consumer(0); run consumer(1) }
    timeout;
    assert(came[0] == FRAMES && came[1] == FRAMES && returned == FRAMES) /* nothing is lost over a restart */
}
