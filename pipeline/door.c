#include "door.h"
#include "report.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_CLIENTS  128
#define FIRST_MS      2000  /* from the connection to HELLO */
#define NEXT_MS       60000 /* from one request to the next */
#define MAPPED_MS     5000  /* from MAP to MAPPED */
#define TAKE_MS       3000  /* for a piece of an answer to be read */
#define PAUSE_MS      500   /* where no more descriptors are to be had */
#define PIECE_BYTES   (32 * 1024)
#define STATUS_AGE_US 50000

struct FlDoor {
    FlRun *run;
    int folder, socket;
    ino_t inode;
    guint source, pause;
    GPtrArray *clients; /* FlClient* */
    GPtrArray *guests;  /* FlGuest*; they may stay when their client has gone */
    GBytes *status;
    gint64 status_us;
};

FlRun *fl_door_run(FlDoor *door)
{
    return door->run;
}

GPtrArray *fl_door_clients(FlDoor *door)
{
    return door->clients;
}

GPtrArray *fl_door_guests(FlDoor *door)
{
    return door->guests;
}

/* ---- clients come and go ---- */

static void remove_source(guint *source)
{
    if (*source)
        g_source_remove(*source);
    *source = 0;
}

static void client_free(gpointer data)
{
    FlClient *client = data;
    if (client->seen)
        fl_door_status_changed(client->door);
    fl_guest_hangs_up(client->guest);
    remove_source(&client->in_source);
    remove_source(&client->out_source);
    remove_source(&client->deadline);
    remove_source(&client->set_timer);
    g_clear_pointer(&client->text, g_bytes_unref);
    if (client->pidfd >= 0)
        close(client->pidfd);
    close(client->socket);
    g_free(client);
}

void fl_client_cut_off(FlClient *client)
{
    client->cut_off = TRUE;
    shutdown(client->socket, SHUT_RDWR); /* it is heard of by its own callback, which frees it */
}

/* FALSE where it has been cut off: it is gone then. */
static gboolean still_welcome(FlClient *client)
{
    gboolean gone = client->cut_off;
    if (gone)
        g_ptr_array_remove_fast(client->door->clients, client);
    return !gone;
}

static gboolean too_late(gpointer data)
{
    FlClient *client = data;
    client->deadline = 0;
    g_ptr_array_remove_fast(client->door->clients, client);
    return G_SOURCE_REMOVE;
}

static void allow(FlClient *client, guint ms)
{
    remove_source(&client->deadline);
    if (ms)
        client->deadline = g_timeout_add_full(G_PRIORITY_DEFAULT_IDLE, ms, too_late, client, NULL);
}

/* From one request to the next. */
static guint patience(const FlClient *client)
{
    return client->stays ? 0 : client->expects ? MAPPED_MS : NEXT_MS;
}

/* ---- reading ---- */

/* A request as it came, in place: `bytes` of them with the header. */
static gboolean take_request(FlClient *client, const uint8_t *buffer, gsize bytes)
{
    struct fl_message head;
    if (bytes < sizeof head)
        return FALSE;
    memcpy(&head, buffer, sizeof head);
    if (head.magic != FL_WIRE_MAGIC || (uint64_t)head.body_bytes + head.tail_bytes != bytes - sizeof head)
        return FALSE;
    if (!client->greeted && head.type != FL_REMOTE_HELLO)
        return FALSE;
    FlRequest request = {head.type, buffer + sizeof head, buffer + sizeof head + head.body_bytes, head.tail_bytes};
    return fl_answer(client, &request, head.body_bytes);
}

/* There is no room for descriptors: what comes with a message is dropped by the kernel before it is ours, so that nobody can make
 * this process hold or close a file of a kind that takes its time for it. */
static gboolean on_request(gint fd, GIOCondition condition, gpointer data)
{
    FlClient *client = data;
    _Alignas(16) uint8_t buffer[FL_REMOTE_MOST_BYTES];
    struct iovec part = {buffer, sizeof buffer};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (got <= 0 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || !take_request(client, buffer, (gsize)got))
        fl_client_cut_off(client);
    else if (!client->text)
        allow(client, patience(client));
    still_welcome(client);
    return G_SOURCE_CONTINUE; /* removed by its id */
}

static void listen_to(FlClient *client)
{
    client->in_source =
        g_unix_fd_add_full(G_PRIORITY_DEFAULT_IDLE, client->socket, G_IO_IN | G_IO_HUP | G_IO_ERR, on_request, client, NULL);
}

/* ---- answering ---- */

void fl_client_send(FlClient *client, enum fl_remote type, const void *body, gsize body_bytes, const int *fds, unsigned fd_count)
{
    if (!client->cut_off && fl_wire_send(client->socket, type, body, body_bytes, NULL, 0, fds, fd_count) < 0)
        fl_client_cut_off(client);
}

void fl_client_send_tail(FlClient *client, enum fl_remote type, const void *body, gsize body_bytes, const void *tail,
                         gsize tail_bytes, int fd)
{
    if (!client->cut_off && fl_wire_send(client->socket, type, body, body_bytes, tail, tail_bytes, &fd, 1) < 0)
        fl_client_cut_off(client);
}

void fl_client_refuse(FlClient *client, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    struct fl_remote_error body = {.error = error};
    if (!client->cut_off && fl_wire_send(client->socket, FL_REMOTE_ERROR, &body, sizeof body, text, strlen(text), NULL, 0) < 0)
        fl_client_cut_off(client);
}

/* Sends pieces until the client must read first. TRUE: all is sent, or it is cut off. */
static gboolean send_pieces(FlClient *client)
{
    gsize total;
    const char *text = g_bytes_get_data(client->text, &total);
    while (client->sent < total) {
        struct fl_remote_text body = {(uint32_t)client->sent, (uint32_t)total};
        gsize piece = MIN(total - client->sent, PIECE_BYTES);
        int error = fl_wire_send(client->socket, FL_REMOTE_TEXT, &body, sizeof body, text + client->sent, piece, NULL, 0);
        if (error == -EAGAIN)
            return FALSE;
        if (error < 0) {
            fl_client_cut_off(client);
            return TRUE;
        }
        client->sent += piece;
    }
    return TRUE;
}

static gboolean on_room(gint fd, GIOCondition condition, gpointer data)
{
    FlClient *client = data;
    gsize before = client->sent;
    if (condition & (G_IO_HUP | G_IO_ERR))
        fl_client_cut_off(client);
    else if (!send_pieces(client)) {
        if (client->sent > before)
            allow(client, TAKE_MS);
        return G_SOURCE_CONTINUE;
    }
    if (!still_welcome(client))
        return G_SOURCE_CONTINUE;
    g_clear_pointer(&client->text, g_bytes_unref);
    remove_source(&client->out_source);
    listen_to(client);
    allow(client, patience(client));
    return G_SOURCE_CONTINUE;
}

void fl_client_send_text(FlClient *client, GBytes *text)
{
    client->text = g_bytes_ref(text);
    client->sent = 0;
    if (send_pieces(client)) {
        g_clear_pointer(&client->text, g_bytes_unref);
        return;
    }
    remove_source(&client->in_source);
    client->out_source =
        g_unix_fd_add_full(G_PRIORITY_DEFAULT_IDLE, client->socket, G_IO_OUT | G_IO_HUP | G_IO_ERR, on_room, client, NULL);
    allow(client, TAKE_MS);
}

GBytes *fl_door_status(FlDoor *door)
{
    gint64 now = g_get_monotonic_time();
    if (!door->status || now - door->status_us > STATUS_AGE_US) {
        char *text = fl_status_text(door->run);
        g_clear_pointer(&door->status, g_bytes_unref);
        door->status = g_bytes_new_take(text, strlen(text));
        door->status_us = now;
    }
    return door->status;
}

void fl_door_status_changed(FlDoor *door)
{
    if (door)
        g_clear_pointer(&door->status, g_bytes_unref);
}

/* ---- the door ---- */

static gboolean on_caller(gint fd, GIOCondition condition, gpointer data);

static void open_up(FlDoor *door)
{
    door->source = g_unix_fd_add_full(G_PRIORITY_DEFAULT_IDLE, door->socket, G_IO_IN, on_caller, door, NULL);
}

static gboolean pause_over(gpointer data)
{
    FlDoor *door = data;
    door->pause = 0;
    open_up(door);
    return G_SOURCE_REMOVE;
}

static void welcome(FlDoor *door, int socket)
{
    FlClient *client = g_new0(FlClient, 1);
    client->door = door;
    client->socket = socket;
    client->pidfd = fl_remote_peer_pidfd(socket, &client->pid);
    g_ptr_array_add(door->clients, client);
    listen_to(client);
    allow(client, FIRST_MS);
}

/* In words, if they can be had without waiting: to who is the same user, and comes when there is no room. */
static void turn_away(FlDoor *door, int socket)
{
    struct fl_remote_error body = {.error = -EUSERS};
    g_autofree char *text =
        g_strdup_printf("%d look into run '%s' already, which is as many as it has room for; end one of them (framelane view, tap,"
                        " top, ...) and try again",
                        MOST_CLIENTS, door->run->pipeline->name);
    if (fl_remote_peer_is_same_user(socket))
        fl_wire_send(socket, FL_REMOTE_ERROR, &body, sizeof body, text, strlen(text), NULL, 0);
    close(socket);
}

static gboolean on_caller(gint fd, GIOCondition condition, gpointer data)
{
    FlDoor *door = data;
    int socket = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket >= 0 && door->clients->len >= MOST_CLIENTS) {
        turn_away(door, socket);
    } else if (socket >= 0 && !fl_remote_peer_is_same_user(socket)) {
        close(socket);
    } else if (socket >= 0) {
        welcome(door, socket);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        remove_source(&door->source); /* it stays readable: better later than round and round */
        door->pause = g_timeout_add_full(G_PRIORITY_DEFAULT_IDLE, PAUSE_MS, pause_over, door, NULL);
    }
    return G_SOURCE_CONTINUE;
}

static int try_listen(const char *name, ino_t *inode, int *folder, char **why)
{
    *folder = fl_remote_open_folder(why);
    if (*folder < 0)
        return -ENOENT;
    g_strfreev(fl_remote_names(*folder)); /* sockets of the killed go, whatever they were called */
    int fd = fl_remote_bind(*folder, name, inode);
    if (fd == -EADDRINUSE)
        *why = g_strdup_printf("a run called '%s' is there already", name);
    else if (fd < 0)
        *why = g_strdup_printf("its control socket cannot be made: %s", g_strerror(-fd));
    if (fd < 0)
        close(*folder);
    return fd;
}

FlDoor *fl_door_open(FlRun *run, gboolean *taken, char **why)
{
    int folder;
    ino_t inode = 0;
    int fd = try_listen(run->pipeline->name, &inode, &folder, why);
    *taken = fd == -EADDRINUSE;
    if (fd < 0)
        return NULL;
    FlDoor *door = g_new0(FlDoor, 1);
    door->run = run;
    door->folder = folder;
    door->socket = fd;
    door->inode = inode;
    door->clients = g_ptr_array_new_with_free_func(client_free);
    door->guests = g_ptr_array_new_with_free_func(fl_guest_free);
    open_up(door);
    return door;
}

void fl_door_close(FlDoor *door, int exit_code)
{
    struct fl_remote_ended body = {.exit_code = exit_code};
    if (!door)
        return;
    fl_remote_remove(door->folder, door->run->pipeline->name, door->inode);
    for (guint i = 0; i < door->clients->len; i++) {
        FlClient *client = g_ptr_array_index(door->clients, i);
        if (client->greeted && !client->text)
            fl_client_send(client, FL_REMOTE_ENDED, &body, sizeof body, NULL, 0);
    }
    g_ptr_array_unref(door->clients);
    g_ptr_array_unref(door->guests);
    remove_source(&door->source);
    remove_source(&door->pause);
    close(door->socket);
    close(door->folder);
    g_clear_pointer(&door->status, g_bytes_unref);
    g_free(door);
}
