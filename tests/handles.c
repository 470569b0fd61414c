/* A handle says what it stands for: what of it may be written, where its planes and its slot lie, and for how long. */
#include "check.h"
#include "picture.h"
#include "stand.h"

#include "../transport/internal.h"

#include <errno.h>

static void only_an_acquired_slot_may_be_written(void)
{
    struct stand stand;
    struct fl_frame *frame, *taken;
    struct fl_desc desc;
    uint64_t offset;
    stand_create(&stand, FL_TRANSPORT_SHM, 4, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 2);
    CHECK_EQ(fl_pool_acquire(stand.pool, &frame), 0);
    CHECK(fl_frame_data(frame) != NULL && !fl_frame_published(frame));
    picture_describe(&desc, 0, 40, 6, 48);
    picture_fill(fl_frame_data(frame), &desc, 0);
    CHECK_EQ(fl_output_publish(stand.output, frame, &desc), 0);
    CHECK(fl_frame_data(frame) == NULL && fl_frame_published(frame));
    CHECK(fl_frame_pool(frame, NULL) == stand.pool);
    CHECK_EQ(fl_lane_take(lane->rx, &taken), 0);
    CHECK(fl_frame_data(taken) == NULL && fl_frame_published(taken));
    CHECK(fl_frame_pool(taken, &offset) != NULL);
    CHECK_EQ(offset, frame->offset);
    CHECK(fl_frame_plane(taken, 0) == fl_frame_base(taken) && fl_frame_plane(taken, 1) == NULL);
    fl_frame_release(taken);
    fl_frame_unref(frame);
    stand_destroy(&stand);
}

/* The output lets go of a frame; whoever else has a reference still has it. */
static void a_reference_outlives_the_output(void)
{
    struct stand stand;
    struct fl_frame *frame;
    struct fl_desc desc;
    stand_create(&stand, FL_TRANSPORT_SHM, 2, 4096);
    picture_describe(&desc, 0, 40, 6, 48);
    CHECK_EQ(fl_pool_acquire(stand.pool, &frame), 0);
    picture_fill(fl_frame_data(frame), &desc, 0);
    CHECK_EQ(fl_output_publish(stand.output, frame, &desc), 0); /* nobody listens; it is the newest all the same */
    fl_output_close(stand.output);
    CHECK_EQ(fl_pool_free_slots(stand.pool), 1);
    CHECK_EQ(picture_wrong_bytes(fl_frame_base(frame), fl_frame_desc(frame), 0), 0);
    fl_frame_unref(frame);
    CHECK_EQ(fl_pool_free_slots(stand.pool), 2);
    stand_destroy(&stand);
}

/* An abandoned life leaves the version odd; the next one is odd again, and another. */
static void a_life_that_was_abandoned_is_not_lived_again(void)
{
    struct stand stand;
    struct fl_frame *frame;
    uint64_t before;
    stand_create(&stand, FL_TRANSPORT_SHM, 1, 4096);
    CHECK_EQ(fl_pool_acquire(stand.pool, &frame), 0);
    before = frame->version;
    fl_frame_unref(frame);
    CHECK_EQ(fl_pool_acquire(stand.pool, &frame), 0);
    CHECK_EQ(frame->version, before + 2);
    CHECK_EQ(frame->version & 1, 1);
    fl_frame_unref(frame);
    stand_destroy(&stand);
}

static void a_payload_is_counted_as_far_as_there_are_planes(void)
{
    struct fl_desc desc;
    picture_describe(&desc, 0, 40, 6, 48);
    CHECK_EQ(fl_desc_payload_bytes(&desc), 240);
    desc.plane_count = 60000; /* nobody has checked it yet */
    CHECK_EQ(fl_desc_payload_bytes(&desc), 240);
}

/* Large slots: more are in use than the caches would hold, and then the newest freed comes first. */
static void what_was_freed_last_comes_first_when_much_is_in_use(void)
{
    enum { SLOTS = 6 };
    struct stand stand;
    struct fl_frame *frames[SLOTS], *again;
    stand_create(&stand, FL_TRANSPORT_PIPE, SLOTS, 8 << 20); /* private memory */
    for (unsigned i = 0; i < SLOTS; i++)
        CHECK_EQ(fl_pool_acquire(stand.pool, &frames[i]), 0);
    uint32_t last = frames[1]->slot;
    fl_frame_unref(frames[0]);
    fl_context_service(stand.producer);
    fl_frame_unref(frames[1]);
    CHECK_EQ(fl_pool_acquire(stand.pool, &again), 0);
    CHECK_EQ(again->slot, last);
    fl_frame_unref(again);
    for (unsigned i = 2; i < SLOTS; i++)
        fl_frame_unref(frames[i]);
    CHECK_EQ(fl_pool_free_slots(stand.pool), SLOTS);
    stand_destroy(&stand);
}

/* A frame that lies in private memory, and in no pool, can be sent on: over a pipe as it is, over shared memory to nobody. */
static void a_frame_of_no_pool_is_sent_on_by_pipe(void)
{
    struct stand above, below;
    struct fl_frame *frame;
    stand_create(&above, FL_TRANSPORT_PIPE, 4, 4096);
    struct stand_lane *first = stand_add(&above, FL_WHEN_FULL_WAIT, 2);
    stand_create(&below, FL_TRANSPORT_PIPE, 4, 4096);
    struct fl_output *output;
    struct fl_lane_info info = {.credits = 2, .transport = FL_TRANSPORT_PIPE};
    struct fl_output_lane *tx;
    struct fl_lane *rx;
    CHECK_EQ(fl_output_create(first->consumer, &output), 0);
    wiring_lane(output, below.producer, &info, &tx, &rx);
    CHECK_EQ(stand_publish(&above, 0), 0);
    CHECK_EQ(stand_take(first, &frame), 0);
    CHECK(fl_frame_pool(frame, NULL) == NULL);
    CHECK_EQ(fl_output_publish(output, frame, fl_frame_desc(frame)), 0);
    fl_frame_release(frame);
    CHECK_EQ(fl_lane_take(rx, &frame), 0);
    CHECK_EQ(picture_wrong_bytes(fl_frame_base(frame), fl_frame_desc(frame), 0), 0);
    fl_frame_release(frame);
    stand_destroy(&above);
    stand_destroy(&below);
}

static void *drop_many(void *pool)
{
    for (unsigned i = 0; i < 100000; i++) {
        struct fl_frame *frame;
        CHECK_EQ(fl_pool_acquire(pool, &frame), 0);
        fl_frame_unref(frame);
    }
    return NULL;
}

static void any_thread_may_drop_the_last_reference(void)
{
    enum { THREADS = 3, SLOTS = 64 };
    struct stand stand;
    pthread_t threads[THREADS];
    stand_create(&stand, FL_TRANSPORT_PIPE, SLOTS, 4096);
    for (unsigned i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, drop_many, stand.pool), 0);
    for (unsigned i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(fl_pool_free_slots(stand.pool), SLOTS);
    stand_destroy(&stand);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"only an acquired slot may be written", only_an_acquired_slot_may_be_written},
        {"a reference outlives the output", a_reference_outlives_the_output},
        {"a life that was abandoned is not lived again", a_life_that_was_abandoned_is_not_lived_again},
        {"a payload is counted as far as there are planes", a_payload_is_counted_as_far_as_there_are_planes},
        {"what was freed last comes first when much is in use", what_was_freed_last_comes_first_when_much_is_in_use},
        {"any thread may drop the last reference", any_thread_may_drop_the_last_reference},
        {"a frame of no pool is sent on by pipe", a_frame_of_no_pool_is_sent_on_by_pipe},
    };
    return CHECK_RUN(cases);
}
