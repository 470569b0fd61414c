#include "commands.h"
#include "doctor.h"
#include "json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const words[] = {[FL_HEALTH_OK] = "ok", [FL_HEALTH_WARN] = "warn", [FL_HEALTH_FAIL] = "fail"};

static void finding_free(gpointer data)
{
    FlFinding *finding = data;
    g_free(finding->found);
    g_free(finding);
}

void fl_doctor_add(FlDoctor *doctor, enum fl_health health, const char *what, const char *remedy, const char *format, ...)
{
    FlFinding *finding = g_new0(FlFinding, 1);
    va_list arguments;
    va_start(arguments, format);
    finding->found = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    finding->health = health;
    finding->what = what;
    finding->remedy = health == FL_HEALTH_OK ? NULL : remedy;
    g_ptr_array_add(doctor->findings, finding);
}

static const char *paint(enum fl_health health)
{
    static const char *const colours[] = {
        [FL_HEALTH_OK] = "\033[32m", [FL_HEALTH_WARN] = "\033[33m", [FL_HEALTH_FAIL] = "\033[31m"};
    const char *no_color = g_getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && !(no_color && *no_color) ? colours[health] : "";
}

static void print(const FlDoctor *doctor)
{
    for (guint i = 0; i < doctor->findings->len; i++) {
        const FlFinding *finding = g_ptr_array_index(doctor->findings, i);
        const char *colour = paint(finding->health);
        printf("%s%-4s%s  %-22s  %s\n", colour, words[finding->health], *colour ? "\033[0m" : "", finding->what, finding->found);
        if (finding->remedy)
            printf("%30s%s\n", "", finding->remedy);
    }
}

static void print_json(const FlDoctor *doctor, enum fl_health worst)
{
    g_autoptr(JsonBuilder) json = fl_json_begin("doctor");
    fl_json_text(json, "worst", words[worst]);
    fl_json_begin_list(json, "findings");
    for (guint i = 0; i < doctor->findings->len; i++) {
        const FlFinding *finding = g_ptr_array_index(doctor->findings, i);
        json_builder_begin_object(json);
        fl_json_text(json, "health", words[finding->health]);
        fl_json_text(json, "what", finding->what);
        fl_json_text(json, "found", finding->found);
        fl_json_text(json, "remedy", finding->remedy);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
    g_autofree char *text = fl_json_finish(json);
    printf("%s\n", text);
}

static int examine(gboolean json)
{
    FlDoctor doctor = {.findings = g_ptr_array_new_with_free_func(finding_free)};
    enum fl_health worst = FL_HEALTH_OK;
    fl_doctor_look_at_parts(&doctor);
    fl_doctor_look_at_kernel(&doctor);
    fl_doctor_look_at_limits(&doctor);
    for (guint i = 0; i < doctor.findings->len; i++)
        worst = MAX(worst, ((FlFinding *)g_ptr_array_index(doctor.findings, i))->health);
    if (json)
        print_json(&doctor, worst);
    else
        print(&doctor);
    g_ptr_array_unref(doctor.findings);
    return worst == FL_HEALTH_FAIL;
}

int fl_cmd_doctor(int argc, char **argv)
{
    gboolean json = FALSE;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return printf("%s", fl_command_help("doctor")), 0;
        if (strcmp(argv[i], "--json") != 0)
            return fl_command_usage("doctor", "unknown argument '%s'", argv[i]);
        json = TRUE;
    }
    return examine(json);
}
