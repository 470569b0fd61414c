/* A time stamp for every picture: the stream's own as it is, or counted on by the nominal rate where it has none. */
#include <libavutil/mathematics.h>

#include "decode.h"

#define RATE_OF_LAST_RESORT 25

#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
#define FRAME_DURATION(frame) ((frame)->duration)
#else
#define FRAME_DURATION(frame) ((frame)->pkt_duration)
#endif

void decode_clock_init(struct decode_clock *clock, AVFormatContext *format, AVStream *stream)
{
    AVRational rate = av_guess_frame_rate(format, stream, NULL);
    bool usable = rate.num > 0 && rate.den > 0;
    *clock = (struct decode_clock){
        .time_base = stream->time_base,
        .rate = usable ? rate : (AVRational){RATE_OF_LAST_RESORT, 1},
    };
    if (clock->time_base.num <= 0 || clock->time_base.den <= 0)
        clock->time_base = av_inv_q(clock->rate);
}

void decode_clock_stamp(struct decode_clock *clock, AVFrame *frame)
{
    AVRational period = av_inv_q(clock->rate);
    bool known = frame->best_effort_timestamp != AV_NOPTS_VALUE;
    if (known)
        clock->known = frame->best_effort_timestamp;
    clock->since = known || !clock->any ? 0 : clock->since + 1; /* the first of a stream without times is at 0 */
    clock->any = true;
    frame->pts = clock->known + av_rescale_q(clock->since, period, clock->time_base);
    if (!known && FRAME_DURATION(frame) <= 0)
        FRAME_DURATION(frame) = av_rescale_q(1, period, clock->time_base);
}
