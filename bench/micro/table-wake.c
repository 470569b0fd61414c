#include "table.h"

/* A row for the median and one for the hundredth worst. */
#define LATENCIES(name, most_p50, most_p99, why)                                                                                   \
    {name ", p50", "p50_ns", NULL, "ns", MICRO_RATIO_AT_MOST, most_p50, why},                                                      \
    {                                                                                                                              \
        name ", p99", "p99_ns", NULL, "ns", MICRO_RATIO_AT_MOST, most_p99, why                                                     \
    }

#define HANDOFF(pin, words)                                                                                                        \
    {                                                                                                                              \
        .name = "handoff-" pin, .command = {"q-pingpong", "--pin", pin}, .floor = {"floor-pingpong", "--pin", pin},                \
        .rows = {LATENCIES("blocking handoff, " words, 1.05, 1.15, "half a round trip; floor: eventfd, the same calls")},          \
    }

#define PACED(pin, words)                                                                                                          \
    {                                                                                                                              \
        .name = "wake-1ms-" pin, .command = {"q-paced", "--pin", pin}, .floor = {"floor-paced", "--pin", pin}, .seconds = 1,       \
        .rows = {LATENCIES("a wake every 1 ms, " words, 1.05, 1.15, "from the time it was due; floor: eventfd")},                  \
    }

/* A floor beside itself: by how much two that are the same differ on this machine, while everything else is measured. */
#define LATENCIES_SHOWN(name)                                                                                                      \
    {name ", p50", "p50_ns", NULL, "ns", MICRO_SHOWN, 0, "what the floor differs by from itself"},                                 \
    {                                                                                                                              \
        name ", p99", "p99_ns", NULL, "ns", MICRO_SHOWN, 0, "what the floor differs by from itself"                                \
    }

#define HANDOFF_ITSELF(pin, words)                                                                                                 \
    {                                                                                                                              \
        .name = "itself-handoff-" pin, .command = {"floor-pingpong", "--pin", pin}, .floor = {"floor-pingpong", "--pin", pin},     \
        .rows = {LATENCIES_SHOWN("a bare handoff beside itself, " words)},                                                         \
    }

/* What it costs that there are few places: the writer has to look more often at what has come back. Nothing of ours in either. */
#define FEW(places)                                                                                                                \
    {                                                                                                                              \
        .name = "price-few-" places, .command = {"floor-announce", "--entry", "64", "--returns", "1", "--places", places},         \
        .floor = {"floor-announce", "--entry", "64", "--returns", "1", "--places", "64"},                                          \
        .rows = {{"a bare ring of " places " places, an announcement", "ns", NULL, "ns", MICRO_SHOWN, 0,                           \
                  "a line an entry and a ring of returns in both; floor: 64 places"}},                                             \
    }

/* What it is worth that a bell is a word and not a descriptor: nothing of ours in either. */
#define WORDS(pin, words)                                                                                                          \
    {                                                                                                                              \
        .name = "price-word-" pin, .command = {"floor-pingpong", "--pin", pin, "--hear", "word"},                                  \
        .floor = {"floor-pingpong", "--pin", pin},                                                                                 \
        .rows = {{"a bare handoff by word, " words ", p50", "p50_ns", NULL, "ns", MICRO_SHOWN, 0,                                  \
                  "futex_waitv on a word that only who rings may write; floor: eventfd"}},                                         \
    }

#define PACED_ITSELF(pin, words)                                                                                                   \
    {                                                                                                                              \
        .name = "itself-wake-" pin, .command = {"floor-paced", "--pin", pin}, .floor = {"floor-paced", "--pin", pin},              \
        .seconds = 1, .rows = {LATENCIES_SHOWN("a bare wake beside itself, " words)},                                              \
    }

#define RATES(name, why)                                                                                                           \
    {name, "per_second", NULL, "1/s", MICRO_RATIO_AT_LEAST, 0.9, why},                                                             \
    {                                                                                                                              \
        name ", worst round", "per_second", NULL, "1/s", MICRO_WORST_AT_LEAST, 0.9, why                                            \
    }

#define RING(size) "floor-announce", "--batch", size, "--places", "64"

#define RING_ITSELF(size)                                                                                                          \
    {                                                                                                                              \
        .name = "itself-ring-" size, .command = {RING(size)}, .floor = {RING(size)},                                               \
        .rows = {{"the barest ring beside itself, batch " size ", worst round", "per_second", NULL, "1/s", MICRO_WORST_SHOWN, 0,   \
                  "what the floor differs by from itself, where it does most"}},                                                   \
    }

/* `calls`: single, or many: a batch with each. */
#define LANE(size, calls) "q-announce", "--batch", size, "--credits", "64", "--calls", calls

/* The barest ring there is. */
#define ANNOUNCE(size, calls, words)                                                                                               \
    {                                                                                                                              \
        .name = "announce-" size "-" calls, .command = {LANE(size, calls)}, .floor = {RING(size)},                                 \
        .rows = {RATES("announcements, batch " size words, "floor: a ring of two words and a sleeper flag, 64 places")},           \
    }

/* What carrying a description and returning in any order cost by themselves: one line an entry (an announcement like the one
 * before). */
#define LINE(size, calls, words)                                                                                                   \
    {                                                                                                                              \
        .name = "line-" size "-" calls, .command = {LANE(size, calls)}, .floor = {RING(size), "--entry", "64", "--returns", "1"},  \
        .rows = {                                                                                                                  \
            RATES("announcements, batch " size words ", fuller ring", "floor: 64 bytes copied in and out, a ring of returns")},    \
    }

/* Four lines an entry (an announcement that differs in everything). */
#define DESCRIBED(size, calls, words)                                                                                              \
    {                                                                                                                              \
        .name = "described-" size "-" calls, .command = {LANE(size, calls), "--vary", "1"},                                        \
        .floor = {RING(size), "--entry", "256", "--returns", "1"},                                                                 \
        .rows = {RATES("announcements that differ, batch " size words, "floor: 256 bytes copied in and out, a ring of returns")},  \
    }

#define PRICE(size)                                                                                                                \
    {                                                                                                                              \
        .name = "price-" size, .command = {RING(size), "--entry", "64", "--returns", "1"}, .floor = {RING(size)},                  \
        .rows = {{"what a line and a ring of returns cost, batch " size, "per_second", NULL, "1/s", MICRO_SHOWN, 0,                \
                  "nothing of ours in either: a bare ring with them over one without"}},                                           \
    }

/* What the lane's own steps leave of the barest ring's rate, before a single line has changed hands. */
#define STEPS(size, calls, words)                                                                                                  \
    {                                                                                                                              \
        .name = "steps-" size "-" calls, .command = {"q-steps", "--batch", size, "--calls", calls}, .floor = {RING(size)},         \
        .rows = {{"what the steps alone allow, batch " size words, "per_second", NULL, "1/s", MICRO_SHOWN, 0,                      \
                  "the slower end of a lane, both ends in one process; floor: the bare ring on two cores"}},                       \
    }

#define MANY ", in one call"

#define ASLEEP(count)                                                                                                              \
    {                                                                                                                              \
        .name = "fanout-asleep-" count, .command = {"q-fanout", "--asleep", "1", "--consumers", count},                            \
        .floor = {"floor-fanout", "--consumers", count},                                                                           \
        .rows = {{"one consumer more, asleep, of " count, "cpu_ns", NULL, "ns", MICRO_RATIO_AT_MOST, 1.1,                          \
                  "producer's CPU per frame and consumer; floor: one eventfd write to a sleeper"}},                                \
    }

#define AWAKE(count)                                                                                                               \
    {                                                                                                                              \
        .name = "fanout-awake-" count, .command = {"q-fanout", "--asleep", "0", "--consumers", count},                             \
        .floor = {"floor-fanout", "--asleep", "0", "--consumers", count},                                                          \
        .rows = {{"one consumer more, awake, of " count, "cpu_ns", "cpu_ns", "ns", MICRO_VALUE_AT_MOST, 60,                        \
                  "producer's CPU per frame and consumer; floor column: a bare word read from it and one written to it"}},         \
    }

const struct micro_experiment micro_wake_experiments[] = {
    HANDOFF("across", "two cores"),
    HANDOFF("one", "one core"),
    HANDOFF("free", "not pinned"),
    PACED("across", "two cores"),
    PACED("one", "one core"),
    PACED("free", "not pinned"),
    HANDOFF_ITSELF("across", "two cores"),
    HANDOFF_ITSELF("one", "one core"),
    HANDOFF_ITSELF("free", "not pinned"),
    FEW("2"),
    FEW("4"),
    FEW("8"),
    WORDS("across", "two cores"),
    WORDS("one", "one core"),
    WORDS("free", "not pinned"),
    PACED_ITSELF("across", "two cores"),
    PACED_ITSELF("one", "one core"),
    PACED_ITSELF("free", "not pinned"),
    {
        .name = "spin-poll",
        .command = {"q-spin", "--how", "poll"},
        .floor = {"floor-spin"},
        .rows = {{"spinning handoff, p50", "p50_ns", NULL, "ns", MICRO_RATIO_AT_MOST, 1.6,
                  "both ends look again and again; floor: one cache line bounced"}},
    },
    {
        .name = "spin-wait",
        .command = {"q-spin", "--how", "wait"},
        .floor = {"floor-spin"},
        .rows = {{"spinning handoff by the lane's spin, p50", "p50_ns", NULL, "ns", MICRO_RATIO_AT_MOST, 1.6,
                  "spin = 1ms; floor: one cache line bounced"}},
    },
    {
        .name = "spin-two-lines",
        .command = {"q-spin", "--how", "poll"},
        .floor = {"floor-spin", "--lines", "2"},
        .rows = {{"spinning handoff, over two lines", "p50_ns", NULL, "ns", MICRO_RATIO_AT_MOST, 1.6,
                  "floor: a cache line each, as it must be where every byte has one writer"}},
    },
    {
        .name = "price-two-lines",
        .command = {"floor-spin", "--lines", "2"},
        .floor = {"floor-spin"},
        .rows = {{"what a line each costs", "p50_ns", NULL, "ns", MICRO_SHOWN, 0,
                  "nothing of ours in either: two lines with one writer each, over one line that both write"}},
    },
    ANNOUNCE("1", "single", ""),
    LINE("1", "single", ""),
    DESCRIBED("1", "single", ""),
    PRICE("1"),
    STEPS("1", "single", ""),
    RING_ITSELF("1"),
    ANNOUNCE("32", "single", ""),
    ANNOUNCE("32", "many", MANY),
    LINE("32", "single", ""),
    LINE("32", "many", MANY),
    DESCRIBED("32", "single", ""),
    DESCRIBED("32", "many", MANY),
    PRICE("32"),
    STEPS("32", "single", ""),
    STEPS("32", "many", MANY),
    RING_ITSELF("32"),
    {
        .name = "calls-poll",
        .command = {"q-calls", "--how", "poll"},
        .rows = {{"system calls per announcement, consumer busy", "calls_per_announcement", NULL, "calls", MICRO_VALUE_AT_MOST,
                  0.01, "of both processes, 10,000 frames of 64 KiB written and read"}},
    },
    {
        .name = "calls-wait",
        .command = {"q-calls", "--how", "wait", "--spin", "1ms"},
        .rows = {{"the same, both wait with spin", "calls_per_announcement", NULL, "calls", MICRO_VALUE_AT_MOST, 0.01,
                  "of both processes; spin = 1ms"}},
    },
    ASLEEP("1"),
    ASLEEP("2"),
    ASLEEP("8"),
    ASLEEP("32"),
    AWAKE("1"),
    AWAKE("2"),
    AWAKE("8"),
    AWAKE("32"),
    {0},
};

const struct micro_sweep micro_wake_sweeps[] = {
    {
        .name = "credits",
        .command = {"q-announce", "--batch", "1"},
        .argument = "--credits",
        .values = {"4", "8", "16", "32", "64", "128", "256", "512", "1024"},
        .figure = "per_second",
        .unit = "1/s",
        .note = "announcements, batch 1, by credits; floor: a ring of two words with as many places",
        .floor = {"floor-announce", "--batch", "1"},
        .floor_argument = "--places",
    },
    {
        .name = "batch",
        .command = {"q-announce", "--credits", "256"},
        .argument = "--batch",
        .values = {"1", "2", "4", "8", "16", "32", "64", "128"},
        .figure = "per_second",
        .unit = "1/s",
        .note = "announcements, 256 credits, by batch; floor: a ring of two words, 256 places, shown as many at once",
        .floor = {"floor-announce", "--places", "256"},
    },
    {
        .name = "calls",
        .command = {"q-announce", "--credits", "256", "--calls", "many"},
        .argument = "--batch",
        .values = {"2", "4", "8", "16", "32", "64", "128"},
        .figure = "per_second",
        .unit = "1/s",
        .note = "announcements, 256 credits, a batch (64 at most) with each call; floor: a ring of two words, 256 places, shown as "
                "many at once",
        .floor = {"floor-announce", "--places", "256"},
    },
    {
        .name = "spin",
        .command = {"q-calls", "--how", "wait"},
        .argument = "--spin",
        .values = {"0", "5us", "10us", "20us", "50us", "100us", "1ms"},
        .figure = "calls_per_announcement",
        .unit = "calls",
        .note = "system calls per announcement of 64 KiB written and read, by the lane's spin",
    },
    {0},
};
