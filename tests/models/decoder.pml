/* A decoder in a pool that may be too small for it: what finds no slot is decoded into private memory and copied into one.
 *
 * protocol.md: "libavcodec in a fixed pool". C: fl_stage_acquire_now, fl_stage_acquire in host-io.c; decode_get_buffer in decode-pool.c.
 *
 * The decoder refers to up to REFERENCES pictures, more than was declared, and lets go of the oldest when it begins the next; a slot it
 * refers to is not free, whoever has returned it. The consumer gives back what it took, some time.
 *
 * run too few slots: -DFRAMES=6 -DSLOTS=3 -DREFERENCES=4
 * long too few slots, more: -DFRAMES=12 -DSLOTS=4 -DREFERENCES=5
 *
 * mutant TAKES_THE_LAST (too few slots): the decoder takes the last slot too, which is the copy's
 * mutant WAITS_FOR_EVER (too few slots): the decoder waits for a slot as long as it takes
 */
#define PRIVATE 254
#define NONE 255

byte references[REFERENCES]; /* the decoder's, oldest first: a slot, PRIVATE, NONE */
bool referred[SLOTS], announced[SLOTS];
chan lane = [SLOTS] of { byte };
chan back = [SLOTS] of { byte };
byte came;

#define is_free(s) (!referred[s] && !announced[s])
#if SLOTS == 3
#define free_count (is_free(0) + is_free(1) + is_free(2))
#define a_free_slot (is_free(0) -> 0 : (is_free(1) -> 1 : 2))
#else
#define free_count (is_free(0) + is_free(1) + is_free(2) + is_free(3))
#define a_free_slot (is_free(0) -> 0 : (is_free(1) -> 1 : (is_free(2) -> 2 : 3)))
#endif
#ifdef TAKES_THE_LAST
#define KEPT 0
#else
#define KEPT 1
#endif

inline serve()
{
    atomic { back?slot -> announced[slot] = false }
}

/* The oldest goes, all move up. */
inline let_go_of_oldest()
{
    d_step {
        if
        :: references[0] < SLOTS -> referred[references[0]] = false
        :: else
        fi;
        i = 0;
        do
        :: i + 1 < REFERENCES -> references[i] = references[i + 1]; i++
        :: else -> break
        od;
        references[REFERENCES - 1] = NONE;
        i = 0
    }
}

active proctype decoder()
{
    byte made, slot, i, got;

    d_step {
        do
        :: i < REFERENCES -> references[i] = NONE; i++
        :: else -> break
        od;
        i = 0
    }
    do
    :: made < FRAMES ->
        /* get_buffer2: the picture before the oldest reference is let go of */
        do
        :: atomic { free_count > KEPT -> got = a_free_slot; referred[got] = true; break }
#ifndef WAITS_FOR_EVER
        :: atomic { free_count <= KEPT -> got = PRIVATE; break } /* it has waited for 20 ms */
#endif
        :: serve()
        od;
        let_go_of_oldest();
        references[REFERENCES - 1] = got;
        /* the picture is given out */
        if
        :: got == PRIVATE ->
            do
            :: atomic { free_count > 0 -> got = a_free_slot; break }
            :: serve()
            od
        :: else
        fi;
        atomic { announced[got] = true; lane!got; made++; got = 0 }
    :: made == FRAMES -> break
    od
}

active proctype consumer()
{
    byte slot;

end_consumer:
    do
    :: lane?slot -> came++; back!slot
    od
}

init
{
    timeout;
    assert(came == FRAMES) /* a pool that is too small costs copies, not the run */
}
