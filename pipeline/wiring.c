#include "door.h"
#include "journal.h"
#include "metrics.h"

#include <framelane/bell.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PIPE_BYTES       (1 << 20)
#define PIPE_BYTES_LEAST (1 << 16)

static const char *const region_names[] = {
    [FL_REGION_STATS] = "stats", [FL_REGION_POOL] = "pool", [FL_REGION_ANNOUNCE] = "announce", [FL_REGION_RETURN] = "return",
    [FL_REGION_LATEST] = "latest", [FL_REGION_EVENTS] = "events"};

static gboolean over_shm(const FlRun *run)
{
    return run->pipeline->transport == FL_TRANSPORT_SHM;
}

/* ---- memory ---- */

static uint64_t number_in(const char *path, const char *after)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return G_MAXUINT64;
    const char *at = *after ? strstr(text, after) : text;
    at = at ? at + strlen(after) + strspn(at + strlen(after), " ") : "";
    return g_ascii_isdigit(*at) ? g_ascii_strtoull(at, NULL, 10) : G_MAXUINT64; /* "max": no limit */
}

uint64_t fl_run_memory_available(void)
{
    uint64_t kib = number_in("/proc/meminfo", "MemAvailable:");
    uint64_t limit = number_in("/sys/fs/cgroup/memory.max", ""), used = number_in("/sys/fs/cgroup/memory.current", "");
    uint64_t group = limit == G_MAXUINT64 || used == G_MAXUINT64 ? G_MAXUINT64 : limit > used ? limit - used : 0;
    return MIN(kib > G_MAXUINT64 / 1024 ? G_MAXUINT64 : kib * 1024, group);
}

FlRunRegion *fl_run_mint(FlRun *run, const FlRunRegion *like, gboolean shared, int *error)
{
    FlRunStage *writer = like->writer;
    g_autofree char *name = g_strdup_printf("framelane-%s-%s", writer->config->name, region_names[like->kind]);
    int fd = shared ? fl_shm_mint(name, like->bytes) : -1;
    if (shared && fd < 0) {
        *error = fd;
        return NULL;
    }
    FlRunRegion *region = g_new(FlRunRegion, 1);
    *region = *like;
    region->fd = fd;
    region->id = run->next_id++;
    if (region->kind == FL_REGION_POOL)
        region->pool.id = region->id;
    g_hash_table_insert(run->regions, GUINT_TO_POINTER(region->id), region);
    struct fl_control_map map = {
        .region = region->id, .kind = region->kind, .port = region->port, .bytes = region->bytes, .pool = region->pool};
    FlRunMessage message = {FL_CONTROL_MAP, &map, NULL, sizeof map, 0, &fd, fd >= 0};
    fl_run_send(writer, &message);
    if (region->kind == FL_REGION_POOL) {
        run->pool_bytes += region->bytes;
        run->pool_bytes_peak = MAX(run->pool_bytes_peak, run->pool_bytes);
    }
    return region;
}

/* Of the start: a failure ends the run. */
static FlRunRegion *mint(FlRun *run, const FlRunRegion *like, gboolean shared)
{
    int error = 0;
    FlRunRegion *region = run->ending ? NULL : fl_run_mint(run, like, shared, &error);
    if (region)
        run->unmapped++;
    else if (!run->ending) {
        g_autofree char *bytes = fl_bytes_text(like->bytes), *reason = fl_reason_text(error);
        fl_run_fail(run, FL_EXIT_START, "%s: the system has no room for %s of shared memory: %s%s", like->writer->config->name,
                    bytes, reason, error == -EFBIG ? "" : "; use smaller frames or fewer credits, or free memory");
    }
    return region;
}

static void mint_pools(FlRun *run, FlRunStage *stage)
{
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++) {
        const FlBudgetPool *pool = &run->budget->pools[stage->index][port];
        if (!pool->bytes)
            continue;
        FlRunRegion like = {
            .kind = FL_REGION_POOL,
            .writer = stage,
            .port = port,
            .bytes = pool->bytes,
            .pool = {.slot_count = pool->slots, .slot_bytes = pool->slot_bytes},
        };
        mint(run, &like, over_shm(run));
    }
}

static void mint_events(FlRun *run, FlRunStage *stage)
{
    for (unsigned kind = 0; kind < FL_RECORD_COUNT; kind++) {
        FlRunRegion like = {.kind = FL_REGION_EVENTS, .writer = stage, .port = kind, .bytes = fl_journal_region_bytes()};
        if (fl_journal_wants(run->journal, kind))
            mint(run, &like, TRUE);
    }
}

static void mint_lane(FlRun *run, FlRunLane *lane)
{
    FlRunRegion announce = {.kind = FL_REGION_ANNOUNCE, .writer = lane->from, .port = lane->config->from_port};
    FlRunRegion returns = {.kind = FL_REGION_RETURN, .writer = lane->to, .port = lane->config->to_port};
    announce.bytes = fl_lane_announce_bytes(lane->info.credits);
    returns.bytes = fl_lane_return_bytes(lane->info.credits);
    lane->announce = mint(run, &announce, TRUE);
    lane->returns = mint(run, &returns, TRUE);
}

static void mint_all(FlRun *run)
{
    run->state = FL_RUN_WIRING;
    for (unsigned i = 0; i < run->stage_count; i++) {
        FlRunRegion stats = {.kind = FL_REGION_STATS, .writer = &run->stages[i], .bytes = sizeof(struct fl_stats)};
        mint(run, &stats, TRUE);
        mint_pools(run, &run->stages[i]);
        mint_events(run, &run->stages[i]);
    }
    for (unsigned i = 0; i < run->lane_count; i++)
        if (!run->lanes[i].unwired && over_shm(run))
            mint_lane(run, &run->lanes[i]);
}

/* ---- the plan, now that every stage has said what it needs ---- */

static struct fl_budget_stage *what_stages_said(const FlRun *run)
{
    struct fl_budget_stage *said = g_new0(struct fl_budget_stage, run->stage_count + 1);
    for (unsigned i = 0; i < run->stage_count; i++) {
        const FlRunStage *stage = &run->stages[i];
        for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++) {
            const struct fl_control_stream *stream = &stage->stream[port];
            said[i].hold[port] = stage->hold[port];
            said[i].output[port] = (struct fl_budget_output){stream->payload_bytes, stream->working_set, stream->forwards != 0};
        }
    }
    return said;
}

static gboolean plan(FlRun *run)
{
    g_autofree struct fl_budget_stage *said = what_stages_said(run);
    g_autofree gboolean *unwired = g_new0(gboolean, run->lane_count + 1);
    FlDiagnostics *d = fl_diagnostics_new();
    for (unsigned i = 0; i < run->lane_count; i++)
        unwired[i] = run->lanes[i].unwired;
    run->budget = fl_budget_new(run->pipeline, said, unwired, d);
    for (unsigned i = 0; i < run->lane_count; i++)
        run->lanes[i].info.credits = run->budget->lanes[i].credits;
    gboolean good = d->errors == 0;
    if (!good) {
        fl_run_hide_progress(run);
        fl_diagnostics_print(d, run->pipeline->name);
        fl_run_fail(run, FL_EXIT_CONFIG, "the stages need more than the configuration gives them; nothing was started");
    }
    fl_diagnostics_free(d);
    return good;
}

static gboolean has_room(FlRun *run)
{
    uint64_t available = fl_run_memory_available(), need = run->budget->pool_bytes;
    if (need <= available)
        return TRUE;
    g_autofree char *need_text = fl_bytes_text(need), *available_text = fl_bytes_text(available);
    fl_run_fail(run, FL_EXIT_START, "needs %s for frames, the system can give %s; use smaller frames or fewer credits", need_text,
                available_text);
    return FALSE;
}

void fl_run_wire(FlRun *run)
{
    if (plan(run) && has_room(run))
        mint_all(run);
}

/* ---- who may read what ---- */

/* `reached`: a bit an input port, for every stage. */
static void mark_readers(const FlRun *run, const FlRunStage *from, unsigned port, guint32 *reached)
{
    for (unsigned i = 0; i < run->lane_count; i++) {
        const FlRunLane *lane = &run->lanes[i];
        guint32 bit = 1u << lane->config->to_port;
        if (lane->from != from || lane->config->from_port != port || lane->unwired || (reached[lane->to->index] & bit))
            continue;
        reached[lane->to->index] |= bit;
        if (lane->config->to_port == 0 && lane->to->stream[0].forwards)
            mark_readers(run, lane->to, 0, reached);
    }
}

void fl_run_tell_readers(FlRun *run, const FlRunRegion *pool, gboolean unused)
{
    g_autofree guint32 *reached = g_new0(guint32, run->stage_count + 1);
    struct fl_control_pool body = {.pool = pool->pool};
    struct fl_control_region region = {.region = pool->id};
    FlRunMessage give = {FL_CONTROL_POOL, &body, NULL, sizeof body, 0, &pool->fd, 1};
    FlRunMessage give_up = {FL_CONTROL_POOL_UNUSED, &region, NULL, sizeof region, 0, NULL, 0};
    if (!over_shm(run))
        return;
    mark_readers(run, pool->writer, pool->port, reached);
    for (unsigned i = 0; i < run->stage_count; i++) {
        body.ports = reached[i];
        if (reached[i])
            fl_run_send(&run->stages[i], unused ? &give_up : &give);
    }
}

/* ---- lanes and GO ---- */

static void send_lane_end(FlRunLane *lane, enum fl_lane_role role, const int *fds, unsigned fd_count)
{
    gboolean producer = role == FL_LANE_PRODUCER;
    FlRunRegion *own = producer ? lane->announce : lane->returns;
    struct fl_control_lane body = {
        .info = lane->info,
        .role = role,
        .port = producer ? lane->config->from_port : lane->config->to_port,
        .own_region = own ? own->id : 0,
    };
    FlRunMessage message = {FL_CONTROL_LANE, &body, NULL, sizeof body, 0, fds, fd_count};
    fl_run_send(producer ? lane->from : lane->to, &message);
}

int fl_bells_mint(FlBells *bells)
{
    int error = fl_bell_mint(&bells->ring[FL_FORWARD], &bells->hear[FL_FORWARD]);
    if (error < 0)
        return error;
    error = fl_bell_mint(&bells->ring[FL_BACK], &bells->hear[FL_BACK]);
    if (error == 0)
        return 0;
    close(bells->ring[FL_FORWARD]);
    close(bells->hear[FL_FORWARD]);
    return error;
}

void fl_bells_close(FlBells *bells)
{
    for (unsigned way = FL_FORWARD; way <= FL_BACK; way++) {
        close(bells->ring[way]);
        close(bells->hear[way]);
    }
}

static int connect_shm(FlRunLane *lane)
{
    FlBells bells;
    int error = fl_bells_mint(&bells);
    if (error < 0)
        return error;
    int producer[] = {lane->returns->fd, bells.ring[FL_FORWARD], bells.hear[FL_BACK]};
    int consumer[] = {lane->announce->fd, bells.ring[FL_BACK], bells.hear[FL_FORWARD]};
    send_lane_end(lane, FL_LANE_PRODUCER, producer, 3);
    send_lane_end(lane, FL_LANE_CONSUMER, consumer, 3);
    fl_bells_close(&bells);
    return 0;
}

static int connect_pipe(FlRunLane *lane)
{
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
        return -errno;
    for (int bytes = PIPE_BYTES; bytes >= PIPE_BYTES_LEAST && fcntl(ends[1], F_SETPIPE_SZ, bytes) < 0; bytes /= 2)
        ;
    send_lane_end(lane, FL_LANE_PRODUCER, &ends[1], 1);
    send_lane_end(lane, FL_LANE_CONSUMER, &ends[0], 1);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

static gboolean connect_lanes(FlRun *run)
{
    for (unsigned i = 0; i < run->lane_count; i++) {
        FlRunLane *lane = &run->lanes[i];
        if (lane->unwired)
            continue;
        int error = over_shm(run) ? connect_shm(lane) : connect_pipe(lane);
        lane->announce = lane->returns = NULL;
        if (error < 0) {
            fl_run_fail(run, FL_EXIT_START, "lane %s -> %s cannot be made: %s", lane->from->config->name, lane->to->config->name,
                        g_strerror(-error));
            return FALSE;
        }
    }
    return TRUE;
}

/* Pools stay known, for who attaches later; all else is the stages' now. */
static gboolean forget_region(gpointer id, gpointer value, gpointer unused)
{
    return ((FlRunRegion *)value)->kind != FL_REGION_POOL;
}

static gboolean time_is_up(gpointer data)
{
    FlRun *run = data;
    run->for_source = 0;
    fl_run_stop_sources(run);
    return G_SOURCE_REMOVE;
}

/* Consumers first: whoever makes frames then finds somebody who takes them. */
static void go(FlRun *run)
{
    GHashTableIter each;
    gpointer region;
    g_hash_table_iter_init(&each, run->regions);
    while (g_hash_table_iter_next(&each, NULL, &region))
        if (((FlRunRegion *)region)->kind == FL_REGION_POOL && ((FlRunRegion *)region)->fd >= 0)
            fl_run_tell_readers(run, region, FALSE);
    if (!connect_lanes(run))
        return;
    g_hash_table_foreach_remove(run->regions, forget_region, NULL);
    run->state = FL_RUN_RUNNING;
    run->go_us = run->tick_us = g_get_monotonic_time();
    struct fl_control_go body = {.start_ns = (uint64_t)run->go_us * 1000};
    FlRunMessage message = {FL_CONTROL_GO, &body, NULL, sizeof body, 0, NULL, 0};
    for (unsigned i = run->stage_count; i-- > 0;) {
        if (run->stages[i].life != FL_LIFE_OPENED)
            continue;
        run->stages[i].life = FL_LIFE_RUNNING;
        fl_run_send(&run->stages[i], &message);
    }
    fl_metrics_start(run->options.metrics, run);
    if (run->options.for_ns > 0)
        run->for_source = g_timeout_add((guint)MIN(run->options.for_ns / 1000000, G_MAXUINT), time_is_up, run);
}

/* ---- MAPPED ---- */

static void map_stats(FlRunStage *stage, const FlRunRegion *region)
{
    const void *base;
    if (fl_shm_map_reader(region->fd, region->bytes, &base) < 0)
        return;
    stage->stats = base;
    stage->stats_fd = fcntl(region->fd, F_DUPFD_CLOEXEC, 0);
}

static void start_mapped(FlRunStage *stage, FlRunRegion *region, int error)
{
    FlRun *run = stage->run;
    if (error == 0 && region->kind == FL_REGION_EVENTS)
        error = fl_journal_add(run->journal, stage, region);
    if (error < 0) {
        fl_run_fail(run, FL_EXIT_START, "%s: its %s cannot be mapped: %s", stage->config->name, region_names[region->kind],
                    g_strerror(-error));
        return;
    }
    if (region->kind == FL_REGION_STATS)
        map_stats(stage, region);
    run->unmapped--;
    if (run->unmapped == 0 && !run->ending)
        go(run);
}

void fl_run_take_mapped(FlRunStage *stage, const struct fl_received *message)
{
    const struct fl_control_region *body = message->body;
    FlRunRegion *region = g_hash_table_lookup(stage->run->regions, GUINT_TO_POINTER(body->region));
    if (!region || region->writer != stage || region->mapped) {
        fl_run_broke(stage, "says it has mapped what it was not given");
        return;
    }
    int error = CLAMP(body->error, -4095, 0); /* an errno, or none */
    region->mapped = TRUE;
    if (error == 0 && region->fd >= 0)
        error = fl_shm_seal(region->fd, region->bytes);
    if (error == -EPERM)
        fl_run_broke(stage, "changed the size of memory it was given");
    else if (region->kind == FL_REGION_LATEST)
        fl_door_latest_mapped(stage->run->door, region, error);
    else if (region->kind == FL_REGION_ANNOUNCE && region->later)
        fl_door_announce_mapped(stage->run->door, region, error);
    else if (region->later)
        fl_run_generation_mapped(region, error);
    else
        start_mapped(stage, region, error);
}
