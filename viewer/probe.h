/* Looking into a frame: single components as grey pictures, and the values of one pixel. Reads the samples as they are, whatever
 * their depth and packing. */
#ifndef FL_VIEW_PROBE_H
#define FL_VIEW_PROBE_H

#include "colour.h"

/* Component `component` as grey: B G R and a filler for each sample, rows of width * 4 bytes, to be freed. NULL: no memory, or the
 * samples are no integers. */
uint8_t *fl_probe_component(const struct fl_view_frame *frame, unsigned component);

/* "12,34  Y 123  U 128  V 130  rgb 12 34 56": the samples at a pixel and, for 8-bit eyes, the colour they mean. */
void fl_probe_words(const struct fl_view_frame *frame, unsigned column, unsigned row, char *words, size_t size);

/* The colour that samples mean, 0 to 1 each, by the book: no table, no rounding. `values` are those of the components. */
void fl_probe_rgb(const struct fl_view_frame *frame, const uint16_t values[4], double rgb[3]);

#endif
