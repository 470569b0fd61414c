/* A run, seen from outside: what `ls`, `status`, `top`, `stop` and the viewer say to its control socket. remote.h is the contract.
 *
 * A connection belongs to one thread. Calls that answer FALSE or NULL give a sentence in *why (to g_free) that says what is wrong
 * and what to do; the connection is then of no further use, unless the run merely refused (fl_remote_refused).
 */
#ifndef FL_CONTROL_CLIENT_H
#define FL_CONTROL_CLIENT_H

#include "remote.h"

typedef struct FlRemote FlRemote;

/* Is there a socket of that name? Asks nobody, so that one may look again and again; the run behind it may be dead. */
gboolean fl_remote_is_there(const char *run);

/* Connects to the run of that name; answers at once. Where there is none, *why names those there are. */
FlRemote *fl_remote_open(const char *run, char **why);
void fl_remote_close(FlRemote *remote); /* NULL is accepted */
/* The two steps of it apart, for a lane belongs to the process that connects. The first gives a connected socket or a negative
 * errno; the second, in whichever process then speaks, takes what it gave. */
int fl_remote_connect_to(const char *run);
FlRemote *fl_remote_adopt(const char *run, int socket_or_error, char **why);

const char *fl_remote_run(const FlRemote *remote);
/* To poll for what comes unasked (ENDED, POOL): then fl_remote_news. */
int fl_remote_fd(const FlRemote *remote);
/* TRUE once the run has said that it is over, and how it exited. */
gboolean fl_remote_ended(const FlRemote *remote, int *exit_code);
/* TRUE if the last failure was the run's own answer; the connection goes on. */
gboolean fl_remote_refused(const FlRemote *remote);
/* The -errno of that answer (-EAGAIN: the run has not started yet; -ENODEV: the stage gives nothing to look at); 0: none. */
int fl_remote_refusal(const FlRemote *remote);

/* The status object as text (to g_free). The two steps apart, so that many runs can be asked at once. `patience_ms` is what is left
 * for the whole answer. */
gboolean fl_remote_ask_status(FlRemote *remote, char **why);
char *fl_remote_take_status(FlRemote *remote, int patience_ms, char **why);

/* Has the run stop; FALSE where it does not answer. The end is waited for with fl_remote_await_end. */
gboolean fl_remote_stop(FlRemote *remote, gboolean now, char **why);
/* Waits until the run is over, as long as it takes. TRUE and its exit code; FALSE where it died without a word. */
gboolean fl_remote_await_end(FlRemote *remote, int *exit_code);

/* What is asked of a stage: KEY=VALUE, and how long it may wait for a frame (0: 5 s). */
typedef struct {
    const char *stage, *assignment;
    guint wait_ms;
    gboolean rebuild;
} FlRemoteSetting;
/* Changes a parameter. TRUE: `done` says from which frame on it holds. FALSE: where *blame, the key or the value is wrong. */
gboolean fl_remote_set(FlRemote *remote, const FlRemoteSetting *setting, struct fl_remote_done *done, gboolean *blame, char **why);

/* Looks on at an output. TRUE: `attached` and its descriptors, which are the caller's to close, -1 where there is none.
 * Then its pools come, each by fl_remote_news. */
gboolean fl_remote_attach(FlRemote *remote, const struct fl_remote_attach *asked, struct fl_remote_attached *attached,
                          int fds[FL_REMOTE_MOST_FDS], char **why);

/* Asks for a lane of one's own. TRUE: its policy and credits, the region of returns (`*fd` is the caller's), and what the output
 * carries (`*stream`, as the tail of MAP). Whoever will take maps the region (fl_shm_map_writer) and has that said, in time. */
gboolean fl_remote_take(FlRemote *remote, const struct fl_remote_attach *asked, struct fl_remote_map *map, int *fd, GBytes **stream,
                        char **why);
/* Says so. TRUE: the other descriptors of the lane, as fl_remote_attach gives them. */
gboolean fl_remote_mapped(FlRemote *remote, int error, struct fl_remote_attached *attached, int fds[FL_REMOTE_MOST_FDS],
                          char **why);

enum fl_remote_news { FL_NEWS_NONE, FL_NEWS_POOL, FL_NEWS_POOL_UNUSED, FL_NEWS_OVER };
/* What has come unasked: a pool and its descriptor (the caller's), the word that one is not needed any more, or the end of the run.
 * Does not block. */
enum fl_remote_news fl_remote_news(FlRemote *remote, struct fl_pool_info *pool, int *fd);

/* The names of all runs of this user, for g_strfreev. NULL and *why where the folder cannot be used. */
char **fl_remote_runs(char **why);

#endif
