/* What `check` has found, for people and as JSON. */
#ifndef FL_CHECK_REPORT_H
#define FL_CHECK_REPORT_H

#include "budget.h"

void fl_check_print(const FlPipeline *pipeline, const FlBudget *budget);
/* `pipeline` and `budget` are NULL where it is not valid. One line. */
void fl_check_print_json(const char *file, const FlPipeline *pipeline, const FlBudget *budget, const FlDiagnostics *d);

#endif
