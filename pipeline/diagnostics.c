#include "description.h"

#include <stdio.h>
#include <string.h>

static void diagnostic_free(gpointer data)
{
    FlDiagnostic *item = data;
    g_free(item->message);
    g_free(item->source);
    g_free(item->hint);
    g_free(item);
}

static void lines_free(gpointer data)
{
    g_ptr_array_unref(data);
}

FlDiagnostics *fl_diagnostics_new(void)
{
    FlDiagnostics *d = g_new0(FlDiagnostics, 1);
    d->items = g_ptr_array_new_with_free_func(diagnostic_free);
    d->sources = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, lines_free);
    return d;
}

void fl_diagnostics_free(FlDiagnostics *d)
{
    if (!d)
        return;
    g_ptr_array_unref(d->items);
    g_hash_table_unref(d->sources);
    g_free(d);
}

int fl_diagnostics_add_source(FlDiagnostics *d, const char *file, const char *text)
{
    GPtrArray *lines = g_hash_table_lookup(d->sources, file);
    if (!lines) {
        lines = g_ptr_array_new_with_free_func(g_free);
        g_hash_table_insert(d->sources, g_strdup(file), lines);
    }
    int first = (int)lines->len + 1;
    g_auto(GStrv) split = g_strsplit(text, "\n", -1);
    for (char **line = split; *line; line++)
        g_ptr_array_add(lines, g_strdup(*line));
    return first;
}

static char *source_line(const FlDiagnostics *d, FlPlace place)
{
    GPtrArray *lines = place.file ? g_hash_table_lookup(d->sources, place.file) : NULL;
    if (!lines || place.line < 1 || place.column < 1 || (guint)place.line > lines->len)
        return NULL;
    return g_strchomp(g_strdup(g_ptr_array_index(lines, place.line - 1)));
}

static void add(FlDiagnostics *d, const FlDiagnostic *item)
{
    FlDiagnostic *copy = g_memdup2(item, sizeof *item);
    copy->source = source_line(d, item->place);
    g_ptr_array_add(d->items, copy);
}

void fl_diagnose(FlDiagnostics *d, FlPlace place, const char *hint, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(d, &(FlDiagnostic){.place = place, .message = g_strdup_vprintf(format, arguments), .hint = g_strdup(hint)});
    va_end(arguments);
    d->errors++;
}

void fl_diagnose_warning(FlDiagnostics *d, FlPlace place, const char *hint, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(d,
        &(FlDiagnostic){.place = place, .warning = TRUE, .message = g_strdup_vprintf(format, arguments), .hint = g_strdup(hint)});
    va_end(arguments);
}

/* ---- printing ---- */

/* What concerns the whole comes last. */
static int compare(gconstpointer a, gconstpointer b)
{
    const FlPlace *x = &(*(FlDiagnostic *const *)a)->place, *y = &(*(FlDiagnostic *const *)b)->place;
    int files = g_strcmp0(y->file, x->file); /* a file before -e and --set */
    unsigned x_line = (unsigned)x->line - 1, y_line = (unsigned)y->line - 1;
    if (files)
        return files;
    if (x_line != y_line)
        return x_line < y_line ? -1 : 1;
    return x->column - y->column;
}

static void append_hint(GString *out, const char *hint, const char *indent)
{
    for (const char *c = hint; *c; c++) {
        g_string_append_c(out, *c);
        if (*c == '\n')
            g_string_append(out, indent);
    }
    g_string_append_c(out, '\n');
}

/* The line as it stands, and under the word in question its length in carets; tabs stay tabs, so that both line up. */
static void append_source(GString *out, const FlDiagnostic *item)
{
    g_autofree char *line = g_utf8_make_valid(item->source, -1);
    g_string_append_printf(out, "%5d | %s\n      | ", item->place.line, line);
    const char *c = line;
    for (int column = 1; column < item->place.column; column++) {
        g_string_append_c(out, *c == '\t' ? '\t' : ' ');
        c = *c ? g_utf8_next_char(c) : c;
    }
    for (int i = 0; i < MAX(item->place.length, 1); i++)
        g_string_append_c(out, '^');
    if (item->hint) {
        g_string_append_c(out, ' ');
        append_hint(out, item->hint, "      | ");
    } else {
        g_string_append_c(out, '\n');
    }
}

static void append_item(GString *out, const FlDiagnostic *item, const char *fallback_file)
{
    const char *file = item->place.file ? item->place.file : fallback_file;
    if (file)
        g_string_append_printf(out, "%s:", file);
    if (item->place.line > 0)
        g_string_append_printf(out, "%d:", item->place.line);
    if (item->place.line > 0 && item->place.column > 0)
        g_string_append_printf(out, "%d:", item->place.column);
    g_string_append_printf(out, "%s%s: %s\n", file ? " " : "", item->warning ? "warning" : "error", item->message);
    if (item->source) {
        append_source(out, item);
    } else if (item->hint) {
        g_string_append(out, "    ");
        append_hint(out, item->hint, "    ");
    }
}

char *fl_diagnostics_text(const FlDiagnostics *d, const char *fallback_file)
{
    GString *out = g_string_new(NULL);
    g_ptr_array_sort(d->items, compare);
    for (guint i = 0; i < d->items->len; i++)
        append_item(out, g_ptr_array_index(d->items, i), fallback_file);
    return g_string_free(out, FALSE);
}

void fl_diagnostics_print(const FlDiagnostics *d, const char *fallback_file)
{
    g_autofree char *text = fl_diagnostics_text(d, fallback_file);
    fputs(text, stderr);
}
