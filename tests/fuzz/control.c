/* What a stage says to its supervisor: any message at any moment of a run, true, spoilt or no message at all. The supervisor's own
 * files are here, its processes are not: a stage is one end of a socket, and to be killed is a mark. A stage that lies is killed
 * with a sentence; memory stays within its limit and is accounted for; nothing is left open. */
#include "fuzz.h"

#include "../../pipeline/supervise.c"

#include "three-stages.h"

#include <string.h>

enum { MOST_REGIONS = 64, LIMIT_BYTES = 16 << 20 };

/* ---- a pipeline of three: a -> b -> c ---- */

struct world {
    struct three_stages three;
    FlRun *run;
    int ends[STAGES];                       /* the stages' */
    uint32_t regions[STAGES][MOST_REGIONS]; /* that it was sent MAP for and has not answered */
    unsigned region_count[STAGES];
    enum fl_stage_life lives[STAGES];
};

static void begin(struct world *world, uint8_t how)
{
    FlRunOptions options = {.verbose = how & 1, .quiet = how & 2};
    three_stages_configure(&world->three, LIMIT_BYTES);
    world->three.pipeline.transport = how & 4 ? FL_TRANSPORT_PIPE : FL_TRANSPORT_SHM;
    world->run = three_stages_start(&world->three, &options, world->ends);
    for (unsigned i = 0; i < STAGES; i++)
        FUZZ_CHECK(fl_run_send_config(&world->run->stages[i]));
    fl_run_open_ready(world->run);
}

static void end(struct world *world)
{
    for (unsigned i = 0; i < STAGES; i++) {
        FlRunStage *stage = &world->run->stages[i];
        close_control(stage);
        if (stage->wanted_timer)
            g_source_remove(stage->wanted_timer);
        close(world->ends[i]);
    }
    fl_run_free(world->run);
    three_stages_clear(&world->three);
}

/* ---- a stage ---- */

/* Hears what it was told, and closes what came with it. */
static void hear(struct world *world, unsigned which)
{
    static struct fl_received message;
    while (fl_wire_receive(world->ends[which], MSG_DONTWAIT, &message) == 0) {
        const struct fl_control_map *map = message.body;
        if (message.type == FL_CONTROL_MAP && world->region_count[which] < MOST_REGIONS)
            world->regions[which][world->region_count[which]++] = map->region;
        fl_wire_close_fds(&message);
    }
}

static void say(struct world *world, unsigned which, struct fuzz_input *in, uint32_t type, void *body, size_t body_bytes,
                void *tail, size_t tail_bytes)
{
    uint8_t how = in ? fuzz_byte(in) : 0;
    if (how & 1)
        fuzz_spoil(in, body, body_bytes);
    if (how & 2)
        fuzz_spoil(in, tail, tail_bytes);
    if (how & 4)
        body_bytes = fuzz_byte(in) % (body_bytes + 1);
    int fd = STDERR_FILENO;
    if (world->ends[which] >= 0)
        fl_wire_send(world->ends[which], type, body, body_bytes, tail, tail_bytes, &fd, how & 8 ? 1 : 0);
    read_control(&world->run->stages[which], MESSAGES_AT_ONCE);
}

/* Its outputs: the last stage has none. */
static void say_opened(struct world *world, unsigned which, struct fuzz_input *in)
{
    struct {
        struct fl_control_stream stream;
        uint8_t side[16];
    } tail = {.stream = {.side_bytes = 16, .rate_num = 25, .rate_den = 1, .working_set = 1, .payload_bytes = 9000}};
    unsigned streams = which + 1 < STAGES;
    struct fl_control_opened opened = {.count = streams, .hold = {1}};
    tail.stream.first = (struct fl_desc){.kind = FL_KIND_VIDEO, .width = 64, .height = 64, .time_base_num = 1, .time_base_den = 25};
    say(world, which, in, FL_CONTROL_OPENED, &opened, sizeof opened, &tail, streams ? sizeof tail : 0);
}

static void say_mapped(struct world *world, unsigned which, struct fuzz_input *in)
{
    struct fl_control_region region = {0};
    if (world->region_count[which] > 0)
        region.region = world->regions[which][--world->region_count[which]];
    say(world, which, in, FL_CONTROL_MAPPED, &region, sizeof region, NULL, 0);
}

static void say_text(struct world *world, unsigned which, struct fuzz_input *in, uint32_t type)
{
    struct fl_control_text head = {.level = fuzz_byte(in) % 5};
    char text[64];
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = (char)fuzz_byte(in);
    say(world, which, in, type, &head, sizeof head, text, fuzz_byte(in) % sizeof text);
}

static void say_wanted(struct world *world, unsigned which, struct fuzz_input *in)
{
    struct fl_control_want_pool want = {.payload_bytes = fuzz_word(in, 1 << 16)};
    say(world, which, in, FL_CONTROL_WANT_POOL, &want, sizeof want, NULL, 0);
}

/* ---- what must hold ---- */

static void check(struct world *world)
{
    const FlRun *run = world->run;
    GHashTableIter each;
    gpointer value;
    uint64_t pool_bytes = 0;
    FUZZ_CHECK(g_hash_table_size(run->regions) < MOST_REGIONS);
    g_hash_table_iter_init(&each, run->regions);
    while (g_hash_table_iter_next(&each, NULL, &value))
        pool_bytes += ((FlRunRegion *)value)->kind == FL_REGION_POOL ? ((FlRunRegion *)value)->bytes : 0;
    FUZZ_CHECK(pool_bytes == run->pool_bytes && pool_bytes <= LIMIT_BYTES);
    FUZZ_CHECK(run->ending == (run->exit_code != 0) && run->ending == (run->error != NULL));
    for (unsigned i = 0; i < STAGES; i++) {
        FUZZ_CHECK(run->stages[i].life >= world->lives[i]);
        FUZZ_CHECK(!run->stages[i].killed || run->ending);
        world->lives[i] = run->stages[i].life;
    }
}

/* ---- an input ---- */

enum { SAY_OPENED, SAY_MAPPED, LOG, FAILED, FAULT, WANT_POOL, UNUSED, DONE, NO_MESSAGE, HANG_UP, ALL_HEAR, ALL_GO_ON, OPERATIONS };

static void say_noise(struct world *world, unsigned which, struct fuzz_input *in)
{
    uint8_t noise[64];
    size_t count = fuzz_byte(in) % sizeof noise;
    for (size_t i = 0; i < count; i++)
        noise[i] = fuzz_byte(in);
    if (world->ends[which] >= 0 && send(world->ends[which], noise, count, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        read_control(&world->run->stages[which], MESSAGES_AT_ONCE);
}

/* Every stage answers truly what it was asked. */
static void go_on(struct world *world)
{
    for (unsigned i = 0; i < STAGES; i++) {
        hear(world, i);
        if (world->run->stages[i].life == FL_LIFE_OPENING)
            say_opened(world, i, NULL);
        while (world->region_count[i] > 0)
            say_mapped(world, i, NULL);
    }
}

static void act(struct world *world, struct fuzz_input *in)
{
    unsigned operation = fuzz_byte(in) % OPERATIONS, which = fuzz_byte(in) % STAGES;
    struct fl_control_lane_event event = {.lane = 1 + which % LANES, .epoch = 1};
    char words[] = "lied";
    struct fl_control_region region = {.region = world->run->next_id - 1 - fuzz_byte(in) % 4};
    switch (operation) {
    case SAY_OPENED:
        say_opened(world, which, in);
        break;
    case SAY_MAPPED:
        say_mapped(world, which, in);
        break;
    case LOG:
    case FAILED:
        say_text(world, which, in, operation == LOG ? FL_CONTROL_LOG : FL_CONTROL_FAILED);
        break;
    case FAULT:
        say(world, which, in, FL_CONTROL_FAULT, &event, sizeof event, words, sizeof words);
        break;
    case WANT_POOL:
        say_wanted(world, which, in);
        break;
    case UNUSED:
        say(world, which, in, FL_CONTROL_POOL_UNUSED, &region, sizeof region, NULL, 0);
        break;
    case DONE:
        say(world, which, in, FL_CONTROL_DONE, NULL, 0, NULL, 0);
        break;
    case NO_MESSAGE:
        say_noise(world, which, in);
        break;
    case HANG_UP:
        shutdown(world->ends[which], SHUT_WR);
        read_control(&world->run->stages[which], MESSAGES_AT_ONCE);
        break;
    case ALL_HEAR:
        hear(world, which);
        break;
    default:
        go_on(world);
    }
}

void fuzz_one(struct fuzz_input *in)
{
    static struct world world;
    g_main_context_default(); /* opens a descriptor of its own, once */
    world = (struct world){0};
    int fd = fuzz_free_fd();
    begin(&world, fuzz_byte(in));
    for (unsigned count = 0; fuzz_more(in) && count < 60; count++) {
        act(&world, in);
        check(&world);
    }
    end(&world);
    FUZZ_CHECK(fuzz_free_fd() == fd);
}

const struct fuzz_seed fuzz_seeds[] = {
    FUZZ_SEED(0, ALL_GO_ON, 0, 0, ALL_GO_ON, 0, 0, ALL_GO_ON, 0, 0, ALL_GO_ON, 0, 0, WANT_POOL, 0, 0, 32, 0, ALL_GO_ON, 0, 0,
              UNUSED, 0, 0, 0, ALL_GO_ON, 0, 0, WANT_POOL, 1, 0, 60, 0, WANT_POOL, 1, 0, 0xac, 0, DONE, 0, 0, 0),
    FUZZ_SEED(4, ALL_GO_ON, 0, 0, ALL_GO_ON, 0, 0, ALL_GO_ON, 0, 0, ALL_GO_ON, 0, 0, FAULT, 1, 0, 0, DONE, 2, 0, 0),
    FUZZ_SEED(0, SAY_OPENED, 0, 0, 3, 1, 1, 63, 1, 1, 200, SAY_OPENED, 1, 0, 0, ALL_GO_ON, 0, 0),
    /* The most negative errno there is. */
    FUZZ_SEED(0, ALL_GO_ON, 0, 0, ALL_HEAR, 0, 0, SAY_MAPPED, 0, 0, 1, 1, 1, 0xe0, 0, 0, 0, 0x80, 0, 0, 0, 0),
    FUZZ_SEED(1, LOG, 0, 0, 1, 0xe2, 0x82, 0xac, 7, 0, FAILED, 1, 0, 2, HANG_UP, 2, 0, NO_MESSAGE, 0, 0, 3, 1, 2, 3),
    {0},
};
