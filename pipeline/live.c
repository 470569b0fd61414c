#include "live.h"

#include <string.h>
#include <unistd.h>

#define SAMPLES_A_SECOND (1000 / FL_LIVE_SAMPLE_MS)
#define SHOTS            11 /* a second apart: the oldest is ten seconds old */
#define FRAME_SECONDS    2  /* what "now" is for frames and CPU time */
#define FULL_SAMPLES     (10 * SAMPLES_A_SECOND)

/* A stage at one moment. */
typedef struct {
    gint64 us;
    uint64_t frames, cpu_ns, waited_ns[FL_WAIT_COUNT];
    struct fl_histogram_reading work, age;
} Shot;

typedef struct {
    Shot shots[SHOTS]; /* number n at n % SHOTS */
} StageMemory;

typedef struct {
    uint8_t in_use[FL_LIVE_HISTORY * SAMPLES_A_SECOND]; /* percent; sample n at n % its length */
} LaneMemory;

struct FlLive {
    FlRun *run;
    StageMemory *stages;
    LaneMemory *lanes;
    uint64_t shots, samples; /* taken so far */
    guint source;
};

/* ---- memory ---- */

uint64_t fl_live_waited_ns(const FlRunStage *stage, enum fl_waiting_for what, gint64 now_us)
{
    uint64_t waited = stage->stats ? fl_load(&stage->stats->waited_ns[what], FL_RELAXED) : 0;
    uint64_t since = FL_RUN_STAT(stage, waiting_since_ns), now = (uint64_t)now_us * 1000;
    if (what != FL_WAIT_NOTHING && FL_RUN_STAT(stage, waiting_for) == what && now > since)
        waited += now - since;
    return waited;
}

static void take_shot(const FlRunStage *stage, Shot *shot)
{
    shot->us = g_get_monotonic_time();
    shot->frames = fl_run_stage_frames(stage);
    shot->cpu_ns = fl_run_cpu_ns(stage);
    for (unsigned what = 0; what < FL_WAIT_COUNT; what++)
        shot->waited_ns[what] = fl_live_waited_ns(stage, what, shot->us);
    if (stage->stats) {
        fl_histogram_read(&stage->stats->work, &shot->work);
        fl_histogram_read(&stage->stats->age, &shot->age);
    }
}

/* The producer's books count a frame until it has collected its return, the consumer's page may be a little younger or older: the
 * lesser of the two is what nobody can deny. Words of a page may be of different moments, and a page may lie. */
static uint64_t in_use(const FlRunLane *lane, const FlLaneTally *now)
{
    int64_t by_producer = (int64_t)now->in_use, by_both = (int64_t)(now->sent - now->returned);
    return (uint64_t)CLAMP(MIN(by_producer, by_both), 0, (int64_t)lane->info.credits);
}

static uint8_t percent_in_use(const FlRunLane *lane)
{
    FlLaneTally now;
    fl_run_tally_lane(lane, &now);
    return lane->info.credits ? (uint8_t)(in_use(lane, &now) * 100 / lane->info.credits) : 0;
}

static gboolean sample(gpointer data)
{
    FlLive *live = data;
    FlRun *run = live->run;
    if (run->state != FL_RUN_RUNNING)
        return G_SOURCE_CONTINUE;
    for (unsigned i = 0; i < run->lane_count; i++)
        if (!run->lanes[i].unwired)
            live->lanes[i].in_use[live->samples % G_N_ELEMENTS(live->lanes[i].in_use)] = percent_in_use(&run->lanes[i]);
    if (live->samples % SAMPLES_A_SECOND == 0) {
        for (unsigned i = 0; i < run->stage_count; i++)
            take_shot(&run->stages[i], &live->stages[i].shots[live->shots % SHOTS]);
        live->shots++;
    }
    live->samples++;
    return G_SOURCE_CONTINUE;
}

FlLive *fl_live_new(FlRun *run)
{
    FlLive *live = g_new0(FlLive, 1);
    live->run = run;
    live->stages = g_new0(StageMemory, run->stage_count + 1);
    live->lanes = g_new0(LaneMemory, run->lane_count + 1);
    live->source = g_timeout_add_full(G_PRIORITY_DEFAULT_IDLE, FL_LIVE_SAMPLE_MS, sample, live, NULL);
    return live;
}

void fl_live_free(FlLive *live)
{
    if (!live)
        return;
    g_source_remove(live->source);
    g_free(live->stages);
    g_free(live->lanes);
    g_free(live);
}

/* ---- lanes ---- */

/* Of the newest `count` samples: how many found no credit left. */
static double full_share(const FlLive *live, const FlRunLane *lane)
{
    const LaneMemory *memory = &live->lanes[lane - live->run->lanes];
    uint64_t count = MIN(live->samples, FULL_SAMPLES), full = 0;
    for (uint64_t n = live->samples - count; n < live->samples; n++)
        full += memory->in_use[n % G_N_ELEMENTS(memory->in_use)] >= 100;
    return count ? (double)full / (double)count : 0;
}

static void fill_history(const FlLive *live, const LaneMemory *memory, FlLaneFigures *figures)
{
    uint64_t seconds = live->samples / SAMPLES_A_SECOND;
    figures->history_count = (unsigned)MIN(seconds, FL_LIVE_HISTORY);
    for (unsigned i = 0; i < figures->history_count; i++) {
        uint64_t first = (seconds - figures->history_count + i) * SAMPLES_A_SECOND;
        figures->history[i] = 0;
        for (uint64_t n = first; n < first + SAMPLES_A_SECOND; n++)
            figures->history[i] = MAX(figures->history[i], memory->in_use[n % G_N_ELEMENTS(memory->in_use)]);
    }
}

void fl_live_lane(FlLive *live, const FlRunLane *lane, FlLaneFigures *figures)
{
    FlLaneTally now;
    fl_run_tally_lane(lane, &now);
    uint64_t used = in_use(lane, &now), held = (int64_t)now.held < 0 ? 0 : MIN(now.held, used);
    *figures = (FlLaneFigures){
        .queued = used - held,
        .held = held,
        .superseded = now.skipped,
        .full_share = full_share(live, lane),
    };
    fill_history(live, &live->lanes[lane - live->run->lanes], figures);
}

/* ---- stages ---- */

/* How it was `seconds` ago, or at the start. */
static const Shot *shot_before(const FlLive *live, const FlRunStage *stage, unsigned seconds)
{
    static const Shot nothing;
    uint64_t back = MIN(seconds, live->shots);
    return back ? &live->stages[stage->index].shots[(live->shots - back) % SHOTS] : &nothing;
}

static double share(double part, double whole)
{
    return whole > 0 ? CLAMP(part / whole, 0, 1) : 0;
}

static double ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

/* Of the last ten seconds. */
static double share_since(const FlLive *live, const Shot *before, uint64_t then, uint64_t now)
{
    double window_ns = (double)(g_get_monotonic_time() - (before->us ? before->us : live->run->go_us)) * 1e3;
    return share((double)(now - MIN(then, now)), window_ns);
}

static double waited_share(const FlLive *live, const FlRunStage *stage, enum fl_waiting_for what)
{
    const Shot *before = shot_before(live, stage, SHOTS - 1);
    return share_since(live, before, before->waited_ns[what], fl_live_waited_ns(stage, what, g_get_monotonic_time()));
}

static double cpu_share(const FlLive *live, const FlRunStage *stage)
{
    const Shot *before = shot_before(live, stage, SHOTS - 1);
    return share_since(live, before, before->cpu_ns, fl_run_cpu_ns(stage));
}

/* ---- who is slow ---- */

static gboolean all_lack_frames_of(const FlLive *live, const FlRunStage *source)
{
    const FlRun *run = live->run;
    gboolean any = FALSE;
    for (unsigned i = 0; i < run->lane_count; i++) {
        const FlRunLane *lane = &run->lanes[i];
        if (lane->from != source || lane->unwired || lane->config->from_port != 0)
            continue;
        if (waited_share(live, lane->to, FL_WAIT_INPUT) < 0.5)
            return FALSE;
        any = TRUE;
    }
    return any;
}

/* Frames wait for it: if it says that it waits for frames, it is stopped, or not given the processor. */
static gboolean has_queue(const FlRunStage *stage)
{
    const FlRun *run = stage->run;
    for (unsigned i = 0; i < run->lane_count; i++) {
        FlLaneTally now;
        if (run->lanes[i].to != stage || run->lanes[i].unwired || run->lanes[i].config->from_port != 0)
            continue;
        fl_run_tally_lane(&run->lanes[i], &now);
        if (in_use(&run->lanes[i], &now) > now.held)
            return TRUE;
    }
    return FALSE;
}

/* Who only misses frames holds up nobody. */
static double weight(const FlRunLane *lane)
{
    return lane->info.when_full == FL_WHEN_FULL_WAIT ? 1 : 0.5;
}

/* 0: nobody waits for it. Above 1: the lane before it is full while it lacks neither frames nor room for what it makes. Below: it
 * is a source that works as hard as it can while all behind it lack frames. */
static double blame(const FlLive *live, const FlRunStage *stage)
{
    const FlRun *run = live->run;
    double fullest = 0;
    double blocked = waited_share(live, stage, FL_WAIT_CREDIT) + waited_share(live, stage, FL_WAIT_SLOT);
    if (stage->life != FL_LIFE_RUNNING || blocked > 0.5 || (waited_share(live, stage, FL_WAIT_INPUT) > 0.5 && !has_queue(stage)))
        return 0;
    for (unsigned i = 0; i < run->lane_count; i++)
        if (run->lanes[i].to == stage && !run->lanes[i].unwired && run->lanes[i].config->from_port == 0)
            fullest = MAX(fullest, full_share(live, &run->lanes[i]) * weight(&run->lanes[i]));
    if (fullest >= 0.2)
        return 1 + fullest;
    double cpu = fl_run_is_source(stage) ? cpu_share(live, stage) : 0;
    return cpu >= 0.6 && all_lack_frames_of(live, stage) ? MIN(cpu, 0.99) : 0;
}

const FlRunStage *fl_live_slowest(const FlLive *live)
{
    const FlRun *run = live->run;
    const FlRunStage *slowest = NULL;
    double most = 0;
    for (unsigned i = 0; i < run->stage_count && run->state == FL_RUN_RUNNING; i++) {
        double here = blame(live, &run->stages[i]);
        if (here > most) {
            most = here;
            slowest = &run->stages[i];
        }
    }
    return slowest;
}

/* ---- one stage ---- */

/* Resident memory and state of a process; of one that is gone, none. */
static void look_at_process(const FlRunStage *stage, FlStageFigures *figures)
{
    g_autofree char *stat_path = g_strdup_printf("/proc/%d/stat", (int)stage->pid), *stat = NULL;
    g_autofree char *statm_path = g_strdup_printf("/proc/%d/statm", (int)stage->pid), *statm = NULL;
    figures->process = '-';
    if (stage->life == FL_LIFE_NEW || stage->life == FL_LIFE_REAPED)
        return;
    if (g_file_get_contents(stat_path, &stat, NULL, NULL)) {
        const char *name_end = strrchr(stat, ')'); /* the name may hold anything */
        if (name_end && strlen(name_end) > 2)
            figures->process = name_end[2];
    }
    if (g_file_get_contents(statm_path, &statm, NULL, NULL)) {
        const char *resident = strchr(statm, ' ');
        figures->rss_bytes = resident ? g_ascii_strtoull(resident, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
    }
}

static const FlRunStage *other_end(const FlRunStage *stage, uint64_t lane_id)
{
    const FlRun *run = stage->run;
    const FlRunLane *lane = lane_id >= 1 && lane_id <= run->lane_count ? &run->lanes[lane_id - 1] : NULL;
    if (!lane || (lane->from != stage && lane->to != stage))
        return NULL;
    return lane->from == stage ? lane->to : lane->from;
}

static void look_at_wait(const FlRunStage *stage, FlStageFigures *figures, gint64 now_us)
{
    static const char *const names[FL_WAIT_COUNT] = {
        [FL_WAIT_NOTHING] = "",  [FL_WAIT_INPUT] = "input", [FL_WAIT_CREDIT] = "credit",
        [FL_WAIT_SLOT] = "slot", [FL_WAIT_POOL] = "pool",   [FL_WAIT_OUTSIDE] = "outside"};
    uint64_t what = FL_RUN_STAT(stage, waiting_for), since = FL_RUN_STAT(stage, waiting_since_ns), now = (uint64_t)now_us * 1000;
    gboolean waits = what > FL_WAIT_NOTHING && what < FL_WAIT_COUNT && figures->process != '-';
    figures->waiting_for = waits ? names[what] : "";
    figures->waiting_on = waits ? other_end(stage, FL_RUN_STAT(stage, waiting_lane)) : NULL;
    figures->waiting_seconds = waits && now > since ? (double)(now - since) / 1e9 : 0;
}

static void look_at_times(const FlLive *live, const FlRunStage *stage, FlStageFigures *figures)
{
    Shot now = {0};
    const Shot *lately = shot_before(live, stage, FRAME_SECONDS), *longer = shot_before(live, stage, SHOTS - 1);
    take_shot(stage, &now);
    double seconds = (double)(now.us - (lately->us ? lately->us : live->run->go_us)) / G_USEC_PER_SEC;
    if (seconds > 0) {
        figures->fps = (double)(now.frames - lately->frames) / seconds;
        figures->cpu_percent = (double)(now.cpu_ns - MIN(lately->cpu_ns, now.cpu_ns)) / 1e7 / seconds;
    }
    for (unsigned what = 0; what < FL_WAIT_COUNT; what++)
        figures->waited_share[what] = waited_share(live, stage, what);
    figures->ms_p50 = ms(fl_histogram_quantile_ns(&now.work, &longer->work, 0.5, NULL));
    figures->ms_p99 = ms(fl_histogram_quantile_ns(&now.work, &longer->work, 0.99, NULL));
    figures->age_p50_ms = ms(fl_histogram_quantile_ns(&now.age, &longer->age, 0.5, NULL));
    figures->age_p99_ms = ms(fl_histogram_quantile_ns(&now.age, &longer->age, 0.99, NULL));
    figures->age_ms = ms(FL_RUN_STAT(stage, last_age_ns));
    look_at_wait(stage, figures, now.us);
}

void fl_live_stage(FlLive *live, const FlRunStage *stage, FlStageFigures *figures)
{
    *figures = (FlStageFigures){.waiting_for = ""};
    look_at_process(stage, figures);
    if (live->run->state == FL_RUN_RUNNING)
        look_at_times(live, stage, figures);
}
