/* The Trace Event Format (JSON Array Format), an event a line: the form that Chromium's tracing page and ui.perfetto.dev read.
 * A file whose writer was killed lacks its last bracket, which readers of this form do without.
 *
 * An event is put together:  begin, where, what it has besides (duration, id, arguments), end. */
#ifndef FL_TRACE_JSON_H
#define FL_TRACE_JSON_H

#include <glib.h>
#include <stdint.h>
#include <stdio.h>

typedef struct {
    FILE *file;
    uint64_t count; /* events written */
} FlTraceFile;

typedef struct {
    uint64_t number;
    uint32_t epoch, part;
    int64_t pts_us; /* INT64_MIN: unknown */
} FlTraceFrame;

void fl_trace_begin(FlTraceFile *to, char phase, const char *category, const char *name);
void fl_trace_where(FlTraceFile *to, int pid, uint64_t ns); /* ns from the run's start */
void fl_trace_duration(FlTraceFile *to, uint64_t ns);
/* An id of its own for each way of a frame over a lane; `of`: which of its spans. */
void fl_trace_id(FlTraceFile *to, char of, uint32_t lane, const FlTraceFrame *frame, uint64_t index);
void fl_trace_frame(FlTraceFile *to, const FlTraceFrame *frame); /* opens the arguments */
void fl_trace_put_text(FILE *file, const char *text);
void fl_trace_end(FlTraceFile *to, gboolean args); /* `args`: they are open */
/* Metadata: what the track of a process is called. */
void fl_trace_name(FlTraceFile *to, int pid, const char *what, const char *name, const char *kind);

#endif
