/* What a run and those who look in from outside say to each other: the control socket.
 *
 * Each `framelane run` listens on NAME.sock in a folder of its user, mode 0700 (see below). A connection is a unix socket of
 * type SEQPACKET; a message is one of framelane/wire.h: its type fixes the size of its body, a tail may follow. Both ends check by
 * SO_PEERCRED that the other is the same user's; nobody else is answered, root neither.
 *
 *   client                            run
 *   HELLO   version               ->
 *                                 <-  HELLO   version, pid, name
 *   STATUS                        ->
 *                                 <-  TEXT... the status object (JSON, UTF-8) in pieces, until `offset` + piece = `total`
 *   STOP    drain, or now         ->
 *                                 <-  DONE    it has begun; the end comes as ENDED
 *   ATTACH  stage, port, how      ->
 *                                 <-  ATTACHED descriptors of the stage's page and of the output's latest region, sealed
 *                                 <-  POOL    a pool its frames lie in (now, and whenever there is a new one), POOL_UNUSED
 *   ATTACH  stage, port, TAKE     ->
 *                                 <-  MAP     the region of returns, to be mapped writable, once; what the output carries
 *   MAPPED  within five seconds   ->
 *           (the run seals it, and has the stage add a lane)
 *                                 <-  ATTACHED, then POOL, as above; the descriptors are those of a lane's end
 *   SET     stage; tail KEY=VALUE ->
 *                                 <-  DONE    the number of the first frame it holds for, when that frame has come
 *                                 <-  ERROR   in place of any answer: why not, and what to do
 *                                 <-  ENDED   at any time between answers: the run is over; then the end of the connection
 *
 * The first message is HELLO, within two seconds. Requests are answered in their order; behind ATTACH and SET none may follow
 * before the answer. Who sends what is no request, sends descriptors, or does not read its answers, is cut off; the run takes no
 * notice otherwise. ERROR leaves the connection as it was.
 *
 * A lane of one's own (TAKE) is a guest's: of policy `drop` or `latest`, within the spare slots of its output, and nobody waits for
 * what is done with it. It belongs to the process that has made the connection (connect(2)), which must be the one that takes: when
 * the connection ends nothing more is announced, and what that process still holds stays its own until it has given it back or is
 * dead. Until then its credits stay spent. Where the stage gives nothing, the lane is one on the output that it takes from.
 */
#ifndef FL_REMOTE_H
#define FL_REMOTE_H

#include <glib.h>
#include <stdint.h>
#include <sys/types.h>

#include <framelane/lane.h>
#include <framelane/pool.h>

#define FL_REMOTE_VERSION    2
#define FL_REMOTE_MOST_BYTES 4096 /* of a request, with header and tail */
#define FL_REMOTE_USUAL_WAIT_MS 5000 /* of SET, for a frame */
#define FL_REMOTE_MOST_WAIT_MS 50000
#define FL_REMOTE_NAME_BYTES 32   /* names of runs and stages, NUL padded */

enum fl_remote {
    FL_REMOTE_HELLO = 0x100,
    FL_REMOTE_STATUS,
    FL_REMOTE_TEXT,
    FL_REMOTE_STOP,
    FL_REMOTE_DONE,
    FL_REMOTE_ATTACH,
    FL_REMOTE_ATTACHED,
    FL_REMOTE_POOL,
    FL_REMOTE_POOL_UNUSED,
    FL_REMOTE_SET,
    FL_REMOTE_ERROR,
    FL_REMOTE_ENDED,
    FL_REMOTE_MAP,
    FL_REMOTE_MAPPED,
};

/* HELLO, both ways; the client leaves pid 0 and name empty. */
struct fl_remote_hello {
    uint32_t version;
    int32_t pid;
    char name[FL_REMOTE_NAME_BYTES];
};

/* STATUS */
struct fl_remote_status {
    uint32_t reserved[2];
};

/* TEXT: tail = the piece that begins at `offset`. */
struct fl_remote_text {
    uint32_t offset, total;
};

/* STOP */
struct fl_remote_stop {
    uint32_t now; /* 0: sources stop, everything drains (the first Ctrl-C); 1: every process is killed (the second) */
    uint32_t reserved;
};

/* DONE */
struct fl_remote_done {
    uint64_t number;     /* SET: of the first frame the new value holds for */
    uint32_t parameters; /* SET: version of the parameters that this frame and those behind it carry (struct fl_desc) */
    uint32_t reserved;
};

enum fl_remote_how {
    FL_REMOTE_LOOK = 1, /* figures and pictures as they come by, without a credit: nobody waits for the one who looks */
    FL_REMOTE_TAKE = 2, /* a lane of its own, within the spare slots of the output's pool */
};

/* ATTACH */
struct fl_remote_attach {
    char stage[FL_REMOTE_NAME_BYTES];
    uint32_t port; /* 0 video, 1 packets */
    uint32_t how;  /* enum fl_remote_how */
    uint32_t when_full, credits; /* TAKE: enum fl_when_full; 0: three, or as many as there are */
    uint32_t reserved[2];
};

/* MAP: fds[0] = the region of returns; tail = struct fl_control_stream (control.h; `from` is the stage whose output it is) and as
 * many bytes of side data as it says. */
struct fl_remote_map {
    struct fl_lane_info lane;
    uint64_t bytes; /* of the region */
};

/* MAPPED */
struct fl_remote_mapped {
    int32_t error; /* 0, or the -errno of mapping it */
    uint32_t reserved;
};

enum fl_remote_fd {
    FL_REMOTE_FD_NONE = 0,
    FL_REMOTE_FD_STATS,  /* the stage's page, struct fl_stats */
    FL_REMOTE_FD_LATEST, /* the output's latest region */
    FL_REMOTE_FD_ANNOUNCE,
    FL_REMOTE_FD_RETURN,
    FL_REMOTE_FD_BELL_OUT,
    FL_REMOTE_FD_BELL_IN,
};

#define FL_REMOTE_MOST_FDS 8

/* ATTACHED: fds[i] is what roles[i] says. */
struct fl_remote_attached {
    uint32_t port, how;
    uint32_t roles[FL_REMOTE_MOST_FDS]; /* enum fl_remote_fd */
    struct fl_lane_info lane;           /* TAKE */
};

/* POOL: fds[0] = the sealed pool. POOL_UNUSED: no frame of it is under way any more; `pool.id` counts. */
struct fl_remote_pool {
    struct fl_pool_info pool;
};

/* SET; tail = "KEY=VALUE", UTF-8, no NUL. */
struct fl_remote_set {
    char stage[FL_REMOTE_NAME_BYTES];
    uint32_t wait_ms; /* for the frame: then it is refused and nothing changes; 0: FL_REMOTE_USUAL_WAIT_MS */
    uint32_t rebuild; /* 1: the stage may build anew what it works with, and what it gives may take another size or format */
};

/* ERROR; tail = one sentence, no NUL. */
struct fl_remote_error {
    int32_t error; /* -errno */
    uint32_t reserved;
};

/* ENDED */
struct fl_remote_ended {
    int32_t exit_code; /* as `framelane run` exits */
    uint32_t reserved;
};

/* ---- where the sockets are (remote.c); for both ends ---- */

/* Opens the folder of this user's sockets, made if need be: `framelane` in $XDG_RUNTIME_DIR or /run/user/UID where that is this
 * user's own, else /tmp/framelane-UID. A descriptor; or -1 and a sentence in *why (to g_free): it is somebody else's, or cannot be
 * made. */
int fl_remote_open_folder(char **why);

/* TRUE if that is this process's own user. The number that stands for every user who has none here (the overflow uid) is nobody's
 * own, unless this user namespace really has it. */
gboolean fl_remote_is_same_user(uid_t uid);
/* The same of the process at the other end of a connected socket. */
gboolean fl_remote_peer_is_same_user(int socket);

/* Is there a socket of that name, whoever listens at it or not? */
gboolean fl_remote_has_socket(int folder, const char *name);
/* A pidfd of the process that connected the other end. -errno where there is none any more, or the kernel gives none. */
int fl_remote_peer_pidfd(int socket, pid_t *pid);

/* A socket connected to the run of that name, non-blocking, close-on-exec. -ENOENT: there is none; -ECONNREFUSED: its run is dead;
 * -EAGAIN: it has more callers than it can answer; -EACCES: it is another user's; or another -errno. */
int fl_remote_connect(int folder, const char *name);

/* Takes the folder's lock, which guards "is it dead? then away with it", for a second at most. FALSE: somebody sits on it. */
gboolean fl_remote_lock(int folder);
void fl_remote_unlock(int folder);

/* Removes the socket of that name if nobody listens at it. TRUE if none is there now. Under the lock. */
gboolean fl_remote_clear_stale(int folder, const char *name);

/* A non-blocking socket that listens under that name; *inode tells it from a later one. -EADDRINUSE: that name is taken by a run
 * that lives; -EBUSY: the lock could not be had; or another -errno. */
int fl_remote_bind(int folder, const char *name, ino_t *inode);
/* Removes the socket's file, if it is still the one with that inode. */
void fl_remote_remove(int folder, const char *name, ino_t inode);

/* Names of all sockets that somebody listens at, sorted; stale ones are removed on the way. NULL-terminated, for g_strfreev. */
char **fl_remote_names(int folder);

/* FALSE: no run can be called that. */
gboolean fl_remote_is_name(const char *name);

#endif
