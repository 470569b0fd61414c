/* The operations that are died in: what the victim does before, what it is stepped through, and what the survivors do meanwhile. */
#ifndef CRASH_OPERATIONS_H
#define CRASH_OPERATIONS_H

#include "scene.h"

struct operation {
    const char *name;
    enum scene_role role;
    uint32_t transport, when_full, batch;
    bool attaches;
    uint64_t announced;
    void (*prepare)(struct victim *who);    /* NULL: nothing */
    void (*halfway)(struct scene *scene);   /* NULL: nothing; when the victim has stopped itself within `prepare` */
    void (*operate)(struct victim *who);    /* every instruction of it is one to die after */
    void (*meanwhile)(struct scene *scene); /* NULL: nothing; before the victim operates */
    struct scene_limits limits;
};

extern const struct operation operations[];
extern const unsigned operation_count;

#endif
