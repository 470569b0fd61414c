/* The barest ring there is: two counts, and a bell each way that rings only where the other side sleeps. What a number stands for
 * is the user's business: with P places, number n may be written once ring_room(n) is back, and read once ring_wait(n) has said
 * so. */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include "bare.h"

/* Made before the fork; each process then uses its own copy. */
struct ring {
    struct bare_word *head, *returned;
    struct bare_bell to_reader, to_writer;
    uint64_t places;
    uint64_t seen_head, seen_returned; /* this process's */
};

void ring_init(struct ring *ring, uint64_t places);
void ring_room(struct ring *ring, uint64_t number);   /* sleeps until `number` has a place */
void ring_send(struct ring *ring, uint64_t number);   /* it is there */
void ring_end(struct ring *ring, uint64_t count);     /* that many were sent in all */
bool ring_wait(struct ring *ring, uint64_t number);   /* sleeps until it has come; false: there are no more */
void ring_return(struct ring *ring, uint64_t number); /* it has been read */

#endif
