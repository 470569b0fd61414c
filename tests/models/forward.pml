/* Forwarded frames: the origin's slots pass through a stage in the middle, which dies; foster sets.
 *
 *   origin -> middle -> leaf 0 -> last
 *                    -> leaf 1
 *
 * protocol.md: "Forwarded frames". C: the books of a frame that was taken and is published again (output.c, frame.c, lane.c); foster
 * sets have their place in the messages, not in the code yet.
 *
 * Every stage publishes what it took, the same slot under the same version, and returns it when all below have. The middle dies at any
 * point. Every stage directly below closes its lane, acknowledges with the list of what it and its own consumers hold through it; the
 * origin moves those to a foster set; then the dead stage's lane is DOWN and another takes its place. Leaf 1 may die too, later.
 * What a lane's rings and books do is ring.pml's business: here a lane is a set of slots each way, and what a reader would see of a
 * slot that was taken back under it is torn.pml's.
 *
 * run the middle dies: -DFRAMES=3 -DSLOTS=2 -DCREDITS=2
 * run one credit: -DFRAMES=3 -DSLOTS=2 -DCREDITS=1
 * long the middle dies, more: -DFRAMES=5 -DSLOTS=3 -DCREDITS=2
 *
 * mutant DOWN_BEFORE_FOSTER (the middle dies): DOWN is said before the stages below have been asked
 * mutant ONE_STAGE_ASKED (the middle dies): only one of the stages directly below is asked
 * mutant ACK_WITHOUT_CLOSE (the middle dies): a stage acknowledges and goes on taking from the dead stage's lane
 * mutant LIST_WITHOUT_THOSE_BELOW (the middle dies): the list has what a stage uses itself, not what its consumers hold through it
 * mutant FOSTER_NEVER_EMPTIED (the middle dies): what was moved to a foster set is returned on the dead lane
 * mutant FOSTER_RETURN_OVERTAKES (the middle dies): a return takes another way than the list, and may be there first
 * mutant FOSTER_OUTLIVES_STAGE (the middle dies): a foster set stays when its stage dies
 * mutant FOSTER_NOT_COUNTED (one credit): foster sets do not count against the restarted lane's credits
 * mutant FORWARD_RETURNS_EARLY (the middle dies): a stage returns a frame when it has forwarded it
 */
#define BIT(s) (1 << (s))
#define ALL (BIT(SLOTS) - 1)
#define without(set, those) ((set) & (ALL - (those)))
#define count(set) ((((set) & 1) != 0) + (((set) & 2) != 0) + (((set) & 4) != 0))
#define lowest(set) (((set) & 1) != 0 -> 1 : (((set) & 2) != 0 -> 2 : 4))

/* Lanes as sets of slots, one writer each: 0 origin to middle, 1 and 2 middle to leaf, 3 leaf 0 to last, 4 origin to the new middle. */
byte announced[5], returned[5];
byte row[2], foster[2];     /* the origin's books: of lanes 0 and 4, and what the leaves hold through the dead stage */
byte held[2], held_by_last; /* what the leaves and the last are using */

mtype = { STOP, FOSTER, FOSTER_RETURN, FOSTER_DOWN, DOWN };
chan control = [3] of { mtype, byte, byte }; /* the supervisor to the origin: what, which stage below, which slots */
chan close_lane[2] = [1] of { bit };         /* to a stage below: its lane's producer is dead */
chan answers[2] = [3] of { mtype, byte };    /* from it: first what is held through that lane, then what of it is returned */
bool middle_dead, leaf_dead, all_free;
byte published;

/* ---- the origin ---- */

#define busy (row[0] | row[1] | foster[0] | foster[1])
#ifdef FOSTER_NOT_COUNTED
#define has_credit (count(row[now]) < CREDITS)
#else
#define has_credit (count(row[now] | foster[0] | foster[1]) < CREDITS)
#endif

inline obey()
{
    if
    :: what == STOP -> stopped = true
    :: what == FOSTER -> foster[stage] = set
    :: what == FOSTER_RETURN -> foster[stage] = without(foster[stage], set)
    :: what == FOSTER_DOWN -> foster[stage] = 0
    :: what == DOWN -> row[0] = 0; now = 1; stopped = false
    fi;
    what = 0;
    stage = 0;
    set = 0
}

inline collect(l, r)
{
    row[r] = without(row[r], returned[l]);
    returned[l] = 0
}

active proctype origin()
{
    byte now, set, stage;
    bool stopped;
    mtype what;

end_origin:
    do
    :: atomic { published < FRAMES && !stopped && has_credit && busy != ALL ->
            set = lowest(ALL - busy);
            assert(((held[0] | held[1] | held_by_last) & set) == 0); /* no slot is written while somebody below holds it */
            row[now] = row[now] | set;
            assert(count(row[now] | foster[0] | foster[1]) <= CREDITS); /* what is fostered counts against the credits */
            announced[now * 4] = announced[now * 4] | set;
            published++;
            set = 0
        }
    :: d_step { now == 0 && returned[0] != 0 -> collect(0, 0) }
    :: d_step { returned[4] != 0 -> collect(4, 1) }
    :: atomic { control?what(stage, set) -> obey() }
    :: atomic { published == FRAMES && busy == 0 -> all_free = true; break }
    od;
end_over:
    do
    :: control?_, _, _
    od
}

/* ---- the middle: takes, forwards to both, returns when both have ---- */

active proctype middle()
{
    byte owed, second, below, mine;

    {
end_middle:
        do
        :: d_step { announced[0] != 0 -> owed = owed | announced[0]; mine = mine | announced[0]; announced[0] = 0 }
        :: d_step { owed != 0 -> announced[1] = announced[1] | owed; second = second | owed; owed = 0 }
        :: d_step { second != 0 -> announced[2] = announced[2] | second; below = below | second; second = 0 }
#ifdef FORWARD_RETURNS_EARLY
        :: d_step { (mine & below) != 0 -> returned[0] = returned[0] | (mine & below); mine = without(mine, below); below = 0 }
#else
        :: d_step { (below & returned[1] & returned[2]) != 0 ->
                returned[0] = returned[0] | (below & returned[1] & returned[2]);
                mine = without(mine, returned[1] & returned[2]);
                below = below & mine;
                returned[1] = returned[1] & mine;
                returned[2] = returned[2] & mine
            }
#endif
        od
    } unless {
        middle_dead
    }
}

/* Another in its place; nobody is below it here. */
active proctype new_middle()
{
end_new_middle:
    do
    :: d_step { announced[4] != 0 -> returned[4] = returned[4] | announced[4]; announced[4] = 0 }
    od
}

/* ---- below it ---- */

#ifdef LIST_WITHOUT_THOSE_BELOW
#define held_through without(held[l], lent)
#else
#define held_through held[l]
#endif

inline give_back(set)
{
#ifndef FOSTER_NEVER_EMPTIED
    if
#ifdef FOSTER_RETURN_OVERTAKES
    :: fostered -> control!FOSTER_RETURN(l, set)
#else
    :: fostered -> answers[l]!FOSTER_RETURN(set)
#endif
    :: else -> returned[1 + l] = returned[1 + l] | set
    fi;
#else
    returned[1 + l] = returned[1 + l] | set;
#endif
    held[l] = without(held[l], set)
}

/* Takes from the middle and gives back; leaf 0 forwards to last and gives back when last has. */
proctype leaf(byte l)
{
    byte lent, set;
    bool fostered, is_closed;

    {
end_leaf:
        do
        :: atomic { announced[1 + l] != 0 && !is_closed ->
                set = announced[1 + l];
                assert(without(set, row[0] | foster[l]) == 0); /* what is taken is outstanding at the origin */
                held[l] = held[l] | set;
                announced[1 + l] = 0;
                if
                :: l == 0 -> announced[3] = announced[3] | set; lent = lent | set
                :: else
                fi;
                set = 0
            }
        :: atomic { l == 1 && held[l] != 0 -> set = lowest(held[l]); give_back(set); set = 0 }
        :: atomic { l == 0 && (returned[3] & lent) != 0 ->
                set = lowest(returned[3]);
                returned[3] = without(returned[3], set);
                lent = without(lent, set);
                give_back(set);
                set = 0
            }
        :: atomic { close_lane[l]?_ ->
#ifndef ACK_WITHOUT_CLOSE
                is_closed = true;
#endif
                fostered = true;
                answers[l]!FOSTER(held_through)
            }
        od
    } unless {
        l == 1 && leaf_dead
    }
}

active proctype last()
{
end_last:
    do
    :: d_step { announced[3] != 0 -> held_by_last = held_by_last | announced[3]; announced[3] = 0 }
    :: d_step { held_by_last != 0 ->
            returned[3] = returned[3] | lowest(held_by_last);
            held_by_last = held_by_last & (held_by_last - 1)
        }
    od
}

/* ---- what kills, and the supervisor ---- */

active proctype kernel()
{
end_kernel:
    published > 0 && !all_free;
    middle_dead = true;
    if
    :: true
    :: d_step { leaf_dead = true; held[1] = 0 }
    fi
}

inline relay(l)
{
    atomic {
        answers[l]?what(set) ->
        asked = asked | BIT(l);
        control!what(l, set);
        what = 0;
        set = 0
    }
}

active proctype supervisor()
{
    byte set, asked;
    bool said_down, gone;
    mtype what;

end_supervisor:
    middle_dead;
    control!STOP(0, 0);
#ifdef DOWN_BEFORE_FOSTER
    control!DOWN(0, 0);
    said_down = true;
#endif
    close_lane[0]!1;
#ifdef ONE_STAGE_ASKED
    asked = BIT(1);
#else
    close_lane[1]!1;
#endif
end_relay:
    do
    :: relay(0)
    :: relay(1)
    :: atomic { leaf_dead && empty(answers[1]) && !gone -> /* its pidfd has fired and its socket is read to the end */
            gone = true;
            asked = asked | BIT(1);
#ifndef FOSTER_OUTLIVES_STAGE
            control!FOSTER_DOWN(1, 0)
#endif
        }
    :: atomic { asked == 3 && !said_down -> said_down = true; control!DOWN(0, 0) }
    od
}

init
{
    atomic { run leaf(0); run leaf(1) }
}

active proctype rest()
{
end_rest:
    timeout;
    assert(all_free) /* no slot is lost, and the run goes on */
}
