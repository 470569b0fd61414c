#include "ring.h"

#define ENDED (1ull << 63)

void ring_init(struct ring *ring, uint64_t places)
{
    *ring = (struct ring){.places = places};
    ring->head = micro_shared(sizeof *ring->head);
    ring->returned = micro_shared(sizeof *ring->returned);
    bare_bell_init(&ring->to_reader, "read");
    bare_bell_init(&ring->to_writer, "read");
}

void ring_room(struct ring *ring, uint64_t number)
{
    if (number - ring->seen_returned < ring->places)
        return;
    ring->seen_returned = bare_load(ring->returned);
    while (number - ring->seen_returned >= ring->places)
        ring->seen_returned = bare_await(&ring->to_writer, ring->returned, ring->seen_returned);
}

void ring_send(struct ring *ring, uint64_t number)
{
    bare_store(ring->head, number + 1);
    bare_tell(&ring->to_reader);
}

void ring_end(struct ring *ring, uint64_t count)
{
    bare_store(ring->head, count | ENDED);
    bare_tell(&ring->to_reader);
}

bool ring_wait(struct ring *ring, uint64_t number)
{
    while ((ring->seen_head & ~ENDED) <= number && !(ring->seen_head & ENDED))
        ring->seen_head = bare_await(&ring->to_reader, ring->head, ring->seen_head);
    return (ring->seen_head & ~ENDED) > number;
}

void ring_return(struct ring *ring, uint64_t number)
{
    bare_store(ring->returned, number + 1);
    bare_tell(&ring->to_writer);
}
