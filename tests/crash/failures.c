/* Every allocation and every system call of the library fails once, and every one from some point on: what comes of it is an errno
 * from a public call, or nothing at all, and nothing is left behind.
 *
 * A whole life (whole-life.h) is lived again and again; in the N-th the N-th call fails, for N from 1 on until there are not so
 * many calls. A call that can fail in several ways fails in each. EINTR must change nothing.
 *
 * usage: failures [N]     to look at one call that makes trouble
 */
#include "failing.h"
#include "whole-life.h"

#include "../lib/check.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
static const bool stands_in = false;
#else
static const bool stands_in = true;
#endif

enum { HANGS_AFTER_S = 30, MOST_CALLS = 100000 };

/* What the library uses besides, and why none of it fails. */
static const struct {
    const char *symbols, *why;
} harmless[] = {
    {"memcpy memmove memset memcmp strlen strcmp strncmp strchr strrchr strstr strtol strtoul snprintf",
     "works on memory that is there"},
    {"free sysconf __errno_location __stack_chk_fail", "has no way to fail"},
    {"clock_gettime", "fails on a clock that does not exist only"},
    {"pthread_mutex_init pthread_mutex_destroy pthread_mutex_lock pthread_mutex_unlock",
     "plain mutexes take nothing from the system"},
    {"pthread_condattr_init pthread_condattr_destroy pthread_condattr_setclock pthread_cond_init pthread_cond_destroy "
     "pthread_cond_broadcast pthread_cond_timedwait",
     "nor do conditions"},
};

static struct totals {
    unsigned long once, persistent, interrupted, survived, refused;
} totals;

static char under_way[200]; /* for whoever finds this process hanging or dead */

/* ---- no call is forgotten ---- */

static bool names(const char *symbols, const char *symbol)
{
    size_t length = strlen(symbol);
    for (const char *at = symbols; (at = strstr(at, symbol)); at += length)
        if ((at == symbols || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0))
            return true;
    return false;
}

static int is_covered(const char *symbol)
{
    for (unsigned i = 0; i < failing_call_count; i++)
        if (!strcmp(symbol, failing_calls[i].symbol))
            return 0;
    for (unsigned i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (names(harmless[i].symbols, symbol))
            return 0;
    fprintf(stderr, "the library calls %s, which nobody here makes fail\n", symbol);
    return 1;
}

static void no_call_is_forgotten(void)
{
#ifndef TESTS_COVERAGE /* what counts branches makes calls of its own */
    CHECK_EQ(failing_each_symbol("libframelane.so", is_covered), 0);
#endif
}

/* ---- one life ---- */

static void died(int signal)
{
    static const char hangs[] = "\nthis hangs: ", dies[] = "\nthis dies: ";
    const char *what = signal == SIGALRM ? hangs : dies;
    ssize_t wrote = write(2, what, strlen(what));
    wrote = write(2, under_way, strlen(under_way));
    wrote = write(2, "\n", 1);
    (void)wrote;
    _exit(1);
}

static void say_under_way(unsigned long at, int error, bool persistent)
{
    snprintf(under_way, sizeof under_way, "call %lu fails with %s%s", at, strerrorname_np(error),
             persistent ? ", and all later" : "");
}

/* An error that nobody made is one that somebody made up. Some are told in other words, each for a reason. */
static bool is_clean(int result, const struct failing_call *call, int error, bool persistent)
{
    static const struct {
        const char *symbol;
        int error, told;
    } told[] = {
        {"fcntl64", EPERM, EPERM},
        {"fstat64", ENOMEM, EPERM},          /* fl_shm_seal: who cannot tell the size does not vouch for it */
        {"sendmsg", ECONNRESET, EPIPE},      /* the other end is gone */
        {"posix_memalign", ENOMEM, EBADMSG}, /* a pipe's frame for which there is no memory ends its lane */
        {"readv", EIO, EBADMSG},             /* a pipe that cannot be read ends its lane */
        {"writev", EPIPE, EAGAIN},           /* a pipe nobody reads any more: its lane is stopped, and its reader hears no more */
    };
    if (result == 0 || -result == error)
        return true;
    for (unsigned i = 0; i < sizeof told / sizeof *told; i++)
        if (!strcmp(call->symbol, told[i].symbol) && told[i].error == error && told[i].told == -result)
            return true;
    return persistent && result < 0 && result > -200;
}

static struct failing_result live(unsigned long at, int error, bool persistent, int *result)
{
    const char *step = "";
    int fds = open_fds();
    say_under_way(at, error, persistent);
    alarm(HANGS_AFTER_S);
    failing_begin(at, error, persistent);
    *result = whole_life(&step);
    struct failing_result made = failing_end();
    alarm(0);
    const char *name = made.call ? made.call->symbol : "";
    if (made.allocations || made.mappings || made.mapped_bytes || open_fds() != fds)
        fprintf(stderr, "%s (%s): %s came to %d, and leaves something behind\n", under_way, name, step, *result);
    CHECK_EQ(made.allocations, 0);
    CHECK_EQ(made.mappings, 0);
    CHECK_EQ(made.mapped_bytes, 0);
    CHECK_EQ(open_fds(), fds);
    if (error && !is_clean(*result, made.call, error, persistent)) {
        fprintf(stderr, "%s (%s): %s came to %s\n", under_way, name, step, strerrorname_np(-*result));
        CHECK(is_clean(*result, made.call, error, persistent));
    }
    return made;
}

/* ---- all of them ---- */

static void fail_once(unsigned long at, int error)
{
    int result;
    struct failing_result made = live(at, error, false, &result);
    CHECK(made.call != NULL);
    totals.once++;
    totals.survived += result == 0;
    totals.refused += result < 0;
    if (error != EINTR)
        return;
    totals.interrupted++;
    if (result < 0)
        fprintf(stderr, "%s (%s): a signal made it %s\n", under_way, made.call->symbol, strerrorname_np(-result));
    CHECK_EQ(result, 0);
}

static void fail_from_here_on(unsigned long at, int error)
{
    int result;
    live(at, error, true, &result);
    totals.persistent++;
}

/* False: there is no such call. */
static bool fail_at(unsigned long at)
{
    int result;
    const struct failing_call *call = live(at, 0, false, &result).call;
    if (!call)
        return false;
    for (unsigned i = 0; i < FAILING_ERRNOS && call->errnos[i]; i++)
        fail_once(at, call->errnos[i]);
    fail_from_here_on(at, call->errnos[0]);
    return true;
}

static unsigned long only;

static void every_call_fails(void)
{
    unsigned long at = 1;
    int result;
    struct failing_result whole = live(0, 0, false, &result);
    CHECK_EQ(result, 0);
    CHECK(whole.calls > 100);
    if (only) {
        CHECK(fail_at(only));
        return;
    }
    while (fail_at(at))
        CHECK(at++ < MOST_CALLS);
    printf(
        "  %lu calls in a whole life; %lu failures once (%lu refused, %lu survived, %lu of these interruptions), %lu persistent\n",
        whole.calls, totals.once, totals.refused, totals.survived, totals.interrupted, totals.persistent);
}

int main(int argc, char **argv)
{
    static const struct check_case cases[] = {
        {"no call of the library is forgotten", no_call_is_forgotten},
        {"each call fails, once and from there on", every_call_fails},
    };
    const int deadly[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGALRM};
    if (!stands_in)
        check_skip("a sanitizer stands in for malloc itself");
    if (argc > 1)
        only = strtoul(argv[1], NULL, 10);
    signal(SIGPIPE, SIG_IGN);
    for (unsigned i = 0; i < sizeof deadly / sizeof *deadly; i++)
        signal(deadly[i], died);
    return CHECK_RUN(cases);
}
