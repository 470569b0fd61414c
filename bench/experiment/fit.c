#include "experiment.h"

#include <math.h>

ExperimentLine experiment_fit(const double *x, const double *y, guint count)
{
    double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
    ExperimentLine line = {NAN, NAN, NAN};
    guint used = 0;
    for (guint i = 0; i < count; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i]) || y[i] == 0)
            continue;
        double weight = 1 / (y[i] * y[i]);
        w += weight;
        wx += weight * x[i];
        wy += weight * y[i];
        wxx += weight * x[i] * x[i];
        wxy += weight * x[i] * y[i];
        used++;
    }
    if (used < 2)
        return line;
    line.b = (w * wxy - wx * wy) / (w * wxx - wx * wx);
    line.a = (wy - line.b * wx) / w;
    double squares = 0;
    for (guint i = 0; i < count; i++)
        if (isfinite(x[i]) && isfinite(y[i]) && y[i] != 0)
            squares += pow((line.a + line.b * x[i]) / y[i] - 1, 2);
    line.off = sqrt(squares / used);
    return line;
}

ExperimentLine experiment_fit_series(const ExperimentDraw *draw, const char *series, const char *figure, double (*of_x)(double x))
{
    const ExperimentCell *cells = draw->data->experiment->cells;
    g_autofree double *x = g_new0(double, draw->data->cell_count), *y = g_new0(double, draw->data->cell_count);
    guint count = 0;
    for (guint i = 0; cells[i].series; i++) {
        if (!g_str_equal(cells[i].series, series))
            continue;
        x[count] = of_x ? of_x(cells[i].x) : cells[i].x;
        y[count++] = experiment_drawn(draw, series, cells[i].x, figure);
    }
    return experiment_fit(x, y, count);
}
