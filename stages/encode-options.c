/* option.NAME=VALUE: whose it is, and giving it to them. As with ffmpeg, what both know goes to both. */
#include "encode.h"

#include <errno.h>
#include <string.h>
#include <libavutil/opt.h>

#include "av-log.h"
#include "nearest.h"

#define PREFIX  "option."
#define CLASSES 4

/* Encoder and muxer, each with what all of its kind know and what is its own. */
static void list_classes(const struct encode *encode, const AVClass *classes[CLASSES])
{
    classes[0] = encode->video.codec->priv_class;
    classes[1] = avcodec_get_class();
    classes[2] = encode->mux->oformat->priv_class;
    classes[3] = avformat_get_class();
}

static bool knows(const AVClass *class, const char *name)
{
    return class && av_opt_find(&class, name, NULL, AV_OPT_FLAG_ENCODING_PARAM, AV_OPT_SEARCH_FAKE_OBJ);
}

struct visit {
    struct encode *encode;
    void *target;   /* AVCodecContext or AVFormatContext; NULL: only look */
    unsigned first; /* of the two classes that are meant */
    const char *wanted;
    bool found;
    int error;
};

static void fail_unknown(struct visit *visit, const AVClass *const classes[CLASSES], const char *name)
{
    char hint[80];
    struct fl_nearest_name nearest = {.word = name};
    for (unsigned i = 0; i < CLASSES; i++)
        for (const AVOption *o = classes[i] ? av_opt_next(&classes[i], NULL) : NULL; o; o = av_opt_next(&classes[i], o))
            if (o->type != AV_OPT_TYPE_CONST && o->flags & AV_OPT_FLAG_ENCODING_PARAM)
                fl_nearest_offer(&nearest, o->name);
    visit->error = fl_stage_fail(visit->encode->stage, FL_STAGE_ERROR_CONFIG, -ENOENT,
                                 "neither encoder %s nor muxer %s has an option '%s'%s", visit->encode->video.codec->name,
                                 visit->encode->mux->oformat->name, name, fl_nearest_hint(&nearest, hint, sizeof(hint)));
}

static void check_one(void *arg, const char *name, const char *value)
{
    struct visit *visit = arg;
    const AVClass *classes[CLASSES];
    list_classes(visit->encode, classes);
    for (unsigned i = 0; i < CLASSES; i++)
        if (knows(classes[i], name))
            return;
    if (visit->error == 0)
        fail_unknown(visit, classes, name);
}

int fl_encode_check_options(struct encode *encode)
{
    struct visit visit = {.encode = encode};
    fl_stage_each_option(encode->stage, PREFIX, check_one, &visit);
    return visit.error;
}

static void set_one(void *arg, const char *name, const char *value)
{
    struct visit *visit = arg;
    const AVClass *classes[CLASSES];
    list_classes(visit->encode, classes);
    if (visit->error < 0 || (!knows(classes[visit->first], name) && !knows(classes[visit->first + 1], name)))
        return;
    fl_av_log_clear();
    int ret = av_opt_set(visit->target, name, value, AV_OPT_SEARCH_CHILDREN);
    if (ret < 0)
        visit->error = fl_stage_fail(visit->encode->stage, FL_STAGE_ERROR_CONFIG, fl_av_errno(ret),
                                     "option %s does not take '%s': %s", name, value, fl_av_log_reason(ret));
}

int fl_encode_set_encoder_options(struct encode *encode, AVCodecContext *context)
{
    struct visit visit = {.encode = encode, .target = context, .first = 0};
    fl_stage_each_option(encode->stage, PREFIX, set_one, &visit);
    return visit.error;
}

int fl_encode_set_muxer_options(struct encode *encode, AVFormatContext *mux)
{
    struct visit visit = {.encode = encode, .target = mux, .first = 2};
    fl_stage_each_option(encode->stage, PREFIX, set_one, &visit);
    return visit.error;
}

static void look_for(void *arg, const char *name, const char *value)
{
    struct visit *visit = arg;
    visit->found |= strcmp(name, visit->wanted) == 0;
}

bool fl_encode_has_option(struct encode *encode, const char *name)
{
    struct visit visit = {.encode = encode, .wanted = name};
    fl_stage_each_option(encode->stage, PREFIX, look_for, &visit);
    return visit.found;
}
