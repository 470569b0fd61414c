/* A run in Prometheus' text form. All samples of a family stand together, after its HELP and TYPE. */
#include "live.h"
#include "metrics.h"

#include <inttypes.h>

#define EDGE_EVERY 4u /* of the pages' buckets, eight to a doubling: two edges a doubling */
#define EDGES_FROM 8u /* about 8 us */

typedef struct {
    const FlRun *run;
    GString *text;
} Page;

static void add_family(Page *page, const char *name, const char *type, const char *help)
{
    g_string_append_printf(page->text, "# HELP framelane_%s %s\n# TYPE framelane_%s %s\n", name, help, name, type);
}

static void add_label(GString *text, const char *name, const char *value)
{
    g_string_append_printf(text, ",%s=\"", name);
    for (const char *c = value; *c; c++) {
        if (*c == '\\' || *c == '"')
            g_string_append_printf(text, "\\%c", *c);
        else if (*c == '\n')
            g_string_append(text, "\\n");
        else
            g_string_append_c(text, *c);
    }
    g_string_append_c(text, '"');
}

/* `name`, labels: to be closed. */
static void begin_sample(Page *page, const char *name, const char *suffix)
{
    g_string_append_printf(page->text, "framelane_%s%s{run=\"%s\"", name, suffix,
                           page->run->pipeline->name); /* letters, digits, - _ . */
}

static void end_count(Page *page, uint64_t value)
{
    g_string_append_printf(page->text, "} %" PRIu64 "\n", value);
}

static void end_seconds(Page *page, uint64_t ns)
{
    g_string_append_printf(page->text, "} %" PRIu64 ".%09u\n", ns / 1000000000u, (unsigned)(ns % 1000000000u));
}

/* ---- the run ---- */

static void add_run_count(Page *page, const char *name, const char *type, const char *help, uint64_t value)
{
    add_family(page, name, type, help);
    begin_sample(page, name, "");
    end_count(page, value);
}

static void add_run(Page *page, gboolean up)
{
    const FlRun *run = page->run;
    FlTally tally;
    fl_run_tally(run, &tally);
    add_run_count(page, "run_up", "gauge", "1 while the run goes on.", up);
    add_run_count(page, "run_frames_in_total", "counter", "Frames that its sources gave.", tally.frames_in);
    add_run_count(page, "run_frames_out_total", "counter", "Frames that reached the far end.", tally.frames_out);
    add_run_count(page, "run_copies_total", "counter", "Copies of frames between processes.", tally.copies);
    add_run_count(page, "run_pool_bytes", "gauge", "Shared memory of frames.", run->pool_bytes);
    add_family(page, "run_frames_dropped_total", "counter", "Frames dropped: as lanes allow it, or lost with a stage that died.");
    begin_sample(page, "run_frames_dropped_total", "");
    add_label(page->text, "cause", "policy");
    end_count(page, tally.dropped_policy);
    begin_sample(page, "run_frames_dropped_total", "");
    add_label(page->text, "cause", "error");
    end_count(page, tally.dropped_error);
}

/* ---- stages ---- */

static void begin_stage(Page *page, const char *name, const char *suffix, const FlRunStage *stage)
{
    begin_sample(page, name, suffix);
    add_label(page->text, "stage", stage->config->name);
    add_label(page->text, "kind", stage->config->kind->name);
}

typedef uint64_t (*StageFigure)(const FlRunStage *stage);

/* One word of the page, or what is made of it. */
#define FIGURE(name, field)                                                                                                        \
    static uint64_t name(const FlRunStage *stage)                                                                                  \
    {                                                                                                                              \
        return FL_RUN_STAT(stage, field);                                                                                          \
    }
FIGURE(frames_in, frames_in)
FIGURE(frames_out, frames_out)
FIGURE(packets_in, packets_in)
FIGURE(packets_out, packets_out)
FIGURE(busy_ns, busy_ns)
FIGURE(decode_errors, damage)
FIGURE(slots, slots)
FIGURE(slots_free, slots_free)
FIGURE(pool_bytes, pool_bytes)

static uint64_t copies(const FlRunStage *stage)
{
    uint64_t bytes;
    return fl_run_stage_copies(stage, &bytes);
}

static uint64_t copied_bytes(const FlRunStage *stage)
{
    uint64_t bytes;
    fl_run_stage_copies(stage, &bytes);
    return bytes;
}

static uint64_t alive(const FlRunStage *stage)
{
    return stage->life != FL_LIFE_NEW && stage->life != FL_LIFE_REAPED;
}

static const struct {
    const char *name, *type, *help;
    StageFigure figure;
    gboolean ns; /* seconds are shown */
} stage_families[] = {
    {"stage_up", "gauge", "1 while its process lives.", alive, FALSE},
    {"stage_frames_in_total", "counter", "Frames it has taken and is done with.", frames_in, FALSE},
    {"stage_frames_out_total", "counter", "Frames it has given.", frames_out, FALSE},
    {"stage_packets_in_total", "counter", "Packets of sound it has taken.", packets_in, FALSE},
    {"stage_packets_out_total", "counter", "Packets of sound it has given.", packets_out, FALSE},
    {"stage_copies_total", "counter", "Frames it has copied.", copies, FALSE},
    {"stage_copied_bytes_total", "counter", "Bytes it has copied.", copied_bytes, FALSE},
    {"stage_decode_errors_total", "counter", "Errors met in its input.", decode_errors, FALSE},
    {"stage_busy_seconds_total", "counter", "Time at work on frames.", busy_ns, TRUE},
    {"stage_cpu_seconds_total", "counter", "CPU time, user and system, of all its threads.", fl_run_cpu_ns, TRUE},
    {"stage_slots", "gauge", "Slots of its pools.", slots, FALSE},
    {"stage_slots_free", "gauge", "Slots nobody holds.", slots_free, FALSE},
    {"stage_pool_bytes", "gauge", "Bytes of its pools.", pool_bytes, FALSE},
};

static void add_stages(Page *page)
{
    for (unsigned f = 0; f < G_N_ELEMENTS(stage_families); f++) {
        add_family(page, stage_families[f].name, stage_families[f].type, stage_families[f].help);
        for (unsigned i = 0; i < page->run->stage_count; i++) {
            uint64_t value = stage_families[f].figure(&page->run->stages[i]);
            begin_stage(page, stage_families[f].name, "", &page->run->stages[i]);
            stage_families[f].ns ? end_seconds(page, value) : end_count(page, value);
        }
    }
}

static void add_waits(Page *page)
{
    static const char *const causes[FL_WAIT_COUNT] = {
        [FL_WAIT_INPUT] = "input", [FL_WAIT_CREDIT] = "credit", [FL_WAIT_SLOT] = "slot", [FL_WAIT_POOL] = "pool"};
    gint64 now_us = g_get_monotonic_time();
    add_family(page, "stage_waited_seconds_total", "counter", "Time spent waiting, by what for; with the wait that goes on.");
    for (unsigned i = 0; i < page->run->stage_count; i++) {
        for (unsigned cause = 0; cause < FL_WAIT_COUNT; cause++) {
            if (!causes[cause])
                continue;
            begin_stage(page, "stage_waited_seconds_total", "", &page->run->stages[i]);
            add_label(page->text, "for", causes[cause]);
            end_seconds(page, fl_live_waited_ns(&page->run->stages[i], cause, now_us));
        }
    }
}

/* An edge is where a bucket of the page begins: none is cut. */
static void add_histogram_of(Page *page, const char *name, const FlRunStage *stage, const struct fl_histogram *h, uint64_t sum_ns)
{
    struct fl_histogram_reading now;
    uint64_t below = 0;
    fl_histogram_read(h, &now);
    for (unsigned bucket = 0; bucket <= FL_HISTOGRAM_BUCKETS; bucket++) {
        if (bucket >= EDGES_FROM && bucket < FL_HISTOGRAM_BUCKETS && bucket % EDGE_EVERY == 0) {
            uint64_t ns = fl_histogram_floor_ns(bucket);
            begin_stage(page, name, "_bucket", stage);
            g_string_append_printf(page->text, ",le=\"%" PRIu64 ".%09u\"", ns / 1000000000u, (unsigned)(ns % 1000000000u));
            end_count(page, below);
        }
        below += bucket < FL_HISTOGRAM_BUCKETS ? now.count[bucket] : 0;
    }
    begin_stage(page, name, "_bucket", stage);
    add_label(page->text, "le", "+Inf");
    end_count(page, below);
    begin_stage(page, name, "_sum", stage);
    end_seconds(page, sum_ns);
    begin_stage(page, name, "_count", stage);
    end_count(page, below);
}

static void add_histograms(Page *page)
{
    const FlRun *run = page->run;
    add_family(page, "stage_work_seconds", "histogram", "Work on a frame, without waits for other stages.");
    for (unsigned i = 0; i < run->stage_count; i++)
        if (run->stages[i].stats)
            add_histogram_of(page, "stage_work_seconds", &run->stages[i], &run->stages[i].stats->work, busy_ns(&run->stages[i]));
    add_family(page, "stage_frame_age_seconds", "histogram",
               "Age of a frame when the stage was done with it: from when it was due at its source.");
    for (unsigned i = 0; i < run->stage_count; i++)
        if (run->stages[i].stats)
            add_histogram_of(page, "stage_frame_age_seconds", &run->stages[i], &run->stages[i].stats->age,
                             FL_RUN_STAT(&run->stages[i], age_sum_ns));
}

/* ---- lanes ---- */

static void begin_lane(Page *page, const char *name, const FlRunLane *lane)
{
    begin_sample(page, name, "");
    add_label(page->text, "from", lane->from->config->name);
    add_label(page->text, "to", lane->to->config->name);
    add_label(page->text, "carries", lane->config->from_port == 0 ? "video" : "packets");
    add_label(page->text, "when_full", fl_policy_name(lane->info.when_full));
}

#define LANE(field) G_STRUCT_OFFSET(FlLaneTally, field)

static const struct {
    const char *name, *type, *help;
    gsize offset; /* of a uint64_t in FlLaneTally */
} lane_families[] = {
    {"lane_sent_total", "counter", "Frames announced.", LANE(sent)},
    {"lane_taken_total", "counter", "Frames taken.", LANE(taken)},
    {"lane_returned_total", "counter", "Frames given back.", LANE(returned)},
    {"lane_wakeups_total", "counter", "Sleeps that its bells ended.", LANE(wakeups)},
    {"lane_in_use", "gauge", "Credits in use.", LANE(in_use)},
    {"lane_held", "gauge", "Of these, frames the consumer has in hand.", LANE(held)},
};

static void add_drops(Page *page, const FlRunLane *lane)
{
    FlLaneTally now;
    fl_run_tally_lane(lane, &now);
    const struct {
        const char *cause;
        uint64_t count;
    } drops[] = {{"no_credit", now.dropped - now.left_over},
                 {"superseded", now.skipped},
                 {"left_over", now.left_over},
                 {"lost", fl_run_lane_lost(lane)}};
    for (unsigned i = 0; i < G_N_ELEMENTS(drops); i++) {
        begin_lane(page, "lane_dropped_total", lane);
        add_label(page->text, "cause", drops[i].cause);
        end_count(page, drops[i].count);
    }
}

static void add_lanes(Page *page)
{
    const FlRun *run = page->run;
    for (unsigned f = 0; f < G_N_ELEMENTS(lane_families); f++) {
        add_family(page, lane_families[f].name, lane_families[f].type, lane_families[f].help);
        for (unsigned i = 0; i < run->lane_count; i++) {
            FlLaneTally now;
            if (run->lanes[i].unwired)
                continue;
            fl_run_tally_lane(&run->lanes[i], &now);
            begin_lane(page, lane_families[f].name, &run->lanes[i]);
            end_count(page, G_STRUCT_MEMBER(uint64_t, &now, lane_families[f].offset));
        }
    }
    add_family(page, "lane_credits", "gauge", "Frames that may be under way.");
    for (unsigned i = 0; i < run->lane_count; i++) {
        if (run->lanes[i].unwired)
            continue;
        begin_lane(page, "lane_credits", &run->lanes[i]);
        end_count(page, run->lanes[i].info.credits);
    }
    add_family(page, "lane_dropped_total", "counter", "Frames its consumer did not get, by cause.");
    for (unsigned i = 0; i < run->lane_count; i++)
        if (!run->lanes[i].unwired)
            add_drops(page, &run->lanes[i]);
}

GString *fl_metrics_text(const FlRun *run, gboolean up)
{
    Page page = {run, g_string_sized_new(32768)};
    add_run(&page, up);
    add_stages(&page);
    add_waits(&page);
    add_histograms(&page);
    add_lanes(&page);
    return page.text;
}
