/* What those outside say to a run's control socket: any request, true, spoilt or none at all, while the stages answer, lie or end,
 * and guests die. The door's own files are here; time passes where the input says so. Whoever does not keep to the rules is cut
 * off; the run notices nothing but STOP; guests never hold more than their output has to spare; nothing is left open. */
#include "fuzz.h"

#include "../../pipeline/door.c"
#include "../../pipeline/take.c"

#include "three-stages.h"

enum { CLIENTS = 4 };

/* ---- a run of three, a -> b -> c, where b forwards ---- */

struct world {
    struct three_stages three;
    FlRun *run;
    FlDoor *door;
    int stages[STAGES]; /* their ends of the control sockets */
    int ends[CLIENTS];  /* the clients', -1: none */
    FlClient *clients[CLIENTS];
    gboolean may_end; /* somebody has asked for it, or a stage has lied */
};

static void hear(int fd)
{
    static struct fl_received message;
    while (fd >= 0 && fl_wire_receive(fd, MSG_DONTWAIT, &message) == 0)
        fl_wire_close_fds(&message);
}

/* The stage has mapped all that it was sent, or cannot. */
static void map_all(struct world *world, int error)
{
    for (gboolean found = TRUE; found;) {
        GHashTableIter each;
        gpointer value;
        found = FALSE;
        g_hash_table_iter_init(&each, world->run->regions);
        while (!found && g_hash_table_iter_next(&each, NULL, &value)) {
            FlRunRegion *region = value;
            struct fl_control_region said = {.region = region->id, .error = error};
            struct fl_received message = {.type = FL_CONTROL_MAPPED, .body = &said, .body_bytes = sizeof said};
            found = !region->mapped;
            if (found)
                fl_run_take_mapped(region->writer, &message);
        }
    }
    for (unsigned i = 0; i < STAGES; i++)
        hear(world->stages[i]);
}

static void open_stage(struct world *world, unsigned which)
{
    struct {
        struct fl_control_stream stream;
        uint8_t side[16];
    } tail = {.stream = {.side_bytes = 16, .rate_num = 25, .rate_den = 1, .working_set = 1, .payload_bytes = 9000}};
    unsigned streams = which + 1 < STAGES;
    struct fl_control_opened opened = {.count = streams};
    struct fl_received message = {.type = FL_CONTROL_OPENED, .body = &opened, .body_bytes = sizeof opened, .tail = &tail};
    message.tail_bytes = streams ? sizeof tail : 0;
    tail.stream.first = (struct fl_desc){.kind = FL_KIND_VIDEO, .width = 64, .height = 64, .time_base_num = 1, .time_base_den = 25};
    tail.stream.forwards = which == 1;
    fl_run_take_opened(&world->run->stages[which], &message);
}

static void begin_run(struct world *world)
{
    FlRunOptions options = {.quiet = TRUE};
    three_stages_configure(&world->three, 16 << 20);
    world->run = three_stages_start(&world->three, &options, world->stages);
    fl_run_open_ready(world->run);
    for (unsigned i = 0; i < STAGES; i++)
        open_stage(world, i);
    map_all(world, 0);
    FUZZ_CHECK(world->run->state == FL_RUN_RUNNING);
}

static void open_world(struct world *world)
{
    begin_run(world);
    world->door = g_new0(FlDoor, 1);
    world->door->run = world->run;
    world->door->folder = world->door->socket = -1;
    world->door->clients = g_ptr_array_new_with_free_func(client_free);
    world->door->guests = g_ptr_array_new_with_free_func(fl_guest_free);
    world->run->door = world->door;
    for (unsigned i = 0; i < CLIENTS; i++)
        world->ends[i] = -1;
}

static void close_world(struct world *world)
{
    fl_door_close(world->door, 0);
    world->run->door = NULL;
    for (unsigned i = 0; i < CLIENTS; i++)
        if (world->ends[i] >= 0)
            close(world->ends[i]);
    for (unsigned i = 0; i < STAGES; i++) {
        if (world->run->stages[i].control >= 0)
            close(world->run->stages[i].control);
        if (world->run->stages[i].wanted_timer)
            g_source_remove(world->run->stages[i].wanted_timer);
        close(world->stages[i]);
    }
    fl_run_free(world->run);
    three_stages_clear(&world->three);
}

/* ---- clients ---- */

static gboolean is_there(const struct world *world, unsigned which)
{
    return world->clients[which] && g_ptr_array_find(world->door->clients, world->clients[which], NULL);
}

static void hang_up(struct world *world, unsigned which)
{
    if (world->ends[which] >= 0)
        close(world->ends[which]);
    world->ends[which] = -1;
    if (is_there(world, which))
        on_request(world->clients[which]->socket, G_IO_IN | G_IO_HUP, world->clients[which]);
}

static void come(struct world *world, unsigned which)
{
    int pair[2];
    hang_up(world, which);
    while (is_there(world, which)) /* it had said more before it hung up */
        on_request(world->clients[which]->socket, G_IO_IN | G_IO_HUP, world->clients[which]);
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    world->ends[which] = pair[1];
    welcome(world->door, pair[0]);
    world->clients[which] = g_ptr_array_index(world->door->clients, world->door->clients->len - 1);
}

/* A request that could be one, with what the input does to it. */
static void say(struct world *world, unsigned which, struct fuzz_input *in)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    union {
        struct fl_remote_hello hello;
        struct fl_remote_status status;
        struct fl_remote_stop stop;
        struct fl_remote_attach attach;
        struct fl_remote_set set;
        struct fl_remote_mapped mapped;
    } body = {0};
    static const struct {
        enum fl_remote type;
        size_t bytes;
    } requests[] = {
        {FL_REMOTE_HELLO, sizeof body.hello},   {FL_REMOTE_STATUS, sizeof body.status}, {FL_REMOTE_ATTACH, sizeof body.attach},
        {FL_REMOTE_MAPPED, sizeof body.mapped}, {FL_REMOTE_SET, sizeof body.set},       {FL_REMOTE_STOP, sizeof body.stop},
    };
    uint8_t kind = fuzz_byte(in) % G_N_ELEMENTS(requests), how = fuzz_byte(in);
    size_t bytes = requests[kind].bytes;
    if (requests[kind].type == FL_REMOTE_HELLO)
        body.hello.version = FL_REMOTE_VERSION;
    if (requests[kind].type == FL_REMOTE_ATTACH) {
        g_strlcpy(body.attach.stage, names[how >> 4 & 3], sizeof body.attach.stage);
        body.attach.how = how & 8 ? FL_REMOTE_LOOK : FL_REMOTE_TAKE;
        body.attach.when_full = FL_WHEN_FULL_DROP;
        body.attach.credits = how >> 6;
    }
    if (how & 1)
        fuzz_spoil(in, &body, bytes);
    if (how & 2)
        bytes = fuzz_byte(in) % (bytes + 1);
    world->may_end |= requests[kind].type == FL_REMOTE_STOP;
    int fd = STDERR_FILENO;
    if (world->ends[which] >= 0)
        fl_wire_send(world->ends[which], requests[kind].type, &body, bytes, "key=value", kind == 4 ? 9 : 0, &fd,
                     how & 4 && kind != 2 ? 1 : 0);
}

static void say_noise(struct world *world, unsigned which, struct fuzz_input *in)
{
    uint8_t noise[80];
    size_t count = fuzz_byte(in) % sizeof noise;
    struct fl_message head = {FL_WIRE_MAGIC, FL_REMOTE_HELLO + fuzz_byte(in) % 16, fuzz_byte(in), fuzz_byte(in)};
    memcpy(noise, &head, sizeof head);
    for (size_t i = sizeof head; i < count; i++)
        noise[i] = fuzz_byte(in);
    if (world->ends[which] >= 0)
        send(world->ends[which], noise, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    world->may_end |= head.type == FL_REMOTE_STOP;
}

/* The main loop finds it readable, writable, or too late. */
static void serve(struct world *world, unsigned which, uint8_t how)
{
    FlClient *client = is_there(world, which) ? world->clients[which] : NULL;
    if (client && client->out_source)
        on_room(client->socket, G_IO_OUT, client);
    else if (client && how % 16 == 0 && client->deadline) {
        remove_source(&client->deadline);
        too_late(client);
    } else if (client && client->in_source)
        on_request(client->socket, G_IO_IN, client);
}

/* ---- stages, and what becomes of guests ---- */

static FlGuest *choose_guest(const struct world *world, uint8_t which)
{
    GPtrArray *guests = world->door->guests;
    return guests->len ? g_ptr_array_index(guests, which % guests->len) : NULL;
}

static void stage_says(struct world *world, struct fuzz_input *in, enum fl_control type)
{
    FlGuest *guest = choose_guest(world, fuzz_byte(in));
    uint8_t how = fuzz_byte(in);
    struct fl_control_lane_event event = {.lane = guest ? guest->lane.id : how, .epoch = 1};
    struct fl_received message = {.type = type, .body = &event, .body_bytes = sizeof event, .tail = "lies", .tail_bytes = 4};
    FlRunStage *stage = guest && how % 8 ? guest->stage : &world->run->stages[how % STAGES];
    gboolean is_true = guest && stage == guest->stage && (type == FL_CONTROL_FAULT || guest->state == LEAVING);
    world->may_end |= !is_true;
    if (stage->killed)
        return;
    if (type == FL_CONTROL_FAULT)
        fl_run_take_fault(stage, &message);
    else
        fl_door_take_lane_left(stage, &message);
}

static void die(struct world *world, uint8_t which)
{
    FlGuest *guest = choose_guest(world, which);
    if (!guest || !guest->death_source)
        return;
    g_source_remove(guest->death_source);
    on_death(guest->pidfd, G_IO_IN, guest);
}

static void want_pool(struct world *world, uint8_t how)
{
    struct fl_control_want_pool want = {.payload_bytes = 4096u * (how + 1u)};
    struct fl_received message = {.type = FL_CONTROL_WANT_POOL, .body = &want, .body_bytes = sizeof want};
    fl_run_take_want_pool(&world->run->stages[how % 2], &message);
}

/* ---- what must hold ---- */

static void check(struct world *world)
{
    GPtrArray *guests = world->door->guests;
    unsigned lent[STAGES] = {0};
    FUZZ_CHECK(world->may_end || (!world->run->ending && !world->run->stopping));
    for (guint i = 0; i < guests->len; i++) {
        const FlGuest *guest = g_ptr_array_index(guests, i);
        lent[guest->stage->index] += guest->lane.credits;
        FUZZ_CHECK(guest->lane.credits > 0 && guest->lane.guest && guest->lane.when_full != FL_WHEN_FULL_WAIT);
        FUZZ_CHECK(!guest->client || guest->client->guest == guest);
        FUZZ_CHECK(guest->state != LEAVING || !guest->client);
    }
    for (unsigned i = 0; i < STAGES; i++)
        FUZZ_CHECK(lent[i] <= world->run->stages[i].config->spare_slots);
    for (guint i = 0; i < world->door->clients->len; i++) {
        const FlClient *client = g_ptr_array_index(world->door->clients, i);
        FUZZ_CHECK(!client->guest || (client->guest->client == client && client->seen == client->guest->stage));
        FUZZ_CHECK(!client->guest || client->greeted);
    }
}

/* ---- an input ---- */

enum { COME, SAY, NOISE, SERVE, HEAR, HANG_UP, MAP, LEFT, FAULT, DIE, WANT, ENDS, OPERATIONS };

static void act(struct world *world, struct fuzz_input *in)
{
    unsigned operation = fuzz_byte(in) % OPERATIONS, which = fuzz_byte(in) % CLIENTS;
    switch (operation) {
    case COME:
        come(world, which);
        break;
    case SAY:
        say(world, which, in);
        break;
    case NOISE:
        say_noise(world, which, in);
        break;
    case SERVE:
        serve(world, which, fuzz_byte(in));
        break;
    case HEAR:
        hear(world->ends[which]);
        break;
    case HANG_UP:
        hang_up(world, which);
        break;
    case MAP:
        map_all(world, fuzz_byte(in) % 8 ? 0 : -ENOMEM);
        break;
    case LEFT:
        stage_says(world, in, FL_CONTROL_LANE_LEFT);
        break;
    case FAULT:
        stage_says(world, in, FL_CONTROL_FAULT);
        break;
    case DIE:
        die(world, fuzz_byte(in));
        break;
    case WANT:
        want_pool(world, fuzz_byte(in));
        break;
    default:
        world->run->stages[which % STAGES].life = FL_LIFE_DONE;
        fl_door_guests_end(world->door, &world->run->stages[which % STAGES]);
        fl_door_stage_ended(world->door, &world->run->stages[which % STAGES]);
        break;
    }
}

void fuzz_one(struct fuzz_input *in)
{
    static struct world world;
    g_main_context_default(); /* opens a descriptor of its own, once */
    world = (struct world){0};
    int fd = fuzz_free_fd();
    open_world(&world);
    for (unsigned count = 0; fuzz_more(in) && count < 80; count++) {
        act(&world, in);
        check(&world);
    }
    close_world(&world);
    FUZZ_CHECK(fuzz_free_fd() == fd);
}

#define CALL(who)        COME, who, SAY, who, 0, 0, SERVE, who, 1
#define TAKE(who, stage) CALL(who), SAY, who, 2, (stage) << 4, SERVE, who, 1, SAY, who, 3, 0, SERVE, who, 1, MAP, 0, 1

const struct fuzz_seed fuzz_seeds[] = {
    FUZZ_SEED(CALL(0), SAY, 0, 1, 0, SERVE, 0, 1, HEAR, 0, SERVE, 0, 1),
    FUZZ_SEED(CALL(0), SAY, 0, 2, 8, SERVE, 0, 1, MAP, 0, 1, WANT, 0, 8, MAP, 0, 1, HANG_UP, 0),
    FUZZ_SEED(TAKE(0, 0), TAKE(1, 1), HEAR, 0, HANG_UP, 0, LEFT, 0, 0, 1, HANG_UP, 1, DIE, 0, 0, LEFT, 0, 0, 1),
    FUZZ_SEED(TAKE(0, 1), FAULT, 0, 0, 1, SERVE, 0, 1, LEFT, 0, 0, 1, TAKE(2, 2), DIE, 0, 0, LEFT, 0, 0, 1),
    FUZZ_SEED(CALL(0), SAY, 0, 2, 0, SERVE, 0, 1, SERVE, 0, 0, CALL(1), SAY, 1, 2, 16, SERVE, 1, 1, SAY, 1, 3, 0, SERVE, 1, 1,
              HANG_UP, 1, MAP, 0, 1, LEFT, 0, 0, 1),
    FUZZ_SEED(TAKE(0, 0), ENDS, 0, SAY, 0, 5, 0, SERVE, 0, 1, NOISE, 1, 40, 3, 8, 0, SERVE, 1, 1),
    {0},
};
