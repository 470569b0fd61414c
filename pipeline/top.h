/* The runs that `top` watches, and what each said last. */
#ifndef FL_TOP_H
#define FL_TOP_H

#include "control-client.h"
#include "page.h"

typedef struct {
    char *name;
    FlRemote *remote; /* NULL: not connected */
    FlShown *shown;   /* what it said last; NULL: nothing yet */
    char *trouble;    /* why it says nothing now; NULL: it does */
    gboolean asked;
    gboolean there; /* its socket is */
} FlWatched;

typedef struct {
    char *wanted;       /* the one run to watch; NULL: all there are */
    GPtrArray *watched; /* FlWatched* */
    char *trouble;      /* why there is nothing to show at all; NULL: there is */
} FlTop;

void fl_top_init(FlTop *top, const char *wanted);
void fl_top_finish(FlTop *top);

/* Asks every run once and waits for their answers, 300 ms for all together. A run that ends is forgotten, but the wanted one, which
 * may come back. */
void fl_top_refresh(FlTop *top);

/* All pages one after another. FlRow*; they point into what was said last. */
GPtrArray *fl_top_rows(const FlTop *top, const FlPageStyle *style);

/* Prints pages, `interval_ms` apart, until `rounds` are printed (0: no end) or nothing is left to watch. The exit code. */
int fl_top_print(FlTop *top, const FlPageStyle *style, unsigned interval_ms, unsigned rounds);

#endif
