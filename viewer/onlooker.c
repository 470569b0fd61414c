#include "onlooker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <framelane/framelane.h>
#include <framelane/latest.h>

#include "control-client.h"
#include "route.h"

#define STATUS_MS  3000
#define AGAIN_MS   50
#define LOOK_MS    2  /* from one look to the next while a frame is waited for */
#define EXIT_DROPS 5  /* of a run that is done, over --max-drop */
#define MOST_POOLS 64 /* two generations of every stage of a long chain */

struct fl_onlooker {
    FlRemote *remote;
    FlShown *shown;
    char *stage, *giver, *trouble;
    struct fl_context *context;
    struct fl_observer *observer;
    struct fl_pool *pools[MOST_POOLS];
    unsigned pool_count;
    uint64_t count; /* of the last frame that was looked at */
    int end;        /* -ENODATA, -EPIPE: the run is over */
    struct fl_onlooker_counts counts;
};

/* ---- attaching ---- */

static int read_graph(struct fl_onlooker *o, const char *run, char **why)
{
    g_autofree char *text = fl_remote_ask_status(o->remote, why) ? fl_remote_take_status(o->remote, STATUS_MS, why) : NULL;
    if (!text)
        return -EPIPE;
    o->shown = fl_shown_parse(text);
    if (!o->shown)
        *why = g_strdup_printf("the answer of run '%s' cannot be read; is it of the same version (%s)?", run, FL_VERSION);
    return o->shown ? 0 : -EBADMSG;
}

static int take_descriptors(struct fl_onlooker *o, const struct fl_remote_attached *attached, const int *fds, char **why)
{
    int error = -EBADMSG;
    for (unsigned i = 0; i < FL_REMOTE_MOST_FDS; i++) {
        if (attached->roles[i] == FL_REMOTE_FD_LATEST && fds[i] >= 0 && !o->observer)
            error = fl_observer_create(o->context, fds[i], &o->observer);
        if (fds[i] >= 0)
            close(fds[i]);
    }
    if (error < 0)
        *why = g_strdup_printf("what the run shows its frames in cannot be used: %s", g_strerror(-error));
    return error;
}

static int attach_to(struct fl_onlooker *o, const char *stage, char **why)
{
    struct fl_remote_attach asked = {.how = FL_REMOTE_LOOK};
    struct fl_remote_attached attached;
    int fds[FL_REMOTE_MOST_FDS];
    if (g_strlcpy(asked.stage, stage, sizeof asked.stage) >= sizeof asked.stage) {
        *why = g_strdup_printf("no stage can be called '%s'", stage);
        return -ENOENT;
    }
    if (!fl_remote_attach(o->remote, &asked, &attached, fds, why))
        return fl_remote_refused(o->remote) ? fl_remote_refusal(o->remote) : -EPIPE;
    o->giver = g_strdup(stage);
    return take_descriptors(o, &attached, fds, why);
}

static int find_output(struct fl_onlooker *o, const char *run, const char *stage, char **why)
{
    const char *asked = stage ? stage : fl_shown_first(o->shown);
    if (!asked) {
        *why = g_strdup_printf("no stage of run '%s' gives pictures", run);
        return -ENODEV;
    }
    o->stage = g_strdup(asked);
    int error = attach_to(o, asked, why);
    const char *input = error == -ENODEV ? fl_route_input(o->shown, asked) : NULL;
    if (!input)
        return error;
    g_clear_pointer(why, g_free);
    return attach_to(o, input, why);
}

int fl_onlooker_attach(const char *run, const char *stage, struct fl_onlooker **out, char **why)
{
    struct fl_onlooker *o = g_new0(struct fl_onlooker, 1);
    int error = fl_context_create(&o->context);
    if (error < 0)
        *why = g_strdup_printf("no memory to look on: %s", g_strerror(-error));
    if (error == 0 && !(o->remote = fl_remote_open(run, why)))
        error = -ENOENT;
    if (error == 0)
        error = read_graph(o, run, why);
    if (error == 0)
        error = find_output(o, run, stage, why);
    if (error < 0) {
        fl_onlooker_destroy(o);
        return error;
    }
    *out = o;
    return 0;
}

int fl_onlooker_attach_patiently(const char *run, const char *stage, int patience_ms, struct fl_onlooker **out, char **why)
{
    gint64 until = g_get_monotonic_time() + (gint64)patience_ms * 1000;
    int error;
    while ((error = fl_onlooker_attach(run, stage, out, why)) == -EAGAIN && g_get_monotonic_time() < until) {
        g_clear_pointer(why, g_free);
        g_usleep(AGAIN_MS * 1000);
    }
    return error;
}

void fl_onlooker_destroy(struct fl_onlooker *o)
{
    if (!o)
        return;
    fl_observer_destroy(o->observer);
    fl_context_destroy(o->context); /* with the pools it knows */
    fl_remote_close(o->remote);
    fl_shown_free(o->shown);
    g_free(o->stage);
    g_free(o->giver);
    g_free(o->trouble);
    g_free(o);
}

/* ---- pools come and go ---- */

/* One that cannot be mapped is left out: its frames are then not seen, and counted as passed over. */
static void add_pool(struct fl_onlooker *o, const struct fl_pool_info *info, int fd)
{
    struct fl_pool *pool = NULL;
    if (fd >= 0 && o->pool_count < MOST_POOLS && !fl_context_has_pool(o->context, info->id) &&
        fl_pool_map_reader(fd, info, &pool) == 0) {
        if (fl_context_add_pool(o->context, pool) == 0)
            o->pools[o->pool_count++] = pool;
        else
            fl_pool_destroy(pool);
    }
    if (fd >= 0)
        close(fd);
}

static void drop_pool(struct fl_onlooker *o, uint32_t id)
{
    for (unsigned i = 0; i < o->pool_count; i++) {
        if (fl_pool_info(o->pools[i])->id != id)
            continue;
        fl_pool_destroy(o->pools[i]);
        o->pools[i] = o->pools[--o->pool_count];
        return;
    }
}

static void note_end(struct fl_onlooker *o)
{
    int code = 0;
    gboolean told = fl_remote_ended(o->remote, &code);
    bool well = told && (code == 0 || code == EXIT_DROPS);
    o->end = well ? -ENODATA : -EPIPE;
    if (!told)
        o->trouble = g_strdup_printf("run '%s' is gone without a word", fl_remote_run(o->remote));
    else if (!well)
        o->trouble = g_strdup_printf("run '%s' ended with exit code %d", fl_remote_run(o->remote), code);
}

static void take_news(struct fl_onlooker *o)
{
    enum fl_remote_news news = FL_NEWS_POOL;
    while (o->end == 0 && news != FL_NEWS_NONE) {
        struct fl_pool_info info;
        int fd;
        news = fl_remote_news(o->remote, &info, &fd);
        if (news == FL_NEWS_POOL)
            add_pool(o, &info, fd);
        else if (news == FL_NEWS_POOL_UNUSED)
            drop_pool(o, info.id);
        else if (news == FL_NEWS_OVER)
            note_end(o);
    }
}

/* ---- looking ---- */

static int copy_out(struct fl_onlooker *o, const struct fl_peek *peek, uint64_t now_ns, struct fl_view_frame **frame)
{
    int error = fl_view_frame_of_bytes(&peek->desc, peek->base, peek->capacity, now_ns, frame);
    if (!fl_observer_holds(o->observer, peek)) {
        if (error == 0)
            fl_view_frame_unref(*frame);
        return -ESTALE;
    }
    if (o->count && peek->count > o->count + 1)
        o->counts.passed += peek->count - o->count - 1;
    o->count = peek->count; /* also of one that cannot be shown: it will not become any better */
    o->counts.copied += error == 0;
    return error;
}

static int peek(struct fl_onlooker *o, uint64_t now_ns, struct fl_view_frame **frame)
{
    struct fl_peek at;
    int error = fl_observer_peek(o->observer, &at);
    if (error == 0 && at.count == o->count)
        return -EAGAIN;
    if (error == 0)
        error = copy_out(o, &at, now_ns, frame);
    o->counts.lost += error == -ESTALE;
    return error == -ENOENT ? -EAGAIN : error; /* its pool is still to be told of */
}

int fl_onlooker_look(struct fl_onlooker *o, uint64_t now_ns, struct fl_view_frame **frame)
{
    take_news(o);
    int error = peek(o, now_ns, frame);
    return error == 0 || o->end == 0 ? error : o->end;
}

int fl_onlooker_await(struct fl_onlooker *o, int patience_ms, struct fl_view_frame **frame)
{
    gint64 until = g_get_monotonic_time() + (gint64)patience_ms * 1000;
    int error;
    while ((error = fl_onlooker_look(o, (uint64_t)g_get_monotonic_time() * 1000, frame)) == -EAGAIN || error == -ESTALE) {
        struct pollfd news = {fl_onlooker_fd(o), POLLIN, 0};
        if (g_get_monotonic_time() >= until)
            return -ETIMEDOUT;
        poll(&news, 1, LOOK_MS);
    }
    return error;
}

/* ---- what is known ---- */

int fl_onlooker_fd(const struct fl_onlooker *o)
{
    return fl_remote_fd(o->remote);
}

const char *fl_onlooker_stage(const struct fl_onlooker *o)
{
    return o->stage;
}

const char *fl_onlooker_giver(const struct fl_onlooker *o)
{
    return o->giver;
}

FlShown *fl_onlooker_take_shown(struct fl_onlooker *o)
{
    return g_steal_pointer(&o->shown);
}

const char *fl_onlooker_trouble(const struct fl_onlooker *o)
{
    return o->trouble ? o->trouble : "";
}

void fl_onlooker_get_counts(const struct fl_onlooker *o, struct fl_onlooker_counts *counts)
{
    *counts = o->counts;
}
