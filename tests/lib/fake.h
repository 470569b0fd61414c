/* A peer that does not keep to the protocol: one end of a lane as bare mapped regions, to be scribbled on word by word.
 *
 * The other end is the library's own. Shared words are reached through transport/layout.h, which no honest program needs.
 */
#ifndef TESTS_FAKE_H
#define TESTS_FAKE_H

#include "../../transport/layout.h"
#include "wiring.h"

struct fake_producer {
    struct fl_announce_region *announce;
    const struct fl_return_region *returns;
    uint64_t announce_bytes, return_bytes;
    uint64_t places;
    uint64_t head;
    int bell; /* rings the consumer */
    /* its pool */
    struct fl_pool_info pool_info;
    uint8_t *pool;
    struct fl_slot_version *versions;
    uint64_t pool_bytes, first_slot; /* offset of slot 0 */
};

/* Wires a consumer's end in `context`, which also learns the pool (`pool_id`, 4 slots of a page, versions 2). */
struct fl_lane *fake_producer_create(struct fake_producer *fake, struct fl_context *context, uint32_t pool_id, uint32_t credits);
struct fl_lane *fake_producer_create_as(struct fake_producer *fake, struct fl_context *context, uint32_t pool_id,
                                        const struct fl_lane_info *info);
void fake_producer_destroy(struct fake_producer *fake);

/* An entry that every check accepts: slot `slot`, a small grey picture. */
struct fl_entry fake_entry(const struct fake_producer *fake, uint32_t slot, uint64_t number);

/* Writes an entry into the place of announcement `index`, but for its count; and that count. */
void fake_write(struct fake_producer *fake, uint64_t index, const struct fl_entry *entry);
void fake_count(struct fake_producer *fake, uint64_t index, uint64_t count);

/* Writes the entry at place `head`, counts it and advances head by one, as an honest producer does. */
void fake_announce(struct fake_producer *fake, const struct fl_entry *entry);
void fake_ring(struct fake_producer *fake);

struct fake_consumer {
    struct fl_return_region *returns;
    const struct fl_announce_region *announce;
    uint64_t announce_bytes, return_bytes;
    uint64_t places;
    uint64_t returned;
    int bell; /* rings the producer */
};

struct fl_output_lane *fake_consumer_create(struct fake_consumer *fake, struct fl_output *output, uint32_t when_full,
                                            uint32_t credits);
struct fl_output_lane *fake_consumer_create_as(struct fake_consumer *fake, struct fl_output *output,
                                               const struct fl_lane_info *info);
void fake_consumer_destroy(struct fake_consumer *fake);

/* Puts one index in the ring of returns, as an honest consumer does. */
void fake_return(struct fake_consumer *fake, uint64_t index);
void fake_ring_back(struct fake_consumer *fake);

#endif
