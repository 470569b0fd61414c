#include "description.h"

#include <errno.h>
#include <string.h>

#define MOST_PIXELS_A_SIDE 65535

typedef struct {
    const char *name;
    double factor;
} Unit;

/* Digits with at most one point, no sign, no exponent; `rest` is what follows. */
static gboolean parse_number(const char *text, double *value, const char **rest)
{
    gsize digits = strspn(text, "0123456789");
    gsize length = digits;
    if (text[length] == '.') {
        gsize decimals = strspn(text + length + 1, "0123456789");
        length += decimals + 1;
        digits += decimals;
    }
    if (!digits || length > 30)
        return FALSE;
    g_autofree char *number = g_strndup(text, length);
    *value = g_ascii_strtod(number, NULL);
    *rest = text + length;
    return TRUE;
}

static gboolean parse_with_unit(const char *text, const Unit *units, gboolean fold_case, double most, gint64 *result)
{
    double value;
    const char *rest;
    if (!parse_number(text, &value, &rest))
        return FALSE;
    rest += strspn(rest, " ");
    for (const Unit *unit = units; unit->name; unit++) {
        if ((fold_case ? g_ascii_strcasecmp(rest, unit->name) : strcmp(rest, unit->name)) != 0)
            continue;
        if (value * unit->factor > most)
            return FALSE;
        *result = (gint64)(value * unit->factor + 0.5);
        return TRUE;
    }
    return FALSE;
}

gboolean fl_parse_duration_ns(const char *text, gint64 *ns)
{
    static const Unit units[] = {{"", 1e9},   {"ns", 1},     {"us", 1e3},   {"ms", 1e6}, {"s", 1e9},
                                 {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {NULL, 0}};
    return parse_with_unit(text, units, FALSE, 9e18, ns);
}

gboolean fl_parse_bytes(const char *text, gint64 *bytes)
{
    static const Unit units[] = {
        {"", 1},     {"B", 1},           {"k", 1024.0},       {"kB", 1000.0}, {"KiB", 1024.0},       {"M", 1048576.0},
        {"MB", 1e6}, {"MiB", 1048576.0}, {"G", 1073741824.0}, {"GB", 1e9},    {"GiB", 1073741824.0}, {NULL, 0}};
    return parse_with_unit(text, units, TRUE, 9e18, bytes);
}

static gboolean parse_side(const char **text, unsigned *side)
{
    char *end;
    if (!g_ascii_isdigit(**text))
        return FALSE;
    errno = 0;
    guint64 value = g_ascii_strtoull(*text, &end, 10);
    if (errno || value == 0 || value > MOST_PIXELS_A_SIDE)
        return FALSE;
    *side = (unsigned)value;
    *text = end;
    return TRUE;
}

gboolean fl_parse_size(const char *text, unsigned *width, unsigned *height)
{
    unsigned w, h;
    if (!parse_side(&text, &w) || (*text != 'x' && *text != ':'))
        return FALSE;
    text++;
    if (!parse_side(&text, &h) || *text)
        return FALSE;
    *width = w;
    *height = h;
    return TRUE;
}

static gboolean parse_ratio(const char *text, int *num, int *den)
{
    char *end;
    if (!g_ascii_isdigit(*text))
        return FALSE;
    errno = 0;
    guint64 n = g_ascii_strtoull(text, &end, 10), d = 1;
    if (*end == '/' && g_ascii_isdigit(end[1]))
        d = g_ascii_strtoull(end + 1, &end, 10);
    if (errno || *end || n == 0 || d == 0 || n > G_MAXINT || d > G_MAXINT)
        return FALSE;
    *num = (int)n;
    *den = (int)d;
    return TRUE;
}

/* 29.97 and its like mean n × 1000/1001, as broadcasters do. */
static gboolean parse_decimal_rate(const char *text, int *num, int *den)
{
    double value;
    const char *rest;
    if (!parse_number(text, &value, &rest) || *rest || value < 0.001 || value > 1e6)
        return FALSE;
    int above = (int)value + 1;
    double exact = above * 1000.0 / 1001;
    if (value > exact - 0.005 && value < exact + 0.005 && value != (int)value) {
        *num = above * 1000;
        *den = 1001;
    } else {
        *num = (int)(value * 1000 + 0.5);
        *den = 1000;
    }
    return TRUE;
}

gboolean fl_parse_rate(const char *text, int *num, int *den)
{
    return parse_ratio(text, num, den) || parse_decimal_rate(text, num, den);
}

gboolean fl_parse_bool(const char *text, gboolean *value)
{
    static const char *const yes[] = {"true", "yes", "on", "1", NULL}, *const no[] = {"false", "no", "off", "0", NULL};
    if (g_strv_contains(yes, text))
        *value = TRUE;
    else if (g_strv_contains(no, text))
        *value = FALSE;
    else
        return FALSE;
    return TRUE;
}
