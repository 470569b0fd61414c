#include "inspect.h"

#include <stdio.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>

static const enum AVPixelFormat *formats_of(const AVCodec *codec)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100)
    const void *formats = NULL;
    return avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_PIX_FORMAT, 0, &formats, NULL) < 0 ? NULL : formats;
#else
    return codec->pix_fmts;
#endif
}

static const char *nth_format(const void *of, unsigned n)
{
    const enum AVPixelFormat *formats = of;
    for (unsigned i = 0; formats && formats[i] != AV_PIX_FMT_NONE; i++)
        if (i == n)
            return av_get_pix_fmt_name(formats[i]);
    return NULL;
}

static void tell_codec(struct fl_told *told, const AVCodec *codec)
{
    char heading[256];
    bool encoder = av_codec_is_encoder(codec);
    snprintf(heading, sizeof heading, "%s: %s", codec->name, codec->long_name ? codec->long_name : codec->name);
    fl_tell_object(told, heading);
    fl_tell_text(told, "name", codec->name);
    fl_tell_text(told, "kind", encoder ? "encoder" : "decoder");
    fl_tell_text(told, "codec", avcodec_get_name(codec->id));
    fl_tell_text(told, "media", av_get_media_type_string(codec->type));
    fl_tell_words(told, "formats", nth_format, formats_of(codec));
    fl_tell_text(told, "threads",
                 codec->capabilities & AV_CODEC_CAP_FRAME_THREADS   ? "frames"
                 : codec->capabilities & AV_CODEC_CAP_SLICE_THREADS ? "slices"
                                                                    : "");
    if (!encoder)
        fl_tell_text(told, "into slots", codec->capabilities & AV_CODEC_CAP_DR1 ? "yes" : "no: one copy a frame");
    fl_tell_options(told, codec->priv_class, encoder ? AV_OPT_FLAG_ENCODING_PARAM : AV_OPT_FLAG_DECODING_PARAM);
    fl_tell_object_end(told);
}

/* By its own name ("libx264"), or by that of the format it codes ("h264"). */
static bool tell_all_called(struct fl_told *told, const char *name)
{
    const AVCodec *codec;
    void *at = NULL;
    bool found = false;
    while ((codec = av_codec_iterate(&at))) {
        if (strcmp(codec->name, name) != 0 && strcmp(avcodec_get_name(codec->id), name) != 0)
            continue;
        if (!found) {
            fl_tell_begin(told, "codecs");
            fl_tell_list(told, "codecs");
        }
        found = true;
        tell_codec(told, codec);
    }
    return found;
}

bool fl_inspect_codec(struct fl_told *told, const char *name)
{
    const AVCodec *codec;
    void *at = NULL;
    if (name && !tell_all_called(told, name))
        return false;
    if (!name) {
        fl_tell_begin(told, "codecs");
        fl_tell_list(told, "codecs");
    }
    while (!name && (codec = av_codec_iterate(&at)))
        if (codec->type == AVMEDIA_TYPE_VIDEO)
            fl_tell_entry(told, av_codec_is_encoder(codec) ? "encoder" : "decoder", codec->name, codec->long_name);
    fl_tell_list_end(told);
    fl_tell_end(told);
    return true;
}

const char *fl_next_codec(void **at)
{
    const AVCodec *codec = av_codec_iterate(at);
    return codec ? codec->name : NULL;
}
