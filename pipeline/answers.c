#include "door.h"
#include "parse.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

FlRunStage *fl_client_find_stage(FlClient *client, const char *name)
{
    FlRun *run = fl_door_run(client->door);
    for (unsigned i = 0; i < run->stage_count; i++)
        if (g_str_equal(run->stages[i].config->name, name))
            return &run->stages[i];
    g_autofree const char **names = fl_stage_names(run->pipeline);
    g_autofree char *all = fl_stage_names_text(run->pipeline), *more = g_strdup_printf("stages: %s", all);
    g_autofree char *given = g_utf8_make_valid(name, -1), *hint = fl_did_you_mean(given, names, more);
    fl_client_refuse(client, -ENOENT, "there is no stage '%s' in this run; %s", given, hint);
    return NULL;
}

static void answer_hello(FlClient *client, const FlRequest *request)
{
    const struct fl_remote_hello *said = request->body;
    const FlRun *run = fl_door_run(client->door);
    struct fl_remote_hello body = {.version = FL_REMOTE_VERSION, .pid = getpid()};
    if (said->version != FL_REMOTE_VERSION) {
        fl_client_refuse(client, -EPROTONOSUPPORT, "the run speaks version %d, not %u: use the framelane that started it (%s)",
                         FL_REMOTE_VERSION, said->version, FL_VERSION);
        fl_client_cut_off(client);
        return;
    }
    g_strlcpy(body.name, run->pipeline->name, sizeof body.name);
    client->greeted = TRUE;
    fl_client_send(client, FL_REMOTE_HELLO, &body, sizeof body, NULL, 0);
}

static void answer_status(FlClient *client, const FlRequest *request)
{
    fl_client_send_text(client, fl_door_status(client->door));
}

static void answer_stop(FlClient *client, const FlRequest *request)
{
    const struct fl_remote_stop *stop = request->body;
    struct fl_remote_done done = {0};
    client->stays = TRUE;
    fl_client_send(client, FL_REMOTE_DONE, &done, sizeof done, NULL, 0);
    fl_run_take_stop(fl_door_run(client->door), stop->now != 0);
}

static void answer_mapped(FlClient *client, const FlRequest *request)
{
    if (!fl_answer_mapped(client, request->body))
        fl_client_cut_off(client);
}

/* What a client may ask, and how large it is. */
static const struct {
    enum fl_remote type;
    gsize body_bytes;
    gboolean with_tail;
    void (*answer)(FlClient *client, const FlRequest *request);
} requests[] = {
    {FL_REMOTE_HELLO, sizeof(struct fl_remote_hello), FALSE, answer_hello},
    {FL_REMOTE_STATUS, sizeof(struct fl_remote_status), FALSE, answer_status},
    {FL_REMOTE_STOP, sizeof(struct fl_remote_stop), FALSE, answer_stop},
    {FL_REMOTE_ATTACH, sizeof(struct fl_remote_attach), FALSE, fl_answer_attach},
    {FL_REMOTE_SET, sizeof(struct fl_remote_set), TRUE, fl_answer_set},
    {FL_REMOTE_MAPPED, sizeof(struct fl_remote_mapped), FALSE, answer_mapped},
};

gboolean fl_answer(FlClient *client, const FlRequest *request, gsize body_bytes)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(requests) && !client->set_stage; i++) {
        gboolean in_turn = client->expects == (requests[i].type == FL_REMOTE_MAPPED);
        if (requests[i].type != request->type || !in_turn)
            continue;
        if (body_bytes != requests[i].body_bytes || (request->tail_bytes && !requests[i].with_tail))
            return FALSE;
        requests[i].answer(client, request);
        return TRUE;
    }
    return FALSE;
}
