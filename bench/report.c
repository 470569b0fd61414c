#include "bench.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* ---- JSON ---- */

static void print_number(const char *key, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    if (isfinite(value))
        printf(", \"%s\": %s", key, g_ascii_formatd(text, sizeof text, "%.6g", value));
    else
        printf(", \"%s\": null", key);
}

static void print_word(const char *key, const char *word)
{
    g_autoptr(JsonNode) node = json_node_init_string(json_node_alloc(), word);
    g_autofree char *quoted = json_to_string(node, FALSE);
    printf(", \"%s\": %s", key, quoted);
}

static gboolean is_shown(enum micro_bound bound)
{
    return bound == MICRO_SHOWN || bound == MICRO_WORST_SHOWN;
}

static const char *bound_word(enum micro_bound bound)
{
    if (is_shown(bound))
        return "shown";
    return bound == MICRO_RATIO_AT_MOST || bound == MICRO_VALUE_AT_MOST ? "at most" : "at least";
}

static void print_json(const BenchVerdict *verdict)
{
    const struct micro_row *row = verdict->row;
    g_autoptr(JsonNode) node = json_node_init_string(json_node_alloc(), row->question);
    g_autofree char *quoted = json_to_string(node, FALSE);
    printf("{\"question\": %s", quoted);
    print_number("value", verdict->value);
    print_number("floor", verdict->floor);
    print_number("ratio", verdict->ratio);
    print_number("target", is_shown(row->bound) ? NAN : row->target);
    printf(", \"ok\": %s", verdict->ok ? "true" : "false");
    print_number("low", verdict->low);
    print_number("high", verdict->high);
    print_number("rounds", verdict->rounds);
    print_word("unit", row->unit);
    print_word("bound", bound_word(row->bound));
    print_word("note", row->note ? row->note : "");
    printf("}\n");
}

/* ---- the table ---- */

const char *bench_shortened(double value, char text[32])
{
    static const char *const letters[] = {"", "k", "M", "G", "T"};
    unsigned power = 0;
    while (fabs(value) >= 10000 && power + 1 < G_N_ELEMENTS(letters)) {
        value /= 1000;
        power++;
    }
    int decimals = value == 0 || fabs(value) >= 100 ? 0 : fabs(value) >= 10 ? 1 : 2;
    if (value != 0 && fabs(value) < 0.1)
        snprintf(text, 32, "%.2g%s", value, letters[power]);
    else
        snprintf(text, 32, "%.*f%s", decimals, value, letters[power]);
    return text;
}

/* "<= 1.05  ok", or that it has no target. */
static const char *judged(const BenchVerdict *verdict, char text[64])
{
    char target[32];
    const struct micro_row *row = verdict->row;
    if (is_shown(row->bound))
        return "(shown)";
    snprintf(text, 64, "%s %-6s %s", bound_word(row->bound)[3] == 'm' ? "<=" : ">=", bench_shortened(row->target, target),
             verdict->ok ? "ok" : "MISSED");
    return text;
}

static void print_row(const BenchVerdict *verdict)
{
    char value[32], floor[32], ratio[32] = "-", low[32], high[32], verdict_text[64];
    const struct micro_row *row = verdict->row;
    gboolean bare = row->bound == MICRO_VALUE_AT_MOST;
    if (isfinite(verdict->ratio))
        snprintf(ratio, sizeof ratio, "%.3f", verdict->ratio);
    snprintf(low, sizeof low, "%.3f", verdict->low);
    snprintf(high, sizeof high, "%.3f", verdict->high);
    printf("%-54s %8s %8s %-5s %8s %9s..%-9s %s\n", row->question, bench_shortened(verdict->value, value),
           bench_shortened(verdict->floor, floor), row->unit, ratio, bare ? bench_shortened(verdict->low, low) : low,
           bare ? bench_shortened(verdict->high, high) : high, judged(verdict, verdict_text));
}

char *bench_processor(void)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents("/proc/cpuinfo", &text, NULL, NULL))
        return g_strdup("unknown processor");
    const char *name = strstr(text, "model name");
    const char *colon = name ? strchr(name, ':') : NULL;
    const char *end = colon ? strchr(colon, '\n') : NULL;
    return end ? g_strstrip(g_strndup(colon + 1, (gsize)(end - colon - 1))) : g_strdup("unknown processor");
}

static void print_head(const BenchOptions *options)
{
    struct utsname name;
    double load = 0;
    g_autofree char *cpu = bench_processor();
    uname(&name);
    getloadavg(&load, 1);
    printf("framelane %s, %s %s, %s, %ld of its processors, load %.2f\n", FL_VERSION, name.sysname, name.release, cpu,
           sysconf(_SC_NPROCESSORS_ONLN), load);
    printf(
        "%d rounds%s, in a changing order; value and floor are medians; ratio is the median of the ratios within rounds, with its "
        "95 %% interval\n\n",
        options->rounds, options->quick ? " (quick: too short to mean anything)" : "");
    printf("%-54s %8s %8s %-5s %8s %20s  %s\n", "question", "value", "floor", "unit", "ratio", "low..high", "target");
}

/* ---- both ---- */

static int report_one(const BenchOptions *options, const BenchSeries *series)
{
    for (const struct micro_row *row = series->experiment->rows; row < series->experiment->rows + MICRO_MAX_ROWS && row->figure;
         row++) {
        BenchVerdict verdict;
        g_autofree char *reason = NULL;
        if (!bench_judge(series, row, &verdict, &reason)) {
            fprintf(stderr, "framelane bench: %s: %s\n", row->question, reason);
            return 1;
        }
        if (options->json)
            print_json(&verdict);
        else
            print_row(&verdict);
    }
    return 0;
}

int bench_report(const BenchOptions *options, GPtrArray *all)
{
    int status = 0;
    if (!options->json)
        print_head(options);
    for (guint i = 0; i < all->len; i++) {
        const BenchSeries *series = all->pdata[i];
        if (series->outcome == BENCH_DONE)
            status |= report_one(options, series);
        else
            fprintf(stderr, "framelane bench: %s: %s: %s\n", series->experiment->name,
                    series->outcome == BENCH_SKIPPED ? "left out" : "FAILED", series->reason);
        status |= series->outcome == BENCH_FAILED;
    }
    return fflush(stdout) == 0 ? status : 1;
}

static void list(const struct micro_experiment *experiments)
{
    for (; experiments->name; experiments++)
        for (unsigned i = 0; i < MICRO_MAX_ROWS && experiments->rows[i].figure; i++)
            printf("%-26s %s%s%s\n", i ? "" : experiments->name, experiments->rows[i].question,
                   experiments->rows[i].note ? ": " : "", experiments->rows[i].note ? experiments->rows[i].note : "");
}

static void list_sweeps(const struct micro_sweep *sweeps)
{
    for (; sweeps->name; sweeps++)
        printf("%-26s %s\n", sweeps->name, sweeps->note);
}

int bench_list(void)
{
    list(micro_wake_experiments);
    list(micro_frame_experiments);
    printf("\nwith --sweep:\n");
    list_sweeps(micro_wake_sweeps);
    list_sweeps(micro_frame_sweeps);
    return 0;
}
