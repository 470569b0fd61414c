#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The input of a stage is opened here where it is a file, so that the process that parses it needs no right to open any. */

/* "rtsp://...", "concat:a|b", "img%03d.png", or anything at all for a device: no file, and for the stage to open. */
static gboolean is_for_the_stage(const FlRunStage *stage, const char *url)
{
    const char *colon = strchr(url, ':');
    gboolean scheme = colon && colon - url >= 2;
    for (const char *c = url; scheme && c < colon; c++)
        scheme = g_ascii_isalnum(*c) || strchr("+-.,_", *c);
    return scheme || strchr(url, '%') || fl_stage_config_get(stage->config, "format");
}

static gboolean refuse(const FlRunStage *stage, const char *url, const char *why, const char *remedy)
{
    fl_run_fail(stage->run, FL_EXIT_START, "%s: cannot read '%s': %s; %s", stage->config->name, url, why, remedy);
    return FALSE;
}

/* A FIFO blocks here until somebody writes: nothing has been started yet and Ctrl-C still ends us. */
static gboolean open_file(FlRunStage *stage, const char *url, const struct stat *status)
{
    if (S_ISDIR(status->st_mode))
        return refuse(stage, url, "it is a directory", "name a file in it");
    if (!S_ISREG(status->st_mode) && !S_ISFIFO(status->st_mode))
        return TRUE; /* a device */
    if (S_ISREG(status->st_mode) && status->st_size == 0)
        return refuse(stage, url, "the file is empty", "name one that has a video in it");
    stage->input_fd = open(url, O_RDONLY | O_CLOEXEC);
    return stage->input_fd >= 0 || refuse(stage, url, g_strerror(errno), "this user must be allowed to read it");
}

static gboolean open_input(FlRunStage *stage)
{
    const char *url = fl_stage_config_get(stage->config, "url");
    struct stat status;
    if (!url)
        return TRUE;
    if (strcmp(url, "-") == 0) {
        stage->input_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        return stage->input_fd >= 0 || refuse(stage, url, g_strerror(errno), "give it a file or a pipe on standard input");
    }
    if (*url && stat(url, &status) == 0)
        return open_file(stage, url, &status);
    if (*url && is_for_the_stage(stage, url))
        return TRUE;
    return refuse(stage, url, *url ? g_strerror(errno) : "the name is empty",
                  "name an existing file, a URL (rtsp://...), or a device with format=");
}

gboolean fl_run_open_inputs(FlRun *run)
{
    gboolean good = TRUE;
    for (unsigned i = 0; i < run->stage_count; i++)
        if (run->stages[i].config->kind->flags & FL_KIND_READS_FILE)
            good &= open_input(&run->stages[i]);
    return good;
}
