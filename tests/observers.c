/* An observer sees the newest frame of an output, whole or not at all, and costs its producer no slot and no wait. */
#include "check.h"
#include "picture.h"
#include "stand.h"

#include "../transport/internal.h"
#include <framelane/latest.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct scene {
    struct stand stand;
    struct stand_lane *lane;
    struct fl_context *context; /* the observer's */
    struct fl_observer *observer;
    struct fl_latest_region *own;
    int fd;
    atomic_bool over;
};

static void begin(struct scene *scene, bool knows_pool)
{
    void *own;
    stand_create(&scene->stand, FL_TRANSPORT_SHM, 4, 4096);
    scene->lane = stand_add(&scene->stand, FL_WHEN_FULL_WAIT, 2);
    scene->fd = fl_shm_mint("latest", fl_latest_bytes());
    CHECK(scene->fd >= 0);
    CHECK_EQ(fl_shm_map_writer(scene->fd, fl_latest_bytes(), &own), 0);
    CHECK_EQ(fl_shm_seal(scene->fd, fl_latest_bytes()), 0);
    scene->own = own;
    CHECK_EQ(fl_context_create(&scene->context), 0);
    if (knows_pool)
        wiring_pool_reader(scene->context, scene->stand.pool_fd, &scene->stand.pool_info);
    CHECK_EQ(fl_observer_create(scene->context, scene->fd, &scene->observer), 0);
}

static void end(struct scene *scene)
{
    fl_observer_destroy(scene->observer);
    fl_context_destroy(scene->context);
    stand_destroy(&scene->stand);
    close(scene->fd);
}

static void publish(struct scene *scene, uint64_t number)
{
    CHECK_EQ(stand_publish(&scene->stand, number), 0);
    CHECK_EQ(stand_next(scene->lane), number);
}

static void expect(struct scene *scene, uint64_t number, struct fl_peek *peek)
{
    CHECK_EQ(fl_observer_peek(scene->observer, peek), 0);
    CHECK_EQ(peek->desc.number, number);
    CHECK_EQ(picture_wrong_bytes(peek->base, &peek->desc, number), 0);
    CHECK_EQ(peek->capacity, 4096);
    CHECK(fl_observer_holds(scene->observer, peek));
}

static void the_newest_is_seen(void)
{
    struct scene scene;
    struct fl_peek peek, again;
    struct fl_observer_stats stats;
    begin(&scene, true);
    CHECK_EQ(fl_observer_peek(scene.observer, &peek), -EAGAIN);
    CHECK_EQ(fl_output_show_latest(scene.stand.output, scene.own), 0);
    CHECK_EQ(fl_observer_peek(scene.observer, &peek), -EAGAIN); /* nothing was published yet */
    CHECK_EQ(fl_output_show_latest(scene.stand.output, scene.own), -EALREADY);
    for (uint64_t number = 0; number < 20; number++) {
        publish(&scene, number);
        expect(&scene, number, &peek);
        expect(&scene, number, &again);
        CHECK_EQ(again.count, peek.count);
    }
    fl_observer_get_stats(scene.observer, &stats);
    CHECK_EQ(stats.peeks, 40);
    CHECK_EQ(stats.lost, 0);
    end(&scene);
}

static void what_was_published_before_is_shown(void)
{
    struct scene scene;
    struct fl_peek peek;
    begin(&scene, true);
    publish(&scene, 0);
    CHECK_EQ(fl_output_show_latest(scene.stand.output, scene.own), 0);
    expect(&scene, 0, &peek);
    end(&scene);
}

/* Whoever looks for longer than the slot is the newest's learns that it was too late. */
static void what_was_overwritten_is_told(void)
{
    struct scene scene;
    struct fl_peek peek;
    struct fl_observer_stats stats;
    begin(&scene, true);
    CHECK_EQ(fl_output_show_latest(scene.stand.output, scene.own), 0);
    publish(&scene, 0);
    CHECK_EQ(fl_observer_peek(scene.observer, &peek), 0);
    for (uint64_t number = 1; number < 9; number++)
        publish(&scene, number);
    CHECK(!fl_observer_holds(scene.observer, &peek));
    fl_version_open(&scene.stand.pool->versions[scene.stand.output->newest->slot], 1001);
    CHECK_EQ(fl_observer_peek(scene.observer, &peek), -ESTALE);
    fl_observer_get_stats(scene.observer, &stats);
    CHECK_EQ(stats.lost, 2);
    end(&scene);
}

static void observers_cost_no_slot(void)
{
    struct scene scene;
    struct fl_peek peek;
    begin(&scene, true);
    CHECK_EQ(fl_output_show_latest(scene.stand.output, scene.own), 0);
    publish(&scene, 0);
    CHECK_EQ(fl_observer_peek(scene.observer, &peek), 0);
    fl_context_service(scene.stand.producer);
    CHECK_EQ(fl_pool_free_slots(scene.stand.pool), 3); /* the newest alone */
    end(&scene);
}

static void a_pool_nobody_knows_is_named(void)
{
    struct scene scene;
    struct fl_peek peek;
    begin(&scene, false);
    CHECK_EQ(fl_output_show_latest(scene.stand.output, scene.own), 0);
    publish(&scene, 0);
    CHECK_EQ(fl_observer_peek(scene.observer, &peek), -ENOENT);
    wiring_pool_reader(scene.context, scene.stand.pool_fd, &scene.stand.pool_info);
    expect(&scene, 0, &peek);
    end(&scene);
}

/* A writer that lies, word by word. */
static void a_lie_is_not_believed(void)
{
    struct scene scene;
    struct fl_peek peek;
    union fl_announcement lie;
    begin(&scene, true);
    CHECK_EQ(fl_output_show_latest(scene.stand.output, scene.own), 0);
    publish(&scene, 0);
    const union fl_announcement good = scene.stand.output->announcement;
#define LIES(change, error)                                                                                                        \
    do {                                                                                                                           \
        lie = good;                                                                                                                \
        change;                                                                                                                    \
        fl_latest_write(scene.own, lie.words);                                                                                     \
        CHECK_EQ(fl_observer_peek(scene.observer, &peek), error);                                                                  \
    } while (0)
    LIES(lie.entry.offset = 0, -EBADMSG);
    LIES(lie.entry.offset += 8, -EBADMSG);
    LIES(lie.entry.offset += 4 * 4096, -EBADMSG);
    LIES(lie.entry.offset = UINT64_MAX - 4095, -EBADMSG);
    LIES(lie.entry.desc.planes[0].rows = UINT32_MAX, -EBADMSG);
    LIES(lie.entry.desc.kind = 9, -EBADMSG);
    LIES(lie.entry.version += 1, -ESTALE);
    LIES(lie.entry.version += 2, -ESTALE);
    LIES(lie.entry.pool = 0, -ENOENT);
#undef LIES
    fl_latest_write(scene.own, good.words);
    expect(&scene, 0, &peek);
    fl_store(&scene.own->seq, 7, FL_RELEASE); /* in the middle of it, for ever */
    CHECK_EQ(fl_observer_peek(scene.observer, &peek), -EAGAIN);
    end(&scene);
}

static void *write_on(void *arg)
{
    struct scene *scene = arg;
    union fl_announcement words = scene->stand.output->announcement;
    for (uint64_t number = 0; !atomic_load_explicit(&scene->over, memory_order_relaxed); number++) {
        words.entry.desc.number = words.entry.desc.origin_ns = number; /* the two lie far apart */
        fl_latest_write(scene->own, words.words);
    }
    return NULL;
}

/* A writer that never rests: what is seen belongs together, and what was caught in the middle is not seen. */
static void words_of_two_frames_are_never_mixed(void)
{
    struct scene scene;
    struct fl_peek peek;
    pthread_t writer;
    unsigned whole = 0, caught = 0;
    begin(&scene, true);
    CHECK_EQ(fl_output_show_latest(scene.stand.output, scene.own), 0);
    publish(&scene, 0);
    atomic_store(&scene.over, false);
    CHECK_EQ(pthread_create(&writer, NULL, write_on, &scene), 0);
    while (whole < 20000 || caught < 20000) {
        int error = fl_observer_peek(scene.observer, &peek);
        CHECK(error == 0 || error == -EAGAIN);
        if (error == 0)
            CHECK(peek.desc.number == peek.desc.origin_ns || peek.desc.origin_ns == 0);
        whole += error == 0;
        caught += error < 0;
    }
    atomic_store(&scene.over, true);
    CHECK_EQ(pthread_join(writer, NULL), 0);
    end(&scene);
}

static void memory_that_is_not_sealed_is_refused(void)
{
    struct fl_context *context;
    struct fl_observer *observer = NULL;
    int fd = fl_shm_mint("not sealed", fl_latest_bytes());
    CHECK(fd >= 0);
    CHECK_EQ(fl_context_create(&context), 0);
    CHECK_EQ(fl_observer_create(context, fd, &observer), -EPERM);
    CHECK(observer == NULL);
    fl_observer_destroy(NULL);
    fl_context_destroy(context);
    close(fd);
}

/* A frame that came through a pipe lies in nobody's pool. */
static void what_lies_in_no_pool_is_not_shown(void)
{
    struct scene scene;
    struct stand source;
    struct fl_peek peek;
    struct fl_frame *frame;
    begin(&scene, true);
    stand_create(&source, FL_TRANSPORT_PIPE, 4, 4096);
    struct stand_lane *pipe = stand_add(&source, FL_WHEN_FULL_WAIT, 2);
    struct fl_output *output;
    CHECK_EQ(fl_output_create(pipe->consumer, &output), 0);
    CHECK_EQ(fl_output_show_latest(output, scene.own), 0);
    CHECK_EQ(stand_publish(&source, 0), 0);
    CHECK_EQ(stand_take(pipe, &frame), 0);
    CHECK_EQ(fl_output_publish(output, frame, fl_frame_desc(frame)), 0);
    CHECK_EQ(fl_observer_peek(scene.observer, &peek), -EAGAIN);
    fl_frame_release(frame);
    fl_output_close(output);
    stand_destroy(&source);
    end(&scene);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"the newest is seen", the_newest_is_seen},
        {"what was published before is shown", what_was_published_before_is_shown},
        {"what was overwritten is told", what_was_overwritten_is_told},
        {"observers cost no slot", observers_cost_no_slot},
        {"a pool nobody knows is named", a_pool_nobody_knows_is_named},
        {"a lie is not believed", a_lie_is_not_believed},
        {"words of two frames are never mixed", words_of_two_frames_are_never_mixed},
        {"memory that is not sealed is refused", memory_that_is_not_sealed_is_refused},
        {"what lies in no pool is not shown", what_lies_in_no_pool_is_not_shown},
    };
    return CHECK_RUN(cases);
}
