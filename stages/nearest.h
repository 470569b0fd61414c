/* The nearest of many names to one that does not exist, for messages. Names are offered one by one, as libav lists them. */
#ifndef FL_NEAREST_H
#define FL_NEAREST_H

struct fl_nearest_name {
    const char *word;
    const char *best; /* NULL: none is near */
    unsigned distance;
};

/* `name` must stay valid as long as `best` is used. NULL is ignored. */
void fl_nearest_offer(struct fl_nearest_name *nearest, const char *name);

/* Writes ": did you mean 'NAME'?" or nothing. Returns `text`. */
const char *fl_nearest_hint(const struct fl_nearest_name *nearest, char *text, unsigned bytes);

#endif
