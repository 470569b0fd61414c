#include "check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

_Noreturn static void end(int status)
{
    fflush(NULL);
    _exit(status);
}

void check_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    end(1);
}

void check_skip(const char *reason)
{
    printf("skipped: %s\n", reason);
    end(77);
}

void check_equal(const char *file, int line, const char *what, long long got, long long wanted)
{
    if (got == wanted)
        return;
    fprintf(stderr, "%s:%d: %s is %lld, wanted %lld\n", file, line, what, got, wanted);
    end(1);
}

void check_says(const char *file, int line, const char *what, const char *text, const char *part)
{
    if (text && strstr(text, part))
        return;
    fprintf(stderr, "%s:%d: %s says \"%s\", wanted \"%s\"\n", file, line, what, text ? text : "(nothing)", part);
    end(1);
}

int check_run(const struct check_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        printf("- %s\n", cases[i].promise);
        fflush(stdout);
        cases[i].run();
    }
    return 0;
}

int open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        check_skip("/proc is not mounted");
    int count = -3; /* ".", "..", and the directory's own */
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

void wait_for_child(pid_t child, int status)
{
    int how;
    CHECK_EQ(waitpid(child, &how, 0), child);
    if (WIFSIGNALED(how))
        CHECK_EQ(WTERMSIG(how), 0);
    if (WEXITSTATUS(how) == 77)
        end(77); /* it has said why */
    CHECK_EQ(WEXITSTATUS(how), status);
}

unsigned next_random(unsigned long long *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(*state >> 33);
}
