/* A pipe as its writer meets it: its reader takes what and when it likes, makes it smaller or larger, fills it through a descriptor
 * of its own, or goes. What it did take of an untouched pipe is exactly the frames, and no slot is lost. */
#include "fuzz.h"

#include "../../transport/pipe.h"
#include "../lib/picture.h"
#include "../lib/wiring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SLOTS = 6, MOST_BYTES = 1 << 20, REPEATS = 3 };

struct world {
    struct fl_context *context;
    struct fl_output *output;
    struct fl_pool *pool;
    struct fl_output_lane *lane;
    int pipe;       /* its read end */
    uint8_t *bytes; /* read so far */
    size_t count;
    uint64_t number;
    bool touched, closing;
};

/* ---- what this process does ---- */

static void describe(struct fl_desc *desc, uint64_t number, unsigned shape)
{
    switch (shape % 4) {
    case 0:
        picture_describe(desc, number, 40, 6, 48);
        break;
    case 1:
        picture_describe_yuv(desc, number, 40, 6, 256);
        break;
    case 2:
        picture_describe(desc, number, 64, 300, 64);
        break;
    default: /* bottom up */
        picture_describe(desc, number, 40, 6, -64);
        desc->planes[0].offset = 5 * 64;
    }
}

static void publish(struct world *world, unsigned shape)
{
    struct fl_frame *frame;
    struct fl_desc desc;
    if (fl_pool_acquire(world->pool, &frame) < 0)
        return;
    describe(&desc, world->number, shape);
    picture_fill(fl_frame_data(frame), &desc, world->number);
    int error = fl_output_publish(world->output, frame, &desc);
    FUZZ_CHECK(error == 0 || error == -EAGAIN || error == -EPIPE);
    world->number += error == 0;
    fl_frame_unref(frame);
}

static bool ready_soon(void *asked)
{
    return ++*(unsigned *)asked > 3;
}

static void wait_a_little(struct world *world)
{
    unsigned asked = 0;
    int error = fl_context_wait(world->context, ready_soon, &asked, 5000);
    FUZZ_CHECK(error == 0 || error == -ETIMEDOUT);
}

/* ---- what the reader does ---- */

static void read_some(struct world *world, size_t most)
{
    if (world->count + most > MOST_BYTES || world->pipe < 0)
        return;
    ssize_t got = read(world->pipe, world->bytes + world->count, most);
    world->count += got > 0 ? (size_t)got : 0;
}

static void fill(struct world *world, struct fuzz_input *in)
{
    char path[64];
    uint8_t junk[256] = {fuzz_byte(in)};
    snprintf(path, sizeof path, "/proc/self/fd/%d", world->pipe);
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    world->touched = true;
    for (unsigned i = fuzz_byte(in); fd >= 0 && i > 0 && write(fd, junk, sizeof junk) > 0; i--)
        ;
    close(fd);
}

/* ---- an input ---- */

enum { READ, READ_ALL, SIZE, FILL, GO, PUBLISH, THROUGH, CLOSE, STOP, DOWN, WAIT, SERVICE, PASS, OPERATIONS };

static void lie(struct world *world, unsigned operation, struct fuzz_input *in)
{
    switch (operation) {
    case READ:
        read_some(world, fuzz_byte(in));
        break;
    case READ_ALL:
        read_some(world, 65536);
        break;
    case SIZE:
        fcntl(world->pipe, F_SETPIPE_SZ, 4096 << fuzz_byte(in) % 5);
        break;
    case FILL:
        fill(world, in);
        break;
    default:
        close(world->pipe);
        world->pipe = -1;
    }
}

static void act(struct world *world, unsigned operation, struct fuzz_input *in)
{
    struct fl_through through = {.number = world->number, .time_base_num = 1, .time_base_den = 25};
    switch (operation) {
    case PUBLISH:
        publish(world, fuzz_byte(in));
        break;
    case THROUGH:
        fl_output_through(world->output, &through);
        break;
    case CLOSE:
        fl_output_close(world->output);
        world->closing = true;
        break;
    case STOP:
        fl_output_lane_stop(world->lane);
        break;
    case DOWN:
        fl_output_lane_down(world->lane);
        break;
    case WAIT:
        wait_a_little(world);
        break;
    case PASS:
        fuzz_pass_ns(fuzz_byte(in) * 20000000ull);
        break;
    default:
        fl_context_service(world->context);
    }
}

static void check(const struct world *world)
{
    unsigned rows = 0;
    for (uint32_t i = 0; i <= world->lane->row_mask; i++)
        rows += world->lane->rows[i].frame != NULL;
    FUZZ_CHECK(rows == world->lane->outstanding && rows <= world->lane->info.credits);
    FUZZ_CHECK(world->lane->stats.sent - world->lane->stats.returned == rows);
}

/* What was read goes to a reader of ours: the frames are those that were published, in order, to the last byte. */
static void check_stream(const struct world *world)
{
    struct fl_context *context;
    struct wiring wiring;
    struct fl_frame *frame;
    uint64_t next = 0;
    size_t done = 0;
    FUZZ_CHECK(fl_context_create(&context) == 0);
    wiring_mint(&wiring, &(struct fl_lane_info){.transport = FL_TRANSPORT_PIPE, .credits = 2});
    struct fl_lane *lane = wiring_attach_consumer(&wiring, context);
    fcntl(wiring.announce, F_SETFL, O_NONBLOCK);
    for (unsigned tries = 0; tries < REPEATS; tries++) {
        ssize_t wrote = done < world->count ? write(wiring.announce, world->bytes + done, world->count - done) : 0;
        done += wrote > 0 ? (size_t)wrote : 0;
        while (fl_lane_take(lane, &frame) == 0) {
            const struct fl_desc *desc = fl_frame_desc(frame);
            FUZZ_CHECK(desc->number >= next && desc->number < world->number);
            FUZZ_CHECK(picture_wrong_bytes(fl_frame_base(frame), desc, desc->number) == 0);
            next = desc->number + 1;
            fl_frame_release(frame);
            tries = 0;
        }
        FUZZ_CHECK(!fl_lane_fault(lane));
    }
    wiring_finish(&wiring);
    fl_context_destroy(context);
}

/* Whoever reads to the end has been sent everything: nothing is kept back for it. */
static void read_to_the_end(struct world *world)
{
    static uint8_t rest[65536];
    ssize_t got;
    do {
        fl_context_service(world->context);
        bool kept = world->count + sizeof rest <= MOST_BYTES;
        got = world->pipe < 0 ? 0 : read(world->pipe, kept ? world->bytes + world->count : rest, sizeof rest);
        if (got > 0 && kept)
            world->count += (size_t)got;
    } while (got > 0);
    FUZZ_CHECK(world->lane->outstanding == 0 || world->lane->fault);
}

static void settle(struct world *world)
{
    read_to_the_end(world);
    fl_output_lane_down(world->lane);
    fl_output_close(world->output);
    fl_context_service(world->context);
    check(world);
    FUZZ_CHECK(fl_pool_free_slots(world->pool) == SLOTS && fl_output_drained(world->output));
    if (!world->touched)
        check_stream(world);
}

void fuzz_one(struct fuzz_input *in)
{
    static uint8_t bytes[MOST_BYTES];
    struct world world = {.bytes = bytes};
    struct fl_lane_info info = {.transport = FL_TRANSPORT_PIPE, .credits = 1 + fuzz_byte(in) % 4, .when_full = fuzz_byte(in) % 3};
    struct fl_pool_info pool = {.id = 1, .slot_count = SLOTS, .slot_bytes = fl_pool_slot_bytes(20000)};
    struct wiring wiring;
    int fd = fuzz_free_fd();
    FUZZ_CHECK(fl_context_create(&world.context) == 0 && fl_output_create(world.context, &world.output) == 0);
    FUZZ_CHECK(fl_pool_create_private(world.context, &pool, &world.pool) == 0);
    wiring_mint(&wiring, &info);
    world.lane = wiring_attach_producer(&wiring, world.output);
    world.pipe = fcntl(wiring.returns, F_DUPFD_CLOEXEC, 0);
    fcntl(world.pipe, F_SETFL, O_NONBLOCK);
    wiring_finish(&wiring);
    for (unsigned count = 0; fuzz_more(in) && count < 200; count++) {
        unsigned operation = fuzz_byte(in) % OPERATIONS;
        if (operation <= GO)
            lie(&world, operation, in);
        else
            act(&world, operation, in);
        check(&world);
    }
    settle(&world);
    if (world.pipe >= 0)
        close(world.pipe);
    fl_context_destroy(world.context);
    FUZZ_CHECK(fuzz_free_fd() == fd);
}

const struct fuzz_seed fuzz_seeds[] = {
    FUZZ_SEED(2, 0, PUBLISH, 0, READ_ALL, PUBLISH, 1, PUBLISH, 3, THROUGH, READ, 100, READ_ALL, CLOSE, READ_ALL, WAIT),
    FUZZ_SEED(1, 1, SIZE, 0, PUBLISH, 2, PUBLISH, 2, PUBLISH, 2, READ, 255, SERVICE, READ_ALL, SERVICE, READ_ALL, SERVICE,
              READ_ALL),
    FUZZ_SEED(3, 0, PUBLISH, 0, GO, PUBLISH, 0, SERVICE, CLOSE),
    FUZZ_SEED(3, 2, FILL, 1, 255, PUBLISH, 0, PUBLISH, 1, CLOSE, PASS, 60, STOP, DOWN),
    {0},
};
