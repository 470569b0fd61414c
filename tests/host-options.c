/* Options as a stage sees them: what was configured, else the registry's default, else what the stage says; nonsense from the
 * socket is refused. */
#include "host.h"

#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct fl_key keys[] = {
    {.name = "size", .type = FL_KEY_SIZE, .fallback = "640x360"},
    {.name = "rate", .type = FL_KEY_RATE, .fallback = "25"},
    {.name = "buffer", .type = FL_KEY_BYTES, .fallback = "2MiB"},
    {.name = "count", .type = FL_KEY_INT},
    {.name = "loop", .type = FL_KEY_BOOL, .fallback = "no"},
    {.name = "for", .type = FL_KEY_DURATION},
    {.name = "option.", .type = FL_KEY_STRING},
    {0},
};
static const struct fl_kind_info kind = {.name = "any", .keys = keys};

static struct fl_stage stage_with(const char *text, size_t bytes, unsigned count)
{
    struct fl_stage stage = {.kind = &kind};
    CHECK_EQ(fl_host_parse_options(&stage, text, bytes, count), 0);
    return stage;
}

static void forget(struct fl_stage *stage)
{
    free(stage->options);
    free(stage->option_text);
}

static void what_is_not_given_is_the_default(void)
{
    struct fl_stage stage = stage_with("", 0, 0);
    unsigned width = 0, height = 0;
    int32_t num = 0, den = 0;
    CHECK_EQ(fl_stage_size(&stage, "size", &width, &height), 0);
    CHECK_EQ(width, 640);
    CHECK_EQ(height, 360);
    CHECK_EQ(fl_stage_rate(&stage, "rate", &num, &den), 0);
    CHECK_EQ(num, 25 * den);
    CHECK_EQ(fl_stage_int(&stage, "buffer", 7), 2 << 20);
    CHECK_EQ(fl_stage_int(&stage, "count", 7), 7);
    CHECK_EQ(fl_stage_bool(&stage, "loop", true), false);
    CHECK_EQ(fl_stage_duration_ns(&stage, "for", -1), -1);
    CHECK(!fl_stage_string(&stage, "count"));
    CHECK(!fl_stage_string(&stage, "unheard-of"));
    CHECK_EQ(fl_stage_size(&stage, "count", &width, &height), -ENOENT);
    forget(&stage);
}

static void what_is_given_counts(void)
{
    static const char text[] =
        "size\000320x240\0rate\00030000/1001\0count\0-12\0loop\0yes\0for\000500ms\0buffer\00064k\0count\00013";
    struct fl_stage stage = stage_with(text, sizeof text, 7);
    unsigned width, height;
    int32_t num, den;
    CHECK_EQ(fl_stage_size(&stage, "size", &width, &height), 0);
    CHECK_EQ(width, 320);
    CHECK_EQ(height, 240);
    CHECK_EQ(fl_stage_rate(&stage, "rate", &num, &den), 0);
    CHECK_EQ(num, 30000);
    CHECK_EQ(den, 1001);
    CHECK_EQ(fl_stage_int(&stage, "count", 0), 13); /* given twice: the last */
    CHECK_EQ(fl_stage_bool(&stage, "loop", false), true);
    CHECK_EQ(fl_stage_duration_ns(&stage, "for", 0), 500000000);
    CHECK_EQ(fl_stage_int(&stage, "buffer", 0), 64 << 10);
    forget(&stage);
}

static void append(void *arg, const char *name, const char *value)
{
    char *all = arg;
    strcat(strcat(strcat(strcat(all, name), "="), value), " ");
}

static void options_with_a_prefix_come_in_order(void)
{
    static const char text[] = "option.crf\00020\0count\0001\0option.preset\0fast\0option.\0x";
    struct fl_stage stage = stage_with(text, sizeof text, 4);
    char all[100] = "";
    fl_stage_each_option(&stage, "option.", append, all);
    CHECK_EQ(strcmp(all, "crf=20 preset=fast =x "), 0);
    forget(&stage);
}

static void nonsense_is_refused(void)
{
    static const struct {
        const char *text;
        size_t bytes;
        unsigned count;
    } wrong[] = {
        {"a\0b", 3, 1},       /* no NUL at the end */
        {"a", 2, 1},          /* a key alone */
        {"a\0b", 4, 2},       /* fewer than announced */
        {"a\0b\0c\0d", 8, 1}, /* more than announced */
        {"", 0, 1},           {"", 1, 1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct fl_stage stage = {.kind = &kind};
        CHECK_EQ(fl_host_parse_options(&stage, wrong[i].text, wrong[i].bytes, wrong[i].count), -EBADMSG);
        forget(&stage);
    }
}

static void set(struct fl_stage *stage, const char *key, const char *value, bool keep)
{
    CHECK_EQ(fl_host_push_option(stage, key, value), 0);
    CHECK(!strcmp(fl_stage_string(stage, key), value));
    fl_host_settle_option(stage, keep);
}

static void what_is_set_counts_unless_it_is_refused(void)
{
    static const char text[] = "size\000320x240";
    struct fl_stage stage = stage_with(text, sizeof text, 1);
    set(&stage, "size", "160x120", false);
    CHECK(!strcmp(fl_stage_string(&stage, "size"), "320x240"));
    set(&stage, "size", "80x60", true);
    set(&stage, "rate", "50", true);
    set(&stage, "size", "40x30", true);
    set(&stage, "rate", "60", false);
    CHECK(!strcmp(fl_stage_string(&stage, "size"), "40x30"));
    CHECK(!strcmp(fl_stage_string(&stage, "rate"), "50"));
    CHECK_EQ(stage.set_option_count, 2); /* what is set again and again takes no more room */
    fl_host_free_options(&stage);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"what is not given is the registry's default, or the stage's", what_is_not_given_is_the_default},
        {"what is given counts", what_is_given_counts},
        {"options with a prefix come in the order given", options_with_a_prefix_come_in_order},
        {"what is set counts, unless it is refused", what_is_set_counts_unless_it_is_refused},
        {"nonsense is refused", nonsense_is_refused},
    };
    return CHECK_RUN(cases);
}
