/* Pools: one sealed memfd of equal slots, written by exactly one process.
 *
 *   supervisor: fl_shm_mint -> fd to the writer -> (writer maps and says so) -> fl_shm_seal -> fd to every reader
 *   writer:     fl_pool_map_writer, then acquire / publish (output.h) for ever; no one can map it writable again
 *   reader:     fl_pool_map_reader, which refuses a memfd whose seals or size are not as they must be
 *
 * A slot's life, as the writer's private books know it:
 *
 *   FREE --acquire--> WRITING --first publish--> PUBLISHED --last reference gone--> FREE
 *                        +--unref--> FREE
 *
 * "Last reference" counts the caller's own, the output's newest frame, and every outstanding announcement. A reader never
 * takes part in the count: it only returns announcements.
 */
#ifndef FRAMELANE_POOL_H
#define FRAMELANE_POOL_H

#include <framelane/context.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

#define FL_POOL_MAX_SLOTS 4096

struct fl_pool_info {
    uint32_t id;         /* minted by the supervisor, unique in a run, never 0 */
    uint32_t slot_count; /* 1 .. FL_POOL_MAX_SLOTS */
    uint64_t slot_bytes; /* a multiple of the page size: use fl_pool_slot_bytes */
};

/* Rounds a payload size up to what a slot must have (whole pages). 0 if it cannot be represented. */
uint64_t fl_pool_slot_bytes(uint64_t payload_bytes);

/* Bytes the memfd of such a pool must have: version table, then slots. 0 if impossible. */
uint64_t fl_pool_file_bytes(const struct fl_pool_info *info);

/* Maps the pool for writing, once, populated, not inherited by fork and left out of core dumps. The fd stays the caller's
 * and may be closed afterwards. The context owns the pool. -EINVAL, -ENOMEM, errno of mmap(2). */
int fl_pool_map_writer(struct fl_context *context, int fd, const struct fl_pool_info *info, struct fl_pool **pool);

/* Maps it read-only after checking size and seals (-EPERM: it could still be written or resized by someone else).
 * The pool belongs to the caller until fl_context_add_pool. */
int fl_pool_map_reader(int fd, const struct fl_pool_info *info, struct fl_pool **pool);

/* A writer's pool in private memory, for an output all of whose lanes are pipes. */
int fl_pool_create_private(struct fl_context *context, const struct fl_pool_info *info, struct fl_pool **pool);

/* Unmaps. The caller must know that no frame of it is held. Accepts NULL. */
void fl_pool_destroy(struct fl_pool *pool);

const struct fl_pool_info *fl_pool_info(const struct fl_pool *pool);

/* A free slot as a frame with one reference, or -EAGAIN. Any thread. The slot comes from the hot rotation: the least recently
 * freed of as many slots as fit the caches, so that a large pool costs nothing while it is not needed. */
int fl_pool_acquire(struct fl_pool *pool, struct fl_frame **frame);

/* The same, waiting up to `timeout_ns` (negative: for ever) while serving returns: -ETIMEDOUT. Also for a decoder's thread while
 * the owner is blocked inside the decoder. `cancelled` (optional) is asked on every wake-up: -ECANCELED. */
int fl_pool_acquire_wait(struct fl_pool *pool, int64_t timeout_ns, bool (*cancelled)(void *arg), void *arg,
                         struct fl_frame **frame);

/* Free slots now (a hint: another thread may take one). */
unsigned fl_pool_free_slots(struct fl_pool *pool);

/* True while frames of it that were taken here have not been given back, whatever its writer says of them. */
bool fl_pool_is_held(struct fl_pool *pool);

/* Which pool a frame's bytes lie in (NULL for frames that came through a pipe) and at which offset its slot starts. */
const struct fl_pool *fl_frame_pool(const struct fl_frame *frame, uint64_t *offset);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
