/* A tour of libframelane: a producer and a consumer, two processes, and the third that brings them together.
 *
 * Build it against an installation with nothing but pkg-config:   cc tour.c -o tour $(pkg-config --cflags --libs framelane)
 *
 * The supervisor (main) never touches a frame. It mints shared memory, hands each piece to the one process that may write it, seals
 * it, and only then hands it to the readers: from then on the kernel refuses every other writer. Read main first, then producer,
 * then consumer.
 */
#include <framelane/framelane.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WIDTH = 320, HEIGHT = 180, FRAMES = 250 };

/* What both ends must know of the lane and of the pool. In a real pipeline it travels in messages; here it is plain to see. */
static const struct fl_lane_info lane_info = {.id = 1, .epoch = 1, .credits = 4, .when_full = FL_WHEN_FULL_WAIT};
static struct fl_pool_info pool_info = {.id = 1, .slot_count = 8};

/* Messages between the supervisor and the other two. WRITE brings the memory a process will write, MAPPED says that it has mapped
 * it, READ brings what it will read. */
enum { WRITE = 1, MAPPED, READ };

static int failures;

/* Every call that can fail returns 0 or a negative errno. */
static void must(int error, const char *what)
{
    if (error >= 0)
        return;
    fprintf(stderr, "tour: %s: %s\n", what, strerror(-error));
    _exit(1);
}

static void receive(int control, uint32_t type, unsigned fd_count, struct fl_received *message)
{
    must(fl_wire_receive(control, 0, message), "receive");
    if (message->type != type || message->fd_count != fd_count)
        must(-EPROTO, "an unexpected message");
}

/* ---- the producer ---- */

/* One grey picture. A real producer decodes, renders or captures straight into the slot. */
static void draw(uint8_t *pixels, uint64_t number, struct fl_desc *desc)
{
    memset(pixels, (int)(number % 256), WIDTH * HEIGHT);
    *desc = (struct fl_desc){
        .number = number, /* the source counts from 0 and never goes back */
        .pts = (int64_t)number,
        .dts = FL_NO_PTS,
        .duration = 1,
        .time_base_num = 1,
        .time_base_den = 25,
        .kind = FL_KIND_VIDEO,
        .plane_count = 1,
        .width = WIDTH,
        .height = HEIGHT,
        .format = "gray", /* libav's names */
        .sar_num = 1,
        .sar_den = 1,
        .planes = {{.offset = 0, .stride = WIDTH, .rows = HEIGHT, .row_bytes = WIDTH}},
    };
}

static bool output_is_drained(void *output)
{
    return fl_output_drained(output);
}

static int producer(int control)
{
    static struct fl_received message;
    struct fl_context *context;
    struct fl_pool *pool;
    struct fl_output *output;
    struct fl_output_lane *lane;
    void *announce;

    /* A process has one context: all it waits on. */
    must(fl_context_create(&context), "context");

    /* First it maps what it alone writes: the frames, and the ring in which it announces them. */
    receive(control, WRITE, 2, &message);
    must(fl_pool_map_writer(context, message.fds[0], &pool_info, &pool), "map the pool");
    must(fl_shm_map_writer(message.fds[1], fl_lane_announce_bytes(lane_info.credits), &announce), "map the announcements");
    fl_wire_close_fds(&message);
    must(fl_wire_send(control, MAPPED, NULL, 0, NULL, 0, NULL, 0), "send");

    /* Then it gets what its consumer writes, and two bells. An output may have any number of lanes. */
    receive(control, READ, 3, &message);
    struct fl_lane_fds fds = {.announce = -1, .returns = message.fds[0], .bell_out = message.fds[1], .bell_in = message.fds[2]};
    must(fl_output_create(context, &output), "output");
    must(fl_output_attach(output, &lane_info, announce, &fds, &lane), "attach");

    for (uint64_t number = 0; number < FRAMES; number++) {
        struct fl_frame *frame;
        struct fl_desc desc;
        must(fl_pool_acquire_wait(pool, -1, NULL, NULL, &frame), "a free slot");
        draw(fl_frame_data(frame), number, &desc);
        /* Publish never blocks. This lane's policy is `wait`: who cannot be sent a frame for want of credit is owed it. */
        must(fl_output_wait(output, -1), "wait for credit");
        must(fl_output_publish(output, frame, &desc), "publish");
        fl_frame_unref(frame); /* the slot is free again when the consumer, too, has let go */
    }

    /* After the end it stays until its last frame has come back. */
    fl_output_close(output);
    must(fl_context_wait(context, output_is_drained, output, -1), "drain");
    struct fl_output_stats stats;
    fl_output_lane_get_stats(lane, &stats);
    printf("producer: %llu frames sent, %llu came back, %llu bells rung\n", (unsigned long long)stats.sent,
           (unsigned long long)stats.returned, (unsigned long long)stats.rings);
    fl_context_destroy(context);
    return 0;
}

/* ---- the consumer ---- */

static void look_at(const struct fl_frame *frame, uint64_t expected)
{
    /* The description is a private copy, and it has been checked: every plane lies within its slot. The pixels are the producer's
     * own, read in place; the kernel would not let this process write them. */
    const struct fl_desc *desc = fl_frame_desc(frame);
    const uint8_t *row = fl_frame_plane(frame, 0);
    failures += desc->number != expected;
    for (uint32_t y = 0; y < desc->height; y++, row += desc->planes[0].stride)
        for (uint32_t x = 0; x < desc->width; x++)
            failures += row[x] != expected % 256;
}

static int consumer(int control)
{
    static struct fl_received message;
    struct fl_context *context;
    struct fl_pool *pool;
    struct fl_lane *lane;
    void *returns;
    uint64_t count = 0;
    int error;

    must(fl_context_create(&context), "context");

    /* It, too, first maps what it alone writes: the ring in which it gives frames back. */
    receive(control, WRITE, 1, &message);
    must(fl_shm_map_writer(message.fds[0], fl_lane_return_bytes(lane_info.credits), &returns), "map the returns");
    fl_wire_close_fds(&message);
    must(fl_wire_send(control, MAPPED, NULL, 0, NULL, 0, NULL, 0), "send");

    /* A reader refuses memory that somebody could still write or resize. */
    receive(control, READ, 4, &message);
    must(fl_pool_map_reader(message.fds[0], &pool_info, &pool), "map the pool");
    must(fl_context_add_pool(context, pool), "add the pool");
    close(message.fds[0]);
    struct fl_lane_fds fds = {.announce = message.fds[1], .returns = -1, .bell_out = message.fds[2], .bell_in = message.fds[3]};
    must(fl_lane_attach(context, &lane_info, returns, &fds, &lane), "attach");

    for (;;) {
        struct fl_frame *frame;
        error = fl_lane_take_wait(lane, -1, &frame); /* also: -ENOENT a new pool, -EBADMSG see fl_lane_fault */
        if (error < 0)
            break;
        look_at(frame, count++);
        fl_frame_release(frame); /* now, not at take, may the producer announce another */
    }
    if (error != -ENODATA /* closed, and everything was taken */)
        must(error, fl_lane_fault(lane) ? fl_lane_fault(lane) : "take");
    printf("consumer: %llu frames taken, %d wrong bytes\n", (unsigned long long)count, failures);
    fl_context_destroy(context);
    return failures > 0 || count != FRAMES;
}

/* ---- the supervisor ---- */

static pid_t start(int (*run)(int control), int *control)
{
    int ends[2];
    must(fl_wire_pair(ends), "socket pair");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        int status = run(ends[1]);
        fflush(stdout);
        _exit(status);
    }
    close(ends[1]);
    *control = ends[0];
    return child;
}

static int ended_well(pid_t child)
{
    int status = -1;
    return waitpid(child, &status, 0) == child && status == 0;
}

int main(void)
{
    static struct fl_received message;
    int to_producer, to_consumer;
    pool_info.slot_bytes = fl_pool_slot_bytes(WIDTH * HEIGHT);
    uint64_t pool_bytes = fl_pool_file_bytes(&pool_info);
    uint64_t announce_bytes = fl_lane_announce_bytes(lane_info.credits), return_bytes = fl_lane_return_bytes(lane_info.credits);
    pid_t children[2] = {start(producer, &to_producer), start(consumer, &to_consumer)};

    /* Every piece of shared memory has one writer. */
    int pool = fl_shm_mint("tour pool", pool_bytes);
    int announce = fl_shm_mint("tour announcements", announce_bytes);
    int returns = fl_shm_mint("tour returns", return_bytes);
    must(pool < 0 ? pool : announce < 0 ? announce : returns, "mint");
    must(fl_wire_send(to_producer, WRITE, NULL, 0, NULL, 0, (int[]){pool, announce}, 2), "send");
    must(fl_wire_send(to_consumer, WRITE, NULL, 0, NULL, 0, &returns, 1), "send");
    receive(to_producer, MAPPED, 0, &message);
    receive(to_consumer, MAPPED, 0, &message);

    /* The writers have their mappings. Nobody will ever get another. */
    must(fl_shm_seal(pool, pool_bytes), "seal");
    must(fl_shm_seal(announce, announce_bytes), "seal");
    must(fl_shm_seal(returns, return_bytes), "seal");

    /* Now the readers may come. A bell says "look again" and nothing else; busy processes ring none. */
    int ring_frame, hear_frame, ring_return, hear_return;
    must(fl_bell_mint(&ring_frame, &hear_frame), "mint");
    must(fl_bell_mint(&ring_return, &hear_return), "mint");
    must(fl_wire_send(to_producer, READ, NULL, 0, NULL, 0, (int[]){returns, ring_frame, hear_return}, 3), "send");
    must(fl_wire_send(to_consumer, READ, NULL, 0, NULL, 0, (int[]){pool, announce, ring_return, hear_frame}, 4), "send");

    /* This process needs none of it any more; the memory lives as long as somebody maps it and leaves no name behind. */
    int mine[] = {pool, announce, returns, ring_frame, hear_frame, ring_return, hear_return};
    for (unsigned i = 0; i < sizeof mine / sizeof *mine; i++)
        close(mine[i]);
    int good = ended_well(children[0]);
    good &= ended_well(children[1]);
    printf("supervisor: both have ended %s\n", good ? "well" : "badly");
    return !good;
}
