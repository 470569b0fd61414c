#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The hot rotation (measured on several machines: the best working set is larger than the second-level caches, so that the writer
 * does not take lines the reader still holds, and well below the last level). */
#define HOT_BYTES_MIN (4ull << 20)
#define HOT_BYTES_MAX (14ull << 20)
#define HOT_SLOTS_MIN 3u
#define HOT_SLOTS_MAX 64u

uint64_t fl_page_bytes(void)
{
    static _Atomic uint64_t known;
    uint64_t bytes = atomic_load_explicit(&known, memory_order_relaxed);
    if (!bytes) {
        bytes = (uint64_t)sysconf(_SC_PAGESIZE);
        atomic_store_explicit(&known, bytes, memory_order_relaxed);
    }
    return bytes;
}

static uint64_t round_to_pages(uint64_t bytes)
{
    uint64_t page = fl_page_bytes();
    return bytes > UINT64_MAX - page ? 0 : (bytes + page - 1) / page * page;
}

uint64_t fl_pool_slot_bytes(uint64_t payload_bytes)
{
    uint64_t bytes = round_to_pages(payload_bytes ? payload_bytes : 1);
    return bytes > UINT32_MAX ? 0 : bytes; /* plane offsets are 32 bits wide */
}

static uint64_t table_bytes(const struct fl_pool_info *info)
{
    return round_to_pages((uint64_t)info->slot_count * sizeof(struct fl_slot_version));
}

uint64_t fl_pool_file_bytes(const struct fl_pool_info *info)
{
    if (info->slot_count == 0 || info->slot_count > FL_POOL_MAX_SLOTS || info->slot_bytes == 0 || info->slot_bytes > UINT32_MAX ||
        info->slot_bytes % fl_page_bytes() != 0)
        return 0;
    return table_bytes(info) + info->slot_count * info->slot_bytes; /* < 2^12 * 2^32 */
}

static uint64_t cache_bytes(int level)
{
    for (int i = 0; i < 8; i++) {
        char path[96], text[32] = {0};
        int values[2] = {0, 0};
        for (int what = 0; what < 2; what++) {
            snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", i, what ? "size" : "level");
            int fd = open(path, O_RDONLY | O_CLOEXEC);
            if (fd < 0)
                return 0;
            ssize_t got = read(fd, text, sizeof text - 1);
            close(fd);
            text[got > 0 ? got : 0] = 0;
            values[what] = atoi(text) << (what && strchr(text, 'M') ? 10 : 0);
        }
        if (values[0] == level)
            return (uint64_t)values[1] << 10;
    }
    return 0;
}

static _Atomic uint64_t hot_bytes;

void fl_pool_look_at_caches(void)
{
    uint64_t second = cache_bytes(2), last = cache_bytes(3);
    uint64_t budget = 4 * second; /* two cores' second level, twice over */
    if (last && budget > last / 2)
        budget = last / 2;
    budget = budget < HOT_BYTES_MIN ? HOT_BYTES_MIN : budget > HOT_BYTES_MAX ? HOT_BYTES_MAX : budget;
    atomic_store_explicit(&hot_bytes, budget, memory_order_relaxed);
}

static uint32_t hot_window(uint64_t slot_bytes)
{
    uint64_t slots = atomic_load_explicit(&hot_bytes, memory_order_relaxed) / slot_bytes;
    return slots < HOT_SLOTS_MIN ? HOT_SLOTS_MIN : slots > HOT_SLOTS_MAX ? HOT_SLOTS_MAX : (uint32_t)slots;
}

/* ---- free slots, in the order in which they were freed ---- */

static void push_free(struct fl_pool *pool, uint32_t slot)
{
    pool->free_slots[pool->free_count++] = slot;
}

/* Takes position clamp(window - in use, 1, free), counted from the newest freed. */
static uint32_t pop_free(struct fl_pool *pool)
{
    uint32_t in_use = pool->info.slot_count - pool->free_count;
    uint32_t position = pool->window > in_use ? pool->window - in_use : 1;
    if (position > pool->free_count)
        position = pool->free_count;
    uint32_t *chosen = &pool->free_slots[pool->free_count - position];
    uint32_t slot = *chosen;
    memmove(chosen, chosen + 1, (position - 1) * sizeof *chosen);
    pool->free_count--;
    return slot;
}

/* ---- making and mapping ---- */

static int create(const struct fl_pool_info *info, struct fl_pool **pool)
{
    uint64_t bytes = fl_pool_file_bytes(info);
    if (bytes == 0 || info->id == 0)
        return -EINVAL;
    struct fl_pool *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    p->info = *info;
    p->file_bytes = bytes;
    p->payload_offset = table_bytes(info);
    p->a_slot = UINT64_MAX / info->slot_bytes + 1;
    *pool = p;
    return 0;
}

static void set_base(struct fl_pool *pool, void *base)
{
    pool->base = base;
    pool->versions = base;
}

static int make_books(struct fl_pool *pool, struct fl_context *context)
{
    uint32_t count = pool->info.slot_count;
    pool->writer = true;
    pool->window = hot_window(pool->info.slot_bytes);
    pool->frames = calloc(count, sizeof *pool->frames);
    pool->free_slots = calloc(count, sizeof *pool->free_slots);
    if (!pool->frames || !pool->free_slots)
        return -ENOMEM;
    for (uint32_t i = count; i-- > 0;) {
        struct fl_frame *frame = &pool->frames[i];
        fl_frame_init(frame, context);
        frame->pool = pool;
        frame->slot = i;
        frame->offset = pool->payload_offset + i * pool->info.slot_bytes;
        frame->base = pool->base + frame->offset;
        frame->capacity = pool->info.slot_bytes;
        push_free(pool, i);
    }
    return 0;
}

static int finish_writer(struct fl_context *context, struct fl_pool *pool, struct fl_pool **out)
{
    int error = make_books(pool, context);
    if (error == 0)
        error = fl_context_add_pool(context, pool);
    if (error < 0) {
        fl_pool_destroy(pool);
        return error;
    }
    *out = pool;
    return 0;
}

int fl_pool_map_writer(struct fl_context *context, int fd, const struct fl_pool_info *info, struct fl_pool **out)
{
    struct fl_pool *pool;
    void *base;
    int error = create(info, &pool);
    if (error < 0)
        return error;
    error = fl_shm_map_writer(fd, pool->file_bytes, &base);
    if (error < 0) {
        fl_pool_destroy(pool);
        return error;
    }
    set_base(pool, base);
    return finish_writer(context, pool, out);
}

int fl_pool_create_private(struct fl_context *context, const struct fl_pool_info *info, struct fl_pool **out)
{
    struct fl_pool *pool;
    int error = create(info, &pool);
    if (error < 0)
        return error;
    void *base = mmap(NULL, pool->file_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (base == MAP_FAILED) {
        error = -errno;
        fl_pool_destroy(pool);
        return error;
    }
    set_base(pool, base);
    return finish_writer(context, pool, out);
}

int fl_pool_map_reader(int fd, const struct fl_pool_info *info, struct fl_pool **out)
{
    struct fl_pool *pool;
    const void *base;
    int error = create(info, &pool);
    if (error < 0)
        return error;
    error = fl_shm_map_reader(fd, pool->file_bytes, &base);
    if (error < 0) {
        fl_pool_destroy(pool);
        return error;
    }
    set_base(pool, (void *)base);
    *out = pool;
    return 0;
}

void fl_pool_destroy(struct fl_pool *pool)
{
    if (!pool)
        return;
    if (pool->context) {
        struct fl_context *context = pool->context;
        fl_context_lock(context);
        for (unsigned i = 0; i < context->pool_count; i++)
            if (context->pools[i] == pool)
                context->pools[i] = context->pools[--context->pool_count];
        for (unsigned i = 0; i < context->lane_count; i++)
            fl_lane_forget(context->lanes[i], pool->info.id);
        fl_context_unlock(context);
    }
    fl_shm_unmap(pool->base, pool->file_bytes);
    free(pool->frames);
    free(pool->free_slots);
    free(pool);
}

const struct fl_pool_info *fl_pool_info(const struct fl_pool *pool)
{
    return &pool->info;
}

bool fl_pool_slot_at(const struct fl_pool *pool, uint64_t offset, uint32_t *slot)
{
    uint64_t from_first = offset - pool->payload_offset;                              /* huge where it lies before the first */
    uint64_t number = (uint64_t)((unsigned __int128)from_first * pool->a_slot >> 64); /* right where a slot starts: < 2^44 */
    *slot = (uint32_t)number;
    return offset >= pool->payload_offset && number < pool->info.slot_count && number * pool->info.slot_bytes == from_first;
}

/* ---- a slot's life ---- */

static int acquire_locked(struct fl_pool *pool, struct fl_frame **out)
{
    if (pool->free_count == 0)
        return -EAGAIN;
    uint32_t slot = pop_free(pool);
    struct fl_frame *frame = &pool->frames[slot];
    frame->version += frame->version & 1 ? 2 : 1; /* the next odd one, also after a life that was abandoned */
    fl_version_open(&pool->versions[slot], frame->version);
    atomic_store_explicit(&frame->state, FL_SLOT_WRITING, memory_order_relaxed);
    atomic_store_explicit(&frame->refs, 1, memory_order_relaxed);
    *out = frame;
    return 0;
}

/* Returns are looked for once more slots are in use than the caches hold; until then the look would only take the line of
 * returns away from the consumer. */
static bool wants_returns(const struct fl_pool *pool)
{
    return pool->free_count == 0 || pool->info.slot_count - pool->free_count >= pool->window;
}

int fl_pool_acquire(struct fl_pool *pool, struct fl_frame **frame)
{
    if (!pool->writer)
        return -EINVAL;
    fl_context_lock(pool->context);
    if (wants_returns(pool))
        fl_context_service_locked(pool->context);
    else
        fl_context_tend_locked(pool->context);
    int error = acquire_locked(pool, frame);
    if (error < 0)
        fl_context_flush_locked(pool->context); /* who waits by asking again: slots may hang on what a batch keeps back */
    fl_context_unlock(pool->context);
    return error;
}

struct acquire_wait {
    struct fl_pool *pool;
    struct fl_frame *frame;
    bool (*cancelled)(void *arg);
    void *arg;
    int error;
};

static bool acquire_ready(void *arg)
{
    struct acquire_wait *wait = arg;
    if (wait->cancelled && wait->cancelled(wait->arg)) {
        wait->error = -ECANCELED;
        return true;
    }
    wait->error = fl_pool_acquire(wait->pool, &wait->frame);
    return wait->error != -EAGAIN;
}

int fl_pool_acquire_wait(struct fl_pool *pool, int64_t timeout_ns, bool (*cancelled)(void *arg), void *arg, struct fl_frame **frame)
{
    struct acquire_wait wait = {.pool = pool, .cancelled = cancelled, .arg = arg};
    int error = fl_context_wait(pool->context, acquire_ready, &wait, timeout_ns);
    if (error < 0)
        return error;
    if (wait.error == 0)
        *frame = wait.frame;
    return wait.error;
}

unsigned fl_pool_free_slots(struct fl_pool *pool)
{
    if (!pool->context)
        return 0;
    fl_context_lock(pool->context);
    fl_context_service_locked(pool->context);
    unsigned count = pool->free_count;
    fl_context_unlock(pool->context);
    return count;
}

bool fl_pool_is_held(struct fl_pool *pool)
{
    if (!pool->context)
        return false;
    fl_context_lock(pool->context);
    fl_context_service_locked(pool->context);
    bool held = pool->held > 0;
    fl_context_unlock(pool->context);
    return held;
}

void fl_pool_settle(struct fl_frame *frame)
{
    atomic_store_explicit(&frame->state, FL_SLOT_FREE, memory_order_relaxed);
    push_free(frame->pool, frame->slot);
}
