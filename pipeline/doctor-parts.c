#include "doctor.h"
#include "run.h"

/* The order in which framelane-stage looks. NULL: nowhere. */
static char *find_modules(const char *program)
{
    g_autofree char *folder = g_path_get_dirname(program);
    const char *named = g_getenv("FRAMELANE_STAGES");
    char *candidates[] = {g_strdup(named), g_build_filename(folder, "..", "stages", NULL),
                          g_build_filename(folder, FL_MODULES_FROM_LIBEXEC, NULL), g_strdup(FL_MODULE_DIR)};
    g_autofree char *module = g_strdup_printf("%s.so", fl_kinds[0].name);
    char *found = NULL;
    for (unsigned i = 0; i < G_N_ELEMENTS(candidates); i++) {
        g_autofree char *any = candidates[i] ? g_build_filename(candidates[i], module, NULL) : NULL;
        if (!found && any && g_file_test(any, G_FILE_TEST_IS_REGULAR) && (!named || i == 0))
            found = g_canonicalize_filename(candidates[i], NULL);
        g_free(candidates[i]);
    }
    return found;
}

static void look_for_module(const char *folder, const char *name, GString *present, GString *missing)
{
    g_autofree char *file = g_strdup_printf("%s.so", name), *path = g_build_filename(folder, file, NULL);
    GString *list = g_file_test(path, G_FILE_TEST_IS_REGULAR) ? present : missing;
    g_string_append_printf(list, "%s%s", list->len ? ", " : "", name);
}

/* Pipelines run without it. */
static void look_for_window(FlDoctor *doctor, const char *folder)
{
    g_autoptr(GString) present = g_string_new(NULL), missing = g_string_new(NULL);
    g_autofree char *program = fl_find_program("framelane-view");
    for (const struct fl_kind_info *kind = fl_kinds; kind->name; kind++)
        if (kind->flags & FL_KIND_SHOWS)
            look_for_module(folder, kind->name, present, missing);
    g_string_append(program ? present : missing, ", framelane-view");
    if (missing->len)
        fl_doctor_add(doctor, FL_HEALTH_WARN, "viewer",
                      "nothing can be shown in a window: apt install libsdl2-dev libsdl2-ttf-dev libpng-dev, then build again",
                      "not built");
    else
        fl_doctor_add(doctor, FL_HEALTH_OK, "viewer", NULL, "%s", present->str);
}

static void look_at_modules(FlDoctor *doctor, const char *program)
{
    g_autofree char *folder = find_modules(program);
    g_autoptr(GString) present = g_string_new(NULL), missing = g_string_new(NULL);
    if (!folder) {
        fl_doctor_add(doctor, FL_HEALTH_FAIL, "stage modules",
                      "no stage can start: finish the installation, or name their folder with FRAMELANE_STAGES", "not found");
        return;
    }
    for (const struct fl_kind_info *kind = fl_kinds; kind->name; kind++)
        if (!(kind->flags & (FL_KIND_LATER | FL_KIND_SHOWS)))
            look_for_module(folder, kind->name, present, missing);
    look_for_module(folder, "inspect", present, missing);
    fl_doctor_add(doctor, FL_HEALTH_OK, "stage modules", NULL, "%s in %s", present->str, folder);
    if (missing->len)
        fl_doctor_add(doctor, FL_HEALTH_FAIL, "stage modules", "these kinds cannot be used: finish the installation", "missing: %s",
                      missing->str);
    look_for_window(doctor, folder);
}

static void look_for_tool(FlDoctor *doctor, const char *name)
{
    g_autofree char *path = g_find_program_in_path(name);
    fl_doctor_add(doctor, path ? FL_HEALTH_OK : FL_HEALTH_WARN, name, "only the demo and the tests need it: apt install ffmpeg",
                  "%s", path ? path : "not installed");
}

/* Figures can be written to a file without it. */
static void look_for_server(FlDoctor *doctor)
{
    g_autofree char *program = fl_find_program("framelane-metrics");
    g_autofree char *path = program ? g_canonicalize_filename(program, NULL) : NULL;
    fl_doctor_add(doctor, path ? FL_HEALTH_OK : FL_HEALTH_WARN, "framelane-metrics",
                  "run --metrics serves no port, it writes to a FILE only: apt install libmicrohttpd-dev, then build again", "%s",
                  path ? path : "not built");
}

void fl_doctor_look_at_parts(FlDoctor *doctor)
{
    g_autofree char *program = fl_run_find_stage_program();
    g_autofree char *path = program ? g_canonicalize_filename(program, NULL) : NULL;
    fl_doctor_add(doctor, program ? FL_HEALTH_OK : FL_HEALTH_FAIL, "framelane-stage", "nothing can be run: finish the installation",
                  "%s", path ? path : "not found beside framelane, nor in libexec");
    if (path)
        look_at_modules(doctor, path);
    look_for_server(doctor);
    look_for_tool(doctor, "ffmpeg");
    look_for_tool(doctor, "ffprobe");
}
