#include "experiment.h"

extern const Experiment experiment_crossover, experiment_copies, experiment_batching, experiment_hol, experiment_buffers,
    experiment_false_sharing, experiment_remap, experiment_aba, experiment_wakeups;

const Experiment *const experiments[] = {
    &experiment_crossover,     &experiment_copies, &experiment_batching, &experiment_hol,     &experiment_buffers,
    &experiment_false_sharing, &experiment_remap,  &experiment_aba,      &experiment_wakeups, NULL,
};
