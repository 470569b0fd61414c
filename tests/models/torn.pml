/* A frame that is taken back under its reader: a stage in the middle returns what it has forwarded before those below are done.
 *
 *   origin -> middle -> leaf
 *
 * protocol.md: "Release": version is read once more, after the pixels; a mismatch is counted as torn and faults the lane. C:
 * fl_version_is, fl_version_still (core.h), fl_lane_settle (lane.c). Nobody can keep the middle from lying; what is promised is that
 * who read two frames for one is told.
 *
 * run returns early: -DFRAMES=3
 * long returns early, more: -DFRAMES=6
 *
 * mutant NOT_LOOKED_AGAIN (returns early): version is not read once more at release
 * mutant LOOKED_AGAIN_FIRST (returns early): version is read before the pixels, not after them
 * mutant VERSION_STAYS_EVEN (returns early): a slot that is being written keeps its even version
 */
#define SLOTS 2
#define PARTS 2

byte version[SLOTS], pixels[SLOTS * PARTS]; /* the origin's pool; a picture of two parts */
bool outstanding[SLOTS];

chan lane[2] = [SLOTS] of { byte, byte }; /* announcements: slot, version. 0 origin to middle, 1 middle to leaf */
chan back = [SLOTS] of { byte };          /* returns of the middle */
byte published;

active proctype origin()
{
    byte slot, even;

    do
    :: published < FRAMES && (!outstanding[0] || !outstanding[1]) ->
        slot = (outstanding[0] -> 1 : 0);
#ifdef VERSION_STAYS_EVEN
        even = version[slot] + 2;
#else
        version[slot]++;
        even = version[slot] + 1;
#endif
        pixels[slot * PARTS] = even;
        pixels[slot * PARTS + 1] = even;
        atomic {
            version[slot] = even;
            outstanding[slot] = true;
            published++;
            lane[0]!slot, even
        }
    :: atomic { back?slot -> outstanding[slot] = false }
    :: published == FRAMES -> break
    od;
end_over:
    do
    :: back?slot
    od
}

/* Gives a slot back whenever it likes, once. */
active proctype middle()
{
    byte slot, even;

end_middle:
    do
    :: lane[0]?slot, even ->
        if
        :: lane[1]!slot, even; back!slot
        :: back!slot; lane[1]!slot, even
        fi
    od
}

active proctype leaf()
{
    byte slot, even, first, second;
    bool torn;

end_leaf:
    do
    :: lane[1]?slot, even ->
        torn = version[slot] != even;
        if
        :: torn
        :: !torn ->
#ifdef LOOKED_AGAIN_FIRST
            torn = version[slot] != even;
#endif
            first = pixels[slot * PARTS];
            second = pixels[slot * PARTS + 1];
#if !defined(NOT_LOOKED_AGAIN) && !defined(LOOKED_AGAIN_FIRST)
            torn = version[slot] != even;
#endif
            assert(torn || (first == even && second == even)); /* who read anything but the frame announced is told */
            if
            :: torn -> skip  /* both must come about: who proves nothing never reaches one of them */
            :: !torn -> skip
            fi
        fi;
        d_step { first = 0; second = 0; torn = false; slot = 0; even = 0 }
    od
}
