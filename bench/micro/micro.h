/* Micro-benchmarks: one question a file, its floor another, one round a run.
 *
 *   q-NAME.c      the question, asked of libframelane
 *   floor-NAME.c  the same work by the barest means the machine has. It includes nothing of ours but this header, and links nothing
 *                 but lib/: a test builds it alone. The figure of a question means something only beside its floor's, in one round
 *   lib/          what both need and neither measures: arguments, pinning, clocks, a second process, percentiles, the print-out.
 *                 It knows nothing of frames. lane.h is the same for what does (questions only)
 *   table-*.c     rows: which figure of which program is held against which figure of which other, and the target (table.h)
 *
 * A program measures ONE round for about `--seconds`, prints ONE JSON object of figures (name: number) on standard output and exits
 * with 0. Names end in their unit: p50_ns, per_second, cpu_ns, calls. It exits with 77 and a reason on standard error where the
 * machine cannot answer the question (one core, no such library); then there is no row. It exits with 1 and a reason when what it
 * measured was not what it says: a frame lost, a sum wrong, a call failed. So everything that a figure rests on is checked, after
 * the clock has stopped where the check would cost. The runner starts programs round by round, question and floor one after the
 * other in a changing order, pairs their figures within the round, and takes medians over rounds.
 *
 * Rules that make a ratio fair: both do the same calls on the same number of places, buffers and bytes; both pin alike, warm up
 * alike (the first tenth is not counted), and take their clock readings at the same points; all memory is touched before the clock
 * starts; latencies count from the intended time, not from when the sender got round to it.
 *
 * Usage, in a program:
 *
 *   static uint64_t credits = 4;
 *   static const struct micro_option options[] = {{.name = "credits", .number = &credits}, {0}};
 *
 *   int main(int argc, char **argv)
 *   {
 *       struct micro micro;
 *       micro_begin(&micro, argc, argv, options);
 *       ... micro_fork(&micro, body, arg), work until micro_end_ns(&micro), micro_join ...
 *       micro_figure("p50_ns", micro_percentile(samples, 0.50));
 *       return micro_end();
 *   }
 */
#ifndef BENCH_MICRO_H
#define BENCH_MICRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Where the two processes run. */
enum micro_pin {
    MICRO_FREE = 0, /* where the kernel puts them */
    MICRO_ACROSS,   /* each on a core of its own (never two threads of one) */
    MICRO_ONE,      /* both on one */
};

struct micro {
    double seconds;     /* --seconds, default 0.2: how long to measure */
    enum micro_pin pin; /* --pin across|one|free, default across */
};

/* An argument `--NAME VALUE` of one program. A number may end in K, M or G (powers of 1024), or in us or ms (then it is in ns). A
 * list of options ends with one whose name is NULL. */
struct micro_option {
    const char *name;
    uint64_t *number;
    const char **word; /* instead of `number` */
};

/* Reads the arguments (a wrong one ends the program with 2), and ends it with 77 where `--pin across` asks for a second core and
 * there is none. Pins nothing yet. */
void micro_begin(struct micro *micro, int argc, char **argv, const struct micro_option *options);

/* Ends the program: measured wrongly (1), or cannot be measured here (77). Also in a second process: micro_join passes it on. */
_Noreturn void micro_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void micro_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A call that must give 0 or more: a libc call with errno (micro_call), or one that answers -errno (micro_must). */
#define micro_call(what) micro_call_failed((long)(what), #what)
#define micro_must(what) micro_must_failed((what), #what)
long micro_call_failed(long result, const char *what);
int micro_must_failed(int result, const char *what);

/* ---- figures ---- */

/* Notes one figure; micro_end prints them all as one object and returns 0, for main. Parent only. */
void micro_figure(const char *name, double value);
int micro_end(void);

/* ---- clocks, all in ns ---- */

uint64_t micro_now_ns(void); /* CLOCK_MONOTONIC */
uint64_t micro_cpu_ns(void); /* user + system time of this process so far, all its threads */
void micro_sleep_until_ns(uint64_t when_ns);

uint64_t micro_end_ns(const struct micro *micro); /* when a measurement that starts now is over */

/* One turn of a spinning loop: the processor's own hint. */
static inline void micro_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* ---- processes ---- */

/* Pins the calling process. Across, party 0 has a core to itself, and parties 1, 2, ... take turns on the others. */
void micro_pin_self(const struct micro *micro, unsigned party);

/* Cores this process may use, threads of one core counted once. */
unsigned micro_core_count(void);

/* Memory that parent and child share, zeroed and touched. For results, and for floors to talk through. Never fails. */
void *micro_shared(size_t bytes);

/* Forks a process that runs body(arg), pinned as `party`, and ends. It dies with its parent; when it fails, the parent ends the
 * same way at once, whatever it waits for. */
pid_t micro_fork(const struct micro *micro, unsigned party, void (*body)(void *arg), void *arg);

/* What micro_begin arranges for: children forked in other ways are watched in the same way. */
void micro_watch_children(void);

/* Waits for its end. */
void micro_join(pid_t child);

/* A place in shared memory where `parties` processes wait for one another (yielding, so that it also works on one core). May be
 * used again and again. */
struct micro_gate {
    _Atomic uint32_t arrived, lap;
};
void micro_meet(struct micro_gate *gate, unsigned parties);

/* ---- many values ---- */

/* In shared memory, so that either process may fill it. Values beyond the capacity are counted and not kept. */
struct micro_samples {
    uint64_t *values;
    uint64_t count, capacity;
    bool sorted;
};
struct micro_samples *micro_samples_create(uint64_t capacity);

static inline void micro_sample(struct micro_samples *samples, uint64_t value)
{
    if (samples->count < samples->capacity)
        samples->values[samples->count] = value;
    samples->count++;
}

/* Whether to go on: until `end_ns`, and on a machine so busy that nothing got done, until there are ten. */
static inline bool micro_wants_more(const struct micro_samples *samples, uint64_t now_ns, uint64_t end_ns)
{
    return now_ns < end_ns || samples->count < 10;
}

/* The value below which `share` (0 to 1) of the kept ones lie, after the first tenth was left out as warm-up. Sorts them: the order
 * is lost. Fails the program when there are none. */
double micro_percentile(struct micro_samples *samples, double share);
void micro_samples_figures(struct micro_samples *samples); /* p50_ns, p99_ns, max_ns, samples */

#endif
