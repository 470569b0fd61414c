/* What does it cost to map and unmap a frame's memory each time, and whom?
 *
 *   --what victim  a second thread maps, touches and unmaps `--bytes` every 1/`--rate` s on a core of its own, and a thread of the
 *                  same process works through messages on another. It has nothing to do with the memory; but each unmap must be
 *                  told to every core that runs a thread of the process (a TLB shoot-down). The second thread does so for 5 ms and
 *                  spins for 5 ms in turn; kept is the share of its pace that the first keeps while the other unmaps
 *   --what frame   one thread sums every byte of a frame of `--bytes`, mapped for each frame (--once 0) or once for all (--once 1):
 *                  CPU time a frame, and mmap and munmap calls */
#include "../micro/micro.h"
#include "../micro/lib/carry.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t bytes = 65536, rate, once;
static const char *what = "victim";
static const struct micro_option options[] = {{"bytes", &bytes}, {"rate", &rate}, {"once", &once}, {"what", .word = &what}, {0}};

#define FRAMES 4 /* in the file, used in turn */

static int fd;
static struct micro micro;
static uint64_t calls;

static void make_file(void)
{
    fd = (int)micro_call(memfd_create("frames", MFD_CLOEXEC));
    micro_call(ftruncate(fd, (off_t)(FRAMES * bytes)));
}

static uint8_t *map(uint64_t number, uint64_t size, int protection)
{
    calls++;
    void *at = mmap(NULL, size, protection, MAP_SHARED, fd, (off_t)(number % FRAMES * bytes));
    if (at == MAP_FAILED)
        micro_fail("mmap does not work");
    return at;
}

static void unmap(void *at)
{
    calls++;
    micro_call(munmap(at, bytes));
}

/* ---- the victim ---- */

#define TURN_NS   5000000
#define STOLEN_NS 200000 /* 64 messages take some 20 us, and twice that where each is interrupted once */

static _Atomic int over;
static uint64_t start_ns;

/* Whether at this time the other thread unmaps. */
static bool unmaps_at(uint64_t now_ns)
{
    return (now_ns - start_ns) / TURN_NS % 2 == 1;
}

static void map_and_unmap(uint64_t number)
{
    uint8_t *at = map(number, bytes, PROT_READ | PROT_WRITE);
    for (uint64_t i = 0; i < bytes; i += 4096)
        at[i] = 1;
    unmap(at);
}

static void *be_other(void *arg)
{
    uint64_t *unmaps = arg, due_ns = start_ns;
    micro_pin_self(&micro, 1);
    while (!atomic_load_explicit(&over, memory_order_relaxed)) {
        uint64_t now_ns = micro_now_ns();
        if (!unmaps_at(now_ns)) {
            due_ns = now_ns;
        } else if (rate > 0 && now_ns >= due_ns) {
            map_and_unmap(++*unmaps);
            due_ns += 1000000000 / rate;
        }
        micro_relax();
    }
    return NULL;
}

/* One message: steps that depend on each other, in registers alone. */
static uint64_t message(uint64_t state)
{
    for (unsigned i = 0; i < 256; i++)
        state = state * 6364136223846793005ull + 1442695040888963407ull;
    return state;
}

static void run_victim(void)
{
    pthread_t other;
    uint64_t messages[2] = {0}, spent_ns[2] = {0}, state = 1, unmaps = 0, stolen_ns = 0;
    micro_core_count();
    micro_pin_self(&micro, 0);
    start_ns = micro_now_ns();
    if (pthread_create(&other, NULL, be_other, &unmaps) != 0)
        micro_fail("no second thread");
    uint64_t end_ns = micro_end_ns(&micro), now_ns = start_ns, before_ns;
    do {
        bool while_unmapping = unmaps_at(now_ns);
        for (unsigned i = 0; i < 64; i++)
            state = message(state);
        before_ns = now_ns;
        now_ns = micro_now_ns();
        messages[while_unmapping] += 64;
        spent_ns[while_unmapping] += now_ns - before_ns;
        if (now_ns - before_ns > STOLEN_NS)
            stolen_ns += now_ns - before_ns;
    } while (now_ns < end_ns || spent_ns[0] == 0 || spent_ns[1] == 0); /* both turns, however others take the core */
    atomic_store(&over, 1);
    pthread_join(other, NULL);
    double still = (double)messages[0] / (double)spent_ns[0], while_unmapping = (double)messages[1] / (double)spent_ns[1];
    micro_figure("messages_per_second", still * 1e9);
    micro_figure("kept", while_unmapping / still);
    micro_figure("unmaps_per_second", (double)unmaps * 1e9 / (double)spent_ns[1]);
    micro_figure("stolen", (double)stolen_ns / (double)(spent_ns[0] + spent_ns[1]));
    micro_figure("state", (double)(state & 1)); /* so that the work is done */
}

/* ---- the frame ---- */

static void run_frame(void)
{
    struct carry *carry = carry_create(bytes, 0, 2 * FRAMES);
    uint8_t *all = mmap(NULL, FRAMES * bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (all == MAP_FAILED)
        micro_fail("no memory");
    for (uint64_t i = 0; i < FRAMES; i++)
        carry_fill(carry, all + i * bytes, i);
    micro_pin_self(&micro, 0);
    uint64_t number = 0;
    calls = 0;
    carry_start(carry, &micro);
    for (; carry_goes_on(carry, number); number++) {
        uint8_t *at = once ? all + number % FRAMES * bytes : map(number, bytes, PROT_READ);
        carry_check_here(carry, at, number % FRAMES);
        if (!once)
            unmap(at);
    }
    carry_ends(carry);
    carry_figures(carry);
    micro_figure("calls_per_frame", (double)calls / (double)number);
}

int main(int argc, char **argv)
{
    micro_begin(&micro, argc, argv, options);
    if (micro.pin != MICRO_ACROSS)
        micro_skip("a core each is what this is about");
    bytes = (bytes + 4095) / 4096 * 4096;
    make_file();
    if (strcmp(what, "frame") == 0)
        run_frame();
    else
        run_victim();
    return micro_end();
}
