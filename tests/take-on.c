/* A guest of a run, as bare as can be. What it was given it also tries to write; that this fails is part of the promise.
 *
 * usage: take-on RUN STAGE drop|latest|wait CREDITS WHAT
 *   FRAMES   takes so many, prints "NUMBER MD5" of each, leaves. Exit 0; 2: the run ended before
 *   hold     takes until it holds all it may, says "holding COUNT", and then does what standard input says, a word a line:
 *            `hang-up` (and still holds them), `check` (they are as they were), `release`, each answered by the same word
 *   silent   asks, and never says that it has mapped what it got; says "cut off"
 *   far      returns what it does not hold; says what the run said of that
 *   slots    prints "SLOTS FREE" of the stage's page
 * Exit 1: something is wrong, or was refused. */
#include "control-client.h"
#include "stats.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <framelane/framelane.h>

enum { MOST = 64 };

struct guest {
    FlRemote *remote;
    struct fl_context *context;
    struct fl_lane *lane;
    struct fl_lane_info info;
    void *own;
    uint64_t own_bytes;
    const struct fl_stats *stats;
    struct fl_frame *held[MOST];
    char *digests[MOST];
    unsigned count;
};

static void fail(const char *what)
{
    fprintf(stderr, "take-on: %s\n", what);
    exit(1);
}

static void check_sealed(int fd)
{
    if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED || pwrite(fd, "x", 1, 0) == 1 ||
        ftruncate(fd, 0) == 0)
        fail("what was handed out can be written");
}

/* ---- attaching ---- */

static gboolean take_news(struct guest *guest)
{
    struct fl_pool_info info;
    enum fl_remote_news news;
    int fd;
    while ((news = fl_remote_news(guest->remote, &info, &fd)) == FL_NEWS_POOL) {
        struct fl_pool *pool;
        check_sealed(fd);
        if (fl_pool_map_reader(fd, &info, &pool) < 0 || fl_context_add_pool(guest->context, pool) < 0)
            fail("a pool cannot be mapped");
        close(fd);
    }
    return news != FL_NEWS_OVER;
}

static void map_page(struct guest *guest, int fd)
{
    const void *page;
    check_sealed(fd);
    if (fl_shm_map_reader(fd, sizeof *guest->stats, &page) < 0)
        fail("the stage's page cannot be mapped");
    guest->stats = page;
    close(fd);
}

static void attach_lane(struct guest *guest, const struct fl_remote_attached *attached, int *fds)
{
    struct fl_lane_fds ends = {-1, -1, -1, -1};
    for (unsigned i = 0; i < FL_REMOTE_MOST_FDS; i++) {
        if ((attached->roles[i] == FL_REMOTE_FD_NONE) != (fds[i] < 0))
            fail("descriptors and their roles differ");
        if (attached->roles[i] == FL_REMOTE_FD_STATS)
            map_page(guest, fds[i]);
        else if (attached->roles[i] == FL_REMOTE_FD_ANNOUNCE)
            check_sealed(ends.announce = fds[i]);
        else if (attached->roles[i] == FL_REMOTE_FD_BELL_OUT)
            ends.bell_out = fds[i];
        else if (attached->roles[i] == FL_REMOTE_FD_BELL_IN)
            ends.bell_in = fds[i];
        else if (attached->roles[i] != FL_REMOTE_FD_NONE)
            fail("something was handed out that is no end of a lane");
    }
    guest->info = attached->lane;
    if (fl_lane_attach(guest->context, &attached->lane, guest->own, &ends, &guest->lane) < 0)
        fail("the lane cannot be attached");
}

static void ask(struct guest *guest, char **argv, struct fl_remote_map *map, int *returns)
{
    struct fl_remote_attach asked = {.how = FL_REMOTE_TAKE, .credits = (uint32_t)atoi(argv[4])};
    g_autoptr(GBytes) stream = NULL;
    char *why = NULL;
    g_strlcpy(asked.stage, argv[2], sizeof asked.stage);
    asked.when_full = g_str_equal(argv[3], "drop")     ? FL_WHEN_FULL_DROP
                      : g_str_equal(argv[3], "latest") ? FL_WHEN_FULL_LATEST
                                                       : FL_WHEN_FULL_WAIT;
    guest->remote = fl_remote_open(argv[1], &why);
    if (!guest->remote || !fl_remote_take(guest->remote, &asked, map, returns, &stream, &why))
        fail(why);
}

static void attach(struct guest *guest, char **argv)
{
    struct fl_remote_map map;
    struct fl_remote_attached attached;
    int returns, fds[FL_REMOTE_MOST_FDS];
    char *why = NULL;
    ask(guest, argv, &map, &returns);
    guest->own_bytes = map.bytes;
    if (fl_shm_map_writer(returns, map.bytes, &guest->own) < 0)
        fail("the region of returns cannot be mapped");
    if (!fl_remote_mapped(guest->remote, 0, &attached, fds, &why))
        fail(why);
    check_sealed(returns);
    close(returns);
    attach_lane(guest, &attached, fds);
}

/* ---- taking ---- */

/* Rows without their padding, as framemd5 sees them. */
static char *hash(const struct fl_frame *frame)
{
    GChecksum *sum = g_checksum_new(G_CHECKSUM_MD5);
    const struct fl_desc *desc = fl_frame_desc(frame);
    for (unsigned i = 0; i < desc->plane_count; i++)
        for (uint32_t row = 0; row < desc->planes[i].rows; row++)
            g_checksum_update(sum, fl_frame_plane(frame, i) + (int64_t)row * desc->planes[i].stride,
                              (gssize)desc->planes[i].row_bytes);
    char *text = g_strdup(g_checksum_get_string(sum));
    g_checksum_free(sum);
    return text;
}

static bool is_ready(void *lane)
{
    return fl_lane_ready(lane);
}

/* NULL: the run is over, or the lane. */
static struct fl_frame *take(struct guest *guest)
{
    struct fl_frame *frame;
    for (;;) {
        gboolean goes_on = take_news(guest);
        int error = fl_lane_take(guest->lane, &frame);
        if (error == 0)
            return frame;
        if (error == -EBADMSG)
            fail(fl_lane_fault(guest->lane));
        if (error == -ENODATA || !goes_on)
            return NULL;
        if (error == -EAGAIN)
            fl_context_wait(guest->context, is_ready, guest->lane, 20000000);
    }
}

static int take_some(struct guest *guest, int left)
{
    struct fl_frame *frame;
    for (; left > 0 && (frame = take(guest)); left--) {
        g_autofree char *digest = hash(frame);
        printf("%llu %s\n", (unsigned long long)fl_frame_desc(frame)->number, digest);
        fl_frame_release(frame);
    }
    fl_lane_leave(guest->lane);
    return left > 0 ? 2 : 0;
}

/* ---- holding ---- */

static void check_held(const struct guest *guest)
{
    for (unsigned i = 0; i < guest->count; i++) {
        g_autofree char *now = hash(guest->held[i]);
        if (!g_str_equal(now, guest->digests[i]))
            fail("a frame was overwritten while it was held");
    }
}

static void release_held(struct guest *guest)
{
    while (guest->count > 0)
        fl_frame_release(guest->held[--guest->count]);
    fl_context_service(guest->context);
    if (fl_lane_fault(guest->lane))
        fail(fl_lane_fault(guest->lane));
}

static int hold(struct guest *guest)
{
    char line[64];
    while (guest->count < guest->info.credits && guest->count < MOST && (guest->held[guest->count] = take(guest))) {
        guest->digests[guest->count] = hash(guest->held[guest->count]);
        guest->count++;
    }
    printf("holding %u\n", guest->count);
    while (fflush(stdout) == 0 && fgets(line, sizeof line, stdin)) {
        if (g_str_equal(line, "hang-up\n"))
            g_clear_pointer(&guest->remote, fl_remote_close);
        else if (g_str_equal(line, "check\n"))
            check_held(guest);
        else if (g_str_equal(line, "release\n"))
            release_held(guest);
        else
            fail("what?");
        printf("%s", line);
    }
    return 0;
}

/* ---- misbehaving ---- */

static int wait_for_cut_off(struct guest *guest)
{
    struct pollfd news = {fl_remote_fd(guest->remote), POLLIN, 0};
    struct fl_pool_info info;
    int fd;
    while (fl_remote_news(guest->remote, &info, &fd) != FL_NEWS_OVER)
        poll(&news, 1, -1);
    printf("cut off\n");
    return 0;
}

/* More returns than there were announcements. */
static int return_too_much(struct guest *guest)
{
    struct fl_frame *frame = take(guest);
    uint64_t *returned = (uint64_t *)((char *)guest->own + 64); /* as transport/layout.h has it */
    if (!frame)
        return 2;
    __atomic_store_n(returned, 1000, __ATOMIC_RELEASE);
    return wait_for_cut_off(guest);
}

static int print_slots(struct guest *guest, char **argv)
{
    struct fl_remote_attach asked = {.how = FL_REMOTE_LOOK};
    struct fl_remote_attached attached;
    int fds[FL_REMOTE_MOST_FDS];
    char *why = NULL;
    g_strlcpy(asked.stage, argv[2], sizeof asked.stage);
    guest->remote = fl_remote_open(argv[1], &why);
    if (!guest->remote || !fl_remote_attach(guest->remote, &asked, &attached, fds, &why))
        fail(why);
    map_page(guest, fds[0]);
    printf("%llu %llu\n", (unsigned long long)fl_load(&guest->stats->slots, FL_RELAXED),
           (unsigned long long)fl_load(&guest->stats->slots_free, FL_RELAXED));
    return 0;
}

int main(int argc, char **argv)
{
    static struct guest guest;
    struct fl_remote_map map;
    int returns;
    if (argc != 6 || fl_context_create(&guest.context) < 0)
        fail("usage: take-on RUN STAGE drop|latest|wait CREDITS FRAMES|hold|silent|far|slots");
    if (g_str_equal(argv[5], "slots"))
        return print_slots(&guest, argv);
    if (g_str_equal(argv[5], "silent")) {
        ask(&guest, argv, &map, &returns);
        return wait_for_cut_off(&guest);
    }
    attach(&guest, argv);
    int status = g_str_equal(argv[5], "hold")  ? hold(&guest)
                 : g_str_equal(argv[5], "far") ? return_too_much(&guest)
                                               : take_some(&guest, atoi(argv[5]));
    fflush(stdout);
    fl_remote_close(guest.remote);
    return status;
}
