/* Files: no output may be what another stage reads or writes, and one stage at most has standard output. */
#include "parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One file as the system knows it, also before it exists. */
typedef struct {
    const FlStageConfig *stage;
    const char *url;
    FlPlace place;
    gboolean output;
    gboolean standard; /* "-" */
    gboolean exists, regular;
    struct stat status;
    char *path; /* absolute, without links, or NULL */
} File;

static void file_free(gpointer data)
{
    File *file = data;
    free(file->path);
    g_free(file);
}

/* NULL: a URL and no file. */
static const char *local_path(const char *url)
{
    const char *colon = strchr(url, ':');
    if (g_str_has_prefix(url, "file:"))
        return url + strlen("file:");
    if (colon && colon - url >= 2 && strncmp(colon, "://", 3) == 0)
        return NULL;
    return url;
}

/* The folder exists, the file need not. */
static char *real_path(const char *path)
{
    char *whole = realpath(path, NULL);
    if (whole || errno != ENOENT)
        return whole;
    g_autofree char *folder = g_path_get_dirname(path), *name = g_path_get_basename(path);
    char *real_folder = realpath(folder, NULL);
    if (!real_folder)
        return NULL;
    g_autofree char *joined = g_build_filename(real_folder, name, NULL);
    free(real_folder);
    return strdup(joined);
}

static File *file_new(const FlStageConfig *stage, gboolean output)
{
    const FlOption *option = fl_stage_config_option(stage, "url");
    const char *url = fl_stage_config_get(stage, "url"), *path = url && *url ? local_path(url) : NULL;
    if (!path)
        return NULL;
    File *file = g_new0(File, 1);
    file->stage = stage;
    file->url = url;
    file->place = option ? option->value_place : stage->place;
    file->output = output;
    file->standard = strcmp(url, "-") == 0;
    file->exists = !file->standard && stat(path, &file->status) == 0;
    file->regular = file->exists ? S_ISREG(file->status.st_mode) : !file->standard;
    file->path = file->standard ? NULL : real_path(path);
    return file;
}

static gboolean is_same(const File *a, const File *b)
{
    if (a->standard || b->standard)
        return a->standard && b->standard && a->output == b->output;
    if (!a->regular || !b->regular)
        return FALSE; /* devices and pipes may be shared */
    if (a->exists && b->exists)
        return a->status.st_dev == b->status.st_dev && a->status.st_ino == b->status.st_ino;
    return a->path && b->path && strcmp(a->path, b->path) == 0;
}

static void tell_clash(const File *file, const File *other, FlDiagnostics *d)
{
    g_autofree char *twice = g_strdup_printf("'%s' writes there already; name another file", other->stage->name);
    if (file->standard && !file->output)
        fl_diagnose(d, file->place, "only one stage can read it", "stage '%s': standard input is read by '%s' already",
                    file->stage->name, other->stage->name);
    else if (file->standard)
        fl_diagnose(d, file->place, "give all but one a file", "stage '%s': standard output is written by '%s' already",
                    file->stage->name, other->stage->name);
    else if (!other->output)
        fl_diagnose(d, file->place, "name another file: it would be destroyed", "stage '%s': its output '%s' is the input of '%s'",
                    file->stage->name, file->url, other->stage->name);
    else
        fl_diagnose(d, file->place, twice, "stage '%s': its output '%s' is the output of '%s' too", file->stage->name, file->url,
                    other->stage->name);
}

static void check_overwrite(const File *file, FlDiagnostics *d)
{
    const char *text = fl_stage_config_get(file->stage, "overwrite");
    gboolean overwrite = TRUE;
    if (text && fl_parse_bool(text, &overwrite) && !overwrite && file->exists && file->regular)
        fl_diagnose(d, file->place, "name another file, or leave overwrite = no out",
                    "stage '%s': '%s' exists already, and overwrite = no", file->stage->name, file->url);
}

static void check_file(const File *file, const GPtrArray *earlier, FlDiagnostics *d)
{
    for (guint i = 0; i < earlier->len; i++) {
        const File *other = g_ptr_array_index(earlier, i);
        if (is_same(file, other) && (file->output || file->standard)) {
            tell_clash(file, other, d);
            return;
        }
    }
    if (file->output)
        check_overwrite(file, d);
}

static void check_all(const FlPipeline *p, GPtrArray *files, unsigned flag, FlDiagnostics *d)
{
    for (guint i = 0; i < p->stages->len; i++) {
        const FlStageConfig *stage = g_ptr_array_index(p->stages, i);
        if (!stage->kind || !(stage->kind->flags & flag))
            continue;
        File *file = file_new(stage, flag == FL_KIND_WRITES_FILE);
        if (!file)
            continue;
        check_file(file, files, d);
        g_ptr_array_add(files, file);
    }
}

void fl_graph_check_files(FlPipeline *p, FlDiagnostics *d)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(file_free);
    check_all(p, files, FL_KIND_READS_FILE, d);
    check_all(p, files, FL_KIND_WRITES_FILE, d);
}
