/* Frames through GStreamer, made and checked by the application.
 *
 *   --way shm     shmsink and shmsrc between processes; frames are made in the sink's own shared area, so nothing is copied
 *   --way copy    the same; frames are made in the application's memory, which shmsink copies: the usual case
 *   --way unixfd  unixfdsink and unixfdsrc (GStreamer 1.24 and later); frames are made in memfds, whose descriptors are sent
 *   --way fd      fdsink and fdsrc over a pipe of 1 MiB, and rawvideoparse, which makes frames of bytes again
 *   --way queue   one process; a thread that fills, and one for each consumer behind a queue
 *
 * So many buffers are allocated once and used again; nothing waits for a clock; a frame is filled in the thread that appsrc pushes
 * from and checked in the one that feeds appsink, so no thread is there for this program's sake. */
#include "lib/carry.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TOLD_LIMIT 10000 /* ms until frames count as lost, clients as not coming */

static uint64_t buffers = 4, block = 1 << 20;
static const char *way = "shm";
static const struct micro_option options[] = {
    CARRY_OPTIONS, {"buffers", &buffers}, {"block", &block}, {.name = "way", .word = &way}, {0},
};

static struct carry *carry;
static struct carry_streams told, pipes; /* what a consumer is told: the producer is there, then how many frames there were */
static char path[64];

static bool is_way(const char *name)
{
    return strcmp(way, name) == 0;
}

static GstElement *make_pipeline(const char *line)
{
    GError *error = NULL;
    gst_init(NULL, NULL);
    GstElement *pipeline = gst_parse_launch(line, &error);
    if (error)
        micro_skip("GStreamer %u.%u: %s", GST_VERSION_MAJOR, GST_VERSION_MINOR, error->message);
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

/* ---- the end that checks ---- */

static GstFlowReturn check(GstAppSink *sink, gpointer which)
{
    GstMapInfo map;
    GstSample *sample = gst_app_sink_pull_sample(sink);
    GstBuffer *buffer = sample ? gst_sample_get_buffer(sample) : NULL;
    if (!buffer || !gst_buffer_map(buffer, &map, GST_MAP_READ) || map.size < carry->bytes)
        micro_fail("GStreamer brought something that is no frame");
    carry_be_consumer(carry, GPOINTER_TO_UINT(which));
    if (carry->one_process)
        carry_check_here(carry, map.data, carry_seen(carry));
    else
        carry_check(carry, map.data, carry_seen(carry));
    gst_buffer_unmap(buffer, &map);
    gst_sample_unref(sample);
    return GST_FLOW_OK;
}

static void check_from(GstElement *pipeline, unsigned which)
{
    char name[16];
    snprintf(name, sizeof name, "out%u", which);
    GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), name);
    GstAppSinkCallbacks callbacks = {.new_sample = check};
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, GUINT_TO_POINTER(which), NULL);
    gst_object_unref(sink);
}

#define SINK "appsink name=out%u sync=false enable-last-sample=false max-buffers=1 wait-on-eos=false"

static void await(uint64_t (*count)(const struct carry *), uint64_t wanted, const char *what)
{
    for (unsigned looks = 0; count(carry) < wanted; looks++) {
        if (looks == TOLD_LIMIT)
            micro_fail("GStreamer: %llu of %llu %s", (unsigned long long)count(carry), (unsigned long long)wanted, what);
        micro_sleep_until_ns(micro_now_ns() + 1000000);
    }
}

/* Sinks of sockets tell nobody that they have ended: the number of frames comes over a pipe of our own. */
static void consume(unsigned which)
{
    uint64_t count, width = carry->bytes % 64 ? 8 : 64;
    char line[512], source[256];
    int told_fd = carry_streams_reader(&told, which), pipe_fd = is_way("fd") ? carry_streams_reader(&pipes, which) : -1;
    if (is_way("fd"))
        snprintf(source, sizeof source, "fdsrc fd=%d blocksize=%llu ! rawvideoparse format=gray8 width=%llu height=%llu", pipe_fd,
                 (unsigned long long)block, (unsigned long long)width, (unsigned long long)(carry->bytes / width));
    else
        snprintf(source, sizeof source, "%s socket-path=%s", is_way("unixfd") ? "unixfdsrc" : "shmsrc", path);
    snprintf(line, sizeof line, "%s ! " SINK, source, which);
    carry_read(told_fd, &count, sizeof count); /* the socket is there */
    GstElement *pipeline = make_pipeline(line);
    check_from(pipeline, which);
    start(pipeline);
    carry_read(told_fd, &count, sizeof count);
    await(carry_seen, count, "frames came");
    carry_ends_here(carry);
    stop(pipeline);
}

/* ---- the end that fills ---- */

static struct source {
    GstBufferPool *pool;
    bool ended;
    int done[2];             /* written to when everything was sent */
    _Atomic uint64_t joined; /* consumers that the sink knows */
} source;

static uint64_t joined(const struct carry *unused)
{
    (void)unused;
    return atomic_load(&source.joined);
}

static GstBufferPool *make_pool(GstAppSrc *src)
{
    GstAllocator *allocator = NULL;
    GstAllocationParams params;
    bool shared = is_way("shm") || is_way("unixfd");
    GstBufferPool *pool = gst_buffer_pool_new();
    GstStructure *config = gst_buffer_pool_get_config(pool);
    gst_base_src_get_allocator(GST_BASE_SRC(src), &allocator, &params);
    if (shared && !allocator)
        micro_fail("GStreamer's sink offers no memory");
    if (!shared) {
        g_clear_object(&allocator);
        gst_allocation_params_init(&params);
        params.align = 4095;
    }
    gst_buffer_pool_config_set_params(config, NULL, (guint)carry->bytes, (guint)buffers, (guint)buffers);
    gst_buffer_pool_config_set_allocator(config, allocator, &params);
    if (!gst_buffer_pool_set_config(pool, config) || !gst_buffer_pool_set_active(pool, TRUE))
        micro_fail("GStreamer's pool has no room for %llu buffers", (unsigned long long)buffers);
    g_clear_object(&allocator);
    return pool;
}

static void fill(GstAppSrc *src, guint wanted, gpointer data)
{
    GstBuffer *buffer;
    GstMapInfo map;
    if (source.ended)
        return;
    if (!source.pool) {
        source.pool = make_pool(src);
        await(joined, carry->consumers, "clients came");
        carry_start(carry, data);
    }
    if (!carry_goes_on(carry, carry->frames)) {
        carry_ends(carry);
        source.ended = true;
        carry_write(source.done[1], &carry->frames, sizeof carry->frames);
        gst_app_src_end_of_stream(src);
        return;
    }
    if (gst_buffer_pool_acquire_buffer(source.pool, &buffer, NULL) != GST_FLOW_OK || !gst_buffer_map(buffer, &map, GST_MAP_WRITE))
        micro_fail("no buffer from GStreamer's pool");
    carry_fill(carry, map.data, carry->frames);
    gst_buffer_unmap(buffer, &map);
    if (gst_app_src_push_buffer(src, buffer) == GST_FLOW_OK)
        carry->frames++;
}

static void fill_into(GstElement *pipeline, const struct micro *micro)
{
    GstElement *src = gst_bin_get_by_name(GST_BIN(pipeline), "in");
    GstAppSrcCallbacks callbacks = {.need_data = fill};
    gst_app_src_set_callbacks(GST_APP_SRC(src), &callbacks, (gpointer)micro, NULL);
    gst_object_unref(src);
}

static void client_joins(GstElement *sink, gint fd, gpointer data)
{
    (void)sink, (void)fd, (void)data;
    atomic_fetch_add(&source.joined, 1);
}

/* Before any frame goes all consumers must be there; where a sink cannot tell, what it would wait for is there at once. */
static void await_clients(GstElement *pipeline)
{
    GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    if (sink && g_signal_lookup("client-connected", G_OBJECT_TYPE(sink)))
        g_signal_connect(sink, "client-connected", G_CALLBACK(client_joins), NULL);
    else
        atomic_store(&source.joined, carry->consumers);
    g_clear_object(&sink);
}

/* ---- both ends ---- */

#define SOURCE "appsrc name=in format=bytes caps=application/x-frame"
#define QUEUE  "queue max-size-buffers=%llu max-size-bytes=0 max-size-time=0"

/* A branch for each consumer behind its queue; with one consumer and none in between where `must_queue` is false. */
static char *branches(bool must_queue, void (*add)(GString *line, unsigned which))
{
    GString *line = g_string_new(SOURCE);
    if (carry->consumers > 1)
        g_string_append(line, " ! tee name=t");
    for (unsigned i = 0; i < carry->consumers; i++) {
        if (carry->consumers > 1)
            g_string_append(line, " t.");
        if (carry->consumers > 1 || must_queue)
            g_string_append_printf(line, " ! " QUEUE, (unsigned long long)buffers);
        g_string_append(line, " ! ");
        add(line, i);
    }
    return g_string_free(line, FALSE);
}

static void add_sink(GString *line, unsigned which)
{
    g_string_append_printf(line, SINK, which);
}

static void add_fd_sink(GString *line, unsigned which)
{
    g_string_append_printf(line, "fdsink fd=%d sync=false enable-last-sample=false", pipes.ends[which][1]);
}

static char *socket_sink(void)
{
    if (is_way("unixfd"))
        return g_strdup_printf(SOURCE " ! unixfdsink name=sink socket-path=%s sync=false enable-last-sample=false", path);
    return g_strdup_printf(SOURCE " ! shmsink name=sink socket-path=%s shm-size=%llu sync=false enable-last-sample=false", path,
                           (unsigned long long)((carry->bytes + 4096) * (buffers + 1)));
}

static void tell_all(uint64_t number)
{
    for (unsigned i = 0; i < told.count; i++)
        carry_write(told.ends[i][1], &number, sizeof number);
}

static void run_apart(const struct micro *micro)
{
    uint64_t count;
    snprintf(path, sizeof path, "/tmp/framelane-bench-%d", (int)getpid());
    for (; told.count < carry->consumers; told.count++)
        carry_pipe(told.ends[told.count], 4096, &count);
    for (; is_way("fd") && pipes.count < carry->consumers; pipes.count++)
        carry_pipe(pipes.ends[pipes.count], 1 << 20, &count);
    carry->copies = is_way("copy") ? 1 : is_way("fd") ? 2 * carry->consumers : 0;
    carry_fork(carry, micro, consume);
    carry_streams_writer(&told);
    carry_streams_writer(&pipes);
    micro_pin_self(micro, 0);
    g_autofree char *line = is_way("fd") ? branches(false, add_fd_sink) : socket_sink();
    GstElement *pipeline = make_pipeline(line);
    fill_into(pipeline, micro);
    await_clients(pipeline);
    start(pipeline);
    tell_all(0);
    carry_read(source.done[0], &count, sizeof count);
    tell_all(count);
    carry_join(carry);
    gst_buffer_pool_set_active(source.pool, FALSE); /* or the sink's area outlives it, with a name in /dev/shm */
    gst_object_unref(source.pool);
    stop(pipeline);
    unlink(path);
}

static void run_queue(const struct micro *micro)
{
    uint64_t count;
    carry->one_process = true;
    if (micro->pin == MICRO_ONE)
        micro_pin_self(micro, 0); /* across: its threads go where the kernel puts them, as they always do */
    g_autofree char *line = branches(true, add_sink);
    GstElement *pipeline = make_pipeline(line);
    fill_into(pipeline, micro);
    for (unsigned i = 0; i < carry->consumers; i++)
        check_from(pipeline, i);
    await_clients(pipeline);
    start(pipeline);
    carry_read(source.done[0], &count, sizeof count);
    await(carry_seen_by_all, count, "frames came");
    gst_buffer_pool_set_active(source.pool, FALSE);
    gst_object_unref(source.pool);
    stop(pipeline);
}

int main(int argc, char **argv)
{
    struct micro micro;
    micro_begin(&micro, argc, argv, options);
    carry = carry_create_like(&micro, 2 * buffers);
    micro_call(pipe(source.done));
    if (is_way("queue"))
        run_queue(&micro);
    else
        run_apart(&micro);
    carry_figures(carry);
    return micro_end();
}
