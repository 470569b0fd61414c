/* Doorbells: "look again", said by one process to another. A bell carries no data; how often it rang means nothing.
 *
 * A bell has two ends, given to two processes. An eventfd shared by both would do if they trusted each other: but the flags of an
 * open file belong to all who hold it, so whoever hears could clear O_NONBLOCK, fill the counter, and put to sleep whoever rings.
 * So a bell is a small pipe of which each process holds an open file of its own: as fast as an eventfd (both were measured), and
 * what one side does to its flags the other never sees. Each end is open for reading and writing, which makes it neither signal
 * SIGPIPE nor hang up when the other side dies.
 */
#ifndef FRAMELANE_BELL_H
#define FRAMELANE_BELL_H

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* For whoever wires: both ends, close-on-exec, non-blocking. After they have been given away the wiring side closes its own copies.
 * -errno of pipe2(2), or of open(2) where /proc is not mounted. */
int fl_bell_mint(int *ring, int *hear);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
