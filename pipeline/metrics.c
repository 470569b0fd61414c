#include "metrics.h"
#include "commands.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVERY_MS 1000
#define BACKLOG  16

struct FlMetrics {
    FlRun *run;  /* NULL before GO */
    char *file;  /* NULL: an address */
    char *where; /* as given, for sentences */
    int listen;  /* -1: a file, or handed over */
    int socket;  /* to framelane-metrics; -1: none */
    GPid server; /* 0: none */
    guint source;
    gboolean told; /* that it cannot be written */
};

/* ---- where to ---- */

/* NULL: it is a file. The port is checked by the caller. */
static GSocketAddress *address_of(const char *where, gboolean *bad_port)
{
    const char *colon = strrchr(where, ':'), *port = colon ? colon + 1 : where;
    gsize digits = strspn(port, "0123456789"), host_bytes = colon ? (gsize)(colon - where) : 0;
    if (digits == 0 || port[digits] || digits > 9)
        return NULL;
    g_autofree char *host = g_strndup(where, host_bytes);
    if (host_bytes > 1 && host[0] == '[' && host[host_bytes - 1] == ']') {
        host[host_bytes - 1] = 0;
        memmove(host, host + 1, host_bytes - 1);
    }
    if (!*host || strcmp(host, "localhost") == 0) {
        g_free(host);
        host = g_strdup("127.0.0.1");
    }
    if (!g_hostname_is_ip_address(host))
        return NULL;
    guint64 number = g_ascii_strtoull(port, NULL, 10);
    *bad_port = number == 0 || number > 65535;
    return *bad_port ? NULL : g_inet_socket_address_new_from_string(host, (guint)number);
}

/* "80x", "127.0.0.1", "host:9100": a slip is likelier than a file of that name, which can be given as ./80x. What node_exporter
 * reads is called *.prom. */
static gboolean starts_like_address(const char *where)
{
    if (strchr(where, '/') || g_str_has_suffix(where, ".prom"))
        return FALSE;
    return g_ascii_isdigit(*where) || *where == '[' || strchr(where, ':') || g_str_has_prefix(where, "localhost");
}

static int listen_at(const char *where, GSocketAddress *address)
{
    _Alignas(struct sockaddr_storage) char native[sizeof(struct sockaddr_storage)];
    gssize bytes = g_socket_address_get_native_size(address);
    int one = 1, error = 0;
    if (!g_socket_address_to_native(address, native, sizeof native, NULL))
        return -EINVAL;
    int fd = socket(g_socket_address_get_family(address), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)native, (socklen_t)bytes) < 0 || listen(fd, BACKLOG) < 0)
        error = -errno;
    if (error == 0)
        return fd;
    close(fd);
    if (error == -EADDRINUSE)
        fprintf(stderr, "run: --metrics %s: that port is in use already; give another, or end what listens there\n", where);
    else if (error == -EADDRNOTAVAIL)
        fprintf(stderr, "run: --metrics %s: this machine has no such address; ip address lists those it has\n", where);
    else
        fprintf(stderr, "run: --metrics %s: cannot listen there: %s\n", where, g_strerror(-error));
    return error;
}

/* Not synced: after a crash of the machine the figures of a dead run are nothing to keep. */
static gboolean write_file(FlMetrics *metrics, const char *text, gssize bytes, GError **error)
{
    return g_file_set_contents_full(metrics->file, text, bytes, G_FILE_SET_CONTENTS_CONSISTENT, 0644, error);
}

/* The file is written under another name first, which is in the error's sentence and would lead astray: its reason is what counts.
 */
static const char *reason(const GError *error)
{
    const char *last = g_strrstr(error->message, ": ");
    return last ? last + 2 : error->message;
}

static const char *remedy(const GError *error)
{
    static const int errors[] = {EACCES, EPERM, EROFS, ENOENT, EISDIR};
    for (unsigned i = 0; i < G_N_ELEMENTS(errors); i++)
        if (g_error_matches(error, G_FILE_ERROR, g_file_error_from_errno(errors[i])))
            return fl_place_remedy(errors[i]);
    return "";
}

static int open_file(FlMetrics *metrics)
{
    g_autoptr(GError) error = NULL;
    if (write_file(metrics, "", 0, &error))
        return 0;
    fprintf(stderr, "run: --metrics %s: it cannot be written: %s%s\n", metrics->file, reason(error), remedy(error));
    return FL_EXIT_START;
}

static int open_address(FlMetrics *metrics, GSocketAddress *address)
{
    g_autofree char *program = fl_find_program("framelane-metrics");
    if (!program) {
        fprintf(stderr,
                "run: --metrics %s needs framelane-metrics, which this framelane was built without: install libmicrohttpd-dev and"
                " build again, or give a FILE\n",
                metrics->where);
        return FL_EXIT_START;
    }
    metrics->listen = listen_at(metrics->where, address);
    return metrics->listen < 0 ? FL_EXIT_START : 0;
}

int fl_metrics_open(const char *where, FlMetrics **out)
{
    gboolean bad_port = FALSE;
    g_autoptr(GSocketAddress) address = address_of(where, &bad_port);
    if (bad_port)
        return fl_command_usage("run", "--metrics %s: a port is a number from 1 to 65535", where);
    if (!address && starts_like_address(where))
        return fl_command_usage("run",
                                "--metrics %s: that is no address, which is PORT or IP:PORT (9100, 0.0.0.0:9100, [::1]:9100);"
                                " a file of that name is ./%s",
                                where, where);
    FlMetrics *metrics = g_new0(FlMetrics, 1);
    *metrics = (FlMetrics){.where = g_strdup(where), .file = address ? NULL : g_strdup(where), .listen = -1, .socket = -1};
    int error = address ? open_address(metrics, address) : open_file(metrics);
    if (error)
        fl_metrics_close(metrics);
    else
        *out = metrics;
    return error;
}

/* ---- a file ---- */

static void write_figures(FlMetrics *metrics, gboolean up)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) text = fl_metrics_text(metrics->run, up);
    if (write_file(metrics, text->str, (gssize)text->len, &error) || metrics->told)
        return;
    metrics->told = TRUE;
    fl_run_say(metrics->run, "warning: --metrics %s cannot be written: %s; the run goes on", metrics->file, reason(error));
}

static gboolean on_time(gpointer data)
{
    write_figures(data, TRUE);
    return G_SOURCE_CONTINUE;
}

/* ---- an address ---- */

static void stop_server(FlMetrics *metrics)
{
    if (metrics->socket >= 0)
        close(metrics->socket); /* its end is what it ends by */
    metrics->socket = -1;
    if (metrics->server > 0) {
        kill(metrics->server, SIGKILL); /* it has nothing to finish */
        while (waitpid(metrics->server, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    metrics->server = 0;
}

static int file_of(const GString *text)
{
    int fd = memfd_create("framelane-metrics", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    for (gsize done = 0; fd >= 0 && done < text->len;) {
        ssize_t wrote = write(fd, text->str + done, text->len - done);
        if (wrote < 0) {
            close(fd);
            return -1;
        }
        done += (gsize)wrote;
    }
    return fd;
}

static gboolean answer(FlMetrics *metrics)
{
    struct fl_message ask;
    if (recv(metrics->socket, &ask, sizeof ask, MSG_DONTWAIT) != sizeof ask || ask.type != FL_METRICS_ASK)
        return FALSE;
    g_autoptr(GString) text = fl_metrics_text(metrics->run, TRUE);
    struct fl_metrics_text body = {.bytes = text->len};
    int fd = file_of(text);
    int error = fd < 0 ? -EIO : fl_wire_send(metrics->socket, FL_METRICS_TEXT, &body, sizeof body, NULL, 0, &fd, 1);
    if (fd >= 0)
        close(fd);
    return error == 0;
}

static gboolean on_asked(gint fd, GIOCondition condition, gpointer data)
{
    FlMetrics *metrics = data;
    if (!(condition & (G_IO_HUP | G_IO_ERR)) && answer(metrics))
        return G_SOURCE_CONTINUE;
    metrics->source = 0;
    stop_server(metrics);
    fl_run_say(metrics->run, "warning: framelane-metrics has ended; --metrics %s is served no more", metrics->where);
    return G_SOURCE_REMOVE;
}

/* A group of its own keeps Ctrl-C away from it, as from the stages. */
static void in_child(gpointer unused)
{
    setpgid(0, 0);
}

static void start_server(FlMetrics *metrics)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *program = fl_find_program("framelane-metrics");
    char *argv[] = {program, NULL};
    const int targets[] = {FL_METRICS_SOCKET_FD, FL_METRICS_LISTEN_FD};
    int pair[2];
    if (fl_wire_pair(pair) < 0)
        return;
    const int sources[] = {pair[1], metrics->listen};
    gboolean started = program && g_spawn_async_with_pipes_and_fds(
                                      NULL, (const char *const *)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL,
                                      in_child, NULL, -1, -1, -1, sources, targets, 2, &metrics->server, NULL, NULL, NULL, &error);
    close(pair[1]);
    close(metrics->listen);
    metrics->listen = -1;
    metrics->socket = pair[0];
    if (started)
        metrics->source =
            g_unix_fd_add_full(G_PRIORITY_DEFAULT_IDLE, pair[0], G_IO_IN | G_IO_HUP | G_IO_ERR, on_asked, metrics, NULL);
    else
        fl_run_say(metrics->run, "warning: framelane-metrics cannot be started: %s", error ? error->message : "it is gone");
}

/* ---- from GO to the end ---- */

void fl_metrics_start(FlMetrics *metrics, FlRun *run)
{
    if (!metrics)
        return;
    metrics->run = run;
    if (!metrics->file) {
        start_server(metrics);
        return;
    }
    write_figures(metrics, TRUE);
    metrics->source = g_timeout_add_full(G_PRIORITY_DEFAULT_IDLE, EVERY_MS, on_time, metrics, NULL);
}

void fl_metrics_finish(FlMetrics *metrics)
{
    if (!metrics || !metrics->run)
        return;
    if (metrics->source)
        g_source_remove(metrics->source);
    metrics->source = 0;
    stop_server(metrics);
    if (metrics->file)
        write_figures(metrics, FALSE);
}

void fl_metrics_close(FlMetrics *metrics)
{
    if (!metrics)
        return;
    stop_server(metrics);
    if (metrics->listen >= 0)
        close(metrics->listen);
    g_free(metrics->file);
    g_free(metrics->where);
    g_free(metrics);
}
