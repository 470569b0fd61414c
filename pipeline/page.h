/* A run as a page of text: what `status` prints, `top -b` prints again and again, and `top` draws. */
#ifndef FL_PAGE_H
#define FL_PAGE_H

#include "shown.h"

enum fl_row { FL_ROW_RUN, FL_ROW_TITLE, FL_ROW_STAGE, FL_ROW_LANE, FL_ROW_GUEST, FL_ROW_NOTE, FL_ROW_EMPTY };

typedef struct {
    enum fl_row kind;
    char *text;
    const FlShownStage *stage; /* FL_ROW_STAGE */
    const FlShownLane *lane;   /* FL_ROW_LANE */
} FlRow;

enum fl_sort { FL_SORT_GRAPH, FL_SORT_CPU, FL_SORT_MS, FL_SORT_AGE, FL_SORT_MEMORY, FL_SORT_COUNT };
void fl_row_free(gpointer row);

const char *fl_sort_name(enum fl_sort sort);

typedef struct {
    enum fl_sort sort; /* of stages; FL_SORT_GRAPH: sources first, as they are connected */
    gboolean plain;    /* ASCII only */
    gboolean lanes;
    unsigned guests; /* with the lanes: so many of those who are attached from outside, then how many more there are */
} FlPageStyle;

/* FlRow*, freed with the array; they point into `shown`. */
GPtrArray *fl_page_rows(const FlShown *shown, const FlPageStyle *style);
/* The frames a second that reach the far end. */
double fl_page_fps(const FlShown *shown);
/* TRUE if the locale's letters are UTF-8. */
gboolean fl_page_has_utf8(void);
void fl_page_print(const FlShown *shown, const FlPageStyle *style);

#endif
