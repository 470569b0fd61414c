/* One picture into another of a different size or pixel format, by libswscale, so that the result is byte for byte what ffmpeg's
 * `scale` filter gives with the same flags: the same chroma positions, range and matrix.
 *
 * A scaler is set for a pair of pictures and kept while frames stay alike; fl_scaler_set does nothing where nothing changed.
 */
#ifndef FL_AV_SCALE_H
#define FL_AV_SCALE_H

#include <stdbool.h>
#include <libavutil/frame.h>

struct SwsContext;

struct fl_scaler_side {
    int width, height;
    enum AVPixelFormat format;
};

struct fl_scaler {
    struct SwsContext *sws; /* NULL: the pictures are alike and pass as they are */
    struct fl_scaler_side from, to;
    enum AVColorRange from_range;
    enum AVColorSpace from_matrix;
    bool full_from, full_to; /* the ranges that libswscale settled on */
    int flags, threads;
    bool set;
};

/* Parses libswscale's flags ("bicubic", "lanczos+accurate_rnd"). -EINVAL. */
int fl_scaler_parse_flags(const char *text, int *flags);

/* Can this format be read / written? Formats of hardware cannot. */
bool fl_scaler_reads(enum AVPixelFormat format);
bool fl_scaler_writes(enum AVPixelFormat format);

/* What ffmpeg's scale filter settles on where no output format is asked for: the input's, if it can be written. */
enum AVPixelFormat fl_scaler_default_format(enum AVPixelFormat from);

/* Sets it for frames like `from` (size, format, range, matrix). `flags` and `threads` are the caller's to set before the first
 * call. -EINVAL: libswscale cannot do it; -ENOMEM. */
int fl_scaler_set(struct fl_scaler *scaler, const AVFrame *from, const struct fl_scaler_side *to);

/* Scales `from` into the planes of `to`, which has been given room. -EINVAL, -ENOMEM. */
int fl_scaler_run(struct fl_scaler *scaler, AVFrame *to, const AVFrame *from);

/* What becomes of range, matrix and sample aspect ratio, written into `to`. */
void fl_scaler_words(const struct fl_scaler *scaler, AVFrame *to, const AVFrame *from);

void fl_scaler_finish(struct fl_scaler *scaler);

#endif
