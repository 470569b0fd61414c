#include "decode-options.h"

#include <errno.h>
#include <string.h>

#define PREFIX "option."

static void add(void *arg, const char *name, const char *value)
{
    av_dict_set(arg, name, value, 0);
}

void decode_options_for_format(struct decode *decode, AVDictionary **options)
{
    fl_stage_each_option(decode->stage, PREFIX, add, options);
}

void decode_options_left_by_format(struct decode *decode, const AVDictionary *left)
{
    av_dict_copy(&decode->left_by_format, left, 0);
}

void decode_options_for_codec(struct decode *decode, AVDictionary **options)
{
    const char *threads = fl_stage_string(decode->stage, "threads");
    av_dict_set(options, "threads", threads ? threads : "auto", 0);
    fl_stage_each_option(decode->stage, PREFIX, add, options);
}

int decode_options_check(struct decode *decode, const AVDictionary *left)
{
    const AVDictionaryEntry *entry = NULL;
    while ((entry = av_dict_get(left, "", entry, AV_DICT_IGNORE_SUFFIX)))
        if (av_dict_get(decode->left_by_format, entry->key, NULL, 0))
            return fl_stage_fail(decode->stage, FL_STAGE_ERROR_CONFIG, -ENOENT,
                                 "neither the demuxer %s nor the decoder %s has an option '%s'; 'ffmpeg -h demuxer=%s' and 'ffmpeg "
                                 "-h decoder=%s' list them",
                                 decode->format->iformat->name, decode->codec->codec->name, entry->key,
                                 decode->format->iformat->name, decode->codec->codec->name);
    return 0;
}
