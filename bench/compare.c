#include "bench.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a row of --json says of its judged number. */
typedef struct {
    double middle, low, high;
} Said;

static double number(JsonObject *row, const char *key)
{
    JsonNode *node = json_object_get_member(row, key);
    return node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_double(node) : NAN;
}

static gboolean read_line(const char *line, GHashTable *rows, GPtrArray *order)
{
    g_autoptr(JsonNode) root = json_from_string(line, NULL);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root) || !json_object_has_member(json_node_get_object(root), "question"))
        return FALSE;
    JsonObject *row = json_node_get_object(root);
    double ratio = number(row, "ratio");
    Said said = {isfinite(ratio) ? ratio : number(row, "value"), number(row, "low"), number(row, "high")};
    char *question = g_strdup(json_object_get_string_member(row, "question"));
    if (order)
        g_ptr_array_add(order, question);
    g_hash_table_replace(rows, question, g_memdup2(&said, sizeof said));
    return TRUE;
}

/* question -> Said; NULL, and said why, where the file is not what --json prints. */
static GHashTable *read_rows(const char *path, GPtrArray *order)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GHashTable) rows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (!g_file_get_contents(path, &text, NULL, &error)) {
        fprintf(stderr, "framelane bench: %s\n", error->message);
        return NULL;
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++)
        if (**line && !read_line(*line, rows, order)) {
            fprintf(stderr, "framelane bench: %s: not what --json prints: %.60s\n", path, *line);
            return NULL;
        }
    return g_steal_pointer(&rows);
}

/* Two intervals that have nothing in common: the medians differ by more than the rounds of either explain. */
static gboolean differ(const Said *a, const Said *b)
{
    return a->low > b->high || b->low > a->high;
}

int bench_compare(const char *first, const char *second)
{
    g_autoptr(GPtrArray) order = g_ptr_array_new();
    g_autoptr(GHashTable) a = read_rows(first, order), b = a ? read_rows(second, NULL) : NULL;
    unsigned compared = 0, different = 0;
    if (!b)
        return 1;
    printf("%-60s %28s %28s\n", "question", "first", "second");
    for (guint i = 0; i < order->len; i++) {
        const Said *one = g_hash_table_lookup(a, order->pdata[i]), *other = g_hash_table_lookup(b, order->pdata[i]);
        if (!other)
            continue;
        compared++;
        different += differ(one, other);
        printf("%-60s %8.4g %8.4g..%-9.4g %8.4g %8.4g..%-9.4g %s\n", (const char *)order->pdata[i], one->middle, one->low,
               one->high, other->middle, other->low, other->high, differ(one, other) ? "DIFFER" : "within noise");
    }
    printf("\n%u of %u agree within their noise\n", compared - different, compared);
    return 0;
}
