/* Linked into a test, stands in for malloc: every call is counted, also the library's. Not where a sanitizer does the same. */
#ifndef TESTS_ALLOCATIONS_H
#define TESTS_ALLOCATIONS_H

#include <stdbool.h>

extern _Atomic unsigned long allocations; /* calls so far, of all threads */
extern const bool allocations_are_counted;

#endif
