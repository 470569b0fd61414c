/* What a supervisor can see in shared memory of how far the dead one had come: the crash points of README.md by name. */
#ifndef CRASH_POINTS_H
#define CRASH_POINTS_H

#include "scene.h"

enum point {
    POINT_P0,    /* a slot is acquired in the private books, at most */
    POINT_P1,    /* its version is odd */
    POINT_P2,    /* pixels are written, some or all */
    POINT_P4,    /* version even: the frame is whole, and nobody knows of it (P4, P5) */
    POINT_P6,    /* the entry is stored, some of it or all; its count is not, or `head` is not yet */
    POINT_P7,    /* the news is on every lane; a bell that must be rung is not (P7, P8) */
    POINT_P9,    /* some lanes have the news and others not */
    POINT_P_END, /* told, and rung: by word, that has changed, and the sleeper may not have been woken */
    POINT_C0,    /* nothing is stored: woken, count read, entry copied (C0 to C2) */
    POINT_C3,    /* taken (C3), perhaps being read (C4) */
    POINT_C5,    /* the index stands in the ring of returns; `returned` does not count it */
    POINT_C6,    /* returned; the bell is not rung (C6, C7) */
    POINT_C_END,
    POINT_NONE, /* a pipe, a forwarder: not told apart */
    POINT_COUNT
};

extern const char *const point_names[POINT_COUNT];

/* What can be seen before the operation; bells that have rung by then are silenced. */
struct points;
struct points *points_look(struct scene *scene);

/* Where the victim is, by what has changed since. */
enum point points_name(struct scene *scene, const struct points *before);

#endif
