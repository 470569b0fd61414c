/* A stage of one's own on the output of a run that goes on: what `framelane tap` is, without its words.
 *
 *   framelane tap           framelane-stage           the run
 *     fork ------------------> connect ----------------> (the lane will be that process's)
 *     <- the connection --------+
 *     ATTACH, take ------------------------------------>
 *     <------------------------------------------------ MAP
 *     CONFIG, OPEN, MAP -----> opens its file, maps
 *     <- OPENED, MAPPED -------+
 *     MAPPED ------------------------------------------>
 *     <------------------------------------------------ ATTACHED, POOL
 *     POOL, LANE, GO --------> takes and writes   <==== frames
 *
 * This process passes on descriptors and words and sees no frame; the stage is one like any other (y4m, raw, encode) and knows of
 * no difference. It outlives this process as it would a supervisor: its file is finished, and then it ends.
 */
#ifndef FL_TAP_H
#define FL_TAP_H

#include "control-client.h"

typedef struct {
    const char *run, *stage; /* stage NULL: the first that gives pictures */
    const char *kind;        /* of the stage that writes */
    const char *options[10]; /* its options: key, value, ..., NULL */
    gboolean writes_stdout;
    guint64 frames; /* 0: all */
} FlTapAsked;

typedef struct {
    gboolean good;      /* the file is finished */
    gboolean no_reader; /* whoever read its output has gone, which is an end like another */
    gboolean cannot_hold; /* what the output carries does not go into such a file */
    gboolean changed;     /* that is so since the picture has changed */
    gboolean run_died;  /* without a word */
    gboolean killed;    /* by the second signal */
    char *why;          /* to g_free */
    char from[32];      /* whose frames they were: `stage`, or the one above it */
    guint64 frames, missed, gaps;
} FlTapResult;

/* Taps until the run or the stage ends, so many frames have come, or a signal (SIGINT, SIGTERM, SIGHUP) asks for the end; a second
 * one ends it at once. `say` is called with what the stage has to tell meanwhile. */
void fl_tap(const FlTapAsked *asked, void (*say)(const char *text), FlTapResult *result);

#endif
