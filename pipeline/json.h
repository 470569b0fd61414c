/* Members of a JSON object that is being built, each by its name: what every `--json` is written with.
 *
 *   g_autoptr(JsonBuilder) b = fl_json_begin("status");
 *   fl_json_text(b, "run", name);
 *   fl_json_begin_list(b, "stages");
 *   ...
 *   json_builder_end_array(b);
 *   g_autofree char *line = fl_json_finish(b);
 *
 * What is not known is null, so that a member never changes its type or goes missing.
 */
#ifndef FL_JSON_H
#define FL_JSON_H

#include <json-glib/json-glib.h>

#define FL_JSON_SCHEMA 1

/* An object that has its head; the caller owns it. */
JsonBuilder *fl_json_begin(const char *type);
/* Ends the object. A line without its end, to g_free. */
char *fl_json_finish(JsonBuilder *b);
/* `schema` and `type`, for an object of its own kind within another. */
void fl_json_head(JsonBuilder *b, const char *type);

void fl_json_int(JsonBuilder *b, const char *name, guint64 value);
void fl_json_double(JsonBuilder *b, const char *name, double value);    /* null where it is not finite */
void fl_json_text(JsonBuilder *b, const char *name, const char *value); /* null where it is NULL */
void fl_json_truth(JsonBuilder *b, const char *name, gboolean value);
/* The caller ends them: json_builder_end_array, json_builder_end_object. */
void fl_json_begin_list(JsonBuilder *b, const char *name);
void fl_json_begin_object(JsonBuilder *b, const char *name);

#endif
