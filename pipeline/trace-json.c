#include "trace-json.h"

#include <inttypes.h>
#include <string.h>

/* Names are quoted with care, numbers cannot go wrong. Times in microseconds with three decimals. */
void fl_trace_put_text(FILE *file, const char *text)
{
    putc('"', file);
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(file, "\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            fprintf(file, "\\u%04x", (unsigned char)*c);
        else
            putc(*c, file);
    }
    putc('"', file);
}

static void put_time(FILE *file, const char *name, uint64_t ns)
{
    fprintf(file, ",\"%s\":%" PRIu64 ".%03u", name, ns / 1000, (unsigned)(ns % 1000));
}

void fl_trace_begin(FlTraceFile *to, char phase, const char *category, const char *name)
{
    fprintf(to->file, "%s\n{\"ph\":\"%c\"", to->count++ ? "," : "[", phase);
    if (category)
        fprintf(to->file, ",\"cat\":\"%s\"", category);
    fprintf(to->file, ",\"name\":");
    fl_trace_put_text(to->file, name);
}

void fl_trace_where(FlTraceFile *to, int pid, uint64_t ns)
{
    fprintf(to->file, ",\"pid\":%d,\"tid\":%d", pid, pid);
    put_time(to->file, "ts", ns);
}

void fl_trace_duration(FlTraceFile *to, uint64_t ns)
{
    put_time(to->file, "dur", ns);
}

void fl_trace_id(FlTraceFile *to, char of, uint32_t lane, const FlTraceFrame *frame, uint64_t index)
{
    fprintf(to->file, ",\"id\":\"%c%u.%u.%" PRIu64 ".%u.%" PRIu64 "\"", of, lane, frame->epoch, frame->number, frame->part, index);
}

void fl_trace_frame(FlTraceFile *to, const FlTraceFrame *frame)
{
    fprintf(to->file, ",\"args\":{\"frame\":%" PRIu64 ",\"epoch\":%u,\"part\":%u", frame->number, frame->epoch, frame->part);
    if (frame->pts_us != INT64_MIN)
        fprintf(to->file, ",\"pts_us\":%" PRId64, frame->pts_us);
}

void fl_trace_end(FlTraceFile *to, gboolean args)
{
    fputs(args ? "}}" : "}", to->file);
}

void fl_trace_name(FlTraceFile *to, int pid, const char *what, const char *name, const char *kind)
{
    g_autofree char *whole = kind ? g_strdup_printf("%s (%s)", name, kind) : g_strdup(name);
    fl_trace_begin(to, 'M', NULL, what);
    fl_trace_where(to, pid, 0);
    fprintf(to->file, ",\"args\":{\"name\":");
    fl_trace_put_text(to->file, whole);
    fl_trace_end(to, TRUE);
}
