/* A drawing as text, for graphviz, and as JSON. */
#include "drawing.h"
#include "json.h"

#include <string.h>

static const FlNode *node_at(const FlDrawing *drawing, guint i)
{
    return &g_array_index(drawing->nodes, FlNode, i);
}

static const FlEdge *edge_at(const FlDrawing *drawing, guint i)
{
    return &g_array_index(drawing->edges, FlEdge, i);
}

/* ---- text ---- */

typedef struct {
    const FlDrawing *drawing;
    GString *text;
    gboolean *drawn; /* a node */
    gboolean plain;
} Tree;

static void append_node(const Tree *tree, const FlNode *node)
{
    g_string_append_printf(tree->text, "%s (%s%s%s)", node->name, node->kind, node->detail ? " " : "",
                           node->detail ? node->detail : "");
    if (node->figures)
        g_string_append_printf(tree->text, "  %s", node->figures);
}

static gboolean is_last_from(const FlDrawing *drawing, guint edge)
{
    for (guint i = edge + 1; i < drawing->edges->len; i++)
        if (edge_at(drawing, i)->from == edge_at(drawing, edge)->from)
            return FALSE;
    return TRUE;
}

static void append_below(Tree *tree, guint node, const char *margin);

static void append_edge(Tree *tree, guint i, const char *margin)
{
    const FlEdge *edge = edge_at(tree->drawing, i);
    const FlNode *to = node_at(tree->drawing, edge->to);
    gboolean last = is_last_from(tree->drawing, i);
    const char *branch = tree->plain ? (last ? "`- " : "|- ") : last ? "└─ " : "├─ ";
    g_autofree char *credits = edge->credits ? g_strdup_printf(" %" G_GINT64_FORMAT, edge->credits) : g_strdup("");
    g_string_append_printf(tree->text, "%s%s%s%s%s%s -> ", margin, branch, edge->sound ? "sound, " : "", edge->policy,
                           edge->figures ? " " : credits, edge->figures ? edge->figures : "");
    if (tree->drawn[edge->to]) {
        g_string_append_printf(tree->text, "%s (see above)\n", to->name);
        return;
    }
    append_node(tree, to);
    g_string_append_c(tree->text, '\n');
    g_autofree char *deeper = g_strconcat(margin, last ? "   " : tree->plain ? "|  " : "│  ", NULL);
    append_below(tree, edge->to, deeper);
}

static void append_below(Tree *tree, guint node, const char *margin)
{
    tree->drawn[node] = TRUE;
    for (guint i = 0; i < tree->drawing->edges->len; i++)
        if (edge_at(tree->drawing, i)->from == node)
            append_edge(tree, i, margin);
}

char *fl_drawing_text(const FlDrawing *drawing, gboolean plain)
{
    g_autofree gboolean *drawn = g_new0(gboolean, drawing->nodes->len + 1);
    Tree tree = {drawing, g_string_new(NULL), drawn, plain};
    g_string_append_printf(tree.text, "%s\n", drawing->name);
    for (guint i = 0; i < drawing->nodes->len; i++) { /* topological: what is not drawn yet has nothing above it */
        if (drawn[i])
            continue;
        append_node(&tree, node_at(drawing, i));
        g_string_append_c(tree.text, '\n');
        append_below(&tree, i, "");
    }
    return g_string_free(tree.text, FALSE);
}

/* ---- graphviz ---- */

/* In quotes. A backslash would begin an escape there. */
static void append_quoted(GString *text, const char *one, const char *other, const char *third)
{
    const char *const parts[] = {one, other, third};
    g_string_append_c(text, '"');
    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (i > 0 && parts[i])
            g_string_append(text, "\\n");
        for (const char *c = parts[i]; c && *c; c++)
            g_string_append_printf(text, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    }
    g_string_append_c(text, '"');
}

char *fl_drawing_dot(const FlDrawing *drawing)
{
    GString *text = g_string_new("digraph ");
    append_quoted(text, drawing->name, NULL, NULL);
    g_string_append(text, " {\n    rankdir=LR;\n    node [shape=box, fontname=\"sans-serif\"];\n"
                          "    edge [fontname=\"sans-serif\", fontsize=10];\n");
    for (guint i = 0; i < drawing->nodes->len; i++) {
        const FlNode *node = node_at(drawing, i);
        g_autofree char *kind = g_strdup_printf("%s%s%s", node->kind, node->detail ? " " : "", node->detail ? node->detail : "");
        g_string_append_printf(text, "    n%u [label=", i);
        append_quoted(text, node->name, kind, node->figures);
        g_string_append(text, node->slow ? ", color=red, fontcolor=red];\n" : "];\n");
    }
    for (guint i = 0; i < drawing->edges->len; i++) {
        const FlEdge *edge = edge_at(drawing, i);
        g_autofree char *credits = edge->credits ? g_strdup_printf("%s %" G_GINT64_FORMAT, edge->policy, edge->credits) : NULL;
        g_string_append_printf(text, "    n%u -> n%u [label=", edge->from, edge->to);
        append_quoted(text, edge->sound ? "sound" : credits ? credits : edge->policy, edge->figures, NULL);
        g_string_append_printf(text, "%s%s];\n",
                               edge->sound                    ? ", style=dashed"
                               : strcmp(edge->policy, "wait") ? ", style=dotted"
                                                              : "",
                               edge->full ? ", color=red" : "");
    }
    g_string_append(text, "}\n");
    return g_string_free(text, FALSE);
}

/* ---- JSON ---- */

static void add_node(JsonBuilder *b, const FlNode *node)
{
    json_builder_begin_object(b);
    fl_json_text(b, "name", node->name);
    fl_json_text(b, "kind", node->kind);
    fl_json_text(b, "argument", node->detail);
    if (node->figures)
        fl_json_text(b, "figures", node->figures);
    json_builder_end_object(b);
}

static void add_edge(JsonBuilder *b, const FlDrawing *drawing, const FlEdge *edge)
{
    json_builder_begin_object(b);
    fl_json_text(b, "from", node_at(drawing, edge->from)->name);
    fl_json_text(b, "to", node_at(drawing, edge->to)->name);
    fl_json_text(b, "carries", edge->sound ? "packets" : "video");
    fl_json_text(b, "when_full", edge->policy);
    json_builder_set_member_name(b, "credits");
    if (edge->credits)
        json_builder_add_int_value(b, edge->credits);
    else
        json_builder_add_null_value(b);
    if (edge->figures)
        fl_json_text(b, "figures", edge->figures);
    json_builder_end_object(b);
}

char *fl_drawing_json(const FlDrawing *drawing)
{
    g_autoptr(JsonBuilder) b = fl_json_begin("graph");
    fl_json_text(b, "name", drawing->name);
    fl_json_begin_list(b, "stages");
    for (guint i = 0; i < drawing->nodes->len; i++)
        add_node(b, node_at(drawing, i));
    json_builder_end_array(b);
    fl_json_begin_list(b, "lanes");
    for (guint i = 0; i < drawing->edges->len; i++)
        add_edge(b, drawing, edge_at(drawing, i));
    json_builder_end_array(b);
    g_autofree char *line = fl_json_finish(b);
    return g_strconcat(line, "\n", NULL);
}
