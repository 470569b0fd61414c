/* The axes of a plot: what lies on them, and where their marks stand. For plot.c alone. */
#ifndef BENCH_PLOT_AXIS_H
#define BENCH_PLOT_AXIS_H

#include "plot.h"

/* An axis as it is drawn. */
typedef struct {
    BenchScale scale;
    double low, high;
} PlotSpan;

gboolean plot_is_log(BenchScale scale);
gboolean plot_fits(BenchScale scale, double value); /* it can be drawn */

/* From {scale, INFINITY, -INFINITY}: takes one value in; then, when it has all, makes room around them. A linear axis begins at
 * zero, or ends there. */
void plot_stretch(PlotSpan *span, double value);
void plot_give_room(PlotSpan *span);

double plot_place(const PlotSpan *span, double value); /* between the axis' ends, 0 to 1 */

/* "'1k' 1000, '2k' 2000", about six of them. */
void plot_add_ticks(GString *script, const PlotSpan *span);

#endif
