#include "bench.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a file says of one number. */
typedef struct {
    double middle, low, high;
    const char *noise; /* which noise floor it stands under; NULL: none */
} Said;

typedef struct {
    GHashTable *said;  /* question -> Said */
    GPtrArray *order;  /* questions, which `said` owns */
    GHashTable *noise; /* name -> double* */
} Result;

static void free_result(Result *result)
{
    g_hash_table_unref(result->said);
    g_ptr_array_unref(result->order);
    g_hash_table_unref(result->noise);
    g_free(result);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Result, free_result)

static double number(JsonObject *row, const char *key)
{
    JsonNode *node = json_object_get_member(row, key);
    return node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_double(node) : NAN;
}

static const char *word(JsonObject *row, const char *key)
{
    return json_object_get_string_member_with_default(row, key, "");
}

static void keep(Result *result, char *question, Said said)
{
    if (!g_hash_table_contains(result->said, question))
        g_ptr_array_add(result->order, question);
    g_hash_table_insert(result->said, question, g_memdup2(&said, sizeof said));
}

static void keep_figure(Result *result, JsonObject *row, const char *member, char *question, const char *noise)
{
    JsonNode *node = json_object_get_member(row, member);
    if (!node || !JSON_NODE_HOLDS_OBJECT(node)) {
        g_free(question);
        return;
    }
    JsonObject *figure = json_node_get_object(node);
    keep(result, question, (Said){number(figure, "median"), number(figure, "low"), number(figure, "high"), noise});
}

/* ---- the three kinds of rows ---- */

static void read_question(Result *result, JsonObject *row)
{
    double ratio = number(row, "ratio");
    Said said = {isfinite(ratio) ? ratio : number(row, "value"), number(row, "low"), number(row, "high"), NULL};
    keep(result, g_strdup(word(row, "question")), said);
}

static void read_transport(Result *result, JsonObject *row)
{
    JsonNode *rate = json_object_get_member(row, "rate");
    gboolean paced = rate && json_node_get_value_type(rate) != G_TYPE_STRING, again = json_object_get_boolean_member(row, "again");
    g_autofree char *speed = paced ? g_strdup_printf("%.0f/s", number(row, "rate")) : g_strdup("max");
    g_autofree char *name = g_strdup_printf("%s%s %s x%.0f %s %s %s%s%s", word(row, "transport"), again ? " again" : "",
                                            word(row, "size"), number(row, "consumers"), speed, word(row, "work"), word(row, "pin"),
                                            strcmp(word(row, "stall"), "none") == 0 ? "" : " stall ",
                                            strcmp(word(row, "stall"), "none") == 0 ? "" : word(row, "stall"));
    if (!paced)
        keep_figure(result, row, "fps", g_strdup_printf("%s: frames/s", name), "fps");
    keep_figure(result, row, "cpu_ms_per_frame", g_strdup_printf("%s: CPU ms", name), "cpu");
    if (paced && json_object_has_member(row, "latency_ms"))
        keep_figure(result, json_object_get_object_member(row, "latency_ms"), "p50", g_strdup_printf("%s: p50 ms", name), NULL);
    keep_figure(result, row, "others_fps", g_strdup_printf("%s: others' frames/s", name), NULL);
}

static void read_pipeline(Result *result, JsonObject *row)
{
    keep_figure(result, row, "wall_seconds", g_strdup_printf("%s: wall s", word(row, "name")), "wall");
    keep_figure(result, row, "cpu_seconds", g_strdup_printf("%s: CPU s", word(row, "name")), "cpu");
}

static void keep_noise(JsonObject *object, const gchar *name, JsonNode *node, gpointer noise)
{
    (void)object;
    if (JSON_NODE_HOLDS_VALUE(node))
        g_hash_table_insert(noise, g_strdup(name), g_memdup2(&(double){json_node_get_double(node)}, sizeof(double)));
}

/* FALSE: it is none of what is written here. */
static gboolean read_object(Result *result, JsonObject *object)
{
    const char *type = word(object, "type");
    if (json_object_has_member(object, "question"))
        read_question(result, object);
    else if (strcmp(type, "row") == 0)
        read_transport(result, object);
    else if (strcmp(type, "pipeline") == 0)
        read_pipeline(result, object);
    else if (strcmp(type, "noise") == 0)
        json_object_foreach_member(object, keep_noise, result->noise);
    else
        return strcmp(type, "head") == 0;
    return TRUE;
}

/* ---- files ---- */

/* What -o has written: one object that holds the rows. FALSE: it is no such thing. */
static gboolean read_whole(Result *result, const char *text)
{
    g_autoptr(JsonNode) root = json_from_string(text, NULL);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root) || !json_object_has_member(json_node_get_object(root), "rows"))
        return FALSE;
    JsonObject *whole = json_node_get_object(root);
    JsonArray *rows = json_object_get_array_member(whole, "rows");
    if (json_object_has_member(whole, "noise"))
        json_object_foreach_member(json_object_get_object_member(whole, "noise"), keep_noise, result->noise);
    for (guint i = 0; i < json_array_get_length(rows); i++)
        if (!read_object(result, json_array_get_object_element(rows, i)))
            return FALSE;
    return TRUE;
}

static gboolean read_line(Result *result, const char *line)
{
    g_autoptr(JsonNode) root = json_from_string(line, NULL);
    return root && JSON_NODE_HOLDS_OBJECT(root) && read_object(result, json_node_get_object(root));
}

/* NULL, and said why, where the file is not what this program writes. */
static Result *read_result(const char *path)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(Result) result = g_new0(Result, 1);
    result->said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    result->order = g_ptr_array_new();
    result->noise = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (!g_file_get_contents(path, &text, NULL, &error)) {
        fprintf(stderr, "framelane bench: %s\n", error->message);
        return NULL;
    }
    if (read_whole(result, text))
        return g_steal_pointer(&result);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++)
        if (**line && !read_line(result, *line)) {
            fprintf(stderr, "framelane bench: %s: neither what --json prints nor a bench.json: %.60s\n", path, *line);
            return NULL;
        }
    return g_steal_pointer(&result);
}

/* ---- the comparison ---- */

static double floor_of(const Result *result, const char *noise)
{
    const double *found = noise ? g_hash_table_lookup(result->noise, noise) : NULL;
    return found && isfinite(*found) ? *found : 0;
}

/* Two intervals that have nothing in common, and medians further apart than two runs of the same thing were in either file. */
static gboolean differ(const Result *a, const Said *one, const Result *b, const Said *other)
{
    double ratio = one->middle > 0 && other->middle > 0 ? fmax(one->middle / other->middle, other->middle / one->middle) : INFINITY;
    double floor = fmax(floor_of(a, one->noise), floor_of(b, one->noise));
    return (one->low > other->high || other->low > one->high) && ratio - 1 > floor;
}

static void print_one(const char *question, const Said *one, const Said *other, gboolean differs)
{
    printf("%-60s %8.4g %8.4g..%-9.4g %8.4g %8.4g..%-9.4g %s", question, one->middle, one->low, one->high, other->middle,
           other->low, other->high, differs ? "DIFFER" : "within noise");
    if (differs && one->middle > 0)
        printf(", %+.1f %%", 100 * (other->middle / one->middle - 1));
    printf("\n");
}

int bench_compare(const char *first, const char *second)
{
    g_autoptr(Result) a = read_result(first), b = a ? read_result(second) : NULL;
    unsigned compared = 0, different = 0;
    if (!b)
        return 1;
    printf("%-60s %28s %28s\n", "question", "first", "second");
    for (guint i = 0; i < a->order->len; i++) {
        const char *question = a->order->pdata[i];
        const Said *one = g_hash_table_lookup(a->said, question), *other = g_hash_table_lookup(b->said, question);
        if (!other)
            continue;
        gboolean differs = differ(a, one, b, other);
        compared++;
        different += differs;
        print_one(question, one, other, differs);
    }
    printf("\n%u of %u agree within their noise; %u of the first file and %u of the second have no counterpart\n",
           compared - different, compared, a->order->len - compared, b->order->len - compared);
    return 0;
}
