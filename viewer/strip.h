/* Words on dark strips over the picture, and how many of them there is room for. On the window's thread. */
#ifndef FL_VIEW_STRIP_H
#define FL_VIEW_STRIP_H

#include "inside.h"

#define FL_STRIP_BYTES 400
#define FL_STRIP_MOST  32

void fl_strip_fill(struct fl_viewer *viewer, int x, int y, int width, int height, SDL_Color colour);
/* Free space at the window's edges. */
int fl_strip_margin(const struct fl_viewer *viewer);
/* One line, whose upper left corner is (x, y). */
void fl_strip_line(struct fl_viewer *viewer, int x, int y, SDL_Color colour, const char *words);
/* Cuts words that are wider than `room` pixels, and shows that by their last letter. */
void fl_strip_elide(struct fl_viewer *viewer, char *words, size_t size, int room);

/* What is left out first where there is no room for all. */
enum fl_strip_rank { FL_STRIP_WAY, FL_STRIP_FLOW, FL_STRIP_FRAME, FL_STRIP_MODE, FL_STRIP_NOTICE };

/* Lines at the top, gathered before it is known how many can be drawn. */
struct fl_strips {
    struct {
        char words[FL_STRIP_BYTES];
        SDL_Color colour;
        enum fl_strip_rank rank;
    } line[FL_STRIP_MOST];
    unsigned count;
};

/* Words that are wider than the window become several lines, broken where two spaces are; a piece that is still too wide is cut. */
void fl_strips_add(struct fl_viewer *viewer, struct fl_strips *strips, enum fl_strip_rank rank, SDL_Color colour,
                   const char *words);
/* At most so many, from the top down; of what has the lowest rank the last goes first. */
void fl_strips_draw(struct fl_viewer *viewer, struct fl_strips *strips, unsigned most);

#endif
