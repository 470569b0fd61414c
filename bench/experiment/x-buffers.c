/* Two stages with so many slots between them: what share of the pace of one alone do they keep together?
 *
 * Each works on a frame for `--mean`, by the clock on a core of its own, always as long (--service constant), evenly spread by half
 * (uniform), or exponentially; the consumer begins at a random phase. `--slots 0`: the producer begins a frame only when the
 * consumer has let go of the last. Otherwise a lane of so many credits carries them, and the producer begins the next when the last
 * is sent.
 *
 * predicted_share is what the same times of work give where handing over costs nothing, by the recurrence
 *   begin1(i) = max(end1(i-1), end2(i-1-slots))     begin2(i) = max(end1(i), end2(i-1)). */
#include "../micro/lane.h"
#include "../micro/lib/bare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t slots = 1, mean = 200000, seed;
static const char *service = "constant";
static const struct micro_option options[] = {
    {"slots", &slots}, {"mean", &mean}, {"seed", &seed}, {"service", .word = &service}, {0},
};

static uint64_t frames;
static uint64_t *work_ns[2]; /* shared: of each stage, by frame */
static uint64_t phase_ns;
static struct bare_word *done; /* how many the consumer has let go of */

static void draw(struct drand48_data *random)
{
    for (unsigned stage = 0; stage < 2; stage++)
        for (uint64_t i = 0; i < frames; i++) {
            double u, share = 1;
            drand48_r(random, &u);
            if (strcmp(service, "uniform") == 0)
                share = 0.5 + u;
            else if (strcmp(service, "exponential") == 0)
                share = -log(1 - u);
            work_ns[stage][i] = (uint64_t)(share * (double)mean);
        }
}

/* By the clock. A look at it takes some tens of ns: where two are farther apart than this, something else was let run. */
#define STOLEN_NS 50000

static uint64_t *stolen_ns; /* shared: of each stage */

static void work(unsigned stage, uint64_t ns)
{
    uint64_t last_ns = micro_now_ns(), until_ns = last_ns + ns;
    while (last_ns < until_ns) {
        micro_relax();
        uint64_t now_ns = micro_now_ns();
        if (now_ns - last_ns > STOLEN_NS)
            stolen_ns[stage * 8] += now_ns - last_ns;
        last_ns = now_ns;
    }
}

static void take_all(struct micro_consumer *consumer)
{
    struct fl_frame *frame;
    work(1, phase_ns);
    for (uint64_t number = 0; (frame = micro_take(consumer)); number++) {
        work(1, work_ns[1][number]);
        fl_frame_release(frame);
        bare_store(done, number + 1);
    }
}

/* All frames, or as many as go in ten times the time that one stage alone takes: other programs may have the cores. */
static void send_all(struct micro_producer *producer)
{
    struct fl_desc desc;
    uint64_t number = 0, late_ns = micro_now_ns() + 10 * frames * mean;
    for (; number < frames && micro_now_ns() < late_ns; number++) {
        work(0, work_ns[0][number]);
        micro_describe(&desc, number, 64);
        micro_publish(producer, &desc, NULL);
        micro_must(fl_output_wait(producer->output, -1));
        while (slots == 0 && bare_load(done) <= number)
            micro_relax();
    }
    frames = number;
}

/* How long the same work takes where nothing else does. */
static double predicted_ns(void)
{
    double *ended = calloc(frames, sizeof *ended), end1 = 0, end2 = (double)phase_ns;
    if (!ended)
        micro_fail("no memory");
    for (uint64_t i = 0; i < frames; i++) {
        double room = i > slots ? ended[i - 1 - slots] : 0;
        end1 = fmax(end1, room) + (double)work_ns[0][i];
        end2 = fmax(end1, end2) + (double)work_ns[1][i];
        ended[i] = end2;
    }
    free(ended);
    return end2;
}

int main(int argc, char **argv)
{
    struct micro micro;
    struct micro_producer producer;
    struct drand48_data random;
    double u;
    micro_begin(&micro, argc, argv, options);
    frames = (uint64_t)(micro.seconds * 1e9 / (double)mean);
    if (frames < 20)
        frames = 20;
    if (micro.pin == MICRO_ONE)
        micro_skip("the two stages work by the clock, each on a core of its own");
    srand48_r((long)(seed ? seed : micro_now_ns()), &random);
    work_ns[0] = micro_shared(frames * sizeof **work_ns);
    work_ns[1] = micro_shared(frames * sizeof **work_ns);
    done = micro_shared(sizeof *done);
    stolen_ns = micro_shared(2 * 8 * sizeof *stolen_ns); /* a cache line each */
    draw(&random);
    drand48_r(&random, &u);
    phase_ns = (uint64_t)(u * (double)mean);
    struct micro_lanes like = {.lane = {.credits = slots ? (uint32_t)slots : 1, .spin_ns = 100 * mean},
                               .slots = (uint32_t)slots + 3};
    micro_producer_create(&producer, &micro, &like, 1);
    micro_consume(&producer, take_all, NULL);
    micro_pin_self(&micro, 0);
    uint64_t start_ns = micro_now_ns();
    send_all(&producer);
    micro_producer_finish(&producer);
    double alone = (double)frames * (double)mean, took = (double)(micro_now_ns() - start_ns), predicted = predicted_ns();
    micro_figure("share", alone / took);
    micro_figure("predicted_share", alone / predicted);
    micro_figure("over_predicted", predicted / took);
    micro_figure("stolen", (double)(stolen_ns[0] > stolen_ns[8] ? stolen_ns[0] : stolen_ns[8]) / took);
    micro_figure("frames", (double)frames);
    return micro_end();
}
