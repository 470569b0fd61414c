#include "carry.h"
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LEAST_FRAMES 16 /* counted, however short the time */
#define LEAST_BYTES  64

struct carry_like carry_like = {.bytes = 3110400, .consumers = 1, .work = "sum", .stall = "none"};

static _Thread_local unsigned self; /* which consumer */

/* ---- making one ---- */

struct carry *carry_create(uint64_t bytes, uint64_t touch, uint64_t warm_up)
{
    struct carry *carry = micro_shared(sizeof *carry);
    if (bytes == 0 || bytes % sizeof(uint64_t) != 0 || touch % sizeof(uint64_t) != 0 || touch > bytes)
        micro_fail("--bytes, --touch: multiples of 8, and no more touched than there are");
    carry->bytes = bytes;
    carry->touched = touch ? touch : bytes;
    carry->warm_up = warm_up;
    carry->look_mask = bytes < 65536 ? 63 : 0;
    carry->consumers = 1;
    atomic_store(&carry->first, UINT64_MAX);
    return carry;
}

static enum carry_stall stall_named(const char *name)
{
    static const char *const names[] = {[CARRY_NOBODY] = "none", [CARRY_STOPS] = "stop", [CARRY_IS_SLOW] = "slow"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum carry_stall)i;
    micro_fail("--stall: none, stop or slow, not '%s'", name);
}

struct carry *carry_create_like(const struct micro *micro, uint64_t warm_up)
{
    const struct carry_like *like = &carry_like;
    struct carry *carry = carry_create(like->bytes, like->touch, warm_up);
    if (like->bytes < LEAST_BYTES || like->consumers == 0 || like->consumers > CARRY_MAX_CONSUMERS)
        micro_fail("--bytes: %d at least; --consumers: 1 to %d", LEAST_BYTES, CARRY_MAX_CONSUMERS);
    carry->consumers = (unsigned)like->consumers;
    carry->work = carry_work_named(like->work);
    carry->stall = stall_named(like->stall);
    if (carry->stall != CARRY_NOBODY && (carry->consumers < 2 || like->rate == 0))
        micro_fail("--stall: needs a --rate and two --consumers at least");
    if (like->rate > 0) {
        carry->period_ns = 1000000000 / like->rate;
        carry->look_mask = 0;
        uint64_t most = (uint64_t)(micro->seconds * (double)like->rate * 2) + 4 * LEAST_FRAMES + warm_up;
        for (unsigned i = 0; i < carry->consumers; i++)
            carry->ends[i].lag = micro_samples_create(most);
    }
    carry->trace = micro_trace_found();
    carry_work_prepare(carry);
    return carry;
}

void carry_start(struct carry *carry, const struct micro *micro)
{
    carry->warm_ns = micro_now_ns() + (uint64_t)(micro->seconds * 1e8);
    carry->end_ns = carry->warm_ns + (uint64_t)(micro->seconds * 9e8);
}

/* ---- meters ---- */

static struct carry_meter read_meter(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (struct carry_meter){
        .cpu_ns = micro_cpu_ns(),
        .switches = (uint64_t)(usage.ru_nvcsw + usage.ru_nivcsw),
        .faults = (uint64_t)(usage.ru_minflt + usage.ru_majflt),
    };
}

/* Bytes of a process, each page divided by how many processes have it mapped. 0 where the kernel does not tell. */
static uint64_t pss_bytes(int pid)
{
    char path[64], line[256];
    unsigned long long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file) && sscanf(line, "Pss: %llu", &kib) != 1)
        continue;
    if (file)
        fclose(file);
    return kib * 1024;
}

/* ---- the first process ---- */

static void begin_account(struct carry *carry, uint64_t number, uint64_t now_ns)
{
    carry->end_ns = now_ns + (carry->end_ns - carry->warm_ns);
    carry->start_ns = now_ns;
    carry->first_end.start = read_meter();
    if (carry->trace)
        atomic_store(&carry->trace->counting, 1);
    atomic_store_explicit(&carry->first, number, memory_order_release); /* before the frame itself goes */
}

bool carry_goes_on(struct carry *carry, uint64_t number)
{
    carry->frames = number;
    if ((number & carry->look_mask) != 0)
        return true;
    uint64_t now = micro_now_ns();
    bool counts = carry_counts(carry);
    if (number == 0)
        carry->base_ns = now + carry->period_ns;
    if (!counts && now >= carry->warm_ns && number >= carry->warm_up) {
        begin_account(carry, number, now);
        return true;
    }
    uint64_t least = carry->stall == CARRY_NOBODY ? LEAST_FRAMES : 0;
    return !counts || now < carry->end_ns || number < atomic_load(&carry->first) + least;
}

static uint64_t due_ns(const struct carry *carry, uint64_t number)
{
    return carry->base_ns + number * carry->period_ns;
}

void carry_fill(struct carry *carry, void *data, uint64_t number)
{
    carry_work_write(carry, data, number);
    if (carry->period_ns && micro_now_ns() < due_ns(carry, number))
        micro_sleep_until_ns(due_ns(carry, number));
}

bool carry_counts(const struct carry *carry)
{
    return atomic_load_explicit(&carry->first, memory_order_relaxed) != UINT64_MAX;
}

void carry_ends(struct carry *carry)
{
    carry->stop_ns = micro_now_ns();
    carry->first_end.stop = read_meter();
    if (carry->trace)
        atomic_store(&carry->trace->counting, 0);
    carry->memory_bytes = pss_bytes(getpid());
    for (unsigned i = 0; i < carry->consumers && !carry->one_process; i++) {
        int pid = atomic_load(&carry->ends[i].pid);
        carry->memory_bytes += pid ? pss_bytes(pid) : 0;
    }
}

/* ---- a consumer ---- */

void carry_be_consumer(struct carry *carry, unsigned which)
{
    self = which;
    atomic_store(&carry->ends[which].pid, (int)getpid());
}

uint64_t carry_seen(const struct carry *carry)
{
    return atomic_load_explicit(&carry->ends[self].seen, memory_order_relaxed); /* one writer, and nothing is read because of it */
}

uint64_t carry_seen_by_all(const struct carry *carry)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < carry->consumers; i++) {
        uint64_t seen = atomic_load_explicit(&carry->ends[i].seen, memory_order_relaxed);
        least = seen < least ? seen : least;
    }
    return least;
}

static void note_one(struct carry_end *end)
{
    atomic_store_explicit(&end->seen, atomic_load_explicit(&end->seen, memory_order_relaxed) + 1, memory_order_relaxed);
}

void carry_sees(struct carry *carry, uint64_t number)
{
    struct carry_end *end = &carry->ends[self];
    note_one(end);
    if (end->start.cpu_ns == 0 && number >= atomic_load_explicit(&carry->first, memory_order_acquire))
        end->start = read_meter();
}

static void misbehave(const struct carry *carry, uint64_t now_ns)
{
    uint64_t until = carry->stall == CARRY_STOPS ? carry->end_ns : now_ns + 4 * carry->period_ns;
    micro_sleep_until_ns(until < carry->end_ns ? until : carry->end_ns);
}

static uint64_t middle_ns(const struct carry *carry)
{
    return carry->start_ns + (carry->end_ns - carry->start_ns) / 2;
}

/* When this frame came, against when it was due, the one before, and the time of the account. */
static void note_times(struct carry *carry, struct carry_end *end, uint64_t number)
{
    uint64_t now = micro_now_ns();
    if (number < atomic_load_explicit(&carry->first, memory_order_acquire))
        return;
    if (end->lag)
        micro_sample(end->lag, now - due_ns(carry, number));
    if (now >= carry->end_ns)
        return;
    uint64_t since = now - (end->last_ns ? end->last_ns : carry->start_ns);
    end->gap_ns = since > end->gap_ns ? since : end->gap_ns;
    end->last_ns = now;
    end->in_time += now >= middle_ns(carry);
    if (self == 0 && carry->stall != CARRY_NOBODY)
        misbehave(carry, now);
}

void carry_check_here(struct carry *carry, const void *data, uint64_t number)
{
    struct carry_end *end = &carry->ends[self];
    note_one(end);
    end->wrong += !carry_work_holds(carry, data, number);
    if (carry->period_ns || carry->consumers > 1)
        note_times(carry, end, number);
}

void carry_check(struct carry *carry, const void *data, uint64_t number)
{
    struct carry_end *end = &carry->ends[self];
    carry_sees(carry, number);
    end->wrong += !carry_work_holds(carry, data, number);
    if (carry->period_ns || carry->consumers > 1)
        note_times(carry, end, number);
}

void carry_ends_here(struct carry *carry)
{
    carry->ends[self].stop = read_meter();
}

/* ---- figures ---- */

/* Frames that did not come to who should have had them. */
static uint64_t account_for(const struct carry *carry)
{
    uint64_t lost = 0;
    for (unsigned i = 0; i < carry->consumers; i++) {
        const struct carry_end *end = &carry->ends[i];
        uint64_t seen = atomic_load(&end->seen);
        if (seen > carry->frames || end->wrong > 0 || (seen < carry->frames && !carry->may_lose))
            micro_fail("%llu frames sent, %llu came to consumer %u, %llu with wrong bytes", (unsigned long long)carry->frames,
                       (unsigned long long)seen, i, (unsigned long long)end->wrong);
        lost += carry->frames - seen;
    }
    return lost;
}

static void add(struct carry_meter *sum, const struct carry_end *end)
{
    sum->cpu_ns += end->stop.cpu_ns - end->start.cpu_ns;
    sum->switches += end->stop.switches - end->start.switches;
    sum->faults += end->stop.faults - end->start.faults;
}

static void meter_figures(const struct carry *carry, double frames)
{
    struct carry_meter first = {0}, others = {0};
    add(&first, &carry->first_end);
    for (unsigned i = 0; i < carry->consumers; i++)
        add(&others, &carry->ends[i]);
    micro_figure("cpu_ns", (double)(first.cpu_ns + others.cpu_ns) / frames);
    micro_figure("first_cpu_ns", (double)first.cpu_ns / frames);
    micro_figure("second_cpu_ns", (double)others.cpu_ns / frames);
    micro_figure("switches", (double)(first.switches + others.switches) / frames);
    micro_figure("faults", (double)(first.faults + others.faults) / frames);
    micro_figure("copies", carry->copies);
    micro_figure("memory_bytes", (double)carry->memory_bytes);
    if (carry->trace)
        micro_figure("calls", (double)atomic_load(&carry->trace->stops) / 2 / frames);
}

static void others_figures(const struct carry *carry)
{
    double seconds = (double)(carry->end_ns - middle_ns(carry)) / 1e9;
    uint64_t came = 0, gap = 0;
    for (unsigned i = 1; i < carry->consumers; i++) {
        const struct carry_end *end = &carry->ends[i];
        uint64_t rest = carry->end_ns - (end->last_ns ? end->last_ns : carry->start_ns);
        came += end->in_time;
        gap = end->gap_ns > gap ? end->gap_ns : gap;
        gap = rest > gap ? rest : gap;
    }
    micro_figure("others_per_second", (double)came / (carry->consumers - 1) / seconds);
    micro_figure("others_gap_ns", (double)gap);
    micro_figure("consumer0_per_second", (double)carry->ends[0].in_time / seconds);
}

static int compare(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return (first > second) - (first < second);
}

/* Of all consumers together. */
static void lag_figures(const struct carry *carry)
{
    static const struct {
        const char *name;
        double share;
    } points[] = {
        {"lag_p1_ns", 0.01},  {"lag_p5_ns", 0.05},     {"lag_p10_ns", 0.10}, {"lag_p25_ns", 0.25},
        {"lag_p50_ns", 0.50}, {"lag_p75_ns", 0.75},    {"lag_p90_ns", 0.90}, {"lag_p95_ns", 0.95},
        {"lag_p99_ns", 0.99}, {"lag_p99.9_ns", 0.999}, {"lag_max_ns", 1},
    };
    uint64_t count = 0;
    for (unsigned i = 0; i < carry->consumers; i++)
        count += carry->ends[i].lag->count;
    uint64_t *all = micro_shared((count + 1) * sizeof *all), at = 0;
    for (unsigned i = 0; i < carry->consumers; i++) {
        const struct micro_samples *lag = carry->ends[i].lag;
        uint64_t kept = lag->count < lag->capacity ? lag->count : lag->capacity;
        memcpy(all + at, lag->values, kept * sizeof *all);
        at += kept;
    }
    if (at == 0)
        micro_fail("no frame came in time to be measured");
    qsort(all, at, sizeof *all, compare);
    for (unsigned i = 0; i < sizeof points / sizeof *points; i++) {
        uint64_t n = (uint64_t)(points[i].share * (double)at);
        micro_figure(points[i].name, (double)all[n < at ? n : at - 1]);
    }
    micro_figure("lag_samples", (double)at);
}

void carry_figures(const struct carry *carry)
{
    uint64_t lost = account_for(carry);
    double frames = (double)(carry->frames - atomic_load(&carry->first));
    meter_figures(carry, frames);
    micro_figure("per_second", frames * 1e9 / (double)(carry->stop_ns - carry->start_ns));
    micro_figure("frames", frames);
    micro_figure("lost", (double)lost);
    if (carry->consumers > 1)
        others_figures(carry);
    if (carry->period_ns)
        lag_figures(carry);
}
