/* Pictures whose every byte follows from a number, so that a reader can tell a torn, stale or foreign one. */
#ifndef TESTS_PICTURE_H
#define TESTS_PICTURE_H

#include <framelane/frame.h>

/* A grey picture of width x height at the start of a slot, rows `stride` bytes apart, with time base 1/25 and pts = number. */
void picture_describe(struct fl_desc *desc, uint64_t number, uint32_t width, uint32_t height, int32_t stride);

/* The same with three planes, the second and third of half the size, one after another. Returns the bytes it needs. */
uint64_t picture_describe_yuv(struct fl_desc *desc, uint64_t number, uint32_t width, uint32_t height, int32_t stride);

/* Writes, and checks, every byte that counts. Returns the number of wrong bytes. */
void picture_fill(uint8_t *slot, const struct fl_desc *desc, uint64_t seed);
uint64_t picture_wrong_bytes(const uint8_t *slot, const struct fl_desc *desc, uint64_t seed);

/* The byte at a place, for tests that crop. */
uint8_t picture_byte(uint64_t seed, unsigned plane, uint32_t row, uint32_t column);

#endif
