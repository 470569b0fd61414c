/* Where there is no memory a call says so, and everything is as it was. For the few calls that no whole run makes (see crash/). */
#include "check.h"
#include "fake.h"

#include <framelane/latest.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)

int main(void)
{
    check_skip("a sanitizer stands in for malloc itself");
}

#else

void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *at, size_t bytes);

static bool none_left;

/* Visible to the library, which calls them by these names. */
__attribute__((visibility("default"))) void *calloc(size_t count, size_t bytes)
{
    return none_left ? NULL : __libc_calloc(count, bytes);
}

__attribute__((visibility("default"))) void *realloc(void *at, size_t bytes)
{
    return none_left ? NULL : __libc_realloc(at, bytes);
}

static void a_lane_reaches_what_it_did(void)
{
    struct fl_context *context;
    struct fake_producer fake;
    struct fl_frame *frame;
    CHECK_EQ(fl_context_create(&context), 0);
    struct fl_lane *lane = fake_producer_create(&fake, context, 1, 4);
    for (unsigned told = 0; told < 2; told++) { /* of none, then of one */
        none_left = true;
        int error = fl_lane_reach(lane, 2);
        none_left = false;
        CHECK_EQ(error, -ENOMEM);
        struct fl_entry entry = fake_entry(&fake, 0, told);
        fake_announce(&fake, &entry);
        CHECK_EQ(fl_lane_take(lane, &frame), 0);
        fl_frame_release(frame);
        CHECK_EQ(fl_lane_reach(lane, 1), 0);
    }
    fl_context_destroy(context);
    fake_producer_destroy(&fake);
}

static void an_observer_is_not_made(void)
{
    struct fl_context *context;
    struct fl_observer *observer = NULL;
    int fd = fl_shm_mint("latest", fl_latest_bytes());
    CHECK(fd >= 0);
    CHECK_EQ(fl_shm_seal(fd, fl_latest_bytes()), 0);
    CHECK_EQ(fl_context_create(&context), 0);
    none_left = true;
    int error = fl_observer_create(context, fd, &observer);
    none_left = false;
    CHECK_EQ(error, -ENOMEM);
    CHECK(observer == NULL);
    CHECK_EQ(fl_observer_create(context, fd, &observer), 0);
    fl_observer_destroy(observer);
    fl_context_destroy(context);
    close(fd);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a lane reaches what it did", a_lane_reaches_what_it_did},
        {"an observer is not made", an_observer_is_not_made},
    };
    return CHECK_RUN(cases);
}

#endif
