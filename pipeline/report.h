/* A run as JSON: the members that every object about it shares. Private to report.c and status.c. */
#ifndef FL_REPORT_H
#define FL_REPORT_H

#include "json.h"
#include "run.h"

/* An object with its head and `run`. fl_json_finish ends it. */
JsonBuilder *fl_report_begin(const FlRun *run, const char *type);
void fl_report_counts(JsonBuilder *b, const FlTally *tally);
/* Members of a stage's and of a lane's object, which the caller begins and ends. */
void fl_report_stage(JsonBuilder *b, const FlRunStage *stage);
void fl_report_lane(JsonBuilder *b, const FlRunLane *lane);

/* status.c: the status object, one line, to g_free. */
char *fl_status_text(FlRun *run);

#endif
