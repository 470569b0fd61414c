/* Every stage kind as words. Data only: the code of a kind is the module of the same name. */
#include "kind.h"

#include <string.h>

/* Keys that several kinds share word for word. */
#define OVERWRITE                                                                                                                  \
    {                                                                                                                              \
        .name = "overwrite", .type = FL_KEY_BOOL, .fallback = "true", .help = "replace a regular file that is already there"       \
    }
#define OUTPUT_URL(what)                                                                                                           \
    {                                                                                                                              \
        .name = "url", .type = FL_KEY_STRING, .fallback = "-", .help = what                                                        \
    }
/* A well-known option of encoders or muxers, which may be written without `option.`. */
#define SHORT(key, meant, what)                                                                                                    \
    {                                                                                                                              \
        .name = key, .type = FL_KEY_STRING, .means = "option." meant, .help = what                                                 \
    }

static const struct fl_key decode_keys[] = {
    {.name = "url",
     .type = FL_KEY_STRING,
     .required = true,
     .help = "file, URL or device that libavformat opens; - is standard input"},
    {.name = "format", .type = FL_KEY_STRING, .help = "demuxer (or device: v4l2, x11grab), where the content does not tell"},
    {.name = "threads", .type = FL_KEY_INT, .choices = "auto", .fallback = "auto", .help = "threads of the decoder"},
    {.name = "option.", .type = FL_KEY_STRING, .help = "option of the demuxer or the decoder, by libav's name"},
    {.name = "timeout",
     .type = FL_KEY_DURATION,
     .help = "how long a network may be silent, 0: for ever; otherwise 10 s until it has opened, and for ever from then on"},
    {0},
};

static const struct fl_key pattern_keys[] = {
    {.name = "size", .type = FL_KEY_SIZE, .fallback = "1280x720", .help = "size of the picture"},
    {.name = "rate",
     .type = FL_KEY_RATE,
     .fallback = "30",
     .set = "at once, to one that divides the first: time stamps keep their unit",
     .help = "frames a second"},
    {.name = "format", .type = FL_KEY_STRING, .fallback = "yuv420p", .help = "pixel format, by libav's name"},
    {.name = "frames", .type = FL_KEY_INT, .help = "ends after that many; endless where it is not given"},
    {.name = "realtime",
     .type = FL_KEY_BOOL,
     .fallback = "false",
     .help = "keep to the clock; otherwise as fast as they are taken"},
    {0},
};

static const struct fl_key scale_keys[] = {
    {.name = "size",
     .type = FL_KEY_GEOMETRY,
     .required = true,
     .choices = "W:H",
     .set = "with rebuild=true",
     .help = "new size; -1 or -2 (even) keeps the aspect"},
    {.name = "format",
     .type = FL_KEY_STRING,
     .set = "with rebuild=true",
     .help = "pixel format of the output, by libav's name; otherwise that of the input"},
    {.name = "flags",
     .type = FL_KEY_STRING,
     .fallback = "bicubic",
     .set = "at once",
     .help = "scaler, by libswscale's names (bilinear, lanczos, ...)"},
    {.name = "threads", .type = FL_KEY_INT, .fallback = "1", .help = "threads of the scaler"},
    {0},
};

static const struct fl_key filter_keys[] = {
    {.name = "filter",
     .type = FL_KEY_STRING,
     .required = true,
     .set = "with rebuild=true: another chain, once the old one has given out what it holds",
     .help = "chain of libavfilter with one video input and one output"},
    {0},
};

static const struct fl_key filter_part = {
    .name = "FILTER.OPTION",
    .type = FL_KEY_STRING,
    .help = "an option of a filter of the chain: at once where libavfilter changes it while it runs, others with rebuild=true;\n"
            "                 FILTER@NAME.OPTION where the chain says FILTER@NAME",
};

static const struct fl_key crop_keys[] = {
    {.name = "size",
     .type = FL_KEY_GEOMETRY,
     .required = true,
     .choices = "W:H|W:H:X:Y",
     .set = "another place at once, another width and height with rebuild=true",
     .help = "what stays of the picture, centred where no place is given; rounded to the chroma grid"},
    {0},
};

static const struct fl_key encode_keys[] = {
    {.name = "url", .type = FL_KEY_STRING, .required = true, .help = "file or URL that libavformat writes; - is standard output"},
    {.name = "codec", .type = FL_KEY_STRING, .help = "encoder, by libav's name; otherwise the muxer's default"},
    {.name = "format", .type = FL_KEY_STRING, .help = "muxer, where the name of the file does not tell"},
    {.name = "audio",
     .type = FL_KEY_CHOICE,
     .choices = "copy|none",
     .help = "sound: copied as it is (the default where one source feeds this stage and the muxer takes the codec), or left out"},
    OVERWRITE,
    {.name = "option.", .type = FL_KEY_STRING, .help = "option of the encoder or the muxer, by libav's name"},
    SHORT("crf", "crf", "constant quality"),
    SHORT("preset", "preset", "speed against size"),
    SHORT("tune", "tune", "what the encoder is tuned for"),
    SHORT("profile", "profile", "profile of the codec"),
    SHORT("level", "level", "level of the codec"),
    SHORT("qp", "qp", "constant quantiser"),
    SHORT("b", "b", "bits a second"),
    SHORT("bitrate", "b", "bits a second"),
    SHORT("minrate", "minrate", "least bits a second"),
    SHORT("maxrate", "maxrate", "most bits a second"),
    SHORT("bufsize", "bufsize", "size of the rate control buffer, bits"),
    SHORT("g", "g", "most frames between key frames"),
    SHORT("bf", "bf", "most B frames in a row"),
    SHORT("refs", "refs", "reference frames"),
    SHORT("keyint_min", "keyint_min", "least frames between key frames"),
    SHORT("sc_threshold", "sc_threshold", "threshold of scene changes"),
    SHORT("threads", "threads", "threads of the encoder"),
    SHORT("flags", "flags", "flags of the encoder"),
    SHORT("fflags", "fflags", "flags of the muxer"),
    SHORT("movflags", "movflags", "flags of the mp4 and mov muxers"),
    SHORT("cpu-used", "cpu-used", "speed against quality of libvpx and libaom"),
    SHORT("deadline", "deadline", "speed class of libvpx"),
    SHORT("x264-params", "x264-params", "parameters of x264, key=value separated by ':'"),
    SHORT("x265-params", "x265-params", "parameters of x265, key=value separated by ':'"),
    SHORT("svtav1-params", "svtav1-params", "parameters of SVT-AV1, key=value separated by ':'"),
    {0},
};

static const struct fl_key hash_keys[] = {
    OUTPUT_URL("file for the hashes, in framemd5's format"),
    OVERWRITE,
    {.name = "algorithm",
     .type = FL_KEY_STRING,
     .fallback = "md5",
     .help = "hash, by libavutil's name (md5, sha256, crc32, adler32, ...)"},
    {0},
};

static const struct fl_key raw_keys[] = {
    OUTPUT_URL("file for the pixels, planes one after another without padding"), OVERWRITE, {0}};

static const struct fl_key y4m_keys[] = {OUTPUT_URL("file for the YUV4MPEG2 stream"), OVERWRITE, {0}};

static const struct fl_key view_keys[] = {
    {.name = "fullscreen", .type = FL_KEY_BOOL, .fallback = "false", .help = "begin with the full screen"},
    {.name = "zoom",
     .type = FL_KEY_CHOICE,
     .choices = "fit|1:1",
     .fallback = "fit",
     .help = "begin with the picture as large as the window, or one pixel a pixel of the screen"},
    {.name = "size", .type = FL_KEY_SIZE, .help = "size of the window; otherwise the picture's, or what the screen has room for"},
    {.name = "title", .type = FL_KEY_STRING, .help = "title of the window"},
    {.name = "vsync", .type = FL_KEY_BOOL, .fallback = "true", .help = "wait for the refresh of the screen"},
    {.name = "overlay", .type = FL_KEY_BOOL, .fallback = "false", .help = "begin with the overlay shown (key I)"},
    {.name = "screenshot",
     .type = FL_KEY_STRING,
     .fallback = "%s-%n.png",
     .help = "file for screenshots (key s): %s is the stage shown, %n the number of the frame"},
    {.name = "history",
     .type = FL_KEY_INT,
     .choices = "auto",
     .fallback = "auto",
     .help = "recent frames kept to step back to, at most 256 MiB; auto: 32, from the first freeze or step on"},
    {.name = "keep-open", .type = FL_KEY_BOOL, .fallback = "false", .help = "show the last frame until the window is closed"},
    {.name = "font", .type = FL_KEY_STRING, .help = "font file for the overlay; otherwise DejaVu Sans Mono"},
    {.name = "events", .type = FL_KEY_STRING, .help = "file for one JSON line for each key, frame shown and change of state"},
    {0},
};

static const struct fl_key no_keys[] = {{0}};

const struct fl_kind_info fl_kinds[] = {
    {.name = "decode",
     .summary = "decodes the first video stream of a file, URL or device; offers its sound as packets",
     .main_key = "url",
     .flags = FL_KIND_GIVES_VIDEO | FL_KIND_GIVES_PACKETS | FL_KIND_READS_FILE | FL_KIND_UNTRUSTED,
     .working_set = 22,
     .keys = decode_keys,
     .example = "decode in.mkv ! hash"},
    {.name = "pattern",
     .summary = "makes a moving test picture with a readable frame number",
     .flags = FL_KIND_GIVES_VIDEO,
     .working_set = 1,
     .keys = pattern_keys,
     .example = "pattern size=640x360 rate=25 frames=100 ! hash"},
    {.name = "filter",
     .summary = "runs a chain of libavfilter; frames whose pixels it leaves alone go on without a copy",
     .main_key = "filter",
     .flags = FL_KIND_TAKES_VIDEO | FL_KIND_GIVES_VIDEO | FL_KIND_FORWARDS | FL_KIND_CHAIN,
     .working_set = 1,
     .hold = 4,
     .keys = filter_keys,
     .part = &filter_part,
     .example = "decode in.mkv ! filter hflip,format=nv12 ! encode out.mp4"},
    {.name = "scale",
     .summary = "scales and converts with libswscale",
     .main_key = "size",
     .flags = FL_KIND_TAKES_VIDEO | FL_KIND_GIVES_VIDEO,
     .working_set = 1,
     .keys = scale_keys,
     .example = "decode in.mkv ! scale 1280:-2 ! encode out.mp4"},
    {.name = "crop",
     .summary = "cuts a part out of the picture without touching a pixel",
     .main_key = "size",
     .flags = FL_KIND_TAKES_VIDEO | FL_KIND_GIVES_VIDEO | FL_KIND_FORWARDS,
     .keys = crop_keys,
     .example = "decode in.mkv ! crop 640:360 ! encode out.mp4"},
    {.name = "encode",
     .summary = "encodes with libavcodec and writes a file or stream with libavformat",
     .main_key = "url",
     .flags = FL_KIND_TAKES_VIDEO | FL_KIND_TAKES_PACKETS | FL_KIND_WRITES_FILE,
     .hold = 4,
     .keys = encode_keys,
     .example = "decode in.mkv ! encode out.mp4 codec=libx264 crf=20"},
    {.name = "hash",
     .summary = "writes a hash of every frame, as ffmpeg's framemd5 does",
     .main_key = "url",
     .flags = FL_KIND_TAKES_VIDEO | FL_KIND_WRITES_FILE,
     .keys = hash_keys,
     .example = "decode in.mkv ! hash out.framemd5"},
    {.name = "raw",
     .summary = "writes the bare pixels of every frame",
     .main_key = "url",
     .flags = FL_KIND_TAKES_VIDEO | FL_KIND_WRITES_FILE,
     .keys = raw_keys,
     .example = "decode in.mkv ! raw out.yuv"},
    {.name = "y4m",
     .summary = "writes a YUV4MPEG2 stream",
     .main_key = "url",
     .flags = FL_KIND_TAKES_VIDEO | FL_KIND_WRITES_FILE,
     .keys = y4m_keys,
     .example = "decode in.mkv ! y4m out.y4m"},
    {.name = "null",
     .summary = "takes every frame and counts it",
     .flags = FL_KIND_TAKES_VIDEO,
     .keys = no_keys,
     .example = "pattern frames=100 ! null"},
    {.name = "overlay",
     .summary = "lays one picture over another",
     .flags = FL_KIND_TAKES_VIDEO | FL_KIND_GIVES_VIDEO | FL_KIND_LATER,
     .keys = no_keys},
    {.name = "stack",
     .summary = "puts pictures side by side",
     .flags = FL_KIND_TAKES_VIDEO | FL_KIND_GIVES_VIDEO | FL_KIND_LATER,
     .keys = no_keys},
    {.name = "view",
     .summary = "shows the frames in a window",
     .flags = FL_KIND_TAKES_VIDEO | FL_KIND_LIVE | FL_KIND_SHOWS,
     .hold = 2,
     .keys = view_keys,
     .example = "pattern realtime=true ! view"},
    {.name = "exec",
     .summary = "runs a program that reads and writes raw frames or y4m on its standard streams",
     .flags = FL_KIND_TAKES_VIDEO | FL_KIND_GIVES_VIDEO | FL_KIND_LATER,
     .keys = no_keys},
    {.name = "plugin",
     .summary = "a stage that somebody else wrote",
     .flags = FL_KIND_TAKES_VIDEO | FL_KIND_GIVES_VIDEO | FL_KIND_LATER,
     .keys = no_keys},
    {0},
};

const char *const fl_passing_filters[] = {"addroi",        "bbox",           "bench",         "blackdetect", "blackframe",
                                          "blockdetect",   "blurdetect",     "crop",          "cropdetect",  "cue",
                                          "dejudder",      "entropy",        "field",         "fifo",        "fps",
                                          "framestep",     "freezedetect",   "idet",          "latency",     "loop",
                                          "mestimate",     "metadata",       "mpdecimate",    "null",        "qp",
                                          "readeia608",    "readvitc",       "realtime",      "scdet",       "select",
                                          "sendcmd",       "separatefields", "setdar",        "setfield",    "setparams",
                                          "setpts",        "setrange",       "setsar",        "settb",       "showinfo",
                                          "shuffleframes", "sidedata",       "siti",          "swapuv",      "trim",
                                          "vflip",         "vfrdet",         "vidstabdetect", "vmafmotion",  NULL};

const struct fl_tap_format fl_tap_formats[] = {
    {"y4m", ".y4m", "y4m", {NULL}},
    {"nut", ".nut", "encode", {"codec", "rawvideo", "format", "nut"}},
    {"raw", ".raw .yuv .rgb", "raw", {NULL}},
    {0},
};

const struct fl_kind_info *fl_kind_find(const char *name)
{
    for (const struct fl_kind_info *kind = fl_kinds; name && kind->name; kind++)
        if (strcmp(kind->name, name) == 0)
            return kind;
    return NULL;
}

static bool matches(const char *key, const char *name)
{
    size_t length = strlen(key);
    if (key[length - 1] == '.')
        return strncmp(key, name, length) == 0 && name[length];
    return strcmp(key, name) == 0;
}

const struct fl_key *fl_kind_key(const struct fl_kind_info *kind, const char *name)
{
    for (const struct fl_key *key = kind->keys; key->name; key++)
        if (matches(key->name, name))
            return key;
    return NULL;
}
