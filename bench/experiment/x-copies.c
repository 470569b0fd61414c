/* Frames at a fixed rate through a lane, each copied so many times on its way: what does it cost the two stages, and what a
 * bystander who has nothing to do with them?
 *
 *   --copies 0  written into the slot, read out of it
 *   --copies 1  and copied by the consumer into memory of its own before it is read
 *   --copies 2  and written into memory of the producer's own, and copied into the slot from there: what a stream does
 *
 * The bystander walks `--walk` bytes of its own from line to line in a random order: walk_ns is its CPU time a line. It shares a
 * core with the stages (--beside same), whose bytes drive its lines out of that core's cache, or has another (other), and shares
 * with them what the cores share. `--rate 0`: no frames at all.
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
static const char *beside = "same";
static const struct micro_option options[] = {
    {"bytes", &bytes}, {"copies", &copies}, {"rate", &rate}, {"walk", &walk}, {"count", &count}, {"beside", .word = &beside}, {0},
};

/* ---- the bystander ---- */

static struct bystander {
    struct bare_word over;
    double walk_ns, lines_per_second;
} * bystander;

struct line {
    uint64_t next;
    uint64_t pad[7];
};

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
    uint64_t start_ns = micro_cpu_ns(), began_ns = micro_now_ns();
    do
        for (unsigned i = 0; i < 4096; i++, steps++)
            at = memory[at].next;
    while (bare_load(&bystander->over) == 0);
    bystander->walk_ns = (double)(micro_cpu_ns() - start_ns) / (double)steps;
    bystander->lines_per_second = (double)steps * 1e9 / (double)(micro_now_ns() - began_ns);
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
        if (copies > 0)
            data = memcpy(after_slot, data, bytes);
        carry_check(carry, data, fl_frame_desc(frame)->number);
        fl_frame_release(frame);
    }
    carry_ends_here(carry);
}

static void fill(uint8_t *data, const struct fl_desc *desc)
{
    carry_fill(carry, copies > 1 ? before_slot : data, desc->number);
    if (copies > 1)
        memcpy(data, before_slot, bytes);
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
    for (; carry_goes_on(carry, number); number++) {
        micro_sleep_until_ns(start_ns + (uint64_t)((double)number * 1e9 / (double)rate));
        micro_describe(&desc, number, bytes);
        micro_publish(&producer, &desc, fill);
    }
    carry_ends(carry);
    micro_producer_finish(&producer);
    carry_figures(carry);
    micro_figure("sent", (double)number);
    micro_figure("moved_bytes", (double)(2 * bytes * (1 + copies))); /* each copy reads and writes them once more */
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
    if (count && rate)
        count_copies(&micro);
    carry = carry_create(bytes, 0, 16);
    before_slot = carry_memory(bytes, true);
    after_slot = carry_memory(bytes, true);
    bystander = micro_shared(sizeof *bystander);
    pid_t other = micro_fork(&stander, 1, stand_by, NULL);
    if (rate)
        send_frames(&stages);
    else
        micro_sleep_until_ns(micro_end_ns(&micro));
    bare_store(&bystander->over, 1);
    micro_join(other);
    micro_figure("copy_ns", copy_ns());
    micro_figure("walk_ns", bystander->walk_ns);
    micro_figure("lines_per_second", bystander->lines_per_second);
    return micro_end();
}
