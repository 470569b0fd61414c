#include "payload.h"

#include "../lib/picture.h"

#include <string.h>

static uint64_t word(uint64_t number, unsigned i)
{
    return (number + 1) * 0x9e3779b97f4a7c15ull + i * 0xc2b2ae3d27d4eb4full;
}

void payload_describe(struct fl_desc *desc, uint64_t number)
{
    picture_describe(desc, number, PAYLOAD_WORDS * sizeof(uint64_t), 1, PAYLOAD_WORDS * sizeof(uint64_t));
}

void payload_write(uint8_t *slot, uint64_t number)
{
    uint64_t *words = (uint64_t *)slot, sum = 0;
    for (unsigned i = 0; i < PAYLOAD_WORDS - 1; i++)
        sum += words[i] = word(number, i);
    words[PAYLOAD_WORDS - 1] = ~sum;
}

bool payload_at_is_whole(const uint8_t *slot, uint64_t number)
{
    uint64_t words[PAYLOAD_WORDS], sum = 0;
    memcpy(words, slot, sizeof words);
    bool whole = true;
    for (unsigned i = 0; i < PAYLOAD_WORDS - 1; i++) {
        sum += words[i];
        whole &= words[i] == word(number, i);
    }
    return whole && words[PAYLOAD_WORDS - 1] == ~sum;
}

bool payload_is_whole(const struct fl_frame *frame)
{
    return payload_at_is_whole(fl_frame_plane(frame, 0), fl_frame_desc(frame)->number);
}
