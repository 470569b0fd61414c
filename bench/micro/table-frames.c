#include "table.h"

#define P720  "1382400" /* bytes of I420 */
#define P1080 "3110400"
#define P2160 "12441600"

/* A frame whose every byte is written and read, through a pool of the best number of slots for that size (see the sweeps), against
 * as many buffers in one process. */
#define WORK(size, bytes, slots, pin, words, most)                                                                                 \
    {                                                                                                                              \
        .name = "frame-" size "-" pin, .command = {"q-frame-bytes", "--bytes", bytes, "--slots", slots, "--pin", pin},             \
        .floor = {"floor-frame-bytes", "--bytes", bytes, "--buffers", slots},                                                      \
        .rows = {{"CPU per " size " frame, every byte, " words, "cpu_ns", NULL, "ns", MICRO_RATIO_AT_MOST, most,                   \
                  "both processes; floor: fill and sum in one process, " slots " buffers"}},                                       \
    }

/* The same against what the bytes themselves cost between two cores: nothing that carries them could cost less. */
#define APART(size, bytes, slots, most)                                                                                            \
    {                                                                                                                              \
        .name = "apart-" size, .command = {"q-frame-bytes", "--bytes", bytes, "--slots", slots},                                   \
        .floor = {"floor-frame-apart", "--bytes", bytes, "--buffers", slots},                                                      \
        .rows = {{"CPU per " size " frame over the bytes' own way", "cpu_ns", NULL, "ns", MICRO_RATIO_AT_MOST, most,               \
                  "two cores; floor: fill on one and sum on the other, no transport, time inside them alone"},                     \
                 {"frames/s of " size ", two cores", "per_second", NULL, "1/s", MICRO_SHOWN, 0,                                    \
                  "floor: as many as the two can fill and sum"}},                                                                  \
    },                                                                                                                             \
    {                                                                                                                              \
        .name = "cores-" size, .command = {"floor-frame-apart", "--bytes", bytes, "--buffers", slots},                             \
        .floor = {"floor-frame-bytes", "--bytes", bytes, "--buffers", slots},                                                      \
        .rows = {{"what two cores cost a " size " frame", "cpu_ns", NULL, "ns", MICRO_SHOWN, 0,                                    \
                  "no transport in either: bytes written by one core and read by another, over one core for both"}},               \
    }

/* On one core two processes take turns, and who fills two frames before they are summed has lost the first from its cache: so much
 * is lost without any transport. */
#define TURNS(size, bytes, slots, most)                                                                                            \
    {                                                                                                                              \
        .name = "turns-" size, .command = {"q-frame-bytes", "--bytes", bytes, "--slots", slots, "--pin", "one"},                   \
        .floor = {"floor-frame-bytes", "--bytes", bytes, "--buffers", slots, "--turn", "2"},                                       \
        .rows = {{"CPU per " size " frame over taking turns", "cpu_ns", NULL, "ns", MICRO_RATIO_AT_MOST, most,                     \
                  "one core; floor: one process that fills two buffers, then sums the two"}},                                      \
    },                                                                                                                             \
    {                                                                                                                              \
        .name = "turning-" size, .command = {"floor-frame-bytes", "--bytes", bytes, "--buffers", slots, "--turn", "2"},            \
        .floor = {"floor-frame-bytes", "--bytes", bytes, "--buffers", slots},                                                      \
        .rows = {{"what taking turns costs a " size " frame", "cpu_ns", NULL, "ns", MICRO_SHOWN, 0,                                \
                  "no transport in either: two filled, then two summed, over each summed at once"}},                               \
    }

#define SIZE(size, bytes, slots, most)                                                                                             \
    WORK(size, bytes, slots, "one", "one core", most), WORK(size, bytes, slots, "across", "two cores", most),                      \
        WORK(size, bytes, slots, "free", "not pinned", most), APART(size, bytes, slots, 1.05),                                     \
        TURNS(size, bytes, slots, 1.05)

/* A large pool costs nothing while it is not needed; what a plain ring of that many slots costs stands below. */
#define POOL(size, bytes, slots)                                                                                                   \
    {                                                                                                                              \
        .name = "pool-" size, .command = {"q-frame-bytes", "--bytes", bytes, "--slots", "64"},                                     \
        .floor = {"q-frame-bytes", "--bytes", bytes, "--slots", slots},                                                            \
        .rows = {{"CPU per " size " frame, pool of 64 slots", "cpu_ns", NULL, "ns", MICRO_RATIO_AT_MOST, 1.10,                     \
                  "floor: the best number of slots, " slots}},                                                                     \
    },                                                                                                                             \
    {                                                                                                                              \
        .name = "ring-" size, .command = {"floor-frame-ring", "--bytes", bytes, "--slots", "64"},                                  \
        .floor = {"floor-frame-ring", "--bytes", bytes, "--slots", slots},                                                         \
        .rows = {{"what a plain ring of 64 loses, " size, "cpu_ns", NULL, "ns", MICRO_SHOWN, 0,                                    \
                  "two processes, two counts; floor: the same with " slots " slots"}},                                             \
    }

#define UNTOUCHED(size)                                                                                                            \
    {                                                                                                                              \
        .name = "untouched-" size, .command = {"q-frame-untouched", "--bytes", size, "--spin", "20us"},                            \
        .floor = {"q-frame-untouched", "--bytes", "4K", "--spin", "20us"},                                                         \
        .rows = {{"a frame of " size " that nobody touches", "cpu_ns", NULL, "ns", MICRO_RATIO_AT_MOST, 1.10,                      \
                  "CPU of both; floor: one of 4 KiB. Nobody sleeps (spin), so that the size is all there is to see"}},             \
    }

/* Another way to carry the same frames. Three views: with all of the work, what that leaves to be gained at all, and with none. */
#define GAINS(way, most)                                                                                                           \
    {                                                                                                                              \
        {"times less CPU than " way ", 1080p, every byte", "cpu_ns", NULL, "ns", MICRO_GAIN_AT_LEAST, most,                        \
         "per frame, both processes; floor column: the peer"},                                                                     \
        {                                                                                                                          \
            "frames/s beside " way, "per_second", NULL, "1/s", MICRO_SHOWN, 0, "1080p, every byte written and read"                \
        }                                                                                                                          \
    }

#define PEER(short_name, way, most, ...)                                                                                           \
    {                                                                                                                              \
        .name = "peer-" short_name, .command = {"q-frame-bytes", "--slots", "4"}, .floor = {__VA_ARGS__}, .rows = GAINS(way, most),\
    },                                                                                                                             \
    {                                                                                                                              \
        .name = "limit-" short_name, .command = {__VA_ARGS__}, .floor = {"floor-frame-bytes", "--buffers", "4"},                   \
        .rows = {{way " over no transport at all", "cpu_ns", NULL, "ns", MICRO_SHOWN, 0,                                           \
                  "1080p, every byte: the most that anything could gain here, for filling and summing remain"}},                   \
    },                                                                                                                             \
    {                                                                                                                              \
        .name = "stamp-" short_name, .command = {"q-frame-bytes", "--slots", "4", "--touch", "64"},                                \
        .floor = {__VA_ARGS__, "--touch", "64"},                                                                                   \
        .rows = {{"times less CPU than " way ", a stamp touched", "cpu_ns", NULL, "ns", MICRO_GAIN_AT_LEAST, most,                 \
                  "1080p carried, 64 bytes of it written and read: the carrying alone; floor column: the peer"}},                  \
    }

#define GST(short_name, way, words, most)                                                                                          \
    {                                                                                                                              \
        .name = "gst-" short_name, .command = {"q-frame-bytes", "--slots", "4"}, .floor = {"peer-gst", "--way", way},              \
        .rows = {{"frames/s over " words ", 1080p, every byte", "per_second", NULL, "1/s", MICRO_RATIO_AT_LEAST, most,             \
                  "floor column: the peer, with as many buffers"}},                                                                \
    },                                                                                                                             \
    {                                                                                                                              \
        .name = "gst-asleep-" short_name, .command = {"q-frame-bytes", "--slots", "4", "--touch", "64"},                           \
        .floor = {"peer-gst", "--way", way, "--touch", "64"},                                                                      \
        .rows = {{"the same, a stamp touched, all sleep, " words, "per_second", NULL, "1/s", MICRO_SHOWN, 0,                       \
                  "1080p carried, 64 bytes of it written and read; nobody spins"}},                                                \
    },                                                                                                                             \
    {                                                                                                                              \
        .name = "gst-stamp-" short_name, .command = {"q-frame-bytes", "--slots", "4", "--touch", "64", "--spin", "20us"},          \
        .floor = {"peer-gst", "--way", way, "--touch", "64"},                                                                      \
        .rows = {{"frames/s over " words ", a stamp touched", "per_second", NULL, "1/s", MICRO_RATIO_AT_LEAST, most,               \
                  "1080p carried, 64 bytes of it written and read: the carrying alone; the lane with spin = 20us"}},               \
    }

const struct micro_experiment micro_frame_experiments[] = {
    SIZE("720p", P720, "4", 1.05),
    SIZE("1080p", P1080, "4", 1.05),
    SIZE("2160p", P2160, "3", 1.10),
    POOL("720p", P720, "4"),
    POOL("1080p", P1080, "4"),
    POOL("2160p", P2160, "3"),
    UNTOUCHED("64K"),
    UNTOUCHED("1M"),
    UNTOUCHED("8M"),
    UNTOUCHED("33M"),
    {
        .name = "untouched-iceoryx",
        .command = {"q-frame-untouched", "--spin", "20us"},
        .floor = {"peer-iceoryx", "--untouched", "1", "--wait", "poll"},
        .rows = {{"an untouched frame beside iceoryx", "cpu_ns", NULL, "ns", MICRO_RATIO_AT_MOST, 1,
                  "4 KiB, 4 announcements at most on the way in both; both spin; floor column: iceoryx"}},
    },
    PEER("pipe", "a pipe of 1 MiB", 17, "peer-pipe"),
    PEER("unix", "a unix stream", 11, "peer-unix"),
    PEER("vmsplice", "vmsplice", 5.5, "peer-vmsplice"),
    PEER("vm-readv", "process_vm_readv", 4.5, "peer-vm-readv"),
    PEER("zmq", "ZeroMQ ipc", 13, "peer-zmq"),
    GST("shm", "shm", "GStreamer shm", 2.5),
    GST("queue", "queue", "GStreamer in process", 1.2),
    {0},
};

#define BY_SLOTS(size, bytes_, credits, ...)                                                                                       \
    {                                                                                                                              \
        .name = "slots-" size, .command = {"q-frame-bytes", "--bytes", bytes_, "--credits", credits}, .argument = "--slots",       \
        .values = {__VA_ARGS__}, .figure = "cpu_ns", .unit = "ns",                                                                 \
        .note = "CPU per frame of " size ", every byte, by slots of the pool; floor: a plain ring of as many",                     \
        .floor = {"floor-frame-ring", "--bytes", bytes_},                                                                          \
    }

#define BY_BUFFERS(size, bytes_, huge)                                                                                             \
    {                                                                                                                              \
        .name = "buffers-" size "-huge-" huge, .command = {"floor-frame-bytes", "--bytes", bytes_, "--huge", huge},                \
        .argument = "--buffers", .values = {"1", "2", "3", "4", "6", "8", "16", "64"}, .figure = "cpu_ns", .unit = "ns",           \
        .note = "CPU per frame of " size " in one process, by buffers (huge pages asked for: " huge "); floor: on two cores",      \
        .floor = {"floor-frame-apart", "--bytes", bytes_},                                                                         \
    }

const struct micro_sweep micro_frame_sweeps[] = {
    BY_SLOTS("4K", "4K", "16", "2", "3", "4", "8", "16", "32", "64"),
    BY_SLOTS("64K", "64K", "16", "2", "3", "4", "8", "16", "32", "64"),
    BY_SLOTS("720p", P720, "4", "2", "3", "4", "5", "6", "8", "10", "12", "16", "32", "64"),
    BY_SLOTS("1080p", P1080, "4", "2", "3", "4", "5", "6", "8", "12", "16", "32", "64"),
    BY_SLOTS("2160p", P2160, "4", "2", "3", "4", "5", "6", "8", "16", "64"),
    BY_BUFFERS("720p", P720, "0"),
    BY_BUFFERS("1080p", P1080, "0"),
    BY_BUFFERS("2160p", P2160, "0"),
    BY_BUFFERS("1080p", P1080, "1"),
    BY_BUFFERS("2160p", P2160, "1"),
    {
        .name = "pipe-bytes",
        .command = {"peer-pipe"},
        .argument = "--pipe",
        .values = {"64K", "128K", "256K", "512K", "1M"},
        .figure = "cpu_ns",
        .unit = "ns",
        .note = "CPU per 1080p frame through a pipe, by its size; floor: by vmsplice",
        .floor = {"peer-vmsplice"},
    },
    {
        .name = "socket-bytes",
        .command = {"peer-unix"},
        .argument = "--buffer",
        .values = {"64K", "256K", "512K", "1M", "2M", "4M"},
        .figure = "cpu_ns",
        .unit = "ns",
        .note = "CPU per 1080p frame through a unix stream, by its buffers; floor: ZeroMQ",
        .floor = {"peer-zmq"},
        .floor_argument = "--socket",
    },
    {0},
};
