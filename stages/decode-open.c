/* Input, demuxer, which stream, decoder. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libavutil/avstring.h>

#include "av-log.h"
#include "decode.h"
#include "decode-options.h"

/* libavdevice has always had libavformat's major number. Loading it costs more than all else together, so only who names a device
 * has it. */
#define DEVICE_LIBRARY "libavdevice.so." AV_STRINGIFY(LIBAVFORMAT_VERSION_MAJOR)

static const AVInputFormat *find_device(struct decode *decode, const char *name)
{
    void *library = dlopen(DEVICE_LIBRARY, RTLD_NOW | RTLD_GLOBAL);
    void (*register_all)(void) = library ? (void (*)(void))dlsym(library, "avdevice_register_all") : NULL;
    if (!register_all) {
        fl_stage_warn(decode->stage, "devices cannot be opened: %s; install " DEVICE_LIBRARY, dlerror());
        return NULL;
    }
    register_all();
    return av_find_input_format(name);
}

static int find_format(struct decode *decode, const AVInputFormat **found)
{
    const char *name = fl_stage_string(decode->stage, "format");
    *found = name ? av_find_input_format(name) : NULL;
    if (name && !*found)
        *found = find_device(decode, name);
    if (name && !*found)
        return fl_stage_fail(decode->stage, FL_STAGE_ERROR_CONFIG, -ENOENT,
                             "no demuxer or input device is called '%s'; 'ffmpeg -demuxers' and 'ffmpeg -devices' list them", name);
    return 0;
}

static const char *open_remedy(const struct decode *decode, int error)
{
    if (decode->file.refused[0])
        return "it wants to open other files, which a stage that is given one open file may not; name it as file:PATH to allow "
               "that";
    switch (error) {
    case AVERROR(EISDIR):
        return "it is a folder; name a file in it, or numbered pictures as FOLDER/%04d.png";
    case AVERROR(ENODATA):
        return "the file is empty";
    case AVERROR_INVALIDDATA:
        return "it is no media file that FFmpeg knows, or its beginning is damaged; see what ffprobe says of it";
    case AVERROR_PROTOCOL_NOT_FOUND:
        return "this FFmpeg knows no such protocol; 'ffmpeg -protocols' lists them";
    case AVERROR(ENOENT):
        return "there is no such file";
    default:
        return "see what ffprobe says of it";
    }
}

static int fail_open(struct decode *decode, int error)
{
    char words[AV_ERROR_MAX_STRING_SIZE];
    const char *reason = fl_av_log_reason(error);
    if (decode->network.silent)
        return decode_network_fail(decode);
    if (error == AVERROR_EXIT)
        return -ECANCELED;
    if (error == AVERROR(EISDIR) || error == AVERROR(ENODATA))
        return fl_stage_fail(decode->stage, FL_STAGE_ERROR_START, error, "cannot open %s: %s", decode->url,
                             open_remedy(decode, error));
    av_strerror(error, words, sizeof words);
    bool twice = strstr(reason, words) != NULL;
    return fl_stage_fail(decode->stage, FL_STAGE_ERROR_START, fl_av_errno(error), "cannot open %s: %s%s%s%s; %s", decode->url,
                         reason, twice ? "" : " (", twice ? "" : words, twice ? "" : ")", open_remedy(decode, error));
}

/* The supervisor opens files; what is no file (a URL, a device, a pattern of names) libavformat opens itself. */
static int attach_file(struct decode *decode, AVDictionary **options)
{
    int fd = fl_stage_take_input_fd(decode->stage);
    if (fd < 0 && strcmp(decode->url, "-") == 0)
        fd = dup(STDIN_FILENO);
    if (fd < 0)
        return 0;
    if (strcmp(decode->url, "-") == 0)
        decode->url = "standard input"; /* from here on it is only shown */
    int error = fl_input_file_open(&decode->file, decode->stage, fd, decode->format);
    if (error < 0)
        return fail_open(decode, error);
    av_dict_set(options, "protocol_whitelist", "none", 0);
    return 0;
}

static int open_format(struct decode *decode, const AVInputFormat *format, AVDictionary **options)
{
    decode_network_begin(decode, DECODE_OPENS);
    int error = decode_network_connect(decode, format, options);
    /* The demuxer's own last resort to find all programs of a transport stream, as ffmpeg asks it. */
    av_dict_set(options, "scan_all_pmts", "1", AV_DICT_DONT_OVERWRITE);
    if (error == 0)
        error = avformat_open_input(&decode->format, decode->url, (AVInputFormat *)format, options); /* not const before 59 */
    return error < 0 ? fail_open(decode, error) : 0;
}

int decode_open_input(struct decode *decode)
{
    const AVInputFormat *format = NULL;
    AVDictionary *options = NULL;
    int error = find_format(decode, &format);
    if (error < 0)
        return error;
    decode_network_init(decode);
    decode->format = avformat_alloc_context();
    if (!decode->format)
        return fl_stage_fail(decode->stage, FL_STAGE_ERROR_START, -ENOMEM, "no memory to open %s", decode->url);
    decode->format->interrupt_callback = (AVIOInterruptCB){decode_interrupted, decode};
    decode_options_for_format(decode, &options);
    error = attach_file(decode, &options);
    if (error == 0)
        error = open_format(decode, format, &options);
    decode_options_left_by_format(decode, options);
    av_dict_free(&options);
    if (error < 0)
        return error;
    decode_network_begin(decode, DECODE_ANALYSES);
    error = avformat_find_stream_info(decode->format, NULL);
    if (error < 0 || decode->network.silent)
        return fail_open(decode, error);
    decode_network_end(decode);
    return 0;
}

/* ---- which streams ---- */

static bool is_cover(const AVStream *stream)
{
    return stream->disposition & AV_DISPOSITION_ATTACHED_PIC;
}

static AVStream *find_video(AVFormatContext *format)
{
    AVStream *found = NULL;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        AVStream *stream = format->streams[i];
        if (stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && (!found || (is_cover(found) && !is_cover(stream))))
            found = stream;
    }
    return found;
}

static const char *kind_of(const AVStream *stream)
{
    const char *kind = av_get_media_type_string(stream->codecpar->codec_type);
    return is_cover(stream) ? "cover picture" : kind ? kind : "unknown";
}

static void name_stream(char *text, size_t capacity, const AVStream *stream)
{
    size_t used = strlen(text);
    snprintf(text + used, capacity - used, "%sstream %d (%s %s)", used ? ", " : "", stream->index, kind_of(stream),
             avcodec_get_name(stream->codecpar->codec_id));
}

static int no_video(struct decode *decode)
{
    char there[512] = "";
    for (unsigned i = 0; i < decode->format->nb_streams; i++)
        name_stream(there, sizeof there, decode->format->streams[i]);
    return fl_stage_fail(decode->stage, FL_STAGE_ERROR_START, -ENODATA, "%s has no video stream: %s%s; give a file with video",
                         decode->url, there[0] ? "it has " : "it has no stream at all", there);
}

/* Everything that goes nowhere is named, in one line each for sound and for the rest. */
static void sort_streams(struct decode *decode)
{
    char left_out[512] = "", unheard[512] = "";
    for (unsigned i = 0; i < decode->stream_count; i++) {
        AVStream *stream = decode->format->streams[i];
        bool sound = stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
        decode->packet_stream[i] = -1;
        if (stream == decode->video || (sound && decode->packets_wanted))
            continue;
        stream->discard = AVDISCARD_ALL;
        if (sound)
            name_stream(unheard, sizeof unheard, stream);
        else
            name_stream(left_out, sizeof left_out, stream);
    }
    if (left_out[0])
        fl_stage_warn(decode->stage, "%s: left out: %s", decode->url, left_out);
    if (unheard[0])
        fl_stage_info(decode->stage, "%s: sound left out, no stage takes it: %s", decode->url, unheard);
}

int decode_choose_streams(struct decode *decode)
{
    AVFormatContext *format = decode->format;
    decode->video = find_video(format);
    if (!decode->video)
        return no_video(decode);
    decode->stream_count = format->nb_streams;
    decode->packet_stream = calloc(decode->stream_count, sizeof *decode->packet_stream);
    if (!decode->packet_stream)
        return fl_stage_fail(decode->stage, FL_STAGE_ERROR_START, -ENOMEM, "no memory for %u streams", decode->stream_count);
    sort_streams(decode);
    return 0;
}

/* ---- decoder ---- */

static int setup_codec(struct decode *decode, const AVCodec *codec)
{
    AVCodecContext *context = decode->codec;
    int error = avcodec_parameters_to_context(context, decode->video->codecpar);
    if (error < 0)
        return error;
    context->pkt_timebase = decode->video->time_base;
    context->framerate = decode->video->avg_frame_rate;
    context->opaque = decode;
    if (codec->capabilities & AV_CODEC_CAP_DR1)
        context->get_buffer2 = decode_get_buffer;
#if LIBAVCODEC_VERSION_MAJOR < 60
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    context->thread_safe_callbacks = 1;
#pragma GCC diagnostic pop
#endif
    return 0;
}

int decode_open_codec(struct decode *decode)
{
    struct fl_stage *stage = decode->stage;
    enum AVCodecID id = decode->video->codecpar->codec_id;
    const AVCodec *codec = avcodec_find_decoder(id);
    AVDictionary *options = NULL;
    if (!codec)
        return fl_stage_fail(stage, FL_STAGE_ERROR_START, -ENOENT, "%s: this FFmpeg has no decoder for %s (stream %d)", decode->url,
                             avcodec_get_name(id), decode->video->index);
    decode->codec = avcodec_alloc_context3(codec);
    int error = decode->codec ? setup_codec(decode, codec) : AVERROR(ENOMEM);
    if (error >= 0) {
        decode_options_for_codec(decode, &options);
        if (is_cover(decode->video))
            av_dict_set(&options, "threads", "1", 0); /* or its only picture comes at the very end */
        error = avcodec_open2(decode->codec, codec, &options);
    }
    int unknown = decode_options_check(decode, options);
    av_dict_free(&options);
    if (unknown < 0)
        return unknown;
    if (error < 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_START, fl_av_errno(error),
                             "%s: the decoder %s does not start: %s; see what ffprobe says", decode->url, codec->name,
                             fl_av_log_reason(error));
    return 0;
}
