#include "cells.h"

#include <math.h>
#include <string.h>

#define COLUMNS 132

/* ---- text ---- */

static glong width_of(const char *word)
{
    return g_utf8_strlen(word, -1);
}

static void pad(GString *to, const char *word, glong width, gboolean left)
{
    glong missing = width - width_of(word);
    for (glong i = 0; i < missing && !left; i++)
        g_string_append_c(to, ' ');
    g_string_append(to, word);
    for (glong i = 0; i < missing && left; i++)
        g_string_append_c(to, ' ');
}

static void text_row(GString *to, const GPtrArray *words, const glong *widths)
{
    GString *line = g_string_new(NULL);
    for (guint i = 0; i < words->len; i++) {
        g_string_append(line, i ? "  " : "");
        pad(line, words->pdata[i], widths[i], i == 0);
    }
    g_string_append_printf(to, "%s\n", g_strchomp(line->str));
    g_string_free(line, TRUE);
}

static void text_table(GString *to, const BenchTable *table)
{
    g_autofree glong *widths = g_new0(glong, table->columns->len);
    for (guint c = 0; c < table->columns->len; c++) {
        widths[c] = width_of(table->columns->pdata[c]);
        for (guint r = 0; r < table->rows->len; r++)
            widths[c] = MAX(widths[c], width_of(((GPtrArray *)table->rows->pdata[r])->pdata[c]));
    }
    g_string_append_printf(to, "\n%s\n", table->title);
    if (table->note)
        g_string_append_printf(to, "(%s)\n", table->note);
    text_row(to, table->columns, widths);
    for (guint r = 0; r < table->rows->len; r++)
        text_row(to, table->rows->pdata[r], widths);
}

/* Words of a paragraph in lines of a terminal's width; those after the first begin below the text of the first. */
static void wrap(GString *to, const char *first, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    glong column = width_of(first), indent = column;
    g_string_append(to, first);
    for (char **word = words; *word; word++) {
        if (column + width_of(*word) >= COLUMNS) {
            g_string_truncate(to, to->len - 1); /* the space before */
            g_string_append_printf(to, "\n%*s", (int)indent, "");
            column = indent;
        }
        g_string_append_printf(to, "%s ", *word);
        column += width_of(*word) + 1;
    }
    g_string_truncate(to, to->len - 1);
    g_string_append_c(to, '\n');
}

static const char *how_sure(void)
{
    return "All ways of one round are run one after the other in an order left to chance. Figures are medians over rounds with the "
           "95 % "
           "interval of the median (bootstrap); ratios are taken within rounds. The first tenth of each run is warm-up. CPU is "
           "user and "
           "system time of all processes. \"Within noise\": the interval holds 1, or the ratio is no further from 1 than the noise "
           "floor.";
}

void bench_write_text(const BenchStory *story, GString *to)
{
    for (guint i = 0; i + 1 < story->machine->len; i += 2)
        g_string_append_printf(to, "%-12s %s\n", (char *)story->machine->pdata[i], (char *)story->machine->pdata[i + 1]);
    g_string_append(to, "\n");
    wrap(to, "", how_sure());
    g_string_append(to, "\n");
    for (guint i = 0; i < story->glance->len; i++)
        wrap(to, "* ", story->glance->pdata[i]);
    for (guint i = 0; i < story->tables->len; i++)
        text_table(to, story->tables->pdata[i]);
    g_string_append(to, "\nExact commands, each run once a round (programs of libexec/framelane/bench/micro):\n");
    for (guint i = 0; i < story->plan->cells->len; i++) {
        const BenchCell *cell = story->plan->cells->pdata[i];
        g_auto(GStrv) words = bench_cell_words(cell, NULL);
        g_autofree char *line = g_strjoinv(" ", words);
        if (!cell->again && cell->runs->len > 0 && cell->outcome == BENCH_DONE)
            g_string_append_printf(to, "  %s\n", line);
    }
    if (story->film)
        bench_film_commands(story->film, to, "  ");
}

/* ---- Markdown ---- */

static void markdown_row(GString *to, const GPtrArray *words)
{
    for (guint i = 0; i < words->len; i++)
        g_string_append_printf(to, "| %s ", (char *)words->pdata[i]);
    g_string_append(to, "|\n");
}

static void markdown_table(GString *to, const BenchTable *table)
{
    g_string_append_printf(to, "\n### %s\n\n", table->title);
    if (table->note)
        g_string_append_printf(to, "%c%s.\n\n", g_ascii_toupper(*table->note), table->note + 1);
    markdown_row(to, table->columns);
    for (guint i = 0; i < table->columns->len; i++)
        g_string_append(to, i ? "|--:" : "|---");
    g_string_append(to, "|\n");
    for (guint r = 0; r < table->rows->len; r++)
        markdown_row(to, table->rows->pdata[r]);
}

/* What a reader may miss, and why it is not there. */
static void markdown_film(GString *to, const BenchStory *story)
{
    if (!story->film)
        g_string_append(
            to, "\nA whole film, transcoded by Framelane, FFmpeg and GStreamer, is not part of this run: "
                "`framelane bench -o DIR` has it, as has any run with `--film FILE`, and `framelane bench --pipeline transcode` it "
                "alone.\n");
    else if (bench_film_reason(story->film))
        g_string_append_printf(to, "\nThe film has no table: %s.\n", bench_film_reason(story->film));
}

static void markdown_ways(GString *to, const BenchPlan *plan)
{
    g_string_append(to, "\n## What was compared\n\n| transport | what it is |\n|---|---|\n");
    for (guint i = 0; i < plan->ways->len; i++) {
        const BenchWay *way = plan->ways->pdata[i];
        const char *reason = NULL;
        guint hung = 0;
        for (guint c = 0; c < plan->cells->len; c++) {
            const BenchCell *cell = plan->cells->pdata[c];
            if (cell->way != way)
                continue;
            hung += cell->hung;
            if (cell->outcome != BENCH_DONE && !reason)
                reason = cell->reason;
        }
        g_string_append_printf(to, "| `%s` | %s%s%s", way->name, way->what, reason ? "; no row: " : "", reason ? reason : "");
        if (hung)
            g_string_append_printf(to, "; %u of its runs hung, and were done again", hung);
        g_string_append(to, " |\n");
    }
}

static void markdown_commands(GString *to, const BenchStory *story)
{
    const BenchPlan *plan = story->plan;
    g_string_append(
        to, "\n## Exact commands\n\nEach once a round; the programs lie in `libexec/framelane/bench/micro` (in a build folder: "
            "`bench/micro`).\n\n```\n");
    for (guint i = 0; i < plan->cells->len; i++) {
        const BenchCell *cell = plan->cells->pdata[i];
        g_auto(GStrv) words = bench_cell_words(cell, NULL);
        g_autofree char *line = g_strjoinv(" ", words);
        if (!cell->again && cell->runs->len > 0 && cell->outcome == BENCH_DONE)
            g_string_append_printf(to, "%s\n", line);
    }
    g_string_append(to, "```\n");
    if (story->film && bench_film_rows(story->film)->len > 0) {
        g_string_append(to, "\nThe film:\n\n```\n");
        bench_film_commands(story->film, to, "");
        g_string_append(to, "```\n");
    }
    g_string_append(to, "\nSystem calls were counted in runs of their own: `traced` and the same words.\n");
}

void bench_write_markdown(const BenchStory *story, GString *to)
{
    g_string_append(
        to, "# Ways to carry frames, measured\n\nWritten by `framelane bench`. Only ratios within one table mean anything.");
    if (story->options->quick)
        g_string_append(to, " A quick run: few sizes and short rounds; without `--quick` there is more of each.");
    g_string_append(to, "\n\n| | |\n|---|---|\n");
    for (guint i = 0; i + 1 < story->machine->len; i += 2)
        g_string_append_printf(to, "| %s | %s |\n", (char *)story->machine->pdata[i], (char *)story->machine->pdata[i + 1]);
    g_string_append_printf(to, "\n%s\n\n## At a glance\n\n", how_sure());
    for (guint i = 0; i < story->glance->len; i++)
        g_string_append_printf(to, "- %s\n", (char *)story->glance->pdata[i]);
    for (guint i = 0; i + 1 < story->pictures->len; i += 2)
        g_string_append_printf(to, "\n![%s](%s.svg)\n", (char *)story->pictures->pdata[i + 1], (char *)story->pictures->pdata[i]);
    markdown_film(to, story);
    markdown_ways(to, story->plan);
    g_string_append(to, "\n## Tables\n");
    for (guint i = 0; i < story->tables->len; i++)
        markdown_table(to, story->tables->pdata[i]);
    markdown_commands(to, story);
}

/* ---- CSV: one line a cell ---- */

static const char *const csv_figures[] = {
    "per_second", "cpu_ns",       "calls",      "switches",          "faults",        "copies", "memory_bytes", "lag_p50_ns",
    "lag_p99_ns", "lag_p99.9_ns", "lag_max_ns", "others_per_second", "others_gap_ns", "lost",
};

void bench_write_csv(const BenchPlan *plan, GString *to)
{
    g_string_append(to, "transport,again,size,bytes,consumers,rate,work,pin,stall,rounds");
    for (guint f = 0; f < G_N_ELEMENTS(csv_figures); f++)
        g_string_append_printf(to, ",%s,%s_low,%s_high", csv_figures[f], csv_figures[f], csv_figures[f]);
    g_string_append(to, "\n");
    for (guint i = 0; i < plan->cells->len; i++) {
        const BenchCell *cell = plan->cells->pdata[i];
        if (cell->outcome != BENCH_DONE || cell->runs->len == 0)
            continue;
        g_string_append_printf(to, "%s,%d,%s,%" G_GUINT64_FORMAT ",%u,%u,%s,%s,%s,%u", cell->way->name, cell->again,
                               cell->size->name, cell->size->bytes, cell->consumers, cell->rate, cell->work, cell->pin, cell->stall,
                               cell->runs->len);
        for (guint f = 0; f < G_N_ELEMENTS(csv_figures); f++) {
            BenchFigure figure;
            bench_figure(cell, csv_figures[f], &figure);
            const double all[] = {figure.median, figure.low, figure.high};
            for (guint n = 0; n < G_N_ELEMENTS(all); n++) {
                char text[G_ASCII_DTOSTR_BUF_SIZE];
                g_string_append_printf(to, ",%s", isfinite(all[n]) ? g_ascii_formatd(text, sizeof text, "%.6g", all[n]) : "");
            }
        }
        g_string_append(to, "\n");
    }
}
