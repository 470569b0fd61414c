/* framelane-stage: becomes one stage. Started by framelane, with one end of a socket pair as fd 3; loads the module of its kind and
 * nothing else. `--inspect ...` answers questions about codecs and formats instead, which framelane itself must not load. */
#include "host.h"

#include <dlfcn.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Modules stand in the folder the caller names, beside the build of this executable, or where they were installed. */
static void *load_from(const char *folder, const char *kind)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s.so", folder, kind) >= (int)sizeof path || access(path, R_OK) < 0)
        return NULL;
    void *module = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (!module)
        fprintf(stderr, "framelane-stage: %s\n", dlerror());
    return module;
}

static void *load_module(const char *kind)
{
    char exe[PATH_MAX] = {0}, folder[PATH_MAX + 64];
    const char *named = getenv("FRAMELANE_STAGES");
    if (named)
        return load_from(named, kind);
    if (readlink("/proc/self/exe", exe, sizeof exe - 1) < 0)
        return NULL;
    char *home = dirname(exe);
    snprintf(folder, sizeof folder, "%s/../stages", home);
    void *module = load_from(folder, kind);
    if (!module) {
        snprintf(folder, sizeof folder, "%s/%s", home, FL_MODULES_FROM_LIBEXEC);
        module = load_from(folder, kind);
    }
    return module ? module : load_from(FL_MODULE_DIR, kind);
}

static int inspect(int argc, char **argv)
{
    void *module = load_module("inspect");
    int (*inspect_main)(int, char **) = module ? (int (*)(int, char **))dlsym(module, "fl_inspect_main") : NULL;
    if (!inspect_main) {
        fprintf(stderr, "framelane-stage: the module inspect.so is missing; set FRAMELANE_STAGES to the folder of the modules\n");
        return 1;
    }
    return inspect_main(argc, argv);
}

static bool is_socket(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

static bool parse_arguments(int argc, char **argv, const char **name, const char **kind)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--name") == 0)
            *name = argv[i + 1];
        else if (strcmp(argv[i], "--kind") == 0)
            *kind = argv[i + 1];
        else
            return false;
    }
    return argc == 5 && *name && *kind;
}

/* A peer that is gone, or a file that may not grow, is an answer of write(2) and no signal. */
static void ignore_signals_of_write(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

static void name_process(const char *name)
{
    char comm[16];
    snprintf(comm, sizeof comm, "fl:%s", name);
    prctl(PR_SET_NAME, comm);
}

static int become_stage(const char *name, const char *kind)
{
    static struct fl_stage stage;
    ignore_signals_of_write();
    name_process(name);
    snprintf(stage.name, sizeof stage.name, "%s", name);
    stage.socket = FL_CONTROL_FD;
    stage.kind = fl_kind_find(kind);
    void *module = stage.kind ? load_module(kind) : NULL;
    stage.module = module ? dlsym(module, "fl_stage_module") : NULL;
    if (!stage.module) {
        fl_stage_fail(&stage, FL_STAGE_ERROR_START, -ENOENT,
                      "the module %s.so of its kind is missing or does not load; is the installation complete? (FRAMELANE_STAGES "
                      "names another folder)",
                      kind);
        return 1;
    }
    return fl_host_run(&stage);
}

int main(int argc, char **argv)
{
    const char *name = NULL, *kind = NULL;
    if (argc >= 2 && strcmp(argv[1], "--inspect") == 0)
        return inspect(argc - 1, argv + 1);
    if (!parse_arguments(argc, argv, &name, &kind) || !is_socket(FL_CONTROL_FD)) {
        fprintf(stderr, "framelane-stage is one stage of a pipeline and is started by framelane; see framelane --help\n");
        return 2;
    }
    return become_stage(name, kind);
}
