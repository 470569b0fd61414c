/* Doorbells: "look again", said by one process to another. A bell carries no data and forgets how often it rang.
 *
 * A bell has two ends, given to two processes. The ringing end is an eventfd. The hearing end is an epoll instance that watches
 * it, edge-triggered, and is never the eventfd itself: the flags of an open file belong to all who hold it, so whoever hears could
 * clear O_NONBLOCK, fill the counter, and thereby put to sleep whoever rings. With an epoll instance one can wait, and nothing
 * else; and looking at it cannot block either, whatever the other side does to the eventfd.
 */
#ifndef FRAMELANE_BELL_H
#define FRAMELANE_BELL_H

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* For whoever wires: both ends, close-on-exec. After they have been given away the wiring side closes its own copies.
 * -errno of eventfd(2), epoll_create1(2) or epoll_ctl(2). */
int fl_bell_mint(int *ring, int *hear);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
