#include "cells.h"

#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#define MOST_ROUNDS 5   /* each is the better part of a minute */
#define BUDGET_S    200 /* after which none is begun, three apart */

struct BenchFilm {
    GPtrArray *rows, *headlines; /* of JsonObject */
    JsonObject *head;
    char *reason; /* why there are none; NULL */
};

static void unref_object(gpointer object)
{
    json_object_unref(object);
}

void bench_film_free(BenchFilm *film)
{
    if (!film)
        return;
    g_ptr_array_unref(film->rows);
    g_ptr_array_unref(film->headlines);
    g_clear_pointer(&film->head, json_object_unref);
    g_free(film->reason);
    g_free(film);
}

static void keep_line(BenchFilm *film, const char *line)
{
    g_autoptr(JsonNode) node = json_from_string(line, NULL);
    if (!node || !JSON_NODE_HOLDS_OBJECT(node))
        return;
    JsonObject *object = json_node_get_object(node);
    const char *type = json_object_get_string_member_with_default(object, "type", "");
    if (strcmp(type, "pipeline") == 0)
        g_ptr_array_add(film->rows, json_object_ref(object));
    else if (strcmp(type, "headline") == 0)
        g_ptr_array_add(film->headlines, json_object_ref(object));
    else if (strcmp(type, "head") == 0 && !film->head)
        film->head = json_object_ref(object);
}

BenchFilm *bench_film_measure(const BenchOptions *options)
{
    BenchFilm *film = g_new0(BenchFilm, 1);
    film->rows = g_ptr_array_new_with_free_func(unref_object);
    film->headlines = g_ptr_array_new_with_free_func(unref_object);
    g_autofree char *text = bench_pipelines_lines(options, "transcode", MIN(options->rounds, MOST_ROUNDS), BUDGET_S, &film->reason);
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    for (char **line = lines; *line; line++)
        keep_line(film, *line);
    if (film->reason)
        fprintf(stderr, "framelane bench: the film: left out: %s\n", film->reason);
    return film;
}

/* ---- told ---- */

/* "0.885 [0.872, 0.908]", and whether that is noise; "-" where it was not measured. */
static char *figure(JsonObject *row, const char *name, const char *format)
{
    if (!json_object_has_member(row, name))
        return g_strdup("-");
    JsonObject *found = json_object_get_object_member(row, name);
    char text[3][G_ASCII_DTOSTR_BUF_SIZE];
    static const char *const parts[] = {"median", "low", "high"};
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
        g_ascii_formatd(text[i], sizeof text[i], format, json_object_get_double_member_with_default(found, parts[i], 0));
    gboolean noise = json_object_get_boolean_member_with_default(found, "within_noise", FALSE);
    return g_strdup_printf("%s [%s, %s]%s", text[0], text[1], text[2], noise ? " within noise" : "");
}

static char *median(JsonObject *row, const char *name)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    if (!json_object_has_member(row, name))
        return g_strdup("-");
    double value = json_object_get_double_member_with_default(json_object_get_object_member(row, name), "median", 0);
    return g_strdup(g_ascii_formatd(text, sizeof text, "%.3f", value));
}

/* "684", "678 to 681", and in how many rounds it failed. */
static char *frames(JsonObject *row)
{
    JsonArray *counts = json_object_get_array_member(row, "frames");
    guint count = json_array_get_length(counts);
    gint64 failed = json_object_get_int_member_with_default(row, "failed", 0);
    GString *text = g_string_new(count ? NULL : "none");
    if (count)
        g_string_append_printf(text, "%" G_GINT64_FORMAT, json_array_get_int_element(counts, 0));
    if (count > 1)
        g_string_append_printf(text, " to %" G_GINT64_FORMAT, json_array_get_int_element(counts, count - 1));
    if (failed)
        g_string_append_printf(text, ", failed in %" G_GINT64_FORMAT " rounds", failed);
    return g_string_free(text, FALSE);
}

static const char *word_of(JsonObject *object, const char *name)
{
    return json_object_get_string_member_with_default(object, name, "?");
}

/* Of the row that the others are held against it is 1. */
static char *ratio(JsonObject *row, const char *name)
{
    return strcmp(word_of(row, "name"), word_of(row, "of")) == 0 ? g_strdup("1") : figure(row, name, "%.3f");
}

void bench_film_tell(const BenchFilm *film, GPtrArray *glance, GPtrArray *tables)
{
    static const char *const columns[] = {"who",
                                          "wall s [95 %]",
                                          "CPU s, all processes [95 %]",
                                          "wall, of one ffmpeg",
                                          "CPU, of one ffmpeg",
                                          "CPU apart from start-up, of one ffmpeg",
                                          "start-up, CPU s",
                                          "frames",
                                          NULL};
    if (film->rows->len == 0)
        return;
    g_autofree char *title =
        g_strdup_printf("A whole film: %s, %" G_GINT64_FORMAT " frames decoded, scaled to 720p (bicubic), encoded (x264 ultrafast)",
                        word_of(film->head, "clip"), json_object_get_int_member_with_default(film->head, "clip_frames", 0));
    g_autofree char *note = g_strdup_printf(
        "%" G_GINT64_FORMAT
        " rounds (each once, in an order left to chance); frames are those that ffprobe decodes from each output; start-up "
        "is the same command stopped after one frame, in the same round; noise floor: %s",
        json_object_get_int_member_with_default(film->head, "rounds", 0), word_of(film->head, "noise floor"));
    BenchTable *table = bench_table_create(title, note, columns);
    for (guint i = 0; i < film->rows->len; i++) {
        JsonObject *row = film->rows->pdata[i];
        bench_table_add(table, g_strdup(word_of(row, "name")), figure(row, "wall_seconds", "%.2f"),
                        figure(row, "cpu_seconds", "%.2f"), ratio(row, "wall_ratio"), ratio(row, "cpu_ratio"),
                        ratio(row, "apart_cpu_ratio"), median(row, "startup_cpu_seconds"), frames(row), NULL);
    }
    g_ptr_array_insert(tables, 0, table);
    for (guint i = 0; i < film->headlines->len; i++) {
        JsonObject *line = film->headlines->pdata[i];
        const char *verdict = word_of(line, "verdict");
        gboolean judged = strcmp(verdict, "told") != 0;
        g_ptr_array_insert(glance, (gint)i,
                           g_strdup_printf("%s%s%s%s", i ? "" : "A whole film. ", word_of(line, "sentence"),
                                           judged ? " Verdict: " : "", judged ? verdict : ""));
    }
}

void bench_film_commands(const BenchFilm *film, GString *to, const char *before)
{
    for (guint i = 0; i < film->rows->len; i++) {
        JsonObject *row = film->rows->pdata[i];
        if (!g_str_has_suffix(word_of(row, "name"), ", again"))
            g_string_append_printf(to, "%s# %s\n%s%s\n", before, word_of(row, "name"), before, word_of(row, "command"));
    }
}

const char *bench_film_reason(const BenchFilm *film)
{
    return film->reason;
}

GPtrArray *bench_film_rows(const BenchFilm *film)
{
    return film->rows;
}
