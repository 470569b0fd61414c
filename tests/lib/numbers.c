/* A stage for tests, in place of `null`: writes "NUMBER PART PARAMETERS" of every frame it takes to the file that
 * FRAMELANE_TEST_NUMBERS names. */
#include "stage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static FILE *file;

static int open_numbers(struct fl_stage *stage)
{
    const char *path = getenv("FRAMELANE_TEST_NUMBERS");
    file = path ? fopen(path, "we") : NULL;
    return file ? 0 : fl_stage_fail(stage, FL_STAGE_ERROR_START, -ENOENT, "FRAMELANE_TEST_NUMBERS names no file");
}

static int process_numbers(struct fl_stage *stage, unsigned port, struct fl_frame *frame)
{
    const struct fl_desc *desc = fl_frame_desc(frame);
    fprintf(file, "%" PRIu64 " %u %u\n", desc->number, desc->part, desc->parameters);
    return 0;
}

static void close_numbers(struct fl_stage *stage)
{
    if (file)
        fclose(file);
}

const struct fl_stage_module fl_stage_module = {
    .kind = "null",
    .open = open_numbers,
    .process = process_numbers,
    .close = close_numbers,
};
