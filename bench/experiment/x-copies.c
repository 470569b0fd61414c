/* Frames at a fixed rate through a lane, each copied so many times on its way: what does it cost the two stages, and what a
 * bystander who has nothing to do with them?
 *
 *   --copies 0  written into the slot, read out of it
 *   --copies 1  and copied by the consumer into memory of its own before it is read
 *   --copies 2  and written into memory of the producer's own, and copied into the slot from there: what a stream does
 *
 * The bystander walks `--walk` bytes of its own from line to line in a random order: walk_ns is its CPU time a line. It shares a
 * core with the stages (--beside same), whose bytes drive its lines out of that core's cache, or has another (other), and shares
 * with them what the cores share.
 *
 * `--against N` goes round in turns of 20 ms without frames, with N copies, and with `--copies`, in one run and over the same
 * memory, so that what is compared lies close together, whatever else the machine does. Medians over the rounds of turns: pace_kept
 * and against_kept are the bystander's pace with `--copies` and with N, of that without frames; time_kept is the share of its core
 * that it gets with `--copies`, of that with N, and line_dearer so its CPU time a line. control_ns is its time a line without
 * frames.
 *
 * `--bytes 0`: a sixteenth of the core's own cache, and the walk is half of that cache, so that frames that are not copied leave
 * some.
 *
 * `--count 1` runs the same once more, a twentieth of a second long, with ../copies.so loaded into it, which knows nothing of lanes
 * and counts every copy that touches shared memory: copied is by how many frames' bytes a frame. */
#include "../copies.h"
#include "../micro/lane.h"
#include "../micro/lib/bare.h"
#include "../micro/lib/carry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t bytes = 1382400, copies, rate = 1000, walk = 1 << 20, count;
static const char *beside = "same", *against = "";
static const struct micro_option options[] = {
    {"bytes", &bytes},
    {"copies", &copies},
    {"rate", &rate},
    {"walk", &walk},
    {"count", &count},
    {.name = "beside", .word = &beside},
    {.name = "against", .word = &against},
    {0},
};

/* ---- turns ---- */

#define TURN_NS    20000000
#define MOST_TURNS 512

static uint64_t frames_per_turn;
static uint64_t against_copies;

static bool takes_turns(void)
{
    return *against != 0;
}

/* Of this frame. Turns with frames come in pairs, and before each pair is one without. */
static uint64_t copies_of(uint64_t number)
{
    return takes_turns() && number / frames_per_turn % 2 == 0 ? against_copies : copies;
}

/* ---- the bystander ---- */

static struct bystander {
    struct bare_word over, turn; /* `turn`: how many have begun */
    struct bare_word whole;      /* threes of turns in each of which it got to run */
    double walk_ns, lines_per_second;
    struct turn {
        double walk_ns, lines_per_second;
    } turns[MOST_TURNS];
} * bystander;

struct account {
    uint64_t cpu_ns, now_ns, steps;
};

static struct account account_now(uint64_t steps)
{
    return (struct account){micro_cpu_ns(), micro_now_ns(), steps};
}

struct line {
    uint64_t next;
    uint64_t pad[7];
};

static void account_between(const struct account *before, const struct account *after, double *walk_ns, double *lines_per_second)
{
    double steps = (double)(after->steps - before->steps);
    *walk_ns = (double)(after->cpu_ns - before->cpu_ns) / steps;
    *lines_per_second = steps * 1e9 / (double)(after->now_ns - before->now_ns);
}

/* Three turns, in each of which it got to run. */
static bool is_whole(const struct turn *turns)
{
    return turns[0].lines_per_second > 0 && turns[1].lines_per_second > 0 && turns[2].lines_per_second > 0;
}

static void stand_by(void *arg)
{
    uint64_t lines = walk / sizeof(struct line), at = 0, steps = 0, random = 1;
    struct line *memory = carry_memory(lines * sizeof *memory, true);
    for (uint64_t i = 0; i < lines; i++)
        memory[i].next = i;
    for (uint64_t i = lines - 1; i > 0; i--) { /* one ring through all of them */
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        uint64_t other = (random >> 33) % i, kept = memory[i].next;
        memory[i].next = memory[other].next;
        memory[other].next = kept;
    }
    for (uint64_t i = 0; i < 2 * lines; i++)
        at = memory[at].next;
    struct account start = account_now(0), begun = start;
    uint64_t turn = bare_load(&bystander->turn);
    do {
        for (unsigned i = 0; i < 4096; i++, steps++)
            at = memory[at].next;
        uint64_t next = bare_load(&bystander->turn);
        if (next == turn)
            continue;
        struct account now = account_now(steps);
        if (turn < MOST_TURNS)
            account_between(&begun, &now, &bystander->turns[turn].walk_ns, &bystander->turns[turn].lines_per_second);
        if (turn % 3 == 0 && turn > 0 && turn < MOST_TURNS && is_whole(&bystander->turns[turn - 2]))
            bare_store(&bystander->whole, bare_load(&bystander->whole) + 1);
        begun = now;
        turn = next;
    } while (bare_load(&bystander->over) == 0);
    struct account end = account_now(steps);
    account_between(&start, &end, &bystander->walk_ns, &bystander->lines_per_second);
    if (at >= lines) /* so that the walk is done */
        micro_fail("the walk went astray");
}

/* ---- the stages ---- */

static struct carry *carry;
static void *before_slot, *after_slot; /* the producer's, the consumer's own */

static void consume(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    while ((frame = micro_take(consumer))) {
        const uint8_t *data = fl_frame_plane(frame, 0);
        if (copies_of(fl_frame_desc(frame)->number) > 0)
            data = memcpy(after_slot, data, bytes);
        carry_check(carry, data, fl_frame_desc(frame)->number);
        fl_frame_release(frame);
    }
    carry_ends_here(carry);
}

static void fill(uint8_t *data, const struct fl_desc *desc)
{
    bool made_elsewhere = copies_of(desc->number) > 1;
    carry_fill(carry, made_elsewhere ? before_slot : data, desc->number);
    if (made_elsewhere)
        memcpy(data, before_slot, bytes);
}

/* When the frame is due. Where it is the first of a turn, the turn begins, and before every other one that without frames. */
static uint64_t begin_turn(uint64_t number, uint64_t start_ns)
{
    uint64_t due_ns = start_ns + (uint64_t)((double)number * 1e9 / (double)rate);
    if (!takes_turns())
        return due_ns;
    uint64_t turn = number / frames_per_turn, begun = bare_load(&bystander->turn);
    due_ns += (turn / 2 + 1) * TURN_NS;
    if (number % frames_per_turn == 0 && turn % 2 == 0) {
        bare_store(&bystander->turn, ++begun);
        micro_sleep_until_ns(due_ns);
    }
    if (number % frames_per_turn == 0)
        bare_store(&bystander->turn, begun + 1);
    return due_ns;
}

static void send_frames(const struct micro *micro)
{
    struct micro_producer producer;
    struct fl_desc desc;
    uint64_t number = 0;
    micro_producer_create(&producer, micro, &(struct micro_lanes){.slot_bytes = bytes, .slots = 8}, 1);
    micro_consume(&producer, consume, NULL);
    micro_pin_self(micro, 0);
    uint64_t start_ns = micro_now_ns();
    carry_start(carry, micro);
    /* Until there is something to compare, on however busy a machine. */
    for (; carry_goes_on(carry, number) || (takes_turns() && bare_load(&bystander->whole) == 0); number++) {
        micro_sleep_until_ns(begin_turn(number, start_ns));
        micro_describe(&desc, number, bytes);
        micro_publish(&producer, &desc, fill);
    }
    carry_ends(carry);
    micro_producer_finish(&producer);
    carry_figures(carry);
    micro_figure("sent", (double)number);
    micro_figure("moved_bytes", (double)(2 * bytes * (1 + copies))); /* each copy reads and writes them once more */
}

static int compare(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

static double median(double *values, size_t number)
{
    qsort(values, number, sizeof *values, compare);
    return values[number / 2];
}

/* Medians over threes of turns. Turn 0 is what came before, and the last may not have been whole. */
static void turn_figures(void)
{
    enum { PACE, AGAINST, TIME, LINE, ALONE, FIGURES };
    static const char *const names[] = {"pace_kept", "against_kept", "time_kept", "line_dearer", "control_ns"};
    static double values[FIGURES][MOST_TURNS];
    size_t threes = 0;
    uint64_t begun = bare_load(&bystander->turn);
    for (uint64_t i = 1; i + 2 < begun && i + 2 < MOST_TURNS; i += 3) {
        const struct turn *idle = &bystander->turns[i], *other = idle + 1, *own = idle + 2;
        if (!is_whole(idle))
            continue;
        values[PACE][threes] = own->lines_per_second / idle->lines_per_second;
        values[AGAINST][threes] = other->lines_per_second / idle->lines_per_second;
        values[TIME][threes] = own->lines_per_second * own->walk_ns / (other->lines_per_second * other->walk_ns);
        values[LINE][threes] = own->walk_ns / other->walk_ns;
        values[ALONE][threes++] = idle->walk_ns;
    }
    if (threes == 0)
        micro_fail("no whole turns were seen: more --seconds");
    for (unsigned i = 0; i < FIGURES; i++)
        micro_figure(names[i], median(values[i], threes));
}

/* What a copy of a frame costs by itself, from cache to cache where they fit. */
static double copy_ns(void)
{
    struct micro_samples *samples = micro_samples_create(40);
    for (unsigned i = 0; i < 40; i++) {
        uint64_t before = micro_now_ns();
        memcpy(after_slot, before_slot, bytes);
        micro_sample(samples, micro_now_ns() - before);
    }
    return micro_percentile(samples, 0.5);
}

/* ---- counted from outside ---- */

static char self[4096];

_Noreturn static void become_counted(const char *directory, char **argv, int out)
{
    char preload[sizeof self + 32];
    char *slash = strrchr(self, '/');
    snprintf(preload, sizeof preload, "%.*s/../copies.so", slash ? (int)(slash - self) : 0, self);
    if (access(preload, R_OK) < 0)
        micro_skip("%s is not there", preload);
    micro_call(setenv("COPIES_DIRECTORY", directory, 1));
    micro_call(setenv("COPIES_ROW", "1024", 1));
    micro_call(setenv("LD_PRELOAD", preload, 1));
    micro_call(dup2(out, STDOUT_FILENO));
    execv(self, argv);
    micro_fail("%s: %s", self, strerror(errno));
}

/* Adds up what all its processes have left, and takes it away. */
static uint64_t gather(const char *directory)
{
    uint64_t sum = 0;
    DIR *files = opendir(directory);
    struct dirent *entry;
    while (files && (entry = readdir(files))) {
        struct tally tally;
        char path[4096 + 256];
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && read(fd, &tally, sizeof tally) == (ssize_t)sizeof tally)
            sum += atomic_load(&tally.shared_bytes);
        if (fd >= 0)
            close(fd);
        unlink(path);
    }
    if (files)
        closedir(files);
    rmdir(directory);
    return sum;
}

static void count_copies(const struct micro *micro)
{
    char directory[4096], text[4096] = "", sizes[3][32];
    const char *place = getenv("TMPDIR");
    int ends[2], status;
    snprintf(directory, sizeof directory, "%s/framelane-copies-XXXXXX", place ? place : "/tmp");
    snprintf(sizes[0], sizeof sizes[0], "%llu", (unsigned long long)bytes);
    snprintf(sizes[1], sizeof sizes[1], "%llu", (unsigned long long)copies);
    snprintf(sizes[2], sizeof sizes[2], "%llu", (unsigned long long)rate);
    if (!mkdtemp(directory))
        micro_fail("%s: %s", directory, strerror(errno));
    micro_call(pipe2(ends, O_CLOEXEC));
    char *argv[] = {self,
                    "--bytes",
                    sizes[0],
                    "--copies",
                    sizes[1],
                    "--rate",
                    sizes[2],
                    "--seconds",
                    "0.05",
                    "--pin",
                    micro->pin == MICRO_ACROSS ? "across" : "free",
                    NULL};
    pid_t child = (pid_t)micro_call(fork());
    if (child == 0)
        become_counted(directory, argv, ends[1]);
    close(ends[1]);
    for (size_t done = 0, got = 1; got > 0 && done + 1 < sizeof text; done += got)
        got = (size_t)micro_call(read(ends[0], text + done, sizeof text - 1 - done));
    close(ends[0]);
    micro_call(waitpid(child, &status, 0));
    uint64_t copied = gather(directory);
    const char *sent = strstr(text, "\"sent\": ");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !sent)
        micro_fail("the counted run failed");
    micro_figure("copied", (double)copied / strtod(sent + strlen("\"sent\": "), NULL) / (double)bytes);
}

int main(int argc, char **argv)
{
    struct micro micro;
    ssize_t length;
    micro_begin(&micro, argc, argv, options);
    length = micro_call(readlink("/proc/self/exe", self, sizeof self - 1));
    self[length] = 0;
    struct micro stages = micro, stander = micro;
    stages.pin = micro.pin == MICRO_FREE ? MICRO_FREE : MICRO_ONE;
    stander.pin = strcmp(beside, "same") == 0 ? stages.pin : micro.pin;
    long cache = sysconf(_SC_LEVEL2_CACHE_SIZE);
    cache = cache > 0 ? cache : 2 << 20;
    if (bytes == 0) {
        bytes = (uint64_t)cache / 16;
        walk = (uint64_t)cache / 2;
    }
    frames_per_turn = (uint64_t)((double)TURN_NS / 1e9 * (double)rate);
    against_copies = strtoull(against, NULL, 10);
    if (rate == 0 || (takes_turns() && frames_per_turn == 0))
        micro_fail("--rate: one frame a turn at least");
    if (count)
        count_copies(&micro);
    carry = carry_create(bytes, 0, 16);
    before_slot = carry_memory(bytes, true);
    after_slot = carry_memory(bytes, true);
    bystander = micro_shared(sizeof *bystander);
    pid_t other = micro_fork(&stander, 1, stand_by, NULL);
    send_frames(&stages);
    bare_store(&bystander->over, 1);
    micro_join(other);
    micro_figure("copy_ns", copy_ns());
    micro_figure("walk_ns", bystander->walk_ns);
    micro_figure("lines_per_second", bystander->lines_per_second);
    if (takes_turns())
        turn_figures();
    return micro_end();
}
