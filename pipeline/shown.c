#include "shown.h"

#include <string.h>

/* ---- reading ---- */

static gint64 number_of(JsonObject *object, const char *name, gint64 otherwise)
{
    JsonNode *node = json_object_get_member(object, name);
    return node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_int(node) : otherwise;
}

static double figure_of(JsonObject *object, const char *name, double otherwise)
{
    JsonNode *node = json_object_get_member(object, name);
    return node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_double(node) : otherwise;
}

static const char *text_of(JsonObject *object, const char *name, const char *otherwise)
{
    JsonNode *node = json_object_get_member(object, name);
    const char *text = node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
    return text ? text : otherwise;
}

static JsonObject *object_of(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static JsonArray *array_of(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static void read_stage(JsonObject *o, FlShownStage *stage)
{
    *stage = (FlShownStage){
        .name = text_of(o, "name", "?"),
        .kind = text_of(o, "kind", "?"),
        .state = text_of(o, "state", "?"),
        .process = text_of(o, "process", "-"),
        .waiting_for = text_of(o, "waiting_for", ""),
        .waiting_on = text_of(o, "waiting_on", NULL),
        .argument = text_of(o, "argument", NULL),
        .pid = number_of(o, "pid", 0),
        .frames_in = number_of(o, "frames_in", 0),
        .frames_out = number_of(o, "frames_out", 0),
        .rss_bytes = number_of(o, "rss_bytes", 0),
        .slots = number_of(o, "slots", 0),
        .slots_free = number_of(o, "slots_free", 0),
        .fps = figure_of(o, "fps", 0),
        .ms_p50 = figure_of(o, "ms_p50", 0),
        .ms_p99 = figure_of(o, "ms_p99", 0),
        .age_ms = figure_of(o, "age_ms", 0),
        .age_p50_ms = figure_of(o, "age_p50_ms", 0),
        .age_p99_ms = figure_of(o, "age_p99_ms", 0),
        .cpu_percent = figure_of(o, "cpu_percent", 0),
        .waiting_seconds = figure_of(o, "waiting_seconds", 0),
        .slowest = number_of(o, "slowest", 0) != 0,
    };
}

static void read_history(JsonObject *o, FlShownLane *lane)
{
    JsonArray *history = array_of(o, "history");
    lane->history_count = history ? MIN(json_array_get_length(history), FL_SHOWN_HISTORY) : 0;
    for (guint i = 0; i < lane->history_count; i++)
        lane->history[i] = (guint8)CLAMP(json_array_get_int_element(history, i), 0, 100);
}

static void read_lane(JsonObject *o, FlShownLane *lane)
{
    JsonObject *drops = object_of(o, "dropped_by");
    *lane = (FlShownLane){
        .from = text_of(o, "from", "?"),
        .to = text_of(o, "to", "?"),
        .carries = text_of(o, "carries", "?"),
        .when_full = text_of(o, "when_full", "?"),
        .credits = number_of(o, "credits", 0),
        .in_use = number_of(o, "in_use", 0),
        .queued = number_of(o, "queued", 0),
        .held = number_of(o, "held", 0),
        .sent = number_of(o, "sent", 0),
        .taken = number_of(o, "taken", 0),
        .returned = number_of(o, "returned", 0),
        .no_credit = drops ? number_of(drops, "no_credit", 0) : 0,
        .superseded = drops ? number_of(drops, "superseded", 0) : 0,
        .left_over = drops ? number_of(drops, "left_over", 0) : 0,
        .lost = number_of(o, "lost", 0),
        .oldest_frame = number_of(o, "oldest_frame", -1),
        .oldest_seconds = figure_of(o, "oldest_seconds", 0),
        .last_dropped = number_of(o, "last_dropped", -1),
        .full_share = figure_of(o, "full_share", 0),
    };
    read_history(o, lane);
}

static void read_guest(JsonObject *o, FlShownGuest *guest)
{
    *guest = (FlShownGuest){
        .program = text_of(o, "program", "?"),
        .state = text_of(o, "state", "?"),
        .from = text_of(o, "from", "?"),
        .carries = text_of(o, "carries", "?"),
        .when_full = text_of(o, "when_full", "?"),
        .pid = number_of(o, "pid", 0),
        .credits = number_of(o, "credits", 0),
        .in_use = number_of(o, "in_use", 0),
        .sent = number_of(o, "sent", 0),
        .returned = number_of(o, "returned", 0),
        .dropped = number_of(o, "dropped", 0),
        .last_dropped = number_of(o, "last_dropped", -1),
        .oldest_seconds = figure_of(o, "oldest_seconds", 0),
    };
}

static JsonObject *element_of(JsonArray *array, guint i)
{
    JsonNode *node = json_array_get_element(array, i);
    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static void read_lists(JsonObject *o, FlShown *shown)
{
    JsonArray *stages = array_of(o, "stages"), *lanes = array_of(o, "lanes"), *guests = array_of(o, "guests");
    guint stage_count = stages ? json_array_get_length(stages) : 0, lane_count = lanes ? json_array_get_length(lanes) : 0;
    guint guest_count = guests ? json_array_get_length(guests) : 0;
    shown->stages = g_new0(FlShownStage, stage_count + 1);
    shown->lanes = g_new0(FlShownLane, lane_count + 1);
    shown->guests = g_new0(FlShownGuest, guest_count + 1);
    for (guint i = 0; i < stage_count; i++)
        if (element_of(stages, i))
            read_stage(element_of(stages, i), &shown->stages[shown->stage_count++]);
    for (guint i = 0; i < lane_count; i++)
        if (element_of(lanes, i))
            read_lane(element_of(lanes, i), &shown->lanes[shown->lane_count++]);
    for (guint i = 0; i < guest_count; i++)
        if (element_of(guests, i))
            read_guest(element_of(guests, i), &shown->guests[shown->guest_count++]);
}

FlShown *fl_shown_parse(const char *text)
{
    JsonNode *root = json_from_string(text, NULL);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
        g_clear_pointer(&root, json_node_unref);
        return NULL;
    }
    JsonObject *o = json_node_get_object(root), *dropped = object_of(o, "dropped");
    FlShown *shown = g_new0(FlShown, 1);
    *shown = (FlShown){
        .root = root,
        .run = text_of(o, "run", "?"),
        .state = text_of(o, "state", "?"),
        .transport = text_of(o, "transport", "?"),
        .error = text_of(o, "error", NULL),
        .pid = number_of(o, "pid", 0),
        .frames_in = number_of(o, "frames_in", 0),
        .frames_out = number_of(o, "frames_out", 0),
        .dropped_policy = dropped ? number_of(dropped, "policy", 0) : 0,
        .dropped_error = dropped ? number_of(dropped, "error", 0) : 0,
        .pool_bytes = number_of(o, "pool_bytes", 0),
        .seconds = figure_of(o, "seconds", 0),
        .position_seconds = figure_of(o, "position_seconds", -1),
    };
    read_lists(o, shown);
    return shown;
}

void fl_shown_free(FlShown *shown)
{
    if (!shown)
        return;
    json_node_unref(shown->root);
    g_free(shown->stages);
    g_free(shown->lanes);
    g_free(shown->guests);
    g_free(shown);
}

const FlShownStage *fl_shown_stage(const FlShown *shown, const char *name)
{
    for (guint i = 0; i < shown->stage_count; i++)
        if (strcmp(shown->stages[i].name, name) == 0)
            return &shown->stages[i];
    return NULL;
}

static gboolean gives_pictures(const FlShown *shown, const char *stage)
{
    for (guint i = 0; i < shown->lane_count; i++)
        if (strcmp(shown->lanes[i].from, stage) == 0 && strcmp(shown->lanes[i].carries, "video") == 0)
            return TRUE;
    return FALSE;
}

const char *fl_shown_first(const FlShown *shown)
{
    for (guint i = 0; i < shown->stage_count; i++)
        if (gives_pictures(shown, shown->stages[i].name))
            return shown->stages[i].name;
    return NULL;
}
