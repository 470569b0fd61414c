/* hash: a hash of every picture, in the format of ffmpeg's framemd5 and framehash muxers (version 2), so that both can be compared
 * line by line. As there, the time of a line is never less than that of the line before. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/hash.h>
#include <libavutil/mathematics.h>

#include "av-frame.h"
#include "output-file.h"
#include "packed.h"

struct hash {
    struct fl_output_file file;
    struct AVHashContext *context;
    struct fl_packed packed;
    AVRational time_base; /* of the lines: that of the first frame */
    int64_t latest;       /* running maximum */
    bool headed;
};

static const char *algorithm_of(const struct fl_stage *stage)
{
    const char *name = fl_stage_string(stage, "algorithm");
    return name ? name : "md5";
}

static int no_algorithm(struct fl_stage *stage)
{
    char known[512] = "";
    size_t used = 0;
    const char *name;
    for (int i = 0; (name = av_hash_names(i)) && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", name);
    return fl_stage_fail(stage, FL_STAGE_ERROR_CONFIG, -EINVAL, "no hash is called '%s'; known are %s", algorithm_of(stage), known);
}

static int open_hash(struct fl_stage *stage)
{
    struct hash *hash = fl_stage_priv(stage);
    int error = av_hash_alloc(&hash->context, algorithm_of(stage));
    if (error == AVERROR(ENOMEM))
        return fl_stage_fail(stage, FL_STAGE_ERROR_START, -ENOMEM, "no memory for a hash");
    if (error < 0)
        return no_algorithm(stage);
    return fl_output_file_open(&hash->file, stage, fl_stage_string(stage, "url"), fl_stage_bool(stage, "overwrite", true));
}

static int start_hash(struct fl_stage *stage)
{
    struct hash *hash = fl_stage_priv(stage);
    return fl_output_file_start(&hash->file);
}

static int write_head(struct hash *hash, const struct fl_desc *desc)
{
    char text[512];
    int bytes = snprintf(text, sizeof text,
                         "#format: frame checksums\n#version: 2\n#hash: %s\n#software: Framelane " FL_VERSION "\n"
                         "#tb 0: %d/%d\n#media_type 0: video\n#codec_id 0: rawvideo\n#dimensions 0: %ux%u\n#sar 0: %d/%d\n"
                         "#stream#, dts,        pts, duration,     size, hash\n",
                         av_hash_get_name(hash->context), desc->time_base_num, desc->time_base_den, desc->width, desc->height,
                         desc->sar_num, desc->sar_den > 0 ? desc->sar_den : 1);
    hash->headed = true;
    hash->time_base = (AVRational){desc->time_base_num, desc->time_base_den};
    hash->latest = INT64_MIN;
    return fl_output_file_write(&hash->file, text, (size_t)bytes);
}

static int64_t line_time(struct hash *hash, const struct fl_desc *desc)
{
    AVRational from = {desc->time_base_num, desc->time_base_den};
    if (desc->pts != FL_NO_PTS) {
        int64_t pts = av_rescale_q_rnd(desc->pts, from, hash->time_base, AV_ROUND_NEAR_INF | AV_ROUND_PASS_MINMAX);
        hash->latest = pts > hash->latest ? pts : hash->latest;
    } else if (hash->latest == INT64_MIN) {
        return 0;
    }
    return hash->latest;
}

static int write_line(struct hash *hash, const struct fl_desc *desc)
{
    char digest[2 * AV_HASH_MAX_SIZE + 4], line[sizeof digest + 128];
    AVRational from = {desc->time_base_num, desc->time_base_den};
    int64_t at = line_time(hash, desc);
    av_hash_final_hex(hash->context, (uint8_t *)digest, sizeof digest);
    int bytes = snprintf(line, sizeof line, "0, %10" PRId64 ", %10" PRId64 ", %8" PRId64 ", %8" PRIu64 ", %s\n", at, at,
                         av_rescale_q(desc->duration, from, hash->time_base), hash->packed.bytes, digest);
    return fl_output_file_write(&hash->file, line, (size_t)bytes);
}

static int process_hash(struct fl_stage *stage, unsigned port, struct fl_frame *frame)
{
    struct hash *hash = fl_stage_priv(stage);
    const struct fl_desc *desc = fl_frame_desc(frame);
    int error = fl_packed_set(&hash->packed, frame);
    if (error < 0)
        return fl_stage_fail(stage, FL_STAGE_ERROR_RUN, error, "cannot hash frame %" PRIu64 ": %s", desc->number,
                             error == -ENOMEM ? "no memory" : "its planes do not suffice for its format and size");
    if (!hash->headed)
        error = write_head(hash, desc);
    if (error < 0)
        return error;
    av_hash_init(hash->context);
    for (unsigned i = 0; i < hash->packed.count; i++)
        av_hash_update(hash->context, hash->packed.pieces[i].iov_base, hash->packed.pieces[i].iov_len);
    return write_line(hash, desc);
}

static int ended_hash(struct fl_stage *stage, unsigned port)
{
    struct hash *hash = fl_stage_priv(stage);
    int error = hash->headed ? 0 : write_head(hash, &fl_stage_input(stage, 0)->stream.first);
    return error < 0 ? error : fl_output_file_finish(&hash->file);
}

static void close_hash(struct fl_stage *stage)
{
    struct hash *hash = fl_stage_priv(stage);
    fl_output_file_abort(&hash->file);
    fl_packed_finish(&hash->packed);
    av_hash_freep(&hash->context);
}

const struct fl_stage_module fl_stage_module = {
    .kind = "hash",
    .priv_bytes = sizeof(struct hash),
    .open = open_hash,
    .start = start_hash,
    .process = process_hash,
    .ended = ended_hash,
    .close = close_hash,
};
