/* What a frame of these tests carries: eight words that follow from its number, the last a checksum of the others. Small, for every
 * instruction that writes it is a place to die at. */
#ifndef CRASH_PAYLOAD_H
#define CRASH_PAYLOAD_H

#include <framelane/frame.h>

enum { PAYLOAD_WORDS = 8 };

void payload_describe(struct fl_desc *desc, uint64_t number);
void payload_write(uint8_t *slot, uint64_t number);

/* True if the frame, or what lies at `slot`, is wholly what its number says. */
bool payload_is_whole(const struct fl_frame *frame);
bool payload_at_is_whole(const uint8_t *slot, uint64_t number);

#endif
