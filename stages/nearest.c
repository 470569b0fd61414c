#include "nearest.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LONGEST 48

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;
    return least < c ? least : c;
}

/* Levenshtein's distance over two rows; words longer than LONGEST are far from everything. */
static unsigned distance(const char *a, const char *b)
{
    size_t a_bytes = strlen(a), b_bytes = strlen(b);
    unsigned row[LONGEST + 1];
    if (a_bytes > LONGEST || b_bytes > LONGEST)
        return LONGEST;
    for (unsigned i = 0; i <= b_bytes; i++)
        row[i] = i;
    for (size_t i = 1; i <= a_bytes; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_bytes; j++) {
            unsigned above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_bytes];
}

void fl_nearest_offer(struct fl_nearest_name *nearest, const char *name)
{
    if (!name)
        return;
    unsigned d = distance(nearest->word, name), bytes = (unsigned)strlen(nearest->word);
    if (bytes >= 3 && d > 1 && strcasestr(name, nearest->word))
        d = 1; /* "x264" means libx264 */
    if (d > 1 + bytes / 4)
        return;
    if (!nearest->best || d < nearest->distance) {
        nearest->best = name;
        nearest->distance = d;
    }
}

const char *fl_nearest_hint(const struct fl_nearest_name *nearest, char *text, unsigned bytes)
{
    text[0] = 0;
    if (nearest->best)
        snprintf(text, bytes, ": did you mean '%s'?", nearest->best);
    return text;
}
