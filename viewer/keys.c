#include "keys.h"

#include <stddef.h>
#include <string.h>

const struct fl_key_binding fl_key_bindings[] = {
    {"q", "q", FL_ACTION_QUIT, "quit", "close the window; the pipeline runs on"},
    {"Escape", "Esc", FL_ACTION_QUIT, "quit", NULL},
    {" ", "Space", FL_ACTION_FREEZE, "freeze", "freeze the picture, or go on; the pipeline runs on"},
    {".", ".", FL_ACTION_STEP_FORWARD, "step-forward", "one frame forward, frozen"},
    {",", ",", FL_ACTION_STEP_BACK, "step-back", "one frame back, frozen"},
    {"s", "s", FL_ACTION_SCREENSHOT, "screenshot", "write the picture as a PNG"},
    {"S", "S", FL_ACTION_WINDOW_SHOT, "window-shot", "write the window as it is, overlay and all"},
    {"f", "f", FL_ACTION_FULLSCREEN, "fullscreen", "full screen, or a window again"},
    {"i", "i", FL_ACTION_OVERLAY_BRIEF, "overlay-brief", "show what is known of the frame, for four seconds"},
    {"I", "I", FL_ACTION_OVERLAY, "overlay", "the same, until pressed again"},
    {"?", "?", FL_ACTION_HELP, "help", "this page"},
    {"[", "[", FL_ACTION_WALK_UP, "walk-up", "show the stage above, towards the source"},
    {"]", "]", FL_ACTION_WALK_DOWN, "walk-down", "show the stage below, towards the ends"},
    {"d", "d", FL_ACTION_DIFFERENCE, "difference", "difference from another stage at the same frame number"},
    {"c", "c", FL_ACTION_PLANE, "plane", "one plane after the other, then all again"},
    {"x", "x", FL_ACTION_PIXEL, "pixel", "values of the pixel under the pointer"},
    {"z", "z", FL_ACTION_ZOOM, "zoom", "one pixel of the picture a pixel of the screen, or fit the window"},
    {"g", "g", FL_ACTION_GRAPH, "graph", "graph of the times between frames"},
    {NULL, "wheel", FL_ACTION_WHEEL, "wheel", "zoom about the pointer"},
    {NULL, "drag", FL_ACTION_DRAG, "drag", "move the picture when it is zoomed"},
    {NULL, NULL, FL_ACTION_NONE, NULL, NULL},
};

const struct fl_key_binding *fl_key_find_binding(const char *key)
{
    for (const struct fl_key_binding *row = fl_key_bindings; row->label; row++)
        if (row->key && strcmp(row->key, key) == 0)
            return row;
    return NULL;
}
