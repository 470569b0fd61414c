/* Everything the library is for, once, from the first call to the last, in one process: minted, sealed, mapped, wired over sockets,
 * three stages with lanes in shared memory and over a pipe, an observer, frames that are taken, forwarded and released, a second
 * generation of the pool, waits, the end. Whatever fails on the way, all that was made is taken down again.
 *
 * Calls of the test's own go to the kernel directly, so that they neither count nor fail.
 */
#ifndef CRASH_WHOLE_LIFE_H
#define CRASH_WHOLE_LIFE_H

/* 0, or the first error that a call of the library has given. `*step` says after which line of the story (see whole-life.c). */
int whole_life(const char **step);

#endif
