/* Everything one process waits on: its lanes in, its outputs, its pools, and one private bell.
 *
 * A process has one context and one thread that runs it (the owner): take, publish, wait and the wiring calls belong to that
 * thread. What other threads may call says so: fl_frame_ref/unref, fl_pool_acquire, fl_context_kick, fl_context_add_pool.
 * The private books sit behind one mutex that is never held across a wait or a system call.
 */
#ifndef FRAMELANE_CONTEXT_H
#define FRAMELANE_CONTEXT_H

#include <framelane/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct fl_context;
struct fl_pool;

/* -ENOMEM, or the errno of eventfd(2). destroy accepts NULL and destroys what is still attached. */
int fl_context_create(struct fl_context **context);
void fl_context_destroy(struct fl_context *context);

/* Wakes the owner if it waits. Any thread. */
void fl_context_kick(struct fl_context *context);

/* Does the work that needs no news from outside: collects returns, frees slots, sends owed frames. Never blocks. Take,
 * publish and wait call it themselves. */
void fl_context_service(struct fl_context *context);

/* Blocks until ready(arg) or until `timeout_ns` has passed (negative: for ever). `ready` is called with bells armed, so whatever
 * it tests cannot change unnoticed between test and sleep; it must not block and must look at everything the caller would act
 * on. Looks again every 100 ms at the latest, as the last resort against a lying peer.
 * Returns 0 when ready, or -ETIMEDOUT; -EINTR never. Owner's thread, or a thread of a decoder (see fl_pool_acquire_wait): where
 * several wait, one sleeps for all, and each is out of it in its own time. */
int fl_context_wait(struct fl_context *context, bool (*ready)(void *arg), void *arg, int64_t timeout_ns);

/* Makes a pool that somebody else writes known, so that announcements may name it. The context takes ownership. Any thread.
 * -ENOSPC when 256 pools are known. */
int fl_context_add_pool(struct fl_context *context, struct fl_pool *pool);

/* True if a pool of that id is known. Any thread. */
bool fl_context_has_pool(struct fl_context *context, uint32_t pool_id);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
