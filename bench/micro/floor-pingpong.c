/* Floor of q-pingpong: a word to and fro between two processes, and an eventfd each way. */
#include "lib/bare.h"

static const char *how = "read";
static const struct micro_option options[] = {{.name = "hear", .word = &how}, {0}};

#define STOP UINT64_MAX

struct talk {
    struct bare_word *ping, *pong;
    struct bare_bell to_pong, to_ping;
};

static void pong(void *arg)
{
    struct talk *talk = arg;
    for (uint64_t seen = 0; (seen = bare_await(&talk->to_pong, talk->ping, seen)) != STOP;) {
        bare_store(talk->pong, seen);
        bare_tell(&talk->to_ping);
    }
}

static void ping(struct talk *talk, struct micro_samples *samples, uint64_t end_ns)
{
    uint64_t before = micro_now_ns();
    for (uint64_t number = 1; micro_wants_more(samples, before, end_ns); number++) {
        bare_store(talk->ping, number);
        bare_tell(&talk->to_pong);
        if (bare_await(&talk->to_ping, talk->pong, number - 1) != number)
            micro_fail("a word was lost");
        uint64_t now = micro_now_ns();
        micro_sample(samples, (now - before) / 2); /* one way */
        before = now;
    }
    bare_store(talk->ping, STOP);
    bare_tell(&talk->to_pong);
}

int main(int argc, char **argv)
{
    struct micro micro;
    struct talk talk;
    micro_begin(&micro, argc, argv, options);
    struct micro_samples *samples = micro_samples_create(1 << 20);
    talk.ping = micro_shared(sizeof *talk.ping);
    talk.pong = micro_shared(sizeof *talk.pong);
    bare_bell_init(&talk.to_pong, how);
    bare_bell_init(&talk.to_ping, how);
    pid_t child = micro_fork(&micro, 1, pong, &talk);
    micro_pin_self(&micro, 0);
    ping(&talk, samples, micro_end_ns(&micro));
    micro_join(child);
    uint64_t trips = samples->count;
    micro_samples_figures(samples);
    micro_figure("sleeps_per_trip", (double)talk.to_ping.sleeps / (double)trips);
    return micro_end();
}
