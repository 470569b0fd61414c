/* Included before every file of the supervisor in a fuzz build: its sentences are made and not shown. */
#ifndef FUZZ_QUIET_PIPELINE_H
#define FUZZ_QUIET_PIPELINE_H

#include <stdio.h>

int fuzz_fprintf(FILE *file, const char *format, ...);
#define fprintf fuzz_fprintf

#endif
