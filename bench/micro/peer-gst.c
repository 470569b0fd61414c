/* Frames through GStreamer, made and checked by the application.
 *
 *   --way shm    shmsink and shmsrc between two processes; frames are made in the sink's own shared area, so nothing is copied
 *   --way copy   the same; frames are made in the application's memory, which shmsink copies: the usual case
 *   --way queue  one process; two threads with a queue between them
 *
 * So many buffers are allocated once and used again; nothing waits for a clock; a frame is filled in the thread that appsrc pushes
 * from and summed in the one that feeds appsink, so no thread is there for this program's sake. */
#include "lib/carry.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static uint64_t bytes = 3110400, touch, buffers = 4;
static const char *way = "shm";
static const struct micro_option options[] = {
    {"bytes", &bytes}, {"touch", &touch}, {"buffers", &buffers}, {.name = "way", .word = &way}, {0},
};

static struct carry *carry;
static bool two_processes;
static char path[64];

static GstElement *make_pipeline(const char *line)
{
    GError *error = NULL;
    gst_init(NULL, NULL);
    GstElement *pipeline = gst_parse_launch(line, &error);
    if (error)
        micro_skip("GStreamer: %s", error->message);
    return pipeline;
}

static void start(GstElement *pipeline)
{
    if (gst_element_set_state(pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
        micro_fail("a GStreamer pipeline does not start");
}

static void stop(GstElement *pipeline)
{
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
}

/* ---- the end that sums ---- */

static GstFlowReturn sum(GstAppSink *sink, gpointer data)
{
    GstMapInfo map;
    GstSample *sample = gst_app_sink_pull_sample(sink);
    GstBuffer *buffer = sample ? gst_sample_get_buffer(sample) : NULL;
    if (!buffer || !gst_buffer_map(buffer, &map, GST_MAP_READ) || map.size < bytes)
        micro_fail("GStreamer brought something that is no frame");
    if (two_processes)
        carry_check(carry, map.data, carry_seen(carry));
    else
        carry_check_here(carry, map.data, carry_seen(carry));
    gst_buffer_unmap(buffer, &map);
    gst_sample_unref(sample);
    return GST_FLOW_OK;
}

static void sum_from(GstElement *pipeline)
{
    GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "out");
    GstAppSinkCallbacks callbacks = {.new_sample = sum};
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, NULL, NULL);
    gst_object_unref(sink);
}

/* shmsink tells nobody that it has ended: the number of frames comes over a pipe of our own. */
static void await_all(uint64_t count)
{
    for (unsigned looks = 0; carry_seen(carry) < count; looks++) {
        if (looks == 2000)
            micro_fail("GStreamer lost %llu frames", (unsigned long long)(count - carry_seen(carry)));
        micro_sleep_until_ns(micro_now_ns() + 1000000);
    }
}

static void consume(void *arg)
{
    int *told = arg;
    uint64_t count;
    char line[256];
    snprintf(line, sizeof line,
             "shmsrc socket-path=%s ! appsink name=out sync=false enable-last-sample=false max-buffers=1 wait-on-eos=false", path);
    carry_read(told[0], &count, sizeof count); /* the socket is there */
    GstElement *pipeline = make_pipeline(line);
    sum_from(pipeline);
    start(pipeline);
    carry_read(told[0], &count, sizeof count);
    await_all(count);
    carry_ends_here(carry);
    stop(pipeline);
}

/* ---- the end that fills ---- */

struct source {
    GstBufferPool *pool;
    bool ended;
    int told[2]; /* written to when everything was sent */
};

static GstBufferPool *make_pool(GstAppSrc *src)
{
    GstAllocator *allocator = NULL;
    GstAllocationParams params;
    GstBufferPool *pool = gst_buffer_pool_new();
    GstStructure *config = gst_buffer_pool_get_config(pool);
    gst_base_src_get_allocator(GST_BASE_SRC(src), &allocator, &params);
    if (strcmp(way, "shm") == 0 && !allocator)
        micro_fail("shmsink offers no memory");
    if (strcmp(way, "shm") != 0) {
        g_clear_object(&allocator);
        gst_allocation_params_init(&params);
        params.align = 4095;
    }
    gst_buffer_pool_config_set_params(config, NULL, (guint)bytes, (guint)buffers, (guint)buffers);
    gst_buffer_pool_config_set_allocator(config, allocator, &params);
    if (!gst_buffer_pool_set_config(pool, config) || !gst_buffer_pool_set_active(pool, TRUE))
        micro_fail("GStreamer's pool has no room for %llu buffers", (unsigned long long)buffers);
    g_clear_object(&allocator);
    return pool;
}

static void fill(GstAppSrc *src, guint wanted, gpointer data)
{
    struct source *source = data;
    GstBuffer *buffer;
    GstMapInfo map;
    if (source->ended)
        return;
    if (!source->pool)
        source->pool = make_pool(src);
    if (!carry_goes_on(carry, carry->frames)) {
        carry_ends(carry);
        source->ended = true;
        carry_write(source->told[1], &carry->frames, sizeof carry->frames);
        gst_app_src_end_of_stream(src);
        return;
    }
    if (gst_buffer_pool_acquire_buffer(source->pool, &buffer, NULL) != GST_FLOW_OK || !gst_buffer_map(buffer, &map, GST_MAP_WRITE))
        micro_fail("no buffer from GStreamer's pool");
    carry_fill(carry, map.data, carry->frames);
    gst_buffer_unmap(buffer, &map);
    if (gst_app_src_push_buffer(src, buffer) == GST_FLOW_OK)
        carry->frames++;
}

static void drop_pool(struct source *source)
{
    gst_buffer_pool_set_active(source->pool, FALSE);
    gst_object_unref(source->pool);
}

static void fill_into(GstElement *pipeline, struct source *source)
{
    GstElement *src = gst_bin_get_by_name(GST_BIN(pipeline), "in");
    GstAppSrcCallbacks callbacks = {.need_data = fill};
    gst_app_src_set_callbacks(GST_APP_SRC(src), &callbacks, source, NULL);
    gst_object_unref(src);
}

#define SOURCE "appsrc name=in format=bytes caps=application/x-frame ! "

static void run_shm(const struct micro *micro, struct source *source)
{
    int told[2];
    char line[256];
    uint64_t ready = 0;
    micro_call(pipe(told));
    snprintf(path, sizeof path, "/tmp/framelane-bench-%d", (int)getpid());
    snprintf(line, sizeof line, SOURCE "shmsink socket-path=%s shm-size=%llu sync=false enable-last-sample=false", path,
             (unsigned long long)((bytes + 4096) * (buffers + 1)));
    two_processes = true;
    pid_t child = micro_fork(micro, 1, consume, told);
    micro_pin_self(micro, 0);
    GstElement *pipeline = make_pipeline(line);
    fill_into(pipeline, source);
    carry_start(carry, micro);
    start(pipeline);
    carry_write(told[1], &ready, sizeof ready);
    carry_read(source->told[0], &ready, sizeof ready);
    carry_write(told[1], &ready, sizeof ready);
    micro_join(child);
    drop_pool(source); /* or the sink's area outlives it, with a name in /dev/shm */
    stop(pipeline);
    unlink(path);
}

static void run_queue(const struct micro *micro, struct source *source)
{
    char line[256];
    uint64_t count;
    snprintf(line, sizeof line,
             SOURCE "queue max-size-buffers=%llu max-size-bytes=0 max-size-time=0 ! "
                    "appsink name=out sync=false enable-last-sample=false max-buffers=1",
             (unsigned long long)buffers);
    if (micro->pin == MICRO_ONE)
        micro_pin_self(micro, 0); /* across: its two threads go where the kernel puts them, as they always do */
    GstElement *pipeline = make_pipeline(line);
    fill_into(pipeline, source);
    sum_from(pipeline);
    carry_start(carry, micro);
    start(pipeline);
    carry_read(source->told[0], &count, sizeof count);
    await_all(count);
    drop_pool(source);
    stop(pipeline);
}

int main(int argc, char **argv)
{
    struct micro micro;
    struct source source = {0};
    micro_begin(&micro, argc, argv, options);
    carry = carry_create(bytes, touch, 2 * buffers);
    micro_call(pipe(source.told));
    if (strcmp(way, "queue") == 0)
        run_queue(&micro, &source);
    else
        run_shm(&micro, &source);
    carry_figures(carry);
    return micro_end();
}
