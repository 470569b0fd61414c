#include "remote.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define SUFFIX    ".sock"
#define BACKLOG   32
#define LOCK_MS   1000
#define LOCK_STEP 10

/* ---- who is who ---- */

static unsigned long overflow_uid(void)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents("/proc/sys/kernel/overflowuid", &text, NULL, NULL))
        return 65534;
    return strtoul(text, NULL, 10);
}

/* TRUE if a user of that number exists in this user namespace; without /proc nobody knows, and nobody is trusted. */
static gboolean is_mapped(unsigned long uid)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents("/proc/self/uid_map", &text, NULL, NULL))
        return FALSE;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        unsigned long inside, outside, count;
        if (sscanf(*line, "%lu %lu %lu", &inside, &outside, &count) == 3 && uid >= inside && uid - inside < count)
            return TRUE;
    }
    return FALSE;
}

gboolean fl_remote_is_same_user(uid_t uid)
{
    return uid == geteuid() && (uid != overflow_uid() || is_mapped(uid));
}

gboolean fl_remote_peer_is_same_user(int socket)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && size == sizeof peer &&
           fl_remote_is_same_user(peer.uid);
}

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

/* The number of a process may have become another's by now; that one's death is then waited for, which is late and never too
 * early. */
int fl_remote_peer_pidfd(int socket, pid_t *pid)
{
    struct ucred peer;
    socklen_t size = sizeof peer, fd_size = sizeof(int);
    int fd = -1;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return -errno;
    *pid = peer.pid;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &fd_size) == 0)
        return fd;
    if (errno != ENOPROTOOPT)
        return -errno;
    fd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
    return fd < 0 ? -errno : fd;
}

/* ---- the folder ---- */

static gboolean is_own_folder(const char *path)
{
    struct stat at;
    return path && g_path_is_absolute(path) && stat(path, &at) == 0 && S_ISDIR(at.st_mode) && fl_remote_is_same_user(at.st_uid);
}

static char *choose_folder(void)
{
    const char *runtime = g_getenv("XDG_RUNTIME_DIR");
    g_autofree char *usual = g_strdup_printf("/run/user/%lu", (unsigned long)geteuid());
    if (is_own_folder(runtime))
        return g_build_filename(runtime, "framelane", NULL);
    if (is_own_folder(usual))
        return g_build_filename(usual, "framelane", NULL);
    return g_strdup_printf("/tmp/framelane-%lu", (unsigned long)geteuid());
}

/* In /tmp anybody may have been there first: what is opened is looked at, never what the name may mean a moment later. */
static int check_folder(int fd, const char *path, char **why)
{
    struct stat at;
    if (fstat(fd, &at) < 0)
        *why = g_strdup_printf("'%s' cannot be looked at: %s", path, g_strerror(errno));
    else if (!fl_remote_is_same_user(at.st_uid))
        *why = g_strdup_printf("'%s' belongs to somebody else (uid %lu); remove it, or set XDG_RUNTIME_DIR to a folder of your own",
                               path, (unsigned long)at.st_uid);
    else if ((at.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0)
        *why = g_strdup_printf("'%s' is open to others and cannot be closed to them: %s", path, g_strerror(errno));
    else
        return fd;
    close(fd);
    return -1;
}

int fl_remote_open_folder(char **why)
{
    g_autofree char *path = choose_folder();
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        *why = g_strdup_printf("'%s' cannot be made: %s; set XDG_RUNTIME_DIR to a folder of your own", path, g_strerror(errno));
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        *why = g_strdup_printf("'%s' cannot be opened: %s; remove it, or set XDG_RUNTIME_DIR to a folder of your own", path,
                               errno == ELOOP || errno == ENOTDIR ? "it is no folder" : g_strerror(errno));
        return -1;
    }
    return check_folder(fd, path, why);
}

gboolean fl_remote_is_name(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    gsize length = strlen(name);
    return length > 0 && length < FL_REMOTE_NAME_BYTES && strspn(name, letters) == length;
}

/* ---- sockets ---- */

/* Through the descriptor of the folder: it cannot be exchanged meanwhile, and a long name of it does not count. */
static void address_of(int folder, const char *name, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s" SUFFIX, folder, name);
}

gboolean fl_remote_has_socket(int folder, const char *name)
{
    g_autofree char *file = g_strconcat(name, SUFFIX, NULL);
    struct stat at;
    return fstatat(folder, file, &at, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(at.st_mode);
}

int fl_remote_connect(int folder, const char *name)
{
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
    if (fd < 0)
        return -errno;
    address_of(folder, name, &address);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        error = -errno;
    else if (!fl_remote_peer_is_same_user(fd))
        error = -EACCES;
    if (error == 0)
        return fd;
    close(fd);
    return error;
}

gboolean fl_remote_lock(int folder)
{
    for (unsigned ms = 0; flock(folder, LOCK_EX | LOCK_NB) < 0; ms += LOCK_STEP) {
        if (ms >= LOCK_MS)
            return FALSE;
        g_usleep(LOCK_STEP * 1000);
    }
    return TRUE;
}

void fl_remote_unlock(int folder)
{
    flock(folder, LOCK_UN);
}

gboolean fl_remote_clear_stale(int folder, const char *name)
{
    g_autofree char *file = g_strconcat(name, SUFFIX, NULL);
    int fd = fl_remote_connect(folder, name);
    if (fd >= 0)
        close(fd);
    if (fd == -ECONNREFUSED)
        return unlinkat(folder, file, 0) == 0 || errno == ENOENT;
    return fd == -ENOENT;
}

/* Mode 0600 from its first moment: bind takes it from the socket. */
static int listen_at(int folder, const char *name, ino_t *inode)
{
    g_autofree char *file = g_strconcat(name, SUFFIX, NULL);
    struct sockaddr_un address;
    struct stat at;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
    if (fd < 0)
        return -errno;
    address_of(folder, name, &address);
    if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        error = -errno;
    else if (listen(fd, BACKLOG) < 0 || fstatat(folder, file, &at, AT_SYMLINK_NOFOLLOW) < 0) {
        error = -errno;
        unlinkat(folder, file, 0);
    }
    if (error < 0) {
        close(fd);
        return error;
    }
    *inode = at.st_ino;
    return fd;
}

int fl_remote_bind(int folder, const char *name, ino_t *inode)
{
    if (!fl_remote_lock(folder))
        return -EBUSY;
    int fd = fl_remote_clear_stale(folder, name) ? listen_at(folder, name, inode) : -EADDRINUSE;
    fl_remote_unlock(folder);
    return fd;
}

void fl_remote_remove(int folder, const char *name, ino_t inode)
{
    g_autofree char *file = g_strconcat(name, SUFFIX, NULL);
    struct stat at;
    if (fstatat(folder, file, &at, AT_SYMLINK_NOFOLLOW) == 0 && at.st_ino == inode)
        unlinkat(folder, file, 0);
}

/* ---- all of them ---- */

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static GPtrArray *read_names(int folder)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    if (!entries) {
        if (fd >= 0)
            close(fd);
        return names;
    }
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (!g_str_has_suffix(entry->d_name, SUFFIX))
            continue;
        g_autofree char *name = g_strndup(entry->d_name, strlen(entry->d_name) - strlen(SUFFIX));
        if (fl_remote_is_name(name))
            g_ptr_array_add(names, g_steal_pointer(&name));
    }
    closedir(entries);
    g_ptr_array_sort(names, by_name);
    return names;
}

char **fl_remote_names(int folder)
{
    g_autoptr(GPtrArray) all = read_names(folder);
    GPtrArray *living = g_ptr_array_new();
    gboolean locked = all->len > 0 && fl_remote_lock(folder);
    for (guint i = 0; i < all->len; i++) {
        const char *name = g_ptr_array_index(all, i);
        if (!locked || !fl_remote_clear_stale(folder, name))
            g_ptr_array_add(living, g_strdup(name));
    }
    if (locked)
        fl_remote_unlock(folder);
    g_ptr_array_add(living, NULL);
    return (char **)g_ptr_array_free(living, FALSE);
}
