#include "run.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- the line while it runs ---- */

static gboolean on_terminal(void)
{
    const char *kind = g_getenv("TERM");
    return isatty(STDERR_FILENO) && kind && strcmp(kind, "dumb") != 0;
}

static void append_clock(GString *line, gint64 us)
{
    gint64 seconds = MAX(us, 0) / G_USEC_PER_SEC;
    g_string_append_printf(line, "  %02d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60));
}

static void append_pace(FlRun *run, GString *line, gint64 now, const FlTally *tally)
{
    double seconds = fl_run_seconds(run->tick_us, now);
    gint64 position;
    gboolean known = fl_run_position_us(run, &position);
    append_clock(line, known ? position : now - run->go_us);
    if (seconds > 0)
        g_string_append_printf(line, "  %.1f fps", (double)(tally->frames_out - run->tick_frames) / seconds);
    if (seconds > 0 && known && run->tick_pts_us != G_MININT64 && position >= run->tick_pts_us)
        g_string_append_printf(line, "  %.2fx", (double)(position - run->tick_pts_us) / G_USEC_PER_SEC / seconds);
    run->tick_pts_us = known ? position : G_MININT64;
    run->tick_frames = tally->frames_out;
    run->tick_us = now;
}

/* Milliseconds of work a frame since the last line. The time in its functions counts sleep for a clock or a network too, CPU time
 * counts what its threads do side by side: the lesser of the two is neither. */
static double work_ms(FlRunStage *stage)
{
    uint64_t busy = FL_RUN_STAT(stage, busy_ns), cpu = fl_run_cpu_ns(stage), frames = fl_run_stage_frames(stage);
    uint64_t worked = MIN(busy - stage->tick_busy_ns, cpu - MIN(stage->tick_cpu_ns, cpu));
    double ms = frames > stage->tick_frames ? (double)worked / 1e6 / (double)(frames - stage->tick_frames) : 0;
    stage->tick_busy_ns = busy;
    stage->tick_cpu_ns = cpu;
    stage->tick_frames = frames;
    return ms;
}

static void append_slowest(FlRun *run, GString *line)
{
    const FlRunStage *slowest = NULL;
    double most_ms = 0;
    for (unsigned i = 0; i < run->stage_count; i++) {
        double ms = work_ms(&run->stages[i]);
        if (ms > most_ms) {
            most_ms = ms;
            slowest = &run->stages[i];
        }
    }
    if (slowest)
        g_string_append_printf(line, "  slowest: %s %.*f ms", slowest->config->name, most_ms < 10 ? 1 : 0, most_ms);
}

static GString *compose_line(FlRun *run)
{
    FlTally tally;
    fl_run_tally(run, &tally);
    unsigned good = 0;
    for (unsigned i = 0; i < run->stage_count; i++)
        good += run->stages[i].life == FL_LIFE_RUNNING || run->stages[i].done;
    GString *line = g_string_new(run->pipeline->name);
    append_pace(run, line, g_get_monotonic_time(), &tally);
    g_string_append_printf(line, "  %u stage%s ok  drop %" G_GUINT64_FORMAT, good, good == 1 ? "" : "s", tally.dropped_error);
    if (tally.dropped_policy)
        g_string_append_printf(line, " (+%" G_GUINT64_FORMAT " by policy)", tally.dropped_policy);
    if (run->pipeline->transport == FL_TRANSPORT_SHM) {
        g_autofree char *bytes = fl_bytes_text(run->pool_bytes);
        g_string_append_printf(line, "  shm %s", bytes);
    }
    append_slowest(run, line);
    return line;
}

void fl_run_show_progress(FlRun *run)
{
    struct winsize window = {0};
    gboolean terminal = on_terminal();
    if (run->options.quiet || (!terminal && !run->options.verbose))
        return;
    g_autoptr(GString) line = compose_line(run);
    if (!terminal) {
        fprintf(stderr, "%s\n", line->str);
        return;
    }
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1)
        g_string_truncate(line, MIN(line->len, (gsize)window.ws_col - 1));
    fprintf(stderr, "\r\033[K%s", line->str);
    fflush(stderr);
    run->line_shown = TRUE;
}

void fl_run_hide_progress(FlRun *run)
{
    if (run->line_shown)
        fputs("\r\033[K", stderr);
    run->line_shown = FALSE;
}

/* ---- the summary at the end ---- */

/* "1 frame in", "2 frames in" */
static void append_count(GString *line, uint64_t count, const char *one, const char *many)
{
    if (count)
        g_string_append_printf(line, "%s%" G_GUINT64_FORMAT " %s", line->len ? ", " : "", count, count == 1 ? one : many);
}

static void show_stage(const FlRunStage *stage, int name_width)
{
    g_autoptr(GString) did = g_string_new(NULL);
    const char *url =
        stage->config->kind->flags & (FL_KIND_READS_FILE | FL_KIND_WRITES_FILE) ? fl_stage_config_get(stage->config, "url") : NULL;
    g_autofree char *file = url && strcmp(url, "-") != 0 ? g_path_get_basename(url) : NULL;
    uint64_t bytes, copies = fl_run_stage_copies(stage, &bytes);
    append_count(did, FL_RUN_STAT(stage, frames_in), "frame in", "frames in");
    append_count(did, FL_RUN_STAT(stage, frames_out), "frame out", "frames out");
    append_count(did, FL_RUN_STAT(stage, packets_in), "packet in", "packets in");
    append_count(did, FL_RUN_STAT(stage, packets_out), "packet out", "packets out");
    append_count(did, copies, "copy", "copies");
    append_count(did, FL_RUN_STAT(stage, damage), "error in its input", "errors in its input");
    fprintf(stderr, "  %-*s  %-8s %7.2f s cpu  %s%s%s\n", name_width, stage->config->name, stage->config->kind->name,
            (double)fl_run_cpu_ns(stage) / 1e9, file ? file : "", file && did->len ? ": " : "", did->str);
}

static void show_copies(const FlRun *run, const FlTally *tally)
{
    g_autofree char *memory = fl_bytes_text(run->pool_bytes_peak), *copied = fl_bytes_text(tally->copied_bytes);
    gboolean shm = run->pipeline->transport == FL_TRANSPORT_SHM;
    if (tally->copies)
        fprintf(stderr, "  copies of frames: %" G_GUINT64_FORMAT " (%s)", tally->copies, copied);
    else
        fprintf(stderr, "  no frame was copied between processes");
    fprintf(stderr, shm ? "; %s of shared memory\n" : "; over pipes\n", memory);
    if (tally->dropped_policy)
        fprintf(stderr, "  dropped by policy: %" G_GUINT64_FORMAT "\n", tally->dropped_policy);
    if (tally->dropped_packets)
        fprintf(stderr, "  packets of sound dropped with them: %" G_GUINT64_FORMAT "\n", tally->dropped_packets);
    if (tally->dropped_error)
        fprintf(stderr, "  still on their way when it ended: %" G_GUINT64_FORMAT "\n", tally->dropped_error);
}

void fl_run_show_summary(FlRun *run)
{
    FlTally tally;
    int name_width = 0;
    double seconds = fl_run_seconds(run->go_us, run->ended_us);
    if (run->options.quiet)
        return;
    fl_run_tally(run, &tally);
    for (unsigned i = 0; i < run->stage_count; i++)
        name_width = MAX(name_width, (int)strlen(run->stages[i].config->name));
    fprintf(stderr, "%s: %" G_GUINT64_FORMAT " frame%s in %.2f s, %.1f fps\n", run->pipeline->name, tally.frames_out,
            tally.frames_out == 1 ? "" : "s", seconds, seconds > 0 ? (double)tally.frames_out / seconds : 0);
    for (unsigned i = 0; i < run->stage_count; i++)
        show_stage(&run->stages[i], name_width);
    show_copies(run, &tally);
}
