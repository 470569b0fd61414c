#include "encode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <libavutil/mathematics.h>

#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
#define FRAME_DURATION(frame) ((frame)->duration)
#else
#define FRAME_DURATION(frame) ((frame)->pkt_duration)
#endif

static int64_t rescale(int64_t time, AVRational from, AVRational to)
{
    return av_cmp_q(from, to) == 0 ? time : av_rescale_q(time, from, to);
}

static int64_t nominal_duration(const struct encode_video *video)
{
    return video->rate.num > 0 ? av_rescale_q(1, av_inv_q(video->rate), video->time_base) : 0;
}

static int append(struct encode_times *times, const struct encode_time *time)
{
    if (times->first + times->count == times->room) {
        if (times->count)
            if (times->first)
                memmove(times->at, times->at + times->first, times->count * sizeof(*times->at));
        times->first = 0;
        if (times->count * 2 >= times->room) {
            unsigned room = times->room ? times->room * 2 : 64;
            struct encode_time *at = realloc(times->at, room * sizeof(*at));
            if (!at)
                return -ENOMEM;
            times->at = at;
            times->room = room;
        }
    }
    times->at[times->first + times->count++] = *time;
    return 0;
}

/* pts must rise: an encoder that is given the same twice, or an earlier one, refuses it or loses a picture. */
static int64_t rising(struct encode *encode, int64_t pts, int64_t duration)
{
    struct encode_times *times = &encode->video.times;
    if (pts == FL_NO_PTS)
        pts = times->began ? times->last_pts + (duration > 0 ? duration : 1) : 0;
    if (times->began && pts <= times->last_pts) {
        if (!times->warned)
            fl_stage_warn(encode->stage, "time stamps of the pictures go backwards or stand still; moved on by one tick each");
        times->warned = true;
        pts = times->last_pts + 1;
    }
    times->began = true;
    times->last_pts = pts;
    return pts;
}

int fl_encode_time_in(struct encode *encode, AVFrame *picture, AVRational from, int64_t duration)
{
    struct encode_video *video = &encode->video;
    struct encode_times *times = &video->times;
    struct encode_time time = {.duration = duration > 0 ? rescale(duration, from, video->time_base) : nominal_duration(video)};
    int64_t pts = picture->pts == FL_NO_PTS ? FL_NO_PTS : rescale(picture->pts, from, video->time_base);
    time.pts = rising(encode, pts, time.duration);
    time.key = times->counted ? times->next_number++ : time.pts;
    picture->pts = time.key;
    FRAME_DURATION(picture) = times->counted ? 1 : time.duration;
    picture->time_base = video->context->time_base;
    return append(times, &time);
}

static const struct encode_time *find(const struct encode_times *times, int64_t key)
{
    for (unsigned i = 0; i < times->count; i++)
        if (times->at[times->first + i].key == key)
            return &times->at[times->first + i];
    return NULL;
}

/* Numbers back to times. Before the first picture (dts of reordered streams) time runs on backwards in nominal steps. */
static int64_t time_of(const struct encode_video *video, int64_t number)
{
    const struct encode_times *times = &video->times;
    const struct encode_time *time = find(times, number);
    if (time || times->count == 0)
        return time ? time->pts : number;
    const struct encode_time *oldest = &times->at[times->first];
    int64_t step = nominal_duration(video) > 0 ? nominal_duration(video) : oldest->duration;
    return oldest->pts + (number - oldest->key) * (step > 0 ? step : 1);
}

void fl_encode_time_out(struct encode_video *video, AVPacket *packet)
{
    struct encode_times *times = &video->times;
    const struct encode_time *time = find(times, packet->pts);
    int64_t passed = packet->dts;
    if (packet->dts == AV_NOPTS_VALUE)
        passed = packet->dts = packet->pts;
    if (time)
        packet->duration = time->duration;
    if (times->counted) {
        packet->pts = time_of(video, packet->pts);
        packet->dts = time_of(video, packet->dts);
    }
    /* No later packet has a smaller dts, so what lies before it is done with. */
    while (times->count > 1 && times->at[times->first].key < passed) {
        times->first++;
        times->count--;
    }
}
