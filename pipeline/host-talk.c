#include "host.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES 2000

/* The socket's send timeout (a second, see fl_host_control_start) bounds the wait for a supervisor that does not read. What it must
 * know is tried until it reads or dies; mere talk is dropped. */
static int send_message(struct fl_stage *stage, bool must_arrive, enum fl_control type, const void *body, size_t body_bytes,
                        const void *tail, size_t tail_bytes)
{
    int error;
    do {
        if (atomic_load(&stage->alone))
            return -EPIPE;
        pthread_mutex_lock(&stage->send_lock);
        error = fl_wire_send(stage->socket, type, body, body_bytes, tail, tail_bytes, NULL, 0);
        pthread_mutex_unlock(&stage->send_lock);
    } while (error == -EAGAIN && must_arrive);
    return error;
}

int fl_host_send(struct fl_stage *stage, enum fl_control type, const void *body, size_t body_bytes, const void *tail,
                 size_t tail_bytes)
{
    return send_message(stage, true, type, body, body_bytes, tail, tail_bytes);
}

void fl_host_report_fault(struct fl_stage *stage, uint32_t lane, uint32_t epoch, const char *text)
{
    struct fl_control_lane_event event = {.lane = lane, .epoch = epoch};
    fl_host_send(stage, FL_CONTROL_FAULT, &event, sizeof event, text, strlen(text));
}

static size_t compose(char text[TEXT_BYTES], const char *format, va_list arguments)
{
    int length = vsnprintf(text, TEXT_BYTES, format, arguments);
    return length < 0 ? 0 : length >= TEXT_BYTES ? TEXT_BYTES - 1 : (size_t)length;
}

static void talk(struct fl_stage *stage, enum fl_log_level level, const char *format, va_list arguments)
{
    char text[TEXT_BYTES];
    struct fl_control_text head = {.level = level};
    send_message(stage, false, FL_CONTROL_LOG, &head, sizeof head, text, compose(text, format, arguments));
}

void fl_stage_info(struct fl_stage *stage, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    talk(stage, FL_LOG_INFO, format, arguments);
    va_end(arguments);
}

void fl_stage_warn(struct fl_stage *stage, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    talk(stage, FL_LOG_WARNING, format, arguments);
    va_end(arguments);
}

void fl_stage_debug(struct fl_stage *stage, const char *format, ...)
{
    if (!(stage->flags & FL_CONFIG_VERBOSE))
        return;
    va_list arguments;
    va_start(arguments, format);
    talk(stage, FL_LOG_DEBUG, format, arguments);
    va_end(arguments);
}

int fl_stage_fail(struct fl_stage *stage, enum fl_stage_error whose, int error, const char *format, ...)
{
    if (error == -ECANCELED || atomic_exchange(&stage->failed, true))
        return error;
    char text[TEXT_BYTES];
    struct fl_control_text head = {.level = whose, .error = error};
    va_list arguments;
    va_start(arguments, format);
    size_t length = compose(text, format, arguments);
    va_end(arguments);
    fl_host_send(stage, FL_CONTROL_FAILED, &head, sizeof head, text, length);
    return error;
}

void fl_stage_copied(struct fl_stage *stage, uint64_t bytes)
{
    atomic_fetch_add_explicit(&stage->copies, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&stage->copied_bytes, bytes, memory_order_relaxed);
}

void fl_stage_damage(struct fl_stage *stage, const char *text)
{
    if (atomic_fetch_add_explicit(&stage->damage, 1, memory_order_relaxed) == 0)
        fl_stage_warn(stage, "%s", text);
}
