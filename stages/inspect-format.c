#include "inspect.h"

#include <stdio.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avstring.h>

static void tell_format(struct fl_told *told, const char *name, const char *long_name, const char *extensions)
{
    char heading[512];
    snprintf(heading, sizeof heading, "%s: %s", name, long_name ? long_name : name);
    fl_tell_object(told, heading);
    fl_tell_text(told, "name", name);
    fl_tell_text(told, "summary", told->json ? long_name : NULL);
    fl_tell_text(told, "extensions", extensions);
}

static void tell_muxer(struct fl_told *told, const AVOutputFormat *muxer)
{
    tell_format(told, muxer->name, muxer->long_name, muxer->extensions);
    if (muxer->video_codec != AV_CODEC_ID_NONE)
        fl_tell_text(told, "video codec", avcodec_get_name(muxer->video_codec));
    if (muxer->audio_codec != AV_CODEC_ID_NONE)
        fl_tell_text(told, "audio codec", avcodec_get_name(muxer->audio_codec));
    fl_tell_options(told, muxer->priv_class, AV_OPT_FLAG_ENCODING_PARAM);
    fl_tell_object_end(told);
}

static void tell_demuxer(struct fl_told *told, const AVInputFormat *demuxer)
{
    tell_format(told, demuxer->name, demuxer->long_name, demuxer->extensions);
    fl_tell_options(told, demuxer->priv_class, AV_OPT_FLAG_DECODING_PARAM);
    fl_tell_object_end(told);
}

bool fl_inspect_muxer(struct fl_told *told, const char *name)
{
    const AVOutputFormat *muxer = name ? av_guess_format(name, NULL, NULL) : NULL;
    void *at = NULL;
    if (name && !muxer)
        return false;
    fl_tell_begin(told, "muxers");
    fl_tell_list(told, "muxers");
    if (muxer)
        tell_muxer(told, muxer);
    while (!name && (muxer = av_muxer_iterate(&at)))
        if (muxer->video_codec != AV_CODEC_ID_NONE)
            fl_tell_entry(told, "muxer", muxer->name, muxer->long_name);
    fl_tell_list_end(told);
    fl_tell_end(told);
    return true;
}

bool fl_inspect_demuxer(struct fl_told *told, const char *name)
{
    const AVInputFormat *demuxer = name ? av_find_input_format(name) : NULL;
    void *at = NULL;
    if (name && !demuxer)
        return false;
    fl_tell_begin(told, "demuxers");
    fl_tell_list(told, "demuxers");
    if (demuxer)
        tell_demuxer(told, demuxer);
    while (!name && (demuxer = av_demuxer_iterate(&at)))
        fl_tell_entry(told, "demuxer", demuxer->name, demuxer->long_name);
    fl_tell_list_end(told);
    fl_tell_end(told);
    return true;
}

const char *fl_next_muxer(void **at)
{
    const AVOutputFormat *muxer = av_muxer_iterate(at);
    return muxer ? muxer->name : NULL;
}

const char *fl_next_demuxer(void **at)
{
    const AVInputFormat *demuxer = av_demuxer_iterate(at);
    return demuxer ? demuxer->name : NULL;
}
