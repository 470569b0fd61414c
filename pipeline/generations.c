#include "door.h"

#include <errno.h>

/* Pools that grow: a frame no longer fits the slots of its output, so its writer asks for larger ones.
 *
 *   WANT_POOL --fewer than two alive--> minted, MAP --MAPPED--> sealed, POOL to every reader, READY to the writer
 *      +--two alive--> waits for POOL_UNUSED of the older, a second at most: it may be pinned by a stage that waits for just
 *                      this frame
 *
 * The number alive and their bytes are bounded, and so is the number ever: each is a quarter larger than any before it. The one who
 * asks may be hostile. A guest that is stopped may pin as many older ones as it has credits, and must not be noticed: so many more
 * may be alive.
 */
#define GENERATIONS      2
#define GENERATIONS_MOST 4
#define PATIENCE_MS      1000

static void answer(FlRunStage *stage, uint32_t region, int error)
{
    struct fl_control_region body = {.region = region, .error = error};
    FlRunMessage message = {FL_CONTROL_READY, &body, NULL, sizeof body, 0, NULL, 0};
    fl_run_send(stage, &message);
}

/* How many generations of that output are alive; *newest is the one minted last, NULL if there is none. */
static unsigned count_alive(const FlRunStage *stage, unsigned port, const FlRunRegion **newest)
{
    GHashTableIter each;
    gpointer value;
    unsigned alive = 0;
    *newest = NULL;
    g_hash_table_iter_init(&each, stage->run->regions);
    while (g_hash_table_iter_next(&each, NULL, &value)) {
        const FlRunRegion *region = value;
        if (region->kind != FL_REGION_POOL || region->writer != stage || region->port != port)
            continue;
        alive++;
        if (!*newest || region->id > (*newest)->id)
            *newest = region;
    }
    return alive;
}

static void forget(FlRunRegion *pool)
{
    FlRun *run = pool->writer->run;
    run->pool_bytes -= pool->bytes;
    g_hash_table_remove(run->regions, GUINT_TO_POINTER(pool->id));
}

static FlRunRegion next_generation(const FlRunStage *stage, unsigned port, const FlRunRegion *newest, uint64_t payload_bytes)
{
    unsigned slots = stage->run->budget->pools[stage->index][port].slots;
    FlRunRegion pool = {.kind = FL_REGION_POOL, .writer = (FlRunStage *)stage, .port = port, .later = TRUE};
    if (!slots)
        slots = MAX(stage->stream[port].working_set, 1) + stage->config->spare_slots + 1;
    uint64_t largest = MAX(stage->largest_slot[port], newest ? newest->pool.slot_bytes : 0);
    /* So that a picture that grows slowly does not take one generation a frame. */
    payload_bytes = MAX(payload_bytes, largest + largest / 4);
    pool.pool = (struct fl_pool_info){.id = 1, .slot_count = slots, .slot_bytes = fl_pool_slot_bytes(payload_bytes)};
    pool.bytes = fl_pool_file_bytes(&pool.pool);
    return pool;
}

static gboolean has_room(const FlRun *run, uint64_t bytes)
{
    uint64_t limit = run->pipeline->memory_limit > 0 ? (uint64_t)run->pipeline->memory_limit : G_MAXUINT64;
    return bytes && bytes <= fl_run_memory_available() && bytes <= limit && run->pool_bytes <= limit - bytes;
}

static void grant(FlRunStage *stage, unsigned port, const FlRunRegion *newest, uint64_t payload_bytes)
{
    FlRun *run = stage->run;
    FlRunRegion pool = next_generation(stage, port, newest, payload_bytes);
    int error = -ENOMEM;
    if (has_room(run, pool.bytes) && fl_run_mint(run, &pool, run->pipeline->transport == FL_TRANSPORT_SHM, &error)) {
        stage->largest_slot[port] = pool.pool.slot_bytes;
        return;
    }
    g_autofree char *reason = fl_reason_text(error);
    if (error == -EFBIG) /* the stage says that there is none, and cannot know the remedy */
        fl_run_say(run, "%s needs a larger pool: %s", stage->config->name, reason);
    answer(stage, 0, error);
}

static gboolean wait_no_longer(gpointer data)
{
    FlRunStage *stage = data;
    stage->wanted_timer = 0;
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS; port++) {
        const FlRunRegion *newest;
        uint64_t wanted = stage->wanted_bytes[port];
        stage->wanted_bytes[port] = 0;
        if (wanted && count_alive(stage, port, &newest) < GENERATIONS_MOST + fl_door_guest_credits(stage->run))
            grant(stage, port, newest, wanted);
        else if (wanted)
            answer(stage, 0, -EBUSY);
    }
    return G_SOURCE_REMOVE;
}

void fl_run_take_want_pool(FlRunStage *stage, const struct fl_received *message)
{
    const struct fl_control_want_pool *want = message->body;
    const FlRunRegion *newest;
    if (want->port >= FL_STAGE_MAX_PORTS || !stage->side[want->port] || !want->payload_bytes) {
        fl_run_broke(stage, "asks for a pool it cannot need");
        return;
    }
    unsigned alive = count_alive(stage, want->port, &newest);
    if (newest && newest->pool.slot_bytes >= want->payload_bytes) {
        if (newest->mapped)
            answer(stage, newest->id, 0); /* asked before it heard of this one; else READY is still to come */
    } else if (alive < GENERATIONS + fl_door_guest_credits(stage->run)) {
        grant(stage, want->port, newest, want->payload_bytes);
    } else {
        stage->wanted_bytes[want->port] = MAX(stage->wanted_bytes[want->port], want->payload_bytes);
        if (!stage->wanted_timer)
            stage->wanted_timer = g_timeout_add(PATIENCE_MS, wait_no_longer, stage);
    }
}

void fl_run_generation_mapped(FlRunRegion *pool, int error)
{
    FlRunStage *writer = pool->writer;
    if (error == 0 && pool->fd >= 0) {
        fl_run_tell_readers(writer->run, pool, FALSE);
        fl_door_tell_pool(writer->run->door, pool, FALSE);
    }
    answer(writer, pool->id, error);
    if (error < 0)
        forget(pool);
}

void fl_run_take_pool_unused(FlRunStage *stage, const struct fl_received *message)
{
    const struct fl_control_region *body = message->body;
    FlRunRegion *pool = g_hash_table_lookup(stage->run->regions, GUINT_TO_POINTER(body->region));
    if (!pool || pool->kind != FL_REGION_POOL || pool->writer != stage || !pool->mapped) {
        fl_run_broke(stage, "gives up a pool that is not its own");
        return;
    }
    unsigned port = pool->port;
    fl_run_tell_readers(stage->run, pool, TRUE);
    fl_door_tell_pool(stage->run->door, pool, TRUE);
    forget(pool);
    const FlRunRegion *newest;
    uint64_t wanted = stage->wanted_bytes[port];
    stage->wanted_bytes[port] = 0;
    if (wanted && count_alive(stage, port, &newest) < GENERATIONS + fl_door_guest_credits(stage->run))
        grant(stage, port, newest, wanted);
    else
        stage->wanted_bytes[port] = wanted;
}
