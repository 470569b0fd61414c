/* SET: what a client wants changed in a stage, checked as in a configuration, handed to the stage, and its answer handed back.
 *
 *   client --SET--> checked --> stage --SET_DONE--> client      at the next frame of that stage
 *                     |           +--no frame by the deadline--> refused; the stage changes nothing any more
 *                     +--refused in words
 */
#include "door.h"
#include "live.h"
#include "parse.h"

#include <errno.h>
#include <string.h>

#define GRACE_MS     500 /* for the stage's own word that it was too late */
#define MOST_WAITING 16  /* changes of one stage: a stopped one must not find its socket full */

/* ---- which key ---- */

/* "size, flags"; NULL: nothing. */
static char *settable_text(const struct fl_kind_info *kind)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (const struct fl_key *key = kind->keys; key->name; key++)
        if (key->set)
            g_string_append_printf(text, "%s%s", text->len ? ", " : "", key->name);
    if (kind->part)
        g_string_append_printf(text, "%s%s", text->len ? ", " : "", kind->part->name);
    return text->len ? g_strdup(text->str) : NULL;
}

static void refuse_key(FlClient *client, const FlRunStage *stage, const char *key)
{
    const struct fl_kind_info *kind = stage->config->kind;
    const char *name = stage->config->name, *names[32] = {0};
    g_autofree char *settable = settable_text(kind);
    if (!settable) {
        fl_client_refuse(client, -EINVAL, "nothing of '%s' can be set while it runs: it is of the kind %s", name, kind->name);
        return;
    }
    if (fl_kind_key(kind, key)) {
        fl_client_refuse(client, -EINVAL, "'%s' of '%s' cannot change while it runs; what can: %s", key, name, settable);
        return;
    }
    unsigned count = 0;
    for (const struct fl_key *each = kind->keys; each->name && count + 1 < G_N_ELEMENTS(names); each++)
        if (each->set)
            names[count++] = each->name;
    g_autofree char *more = g_strdup_printf("what can be set: %s", settable), *hint = fl_did_you_mean(key, names, more);
    fl_client_refuse(client, -EINVAL, "'%s', of the kind %s, has no key '%s'; %s", name, kind->name, key, hint);
}

/* TRUE: a value of that key's type. Keys of parts are the stage's own to check. */
static gboolean check_value(FlClient *client, const FlRunStage *stage, const char *key, const char *value)
{
    const struct fl_key *known = fl_kind_key(stage->config->kind, key);
    FlOption option = {.key = (char *)key, .value = (char *)value};
    FlDiagnostics *d = fl_diagnostics_new();
    gboolean good = !known || fl_check_value(known, &option, "", d);
    if (!good) {
        const FlDiagnostic *item = g_ptr_array_index(d->items, 0);
        fl_client_refuse(client, -EINVAL, "%s%s%s", item->message, item->hint ? "; " : "", item->hint ? item->hint : "");
    }
    fl_diagnostics_free(d);
    return good;
}

static gboolean check(FlClient *client, const FlRunStage *stage, const char *key, const char *value)
{
    const struct fl_kind_info *kind = stage->config->kind;
    const struct fl_key *known = fl_kind_key(kind, key);
    if (known ? known->set != NULL : kind->part && strchr(key, '.'))
        return check_value(client, stage, key, value);
    refuse_key(client, stage, key);
    return FALSE;
}

static gboolean can_change(FlClient *client, const FlRunStage *stage)
{
    const FlRun *run = stage->run;
    if (run->state != FL_RUN_RUNNING)
        fl_client_refuse(client, -EAGAIN, "the run has not started yet: ask again");
    else if (stage->life != FL_LIFE_RUNNING || stage->control < 0)
        fl_client_refuse(client, -ESRCH, "'%s' has ended", stage->config->name);
    else if (stage->sets_asked - stage->sets_answered >= MOST_WAITING)
        fl_client_refuse(client, -EBUSY, "%d changes of '%s' wait for its next frame already: ask again", MOST_WAITING,
                         stage->config->name);
    else
        return TRUE;
    return FALSE;
}

/* ---- the answer ---- */

static FlClient *find_client(FlDoor *door, const FlRunStage *stage, uint32_t token)
{
    for (guint i = 0; door && i < fl_door_clients(door)->len; i++) {
        FlClient *client = g_ptr_array_index(fl_door_clients(door), i);
        if (client->set_stage == stage && client->set_token == token)
            return client;
    }
    return NULL;
}

static void forget(FlClient *client)
{
    if (client->set_timer)
        g_source_remove(client->set_timer);
    client->set_timer = 0;
    client->set_stage = NULL;
}

/* What it does instead of taking a frame. */
static char *excuse(const FlRunStage *stage)
{
    FlStageFigures figures;
    fl_live_stage(stage->run->live, stage, &figures);
    if (figures.process == 'T' || figures.process == 't')
        return g_strdup("it is stopped (SIGSTOP)");
    if (*figures.waiting_for && figures.waiting_on)
        return g_strdup_printf("it waits for %s of '%s'", figures.waiting_for, figures.waiting_on->config->name);
    return *figures.waiting_for ? g_strdup_printf("it waits for %s", figures.waiting_for)
                                : g_strdup("it is busy with the one before");
}

static gboolean too_late(gpointer data)
{
    FlClient *client = data;
    const FlRunStage *stage = client->set_stage;
    g_autofree char *why = excuse(stage);
    client->set_timer = 0;
    client->set_stage = NULL;
    fl_client_refuse(client, -ETIMEDOUT,
                     "'%s' took no frame in %.3g s, so nothing was changed, unless it had begun to build anew: %s",
                     stage->config->name, client->set_wait_ms / 1000.0, why);
    return G_SOURCE_REMOVE;
}

void fl_run_take_set_done(FlRunStage *stage, const struct fl_received *message)
{
    struct fl_control_set_done done;
    memcpy(&done, message->body, sizeof done);
    if (stage->sets_answered == stage->sets_asked || done.token != stage->sets_answered + 1 || done.error > 0) {
        fl_run_broke(stage, "answered what it was not asked");
        return;
    }
    stage->sets_answered++;
    char *argument = g_queue_pop_head(&stage->arguments);
    if (argument && done.error == 0) {
        g_free(stage->argument);
        stage->argument = g_steal_pointer(&argument);
        fl_door_status_changed(stage->run->door);
    }
    g_free(argument);
    FlClient *client = find_client(stage->run->door, stage, done.token);
    if (!client)
        return; /* it has left, or was told that it is too late */
    struct fl_remote_done body = {.number = done.number, .parameters = done.parameters};
    g_autofree char *why = fl_run_clean_text(message->tail, message->tail_bytes);
    forget(client);
    if (done.error == 0)
        fl_client_send(client, FL_REMOTE_DONE, &body, sizeof body, NULL, 0);
    else
        fl_client_refuse(client, done.error, "'%s': %s", stage->config->name, why);
}

void fl_door_stage_ended(FlDoor *door, const FlRunStage *stage)
{
    for (guint i = 0; door && i < fl_door_clients(door)->len; i++) {
        FlClient *client = g_ptr_array_index(fl_door_clients(door), i);
        if (client->set_stage != stage)
            continue;
        forget(client);
        fl_client_refuse(client, -ESRCH, "'%s' has ended before anything was changed", stage->config->name);
    }
}

/* ---- the request ---- */

static void hand_on(FlClient *client, FlRunStage *stage, const struct fl_remote_set *asked, const char *key, const char *value)
{
    guint wait_ms = asked->wait_ms ? MIN(asked->wait_ms, FL_REMOTE_MOST_WAIT_MS) : FL_REMOTE_USUAL_WAIT_MS;
    g_autoptr(GByteArray) tail = g_byte_array_new();
    g_byte_array_append(tail, (const guint8 *)key, (guint)strlen(key) + 1);
    g_byte_array_append(tail, (const guint8 *)value, (guint)strlen(value) + 1);
    struct fl_control_set set = {
        .token = ++stage->sets_asked,
        .flags = asked->rebuild ? FL_SET_REBUILD : 0,
        .deadline_ns = (uint64_t)g_get_monotonic_time() * 1000 + wait_ms * 1000000ull,
    };
    g_queue_push_tail(&stage->arguments, g_strcmp0(key, stage->config->kind->main_key) == 0 ? g_strdup(value) : NULL);
    client->set_stage = stage;
    client->set_token = set.token;
    client->set_wait_ms = wait_ms;
    client->set_timer = g_timeout_add_full(G_PRIORITY_DEFAULT_IDLE, wait_ms + GRACE_MS, too_late, client, NULL);
    FlRunMessage message = {FL_CONTROL_SET, &set, tail->data, sizeof set, tail->len, NULL, 0};
    fl_run_send(stage, &message);
}

void fl_answer_set(FlClient *client, const FlRequest *request)
{
    const struct fl_remote_set *asked = request->body;
    g_autofree char *name = g_strndup(asked->stage, sizeof asked->stage);
    g_autofree char *key = g_strndup(request->tail, request->tail_bytes);
    char *equals = strchr(key, '=');
    FlRunStage *stage = fl_client_find_stage(client, name);
    if (!stage)
        return;
    if (!g_utf8_validate(request->tail, (gssize)request->tail_bytes, NULL) || !equals || equals == key) {
        fl_client_refuse(client, -EINVAL, "what is to be set is written KEY=VALUE, in UTF-8");
        return;
    }
    *equals = 0;
    if (check(client, stage, key, equals + 1) && can_change(client, stage))
        hand_on(client, stage, asked, key, equals + 1);
}
