/* What every test is made of: a list of promises, each a function that returns or does not.
 *
 * A check that fails prints the place and the values and ends the process with 1; a test that cannot run here ends with 77 and a
 * reason. Both may be called in a forked child: the parent sees it in wait_for_child.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stddef.h>
#include <sys/types.h>

#define CHECK(what)            ((what) ? (void)0 : check_failed(__FILE__, __LINE__, #what))
#define CHECK_EQ(got, wanted)  check_equal(__FILE__, __LINE__, #got, (long long)(got), (long long)(wanted))
#define CHECK_SAYS(text, part) check_says(__FILE__, __LINE__, #text, (text), (part))

_Noreturn void check_failed(const char *file, int line, const char *what);
_Noreturn void check_skip(const char *reason);
void check_equal(const char *file, int line, const char *what, long long got, long long wanted);
void check_says(const char *file, int line, const char *what, const char *text, const char *part); /* `text` contains `part` */

struct check_case {
    const char *promise;
    void (*run)(void);
};

/* Runs all in order; the name of the one that fails is the last one printed. Returns 0, for main. */
int check_run(const struct check_case *cases, size_t count);
#define CHECK_RUN(cases) check_run((cases), sizeof(cases) / sizeof *(cases))

/* Descriptors this process has open. */
int open_fds(void);

/* Reaps a child and checks that it ended by itself with `status`. */
void wait_for_child(pid_t child, int status);

/* A repeatable source of numbers; the seed is printed by whoever chooses it. */
unsigned next_random(unsigned long long *state);

#endif
