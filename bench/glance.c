#include "cells.h"

#include <math.h>
#include <string.h>

static void say(GPtrArray *sentences, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void say(GPtrArray *sentences, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_ptr_array_add(sentences, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

/* The plan's first cell is its first way, at its smallest size, as fast as it goes where that was asked for. */
static const BenchCell *speed_of(const BenchPlan *plan, const char *way, const BenchSize *size)
{
    const BenchCell *like = plan->cells->pdata[0];
    return bench_find(plan, way, size, like->consumers, like->rate, like->work, like->pin, "none");
}

static const char *first_way(const BenchPlan *plan)
{
    return ((const BenchWay *)plan->ways->pdata[0])->name;
}

/* It carries nothing. */
static gboolean is_no_rival(const BenchPlan *plan, guint way)
{
    return ((const BenchWay *)plan->ways->pdata[way])->only_alone;
}

/* "6.13 x pipe, 3.93 x socket; within noise: gst-shm" of the first way over all the others in the same place, by a figure; `gain`:
 * the other way round.
 */
static char *compared(const BenchPlan *plan, const BenchCell *own, const char *figure, gboolean gain)
{
    GString *words = g_string_new(NULL), *noise = g_string_new(NULL);
    for (guint i = 1; i < plan->ways->len; i++) {
        const BenchWay *way = plan->ways->pdata[i];
        const BenchCell *other = bench_cell_of(plan, own, way->name);
        BenchFigure ratio;
        if (is_no_rival(plan, i) || !(gain ? bench_ratio(other, own, figure, &ratio) : bench_ratio(own, other, figure, &ratio)))
            continue;
        if (bench_is_noise(&ratio, bench_noise(plan, own, figure)))
            g_string_append_printf(noise, "%s%s", noise->len ? ", " : "", way->name);
        else
            g_string_append_printf(words, "%s%.2f x %s", words->len ? ", " : "", ratio.median, way->name);
    }
    if (noise->len)
        g_string_append_printf(words, "%swithin noise: %s", words->len ? "; " : "", noise->str);
    g_string_free(noise, TRUE);
    return g_string_free(words, FALSE);
}

static void say_speed(const BenchPlan *plan, GPtrArray *sentences)
{
    const BenchCell *own = speed_of(plan, first_way(plan), plan->main_size);
    BenchFigure frames, cpu;
    if (!bench_figure(own, "per_second", &frames) || !bench_figure(own, "cpu_ns", &cpu) || own->rate)
        return;
    g_autofree char *faster = compared(plan, own, "per_second", FALSE);
    g_autofree char *dearer = compared(plan, own, "cpu_ns", TRUE), *time = bench_about_time(cpu.median);
    if (*faster)
        say(sentences, "How much faster: at %s (%s) %s moves %.0f frames a second: %s.", plan->main_size->name, own->work,
            own->way->name, frames.median, faster);
    if (*dearer)
        say(sentences, "At what CPU cost: a frame takes %s %s of all processes together; the others take %s.", own->way->name, time,
            dearer);
}

/* The work itself is done by everyone: what could be gained over a pipe by carrying nothing at all, and how much of it is. */
static void say_limit(const BenchPlan *plan, GPtrArray *sentences)
{
    const BenchCell *own = speed_of(plan, first_way(plan), plan->main_size), *pipe = speed_of(plan, "pipe", plan->main_size),
                    *nothing = speed_of(plan, "no-transport", plan->main_size);
    BenchFigure most, gained, reached;
    if (own == pipe || own == nothing || !bench_ratio(pipe, nothing, "cpu_ns", &most) ||
        !bench_ratio(pipe, own, "cpu_ns", &gained) || !bench_ratio(nothing, own, "cpu_ns", &reached))
        return;
    say(sentences,
        "What is possible: at %s (%s) a pipe takes %.1f [%.1f, %.1f] times the CPU of no transport at all, where one process "
        "writes each "
        "frame and reads it itself; so nothing that carries frames can be cheaper than a pipe by more. %s is cheaper by %.1f "
        "[%.1f, %.1f] "
        "times: %.0f %% [%.0f, %.0f] of what is possible.",
        plan->main_size->name, own->work, most.median, most.low, most.high, own->way->name, gained.median, gained.low, gained.high,
        100 * reached.median, 100 * reached.low, 100 * reached.high);
}

/* Of one way's places the one where it moves most frames; NULL: it was not measured. */
static const BenchCell *best_place(const BenchPlan *plan, const char *way)
{
    const BenchCell *like = plan->cells->pdata[0], *best = NULL;
    double most = 0;
    for (guint p = 0; p < plan->pins->len; p++) {
        const BenchCell *cell =
            bench_find(plan, way, plan->main_size, like->consumers, 0, like->work, plan->pins->pdata[p], "none");
        BenchFigure frames;
        if (bench_figure(cell, "per_second", &frames) && frames.median > most) {
            most = frames.median;
            best = cell;
        }
    }
    return best;
}

/* A pipe may like one core better than two: each is also compared where it does best. */
static void say_places(const BenchPlan *plan, GPtrArray *sentences)
{
    const BenchCell *own = best_place(plan, first_way(plan));
    g_autoptr(GString) words = g_string_new(NULL);
    BenchFigure frames, ratio;
    for (guint i = 1; i < plan->ways->len && plan->pins->len > 1; i++) {
        const BenchWay *way = plan->ways->pdata[i];
        const BenchCell *other = best_place(plan, way->name);
        if (!is_no_rival(plan, i) && (way->when_stalled || plan->named) && bench_ratio(own, other, "per_second", &ratio))
            g_string_append_printf(words, "%s%.2f [%.2f, %.2f] x %s (%s)", words->len ? ", " : "", ratio.median, ratio.low,
                                   ratio.high, way->name, other->pin);
    }
    if (words->len && bench_figure(own, "per_second", &frames))
        say(sentences, "Each in the place where it does best: at %s %s moves %.0f frames a second (%s): %s.", plan->main_size->name,
            own->way->name, frames.median, own->pin, words->str);
}

/* 1: better beyond noise, -1: worse, 0: cannot be told. */
static int better(const BenchPlan *plan, const BenchCell *own, const BenchCell *other, const char *figure, gboolean more)
{
    BenchFigure ratio;
    if (!bench_ratio(own, other, figure, &ratio) || bench_is_noise(&ratio, bench_noise(plan, own, figure)))
        return 0;
    return (ratio.median > 1) == more ? 1 : -1;
}

/* The smallest size from which on the first way is faster than this one at every size measured; NULL. */
static const BenchSize *crossing(const BenchPlan *plan, const char *way)
{
    const BenchSize *from = NULL;
    for (guint s = plan->sizes->len; s > 0; s--) {
        const BenchSize *size = plan->sizes->pdata[s - 1];
        if (better(plan, speed_of(plan, first_way(plan), size), speed_of(plan, way, size), "per_second", TRUE) <= 0)
            break;
        from = size;
    }
    return from;
}

/* "64 KiB: pipe, socket; 1080p: vmsplice": the sizes from which on it is faster, and than what. */
static void say_crossings(const BenchPlan *plan, GPtrArray *sentences)
{
    GString *words = g_string_new(NULL);
    const BenchCell *like = plan->cells->pdata[0];
    for (guint s = 0; s <= plan->sizes->len && plan->sizes->len > 1 && !like->rate; s++) {
        const BenchSize *size = s < plan->sizes->len ? plan->sizes->pdata[s] : NULL;
        guint count = 0;
        for (guint i = 1; i < plan->ways->len; i++) {
            const char *way = ((const BenchWay *)plan->ways->pdata[i])->name;
            if (is_no_rival(plan, i) || !speed_of(plan, way, plan->main_size) || crossing(plan, way) != size)
                continue;
            if (count == 0)
                g_string_append_printf(words, "%s%s%s", words->len ? "; " : "", size ? "from " : "not throughout, or within noise",
                                       size ? size->name : "");
            g_string_append_printf(words, "%s%s", count++ ? ", " : ": ", way);
        }
    }
    if (words->len)
        say(sentences, "From what size on is %s faster: %s.", first_way(plan), words->str);
    g_string_free(words, TRUE);
}

/* What was faster than the first way at one size, and by how much; then what only took less CPU. */
static void say_lost_at(const BenchPlan *plan, const BenchSize *size, GString *words)
{
    const BenchCell *own = speed_of(plan, first_way(plan), size);
    for (guint turn = 0; turn < 2; turn++) {
        const char *figure = turn == 0 ? "per_second" : "cpu_ns";
        guint count = 0;
        for (guint i = 1; i < plan->ways->len; i++) {
            const BenchCell *other = speed_of(plan, ((const BenchWay *)plan->ways->pdata[i])->name, size);
            BenchFigure ratio;
            if (is_no_rival(plan, i))
                continue;
            gboolean slower = better(plan, own, other, "per_second", TRUE) < 0;
            if ((turn == 0 ? !slower : slower || better(plan, own, other, "cpu_ns", FALSE) >= 0) ||
                !bench_ratio(other, own, figure, &ratio))
                continue;
            if (count == 0)
                g_string_append_printf(words, "%s%s at %s", words->len ? "; " : "", turn == 0 ? "frames a second" : "CPU alone",
                                       size->name);
            g_string_append_printf(words, "%s%s %.2f x", count++ ? ", " : " against ", other->way->name, ratio.median);
        }
    }
}

static void say_losses(const BenchPlan *plan, GPtrArray *sentences)
{
    GString *words = g_string_new(NULL);
    const BenchCell *like = plan->cells->pdata[0];
    for (guint s = 0; s < plan->sizes->len && !like->rate; s++)
        say_lost_at(plan, plan->sizes->pdata[s], words);
    if (words->len)
        say(sentences, "Where %s loses: %s.", first_way(plan), words->str);
    else if (!like->rate)
        say(sentences, "Where %s loses: nowhere in this run, beyond its noise.", first_way(plan));
    g_string_free(words, TRUE);
}

static const BenchCell *paced(const BenchPlan *plan, const char *way)
{
    const BenchCell *like = plan->cells->pdata[0];
    return bench_find(plan, way, plan->main_size, like->consumers, plan->fixed_rate, like->work, like->pin, "none");
}

static void say_latency(const BenchPlan *plan, GPtrArray *sentences)
{
    GString *words = g_string_new(NULL);
    for (guint i = 0; i < plan->ways->len && plan->fixed_rate; i++) {
        const char *way = ((const BenchWay *)plan->ways->pdata[i])->name;
        const BenchCell *cell = paced(plan, way);
        BenchFigure middle, late;
        if (is_no_rival(plan, i))
            continue;
        if (!bench_figure(cell, "lag_p50_ns", &middle) || !bench_figure(cell, "lag_p99_ns", &late))
            continue;
        g_autofree char *half = bench_about_time(middle.median), *most = bench_about_time(late.median);
        g_string_append_printf(words, "%s%s %s (%s)", words->len ? ", " : "", way, half, most);
    }
    if (words->len)
        say(sentences, "How late a %s frame is at %u frames a second, half of them (99 %%): %s.", plan->main_size->name,
            plan->fixed_rate, words->str);
    g_string_free(words, TRUE);
    const BenchCell *own = paced(plan, first_way(plan));
    if (!own)
        return;
    g_autofree char *half = compared(plan, own, "lag_p50_ns", FALSE), *most = compared(plan, own, "lag_p99_ns", FALSE);
    if (*half && *most)
        say(sentences, "How late %s is against the others, half of the frames: %s. 99 %% of them: %s.", own->way->name, half, most);
}

static void say_stalls(const BenchPlan *plan, GPtrArray *sentences)
{
    GString *words = g_string_new(NULL);
    const BenchCell *like = plan->cells->pdata[0];
    for (guint i = 0; i < plan->ways->len && plan->fixed_rate; i++) {
        const char *way = ((const BenchWay *)plan->ways->pdata[i])->name;
        BenchFigure others;
        const BenchCell *cell = bench_find(plan, way, plan->main_size, 3, plan->fixed_rate, like->work, like->pin, "stop");
        if (bench_figure(cell, "others_per_second", &others))
            g_string_append_printf(words, "%s%s %.0f", words->len ? ", " : "", way, others.median);
    }
    if (words->len)
        say(sentences, "When one of three consumers stops, the others still get, of %u frames a second: %s.", plan->fixed_rate,
            words->str);
    g_string_free(words, TRUE);
}

GPtrArray *bench_glance(const BenchPlan *plan)
{
    GPtrArray *sentences = g_ptr_array_new_with_free_func(g_free);
    say_speed(plan, sentences);
    say_places(plan, sentences);
    say_limit(plan, sentences);
    say_crossings(plan, sentences);
    say_losses(plan, sentences);
    say_latency(plan, sentences);
    say_stalls(plan, sentences);
    return sentences;
}
