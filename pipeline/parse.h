/* What the two forms of a pipeline (config.c, inline.c) and --set share, and what the checks of graph*.c share. Private to these.
 *
 *   config.c, inline.c, set.c   text -> words with places -> fl_*_assign
 *   assign.c                    a key and its value -> the description; unknown kinds
 *   keys.c                      the keys every stage, lane and pipeline has; is a value of its type
 *   graph.c                     the order of the checks; cycles; topological order
 *   graph-keys.c, graph-lanes.c, graph-sound.c, graph-files.c    one family of checks each
 */
#ifndef FL_PARSE_H
#define FL_PARSE_H

#include "description.h"

#define FL_NAME_MAX_BYTES 31 /* so that it fits every message of control.h */
#define FL_MOST_STAGES    256

/* A word and where it stands. */
typedef struct {
    const char *text;
    FlPlace place;
} FlWord;

/* Keys that are not a kind's. All end with a NULL name. */
extern const struct fl_key fl_stage_keys[], fl_lane_keys[], fl_pipeline_keys[];
const struct fl_key *fl_key_find(const struct fl_key *keys, const char *name);
/* The name by which the stage gets it: "option.crf" for "crf". */
const char *fl_key_meaning(const struct fl_kind_info *kind, const char *name);
/* FALSE after an error: not of its type, empty, or not built yet. `whose` begins the message: "stage 'cam': ". */
gboolean fl_check_value(const struct fl_key *key, const FlOption *option, const char *whose, FlDiagnostics *d);
void fl_unknown_key(const FlOption *option, const char *whose, const char *more, const struct fl_key *const *tables,
                    FlDiagnostics *d);

/* Places count columns in characters. `start` and `length` are bytes of `text`, whose first line is number `first_line`. */
FlPlace fl_place_in(const char *file, const char *text, gsize start, gsize length, int first_line);
/* "line 12" or "column 7": the words for a place beside another in the same text. */
char *fl_place_words(FlPlace place);

FlPipeline *fl_pipeline_new(const char *file);
FlStageConfig *fl_pipeline_add_stage(FlPipeline *p, const char *name, FlPlace place);
void fl_pipeline_assign(FlPipeline *p, const FlWord *key, const FlWord *value, FlDiagnostics *d);
void fl_stage_assign(FlStageConfig *stage, const FlWord *key, const FlWord *value, FlDiagnostics *d);
void fl_stage_set_kind(FlStageConfig *stage, const FlWord *kind, FlDiagnostics *d);
void fl_stage_add_input(FlStageConfig *stage, const char *name, FlPlace place);
/* A key of a lane, from its section or from its consumer. */
void fl_lane_assign(FlLaneConfig *lane, const FlOption *option, FlDiagnostics *d);
/* FALSE after an error. */
gboolean fl_check_stage_count(const FlPipeline *p, guint count, FlDiagnostics *d);
/* FALSE after an error. `what`: "stage" or "pipeline". */
gboolean fl_check_name(const FlWord *name, const char *what, FlDiagnostics *d);
/* TRUE, after an error, if `seen` (key -> FlPlace*) has the key already; else it is put there. */
gboolean fl_given_twice(GHashTable *seen, const FlWord *key, FlDiagnostics *d);
GHashTable *fl_seen_new(void);

/* Lists for hints: "cam, scale, record"; and for fl_nearest. Free with g_free and g_free (the names are borrowed). */
char *fl_stage_names_text(const FlPipeline *p);
const char **fl_stage_names(const FlPipeline *p);
const char **fl_kind_names(void);
/* "did you mean 'scale'?  (MORE)", or just "MORE" where nothing is near; NULL where both are missing. */
char *fl_did_you_mean(const char *word, const char *const *candidates, const char *more);

FlOption *fl_stage_config_option(const FlStageConfig *stage, const char *key);
void fl_option_free(gpointer option);

void fl_graph_check_keys(FlPipeline *p, FlDiagnostics *d);
/* `asked`: lanes as the configuration's sections have them; those that found their lane are removed. */
void fl_graph_make_lanes(FlPipeline *p, GPtrArray *asked, FlDiagnostics *d);
void fl_graph_add_sound(FlPipeline *p, FlDiagnostics *d);
void fl_graph_check_lanes(FlPipeline *p, GPtrArray *asked, FlDiagnostics *d);
void fl_graph_check_files(FlPipeline *p, FlDiagnostics *d);
/* The lane into `stage` on that port, or NULL. */
FlLaneConfig *fl_graph_lane_into(const FlPipeline *p, const FlStageConfig *stage, unsigned port);
FlLaneConfig *fl_graph_lane_new(FlStageConfig *from, FlStageConfig *to, unsigned port, FlPlace place);

#endif
