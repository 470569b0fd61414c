/* How a frame lies in a pipe: one header (struct fl_entry), then for FL_PIPE_FRAME each plane, then the side data.
 *
 * A plane whose rows fill most of its stride crosses as one run, padding included, and keeps its stride; another (a narrow crop, a
 * picture stored bottom up, a single row) crosses row by row. The header carries the description as it holds at the reader, and in
 * `spare` a bit for each plane that crosses by rows. Both ends walk the message with the same code, each over its own memory.
 */
#ifndef FL_PIPE_H
#define FL_PIPE_H

#include <sys/uio.h>

#include "internal.h"

#define FL_PIPE_ALIGN 64u
#define FL_PIPE_SLACK 4096u /* readable bytes behind the last plane, for vector code that reads past a row's end */
#define FL_PIPE_IOVECS 256u

/* Which planes of `desc` cross row by row. */
uint64_t fl_pipe_rows_mask(const struct fl_desc *desc);

/* The description at the reader, and the bytes it needs there (0: too large to be true). */
uint64_t fl_pipe_restate(const struct fl_desc *desc, uint64_t rows_mask, struct fl_desc *restated);

/* Bytes of a frame on the wire, header not counted. */
uint64_t fl_pipe_wire_bytes(const struct fl_desc *desc, uint64_t rows_mask);

/* The next stretches of memory from byte `done` of the payload on: up to `room` of them. */
unsigned fl_pipe_stretches(const uint8_t *base, const struct fl_desc *desc, uint64_t rows_mask, uint64_t done, struct iovec *parts,
                           unsigned room);

#endif
