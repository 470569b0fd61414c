#include "commands.h"
#include "control-client.h"
#include "page.h"

#include <stdio.h>
#include <string.h>

#define PATIENCE_MS 2000 /* for all together */

typedef struct {
    char *name;
    FlRemote *remote;
    char *text; /* its status object; NULL: it did not answer */
    char *why;
    FlShown *shown;
} Found;

static void found_free(gpointer data)
{
    Found *found = data;
    fl_remote_close(found->remote);
    fl_shown_free(found->shown);
    g_free(found->name);
    g_free(found->text);
    g_free(found->why);
    g_free(found);
}

/* All are asked before any is waited for: one that is stopped costs the list its patience once. A run that ends meanwhile is left
 * out. */
static GPtrArray *ask_all(char **names)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(found_free);
    gint64 until = g_get_monotonic_time() + PATIENCE_MS * 1000;
    for (char **name = names; *name; name++) {
        Found *found = g_new0(Found, 1);
        found->name = g_strdup(*name);
        found->remote = fl_remote_open(*name, &found->why);
        if (found->remote)
            fl_remote_ask_status(found->remote, &found->why);
        g_ptr_array_add(all, found);
    }
    for (guint i = 0; i < all->len; i++) {
        Found *found = g_ptr_array_index(all, i);
        if (found->why)
            continue;
        found->text = fl_remote_take_status(found->remote, MAX(0, (int)((until - g_get_monotonic_time()) / 1000)), &found->why);
        found->shown = found->text ? fl_shown_parse(found->text) : NULL;
    }
    return all;
}

static void print_row(const Found *found, int width)
{
    const FlShown *shown = found->shown;
    g_autofree char *up = fl_shown_clock(shown->seconds);
    const char *slowest = "-";
    for (guint i = 0; i < shown->stage_count; i++)
        if (shown->stages[i].slowest)
            slowest = shown->stages[i].name;
    printf("%-*s %7" G_GINT64_FORMAT "  %-8s %8s %9" G_GINT64_FORMAT " %7.1f %6u %8" G_GINT64_FORMAT "  %s\n", width, found->name,
           shown->pid, shown->state, up, shown->frames_out, fl_page_fps(shown), shown->stage_count,
           shown->dropped_policy + shown->dropped_error, slowest);
}

static void print(const GPtrArray *all)
{
    gsize width = strlen("RUN");
    for (guint i = 0; i < all->len; i++)
        width = MAX(width, strlen(((Found *)g_ptr_array_index(all, i))->name));
    printf("%-*s %7s  %-8s %8s %9s %7s %6s %8s  %s\n", (int)width, "RUN", "PID", "STATE", "UP", "FRAMES", "FPS", "STAGES",
           "DROPPED", "SLOWEST");
    for (guint i = 0; i < all->len; i++) {
        const Found *found = g_ptr_array_index(all, i);
        if (found->shown)
            print_row(found, (int)width);
        else
            fprintf(stderr, "framelane ls: %s\n", found->why ? found->why : "its answer cannot be read");
    }
}

/* The status objects as the runs gave them, with one member more for those that gave none. */
static void print_json(const GPtrArray *all)
{
    g_autoptr(GString) line = g_string_new("{\"schema\":1,\"type\":\"runs\",\"runs\":[");
    for (guint i = 0; i < all->len; i++) {
        const Found *found = g_ptr_array_index(all, i);
        if (found->shown)
            g_string_append_printf(line, "%s%s", i ? "," : "", found->text);
        else
            g_string_append_printf(line, "%s{\"run\":\"%s\",\"state\":\"silent\"}", i ? "," : "", found->name);
    }
    printf("%s]}\n", line->str);
}

static int list(gboolean json)
{
    g_autofree char *why = NULL;
    g_auto(GStrv) names = fl_remote_runs(&why);
    if (!names) {
        fprintf(stderr, "framelane ls: %s\n", why);
        return 1;
    }
    g_autoptr(GPtrArray) all = ask_all(names);
    if (json)
        print_json(all);
    else if (all->len)
        print(all);
    else
        fprintf(stderr, "nothing runs\n");
    return 0;
}

int fl_cmd_ls(int argc, char **argv)
{
    gboolean json = FALSE;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return printf("%s", fl_command_help("ls")), 0;
        if (strcmp(argv[i], "--json") != 0)
            return fl_command_usage("ls", "unknown argument '%s'", argv[i]);
        json = TRUE;
    }
    return list(json);
}
