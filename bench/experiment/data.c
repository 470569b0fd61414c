#include "experiment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define RESAMPLES 1000

static void free_run(gpointer run)
{
    bench_run_free(run);
}

static void create_runs(ExperimentData *data)
{
    while (data->experiment->cells[data->cell_count].series)
        data->cell_count++;
    data->runs = g_new0(GPtrArray *, data->cell_count);
    data->others = g_array_new(FALSE, FALSE, sizeof(double));
    data->calm = g_array_new(FALSE, FALSE, sizeof(guint));
    data->disturbed = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < data->cell_count; i++)
        data->runs[i] = g_ptr_array_new_with_free_func(free_run);
}

void experiment_data_finish(ExperimentData *data)
{
    for (guint i = 0; i < data->cell_count; i++)
        g_ptr_array_unref(data->runs[i]);
    g_free(data->runs);
    g_array_unref(data->others);
    g_array_unref(data->calm);
    g_ptr_array_unref(data->disturbed);
}

/* The program built with the mistake asked for, where this one was built with it. */
static char *program_of(const ExperimentData *data, const char *command)
{
    if (data->broken) {
        g_autofree char *name = g_strdup_printf("%s-%s", command, data->broken);
        g_autofree char *path = g_build_filename(data->options->programs, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
            return g_steal_pointer(&name);
    }
    return g_strdup(command);
}

static BenchRun *run_cell(const ExperimentData *data, const ExperimentCell *cell)
{
    const char *command[MICRO_MAX_ARGUMENTS];
    g_autofree char *program = program_of(data, cell->command[0]);
    for (guint i = 0; i < MICRO_MAX_ARGUMENTS; i++)
        command[i] = cell->command[i];
    command[0] = program;
    return bench_run(data->options, command, bench_seconds(data->options, data->experiment->seconds), NULL);
}

/* Seconds of processor time: of everybody, as the system counts it, and of this program with all it has started. */
typedef struct {
    double all, own, when;
} Spent;

static double seconds_of(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static Spent spent(void)
{
    unsigned long long field[8] = {0}; /* user nice system idle iowait irq softirq steal */
    struct rusage self, children;
    Spent now = {NAN, 0, (double)g_get_monotonic_time() / 1e6};
    g_autofree char *text = NULL;
    if (g_file_get_contents("/proc/stat", &text, NULL, NULL) &&
        sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &field[0], &field[1], &field[2], &field[3], &field[4],
               &field[5], &field[6], &field[7]) == 8)
        now.all = (double)(field[0] + field[1] + field[2] + field[5] + field[6] + field[7]) / (double)sysconf(_SC_CLK_TCK);
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    now.own =
        seconds_of(&self.ru_utime) + seconds_of(&self.ru_stime) + seconds_of(&children.ru_utime) + seconds_of(&children.ru_stime);
    return now;
}

static double others_between(Spent before, Spent after)
{
    double others = (after.all - before.all) - (after.own - before.own);
    return fmax(others, 0) / ((after.when - before.when) * (double)sysconf(_SC_NPROCESSORS_ONLN));
}

static BenchOutcome play_round(ExperimentData *data, void **order, gboolean tell, char **reason)
{
    BenchOutcome outcome = BENCH_DONE;
    Spent before = spent();
    bench_shuffle(order, data->cell_count);
    for (guint i = 0; i < data->cell_count && outcome == BENCH_DONE; i++) {
        guint at = GPOINTER_TO_UINT(order[i]);
        const ExperimentCell *cell = &data->experiment->cells[at];
        if (tell)
            fprintf(stderr, "\r\033[K%s: round %u: %s at %g", data->experiment->name, data->rounds + 1, cell->series, cell->x);
        BenchRun *run = run_cell(data, cell);
        g_ptr_array_add(data->runs[at], run);
        outcome = run->outcome;
        if (outcome != BENCH_DONE)
            *reason = g_strdup_printf("%s at %g: %s", cell->series, cell->x, run->reason);
    }
    double others = isfinite(before.all) ? others_between(before, spent()) : NAN;
    g_array_append_val(data->others, others);
    data->rounds++;
    return outcome;
}

BenchOutcome experiment_measure(ExperimentData *data, guint rounds, char **reason)
{
    BenchOutcome outcome = BENCH_DONE;
    gboolean tell = isatty(STDERR_FILENO);
    create_runs(data);
    g_autofree void **order = g_new0(void *, data->cell_count);
    for (guint i = 0; i < data->cell_count; i++)
        order[i] = GUINT_TO_POINTER(i);
    guint most = data->options->quick ? rounds : 2 * rounds, calm = 0; /* what is quick is not judged */
    while (outcome == BENCH_DONE && calm < rounds && data->rounds < most) {
        outcome = play_round(data, order, tell, reason);
        experiment_find_calm(data);
        calm = data->rounds - experiment_disturbed_count(data);
    }
    if (tell)
        fprintf(stderr, "\r\033[K");
    return outcome;
}

/* ---- numbers ---- */

static GPtrArray *runs_of(const ExperimentData *data, const char *series, double x)
{
    for (guint i = 0; i < data->cell_count; i++)
        if (data->experiment->cells[i].x == x && g_str_equal(data->experiment->cells[i].series, series))
            return data->runs[i];
    return NULL;
}

double experiment_drawn(const ExperimentDraw *draw, const char *series, double x, const char *figure)
{
    GPtrArray *runs = runs_of(draw->data, series, x);
    g_autofree double *values = g_new0(double, draw->count);
    for (guint i = 0; i < draw->count; i++)
        if (!runs || !bench_run_figure(runs->pdata[draw->rounds[i]], figure, &values[i]))
            return NAN;
    return bench_median(values, draw->count);
}

static int compare(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

/* By the percentile method. The same data give the same interval. */
ExperimentNumber experiment_statistic(const ExperimentData *data, ExperimentStatistic statistic, gconstpointer argument)
{
    guint count = data->calm->len;
    g_autofree guint *rounds = g_memdup2(data->calm->data, count * sizeof *rounds);
    g_autofree double *values = g_new0(double, RESAMPLES);
    g_autoptr(GRand) random = g_rand_new_with_seed(count);
    ExperimentDraw draw = {data, rounds, count};
    ExperimentNumber number = {0};
    number.value = number.low = number.high = statistic(&draw, argument);
    if (count < 2 || !isfinite(number.value))
        return number;
    for (guint n = 0; n < RESAMPLES; n++) {
        for (guint i = 0; i < count; i++)
            rounds[i] = g_array_index(data->calm, guint, g_rand_int_range(random, 0, (gint32)count));
        values[n] = statistic(&draw, argument);
    }
    qsort(values, RESAMPLES, sizeof *values, compare);
    number.low = values[RESAMPLES / 40];
    number.high = values[RESAMPLES - 1 - RESAMPLES / 40];
    return number;
}

struct place {
    const char *figure, *series, *to_series;
    double x, to_x;
};

static double figure_at(const ExperimentDraw *draw, gconstpointer argument)
{
    const struct place *place = argument;
    return experiment_drawn(draw, place->series, place->x, place->figure);
}

static double ratio_at(const ExperimentDraw *draw, gconstpointer argument)
{
    const struct place *place = argument;
    return figure_at(draw, place) / experiment_drawn(draw, place->to_series, place->to_x, place->figure);
}

ExperimentNumber experiment_figure(const ExperimentData *data, const char *series, double x, const char *figure)
{
    return experiment_statistic(data, figure_at, &(struct place){.figure = figure, .series = series, .x = x});
}

ExperimentNumber experiment_ratio(const ExperimentData *data, const char *figure, const char *series, double x,
                                  const char *to_series, double to_x)
{
    struct place place = {.figure = figure, .series = series, .x = x, .to_series = to_series, .to_x = to_x};
    return experiment_statistic(data, ratio_at, &place);
}
