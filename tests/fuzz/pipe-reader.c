/* The bytes of a pipe as its reader meets them: headers true and false, payloads whole and cut, in any order and any portions.
 * Beside it an honest pipe, whose frame must arrive. */
#include "fuzz.h"

#include "../../transport/pipe.h"
#include "../lib/picture.h"
#include "../lib/wiring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { MOST_HELD = 4 };

struct end {
    struct fl_lane *lane;
    int pipe;
};

struct world {
    struct fl_context *context;
    struct end bad, good;
    struct fl_frame *held[MOST_HELD];
    struct fl_through through;
    bool through_known, left, down, faulted;
};

static struct end wire(struct fl_context *context, const struct fl_lane_info *info)
{
    struct wiring wiring;
    struct end end;
    wiring_mint(&wiring, info);
    end.lane = wiring_attach_consumer(&wiring, context);
    end.pipe = fcntl(wiring.announce, F_DUPFD_CLOEXEC, 0);
    fcntl(end.pipe, F_SETFL, O_NONBLOCK);
    wiring_finish(&wiring);
    return end;
}

/* ---- what the writer does ---- */

static struct fl_entry header(unsigned shape)
{
    struct fl_entry entry = {.type = FL_PIPE_FRAME};
    struct fl_desc desc;
    if (shape & 1)
        picture_describe_yuv(&desc, shape, 40, 6, shape & 2 ? 64 : 256);
    else
        picture_describe(&desc, shape, 16, 4, shape & 2 ? 16 : 64);
    desc.side_bytes = shape & 4 ? 24 : 0;
    if (shape & 8)
        desc = (struct fl_desc){.kind = FL_KIND_PACKET, .time_base_num = 1, .time_base_den = 25}; /* without payload */
    entry.spare = fl_pipe_rows_mask(&desc);
    FUZZ_CHECK(fl_pipe_restate(&desc, entry.spare, &entry.desc) > 0);
    return entry;
}

static void say(int pipe, const void *bytes, size_t count)
{
    ssize_t wrote = write(pipe, bytes, count);
    FUZZ_CHECK(wrote >= 0 || errno == EAGAIN || errno == EPIPE || errno == EBADF);
}

static void say_header(struct world *world, struct fuzz_input *in, bool spoilt)
{
    struct fl_entry entry = header(fuzz_byte(in));
    if (spoilt)
        fuzz_spoil(in, &entry, sizeof entry);
    say(world->bad.pipe, &entry, sizeof entry);
}

static void say_payload(struct world *world, struct fuzz_input *in)
{
    static uint8_t bytes[16384];
    say(world->bad.pipe, bytes, fuzz_raw(in, 2) % sizeof bytes);
}

static void say_through(struct world *world, struct fuzz_input *in)
{
    struct fl_entry entry = {.type = FL_PIPE_THROUGH};
    entry.desc.number = fuzz_word(in, world->through.number);
    entry.desc.epoch = (uint32_t)fuzz_word(in, world->through.epoch);
    entry.desc.time_base_num = (int32_t)fuzz_word(in, 1);
    entry.desc.time_base_den = 25;
    say(world->bad.pipe, &entry, sizeof entry);
}

static void say_closed(struct world *world)
{
    struct fl_entry entry = {.type = FL_PIPE_CLOSED};
    say(world->bad.pipe, &entry, sizeof entry);
}

/* ---- what this process does ---- */

static void read_payload(const struct fl_frame *frame)
{
    const struct fl_desc *desc = fl_frame_desc(frame);
    volatile uint8_t sum = 0;
    FUZZ_CHECK(fl_desc_check(desc, fl_frame_capacity(frame)) == 0);
    for (unsigned i = 0; i < desc->plane_count; i++)
        for (uint64_t row = 0; row < desc->planes[i].rows && row < 64; row++) {
            const uint8_t *first = fl_frame_plane(frame, i) + (int64_t)row * desc->planes[i].stride;
            sum += first[0] + first[desc->planes[i].row_bytes - 1];
        }
}

static void take(struct world *world, unsigned place)
{
    struct fl_frame *frame = NULL;
    bool faulted = fl_lane_fault(world->bad.lane) != NULL;
    int error = fl_lane_take(world->bad.lane, &frame);
    if (error == 0) { /* what broke the lane may stand right behind this frame */
        FUZZ_CHECK(!faulted && !world->left);
        read_payload(frame);
        fl_frame_release(world->held[place]);
        world->held[place] = frame;
        return;
    }
    FUZZ_CHECK(error == -EAGAIN || error == -ENODATA || error == -EBADMSG);
    FUZZ_CHECK((error == -EBADMSG) == (fl_lane_fault(world->bad.lane) && !world->left));
}

static void ask_through(struct world *world)
{
    struct fl_through now;
    if (!fl_lane_through(world->bad.lane, &now)) {
        FUZZ_CHECK(!world->through_known);
        return;
    }
    FUZZ_CHECK(now.time_base_num > 0 && now.time_base_den > 0);
    FUZZ_CHECK(!world->through_known || !fl_through_is_later(&world->through, &now));
    world->through = now;
    world->through_known = true;
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

/* ---- an input ---- */

enum { HEADER, SPOILT, PAYLOAD, THROUGH, CLOSED, BYTE, END, TAKE, RELEASE, ASK, SERVICE, LEAVE, DOWN, WAIT, OPERATIONS };

static void lie(struct world *world, unsigned operation, struct fuzz_input *in)
{
    uint8_t byte;
    switch (operation) {
    case HEADER:
    case SPOILT:
        say_header(world, in, operation == SPOILT);
        break;
    case PAYLOAD:
        say_payload(world, in);
        break;
    case THROUGH:
        say_through(world, in);
        break;
    case CLOSED:
        say_closed(world);
        break;
    case BYTE:
        byte = fuzz_byte(in);
        say(world->bad.pipe, &byte, 1);
        break;
    default:
        close(world->bad.pipe);
        world->bad.pipe = -1;
    }
}

static void act(struct world *world, unsigned operation, struct fuzz_input *in)
{
    unsigned place = fuzz_byte(in) % MOST_HELD;
    switch (operation) {
    case TAKE:
        take(world, place);
        break;
    case RELEASE:
        fl_frame_release(world->held[place]);
        world->held[place] = NULL;
        break;
    case ASK:
        ask_through(world);
        break;
    case LEAVE:
        fl_lane_leave(world->bad.lane);
        world->left = true;
        break;
    case DOWN:
        fl_lane_producer_down(world->bad.lane);
        world->down = true;
        break;
    case WAIT:
        wait_a_little(world);
        break;
    default:
        fl_context_service(world->context);
    }
}

static void check(struct world *world)
{
    struct fl_lane_stats stats;
    fl_lane_get_stats(world->bad.lane, &stats);
    FUZZ_CHECK(stats.taken - stats.returned <= world->bad.lane->info.credits);
    FUZZ_CHECK(!world->faulted || fl_lane_fault(world->bad.lane));
    world->faulted = fl_lane_fault(world->bad.lane) != NULL;
    FUZZ_CHECK(!world->faulted || fl_lane_ready(world->bad.lane));
}

static void honest_frame(struct world *world)
{
    struct fl_entry entry = header(0);
    uint8_t payload[64 * 4] = {0};
    struct fl_frame *frame;
    say(world->good.pipe, &entry, sizeof entry);
    say(world->good.pipe, payload, fl_pipe_wire_bytes(&entry.desc, entry.spare));
    FUZZ_CHECK(fl_lane_take(world->good.lane, &frame) == 0);
    read_payload(frame);
    fl_frame_release(frame);
}

static void settle(struct world *world)
{
    unsigned handles = 0;
    struct fl_lane_stats stats;
    for (unsigned i = 0; i < MOST_HELD; i++)
        fl_frame_release(world->held[i]);
    fl_context_service(world->context);
    fl_lane_get_stats(world->bad.lane, &stats);
    FUZZ_CHECK(stats.taken == stats.returned);
    for (const struct fl_frame *frame = world->bad.lane->free_frames; frame; frame = frame->next)
        handles++;
    FUZZ_CHECK(handles + 1 >= world->bad.lane->info.credits && handles <= world->bad.lane->info.credits); /* one may be filling */
}

void fuzz_one(struct fuzz_input *in)
{
    struct world world = {0};
    struct fl_lane_info info = {.transport = FL_TRANSPORT_PIPE, .credits = 1 + fuzz_byte(in) % 4, .when_full = fuzz_byte(in) % 3};
    int fd = fuzz_free_fd();
    FUZZ_CHECK(fl_context_create(&world.context) == 0);
    world.bad = wire(world.context, &info);
    world.good = wire(world.context, &(struct fl_lane_info){.transport = FL_TRANSPORT_PIPE, .credits = 2});
    for (unsigned count = 0; fuzz_more(in) && count < 200; count++) {
        unsigned operation = fuzz_byte(in) % OPERATIONS;
        if (operation <= END)
            lie(&world, operation, in);
        else
            act(&world, operation, in);
        check(&world);
    }
    honest_frame(&world);
    settle(&world);
    fl_context_destroy(world.context);
    if (world.bad.pipe >= 0)
        close(world.bad.pipe);
    close(world.good.pipe);
    FUZZ_CHECK(fuzz_free_fd() == fd);
}

const struct fuzz_seed fuzz_seeds[] = {
    FUZZ_SEED(2, 0, HEADER, 0, PAYLOAD, 64, 0, TAKE, 0, HEADER, 3, PAYLOAD, 0, 8, TAKE, 1, RELEASE, 0, CLOSED, TAKE, 0),
    FUZZ_SEED(1, 2, HEADER, 8, HEADER, 8, HEADER, 8, TAKE, 0, TAKE, 1, TAKE, 2, RELEASE, 0, WAIT, 0, TAKE, 0),
    FUZZ_SEED(2, 0, SPOILT, 1, 1, 30, 0xa6, 0, TAKE, 0), /* a plane's offset, stride, rows, bytes of a row */
    FUZZ_SEED(2, 0, SPOILT, 0, 1, 31, 0xa6, 0, PAYLOAD, 64, 0, TAKE, 0),
    FUZZ_SEED(2, 0, SPOILT, 0, 1, 32, 0xa6, 0, PAYLOAD, 64, 0, TAKE, 0),
    FUZZ_SEED(2, 0, SPOILT, 4, 1, 55, 0xa8, 0, PAYLOAD, 88, 0, TAKE, 0), /* side data elsewhere */
    FUZZ_SEED(2, 0, SPOILT, 0, 1, 33, 0xa6, 0, PAYLOAD, 64, 0, TAKE, 0),
    FUZZ_SEED(2, 0, HEADER, 1, PAYLOAD, 32, 0, END, DOWN, 0, TAKE, 0),
    FUZZ_SEED(2, 0, THROUGH, 5, 0, 0, ASK, 0, THROUGH, 0x44, 0, 0, ASK, 0, LEAVE, 0),
    FUZZ_SEED(0, 0, HEADER, 4, PAYLOAD, 88, 0, HEADER, 0, TAKE, 0, TAKE, 1, RELEASE, 0, PAYLOAD, 64, 0, TAKE, 0),
    {0},
};
