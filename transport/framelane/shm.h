/* Shared memory with one writer, enforced by the kernel. The minting side (a supervisor) and the checks of the mapping side.
 *
 * Order, which is the whole point:
 *   1. fl_shm_mint       memfd, NOEXEC_SEAL where known, mode 0600, sized, SHRINK|GROW sealed, allocated (a full tmpfs is an
 *                        error here and not a SIGBUS later)
 *   2. fd to the writer, which calls fl_shm_map_writer once and reports
 *   3. fl_shm_seal       FUTURE_WRITE|SEAL, allocated again (a hole may have been punched), size checked
 *   4. fd to the readers, who call fl_shm_map_reader: it checks the seals by mask and the size before it maps
 */
#ifndef FRAMELANE_SHM_H
#define FRAMELANE_SHM_H

#include <stdint.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* Returns an fd (close-on-exec) or -errno: -ENOSPC and -ENOMEM mean that the system has no room for `bytes`. `name` shows in
 * /proc/PID/maps. */
int fl_shm_mint(const char *name, uint64_t bytes);

/* -EPERM if the file shrank or grew meanwhile, -ENOSPC if holes could not be filled again. */
int fl_shm_seal(int fd, uint64_t bytes);

/* The only writable mapping there will ever be: MAP_POPULATE, MADV_DONTFORK, MADV_DONTDUMP. */
int fl_shm_map_writer(int fd, uint64_t bytes, void **base);

/* -EPERM: seals missing (somebody could still write or resize it); -EINVAL: wrong size. */
int fl_shm_map_reader(int fd, uint64_t bytes, const void **base);

void fl_shm_unmap(const void *base, uint64_t bytes);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
