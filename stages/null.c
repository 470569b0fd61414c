/* null: takes every frame; the host counts them. */
#include "stage.h"

static int open_null(struct fl_stage *stage)
{
    return 0;
}

static int process_null(struct fl_stage *stage, unsigned port, struct fl_frame *frame)
{
    return 0;
}

const struct fl_stage_module fl_stage_module = {
    .kind = "null",
    .open = open_null,
    .process = process_null,
};
