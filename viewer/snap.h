/* One frame of a running pipeline as a PNG: what `framelane snap` does. The picture is the viewer's screenshot: the frame's own
 * samples, right in matrix and range, turned as it is to be seen, the shape of its samples told in the file. */
#ifndef FL_VIEW_SNAP_H
#define FL_VIEW_SNAP_H

#include <stdbool.h>

struct fl_snap_options {
    const char *run, *stage; /* stage NULL: the first that gives pictures */
    const char *file;        /* "-": standard output */
    bool next;               /* the first frame from here on, not the newest there is */
    bool keep;               /* a file that is there is an error; otherwise it is replaced */
    int patience_ms;         /* for a frame */
};

/* The exit code: 0; 1: no such run or stage, no frame within `patience_ms`, or it cannot be shown; 2: standard output is a
 * terminal; 4: the file cannot be written.
 * Says on standard error what it did, or why not. The file is touched when there is something to put into it, and not before. */
int fl_snap(const struct fl_snap_options *options);

#endif
