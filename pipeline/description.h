/* A pipeline as it was asked for: what a configuration file and the inline form both become, and what everything after them reads.
 *
 * config.c and inline.c make it, graph.c checks it and puts it in order, budget.c sizes it, launch.c starts it.
 * Every word of it remembers its place, so that any later check can point at it.
 */
#ifndef FL_DESCRIPTION_H
#define FL_DESCRIPTION_H

#include <glib.h>
#include "kind.h"
#include <framelane/lane.h>

/* Where a word stands. `line` and `column` count from 1; 0: unknown. For the inline form `file` is "-e", line 1 and the column is
 * that of the expression; for --set "file" is "--set". */
typedef struct {
    const char *file; /* interned */
    int line, column, length;
} FlPlace;

typedef struct {
    char *key;
    char *value;
    FlPlace key_place, value_place;
} FlOption;

typedef struct {
    char *name;
    const struct fl_kind_info *kind; /* NULL after an error */
    FlPlace place;
    GPtrArray *options;  /* FlOption*, in the order given; common keys (name, kind, input, lane keys) are not in it */
    GPtrArray *inputs;   /* char*, as written */
    GArray *input_places;/* FlPlace, parallel to inputs */
    gboolean optional;
    unsigned spare_slots; /* frames of each output that those outside may hold */
    FlPlace spare_place;  /* file NULL: not given */
    int order;           /* position in topological order, set by graph.c */
} FlStageConfig;

typedef struct {
    FlStageConfig *from, *to;
    unsigned from_port, to_port; /* 0 video, 1 packets */
    enum fl_when_full when_full;
    gboolean when_full_set;
    unsigned credits;            /* 0: worked out by budget.c */
    unsigned batch;              /* 0: one by one */
    gint64 batch_delay_ns, spin_ns;
    FlPlace place;
} FlLaneConfig;

typedef struct {
    char *name;
    gboolean named; /* by the configuration or the command line; else after its file or process */
    FlPlace place;
    GPtrArray *stages; /* FlStageConfig*, topological order once graph.c has run */
    GPtrArray *lanes;  /* FlLaneConfig* */
    gint64 memory_limit; /* bytes of shared memory, 0: none but the system's */
    enum fl_transport transport;
    gboolean gaps; /* after an error: a stage or an input that was meant is not there, so whoever seems to lack one may be right */
} FlPipeline;

/* Errors are gathered, not thrown: a run of the checks tells all of them. */
typedef struct {
    GPtrArray *items; /* FlDiagnostic* */
    unsigned errors;
    GHashTable *sources; /* file name -> GPtrArray of its lines, for quoting the line in question */
} FlDiagnostics;

typedef struct {
    FlPlace place;
    gboolean warning;
    char *message; /* "stage 'detect': input 'scal' does not exist" */
    char *source;  /* the line it stands in, NULL if unknown */
    char *hint;    /* "did you mean 'scale'?  (stages: cam, scale)", NULL if there is none */
} FlDiagnostic;

FlDiagnostics *fl_diagnostics_new(void);
void fl_diagnostics_free(FlDiagnostics *d);
void fl_diagnose(FlDiagnostics *d, FlPlace place, const char *hint, const char *format, ...) G_GNUC_PRINTF(4, 5);
void fl_diagnose_warning(FlDiagnostics *d, FlPlace place, const char *hint, const char *format, ...) G_GNUC_PRINTF(4, 5);
/* Makes lines known under a file's name; they are counted on from those already there. Returns the number of the first. */
int fl_diagnostics_add_source(FlDiagnostics *d, const char *file, const char *text);
/* Compiler style, sorted by place: "cam1.ini:39:9: error: ...", the line, a caret, the hint. To stderr, or as text to g_free. */
void fl_diagnostics_print(const FlDiagnostics *d, const char *fallback_file);
char *fl_diagnostics_text(const FlDiagnostics *d, const char *fallback_file);

/* Both return a pipeline even when there were errors (for further checks), NULL only if nothing could be read at all. */
FlPipeline *fl_config_load(const char *path, FlDiagnostics *d);
FlPipeline *fl_inline_parse(const char *text, FlDiagnostics *d);
/* --set STAGE.KEY=VALUE */
void fl_pipeline_set(FlPipeline *p, const char *assignment, FlDiagnostics *d);
/* --view STAGE: a window on what that stage gives, or takes where it gives nothing. */
void fl_pipeline_show(FlPipeline *p, const char *stage, FlDiagnostics *d);
/* Resolves inputs into lanes (sound lanes included), checks keys and values against the registry, names, cycles, ports, outputs
 * that collide with each other or with an input; sorts stages. Errors go to `d`. TRUE where the graph itself stands, whatever is
 * wrong with keys: stages are of kinds that are there, and every lane is known, so that it can be sized. */
gboolean fl_graph_check(FlPipeline *p, FlDiagnostics *d);
void fl_pipeline_free(FlPipeline *p);

/* The value of an option, or the registry's default, or NULL. */
const char *fl_stage_config_get(const FlStageConfig *stage, const char *key);
FlStageConfig *fl_pipeline_find(const FlPipeline *p, const char *name);
/* The nearest of `candidates` (NULL-terminated) by edit distance, NULL if none is near. */
const char *fl_nearest(const char *word, const char *const *candidates);

/* Why a file or shared memory cannot be written or made, with the remedy where a limit on the size of files is in the way. `error`:
 * an errno or -errno. To g_free. */
char *fl_reason_text(int error);
/* What to do where a file cannot be made because of its place: "; create its folder first"; "" where it is for another reason. */
const char *fl_place_remedy(int error);

/* "wait", "drop", "latest"; "?" for what is no policy. */
const char *fl_policy_name(unsigned when_full);

/* Values, shared with the host so that both read them alike. TRUE and the result, or FALSE. */
gboolean fl_parse_duration_ns(const char *text, gint64 *ns);
gboolean fl_parse_bytes(const char *text, gint64 *bytes);
gboolean fl_parse_size(const char *text, unsigned *width, unsigned *height);
gboolean fl_parse_rate(const char *text, int *num, int *den);
gboolean fl_parse_bool(const char *text, gboolean *value);

#endif
