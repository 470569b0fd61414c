/* framelane-metrics: answers http at a socket it is given, with a text it asks the supervisor for. It has nothing else: what comes
 * from the network is parsed here, by libmicrohttpd, and can reach no frame and no file. It ends with the supervisor's end of its
 * socket. */
#include "metrics.h"

#include <microhttpd.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ANSWER_MS    2000 /* for the supervisor */
#define CONNECTIONS  16u
#define IDLE_SECONDS 10u
#define MOST_FILES   64
#define MOST_BYTES   (64u << 20)
#define CONTENT      "text/plain; version=0.0.4; charset=utf-8"

/* One thread answers, one question at a time. A memory file with the text, or -1. */
static int ask(uint64_t *bytes)
{
    static struct fl_received received;
    const struct fl_metrics_text *body = received.body;
    struct pollfd poll_one = {FL_METRICS_SOCKET_FD, POLLIN, 0};
    while (fl_wire_receive(FL_METRICS_SOCKET_FD, MSG_DONTWAIT, &received) == 0)
        fl_wire_close_fds(&received); /* an answer that came too late */
    if (fl_wire_send(FL_METRICS_SOCKET_FD, FL_METRICS_ASK, NULL, 0, NULL, 0, NULL, 0) < 0 || poll(&poll_one, 1, ANSWER_MS) <= 0 ||
        fl_wire_receive(FL_METRICS_SOCKET_FD, MSG_DONTWAIT, &received) < 0)
        return -1;
    body = received.body;
    if (received.type != FL_METRICS_TEXT || received.body_bytes != sizeof *body || received.fd_count != 1 ||
        body->bytes > MOST_BYTES) {
        fl_wire_close_fds(&received);
        return -1;
    }
    *bytes = body->bytes;
    return received.fds[0];
}

static enum MHD_Result say(struct MHD_Connection *connection, unsigned code, const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result give_figures(struct MHD_Connection *connection)
{
    uint64_t bytes = 0;
    int fd = ask(&bytes);
    if (fd < 0)
        return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "the run does not answer\n");
    struct MHD_Response *response = MHD_create_response_from_fd64(bytes, fd);
    if (!response) {
        close(fd);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", CONTENT);
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result on_request(void *unused, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_bytes, void **state)
{
    static int seen;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "figures can be read here, nothing else\n");
    if (!*state) { /* the head only: the answer is given when the whole request is here */
        *state = &seen;
        return MHD_YES;
    }
    if (strcmp(url, "/metrics") == 0)
        return give_figures(connection);
    if (strcmp(url, "/") == 0)
        return say(connection, MHD_HTTP_OK, "framelane: the figures of a run are at /metrics\n");
    return say(connection, MHD_HTTP_NOT_FOUND, "there is /metrics here, nothing else\n");
}

static void confine(void)
{
    struct rlimit files = {MOST_FILES, MOST_FILES}, none = {0, 0};
    syscall(SYS_close_range, FL_METRICS_LISTEN_FD + 1, ~0u, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    setrlimit(RLIMIT_NOFILE, &files);
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_FSIZE, &none);
}

int main(void)
{
    confine();
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL, on_request, NULL, MHD_OPTION_LISTEN_SOCKET,
                         (MHD_socket)FL_METRICS_LISTEN_FD, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                         IDLE_SECONDS, MHD_OPTION_END);
    if (!daemon)
        return 1;
    struct pollfd end = {FL_METRICS_SOCKET_FD, 0, 0};
    while (poll(&end, 1, -1) < 0 || !(end.revents & (POLLHUP | POLLERR)))
        ;
    MHD_stop_daemon(daemon);
    return 0;
}
