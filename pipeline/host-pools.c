#include "host.h"

#include <errno.h>
#include <stdlib.h>

/* ---- regions this process writes; the control thread ---- */

static int map_stats(struct fl_stage *stage, const struct fl_control_map *map, int fd)
{
    void *base;
    if (map->bytes < sizeof(struct fl_stats) || atomic_load(&stage->stats_page))
        return -EINVAL;
    int error = fl_shm_map_writer(fd, map->bytes, &base);
    if (error == 0)
        atomic_store(&stage->stats_page, base);
    return error;
}

static int map_lane_region(struct fl_stage *stage, const struct fl_control_map *map, int fd)
{
    struct fl_host_region *region = calloc(1, sizeof *region);
    if (!region)
        return -ENOMEM;
    region->id = map->region;
    region->bytes = map->bytes;
    int error = fl_shm_map_writer(fd, map->bytes, &region->base);
    if (error < 0) {
        free(region);
        return error;
    }
    pthread_mutex_lock(&stage->lock);
    region->next = stage->regions;
    stage->regions = region;
    pthread_mutex_unlock(&stage->lock);
    return 0;
}

/* From here on the mapping is the lane's. */
void *fl_host_take_region(struct fl_stage *stage, uint32_t id)
{
    void *base = NULL;
    pthread_mutex_lock(&stage->lock);
    for (struct fl_host_region **at = &stage->regions; *at; at = &(*at)->next) {
        struct fl_host_region *region = *at;
        if (region->id != id)
            continue;
        *at = region->next;
        base = region->base;
        free(region);
        break;
    }
    pthread_mutex_unlock(&stage->lock);
    return base;
}

static void remember_pool(struct fl_stage *stage, struct fl_host_pool *entry)
{
    pthread_mutex_lock(&stage->lock);
    entry->next = stage->pools;
    stage->pools = entry;
    pthread_mutex_unlock(&stage->lock);
}

static int map_pool(struct fl_stage *stage, const struct fl_control_map *map, int fd)
{
    if (map->port >= FL_STAGE_MAX_PORTS)
        return -EINVAL;
    struct fl_host_pool *entry = calloc(1, sizeof *entry);
    if (!entry)
        return -ENOMEM;
    entry->id = map->pool.id;
    entry->port = map->port;
    entry->own = true;
    int error = fd < 0 ? fl_pool_create_private(stage->context, &map->pool, &entry->pool)
                       : fl_pool_map_writer(stage->context, fd, &map->pool, &entry->pool);
    if (error < 0)
        free(entry);
    else
        remember_pool(stage, entry);
    return error;
}

int fl_host_map(struct fl_stage *stage, const struct fl_control_map *map, int fd)
{
    switch (map->kind) {
    case FL_REGION_STATS:
        return map_stats(stage, map, fd);
    case FL_REGION_POOL:
        return map_pool(stage, map, fd);
    case FL_REGION_EVENTS:
        return fl_host_map_events(stage, map, fd);
    case FL_REGION_ANNOUNCE:
    case FL_REGION_RETURN:
    case FL_REGION_LATEST:
        return map_lane_region(stage, map, fd);
    default:
        return -EINVAL;
    }
}

/* ---- pools that others write; the control thread ---- */

/* Whichever comes first, the lane or the pool, the other finds it. lock is held. */
int fl_host_reach(struct fl_stage *stage, struct fl_lane *lane, unsigned port)
{
    int error = 0;
    for (const struct fl_host_pool *p = stage->pools; p && error == 0; p = p->next)
        if (!p->own && (p->ports & 1u << port))
            error = fl_lane_reach(lane, p->id);
    return error;
}

/* Lanes are told first: a frame that names a pool which is known, but not theirs, would be a lie. lock is held. */
static int make_known(struct fl_stage *stage, struct fl_host_pool *entry)
{
    int error = 0;
    for (unsigned port = 0; port < FL_STAGE_MAX_PORTS && error == 0; port++)
        if (stage->in[port].lane && (entry->ports & 1u << port))
            error = fl_lane_reach(stage->in[port].lane, entry->id);
    if (error == 0)
        error = fl_context_add_pool(stage->context, entry->pool);
    if (error == 0) {
        entry->next = stage->pools;
        stage->pools = entry;
    }
    return error;
}

int fl_host_add_pool(struct fl_stage *stage, const struct fl_control_pool *pool, int fd)
{
    struct fl_host_pool *entry = calloc(1, sizeof *entry);
    if (!entry)
        return -ENOMEM;
    entry->id = pool->pool.id;
    entry->ports = pool->ports;
    int error = fl_pool_map_reader(fd, &pool->pool, &entry->pool);
    if (error == 0) {
        pthread_mutex_lock(&stage->lock);
        error = make_known(stage, entry);
        pthread_mutex_unlock(&stage->lock);
    }
    if (error < 0) {
        fl_pool_destroy(entry->pool);
        free(entry);
        return error;
    }
    atomic_fetch_add(&stage->pools_known, 1);
    fl_context_kick(stage->context);
    return 0;
}

/* ---- generations ---- */

/* lock is held. The older generation lives on until its last frame has come back. */
static void make_current(struct fl_stage *stage, struct fl_host_pool *fresh)
{
    struct fl_host_output *out = &stage->out[fresh->port];
    struct fl_pool *before = atomic_load(&out->pool);
    if (out->wanted_bytes <= fl_pool_info(fresh->pool)->slot_bytes)
        out->wanted_bytes = 0;
    if (before == fresh->pool)
        return;
    atomic_store(&out->pool, fresh->pool);
    for (struct fl_host_pool *p = stage->pools; before && p; p = p->next) {
        if (p->pool == before) {
            p->retired = true;
            atomic_store(&stage->pools_idle, true);
        }
    }
}

void fl_host_first_pools(struct fl_stage *stage)
{
    pthread_mutex_lock(&stage->lock);
    for (struct fl_host_pool *p = stage->pools; p; p = p->next)
        if (p->own && !atomic_load(&stage->out[p->port].pool))
            make_current(stage, p);
    pthread_mutex_unlock(&stage->lock);
}

void fl_host_pool_ready(struct fl_stage *stage, uint32_t id, int error)
{
    pthread_mutex_lock(&stage->lock);
    for (struct fl_host_pool *p = stage->pools; error == 0 && p; p = p->next)
        if (p->own && p->id == id && !p->retired)
            make_current(stage, p);
    for (unsigned port = 0; error < 0 && port < FL_STAGE_MAX_PORTS; port++) {
        if (!stage->out[port].wanted_bytes)
            continue;
        stage->out[port].wanted_bytes = 0;
        atomic_store(&stage->out[port].refused, error);
    }
    pthread_mutex_unlock(&stage->lock);
    fl_context_kick(stage->context);
}

void fl_host_pool_unused(struct fl_stage *stage, uint32_t id)
{
    pthread_mutex_lock(&stage->lock);
    for (struct fl_host_pool *p = stage->pools; p; p = p->next) {
        if (!p->own && p->id == id) {
            p->unused = true;
            atomic_store(&stage->pools_idle, true);
        }
    }
    pthread_mutex_unlock(&stage->lock);
    fl_context_kick(stage->context);
}

static bool can_go(struct fl_stage *stage, const struct fl_host_pool *p)
{
    if (!p->own)
        return p->unused && !fl_pool_is_held(p->pool);
    return p->retired && atomic_load(&stage->out[p->port].users) == 0 &&
           fl_pool_free_slots(p->pool) == fl_pool_info(p->pool)->slot_count;
}

/* Unlinks one entry that nothing needs any more. `pools_idle` is cleared when none is left to look after. */
static struct fl_host_pool *pop_idle(struct fl_stage *stage)
{
    struct fl_host_pool *found = NULL;
    bool more = false;
    pthread_mutex_lock(&stage->lock);
    for (struct fl_host_pool **at = &stage->pools; *at;) {
        struct fl_host_pool *p = *at;
        if (!found && can_go(stage, p)) {
            found = p;
            *at = p->next;
            continue;
        }
        more |= p->retired || p->unused;
        at = &p->next;
    }
    atomic_store(&stage->pools_idle, more);
    pthread_mutex_unlock(&stage->lock);
    return found;
}

void fl_host_tend_pools(struct fl_stage *stage)
{
    struct fl_host_pool *p;
    while (atomic_load_explicit(&stage->pools_idle, memory_order_relaxed) && (p = pop_idle(stage))) {
        struct fl_control_region region = {.region = p->id};
        bool own = p->own;
        fl_pool_destroy(p->pool);
        free(p);
        if (own)
            fl_host_send(stage, FL_CONTROL_POOL_UNUSED, &region, sizeof region, NULL, 0);
    }
}

/* Asks once for each larger size; a decoder asks from several threads at a time. */
int fl_host_want_pool(struct fl_stage *stage, unsigned port, uint64_t payload_bytes)
{
    struct fl_host_output *out = &stage->out[port];
    int busy = -EBUSY; /* that was then */
    atomic_compare_exchange_strong(&out->refused, &busy, 0);
    pthread_mutex_lock(&stage->lock);
    bool ask = out->wanted_bytes < payload_bytes;
    if (ask)
        out->wanted_bytes = payload_bytes;
    pthread_mutex_unlock(&stage->lock);
    struct fl_control_want_pool want = {.port = port, .payload_bytes = payload_bytes};
    return ask ? fl_host_send(stage, FL_CONTROL_WANT_POOL, &want, sizeof want, NULL, 0) : 0;
}

/* The context has unmapped the pools that it owned: only the lists are left. */
void fl_host_free_pools(struct fl_stage *stage)
{
    while (stage->pools) {
        struct fl_host_pool *p = stage->pools;
        stage->pools = p->next;
        free(p);
    }
    while (stage->regions) {
        struct fl_host_region *region = stage->regions;
        stage->regions = region->next;
        fl_shm_unmap(region->base, region->bytes);
        free(region);
    }
}
