#include "experiment.h"
#include "json.h"

#include <gio/gio.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char *const verdict_words[] = {
    [EXPERIMENT_HOLDS] = "holds", [EXPERIMENT_UNDECIDED] = "undecided", [EXPERIMENT_REFUTED] = "refuted"};
static const char *const kind_words[] = {[EXPERIMENT_COUNTED] = "count", [EXPERIMENT_TIMED] = "time"};

typedef struct {
    ExperimentKind kind;
    ExperimentVerdict verdict;
    char *claim, *because;
} Claim;

typedef struct {
    char *name, *unit;
    ExperimentNumber number;
} Result;

typedef struct {
    char *name;
    BenchPlot *plot;
} Picture;

static void free_claim(gpointer data)
{
    Claim *claim = data;
    g_free(claim->claim);
    g_free(claim->because);
    g_free(claim);
}

static void free_result(gpointer data)
{
    Result *result = data;
    g_free(result->name);
    g_free(result->unit);
    g_free(result);
}

static void free_picture(gpointer data)
{
    Picture *picture = data;
    g_free(picture->name);
    bench_plot_destroy(picture->plot);
    g_free(picture);
}

/* ---- what judges say ---- */

static gboolean judges_times(const ExperimentData *data)
{
    return !data->options->quick && data->rounds - experiment_disturbed_count(data) >= EXPERIMENT_LEAST_ROUNDS;
}

void experiment_claim(ExperimentReport *report, ExperimentKind kind, ExperimentVerdict verdict, const char *claim,
                      const char *because, ...)
{
    va_list arguments;
    Claim *said = g_new0(Claim, 1);
    if (kind == EXPERIMENT_TIMED && !judges_times(report->data))
        verdict = EXPERIMENT_UNDECIDED;
    va_start(arguments, because);
    *said = (Claim){kind, verdict, g_strdup(claim), g_strdup_vprintf(because, arguments)};
    va_end(arguments);
    g_ptr_array_add(report->claims, said);
}

ExperimentVerdict experiment_at_most(ExperimentNumber number, double limit)
{
    if (number.high <= limit)
        return EXPERIMENT_HOLDS;
    return number.low > limit ? EXPERIMENT_REFUTED : EXPERIMENT_UNDECIDED;
}

ExperimentVerdict experiment_at_least(ExperimentNumber number, double limit)
{
    if (number.low >= limit)
        return EXPERIMENT_HOLDS;
    return number.high < limit ? EXPERIMENT_REFUTED : EXPERIMENT_UNDECIDED;
}

ExperimentVerdict experiment_within(ExperimentNumber number, double limit)
{
    return MAX(experiment_at_most(number, limit), experiment_at_least(number, -limit));
}

void experiment_result(ExperimentReport *report, const char *name, ExperimentNumber number, const char *unit)
{
    Result *result = g_new0(Result, 1);
    *result = (Result){g_strdup(name), g_strdup(unit), number};
    g_ptr_array_add(report->numbers, result);
}

void experiment_show(ExperimentReport *report, const char *figure)
{
    g_ptr_array_add(report->figures, g_strdup(figure));
}

BenchPlot *experiment_plot(ExperimentReport *report, const char *part, const BenchPlotSpec *spec)
{
    const char *name = report->data->experiment->name;
    Picture *picture = g_new0(Picture, 1);
    *picture = (Picture){part ? g_strdup_printf("%s-%s", name, part) : g_strdup(name), bench_plot_create(spec)};
    g_ptr_array_add(report->plots, picture);
    return picture->plot;
}

void experiment_plot_cells(const ExperimentReport *report, BenchPlot *plot, const char *series, const char *figure, double scale,
                           const BenchPlotSeries *like)
{
    const ExperimentCell *cells = report->data->experiment->cells;
    g_autoptr(GArray) points = g_array_new(FALSE, FALSE, sizeof(BenchPoint));
    BenchPlotSeries drawn = *like;
    for (guint i = 0; cells[i].series; i++) {
        if (!g_str_equal(cells[i].series, series))
            continue;
        ExperimentNumber number = experiment_figure(report->data, series, cells[i].x, figure);
        BenchPoint point = {cells[i].x, number.value * scale, number.low * scale, number.high * scale};
        g_array_append_val(points, point);
    }
    drawn.points = (const BenchPoint *)(void *)points->data;
    drawn.count = points->len;
    bench_plot_add(plot, &drawn);
}

void experiment_plot_model(BenchPlot *plot, double low, double high, double (*model)(double x, gconstpointer argument),
                           gconstpointer argument, const BenchPlotSeries *like)
{
    BenchPoint points[81];
    const guint steps = G_N_ELEMENTS(points) - 1;
    BenchPlotSeries drawn = *like;
    for (guint i = 0; i <= steps; i++) {
        double share = (double)i / steps;
        double x = low > 0 ? low * pow(high / low, share) : low + (high - low) * share;
        double y = model(x, argument);
        points[i] = (BenchPoint){x, y, y, y};
    }
    drawn.style = BENCH_PLOT_FIT;
    drawn.points = points;
    drawn.count = steps + 1;
    bench_plot_add(plot, &drawn);
}

static ExperimentVerdict verdict_of(const ExperimentReport *report)
{
    ExperimentVerdict worst = EXPERIMENT_HOLDS;
    for (guint i = 0; i < report->claims->len; i++)
        worst = MAX(worst, ((const Claim *)report->claims->pdata[i])->verdict);
    return worst;
}

/* This program, kernel, processor, load. */
static char *machine_now(void)
{
    struct utsname name;
    double load = 0;
    g_autofree char *cpu = bench_processor();
    uname(&name);
    getloadavg(&load, 1);
    return g_strdup_printf("framelane %s, %s %s, %s, %ld of its processors, load %.2f", FL_VERSION, name.sysname, name.release, cpu,
                           sysconf(_SC_NPROCESSORS_ONLN), load);
}

/* ---- JSON ---- */

static void add_interval(JsonBuilder *json, ExperimentNumber number)
{
    fl_json_double(json, "value", number.value);
    fl_json_double(json, "low", number.low);
    fl_json_double(json, "high", number.high);
}

static void add_figure(JsonBuilder *json, const ExperimentReport *report, guint cell, const char *figure)
{
    const ExperimentCell *at = &report->data->experiment->cells[cell];
    fl_json_begin_object(json, figure);
    add_interval(json, experiment_figure(report->data, at->series, at->x, figure));
    fl_json_begin_list(json, "rounds");
    for (guint i = 0; i < report->data->runs[cell]->len; i++) {
        double value = NAN;
        bench_run_figure(report->data->runs[cell]->pdata[i], figure, &value);
        json_builder_add_double_value(json, isfinite(value) ? value : 0);
    }
    json_builder_end_array(json);
    json_builder_end_object(json);
}

static void add_cells(JsonBuilder *json, const ExperimentReport *report)
{
    fl_json_begin_list(json, "cells");
    for (guint i = 0; i < report->data->cell_count; i++) {
        const ExperimentCell *cell = &report->data->experiment->cells[i];
        g_autofree char *command = g_strjoinv(" ", (GStrv)cell->command);
        const BenchRun *first = report->data->runs[i]->pdata[0];
        GHashTableIter figures;
        gpointer figure;
        json_builder_begin_object(json);
        fl_json_text(json, "series", cell->series);
        fl_json_double(json, "x", cell->x);
        fl_json_text(json, "command", command);
        fl_json_begin_object(json, "figures");
        g_hash_table_iter_init(&figures, first->figures);
        while (g_hash_table_iter_next(&figures, &figure, NULL))
            add_figure(json, report, i, figure);
        json_builder_end_object(json);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void add_said(JsonBuilder *json, const ExperimentReport *report)
{
    fl_json_begin_list(json, "results");
    for (guint i = 0; i < report->numbers->len; i++) {
        const Result *result = report->numbers->pdata[i];
        json_builder_begin_object(json);
        fl_json_text(json, "name", result->name);
        add_interval(json, result->number);
        fl_json_text(json, "unit", result->unit);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
    fl_json_begin_list(json, "claims");
    for (guint i = 0; i < report->claims->len; i++) {
        const Claim *claim = report->claims->pdata[i];
        json_builder_begin_object(json);
        fl_json_text(json, "claim", claim->claim);
        fl_json_text(json, "kind", kind_words[claim->kind]);
        fl_json_text(json, "verdict", verdict_words[claim->verdict]);
        fl_json_text(json, "because", claim->because);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void add_disturbed(JsonBuilder *json, const ExperimentData *data)
{
    fl_json_begin_list(json, "disturbed");
    for (guint i = 0; i < data->disturbed->len; i++)
        if (data->disturbed->pdata[i]) {
            json_builder_begin_object(json);
            fl_json_int(json, "round", i);
            fl_json_text(json, "why", data->disturbed->pdata[i]);
            json_builder_end_object(json);
        }
    json_builder_end_array(json);
}

static char *to_json(const ExperimentReport *report)
{
    const ExperimentData *data = report->data;
    g_autoptr(JsonBuilder) json = fl_json_begin("experiment");
    g_autofree char *machine = machine_now();
    fl_json_text(json, "name", data->experiment->name);
    fl_json_text(json, "question", data->experiment->question);
    fl_json_text(json, "machine", machine);
    fl_json_int(json, "rounds", data->rounds);
    fl_json_truth(json, "quick", data->options->quick);
    add_disturbed(json, data);
    fl_json_text(json, "broken", data->broken);
    fl_json_text(json, "x", data->experiment->x);
    add_cells(json, report);
    add_said(json, report);
    fl_json_text(json, "verdict", verdict_words[verdict_of(report)]);
    return fl_json_finish(json);
}

/* ---- Markdown ---- */

static char *page_of(const char *name)
{
    g_autofree char *path = g_strdup_printf("/experiments/%s.md", name);
    g_autoptr(GBytes) page = g_resources_lookup_data(path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
    gsize bytes = 0;
    const char *text = page ? g_bytes_get_data(page, &bytes) : NULL;
    return g_strndup(text ? text : "", bytes);
}

/* Four digits that count, without an exponent. */
static void add_digits(GString *text, double value)
{
    g_string_append_printf(text, fabs(value) < 1000 ? "%.4g" : "%.0f", value);
}

/* "12.3" or "12.3 [11.9, 12.8]", "-" where there is none. */
static void add_value(GString *text, ExperimentNumber number)
{
    if (!isfinite(number.value)) {
        g_string_append(text, "-");
        return;
    }
    add_digits(text, number.value);
    if (number.low == number.high)
        return;
    g_string_append(text, " [");
    add_digits(text, number.low);
    g_string_append(text, ", ");
    add_digits(text, number.high);
    g_string_append(text, "]");
}

static void add_table(GString *text, const ExperimentReport *report)
{
    const ExperimentCell *cells = report->data->experiment->cells;
    g_string_append_printf(text, "| | %s |", report->data->experiment->x);
    for (guint i = 0; i < report->figures->len; i++)
        g_string_append_printf(text, " %s |", (const char *)report->figures->pdata[i]);
    g_string_append(text, "\n|---|---|");
    for (guint i = 0; i < report->figures->len; i++)
        g_string_append(text, "---|");
    for (guint i = 0; cells[i].series; i++) {
        g_string_append_printf(text, "\n| %s | %.10g |", cells[i].series, cells[i].x);
        for (guint n = 0; n < report->figures->len; n++) {
            g_string_append(text, " ");
            add_value(text, experiment_figure(report->data, cells[i].series, cells[i].x, report->figures->pdata[n]));
            g_string_append(text, " |");
        }
    }
    g_string_append(text, "\n\n");
}

static void add_results(GString *text, const ExperimentReport *report)
{
    for (guint i = 0; i < report->numbers->len; i++) {
        const Result *result = report->numbers->pdata[i];
        g_string_append_printf(text, "- %s: ", result->name);
        add_value(text, result->number);
        g_string_append_printf(text, " %s\n", result->unit);
    }
    g_string_append_printf(text, "\n## Verdict: %s\n\n", verdict_words[verdict_of(report)]);
    for (guint i = 0; i < report->claims->len; i++) {
        const Claim *claim = report->claims->pdata[i];
        g_string_append_printf(text, "- **%s**: %s. %s\n", verdict_words[claim->verdict], claim->claim, claim->because);
    }
}

/* Which rounds do not count, and whether there are enough that do. */
static void add_calm(GString *text, const ExperimentData *data)
{
    guint count = experiment_disturbed_count(data);
    if (count == 0)
        return;
    if (data->rounds - count < EXPERIMENT_LEAST_ROUNDS)
        g_string_append_printf(text, "\n%u of %u rounds were disturbed: numbers are of all of them, and **no time is judged**.\n",
                               count, data->rounds);
    else
        g_string_append_printf(text, "\n%u of %u rounds were disturbed and are set aside.\n", count, data->rounds);
    for (guint i = 0; i < data->disturbed->len; i++)
        if (data->disturbed->pdata[i])
            g_string_append_printf(text, "Round %u: %s.\n", i + 1, (const char *)data->disturbed->pdata[i]);
}

static char *to_markdown(const ExperimentReport *report, gboolean pictures)
{
    const ExperimentData *data = report->data;
    g_autofree char *page = page_of(data->experiment->name), *machine = machine_now();
    GString *text = g_string_new(page);
    g_string_append_printf(
        text, "\n## Measured\n\n%s; %u rounds%s, cells in a changing order; medians over rounds with 95 %% intervals.\n", machine,
        data->rounds, data->options->quick ? " (quick: too short to mean anything)" : "");
    add_calm(text, data);
    if (data->broken)
        g_string_append_printf(text, "\n**This is a build with a mistake in it, on purpose: %s.**\n", data->broken);
    g_string_append(text, "\n");
    for (guint i = 0; pictures && i < report->plots->len; i++) {
        const Picture *picture = report->plots->pdata[i];
        g_string_append_printf(text, "![%s](%s.svg)\n\n", picture->name, picture->name);
    }
    add_table(text, report);
    add_results(text, report);
    return g_string_free(text, FALSE);
}

/* ---- out ---- */

static gboolean write_text(const char *folder, const char *name, const char *ending, const char *text, GError **error)
{
    g_autofree char *file = g_strconcat(name, ending, NULL);
    g_autofree char *path = g_build_filename(folder, file, NULL);
    return g_file_set_contents(path, text, -1, error);
}

/* A missing gnuplot is told and is no error. TRUE: there are plots. */
static gboolean write_plots(const ExperimentReport *report, const char *folder, GError **error)
{
    for (guint i = 0; i < report->plots->len; i++) {
        const Picture *picture = report->plots->pdata[i];
        if (!bench_plot_write(picture->plot, folder, picture->name, error))
            return FALSE;
    }
    return TRUE;
}

static int write_files(const ExperimentReport *report, const char *json, const char *folder)
{
    const char *name = report->data->experiment->name;
    g_autoptr(GError) error = NULL, no_plot = NULL;
    gboolean drawn = write_plots(report, folder, &no_plot);
    g_autofree char *markdown = to_markdown(report, drawn), *line = g_strconcat(json, "\n", NULL);
    if (no_plot)
        fprintf(stderr, "framelane bench: %s\n", no_plot->message);
    if (!write_text(folder, name, ".json", line, &error) || !write_text(folder, name, ".md", markdown, &error)) {
        fprintf(stderr, "framelane bench: %s\n", error->message);
        return 1;
    }
    return no_plot && !g_error_matches(no_plot, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

int experiment_present(const ExperimentData *data, gboolean json, const char *folder)
{
    int status = 0;
    ExperimentReport report = {
        .data = data,
        .claims = g_ptr_array_new_with_free_func(free_claim),
        .numbers = g_ptr_array_new_with_free_func(free_result),
        .plots = g_ptr_array_new_with_free_func(free_picture),
        .figures = g_ptr_array_new_with_free_func(g_free),
    };
    data->experiment->judge(&report);
    g_autofree char *object = to_json(&report);
    if (json) {
        printf("%s\n", object);
    } else {
        g_autofree char *markdown = to_markdown(&report, FALSE);
        printf("%s\n", markdown);
    }
    if (folder)
        status = write_files(&report, object, folder);
    g_ptr_array_unref(report.claims);
    g_ptr_array_unref(report.numbers);
    g_ptr_array_unref(report.plots);
    g_ptr_array_unref(report.figures);
    return fflush(stdout) == 0 ? status : 1;
}
