/* A process dies after any instruction of any operation, and nobody else loses a slot, a frame or its good name.
 *
 * For each operation and each instruction of it a run of its own: fresh shared memory, a victim that is stopped after exactly that
 * instruction and gets SIGKILL, survivors that are told DOWN as a supervisor does, and their books. See README.md.
 *
 * usage: kill-points [OPERATION [INSTRUCTION]]     OPERATION: part of a name, to look at one that fails
 */
#include "operations.h"
#include "points.h"
#include "step.h"

#include "../lib/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

enum { RECORD = 0, OTHER_WAY = 3, TRIES = 5, HANGS_AFTER_S = 60 };

static const struct operation *operation; /* the one under way */
static struct shared {
    enum point point;
    struct step_trace trace;
} * shared; /* between this process and its runs */

static void play(struct victim *who)
{
    if (operation->prepare)
        operation->prepare(who);
    step_begin();
    operation->operate(who);
    step_end();
}

/* One run, in a process of its own so that every run finds the same heap and the same addresses. */
_Noreturn static void run(uint32_t instruction)
{
    struct scene scene = {
        .role = operation->role,
        .transport = operation->transport,
        .when_full = operation->when_full,
        .batch = operation->batch,
        .attaches = operation->attaches,
        .announced = operation->announced,
        .traced = true,
        .play = play,
    };
    alarm(HANGS_AFTER_S);
    scene_open(&scene);
    if (operation->halfway) {
        step_await(scene.victim, SIGSTOP);
        operation->halfway(&scene);
        scene_go_on(&scene);
    }
    step_await(scene.victim, SIGTRAP);
    if (operation->meanwhile)
        operation->meanwhile(&scene);
    const struct points *before = points_look(&scene);
    bool exact = true;
    if (instruction == RECORD)
        step_record(scene.victim, &shared->trace);
    else
        exact = step_to(scene.victim, &shared->trace, instruction);
    scene_kill(&scene);
    shared->point = points_name(&scene, before);
    scene_audit(&scene, &operation->limits, instruction % 2);
    fflush(NULL);
    _exit(exact ? 0 : OTHER_WAY);
}

static int run_apart(uint32_t instruction)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        run(instruction);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        _exit(77);
    return status;
}

static void kill_after(uint32_t instruction)
{
    int status;
    unsigned tries = 0;
    do {
        status = run_apart(instruction);
    } while (WIFEXITED(status) && WEXITSTATUS(status) == OTHER_WAY && ++tries < TRIES);
    if (status == 0)
        return;
    fprintf(stderr, "%s: killed after instruction %u of %u, at %#llx (%s): %s %d\n", operation->name, instruction,
            shared->trace.count, (unsigned long long)shared->trace.at[instruction].pc, point_names[shared->point],
            WIFSIGNALED(status) ? "the survivor died of signal" : "the survivor ended with",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    CHECK_EQ(status, 0);
}

/* Returns how many places to die at there were. */
static uint32_t sweep(unsigned long only, unsigned long reached[POINT_COUNT])
{
    CHECK_EQ(run_apart(RECORD), 0);
    uint32_t count = shared->trace.count;
    CHECK(count > 0);
    for (uint32_t i = 1; i <= count; i++) {
        if (only && i != only)
            continue;
        kill_after(i);
        reached[shared->point]++;
    }
    printf("  %-44s %6u kill points\n", operation->name, count);
    fflush(stdout);
    return count;
}

static void print_points(const unsigned long reached[POINT_COUNT])
{
    printf("by crash point, as shared memory tells them apart:\n");
    for (unsigned i = 0; i < POINT_COUNT; i++)
        printf("  %-44s %6lu\n", point_names[i], reached[i]);
}

int main(int argc, char **argv)
{
    unsigned long total = 0, reached[POINT_COUNT] = {0};
    if (sanitized)
        check_skip("a sanitizer's own instructions are most of what would be stepped through");
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    for (unsigned i = 0; i < operation_count; i++) {
        operation = &operations[i];
        if (argc < 2 || strstr(operation->name, argv[1]))
            total += sweep(argc > 2 ? strtoul(argv[2], NULL, 10) : 0, reached);
    }
    print_points(reached);
    for (unsigned i = 0; argc < 2 && i < POINT_COUNT; i++)
        CHECK(reached[i] > 0); /* the sweep has been everywhere */
    printf("%lu kill points, and nobody lost anything\n", total);
    return 0;
}
