/* Floor of q-spin: one cache line bounced between two cores that watch it.
 *
 * `--lines 2`: each process writes a line of its own and watches the other's, as it must be where every byte has one writer. A line
 * that both write changes hands once a handoff; with a line each, the reader has to give it back before the writer can write again.
 */
#include "lib/bare.h"

static uint64_t lines = 1;
static const struct micro_option options[] = {{.name = "lines", .number = &lines}, {0}};

#define STOP   UINT64_MAX
#define BOUNCE 64 /* round trips between two looks at the clock */

struct talk {
    struct bare_word *question, *answer; /* the same line, or two */
};

/* Odd numbers are answered by the next even one. */
static void answer(void *arg)
{
    struct talk *talk = arg;
    for (uint64_t wanted = 1;; wanted += 2) {
        uint64_t now;
        while ((now = bare_load(talk->question)) < wanted)
            micro_relax();
        if (now == STOP)
            return;
        bare_store(talk->answer, wanted + 1);
    }
}

int main(int argc, char **argv)
{
    struct micro micro;
    micro_begin(&micro, argc, argv, options);
    if (micro.pin == MICRO_ONE)
        micro_skip("two that spin on one core take turns only when the kernel ends a time slice");
    struct micro_samples *samples = micro_samples_create(1 << 20);
    struct bare_word *words = micro_shared(4 * sizeof *words); /* neighbours are fetched together: every other one */
    struct talk talk = {&words[0], &words[lines == 1 ? 0 : 2]};
    pid_t child = micro_fork(&micro, 1, answer, &talk);
    micro_pin_self(&micro, 0);
    uint64_t end_ns = micro_end_ns(&micro), before = micro_now_ns(), number = 0;
    while (micro_wants_more(samples, before, end_ns)) {
        for (unsigned i = 0; i < BOUNCE; i++) {
            bare_store(talk.question, number + 1);
            number += 2;
            while (bare_load(talk.answer) < number)
                micro_relax();
        }
        uint64_t now = micro_now_ns();
        micro_sample(samples, (now - before) / (2 * BOUNCE));
        before = now;
    }
    if (bare_load(talk.answer) != number)
        micro_fail("the line was not answered");
    bare_store(talk.question, STOP);
    micro_join(child);
    micro_samples_figures(samples);
    return micro_end();
}
