#include "commands.h"
#include "metrics.h"
#include "telling.h"

#include <errno.h>
#include <string.h>

void fl_telling_clear_words(FlTellingWords *words)
{
    char *texts[] = {words->json_file, words->drop_log, words->trace, words->metrics};
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
    *words = (FlTellingWords){0};
}

int fl_telling_check(const FlTellingWords *words)
{
    if (words->json && words->json_file)
        return fl_command_usage("run", "--json and --json=FILE at once");
    return 0;
}

static const FlStageConfig *writer_of_stdout(const FlPipeline *p)
{
    for (unsigned i = 0; i < p->stages->len; i++) {
        const FlStageConfig *stage = g_ptr_array_index(p->stages, i);
        const char *url = stage->kind && (stage->kind->flags & FL_KIND_WRITES_FILE) ? fl_stage_config_get(stage, "url") : NULL;
        if (url && strcmp(url, "-") == 0)
            return stage;
    }
    return NULL;
}

/* One of them at most has standard output. `taken`: what has it so far. */
static int open_one(const char *option, const char *file, const FlPipeline *p, const char **taken, FILE **out)
{
    if (!file)
        return 0;
    if (strcmp(file, "-") != 0) {
        *out = fopen(file, "we");
        if (!*out)
            fprintf(stderr, "run: %s %s: it cannot be written: %s%s\n", option, file, g_strerror(errno), fl_place_remedy(errno));
        return *out ? 0 : FL_EXIT_START;
    }
    const FlStageConfig *writer = writer_of_stdout(p);
    if (writer)
        return fl_command_usage("run", "%s and stage '%s' both want standard output; use %s=FILE or give the stage a file", option,
                                writer->name, option);
    if (*taken)
        return fl_command_usage("run", "%s and %s both want standard output; give one of them a file", *taken, option);
    *taken = option;
    *out = stdout;
    return 0;
}

static int open_told(const char *option, const char *file, const FlPipeline *p, const char **taken, FlToldFile *out)
{
    out->name = file;
    return open_one(option, file, p, taken, &out->file);
}

int fl_telling_open(const FlTellingWords *words, const FlPipeline *p, FlRunOptions *options)
{
    const char *taken = NULL;
    int error = open_one("--json", words->json ? "-" : words->json_file, p, &taken, &options->json);
    if (!error)
        error = open_told("--drop-log", words->drop_log, p, &taken, &options->drop_log);
    if (!error)
        error = open_told("--trace", words->trace, p, &taken, &options->trace);
    if (!error && words->metrics)
        error = fl_metrics_open(words->metrics, &options->metrics);
    return error;
}

void fl_telling_close(FlRunOptions *options)
{
    FILE *files[] = {options->json, options->drop_log.file, options->trace.file};
    for (unsigned i = 0; i < G_N_ELEMENTS(files); i++)
        if (files[i] && files[i] != stdout)
            fclose(files[i]);
    fl_metrics_close(options->metrics);
}

/* ---- while it goes on ---- */

static void say_incomplete(FlRun *run, FlToldFile *told, const char *option, int error)
{
    told->error = error ? error : EIO;
    g_autofree char *reason = fl_reason_text(told->error);
    fl_run_say(run, "warning: %s %s is not complete: %s; the run goes on without it", option,
               strcmp(told->name, "-") == 0 ? "(standard output)" : told->name, reason);
}

void fl_told_check(FlRun *run, FlToldFile *told, const char *option)
{
    int error = errno; /* of the write that failed a moment ago, if one did */
    if (!told->error && ferror(told->file))
        say_incomplete(run, told, option, error);
}

void fl_told_finish(FlRun *run, FlToldFile *told, const char *option)
{
    if (!told->error && fflush(told->file) != 0)
        say_incomplete(run, told, option, errno);
    fl_told_check(run, told, option);
}
