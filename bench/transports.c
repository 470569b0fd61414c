#include "cells.h"

#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

/* Everything that was to be measured and has no figures, once a way and reason. TRUE: something failed. */
static gboolean tell_missing(const BenchPlan *plan)
{
    g_autoptr(GHashTable) told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    gboolean failed = FALSE;
    for (guint i = 0; i < plan->cells->len; i++) {
        const BenchCell *cell = plan->cells->pdata[i];
        if (cell->outcome == BENCH_DONE)
            continue;
        gboolean skipped = cell->outcome == BENCH_SKIPPED;
        char *line = g_strdup_printf("%s: %s: %s", cell->way->name, skipped ? "left out" : "FAILED", cell->reason);
        failed |= !skipped;
        if (g_hash_table_add(told, line))
            fprintf(stderr, "framelane bench: %s\n", line);
    }
    return failed;
}

static gboolean write_file(const char *folder, const char *name, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (g_file_set_contents(path, text, -1, &error))
        return TRUE;
    fprintf(stderr, "framelane bench: %s\n", error->message);
    return FALSE;
}

static gboolean write_folder(const BenchStory *story, const char *text)
{
    const char *folder = story->options->folder;
    g_autofree char *json = bench_rows_file(story);
    g_autoptr(GString) markdown = g_string_new(NULL), csv = g_string_new(NULL);
    gboolean drawn = bench_pictures(story->plan, folder, story->pictures);
    bench_write_markdown(story, markdown);
    bench_write_csv(story->plan, csv);
    gboolean written = write_file(folder, "bench.json", json) && write_file(folder, "bench.md", markdown->str) &&
                       write_file(folder, "bench.csv", csv->str) && write_file(folder, "bench.txt", text);
    if (written)
        fprintf(stderr, "framelane bench: %s has bench.md, bench.txt, bench.json, bench.csv and %u plots\n", folder,
                story->pictures->len / 2);
    return written && drawn;
}

static void print_lines(const BenchStory *story)
{
    g_autofree char *head = bench_rows_head(story), *noise = bench_rows_noise(story->plan);
    printf("%s\n", head);
    for (guint i = 0; i < story->plan->cells->len; i++) {
        const BenchCell *cell = story->plan->cells->pdata[i];
        g_autofree char *line = bench_rows_line(story->plan, cell);
        if (cell->outcome == BENCH_DONE && cell->runs->len > 0)
            printf("%s\n", line);
    }
    for (guint i = 0; story->film && i < bench_film_rows(story->film)->len; i++) {
        g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), bench_film_rows(story->film)->pdata[i]);
        g_autofree char *line = json_to_string(node, FALSE);
        printf("%s\n", line);
    }
    printf("%s\n", noise);
}

/* Found out before the minutes of measuring. */
static gboolean make_folder(const char *folder)
{
    if (!folder || g_mkdir_with_parents(folder, 0777) == 0)
        return TRUE;
    fprintf(stderr, "framelane bench: -o %s: the folder cannot be made\n", folder);
    return FALSE;
}

/* A whole film belongs to a whole report, to one that is neither quick nor of chosen things, unless it is asked for. */
static gboolean wants_film(const BenchOptions *options)
{
    if (options->film)
        return strcmp(options->film, "none") != 0;
    return !options->quick && !options->transports && !options->sizes && !options->consumers && !options->rates &&
           !options->works && !options->pins && options->seconds == 0;
}

int bench_transports(const BenchOptions *options)
{
    g_autofree char *wrong = NULL;
    g_autoptr(BenchPlan) plan = bench_plan_create(options, &wrong);
    if (!plan) {
        fprintf(stderr, "framelane bench: %s\n(framelane bench --help says more)\n", wrong);
        return 2;
    }
    if (!make_folder(options->folder))
        return 4;
    gint64 start_us = g_get_monotonic_time();
    bench_measure(options, plan);
    g_autoptr(BenchFilm) film = wants_film(options) ? bench_film_measure(options) : NULL;
    plan->seconds = (double)(g_get_monotonic_time() - start_us) / 1e6;
    g_autoptr(GPtrArray) machine = bench_about(options, plan), glance = bench_glance(plan), tables = bench_tables(plan);
    g_autoptr(GPtrArray) pictures = g_ptr_array_new_with_free_func(g_free);
    BenchStory story = {options, plan, film, machine, glance, tables, pictures};
    if (film)
        bench_film_tell(film, glance, tables);
    g_autoptr(GString) text = g_string_new(NULL);
    bench_write_text(&story, text);
    gboolean failed = tell_missing(plan);
    if (options->json)
        print_lines(&story);
    else
        printf("%s", text->str);
    failed |= options->folder && !write_folder(&story, text->str);
    return fflush(stdout) == 0 && !failed ? 0 : 1;
}
