/* A frame that no longer fits: another generation of a pool, known to its readers before a frame of it is taken.
 *
 * protocol.md: "Size or format changes". C: generations.c in pipeline/; fl_host_add_pool, fl_host_pool_ready, fl_host_pool_unused in
 * host-pools.c; what a lane does with a pool it does not know is in lane.c.
 *
 * The producer asks; the supervisor mints, has it mapped, seals, sends it to the reader, then says READY to the producer; until then
 * frames go on in the older one. Announcements and the control socket overtake each other freely. A generation of which no frame is
 * under way any more is given up, and the reader unmaps it.
 *
 * run two changes: -DFRAMES=4 -DGENERATIONS=3
 * long two changes, more: -DFRAMES=9 -DGENERATIONS=3
 *
 * mutant READY_FIRST (two changes): READY is said before the reader has been sent the pool
 * mutant UNKNOWN_IS_A_LIE (two changes): a consumer complains of a pool it does not know before it has read its control socket
 * mutant READER_BEFORE_SEAL (two changes): the reader gets the pool before it is sealed
 * mutant SEAL_BEFORE_MAP (two changes): it is sealed before its producer has mapped it
 * mutant GIVEN_UP_EARLY (two changes): the older one is given up when the newer one is there, not when its last frame has come back
 * mutant IDS_COME_AGAIN (two changes): a generation has the number of the one before the last, and the word that it is unused comes late
 */
#define CREDITS 2

#ifdef IDS_COME_AGAIN
#define id_of(g) ((g) & 1)
#else
#define id_of(g) (g)
#endif

mtype = { MAP, READY, POOL, UNUSED };
chan ring = [CREDITS] of { byte, byte };             /* announcements: pool id; and, unknown to the reader, whose frame it is */
chan to_producer = [1] of { mtype, byte };           /* the control socket of each: what, which generation */
chan to_reader = [2 * GENERATIONS] of { mtype, byte };
chan from_producer = [2] of { mtype, byte };         /* READY asks for it, MAP: it is mapped */
bool can_write[GENERATIONS], sealed[GENERATIONS];
byte under_way[GENERATIONS];                         /* announced and not returned */
byte taken;

active proctype producer()
{
    byte current, oldest, sent, g;
    bool asked;

    d_step { can_write[0] = true; sealed[0] = true }
    do
    :: atomic { sent < FRAMES && nfull(ring) && current + 1 >= sent -> /* a change every frame or two */
            ring!id_of(current), current;
            under_way[current]++;
            sent++
        }
    :: atomic { !asked && current + 1 < GENERATIONS && current < sent -> asked = true; from_producer!READY, current + 1 }
    :: atomic { to_producer?MAP, g -> can_write[g] = !sealed[g]; from_producer!MAP, g; g = 0 }
    :: atomic { to_producer?READY, g ->
            assert(can_write[g]); /* a generation can be written by its producer */
            current = g;
            asked = false;
            g = 0
        }
#ifdef GIVEN_UP_EARLY
    :: atomic { oldest < current ->
#else
    :: atomic { oldest < current && under_way[oldest] == 0 ->
#endif
            from_producer!UNUSED, oldest;
            oldest++
        }
    :: sent == FRAMES && !asked && oldest == current && current + 1 == GENERATIONS -> break
    od
}

#ifdef SEAL_BEFORE_MAP
#define SEALED_AT_ONCE true
#else
#define SEALED_AT_ONCE false
#endif

active proctype supervisor()
{
    byte g;

end_supervisor:
    do
    :: from_producer?READY, g ->
        sealed[g] = SEALED_AT_ONCE;
#ifdef READER_BEFORE_SEAL
        to_reader!POOL, g;
#endif
        to_producer!MAP, g
    :: from_producer?MAP, g ->
        sealed[g] = true;
#ifdef READY_FIRST
        to_producer!READY, g;
        to_reader!POOL, g
#else
#ifndef READER_BEFORE_SEAL
        to_reader!POOL, g;
#endif
        to_producer!READY, g
#endif
    :: from_producer?UNUSED, g -> to_reader!UNUSED, g
    od
}

inline hear()
{
    if
    :: what == POOL ->
        assert(sealed[g]); /* whoever reads a pool can not be written under by anybody but its producer */
        known[id_of(g)] = g + 1
    :: what == UNUSED -> known[id_of(g)] = 0
    fi;
    what = 0;
    g = 0
}

active proctype reader()
{
    byte known[GENERATIONS], id, whose, g; /* by id: the generation that is mapped under it, plus one */
    mtype what;

    known[0] = 1;
end_reader:
    do
    :: atomic { to_reader?what, g -> hear() }
    :: atomic { nempty(ring) -> ring?id, whose };
#ifndef UNKNOWN_IS_A_LIE
        do
        :: atomic { known[id] == 0 && nempty(to_reader) -> to_reader?what, g; hear() }
        :: known[id] != 0 || empty(to_reader) -> break
        od;
#endif
        assert(known[id] != 0);         /* an honest producer's frame lies in a pool that is known */
        assert(known[id] == whose + 1); /* and in the one that is mapped under its number */
        atomic { under_way[whose]--; taken++; id = 0; whose = 0 }
    od
}

init
{
    timeout;
    assert(taken == FRAMES) /* all frames come */
}
