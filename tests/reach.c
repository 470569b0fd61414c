/* A lane takes frames of the pools that can reach it, and of no other: one producer cannot point at another's pictures. */
#include "check.h"
#include "fake.h"

#include <errno.h>
#include <unistd.h>

enum { CREDITS = 4, OWN = 1, OTHERS = 2 };

struct scene {
    struct fl_context *context;
    struct fake_producer fake, other;
    struct fl_lane *lane, *other_lane;
};

static void begin(struct scene *scene)
{
    CHECK_EQ(fl_context_create(&scene->context), 0);
    scene->lane = fake_producer_create(&scene->fake, scene->context, OWN, CREDITS);
    scene->other_lane = fake_producer_create(&scene->other, scene->context, OTHERS, CREDITS);
}

static void end(struct scene *scene)
{
    fl_context_destroy(scene->context);
    fake_producer_destroy(&scene->fake);
    fake_producer_destroy(&scene->other);
}

/* The producer of `lane` announces a slot of that pool. */
static int announce(struct scene *scene, uint32_t pool)
{
    struct fl_entry entry = fake_entry(&scene->fake, 1, 0);
    struct fl_frame *frame;
    entry.pool = pool;
    fake_announce(&scene->fake, &entry);
    int error = fl_lane_take(scene->lane, &frame);
    if (error == 0)
        fl_frame_release(frame);
    fl_context_service(scene->context);
    return error;
}

static void a_lane_told_of_none_takes_of_all(void)
{
    struct scene scene;
    begin(&scene);
    CHECK_EQ(announce(&scene, OWN), 0);
    CHECK_EQ(announce(&scene, OTHERS), 0);
    end(&scene);
}

static void a_lane_told_of_some_takes_of_no_other(void)
{
    struct scene scene;
    struct fl_frame *frame;
    begin(&scene);
    CHECK_EQ(fl_lane_reach(scene.lane, 77), 0); /* before it is known here */
    CHECK_EQ(fl_lane_reach(scene.lane, OWN), 0);
    CHECK_EQ(announce(&scene, OWN), 0);
    CHECK_EQ(announce(&scene, OTHERS), -EBADMSG);
    CHECK_SAYS(fl_lane_fault(scene.lane), "of a pool that cannot be its own");
    struct fl_entry entry = fake_entry(&scene.other, 0, 5);
    fake_announce(&scene.other, &entry);
    CHECK_EQ(fl_lane_take(scene.other_lane, &frame), 0);
    fl_frame_release(frame);
    end(&scene);
}

/* A pool that is gone reaches nobody; that nothing is left does not mean that everything may come. */
static void a_pool_that_is_gone_is_forgotten(void)
{
    struct scene scene;
    struct fl_pool_info again = {.id = 3, .slot_count = 4, .slot_bytes = fl_pool_slot_bytes(1)};
    struct fl_pool *pool;
    begin(&scene);
    int fd = fl_shm_mint("short-lived", fl_pool_file_bytes(&again));
    void *base;
    CHECK(fd >= 0);
    CHECK_EQ(fl_shm_map_writer(fd, fl_pool_file_bytes(&again), &base), 0);
    CHECK_EQ(fl_shm_seal(fd, fl_pool_file_bytes(&again)), 0);
    CHECK_EQ(fl_pool_map_reader(fd, &again, &pool), 0);
    CHECK_EQ(fl_context_add_pool(scene.context, pool), 0);
    CHECK_EQ(fl_lane_reach(scene.lane, OWN), 0);
    CHECK_EQ(fl_lane_reach(scene.lane, 3), 0);
    CHECK_EQ(announce(&scene, OWN), 0);
    fl_pool_destroy(pool);
    CHECK_EQ(announce(&scene, OWN), 0); /* what it was not stays */
    CHECK_EQ(announce(&scene, 3), -ENOENT);
    fl_shm_unmap(base, fl_pool_file_bytes(&again));
    end(&scene);
}

/* What was found good for a pool was found good for that pool: another of its name is looked at anew. */
static void a_pool_of_the_same_name_is_looked_at_anew(void)
{
    struct scene scene;
    struct fl_pool_info info;
    struct fl_pool *pool;
    struct fl_frame *frame;
    begin(&scene);
    CHECK_EQ(announce(&scene, OWN), 0);
    struct fl_entry entry = fake_entry(&scene.fake, 1, 0);
    entry.type = FL_ENTRY_AS_BEFORE;
    info = scene.fake.pool_info;
    int fd = fl_shm_mint("of the same name", fl_pool_file_bytes(&info));
    void *base;
    CHECK(fd >= 0);
    CHECK_EQ(fl_shm_map_writer(fd, fl_pool_file_bytes(&info), &base), 0);
    CHECK_EQ(fl_shm_seal(fd, fl_pool_file_bytes(&info)), 0);
    for (unsigned i = 0; i < 4; i++)
        fl_store(&((struct fl_slot_version *)base)[i].version, 2, FL_RELEASE);
    info.id = 9;
    CHECK_EQ(fl_pool_map_reader(fd, &info, &pool), 0);
    CHECK_EQ(fl_context_add_pool(scene.context, pool), 0);
    CHECK_EQ(announce(&scene, 9), 0);
    fl_pool_destroy(pool);
    entry.pool = 9;
    fake_announce(&scene.fake, &entry);
    CHECK_EQ(fl_lane_take(scene.lane, &frame), -ENOENT);
    CHECK_EQ(fl_pool_map_reader(fd, &info, &pool), 0);
    CHECK_EQ(fl_context_add_pool(scene.context, pool), 0);
    CHECK_EQ(fl_lane_take(scene.lane, &frame), 0);
    fl_frame_release(frame);
    fl_shm_unmap(base, fl_pool_file_bytes(&info));
    end(&scene);
}

/* Said once of a frame in a large slot, and then of one in a small slot, the last of its pool: "as before". */
static void what_fits_one_pool_is_looked_at_anew_for_another(void)
{
    struct scene scene;
    struct fl_frame *frame;
    begin(&scene);
    struct fl_pool_info large = {.id = 9, .slot_count = 1, .slot_bytes = 2 * scene.fake.pool_info.slot_bytes};
    struct fl_pool *pool;
    void *base;
    int fd = fl_shm_mint("with large slots", fl_pool_file_bytes(&large));
    CHECK(fd >= 0);
    CHECK_EQ(fl_shm_map_writer(fd, fl_pool_file_bytes(&large), &base), 0);
    CHECK_EQ(fl_shm_seal(fd, fl_pool_file_bytes(&large)), 0);
    fl_store(&((struct fl_slot_version *)base)->version, 2, FL_RELEASE);
    CHECK_EQ(fl_pool_map_reader(fd, &large, &pool), 0);
    CHECK_EQ(fl_context_add_pool(scene.context, pool), 0);
    close(fd);
    struct fl_entry entry = fake_entry(&scene.fake, 0, 0);
    entry.pool = large.id;
    entry.offset = fl_pool_file_bytes(&large) - large.slot_bytes;
    entry.desc.planes[0].rows = (uint32_t)large.slot_bytes / 16; /* all of it */
    fake_announce(&scene.fake, &entry);
    CHECK_EQ(fl_lane_take(scene.lane, &frame), 0);
    fl_frame_release(frame);
    entry = fake_entry(&scene.fake, scene.fake.pool_info.slot_count - 1, 1);
    entry.type = FL_ENTRY_AS_BEFORE;
    fake_announce(&scene.fake, &entry);
    CHECK_EQ(fl_lane_take(scene.lane, &frame), -EBADMSG);
    CHECK_SAYS(fl_lane_fault(scene.lane), "does not lie within its slot");
    fl_shm_unmap(base, fl_pool_file_bytes(&large));
    end(&scene);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a lane told of none takes of all", a_lane_told_of_none_takes_of_all},
        {"a lane told of some takes of no other", a_lane_told_of_some_takes_of_no_other},
        {"a pool that is gone is forgotten", a_pool_that_is_gone_is_forgotten},
        {"a pool of the same name is looked at anew", a_pool_of_the_same_name_is_looked_at_anew},
        {"what fits one pool is looked at anew for another", what_fits_one_pool_is_looked_at_anew_for_another},
    };
    return CHECK_RUN(cases);
}
