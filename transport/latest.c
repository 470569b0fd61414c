/* The latest region: written by an output with every publish, read by observers that have no lane. */
#include <framelane/latest.h>

#include "internal.h"

#include <errno.h>
#include <stdlib.h>

struct fl_observer {
    struct fl_context *context;
    const struct fl_latest_region *theirs;
    struct fl_observer_stats stats;
};

uint64_t fl_latest_bytes(void)
{
    uint64_t page = fl_page_bytes();
    return (sizeof(struct fl_latest_region) + page - 1) / page * page;
}

/* ---- the output ---- */

void fl_output_show(struct fl_output *output)
{
    if (output->newest && output->newest->pool)
        fl_latest_write(output->latest, output->announcement.words);
}

int fl_output_show_latest(struct fl_output *output, void *own)
{
    int error = 0;
    fl_context_lock(output->context);
    if (output->latest) {
        error = -EALREADY;
    } else {
        output->latest = own;
        fl_store(&output->latest->magic, FL_LATEST_MAGIC, FL_RELAXED); /* for who looks from outside */
        fl_output_show(output);
    }
    fl_context_unlock(output->context);
    return error;
}

/* ---- observers ---- */

int fl_observer_create(struct fl_context *context, int fd, struct fl_observer **out)
{
    const void *theirs;
    struct fl_observer *observer = calloc(1, sizeof *observer);
    if (!observer)
        return -ENOMEM;
    int error = fl_shm_map_reader(fd, fl_latest_bytes(), &theirs);
    if (error < 0) {
        free(observer);
        return error;
    }
    observer->context = context;
    observer->theirs = theirs;
    *out = observer;
    return 0;
}

void fl_observer_destroy(struct fl_observer *observer)
{
    if (!observer)
        return;
    fl_shm_unmap(observer->theirs, fl_latest_bytes());
    free(observer);
}

static int look(struct fl_observer *observer, struct fl_peek *peek)
{
    union fl_announcement copy;
    uint32_t slot;
    uint64_t seq = fl_latest_read(observer->theirs, copy.words);
    if (seq == 0)
        return -EAGAIN;
    fl_context_lock(observer->context);
    struct fl_pool *pool = fl_context_find_pool(observer->context, copy.entry.pool);
    fl_context_unlock(observer->context);
    if (!pool)
        return -ENOENT;
    if (!fl_pool_slot_at(pool, copy.entry.offset, &slot) || fl_desc_check(&copy.entry.desc, pool->info.slot_bytes) < 0)
        return -EBADMSG;
    if (!fl_version_is(&pool->versions[slot], copy.entry.version))
        return -ESTALE;
    *peek = (struct fl_peek){
        .desc = copy.entry.desc,
        .base = pool->base + copy.entry.offset,
        .capacity = pool->info.slot_bytes,
        .count = seq / 2,
        .place = &pool->versions[slot],
        .version = copy.entry.version,
    };
    return 0;
}

int fl_observer_peek(struct fl_observer *observer, struct fl_peek *peek)
{
    int error = look(observer, peek);
    observer->stats.peeks += error == 0;
    observer->stats.lost += error == -ESTALE;
    return error;
}

bool fl_observer_holds(struct fl_observer *observer, const struct fl_peek *peek)
{
    bool holds = fl_version_still(peek->place, peek->version);
    observer->stats.lost += !holds;
    return holds;
}

void fl_observer_get_stats(const struct fl_observer *observer, struct fl_observer_stats *stats)
{
    *stats = observer->stats;
}
