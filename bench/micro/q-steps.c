/* What do the steps of an announcement cost by themselves, when no line changes hands? Both ends in one process take turns: a run
 * of frames is published, then taken and given back, each by a call of its own or a batch a call (--calls single|many). Nothing
 * that two cores do together is faster than the slower end alone. */
#include "lane.h"

#include "../../tests/lib/wiring.h"

#include <string.h>
#include <unistd.h>

static uint64_t batch = 32;
static const char *calls = "single";
static const struct micro_option options[] = {{.name = "batch", .number = &batch}, {.name = "calls", .word = &calls}, {0}};

enum { RUN = 64, TURNS = 64 }; /* frames a turn, turns a sample */

struct ends {
    struct fl_context *producer, *consumer;
    struct fl_output *output;
    struct fl_lane *lane;
    struct fl_frame *frame;
    uint64_t number; /* of the next announcement */
    struct fl_desc descs[RUN];
    struct fl_publish publishes[RUN];
};

static void wire(struct ends *ends)
{
    struct fl_pool_info pool_info = {.id = 1, .slot_count = 2, .slot_bytes = 4096};
    struct fl_lane_info info = {.credits = 2 * RUN, .batch = (uint32_t)batch};
    struct fl_output_lane *tx;
    int fd;
    micro_must(fl_context_create(&ends->producer));
    micro_must(fl_context_create(&ends->consumer));
    micro_must(fl_output_create(ends->producer, &ends->output));
    struct fl_pool *pool = wiring_pool(ends->producer, &pool_info, &fd);
    wiring_pool_reader(ends->consumer, fd, &pool_info);
    wiring_lane(ends->output, ends->consumer, &info, &tx, &ends->lane);
    close(fd);
    micro_must(fl_pool_acquire(pool, &ends->frame));
    for (unsigned i = 0; i < RUN; i++) {
        micro_describe(&ends->descs[i], 0, 64);
        ends->publishes[i] = (struct fl_publish){ends->frame, &ends->descs[i]};
    }
}

static void publish_run(struct ends *ends)
{
    for (unsigned i = 0; i < RUN; i++) {
        ends->descs[0].number = ends->number++;
        micro_must(fl_output_publish(ends->output, ends->frame, &ends->descs[0]));
    }
}

static void take_run(struct ends *ends)
{
    struct fl_frame *frame;
    for (unsigned i = 0; i < RUN; i++) {
        micro_must(fl_lane_take(ends->lane, &frame));
        fl_frame_release(frame);
    }
    fl_context_service(ends->consumer);
}

static void publish_run_many(struct ends *ends)
{
    for (unsigned done = 0; done < RUN; done += batch) {
        for (unsigned i = 0; i < batch; i++)
            ends->descs[i].number = ends->number++;
        if (fl_output_publish_many(ends->output, ends->publishes, (unsigned)batch) != (int)batch)
            micro_fail("fewer than %u were published", (unsigned)batch);
    }
}

static void take_run_many(struct ends *ends)
{
    struct fl_frame *frames[RUN];
    for (unsigned done = 0; done < RUN; done += batch) {
        if (fl_lane_take_many(ends->lane, frames, (unsigned)batch) != (int)batch)
            micro_fail("fewer than %u were taken", (unsigned)batch);
        fl_frame_release_many(frames, (unsigned)batch);
    }
    fl_context_service(ends->consumer);
}

int main(int argc, char **argv)
{
    struct micro micro;
    struct ends ends = {0};
    micro_begin(&micro, argc, argv, options);
    if (batch == 0 || RUN % batch)
        micro_fail("--batch: a power of two, at most %d", RUN);
    bool many = !strcmp(calls, "many");
    if (!many && strcmp(calls, "single"))
        micro_fail("--calls: single or many");
    wire(&ends);
    micro_pin_self(&micro, 0);
    struct micro_samples *publishing = micro_samples_create(1 << 20), *taking = micro_samples_create(1 << 20);
    uint64_t end_ns = micro_end_ns(&micro), per = TURNS * RUN, now = micro_now_ns();
    while (micro_wants_more(publishing, now, end_ns)) {
        uint64_t to_publish = 0, to_take = 0;
        for (unsigned turn = 0; turn < TURNS; turn++) {
            uint64_t before = micro_now_ns();
            (many ? publish_run_many : publish_run)(&ends);
            uint64_t between = micro_now_ns();
            (many ? take_run_many : take_run)(&ends);
            now = micro_now_ns();
            to_publish += between - before;
            to_take += now - between;
        }
        micro_sample(publishing, to_publish * 1000 / per);
        micro_sample(taking, to_take * 1000 / per);
    }
    double publish_ns = micro_percentile(publishing, 0.5) / 1000, take_ns = micro_percentile(taking, 0.5) / 1000;
    micro_figure("publish_ns", publish_ns);
    micro_figure("take_ns", take_ns);
    micro_figure("per_second", 1e9 / (publish_ns > take_ns ? publish_ns : take_ns));
    micro_figure("announcements", (double)ends.number);
    fl_frame_unref(ends.frame);
    fl_context_destroy(ends.consumer);
    fl_context_destroy(ends.producer);
    return micro_end();
}
