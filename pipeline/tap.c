#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"
#include "shown.h"

#define REGION_STATS   1 /* by these numbers the stage knows what it maps */
#define REGION_RETURNS 2
#define CONNECTED      0 /* the first message on the control socket: an errno, and the connection */
#define STATUS_MS      3000
#define PATIENCE_US    G_USEC_PER_SEC
#define AGAIN_US       20000

enum { ANSWER_OPENED = 1, ANSWER_STATS = 2, ANSWER_RETURNS = 4, ANSWERS = 7 };

typedef struct {
    const FlTapAsked *asked;
    FlTapResult *result;
    void (*say)(const char *text);
    GMainLoop *loop;
    FlRemote *remote;
    guint remote_source;
    pid_t pid;
    int control;
    struct fl_remote_map map;
    struct fl_lane_info lane;
    GBytes *stream;
    int returns, stats_fd;
    unsigned answers;
    gboolean attached, done;
    unsigned signals;
    const struct fl_stats *own, *theirs; /* pages of the stage that writes, and of the one that gives */
    struct fl_received received;
} Tap;

/* Only the first counts. */
static void fail(Tap *tap, char *why)
{
    if (tap->result->why)
        g_free(why);
    else
        tap->result->why = why;
}

static void tell(Tap *tap, enum fl_control type, const void *body, gsize body_bytes, GBytes *tail, const int *fds,
                 unsigned fd_count)
{
    gsize tail_bytes = 0;
    const void *text = tail ? g_bytes_get_data(tail, &tail_bytes) : NULL;
    fl_wire_send(tap->control, type, body, body_bytes, text, tail_bytes, fds,
                 fd_count); /* its end is heard of as the end of the socket */
}

/* ---- the stage's process ---- */

static void be_stage(const Tap *tap, int socket, int nothing, const sigset_t *mask)
{
    g_autofree char *program = fl_find_program("framelane-stage");
    char *argv[] = {program, "--name", "tap", "--kind", (char *)tap->asked->kind, NULL};
    int fd = program ? fl_remote_connect_to(tap->asked->run) : -ENOPKG;
    int32_t error = MIN(fd, 0);
    if (fl_wire_send(socket, CONNECTED, &error, sizeof error, NULL, 0, &fd, fd >= 0) < 0 || error < 0)
        _exit(127);
    close(fd);
    fl_become_stage(&(FlStageProcess){argv, socket, nothing, tap->asked->writes_stdout, mask});
}

static int spawn(Tap *tap)
{
    int pair[2], nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    int error = nothing < 0 ? -errno : fl_wire_pair(pair);
    sigset_t mask;
    if (error < 0)
        return error;
    sigemptyset(&mask);
    tap->pid = fork();
    if (tap->pid == 0)
        be_stage(tap, pair[1], nothing, &mask);
    error = tap->pid < 0 ? -errno : 0;
    tap->control = pair[0];
    close(pair[1]);
    close(nothing);
    return error;
}

/* FALSE: the reason has been told. */
static gboolean connect_by_stage(Tap *tap)
{
    char *why = NULL;
    int error = spawn(tap);
    if (error == 0)
        error = fl_wire_receive(tap->control, 0, &tap->received);
    if (error < 0 || tap->received.type != CONNECTED || tap->received.body_bytes != sizeof(int32_t)) {
        fail(tap, g_strdup_printf("no process can be started: %s", g_strerror(error < 0 ? -error : EBADMSG)));
        return FALSE;
    }
    error = *(const int32_t *)tap->received.body;
    if (error == -ENOPKG) {
        fail(tap, g_strdup("framelane-stage is not found, neither beside framelane nor in libexec; is the installation complete?"));
        return FALSE;
    }
    tap->remote = fl_remote_adopt(tap->asked->run, error < 0 ? error : tap->received.fds[0], &why);
    if (!tap->remote)
        fail(tap, why);
    return tap->remote != NULL;
}

/* ---- what it is told ---- */

static void send_config(Tap *tap)
{
    struct fl_control_config config = {.frames_limit = tap->asked->frames};
    GByteArray *text = g_byte_array_new();
    for (const char *const *word = tap->asked->options; *word; word++)
        g_byte_array_append(text, (const guint8 *)*word, (guint)strlen(*word) + 1);
    for (const char *const *word = tap->asked->options; *word; word += 2)
        config.option_count++;
    config.flags = tap->asked->writes_stdout ? FL_CONFIG_STDOUT : 0;
    g_autoptr(GBytes) tail = g_byte_array_free_to_bytes(text);
    tell(tap, FL_CONTROL_CONFIG, &config, sizeof config, tail, NULL, 0);
}

static void send_map(Tap *tap, uint32_t region, enum fl_region_kind kind, uint64_t bytes, int fd)
{
    struct fl_control_map map = {.region = region, .kind = kind, .bytes = bytes};
    tell(tap, FL_CONTROL_MAP, &map, sizeof map, NULL, &fd, 1);
}

/* Who has just left may still be on its way out: the stage lets go of it between two frames. */
static gboolean take(Tap *tap, const struct fl_remote_attach *asked)
{
    gint64 until = g_get_monotonic_time() + PATIENCE_US;
    char *why = NULL;
    while (!fl_remote_take(tap->remote, asked, &tap->map, &tap->returns, &tap->stream, &why)) {
        if (fl_remote_refusal(tap->remote) != -ENOSPC || g_get_monotonic_time() > until) {
            fail(tap, why);
            return FALSE;
        }
        g_clear_pointer(&why, g_free);
        g_usleep(AGAIN_US);
    }
    return TRUE;
}

/* The name of the stage that is meant. FALSE: the reason has been told. */
static gboolean choose_stage(Tap *tap, char *name, gsize capacity)
{
    char *why = NULL;
    if (tap->asked->stage)
        return g_strlcpy(name, tap->asked->stage, capacity) < capacity;
    g_autofree char *text = fl_remote_ask_status(tap->remote, &why) ? fl_remote_take_status(tap->remote, STATUS_MS, &why) : NULL;
    FlShown *shown = text ? fl_shown_parse(text) : NULL;
    const char *first = shown ? fl_shown_first(shown) : NULL;
    if (first)
        g_strlcpy(name, first, capacity);
    else
        fail(tap, why ? why : g_strdup_printf("no stage of run '%s' gives pictures", tap->asked->run));
    fl_shown_free(shown);
    return first != NULL;
}

static gboolean ask(Tap *tap)
{
    struct fl_remote_attach asked = {.how = FL_REMOTE_TAKE, .when_full = FL_WHEN_FULL_DROP};
    struct fl_control_open open = {.count = 1};
    if (!choose_stage(tap, asked.stage, sizeof asked.stage) || !take(tap, &asked))
        return FALSE;
    if (g_bytes_get_size(tap->stream) >= sizeof(struct fl_control_stream)) {
        const struct fl_control_stream *head = g_bytes_get_data(tap->stream, NULL);
        g_strlcpy(tap->result->from, head->from, sizeof tap->result->from);
    }
    tap->stats_fd = fl_shm_mint("framelane-tap-stats", sizeof(struct fl_stats));
    if (tap->stats_fd < 0) {
        g_autofree char *reason = fl_reason_text(tap->stats_fd);
        fail(tap, g_strdup_printf("no shared memory: %s", reason));
        return FALSE;
    }
    send_config(tap);
    tell(tap, FL_CONTROL_OPEN, &open, sizeof open, tap->stream, NULL, 0);
    send_map(tap, REGION_STATS, FL_REGION_STATS, sizeof(struct fl_stats), tap->stats_fd);
    send_map(tap, REGION_RETURNS, FL_REGION_RETURN, tap->map.bytes, tap->returns);
    return TRUE;
}

static void end_lane(Tap *tap)
{
    struct fl_control_lane_event ended = {.lane = tap->lane.id, .epoch = tap->lane.epoch};
    if (tap->attached)
        tell(tap, FL_CONTROL_LANE_ENDED, &ended, sizeof ended, NULL, NULL, 0);
    else
        shutdown(tap->control, SHUT_WR); /* it gives up what it has not begun */
}

/* ---- attached ---- */

static void send_lane(Tap *tap, const struct fl_remote_attached *attached, const int *fds)
{
    struct fl_control_lane lane = {.info = attached->lane, .role = FL_LANE_CONSUMER, .own_region = REGION_RETURNS};
    struct fl_control_go go = {.start_ns = (uint64_t)g_get_monotonic_time() * 1000};
    static const uint32_t order[] = {FL_REMOTE_FD_ANNOUNCE, FL_REMOTE_FD_BELL_OUT, FL_REMOTE_FD_BELL_IN};
    int ends[] = {-1, -1, -1};
    for (unsigned role = 0; role < G_N_ELEMENTS(order); role++)
        for (unsigned i = 0; i < FL_REMOTE_MOST_FDS; i++)
            if (attached->roles[i] == order[role])
                ends[role] = fds[i];
    tell(tap, FL_CONTROL_LANE, &lane, sizeof lane, NULL, ends, G_N_ELEMENTS(ends));
    tell(tap, FL_CONTROL_GO, &go, sizeof go, NULL, NULL, 0);
}

static const struct fl_stats *map_page(int fd)
{
    const void *page = NULL;
    return fl_shm_map_reader(fd, sizeof(struct fl_stats), &page) == 0 ? page : NULL;
}

static gboolean on_remote(gint fd, GIOCondition condition, gpointer data);
static int hear(Tap *tap);

/* The stage has opened its file and mapped everything: from here on frames may come. */
static void attach(Tap *tap)
{
    struct fl_remote_attached attached;
    int fds[FL_REMOTE_MOST_FDS];
    char *why = NULL;
    if (!fl_remote_mapped(tap->remote, 0, &attached, fds, &why)) {
        fail(tap, why);
        end_lane(tap);
        return;
    }
    tap->lane = attached.lane;
    tap->attached = TRUE;
    on_remote(-1, G_IO_IN, tap); /* its pools */
    send_lane(tap, &attached, fds);
    for (unsigned i = 0; i < FL_REMOTE_MOST_FDS; i++) {
        if (fds[i] >= 0 && attached.roles[i] == FL_REMOTE_FD_STATS)
            tap->theirs = map_page(fds[i]);
        if (fds[i] >= 0)
            close(fds[i]);
    }
}

static void pass_pool(Tap *tap, const struct fl_pool_info *info, int fd)
{
    struct fl_control_pool pool = {.pool = *info, .ports = 1};
    struct fl_control_region unused = {.region = info->id};
    if (fd >= 0)
        tell(tap, FL_CONTROL_POOL, &pool, sizeof pool, NULL, &fd, 1);
    else
        tell(tap, FL_CONTROL_POOL_UNUSED, &unused, sizeof unused, NULL, NULL, 0);
}

/* The run hangs up as well when it sees that the stage has ended: what that has said before is heard first. */
static void hang_up(Tap *tap)
{
    int exit_code;
    if (tap->remote_source)
        g_source_remove(tap->remote_source);
    tap->remote_source = 0;
    while (hear(tap) == 0)
        ;
    if (!tap->signals && !tap->done && !fl_remote_ended(tap->remote, &exit_code))
        tap->result->run_died = !tap->result->why;
    g_clear_pointer(&tap->remote, fl_remote_close);
    end_lane(tap);
}

static gboolean on_remote(gint fd, GIOCondition condition, gpointer data)
{
    Tap *tap = data;
    struct fl_pool_info info;
    enum fl_remote_news news;
    int pool;
    if (!tap->attached)
        return G_SOURCE_CONTINUE;
    while ((news = fl_remote_news(tap->remote, &info, &pool)) == FL_NEWS_POOL || news == FL_NEWS_POOL_UNUSED) {
        pass_pool(tap, &info, pool);
        if (pool >= 0)
            close(pool);
    }
    if (news == FL_NEWS_OVER && fd >= 0)
        hang_up(tap);
    return G_SOURCE_CONTINUE; /* removed by its id */
}

/* ---- what the stage says ---- */

static void take_mapped(Tap *tap)
{
    const struct fl_control_region *said = tap->received.body;
    int error = said->error;
    if (said->region == REGION_STATS && error == 0)
        error = fl_shm_seal(tap->stats_fd, sizeof(struct fl_stats));
    if (error < 0) {
        fail(tap, g_strdup_printf("memory cannot be mapped: %s", g_strerror(-error)));
        end_lane(tap);
    } else if (said->region == REGION_STATS) {
        tap->own = map_page(tap->stats_fd);
        tap->answers |= ANSWER_STATS;
    } else {
        tap->answers |= ANSWER_RETURNS;
    }
}

static void take_failed(Tap *tap)
{
    const struct fl_control_text *head = tap->received.body;
    tap->result->no_reader = head->error == -EPIPE && !tap->result->why;
    tap->result->cannot_hold = head->error == -ENOTSUP;
    tap->result->changed = head->error == -ENOTSUP && head->level == FL_STAGE_ERROR_RUN;
    fail(tap, fl_run_clean_text(tap->received.tail, tap->received.tail_bytes));
}

static void take_log(Tap *tap)
{
    const struct fl_control_text *head = tap->received.body;
    g_autofree char *text = fl_run_clean_text(tap->received.tail, tap->received.tail_bytes);
    if (head->level == FL_LOG_WARNING)
        tap->say(text);
}

static void take_fault(Tap *tap)
{
    g_autofree char *text = fl_run_clean_text(tap->received.tail, tap->received.tail_bytes);
    fail(tap, g_strdup_printf("'%s' broke the protocol: it %s", tap->result->from, text));
}

/* Its sizes were checked by nobody: it is of the same build, and only this process would be harmed. */
static void take_word(Tap *tap)
{
    switch (tap->received.type) {
    case FL_CONTROL_OPENED:
        tap->answers |= ANSWER_OPENED;
        break;
    case FL_CONTROL_MAPPED:
        take_mapped(tap);
        break;
    case FL_CONTROL_FAILED:
        take_failed(tap);
        break;
    case FL_CONTROL_LOG:
        take_log(tap);
        break;
    case FL_CONTROL_FAULT:
        take_fault(tap);
        break;
    case FL_CONTROL_DONE:
        tap->done = TRUE;
        break;
    default:
        break;
    }
}

/* One message: 0, -EAGAIN, or it is at its end. */
static int hear(Tap *tap)
{
    int error = fl_wire_receive(tap->control, MSG_DONTWAIT, &tap->received);
    if (error == 0)
        take_word(tap);
    fl_wire_close_fds(&tap->received);
    return error;
}

static gboolean on_control(gint fd, GIOCondition condition, gpointer data)
{
    Tap *tap = data;
    unsigned before = tap->answers;
    int error = hear(tap);
    if (error < 0 && error != -EAGAIN) {
        g_main_loop_quit(tap->loop);
        return G_SOURCE_REMOVE;
    }
    if (before != ANSWERS && tap->answers == ANSWERS && !tap->signals)
        attach(tap);
    return G_SOURCE_CONTINUE;
}

/* ---- the whole ---- */

static gboolean on_signal(gpointer data)
{
    Tap *tap = data;
    if (tap->signals++ == 0 && tap->remote)
        hang_up(tap); /* nothing more is announced; what is in hand is written */
    else if (tap->signals > 1) {
        tap->result->killed = TRUE;
        kill(tap->pid, SIGKILL);
    }
    return G_SOURCE_CONTINUE;
}

static void watch(Tap *tap)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    guint sources[G_N_ELEMENTS(signals)];
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++)
        sources[i] = g_unix_signal_add(signals[i], on_signal, tap);
    tap->loop = g_main_loop_new(NULL, FALSE);
    g_unix_fd_add(tap->control, G_IO_IN | G_IO_HUP, on_control, tap);
    tap->remote_source = g_unix_fd_add(fl_remote_fd(tap->remote), G_IO_IN | G_IO_HUP, on_remote, tap);
    g_main_loop_run(tap->loop);
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++)
        g_source_remove(sources[i]);
    g_main_loop_unref(tap->loop);
}

static const struct fl_stats_lane *row_of(const struct fl_stats *page, uint32_t lane)
{
    for (unsigned i = 0; page && i < FL_STATS_MAX_LANES; i++)
        if (fl_load(&page->lanes[i].lane, FL_RELAXED) == lane)
            return &page->lanes[i];
    return NULL;
}

/* What was not announced for want of credit, the giver knows; but it goes on counting when this end has enough, and then only what
 * lies between the frames that came is missing. There a jump of the numbers need not be a loss: the lesser is true. */
static void count(Tap *tap)
{
    FlTapResult *result = tap->result;
    const struct fl_stats_lane *given = row_of(tap->theirs, tap->lane.id), *taken = row_of(tap->own, tap->lane.id);
    uint64_t missing = taken ? fl_load(&taken->missing, FL_RELAXED) : 0, gaps = taken ? fl_load(&taken->gaps, FL_RELAXED) : 0;
    uint64_t dropped = given ? fl_load(&given->dropped, FL_RELAXED) : missing;
    uint64_t times = given ? fl_load(&given->gaps, FL_RELAXED) : gaps;
    result->frames = tap->own ? fl_load(&tap->own->frames_in, FL_RELAXED) : 0;
    gboolean enough = tap->signals || result->no_reader || (tap->asked->frames && result->frames >= tap->asked->frames);
    result->missed = enough ? MIN(dropped, missing) : dropped;
    result->gaps = enough ? MIN(times, gaps) : times;
}

static void finish(Tap *tap)
{
    int status = 0;
    g_clear_pointer(&tap->remote, fl_remote_close);
    if (tap->control >= 0)
        close(tap->control);
    if (tap->pid > 0)
        waitpid(tap->pid, &status, 0);
    count(tap);
    tap->result->good = tap->done && !tap->result->why && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!tap->result->good && !tap->result->why && !tap->result->killed)
        tap->result->why = g_strdup("the process that writes has died; what it had written is there");
    fl_shm_unmap(tap->own, sizeof *tap->own);
    fl_shm_unmap(tap->theirs, sizeof *tap->theirs);
    if (tap->returns >= 0)
        close(tap->returns);
    if (tap->stats_fd >= 0)
        close(tap->stats_fd);
    g_clear_pointer(&tap->stream, g_bytes_unref);
}

void fl_tap(const FlTapAsked *asked, void (*say)(const char *text), FlTapResult *result)
{
    g_autofree Tap *tap = g_new0(Tap, 1);
    tap->asked = asked;
    tap->result = result;
    tap->say = say;
    tap->control = tap->returns = tap->stats_fd = -1;
    *result = (FlTapResult){0};
    signal(SIGPIPE, SIG_IGN);
    if (connect_by_stage(tap) && ask(tap))
        watch(tap);
    finish(tap);
}
