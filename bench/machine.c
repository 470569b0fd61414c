#include "cells.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static void add(GPtrArray *pairs, const char *what, char *which)
{
    g_ptr_array_add(pairs, g_strdup(what));
    g_ptr_array_add(pairs, which);
}

/* The first line of a small file; "?" where there is none. */
static char *line_of(const char *path)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return g_strdup("?");
    text[strcspn(text, "\n")] = 0;
    return g_strdup(text);
}

/* The first line that a command prints; NULL where it cannot be run. */
static char *said_by(const char *command)
{
    g_autofree char *out = NULL;
    if (!g_spawn_command_line_sync(command, &out, NULL, NULL, NULL) || !out || !*out)
        return NULL;
    out[strcspn(out, "\n")] = 0;
    return g_strdup(out);
}

static char *processor(void)
{
    g_autofree char *name = bench_processor(), *governor = line_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    return g_strdup_printf("%ld x %s%s%s", sysconf(_SC_NPROCESSORS_ONLN), name, *governor == '?' ? "" : ", governor ",
                           *governor == '?' ? "" : governor);
}

/* The caches that core 0 sees. */
static char *caches(void)
{
    GString *all = g_string_new(NULL);
    for (int i = 0; i < 8; i++) {
        g_autofree char *level = g_strdup_printf("/sys/devices/system/cpu/cpu0/cache/index%d/level", i);
        g_autofree char *size = g_strdup_printf("/sys/devices/system/cpu/cpu0/cache/index%d/size", i);
        g_autofree char *level_word = line_of(level), *size_word = line_of(size);
        if (*level_word != '?')
            g_string_append_printf(all, "%sL%s %s", all->len ? ", " : "", level_word, size_word);
    }
    if (all->len == 0)
        g_string_append(all, "?");
    return g_string_free(all, FALSE);
}

static char *memory(void)
{
    double bytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    g_autofree char *huge = line_of("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
    return g_strdup_printf("%.1f GiB; huge pages of shared memory: %s", bytes / (1 << 30), huge);
}

static char *command(const BenchOptions *options)
{
    GString *line = g_string_new("framelane bench");
    const struct {
        const char *option, *value;
    } lists[] = {
        {"--transport", options->transports},
        {"--size", options->sizes},
        {"--consumers", options->consumers},
        {"--rate", options->rates},
        {"--work", options->works},
        {"--pin", options->pins},
        {"--film", options->film},
    };
    if (options->quick)
        g_string_append(line, " --quick");
    for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
        if (lists[i].value)
            g_string_append_printf(line, " %s %s", lists[i].option, lists[i].value);
    if (options->seconds > 0)
        g_string_append_printf(line, " --seconds %g", options->seconds);
    g_string_append_printf(line, " --rounds %d", options->rounds);
    return g_string_free(line, FALSE);
}

/* What two runs of the same thing differ by, where that was asked. */
static char *noise_words(const BenchPlan *plan)
{
    GString *words = g_string_new(NULL);
    for (guint i = 0; i < plan->cells->len; i++) {
        const BenchCell *cell = plan->cells->pdata[i];
        BenchFigure ratio;
        if (!cell->again || !bench_ratio(cell, bench_reference(plan, cell), "cpu_ns", &ratio))
            continue;
        g_string_append_printf(words, "%s%s", words->len ? "; " : "", cell->size->name);
        if (cell->rate)
            g_string_append_printf(words, " at %u/s", cell->rate);
        g_string_append_printf(words, " %.1f %%, CPU %.1f %%", 100 * bench_noise(plan, cell, "per_second"),
                               100 * bench_noise(plan, cell, "cpu_ns"));
    }
    if (words->len)
        g_string_prepend(words, "the first against itself in the same rounds, medians apart by: ");
    else
        g_string_append(words, "not known: nothing was measured twice");
    return g_string_free(words, FALSE);
}

GPtrArray *bench_about(const BenchOptions *options, const BenchPlan *plan)
{
    GPtrArray *pairs = g_ptr_array_new_with_free_func(g_free);
    struct utsname name;
    double load = 0;
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *clock_source = line_of("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    char *gstreamer = said_by("gst-launch-1.0 --version"), *ffmpeg = said_by("ffmpeg -version");
    uname(&name);
    getloadavg(&load, 1);
    add(pairs, "command", command(options));
    add(pairs, "when", g_date_time_format(now, "%Y-%m-%d %H:%M UTC"));
    add(pairs, "processor", processor());
    add(pairs, "caches", caches());
    add(pairs, "memory", memory());
    add(pairs, "kernel",
        g_strdup_printf("%s %s, clock source %s", name.sysname, name.release,
                        line_of("/sys/devices/system/clocksource/clocksource0/current_clocksource")));
    add(pairs, "took",
        g_strdup_printf("%.0f s, %d round%s of %u runs", plan->seconds, options->rounds, options->rounds == 1 ? "" : "s",
                        plan->cells->len));
    add(pairs, "load", g_strdup_printf("%.2f at the end", load));
    add(pairs, "framelane", g_strdup(FL_VERSION));
    add(pairs, "GStreamer", gstreamer ? gstreamer : g_strdup("not installed"));
    add(pairs, "FFmpeg", ffmpeg ? ffmpeg : g_strdup("not installed"));
    add(pairs, "noise floor", noise_words(plan));
    return pairs;
}
