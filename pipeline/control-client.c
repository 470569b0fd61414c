#include "control-client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <framelane/wire.h>

#include "description.h"

#define ANSWER_MS 3000
#define MOST_TEXT (16u << 20) /* of a status object: far more than the largest pipeline needs */

struct FlRemote {
    char *run;
    int socket;
    gboolean greeted, refused, ended;
    int refusal, exit_code;
    GQueue pools; /* struct fl_received*, POOL and POOL_UNUSED that came while something else was waited for */
    struct fl_received message;
};

/* ---- finding it ---- */

char **fl_remote_runs(char **why)
{
    int folder = fl_remote_open_folder(why);
    if (folder < 0)
        return NULL;
    char **names = fl_remote_names(folder);
    close(folder);
    return names;
}

static char *no_such_run(const char *run)
{
    g_autofree char *trouble = NULL;
    g_auto(GStrv) names = fl_remote_runs(&trouble);
    if (!names)
        return g_strdup(trouble);
    if (!*names)
        return g_strdup_printf("there is no run '%s', nor any other: framelane run starts one", run);
    const char *nearest = fl_nearest(run, (const char *const *)names);
    g_autofree char *all = g_strjoinv(", ", names);
    return nearest ? g_strdup_printf("there is no run '%s'; did you mean '%s'?  (runs: %s)", run, nearest, all)
                   : g_strdup_printf("there is no run '%s'  (runs: %s)", run, all);
}

static char *connect_sentence(const char *run, int error)
{
    if (error == -ENOENT || error == -ECONNREFUSED)
        return no_such_run(run);
    if (error == -EAGAIN)
        return g_strdup_printf("run '%s' has more callers waiting than it answers; is it stopped (SIGSTOP)?", run);
    if (error == -EACCES)
        return g_strdup_printf("run '%s' is another user's: only that user can look into it", run);
    return g_strdup_printf("run '%s' cannot be reached: %s", run, g_strerror(-error));
}

static gboolean say(FlRemote *remote, enum fl_remote type, const void *body, gsize bytes, char **why)
{
    int error = fl_wire_send(remote->socket, type, body, bytes, NULL, 0, NULL, 0);
    remote->refused = FALSE;
    remote->refusal = 0;
    if (error == -EPIPE && !remote->greeted)
        error = 0; /* who is turned away at once is told why: that is heard when the answer is waited for */
    if (error < 0)
        *why = g_strdup_printf("run '%s' does not listen any more: %s", remote->run,
                               error == -EPIPE ? "it has ended" : g_strerror(-error));
    return error == 0;
}

gboolean fl_remote_is_there(const char *run)
{
    g_autofree char *why = NULL;
    int folder = fl_remote_is_name(run) ? fl_remote_open_folder(&why) : -1;
    gboolean there = folder >= 0 && fl_remote_has_socket(folder, run);
    if (folder >= 0)
        close(folder);
    return there;
}

int fl_remote_connect_to(const char *run)
{
    g_autofree char *why = NULL;
    int folder = fl_remote_is_name(run) ? fl_remote_open_folder(&why) : -1;
    int fd = folder < 0 ? -ENOENT : fl_remote_connect(folder, run);
    if (folder >= 0)
        close(folder);
    return fd;
}

FlRemote *fl_remote_adopt(const char *run, int fd, char **why)
{
    if (fd < 0) {
        *why = connect_sentence(run, fd);
        return NULL;
    }
    FlRemote *remote = g_new0(FlRemote, 1);
    remote->run = g_strdup(run);
    remote->socket = fd;
    g_queue_init(&remote->pools);
    struct fl_remote_hello hello = {.version = FL_REMOTE_VERSION};
    if (!say(remote, FL_REMOTE_HELLO, &hello, sizeof hello, why))
        g_clear_pointer(&remote, fl_remote_close);
    return remote;
}

FlRemote *fl_remote_open(const char *run, char **why)
{
    return fl_remote_adopt(run, fl_remote_connect_to(run), why);
}

static void free_message(gpointer data)
{
    fl_wire_close_fds(data);
    g_free(data);
}

void fl_remote_close(FlRemote *remote)
{
    if (!remote)
        return;
    g_queue_clear_full(&remote->pools, free_message);
    close(remote->socket);
    g_free(remote->run);
    g_free(remote);
}

const char *fl_remote_run(const FlRemote *remote)
{
    return remote->run;
}

int fl_remote_fd(const FlRemote *remote)
{
    return remote->socket;
}

gboolean fl_remote_ended(const FlRemote *remote, int *exit_code)
{
    *exit_code = remote->exit_code;
    return remote->ended;
}

gboolean fl_remote_refused(const FlRemote *remote)
{
    return remote->refused;
}

int fl_remote_refusal(const FlRemote *remote)
{
    return remote->refusal;
}

/* ---- hearing ---- */

/* One message within `patience_ms` (negative: as long as it takes). 0, -ETIMEDOUT, -EPIPE, -EBADMSG. */
static int hear(FlRemote *remote, int patience_ms)
{
    gint64 until = g_get_monotonic_time() + (gint64)patience_ms * 1000;
    for (;;) {
        int error = fl_wire_receive(remote->socket, MSG_DONTWAIT, &remote->message);
        if (error != -EAGAIN)
            return error;
        gint64 left_ms = (until - g_get_monotonic_time() + 999) / 1000;
        struct pollfd one = {remote->socket, POLLIN, 0};
        if (patience_ms >= 0 && left_ms <= 0)
            return -ETIMEDOUT;
        if (poll(&one, 1, patience_ms < 0 ? -1 : (int)left_ms) < 0 && errno != EINTR)
            return -errno;
    }
}

/* A message of the same bytes, with its descriptors. */
static struct fl_received *keep(struct fl_received *message)
{
    struct fl_received *kept = g_memdup2(message, sizeof *message);
    kept->body = kept->buffer + ((const unsigned char *)message->body - message->buffer);
    kept->tail = kept->buffer + ((const unsigned char *)message->tail - message->buffer);
    message->fd_count = 0;
    return kept;
}

static gboolean is(const FlRemote *remote, enum fl_remote type, gsize body_bytes)
{
    return remote->message.type == type && remote->message.body_bytes == body_bytes;
}

/* TRUE: it was something that comes unasked, and has been dealt with. */
static gboolean take_aside(FlRemote *remote)
{
    if (is(remote, FL_REMOTE_ENDED, sizeof(struct fl_remote_ended))) {
        remote->ended = TRUE;
        remote->exit_code = ((const struct fl_remote_ended *)remote->message.body)->exit_code;
    } else if (is(remote, FL_REMOTE_POOL, sizeof(struct fl_remote_pool)) ||
               is(remote, FL_REMOTE_POOL_UNUSED, sizeof(struct fl_remote_pool))) {
        g_queue_push_tail(&remote->pools, keep(&remote->message));
    } else if (is(remote, FL_REMOTE_HELLO, sizeof(struct fl_remote_hello)) && !remote->greeted) {
        remote->greeted = TRUE;
    } else {
        return FALSE;
    }
    fl_wire_close_fds(&remote->message);
    return TRUE;
}

static char *hear_sentence(const FlRemote *remote, int error)
{
    if (error == -EPIPE && (remote->ended || remote->greeted))
        return g_strdup_printf("run '%s' has ended", remote->run);
    if (error == -EPIPE)
        return g_strdup_printf("run '%s' hung up: it has ended", remote->run);
    if (error == -ETIMEDOUT)
        return g_strdup_printf("run '%s' does not answer; is it stopped (SIGSTOP)?", remote->run);
    return g_strdup_printf("run '%s' answers what is no answer; is it of the same version (%s)?", remote->run, FL_VERSION);
}

/* The answer of that type. FALSE and *why: none, or another. */
static gboolean await(FlRemote *remote, enum fl_remote type, gsize body_bytes, int patience_ms, char **why)
{
    gint64 until = g_get_monotonic_time() + (gint64)patience_ms * 1000;
    int error;
    do {
        error = hear(remote, MAX(0, (int)((until - g_get_monotonic_time()) / 1000)));
    } while (error == 0 && take_aside(remote));
    if (error == 0 && is(remote, type, body_bytes))
        return TRUE;
    if (error == 0 && is(remote, FL_REMOTE_ERROR, sizeof(struct fl_remote_error))) {
        remote->refused = TRUE;
        remote->refusal = ((const struct fl_remote_error *)remote->message.body)->error;
        g_autofree char *text = g_utf8_make_valid(remote->message.tail, (gssize)remote->message.tail_bytes);
        *why = g_strdup(text);
    } else {
        *why = hear_sentence(remote, error == 0 ? -EBADMSG : error);
    }
    fl_wire_close_fds(&remote->message);
    return FALSE;
}

/* ---- asking ---- */

gboolean fl_remote_ask_status(FlRemote *remote, char **why)
{
    struct fl_remote_status body = {{0}};
    return say(remote, FL_REMOTE_STATUS, &body, sizeof body, why);
}

char *fl_remote_take_status(FlRemote *remote, int patience_ms, char **why)
{
    g_autoptr(GString) text = g_string_new(NULL);
    gint64 until = g_get_monotonic_time() + (gint64)patience_ms * 1000;
    for (;;) {
        int left_ms = MAX(0, (int)((until - g_get_monotonic_time()) / 1000));
        if (!await(remote, FL_REMOTE_TEXT, sizeof(struct fl_remote_text), left_ms, why))
            return NULL;
        const struct fl_remote_text *piece = remote->message.body;
        fl_wire_close_fds(&remote->message);
        if (piece->offset != text->len || piece->total > MOST_TEXT || !remote->message.tail_bytes) {
            *why = hear_sentence(remote, -EBADMSG);
            return NULL;
        }
        g_string_append_len(text, remote->message.tail, (gssize)remote->message.tail_bytes);
        if (text->len >= piece->total)
            return g_strdup(text->str);
    }
}

gboolean fl_remote_stop(FlRemote *remote, gboolean now, char **why)
{
    struct fl_remote_stop body = {.now = now};
    return say(remote, FL_REMOTE_STOP, &body, sizeof body, why) &&
           await(remote, FL_REMOTE_DONE, sizeof(struct fl_remote_done), ANSWER_MS, why);
}

gboolean fl_remote_set(FlRemote *remote, const FlRemoteSetting *setting, struct fl_remote_done *done, gboolean *blame, char **why)
{
    struct fl_remote_set body = {.wait_ms = setting->wait_ms, .rebuild = setting->rebuild};
    gsize bytes = strlen(setting->assignment);
    *blame = strlen(setting->stage) >= sizeof body.stage || sizeof(struct fl_message) + sizeof body + bytes > FL_REMOTE_MOST_BYTES;
    if (*blame) {
        *why = g_strdup_printf("the name of a stage, or a value, is never as long as that");
        return FALSE;
    }
    g_strlcpy(body.stage, setting->stage, sizeof body.stage);
    int patience_ms = (int)(setting->wait_ms ? setting->wait_ms : FL_REMOTE_USUAL_WAIT_MS) + ANSWER_MS;
    int error = fl_wire_send(remote->socket, FL_REMOTE_SET, &body, sizeof body, setting->assignment, bytes, NULL, 0);
    remote->refused = FALSE;
    if (error < 0)
        *why = hear_sentence(remote, error);
    else if (await(remote, FL_REMOTE_DONE, sizeof *done, patience_ms, why))
        return memcpy(done, remote->message.body, sizeof *done), TRUE;
    *blame = remote->refused && ((const struct fl_remote_error *)remote->message.body)->error == -EINVAL;
    return FALSE;
}

gboolean fl_remote_await_end(FlRemote *remote, int *exit_code)
{
    int error;
    while ((error = hear(remote, -1)) == 0)
        if (!take_aside(remote))
            fl_wire_close_fds(&remote->message);
    *exit_code = remote->exit_code;
    return remote->ended;
}

static gboolean await_attached(FlRemote *remote, struct fl_remote_attached *attached, int fds[FL_REMOTE_MOST_FDS], char **why)
{
    if (!await(remote, FL_REMOTE_ATTACHED, sizeof *attached, ANSWER_MS, why))
        return FALSE;
    memcpy(attached, remote->message.body, sizeof *attached);
    for (unsigned i = 0; i < FL_REMOTE_MOST_FDS; i++) {
        fds[i] = i < remote->message.fd_count ? remote->message.fds[i] : -1;
        remote->message.fds[i] = -1;
    }
    return TRUE;
}

gboolean fl_remote_attach(FlRemote *remote, const struct fl_remote_attach *asked, struct fl_remote_attached *attached,
                          int fds[FL_REMOTE_MOST_FDS], char **why)
{
    return say(remote, FL_REMOTE_ATTACH, asked, sizeof *asked, why) && await_attached(remote, attached, fds, why);
}

gboolean fl_remote_take(FlRemote *remote, const struct fl_remote_attach *asked, struct fl_remote_map *map, int *fd, GBytes **stream,
                        char **why)
{
    if (!say(remote, FL_REMOTE_ATTACH, asked, sizeof *asked, why) || !await(remote, FL_REMOTE_MAP, sizeof *map, ANSWER_MS, why))
        return FALSE;
    memcpy(map, remote->message.body, sizeof *map);
    *stream = g_bytes_new(remote->message.tail, remote->message.tail_bytes);
    *fd = remote->message.fds[0];
    remote->message.fds[0] = -1;
    return TRUE;
}

gboolean fl_remote_mapped(FlRemote *remote, int error, struct fl_remote_attached *attached, int fds[FL_REMOTE_MOST_FDS], char **why)
{
    struct fl_remote_mapped body = {.error = error};
    return say(remote, FL_REMOTE_MAPPED, &body, sizeof body, why) && await_attached(remote, attached, fds, why);
}

enum fl_remote_news fl_remote_news(FlRemote *remote, struct fl_pool_info *pool, int *fd)
{
    int error = 0;
    while (g_queue_is_empty(&remote->pools) && !remote->ended && (error = hear(remote, 0)) == 0)
        if (!take_aside(remote))
            fl_wire_close_fds(&remote->message);
    struct fl_received *kept = g_queue_pop_head(&remote->pools);
    *fd = -1;
    if (!kept)
        return remote->ended || error != -ETIMEDOUT ? FL_NEWS_OVER : FL_NEWS_NONE;
    *pool = ((const struct fl_remote_pool *)kept->body)->pool;
    gboolean unused = kept->type == FL_REMOTE_POOL_UNUSED;
    if (!unused && kept->fd_count > 0) {
        *fd = kept->fds[0];
        kept->fds[0] = -1;
    }
    free_message(kept);
    return unused ? FL_NEWS_POOL_UNUSED : FL_NEWS_POOL;
}
