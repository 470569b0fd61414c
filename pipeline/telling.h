/* Where a run tells what it does, besides its own words: the options --json, --drop-log, --trace and --metrics of `run`. */
#ifndef FL_TELLING_H
#define FL_TELLING_H

#include "run.h"

typedef struct {
    gboolean json;
    char *json_file, *drop_log, *trace, *metrics; /* NULL: not asked for */
} FlTellingWords;

void fl_telling_clear_words(FlTellingWords *words);
/* 0; or 2 after saying which of them contradict each other. */
int fl_telling_check(const FlTellingWords *words);
/* Opens what they name into `options`: 0; or an exit code after saying what is wrong. */
int fl_telling_open(const FlTellingWords *words, const FlPipeline *pipeline, FlRunOptions *options);
void fl_telling_close(FlRunOptions *options);

/* After every writing to `told`: at its first error the run says so, with the name of the option. */
void fl_told_check(FlRun *run, FlToldFile *told, const char *option);
/* The same, after the last. */
void fl_told_finish(FlRun *run, FlToldFile *told, const char *option);

#endif
