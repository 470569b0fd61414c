/* A pipeline as it is drawn: from its text, or from what a run says. Stages stand in topological order. */
#ifndef FL_DRAWING_H
#define FL_DRAWING_H

#include "description.h"
#include "shown.h"

typedef struct {
    char *name, *kind;
    char *detail;  /* its main argument; NULL: none */
    char *figures; /* "30.0 fps  2.1 ms"; NULL: not asked for */
    gboolean slow;
} FlNode;

typedef struct {
    guint from, to; /* nodes */
    char *policy;   /* "wait" */
    gint64 credits; /* 0: worked out when it starts */
    gboolean sound;
    char *figures; /* "4/8, full 71 % of last 10 s" */
    gboolean full;
} FlEdge;

typedef struct {
    char *name;
    GArray *nodes; /* FlNode */
    GArray *edges; /* FlEdge */
} FlDrawing;

/* The pipeline must be free of errors. */
FlDrawing *fl_drawing_of_pipeline(const FlPipeline *pipeline);
FlDrawing *fl_drawing_of_run(const FlShown *shown, gboolean live);
void fl_drawing_free(FlDrawing *drawing);

/* To g_free. Text is a tree from the sources down; a stage that more than one lane leads to is drawn where the first does. */
char *fl_drawing_text(const FlDrawing *drawing, gboolean plain);
char *fl_drawing_dot(const FlDrawing *drawing);
char *fl_drawing_json(const FlDrawing *drawing);

#endif
