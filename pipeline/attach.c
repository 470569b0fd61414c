/* Handing out what an output shows to those who look on: descriptors of sealed memory, which nobody can write but its stage. */
#include "door.h"

#include <errno.h>
#include <poll.h>

#include <framelane/latest.h>

static gboolean has_output(const FlRunStage *stage, uint32_t port)
{
    return port < FL_STAGE_MAX_PORTS && stage->side[port] != NULL;
}

static void refuse_output(FlClient *client, const FlRunStage *stage)
{
    const char *above = stage->config->inputs->len ? g_ptr_array_index(stage->config->inputs, 0) : NULL;
    if (above)
        fl_client_refuse(client, -ENODEV, "'%s' gives nothing that could be looked at; what it takes comes from '%s'",
                         stage->config->name, above);
    else
        fl_client_refuse(client, -ENODEV, "'%s' gives nothing that could be looked at", stage->config->name);
}

static void tell_pool(FlClient *client, const FlRunRegion *pool, gboolean unused)
{
    struct fl_remote_pool body = {.pool = pool->pool};
    fl_client_send(client, unused ? FL_REMOTE_POOL_UNUSED : FL_REMOTE_POOL, &body, sizeof body, &pool->fd, !unused);
}

/* Frames of a stage that forwards lie in the pools of those above it. */
static gboolean comes_from(const FlRunStage *stage, uint32_t port, const FlRunRegion *pool)
{
    const FlRun *run = stage->run;
    if (pool->writer == stage && pool->port == port)
        return TRUE;
    if (port != 0 || !stage->stream[0].forwards)
        return FALSE;
    for (unsigned i = 0; i < run->lane_count; i++)
        if (run->lanes[i].to == stage && run->lanes[i].config->to_port == 0 && comes_from(run->lanes[i].from, 0, pool))
            return TRUE;
    return FALSE;
}

static gboolean can_be_given(const FlRunRegion *region)
{
    return region->kind == FL_REGION_POOL && region->mapped && region->fd >= 0;
}

void fl_door_tell_pools(FlClient *client)
{
    GHashTableIter each;
    gpointer region;
    g_hash_table_iter_init(&each, fl_door_run(client->door)->regions);
    while (g_hash_table_iter_next(&each, NULL, &region))
        if (can_be_given(region) && comes_from(client->seen, client->seen_port, region))
            tell_pool(client, region, FALSE);
}

/* ---- the latest region ---- */

static void answer_attached(FlClient *client)
{
    const FlRunStage *stage = client->seen;
    int fds[] = {stage->stats_fd, stage->latest[client->seen_port]->fd};
    struct fl_remote_attached body = {
        .port = client->seen_port, .how = FL_REMOTE_LOOK, .roles = {FL_REMOTE_FD_STATS, FL_REMOTE_FD_LATEST}};
    client->expects = FALSE;
    fl_door_status_changed(client->door);
    fl_client_send(client, FL_REMOTE_ATTACHED, &body, sizeof body, fds, G_N_ELEMENTS(fds));
    fl_door_tell_pools(client);
}

static void forget_latest(FlRunRegion *region)
{
    region->writer->latest[region->port] = NULL;
    g_hash_table_remove(region->writer->run->regions, GUINT_TO_POINTER(region->id));
}

void fl_door_latest_mapped(FlDoor *door, FlRunRegion *region, int error)
{
    FlRunStage *stage = region->writer;
    struct fl_control_show show = {.region = region->id, .port = region->port};
    FlRunMessage message = {FL_CONTROL_SHOW, &show, NULL, sizeof show, 0, NULL, 0};
    if (error == 0)
        fl_run_send(stage, &message);
    for (guint i = 0; door && i < fl_door_clients(door)->len; i++) {
        FlClient *client = g_ptr_array_index(fl_door_clients(door), i);
        if (!client->expects || client->guest || client->seen != stage || client->seen_port != region->port)
            continue; /* a guest waits for another region */
        if (error == 0) {
            answer_attached(client);
            continue;
        }
        client->expects = FALSE;
        client->seen = NULL;
        fl_client_refuse(client, error, "'%s' cannot show its frames: %s", stage->config->name, g_strerror(-error));
    }
    if (error < 0)
        forget_latest(region);
}

/* The first who looks on at an output has its region made; nobody before has cost it anything. */
static void attach(FlClient *client, FlRunStage *stage, const struct fl_remote_attach *asked)
{
    FlRunRegion **latest = &stage->latest[asked->port];
    FlRunRegion like = {.kind = FL_REGION_LATEST, .writer = stage, .port = asked->port, .bytes = fl_latest_bytes(), .later = TRUE};
    int error = 0;
    if (!*latest)
        *latest = fl_run_mint(stage->run, &like, TRUE, &error);
    if (!*latest) {
        g_autofree char *reason = fl_reason_text(error);
        fl_client_refuse(client, error, "no shared memory to show frames in: %s", reason);
        return;
    }
    client->seen = stage;
    client->seen_port = asked->port;
    client->stays = client->expects = TRUE;
    if ((*latest)->mapped)
        answer_attached(client);
}

void fl_answer_attach(FlClient *client, const FlRequest *request)
{
    const struct fl_remote_attach *asked = request->body;
    FlRun *run = fl_door_run(client->door);
    g_autofree char *name = g_strndup(asked->stage, sizeof asked->stage);
    FlRunStage *stage = fl_client_find_stage(client, name);
    if (!stage)
        return;
    if (client->seen)
        fl_client_refuse(client, -EBUSY, "this connection is attached already: one output a connection");
    else if (asked->how != FL_REMOTE_LOOK && asked->how != FL_REMOTE_TAKE)
        fl_client_refuse(client, -EINVAL, "there is no such way to attach (%u): look on, or take a lane", asked->how);
    else if (run->pipeline->transport != FL_TRANSPORT_SHM)
        fl_client_refuse(client, -EOPNOTSUPP,
                         "this run passes its frames through pipes, where nobody can look on: use transport = shm");
    else if (run->state != FL_RUN_RUNNING || stage->stats_fd < 0)
        fl_client_refuse(client, -EAGAIN, "the run has not started yet: ask again");
    else if (asked->how == FL_REMOTE_TAKE)
        fl_answer_take(client, stage, asked);
    else if (!has_output(stage, asked->port))
        refuse_output(client, stage);
    else if (stage->life != FL_LIFE_RUNNING)
        fl_client_refuse(client, -ESRCH, "'%s' has ended", stage->config->name);
    else
        attach(client, stage, asked);
}

/* A process that lives after its name has been read had that number all the time. The name is of its own choosing: what is no text
 * becomes '?'. */
char *fl_attached_program(const FlAttached *one)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/comm", (int)one->pid);
    char *name = NULL;
    struct pollfd death = {one->pidfd, POLLIN, 0};
    if (one->pidfd < 0 || !g_file_get_contents(path, &name, NULL, NULL))
        return NULL;
    if (poll(&death, 1, 0) != 0) {
        g_free(name);
        return NULL;
    }
    for (char *c = g_strchomp(name); *c; c++)
        if (!g_ascii_isprint(*c))
            *c = '?';
    return name;
}

void fl_door_each_attached(FlDoor *door, FlTellAttached *tell, gpointer data)
{
    fl_door_each_guest(door, tell, data);
    for (guint i = 0; door && i < fl_door_clients(door)->len; i++) {
        const FlClient *client = g_ptr_array_index(fl_door_clients(door), i);
        const char *state = client->expects ? "attaching" : "attached";
        if (client->seen && !client->guest && !client->cut_off)
            tell(&(FlAttached){client->seen, client->seen_port, client->pid, client->pidfd, state, NULL}, data);
    }
}

void fl_door_tell_pool(FlDoor *door, const FlRunRegion *pool, gboolean unused)
{
    for (guint i = 0; door && pool->fd >= 0 && i < fl_door_clients(door)->len; i++) {
        FlClient *client = g_ptr_array_index(fl_door_clients(door), i);
        if (client->seen && !client->expects && comes_from(client->seen, client->seen_port, pool))
            tell_pool(client, pool, unused);
    }
}
