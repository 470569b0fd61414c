#include "plot-axis.h"

#include <math.h>

#define MAX_TICKS 12

gboolean plot_is_log(BenchScale scale)
{
    return scale == BENCH_SCALE_LOG || scale == BENCH_SCALE_BYTES;
}

gboolean plot_fits(BenchScale scale, double value)
{
    return isfinite(value) && (value > 0 || !plot_is_log(scale));
}

void plot_stretch(PlotSpan *span, double value)
{
    if (!plot_fits(span->scale, value))
        return;
    span->low = fmin(span->low, value);
    span->high = fmax(span->high, value);
}

double plot_place(const PlotSpan *span, double value)
{
    if (plot_is_log(span->scale))
        return log(value / span->low) / log(span->high / span->low);
    return (value - span->low) / (span->high - span->low);
}

void plot_give_room(PlotSpan *span)
{
    if (!(span->low <= span->high)) /* no point at all */
        span->low = span->high = 1;
    if (plot_is_log(span->scale)) {
        double factor = fmax(pow(span->high / span->low, 0.06), 1.1);
        span->low /= factor;
        span->high *= factor;
        return;
    }
    double room = span->high > 0 ? span->high * 0.06 : 0;
    span->low = fmin(span->low * 1.06, 0);
    span->high = fmax(span->high + room, 0);
    if (span->low == span->high)
        span->high = 1;
}

/* "200k", "1.5", "1e-05": as few digits as the marks of an axis need. */
static char *shortened(double value)
{
    static const struct {
        double from, unit;
        const char *letter;
    } units[] = {{1e9, 1e9, "G"}, {1e6, 1e6, "M"}, {1e4, 1e3, "k"}, {0, 1, ""}};
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    guint i = 0;
    while (fabs(value) < units[i].from * 0.9999)
        i++;
    g_ascii_formatd(text, sizeof text, "%.4g", value / units[i].unit);
    return g_strconcat(text, units[i].letter, NULL);
}

static char *in_bytes(double value)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    guint power = 0;
    for (; value >= 1024 && power + 1 < G_N_ELEMENTS(units); power++)
        value /= 1024;
    return g_strdup_printf("%g %s", value, units[power]);
}

static void add_tick(GString *script, const PlotSpan *span, double at, guint *count)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    if (at < span->low * (1 - 1e-9) - 1e-12 || at > span->high * (1 + 1e-9))
        return;
    g_autofree char *word = span->scale == BENCH_SCALE_BYTES ? in_bytes(at) : shortened(at);
    g_string_append_printf(script, "%s'%s' %s", (*count)++ ? ", " : "", word, g_ascii_dtostr(text, sizeof text, at));
}

static void add_log_ticks(GString *script, const PlotSpan *span, guint *count)
{
    double base = span->scale == BENCH_SCALE_BYTES ? 4 : 10;
    double powers = log(span->high / span->low) / log(base);
    double step = pow(base, fmax(1, ceil(powers / MAX_TICKS)));
    gboolean halves = span->scale == BENCH_SCALE_LOG && powers < 3;
    for (double at = pow(base, floor(log(span->low) / log(base))); at <= span->high * step; at *= step) {
        add_tick(script, span, at, count);
        if (halves) {
            add_tick(script, span, at * 2, count);
            add_tick(script, span, at * 5, count);
        }
    }
}

static void add_linear_ticks(GString *script, const PlotSpan *span, guint *count)
{
    double raw = (span->high - span->low) / 6, power = pow(10, floor(log10(raw)));
    double step = power * (raw / power < 1.5 ? 1 : raw / power < 3.5 ? 2 : raw / power < 7.5 ? 5 : 10);
    for (double at = ceil(span->low / step); at * step <= span->high; at++)
        add_tick(script, span, at * step + 0.0, count); /* never -0 */
}

void plot_add_ticks(GString *script, const PlotSpan *span)
{
    guint count = 0;
    if (plot_is_log(span->scale))
        add_log_ticks(script, span, &count);
    else
        add_linear_ticks(script, span, &count);
}
