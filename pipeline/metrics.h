/* --metrics: the figures of a run in Prometheus' text form (version 0.0.4).
 *
 *   FILE        written anew once a second, by rename, so that whoever reads it sees one moment whole: for node_exporter's textfile
 *               collector. The last figures stay there, with framelane_run_up 0
 *   ADDR:PORT   served at /metrics by framelane-metrics, a process of its own: what comes from the network is parsed by it alone.
 * The supervisor hands it the listening socket and, each time it is asked, the text in a file of memory
 *
 * Only the supervisor reads for it, in pages that the stages write anyhow; no stage is woken.
 */
#ifndef FL_METRICS_H
#define FL_METRICS_H

#include "run.h"

/* What framelane-metrics and the supervisor say to each other over its socket: ASK, then TEXT with the file of memory. */
enum fl_metrics_word { FL_METRICS_ASK = 0x200, FL_METRICS_TEXT };
struct fl_metrics_text {
    uint64_t bytes;
};
#define FL_METRICS_SOCKET_FD 3
#define FL_METRICS_LISTEN_FD 4

/* PORT, :PORT, ADDR:PORT, [ADDR]:PORT or localhost:PORT is an address, of loopback where none is named; everything else is a file,
 * but for a word without '/' that begins like an address and is none: it is refused, unless it ends in .prom. Listens,
 * or writes the file for the first time: 0; or an exit code after saying what is wrong. */
int fl_metrics_open(const char *where, FlMetrics **metrics);
/* From GO on. */
void fl_metrics_start(FlMetrics *metrics, FlRun *run); /* NULL is accepted */
/* The last figures, when every process is reaped. */
void fl_metrics_finish(FlMetrics *metrics); /* NULL is accepted */
void fl_metrics_close(FlMetrics *metrics);  /* frees it; NULL is accepted */

/* metrics-text.c: of this moment. To g_string_free. */
GString *fl_metrics_text(const FlRun *run, gboolean up);

#endif
