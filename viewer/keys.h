/* What each key does: one table, from which keys are dispatched and the page that `?` shows is made. */
#ifndef FL_VIEW_KEYS_H
#define FL_VIEW_KEYS_H

#include <stdbool.h>

enum fl_action {
    FL_ACTION_NONE = 0,
    FL_ACTION_QUIT,
    FL_ACTION_FREEZE,
    FL_ACTION_STEP_FORWARD,
    FL_ACTION_STEP_BACK,
    FL_ACTION_SCREENSHOT,
    FL_ACTION_WINDOW_SHOT,
    FL_ACTION_FULLSCREEN,
    FL_ACTION_OVERLAY_BRIEF,
    FL_ACTION_OVERLAY,
    FL_ACTION_HELP,
    FL_ACTION_WALK_UP,
    FL_ACTION_WALK_DOWN,
    FL_ACTION_DIFFERENCE,
    FL_ACTION_PLANE,
    FL_ACTION_PIXEL,
    FL_ACTION_ZOOM,
    FL_ACTION_GRAPH,
    FL_ACTION_WHEEL,
    FL_ACTION_DRAG,
};

struct fl_key_binding {
    const char *key;   /* the character typed, or SDL's name of the key where it types none ("Escape"); NULL: the mouse */
    const char *label; /* as shown on the page and in events */
    enum fl_action action;
    const char *name; /* of the action, in events */
    const char *help; /* NULL: another key for the action of the row above */
};

/* Ended by a row whose label is NULL. */
extern const struct fl_key_binding fl_key_bindings[];

/* The row for a typed character (`typed`) or a named key; NULL: none. */
const struct fl_key_binding *fl_key_find_binding(const char *key);

#endif
