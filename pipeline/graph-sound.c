/* Packets of sound go from a source past everything that works on its pictures, straight to the stage that writes the file. */
#include "parse.h"

#include <string.h>

typedef struct {
    const FlPipeline *p;
    FlStageConfig *source; /* that gives packets; the first found */
    unsigned sources;
    gboolean may_lose; /* a lane on the way leaves frames out rather than wait */
    GHashTable *seen;
} Search;

/* Up the pictures' way, also where that is a circle. */
static void search_above(Search *search, FlStageConfig *stage)
{
    if (!g_hash_table_add(search->seen, stage))
        return;
    if (stage->kind && stage->kind->flags & FL_KIND_GIVES_PACKETS) {
        search->source = stage;
        search->sources++;
    }
    for (guint i = 0; i < search->p->lanes->len; i++) {
        const FlLaneConfig *lane = g_ptr_array_index(search->p->lanes, i);
        if (lane->to != stage || lane->to_port != 0)
            continue;
        search->may_lose |= lane->when_full != FL_WHEN_FULL_WAIT;
        search_above(search, lane->from);
    }
}

static void refuse(const FlStageConfig *stage, const FlOption *audio, unsigned sources, FlDiagnostics *d)
{
    fl_diagnose(d, audio->value_place, "set audio = none, or leave it out",
                "stage '%s': there is no sound to copy: its frames come from %s", stage->name,
                sources ? "several sources" : "a source that has none");
}

/* Sound waits where pictures wait. Where they may be left out, so that this stage holds nobody up, sound must not either. */
static void add_sound(FlPipeline *p, FlStageConfig *stage, FlDiagnostics *d)
{
    const FlOption *audio = fl_stage_config_option(stage, "audio");
    Search search = {.p = p};
    if (audio && strcmp(audio->value, "none") == 0)
        return;
    search.seen = g_hash_table_new(NULL, NULL);
    search_above(&search, stage);
    g_hash_table_unref(search.seen);
    if (search.sources == 1) {
        FlLaneConfig *lane = fl_graph_lane_new(search.source, stage, 1, audio ? audio->value_place : stage->place);
        lane->when_full = search.may_lose ? FL_WHEN_FULL_DROP : FL_WHEN_FULL_WAIT;
        g_ptr_array_add(p->lanes, lane);
    } else if (audio && fl_graph_lane_into(p, stage, 0)) {
        refuse(stage, audio, search.sources, d);
    }
}

void fl_graph_add_sound(FlPipeline *p, FlDiagnostics *d)
{
    for (guint i = 0; i < p->stages->len; i++) {
        FlStageConfig *stage = g_ptr_array_index(p->stages, i);
        if (stage->kind && stage->kind->flags & FL_KIND_TAKES_PACKETS)
            add_sound(p, stage, d);
    }
}
