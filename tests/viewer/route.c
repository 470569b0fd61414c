/* The way through a graph: who gives a stage its pictures, and where a step up or down leads. */
#include <stdbool.h>
#include <string.h>

#include "check.h"
#include "route.h"

/* cam -> small -> record, cam -> part -> end, cam and part -> both; the sound of cam -> record. */
static FlShown *graph(void)
{
    static const char text[] =
        "{\"schema\":1,\"type\":\"status\",\"run\":\"r\",\"stages\":[{\"name\":\"cam\"},{\"name\":\"small\"},{\"name\":\"part\"},"
        "{\"name\":\"record\"},{\"name\":\"end\"},{\"name\":\"both\"}],\"lanes\":["
        "{\"from\":\"cam\",\"to\":\"record\",\"carries\":\"packets\"},"
        "{\"from\":\"cam\",\"to\":\"small\",\"carries\":\"video\"},{\"from\":\"small\",\"to\":\"record\",\"carries\":\"video\"},"
        "{\"from\":\"cam\",\"to\":\"part\",\"carries\":\"video\"},{\"from\":\"part\",\"to\":\"end\",\"carries\":\"video\"},"
        "{\"from\":\"cam\",\"to\":\"both\",\"carries\":\"video\"},{\"from\":\"part\",\"to\":\"both\",\"carries\":\"video\"}]}";
    FlShown *shown = fl_shown_parse(text);
    CHECK(shown != NULL);
    return shown;
}

static bool is(const char *name, const char *wanted)
{
    return name && wanted ? strcmp(name, wanted) == 0 : name == wanted;
}

static void inputs(void)
{
    FlShown *shown = graph();
    CHECK(is(fl_shown_first(shown), "cam"));
    CHECK(is(fl_route_input(shown, "record"), "small")); /* not the sound */
    CHECK(is(fl_route_input(shown, "cam"), NULL));
    CHECK(is(fl_route_other(shown, "part"), "cam"));
    CHECK(is(fl_route_other(shown, "cam"), "small"));
    CHECK(is(fl_route_other(shown, "nobody"), NULL));
    fl_shown_free(shown);
}

static void branches(void)
{
    static const char *const order[] = {"small", "part", "both", "small"};
    FlShown *shown = graph();
    const char *before = NULL;
    for (unsigned i = 0; i < 4; i++) {
        struct fl_route_step step = fl_route_step(shown, "cam", before, 1);
        CHECK(is(step.to, order[i]));
        CHECK_EQ(step.place, i % 3 + 1);
        CHECK_EQ(step.count, 3);
        before = step.to;
    }
    CHECK(is(fl_route_step(shown, "both", NULL, -1).to, "cam"));
    CHECK(is(fl_route_step(shown, "both", "cam", -1).to, "part"));
    CHECK(is(fl_route_step(shown, "both", "end", -1).to, "cam")); /* from a place that is no neighbour */
    fl_shown_free(shown);
}

static void ends(void)
{
    FlShown *shown = graph();
    CHECK(is(fl_route_step(shown, "cam", NULL, -1).to, NULL));
    CHECK(is(fl_route_step(shown, "record", "small", 1).to, NULL));
    CHECK(is(fl_route_step(shown, "nobody", NULL, 1).to, NULL));
    fl_shown_free(shown);
}

int main(void)
{
    const struct check_case cases[] = {
        {"pictures come from where they are given", inputs},
        {"a step down after one up leads to the next branch", branches},
        {"at an end no way leads on", ends},
    };
    return CHECK_RUN(cases);
}
