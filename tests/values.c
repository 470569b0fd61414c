/* Times, sizes, rates and truths mean the same wherever they are written, and what is none is refused. */
#include "description.h"

#include "check.h"

static void durations(void)
{
    static const struct {
        const char *text;
        gint64 ns;
    } good[] = {{"0", 0},          {"1", 1000000000},    {"1.5s", 1500000000},   {"500ms", 500000000},  {"20us", 20000},
                {"7ns", 7},        {"2m", 120000000000}, {"2min", 120000000000}, {"1h", 3600000000000}, {"10 s", 10000000000},
                {".5s", 500000000}};
    static const char *const bad[] = {"", "s", "-1s", "+1", "1e3", "1d", "1 s ", "1.2.3", "1s2", "99999999999h", "nan", "0x10"};
    gint64 ns;
    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        CHECK(fl_parse_duration_ns(good[i].text, &ns));
        CHECK_EQ(ns, good[i].ns);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        CHECK(!fl_parse_duration_ns(bad[i], &ns));
}

static void bytes(void)
{
    static const struct {
        const char *text;
        gint64 bytes;
    } good[] = {{"0", 0},          {"100", 100},        {"64k", 65536},       {"64KiB", 65536},   {"64kB", 64000},
                {"1.5M", 1572864}, {"32MiB", 33554432}, {"32 MiB", 33554432}, {"1G", 1073741824}, {"1GB", 1000000000}};
    static const char *const bad[] = {"", "k", "-1", "1T", "1 k B", "1e9", "99999999999G"};
    gint64 value;
    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        CHECK(fl_parse_bytes(good[i].text, &value));
        CHECK_EQ(value, good[i].bytes);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        CHECK(!fl_parse_bytes(bad[i], &value));
}

static void sizes(void)
{
    static const char *const bad[] = {"",           "1280",   "1280x",   "x720",       "0x720",
                                      "1280x720x3", "-1x720", "65536x1", "1280 x 720", "1280X720"};
    unsigned width, height;
    CHECK(fl_parse_size("1280x720", &width, &height));
    CHECK_EQ(width, 1280);
    CHECK_EQ(height, 720);
    CHECK(fl_parse_size("1:65535", &width, &height));
    CHECK_EQ(height, 65535);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        CHECK(!fl_parse_size(bad[i], &width, &height));
}

static void rates(void)
{
    static const struct {
        const char *text;
        int num, den;
    } good[] = {{"30", 30, 1},          {"30000/1001", 30000, 1001}, {"29.97", 30000, 1001}, {"23.976", 24000, 1001},
                {"59.94", 60000, 1001}, {"12.5", 12500, 1000},       {"0.5", 500, 1000},     {"25.0", 25000, 1000}};
    static const char *const bad[] = {"", "0", "0/1", "1/0", "-30", "30/", "/1", "30fps", "1/2/3", "99999999999"};
    int num, den;
    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        CHECK(fl_parse_rate(good[i].text, &num, &den));
        CHECK_EQ(num, good[i].num);
        CHECK_EQ(den, good[i].den);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        CHECK(!fl_parse_rate(bad[i], &num, &den));
}

static void truths(void)
{
    gboolean value;
    CHECK(fl_parse_bool("yes", &value) && value);
    CHECK(fl_parse_bool("off", &value) && !value);
    CHECK(!fl_parse_bool("", &value) && !fl_parse_bool("maybe", &value) && !fl_parse_bool("TRUE", &value));
}

static void near_misses(void)
{
    static const char *const names[] = {"cam", "scale", "record", "screen", NULL};
    CHECK_SAYS(fl_nearest("scal", names), "scale");
    CHECK_SAYS(fl_nearest("scael", names), "scale");
    CHECK_SAYS(fl_nearest("Record", names), "record");
    CHECK_SAYS(fl_nearest("can", names), "cam");
    CHECK(!fl_nearest("xyz", names) && !fl_nearest("", names) && !fl_nearest("something else", names));
}

int main(void)
{
    static const struct check_case cases[] = {
        {"durations", durations}, {"bytes", bytes},   {"sizes", sizes},
        {"rates", rates},         {"truths", truths}, {"near misses", near_misses},
    };
    return CHECK_RUN(cases);
}
