/* Stage kinds as words: what a kind is called, which keys it takes, what goes in and out.
 *
 * This is data only, linked into every executable, so that configurations can be checked by a process that loads no codec.
 * The tables stand in stages/registry.c, one entry a kind; the code of a kind is a module that framelane-stage loads.
 */
#ifndef FL_KIND_H
#define FL_KIND_H

#include <stdbool.h>
#include <stddef.h>

enum fl_key_type {
    FL_KEY_STRING,
    FL_KEY_INT,      /* decimal integer from 0, or one of `choices` */
    FL_KEY_BOOL,     /* true|false, yes|no, on|off, 1|0 */
    FL_KEY_SIZE,     /* 1280x720 */
    FL_KEY_RATE,     /* 30, 29.97, 30000/1001 */
    FL_KEY_DURATION, /* 10s, 500ms, 2m, 1h; a bare number is seconds */
    FL_KEY_BYTES,    /* 32MiB, 64k */
    FL_KEY_CHOICE,   /* one of `choices`, separated by '|' */
    FL_KEY_GEOMETRY, /* numbers or expressions, in one of the forms in `choices`: "W:H|W:H:X:Y"; two numbers also as WxH */
};

struct fl_key {
    const char *name;     /* "url"; "option." is a prefix: option.NAME=VALUE */
    enum fl_key_type type;
    const char *fallback; /* the default as text, NULL if there is none */
    const char *choices;  /* FL_KEY_CHOICE, FL_KEY_INT, FL_KEY_GEOMETRY: separated by '|' */
    const char *help;     /* one line, no full stop */
    bool required;
    bool later;           /* documented, not built yet: an error that says so */
    const char *set;      /* how `framelane set` can change it in a run, one line, no full stop; NULL: not at all */
    const char *means;    /* a shorter spelling of this key ("option.crf"), which is what the stage gets; NULL: of none */
};

enum fl_kind_flags {
    FL_KIND_TAKES_VIDEO = 1 << 0,
    FL_KIND_GIVES_VIDEO = 1 << 1,
    FL_KIND_TAKES_PACKETS = 1 << 2, /* input port 1 */
    FL_KIND_GIVES_PACKETS = 1 << 3, /* output port 1 */
    FL_KIND_READS_FILE = 1 << 4,    /* `url` names what it reads: the supervisor opens it where it is a file */
    FL_KIND_WRITES_FILE = 1 << 5,   /* `url` names what it writes; "-" is stdout */
    FL_KIND_LIVE = 1 << 6,          /* its input defaults to when-full=latest */
    FL_KIND_UNTRUSTED = 1 << 7,     /* parses bytes from outside: no_new_privs, rlimits, only fds */
    FL_KIND_LATER = 1 << 8,         /* documented, not built yet */
    FL_KIND_FORWARDS = 1 << 9,      /* announces frames of its input onward where it can */
    FL_KIND_SHOWS = 1 << 10,        /* a window: what `--view` adds to a run */
    FL_KIND_CHAIN = 1 << 11,        /* its main argument is a chain of libavfilter */
};

struct fl_kind_info {
    const char *name;
    const char *summary;    /* one line for `inspect` */
    const char *main_key;   /* what the first bare word of the inline form means; NULL: none */
    unsigned flags;         /* enum fl_kind_flags */
    const struct fl_key *keys; /* ends with a NULL name; common keys (name, input, ...) are config.c's */
    const struct fl_key *part; /* PART.OPTION: what `framelane set` takes besides, checked by the stage alone; NULL: nothing */
    const char *example;    /* an inline chain for `inspect` */
    /* Usual values, for sizing before anything runs; what counts is what the stage answers in open. */
    unsigned working_set; /* slots of its own pool */
    unsigned hold;        /* frames of its input kept at once */
};

/* All kinds, ended by one whose name is NULL. */
extern const struct fl_kind_info fl_kinds[];

const struct fl_kind_info *fl_kind_find(const char *name);
const struct fl_key *fl_kind_key(const struct fl_kind_info *kind, const char *name); /* prefixes match: "option.crf" */

/* Filters of libavfilter that give out their input's pictures in the memory they came in, at most with other times, edges or
 * properties. Of what others make, frames are copied into slots. Ends with NULL. */
extern const char *const fl_passing_filters[];

/* Forms in which `framelane tap` writes, and which stage does so. The first is the one for pipes; the last has no name. */
struct fl_tap_format {
    const char *name, *suffixes; /* of files, separated by spaces */
    const char *kind;
    const char *options[6]; /* besides `url`: key, value, ..., NULL */
};
extern const struct fl_tap_format fl_tap_formats[];

#endif
