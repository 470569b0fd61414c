/* A run as JSON: the members that every object about it shares. Private to report.c and status.c. */
#ifndef FL_REPORT_H
#define FL_REPORT_H

#include <json-glib/json-glib.h>

#include "run.h"

#define FL_REPORT_SCHEMA 1

void fl_json_int(JsonBuilder *b, const char *name, uint64_t value);
void fl_json_double(JsonBuilder *b, const char *name, double value);
void fl_json_text(JsonBuilder *b, const char *name, const char *value);

/* Begins the object: schema, type, run. */
void fl_report_head(JsonBuilder *b, const FlRun *run, const char *type);
void fl_report_counts(JsonBuilder *b, const FlTally *tally);
/* Members of a stage's and of a lane's object, which the caller begins and ends. */
void fl_report_stage(JsonBuilder *b, const FlRunStage *stage);
void fl_report_lane(JsonBuilder *b, const FlRunLane *lane);
/* Ends the object. One line, to g_free. */
char *fl_report_line(JsonBuilder *b);

/* status.c: the status object, one line, to g_free. */
char *fl_status_text(FlRun *run);

#endif
