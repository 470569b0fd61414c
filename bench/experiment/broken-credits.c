/* A mistake, on purpose: every lane gets as many credits as a lane can have, so that nothing but the pool's end limits what a
 * consumer holds. Linked in with --wrap=wiring_fork; the pool is as large as the credits asked for would have made it. */
#include "../../tests/lib/wiring.h"

pid_t __real_wiring_fork(struct fl_output *output, const struct fl_lane_info *info, int pool_fd,
                         const struct fl_pool_info *pool_info, void (*body)(struct wiring_child *child), void *arg,
                         struct fl_output_lane **tx);
pid_t __wrap_wiring_fork(struct fl_output *output, const struct fl_lane_info *info, int pool_fd,
                         const struct fl_pool_info *pool_info, void (*body)(struct wiring_child *child), void *arg,
                         struct fl_output_lane **tx);

pid_t __wrap_wiring_fork(struct fl_output *output, const struct fl_lane_info *info, int pool_fd,
                         const struct fl_pool_info *pool_info, void (*body)(struct wiring_child *child), void *arg,
                         struct fl_output_lane **tx)
{
    struct fl_lane_info boundless = *info;
    boundless.credits = FL_LANE_MAX_CREDITS;
    return __real_wiring_fork(output, &boundless, pool_fd, pool_info, body, arg, tx);
}
