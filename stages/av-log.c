#include "av-log.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <libavutil/error.h>
#include <libavutil/log.h>

#include "stage.h"

#define LINE_BYTES 512

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fl_stage *listener;  /* lock */
static char line[LINE_BYTES];      /* lock; of a line that has not ended yet */
static char complaint[LINE_BYTES]; /* lock */
static unsigned complaint_count;   /* lock */
static int at_line_start = 1;      /* lock; libav's own notion, for its prefixes */

/* Without "[h264 @ 0x55d0c0ffee00] ": addresses tell nobody anything, and differ from run to run. */
static const char *without_prefix(const char *text)
{
    while (text[0] == '[') {
        const char *end = strstr(text, "] ");
        if (!end)
            break;
        text = end + 2;
    }
    return text;
}

static void keep_complaint(void)
{
    const char *text = without_prefix(line);
    size_t bytes = strlen(text);
    complaint_count++;
    if (bytes == 0 || complaint[0])
        return;
    memcpy(complaint, text, bytes + 1);
    if (complaint[bytes - 1] == '.')
        complaint[bytes - 1] = 0;
}

static void keep_line(int level)
{
    size_t bytes = strcspn(line, "\n");
    line[bytes] = 0;
    if (bytes && listener)
        fl_stage_debug(listener, "%s", line);
    if (level <= AV_LOG_ERROR && bytes)
        keep_complaint();
    line[0] = 0;
}

/* libswscale complains through an object that is a class and nothing else, and looking for its parent would read what lies behind.
 */
static bool is_bare(void *object)
{
    const AVClass *class = object ? *(const AVClass **)object : NULL;
    return class && class->class_name && !strcmp(class->class_name, "SWScaler");
}

static void take_line(void *object, int level, const char *format, va_list values)
{
    if (level > AV_LOG_INFO)
        return;
    pthread_mutex_lock(&lock);
    size_t used = strlen(line);
    av_log_format_line2(is_bare(object) ? NULL : object, level, format, values, line + used, (int)(sizeof(line) - used),
                        &at_line_start);
    if (strchr(line, '\n') || strlen(line) >= sizeof(line) - 1)
        keep_line(level);
    pthread_mutex_unlock(&lock);
}

void fl_av_log_attach(struct fl_stage *stage)
{
    pthread_mutex_lock(&lock);
    listener = stage;
    pthread_mutex_unlock(&lock);
    av_log_set_callback(take_line);
}

void fl_av_log_detach(void)
{
    pthread_mutex_lock(&lock);
    listener = NULL;
    pthread_mutex_unlock(&lock);
}

void fl_av_log_clear(void)
{
    pthread_mutex_lock(&lock);
    complaint[0] = line[0] = 0;
    pthread_mutex_unlock(&lock);
}

unsigned fl_av_log_complaints(void)
{
    pthread_mutex_lock(&lock);
    unsigned count = complaint_count;
    pthread_mutex_unlock(&lock);
    return count;
}

const char *fl_av_log_reason(int error)
{
    static _Thread_local char text[LINE_BYTES];
    pthread_mutex_lock(&lock);
    memcpy(text, complaint, sizeof(text));
    pthread_mutex_unlock(&lock);
    if (!text[0])
        av_strerror(error, text, sizeof(text));
    return text;
}

int fl_av_errno(int averror)
{
    if (averror >= 0)
        return 0;
    switch (averror) {
    case AVERROR_EOF:
        return -ENODATA;
    case AVERROR_INVALIDDATA:
        return -EBADMSG;
    case AVERROR_EXIT:
        return -ECANCELED;
    case AVERROR_OPTION_NOT_FOUND:
    case AVERROR_DECODER_NOT_FOUND:
    case AVERROR_DEMUXER_NOT_FOUND:
    case AVERROR_ENCODER_NOT_FOUND:
    case AVERROR_MUXER_NOT_FOUND:
    case AVERROR_FILTER_NOT_FOUND:
    case AVERROR_PROTOCOL_NOT_FOUND:
    case AVERROR_STREAM_NOT_FOUND:
        return -ENOENT;
    case AVERROR_PATCHWELCOME:
    case AVERROR_EXPERIMENTAL:
        return -ENOTSUP;
    case AVERROR_BUG:
    case AVERROR_BUG2:
    case AVERROR_UNKNOWN:
    case AVERROR_EXTERNAL:
        return -EIO;
    default:
        return averror > -4096 ? averror : -EINVAL;
    }
}
