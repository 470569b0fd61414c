/* Doorbells: "look again", said by one process to another. A bell carries no data; how often it rang means nothing.
 *
 * Where the kernel can wait for several words (futex_waitv(2), Linux 5.16), a bell is a word beside `armed` in the region of
 * whoever rings: it changes, then the sleeper is woken. That takes two system calls where a descriptor takes three, and is a tenth
 * faster than an eventfd between two cores (bench: `handoff-*`). Nobody can hold up who rings: to wake is no wait for anybody.
 *
 * Who has a pipe among its lanes, more than 127 of them, or an older kernel, sleeps on descriptors, and says so when it sleeps. A
 * descriptor has two ends, given to two processes. An eventfd shared by both would do if they trusted each other: but the flags of
 * an open file belong to all who hold it, so whoever hears could clear O_NONBLOCK, fill the counter, and put to sleep whoever
 * rings. So it is a small pipe of which each process holds an open file of its own, and what one side does to its flags the other
 * never sees. Each end is open for reading and writing, which makes it neither signal SIGPIPE nor hang up when the other side dies.
 */
#ifndef FRAMELANE_BELL_H
#define FRAMELANE_BELL_H

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* For whoever wires: both ends of the descriptor, close-on-exec, non-blocking. After they have been given away the wiring side
 * closes its own copies. -errno of pipe2(2), or of open(2) where /proc is not mounted. */
int fl_bell_mint(int *ring, int *hear);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
