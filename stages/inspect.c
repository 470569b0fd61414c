#include "inspect.h"
#include "nearest.h"

#include <stdio.h>
#include <string.h>

#include <libavutil/log.h>

enum { FOUND = 0, NOT_FOUND = 1, USAGE = 2 };

static const struct {
    const char *what;
    bool (*inspect)(struct fl_told *told, const char *name);
    const char *(*next)(void **at);
} subjects[] = {
    {"codec", fl_inspect_codec, fl_next_codec},
    {"filter", fl_inspect_filter, fl_next_filter},
    {"muxer", fl_inspect_muxer, fl_next_muxer},
    {"demuxer", fl_inspect_demuxer, fl_next_demuxer},
};

static void tell_missing(const char *what, const char *name, const char *(*next)(void **at))
{
    struct fl_nearest_name nearest = {.word = name};
    void *at = NULL;
    const char *candidate;
    char hint[128];
    while ((candidate = next(&at)))
        fl_nearest_offer(&nearest, candidate);
    fprintf(stderr, "framelane inspect: this libav has no %s called '%s'%s  (framelane inspect %s lists them)\n", what, name,
            fl_nearest_hint(&nearest, hint, sizeof hint), what);
}

__attribute__((visibility("default"))) int fl_inspect_main(int argc, char **argv)
{
    struct fl_told told = {0};
    const char *what = argc > 1 ? argv[1] : "", *name = NULL;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            told.json = true;
        else
            name = argv[i];
    }
    av_log_set_level(AV_LOG_QUIET);
    for (unsigned i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        if (strcmp(subjects[i].what, what) != 0)
            continue;
        if (subjects[i].inspect(&told, name))
            return FOUND;
        tell_missing(what, name, subjects[i].next);
        return NOT_FOUND;
    }
    fprintf(stderr, "framelane inspect: codec, filter, muxer or demuxer, not '%s'\n", what);
    return USAGE;
}
