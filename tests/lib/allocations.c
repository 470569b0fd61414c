#include "allocations.h"

#include <stdlib.h>

_Atomic unsigned long allocations;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
const bool allocations_are_counted = false;
#else
const bool allocations_are_counted = true;
#define SEEN __attribute__((visibility("default"))) /* by the library, which calls them by these names */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);

SEEN void *malloc(size_t bytes)
{
    allocations++;
    return __libc_malloc(bytes);
}

SEEN void *calloc(size_t count, size_t bytes)
{
    allocations++;
    return __libc_calloc(count, bytes);
}

SEEN void *realloc(void *old, size_t bytes)
{
    allocations++;
    return __libc_realloc(old, bytes);
}
#endif
