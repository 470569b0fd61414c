/* What libav offers, told in words or as JSON: the module behind `framelane inspect codec|filter|muxer|demuxer`. Not a stage:
 * framelane-stage calls fl_inspect_main of this module, so that framelane itself loads no codec. */
#ifndef FL_INSPECT_H
#define FL_INSPECT_H

#include <stdbool.h>
#include <libavutil/opt.h>

/* argv[1]: codec, filter, muxer or demuxer; then a name or nothing, and --json. 0 found, 1 there is no such thing, 2 usage. */
int fl_inspect_main(int argc, char **argv);

/* Output, to stdout. In words, fields are lines of a paragraph and objects paragraphs; in JSON they are what they are called. */
struct fl_told {
    bool json;
    bool member; /* JSON: something stands before in this object or list */
};

void fl_tell_begin(struct fl_told *told, const char *type); /* {"schema":1,"type":... */
void fl_tell_end(struct fl_told *told);
void fl_tell_list(struct fl_told *told, const char *name);
void fl_tell_list_end(struct fl_told *told);
void fl_tell_object(struct fl_told *told, const char *heading); /* an element of a list; the heading is for people */
void fl_tell_object_end(struct fl_told *told);
void fl_tell_text(struct fl_told *told, const char *name, const char *text); /* NULL: nothing is told */
void fl_tell_number(struct fl_told *told, const char *name, long long number);
void fl_tell_words(struct fl_told *told, const char *name, const char *(*nth)(const void *of, unsigned n),
                   const void *of); /* until NULL */
/* Options of a class that serve one of the purposes (AV_OPT_FLAG_ENCODING_PARAM, ...). */
void fl_tell_options(struct fl_told *told, const AVClass *options, int purposes);
/* One line of an overview. */
void fl_tell_entry(struct fl_told *told, const char *kind, const char *name, const char *summary);

/* `name` NULL: all of them. False: there is no such thing. */
bool fl_inspect_codec(struct fl_told *told, const char *name);
bool fl_inspect_filter(struct fl_told *told, const char *name);
bool fl_inspect_muxer(struct fl_told *told, const char *name);
bool fl_inspect_demuxer(struct fl_told *told, const char *name);

/* The next name, NULL after the last; *at is NULL at first. */
const char *fl_next_codec(void **at);
const char *fl_next_filter(void **at);
const char *fl_next_muxer(void **at);
const char *fl_next_demuxer(void **at);

#endif
