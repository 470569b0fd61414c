#include "cells.h"

#include <stdlib.h>
#include <string.h>

#define MOST_BYTES (1ull << 30)

/* ---- lists ---- */

/* Bytes of a picture in I420, whose chroma has half as many rows and columns, rounded up to what the programs take. */
static guint64 picture_bytes(guint64 width, guint64 height)
{
    return (width * height + 2 * ((width + 1) / 2) * ((height + 1) / 2) + 7) / 8 * 8;
}

static void free_size(gpointer data)
{
    BenchSize *size = data;
    g_free(size->name);
    g_free(size);
}

/* "1080p" is 16:9, "640x360" what it says, "64", "4K", "1M" are bytes. NULL: none of them. */
static BenchSize *size_from(const char *word)
{
    char *end;
    guint64 number = g_ascii_strtoull(word, &end, 10), bytes = 0;
    g_autofree char *name = NULL;
    if (end == word || number == 0 || number > MOST_BYTES)
        return NULL;
    if (strcmp(end, "p") == 0 && number <= 8640) {
        guint64 width = (number * 16 / 9 + 1) / 2 * 2;
        bytes = picture_bytes(width, number);
        name = g_strdup(word);
    } else if (*end == 'x') {
        char *rest;
        guint64 height = g_ascii_strtoull(end + 1, &rest, 10);
        bytes = *rest || height == 0 || height > 32768 || number > 32768 ? 0 : picture_bytes(number, height);
        name = g_strdup(word);
    } else if (strcmp(end, "") == 0 || strcmp(end, "B") == 0) {
        bytes = number % 8 ? 0 : number;
        name = g_strdup_printf("%" G_GUINT64_FORMAT " B", number);
    } else if (strcmp(end, "K") == 0 || strcmp(end, "M") == 0) {
        bytes = number << (*end == 'K' ? 10 : 20);
        name = g_strdup_printf("%" G_GUINT64_FORMAT " %ciB", number, *end);
    }
    if (bytes < 64 || bytes > MOST_BYTES)
        return NULL;
    BenchSize *size = g_new0(BenchSize, 1);
    size->name = g_steal_pointer(&name);
    size->bytes = bytes;
    return size;
}

static gint by_bytes(gconstpointer a, gconstpointer b)
{
    const BenchSize *first = *(BenchSize *const *)a, *second = *(BenchSize *const *)b;
    return (first->bytes > second->bytes) - (first->bytes < second->bytes);
}

static gboolean read_sizes(GPtrArray *sizes, const char *list, char **error)
{
    g_auto(GStrv) words = g_strsplit(list, ",", -1);
    for (char **word = words; *word; word++) {
        BenchSize *size = size_from(*word);
        if (!size) {
            *error = g_strdup_printf("--size: '%s': 64 (bytes, a multiple of 8, 64 at least), 4K, 1M, 720p or 640x360", *word);
            return FALSE;
        }
        g_ptr_array_add(sizes, size);
    }
    g_ptr_array_sort(sizes, by_bytes);
    return TRUE;
}

static const BenchWay *way_named(const char *name)
{
    for (const BenchWay *way = bench_ways; way->name; way++)
        if (strcmp(way->name, name) == 0)
            return way;
    return NULL;
}

static gboolean read_ways(GPtrArray *ways, const BenchOptions *options, char **error)
{
    g_auto(GStrv) words = g_strsplit(options->transports ? options->transports : "", ",", -1);
    for (const BenchWay *way = bench_ways; way->name && !options->transports; way++)
        if (way->in_quick || !options->quick)
            g_ptr_array_add(ways, (gpointer)way);
    for (char **word = words; *word; word++) {
        const BenchWay *way = way_named(*word);
        if (!way) {
            GString *known = g_string_new(NULL);
            for (const BenchWay *w = bench_ways; w->name; w++)
                g_string_append_printf(known, "%s%s", w == bench_ways ? "" : ", ", w->name);
            *error = g_strdup_printf("--transport: there is no '%s'; there are %s", *word, known->str);
            g_string_free(known, TRUE);
            return FALSE;
        }
        g_ptr_array_add(ways, (gpointer)way);
    }
    return TRUE;
}

/* Words of a list, each of which must be one of these. */
static GPtrArray *read_words(const char *option, const char *list, const char *const *allowed, char **error)
{
    g_auto(GStrv) words = g_strsplit(list, ",", -1);
    g_autoptr(GPtrArray) read = g_ptr_array_new_with_free_func(g_free);
    for (char **word = words; *word; word++) {
        if (!g_strv_contains(allowed, *word)) {
            g_autofree char *all = g_strjoinv(", ", (char **)allowed);
            *error = g_strdup_printf("%s: '%s' is none of %s", option, *word, all);
            return NULL;
        }
        g_ptr_array_add(read, g_strdup(*word));
    }
    return g_steal_pointer(&read);
}

static GArray *read_numbers(const char *option, const char *list, guint most, char **error)
{
    g_auto(GStrv) words = g_strsplit(list, ",", -1);
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(guint));
    for (char **word = words; *word; word++) {
        guint64 number;
        gboolean maximum = strcmp(option, "--rate") == 0 && strcmp(*word, "max") == 0;
        if (!maximum && !g_ascii_string_to_unsigned(*word, 10, 1, most, &number, NULL)) {
            *error = g_strdup_printf("%s: '%s' is no number from 1 to %u%s", option, *word, most,
                                     strcmp(option, "--rate") == 0 ? ", nor max" : "");
            return NULL;
        }
        g_array_append_val(numbers, ((guint[]){maximum ? 0 : (guint)number})[0]);
    }
    return g_steal_pointer(&numbers);
}

/* ---- cells ---- */

static void free_run(gpointer run)
{
    bench_run_free(run);
}

static void free_cell(gpointer data)
{
    BenchCell *cell = data;
    g_ptr_array_unref(cell->runs);
    bench_run_free(cell->traced);
    g_free(cell);
}

static void add(BenchPlan *plan, const BenchCell *like)
{
    for (guint i = 0; i < plan->cells->len; i++) {
        const BenchCell *have = plan->cells->pdata[i];
        if (have->way == like->way && have->size == like->size && have->consumers == like->consumers && have->rate == like->rate &&
            have->again == like->again && strcmp(have->work, like->work) == 0 && strcmp(have->pin, like->pin) == 0 &&
            strcmp(have->stall, like->stall) == 0)
            return;
    }
    BenchCell *cell = g_memdup2(like, sizeof *like);
    cell->runs = g_ptr_array_new_with_free_func(free_run);
    g_ptr_array_add(plan->cells, cell);
}

/* Which ways a question is asked of: a whole report would take an hour if each were asked of all. */
typedef enum { OF_ALL, OF_SEVERAL_CONSUMERS, OF_THE_MAIN_ONES } Asked;

static gboolean is_asked(const BenchWay *way, Asked asked)
{
    if (way->only_stalled || asked == OF_ALL)
        return !way->only_stalled;
    return asked == OF_SEVERAL_CONSUMERS ? way->when_many : way->when_stalled;
}

/* One cell for each way that is asked (those that were named all are), and where `again` says so the first way once more. */
static void add_all(BenchPlan *plan, BenchCell like, gboolean again, Asked asked)
{
    for (guint i = 0; i < plan->ways->len; i++) {
        like.way = plan->ways->pdata[i];
        if (like.way->only_alone && like.consumers > 1)
            continue;
        if (plan->named || is_asked(like.way, asked))
            add(plan, &like);
    }
    like.way = plan->ways->pdata[0];
    like.again = TRUE;
    if (again)
        add(plan, &like);
}

/* Three consumers at a fixed rate: all as they should be, the first slow, the first stopped. */
static void add_stalls(BenchPlan *plan, const BenchOptions *options, const BenchCell *like)
{
    static const char *const stalls[] = {"none", "slow", "stop"};
    for (guint s = 0; s < G_N_ELEMENTS(stalls); s++) {
        for (guint i = 0; i < plan->ways->len; i++) {
            BenchCell cell = *like;
            cell.way = plan->ways->pdata[i];
            cell.consumers = 3;
            cell.stall = stalls[s];
            cell.seconds = options->seconds > 0 ? options->seconds : options->quick ? 0.5 : 0.6;
            if ((plan->named && !cell.way->only_alone) || cell.way->when_stalled)
                add(plan, &cell);
        }
    }
}

typedef struct {
    GArray *consumers, *rates;
    GPtrArray *works, *pins;
} Lists;

/* Whether a kind of work that is not the first is done at a size: at the main and the largest, unless sizes were asked for. */
static gboolean shows_work(const BenchPlan *plan, const BenchOptions *options, guint size)
{
    return options->sizes || size + 1 == plan->sizes->len || plan->sizes->pdata[size] == plan->main_size;
}

static void add_cells(BenchPlan *plan, const BenchOptions *options, const Lists *lists)
{
    double quick = options->quick ? 0.1 : 0.2, paced = options->quick ? 0.4 : 3.0;
    BenchCell like = {.consumers = g_array_index(lists->consumers, guint, 0), .stall = "none"};
    like.work = lists->works->pdata[0];
    like.pin = lists->pins->pdata[0];
    for (guint r = 0; r < lists->rates->len; r++) {
        like.rate = g_array_index(lists->rates, guint, r);
        like.seconds = options->seconds > 0 ? options->seconds : like.rate ? paced : quick;
        if (like.rate && !plan->fixed_rate)
            plan->fixed_rate = like.rate;
        for (guint s = 0; s < plan->sizes->len; s++) {
            like.size = plan->sizes->pdata[s];
            gboolean main_size = like.size == plan->main_size;
            if (like.rate && !main_size && !options->sizes)
                continue; /* latency is asked at one size, unless sizes were asked for */
            for (guint w = 0; w < lists->works->len && (w == 0 || !like.rate); w++) {
                BenchCell cell = like;
                cell.work = lists->works->pdata[w];
                if (w == 0 || shows_work(plan, options, s))
                    add_all(plan, cell, w == 0, OF_ALL);
            }
        }
        like.size = plan->main_size;
        for (guint c = 1; c < lists->consumers->len && (!like.rate || options->consumers); c++) {
            BenchCell cell = like;
            cell.consumers = g_array_index(lists->consumers, guint, c);
            add_all(plan, cell, FALSE, OF_SEVERAL_CONSUMERS);
        }
        for (guint p = 1; p < lists->pins->len; p++) {
            BenchCell cell = like;
            cell.pin = lists->pins->pdata[p];
            add_all(plan, cell, FALSE, OF_THE_MAIN_ONES);
        }
        if (like.rate && like.rate == plan->fixed_rate)
            add_stalls(plan, options, &like);
    }
}

static const BenchSize *choose_main_size(const GPtrArray *sizes)
{
    for (guint i = 0; i < sizes->len; i++) {
        const BenchSize *size = sizes->pdata[i];
        if (strcmp(size->name, "1080p") == 0)
            return size;
    }
    return sizes->pdata[sizes->len - 1];
}

static gboolean read_lists(BenchPlan *plan, const BenchOptions *options, Lists *lists, char **error)
{
    static const char *const works[] = {"none", "touch", "read", "write+read", NULL}, *const pins[] = {"across", "one", "free",
                                                                                                       NULL};
    gboolean quick = options->quick;
    const char *sizes = quick ? "64,4K,64K,1080p,2160p" : "64,4K,64K,720p,1080p,2160p";
    return read_ways(plan->ways, options, error) && read_sizes(plan->sizes, options->sizes ? options->sizes : sizes, error) &&
           (lists->consumers = read_numbers("--consumers",
                                            options->consumers ? options->consumers
                                            : quick            ? "1,2,4,8"
                                                               : "1,2,4,8,16",
                                            32, error)) &&
           (lists->rates = read_numbers("--rate", options->rates ? options->rates : "max,60", 100000, error)) &&
           (lists->works = read_words("--work",
                                      options->works ? options->works
                                      : quick        ? "write+read"
                                                     : "write+read,none",
                                      works, error)) &&
           (lists->pins = read_words("--pin",
                                     options->pins ? options->pins
                                     : quick       ? "across"
                                                   : "across,one,free",
                                     pins, error));
}

static void clear_lists(Lists *lists)
{
    g_clear_pointer(&lists->consumers, g_array_unref);
    g_clear_pointer(&lists->rates, g_array_unref);
    g_clear_pointer(&lists->pins, g_ptr_array_unref);
}

BenchPlan *bench_plan_create(const BenchOptions *options, char **error)
{
    g_autoptr(BenchPlan) plan = g_new0(BenchPlan, 1);
    Lists lists = {0};
    plan->cells = g_ptr_array_new_with_free_func(free_cell);
    plan->sizes = g_ptr_array_new_with_free_func(free_size);
    plan->ways = g_ptr_array_new();
    plan->named = options->transports != NULL;
    if (read_lists(plan, options, &lists, error)) {
        plan->works = lists.works;
        plan->rates = g_array_ref(lists.rates);
        plan->pins = lists.pins ? g_ptr_array_ref(lists.pins) : NULL;
        plan->main_size = choose_main_size(plan->sizes);
        add_cells(plan, options, &lists);
    } else {
        g_clear_pointer(&lists.works, g_ptr_array_unref);
    }
    clear_lists(&lists);
    return *error ? NULL : g_steal_pointer(&plan);
}

void bench_plan_free(BenchPlan *plan)
{
    if (!plan)
        return;
    g_ptr_array_unref(plan->cells);
    g_ptr_array_unref(plan->sizes);
    g_ptr_array_unref(plan->ways);
    g_clear_pointer(&plan->works, g_ptr_array_unref);
    g_clear_pointer(&plan->pins, g_ptr_array_unref);
    g_clear_pointer(&plan->rates, g_array_unref);
    g_free(plan);
}

gboolean bench_reads_all(const BenchCell *cell)
{
    return strcmp(cell->work, "read") == 0 || strcmp(cell->work, "write+read") == 0;
}

GStrv bench_cell_words(const BenchCell *cell, const char *programs)
{
    g_autoptr(GStrvBuilder) words = g_strv_builder_new();
    g_autofree char *path = programs ? g_build_filename(programs, cell->way->command[0], NULL) : g_strdup(cell->way->command[0]);
    g_autofree char *bytes = g_strdup_printf("%" G_GUINT64_FORMAT, cell->size->bytes);
    g_autofree char *consumers = g_strdup_printf("%u", cell->consumers), *rate = g_strdup_printf("%u", cell->rate);
    char seconds[G_ASCII_DTOSTR_BUF_SIZE];
    g_strv_builder_add(words, path);
    for (guint i = 1; i < MICRO_MAX_ARGUMENTS && cell->way->command[i]; i++)
        g_strv_builder_add(words, cell->way->command[i]);
    g_strv_builder_add_many(words, "--bytes", bytes, "--work", cell->work, "--pin", cell->pin, NULL);
    if (cell->consumers > 1)
        g_strv_builder_add_many(words, "--consumers", consumers, NULL);
    if (cell->rate)
        g_strv_builder_add_many(words, "--rate", rate, NULL);
    if (strcmp(cell->stall, "none") != 0)
        g_strv_builder_add_many(words, "--stall", cell->stall, NULL);
    g_strv_builder_add_many(words, "--seconds", g_ascii_formatd(seconds, sizeof seconds, "%.3f", cell->seconds), NULL);
    return g_strv_builder_end(words);
}
