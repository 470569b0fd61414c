/* Parameters that change while frames flow: each at one frame, and which one that is goes back with the answer. */
#include "host.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 2000

/* ---- answers ---- */

static void answer(struct fl_stage *stage, const struct fl_host_message *message, struct fl_control_set_done *done, const char *why)
{
    const struct fl_control_set *asked = (const void *)message->body;
    done->token = asked->token;
    fl_host_send(stage, FL_CONTROL_SET_DONE, done, sizeof *done, why, why ? strlen(why) : 0);
}

static void refuse(struct fl_stage *stage, const struct fl_host_message *message, int error, const char *why)
{
    answer(stage, message, &(struct fl_control_set_done){.error = error}, why);
}

int fl_stage_refuse(struct fl_stage *stage, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!stage->refusal)
        stage->refusal = calloc(1, TEXT_BYTES);
    if (stage->refusal && !stage->refusal[0])
        vsnprintf(stage->refusal, TEXT_BYTES, format, arguments);
    va_end(arguments);
    return error;
}

/* ---- waiting for a frame ---- */

static struct fl_host_message *next_setting(struct fl_stage *stage)
{
    struct fl_host_message *message = stage->first_setting;
    if (message)
        stage->first_setting = message->next;
    if (!stage->first_setting)
        stage->last_setting = NULL;
    return message;
}

/* Two texts, each with its end. */
static bool is_whole(const struct fl_host_message *message)
{
    const uint8_t *key_end = memchr(message->tail, 0, message->tail_bytes);
    const uint8_t *end = message->tail + message->tail_bytes;
    return key_end && memchr(key_end + 1, 0, (size_t)(end - key_end - 1)) == end - 1;
}

void fl_host_take_setting(struct fl_stage *stage, struct fl_host_message *message)
{
    const char *why = stage->settled       ? "no frame comes any more that it could hold for"
                      : !is_whole(message) ? "it came mutilated"
                      : stage->module->set ? NULL
                                           : "nothing of this kind can be set while it runs";
    if (why) {
        refuse(stage, message, stage->settled ? -ENODATA : -EINVAL, why);
        fl_host_message_free(message);
        return;
    }
    message->next = NULL;
    if (stage->last_setting)
        stage->last_setting->next = message;
    else
        stage->first_setting = message;
    stage->last_setting = message;
}

void fl_host_settle(struct fl_stage *stage)
{
    struct fl_host_message *message;
    stage->settled = true;
    while ((message = next_setting(stage))) {
        refuse(stage, message, -ENODATA, "no frame comes any more that it could hold for");
        fl_host_message_free(message);
    }
    free(stage->refusal);
    stage->refusal = NULL;
}

/* ---- the change ---- */

static bool is_before_change(const struct fl_stage *stage, const struct fl_desc *desc, uint32_t nth)
{
    uint32_t epoch = stage->changes[nth % FL_HOST_CHANGES].epoch;
    return desc->epoch < epoch || (desc->epoch == epoch && desc->number < stage->changes[nth % FL_HOST_CHANGES].number);
}

uint32_t fl_host_parameters_at(const struct fl_stage *stage, const struct fl_desc *desc)
{
    uint32_t version = stage->parameters;
    for (unsigned i = 0; i < FL_HOST_CHANGES && version > 0 && is_before_change(stage, desc, version - 1); i++)
        version--;
    return version;
}

/* The option has its new value while the stage looks at it; a value that is refused goes again. */
static int try_setting(struct fl_stage *stage, const struct fl_stage_setting *setting)
{
    bool option = fl_kind_key(stage->kind, setting->key) != NULL;
    if (stage->refusal)
        stage->refusal[0] = 0;
    int error = option ? fl_host_push_option(stage, setting->key, setting->value) : 0;
    if (error < 0)
        return error;
    error = stage->module->set(stage, setting);
    if (option)
        fl_host_settle_option(stage, error == 0);
    return error;
}

static int apply(struct fl_stage *stage, const struct fl_host_message *message, const struct fl_desc *next)
{
    const struct fl_control_set *asked = (const void *)message->body;
    const char *key = (const char *)message->tail;
    struct fl_stage_setting setting = {key, key + strlen(key) + 1, asked->flags & FL_SET_REBUILD, next};
    struct fl_control_set_done done = {.number = next ? next->number : stage->out[0].published};
    int error = try_setting(stage, &setting);
    if (error == -ECANCELED || atomic_load(&stage->failed))
        return error < 0 ? error : -EIO;
    if (error < 0) {
        refuse(stage, message, error, stage->refusal && stage->refusal[0] ? stage->refusal : strerror(-error));
        return 0;
    }
    stage->changes[stage->parameters % FL_HOST_CHANGES].number = done.number;
    stage->changes[stage->parameters % FL_HOST_CHANGES].epoch = next ? next->epoch : 0;
    stage->parameters++;
    done.parameters = (next ? next->parameters : 0) + stage->parameters;
    answer(stage, message, &done, NULL);
    return 0;
}

/* One a frame: each value holds for the frame that its answer names. */
int fl_host_apply_setting(struct fl_stage *stage, const struct fl_desc *next)
{
    bool late = true;
    int error = 0;
    while (late && stage->first_setting) {
        struct fl_host_message *message = next_setting(stage);
        late = fl_host_now_ns() > ((const struct fl_control_set *)(const void *)message->body)->deadline_ns;
        if (late)
            refuse(stage, message, -ETIMEDOUT, "no frame came in time");
        else
            error = apply(stage, message, next);
        fl_host_message_free(message);
    }
    return error;
}
