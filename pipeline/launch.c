#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef FL_LIBEXEC_DIR
#define FL_LIBEXEC_DIR "/usr/local/libexec/framelane"
#endif

#define SEND_TIMEOUT_SECONDS 5 /* for a stage whose control thread does not read */

char *fl_run_find_stage_program(void)
{
    return fl_find_program("framelane-stage");
}

char *fl_find_program(const char *name)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(self ? self : "/usr/bin/framelane");
    char *candidates[] = {
        g_build_filename(folder, strchr(name, '/') ? ".." : "", name, NULL),
        g_build_filename(folder, "..", "libexec", "framelane", name, NULL),
        g_build_filename(FL_LIBEXEC_DIR, name, NULL),
    };
    char *found = NULL;
    for (unsigned i = 0; i < G_N_ELEMENTS(candidates); i++) {
        if (!found && access(candidates[i], X_OK) == 0)
            found = candidates[i];
        else
            g_free(candidates[i]);
    }
    return found;
}

/* In the child: only calls that are safe after fork. Standard input is never the terminal's: a stage that reads "-" gets it as its
 * input file. A group of its own keeps Ctrl-C, which is the supervisor's to interpret, away from it. */
void fl_become_stage(const FlStageProcess *process)
{
    int socket = process->socket;
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0);
    sigprocmask(SIG_SETMASK, process->mask, NULL);
    if (dup2(process->nothing, STDIN_FILENO) < 0)
        _exit(127);
    if (!process->writes_stdout && dup2(process->nothing, STDOUT_FILENO) < 0)
        _exit(127);
    if (socket == FL_CONTROL_FD ? fcntl(socket, F_SETFD, 0) < 0 : dup2(socket, FL_CONTROL_FD) < 0)
        _exit(127);
    syscall(SYS_close_range, FL_CONTROL_FD + 1, ~0u, 0); /* what whoever started us forgot to mark; ours is marked */
    execv(process->argv[0], process->argv);
    _exit(127);
}

int fl_run_spawn(FlRunStage *stage)
{
    char *argv[] = {stage->run->program, "--name", stage->config->name, "--kind", (char *)stage->config->kind->name, NULL};
    struct timeval limit = {SEND_TIMEOUT_SECONDS, 0};
    int pair[2] = {-1, -1}, error = 0;
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0 || (error = fl_wire_pair(pair)) < 0)
        goto out;
    stage->pid = fork();
    if (stage->pid == 0)
        fl_become_stage(&(FlStageProcess){argv, pair[1], nothing, stage->writes_stdout, &stage->run->old_mask});
    if (stage->pid < 0) {
        error = -errno;
        goto out;
    }
    /* It cannot have been reaped: nobody else does. Where the call is unknown or forbidden, SIGCHLD tells (supervise.c). */
    stage->pidfd = (int)syscall(SYS_pidfd_open, stage->pid, 0);
    stage->run->alive++;
    stage->life = FL_LIFE_STARTED;
    setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    stage->control = pair[0];
    pair[0] = -1;
out:
    if (nothing < 0 && !error)
        error = -errno;
    for (unsigned i = 0; i < 2; i++)
        if (pair[i] >= 0)
            close(pair[i]);
    if (nothing >= 0)
        close(nothing);
    return error;
}

void fl_run_kill(FlRunStage *stage)
{
    if (stage->life == FL_LIFE_NEW || stage->life == FL_LIFE_REAPED)
        return;
    stage->killed = TRUE;
    if (stage->pidfd < 0 || syscall(SYS_pidfd_send_signal, stage->pidfd, SIGKILL, NULL, 0) < 0)
        kill(stage->pid, SIGKILL); /* not reaped yet, so the number is still its own */
}
