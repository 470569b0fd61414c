#include "points.h"

#include "../../transport/layout.h"
#include "../lib/check.h"
#include "payload.h"

#include <string.h>
#include <unistd.h>

enum { REGION_WORDS = 512 };

struct points {
    const void *announce[2], *returns, *pool;
    uint64_t announced[2][REGION_WORDS], returned[REGION_WORDS];
    uint64_t versions[SCENE_SLOTS], payload[SCENE_SLOTS][PAYLOAD_WORDS];
};

const char *const point_names[POINT_COUNT] = {
    [POINT_P0] = "P0     nothing stored, a slot acquired at most",
    [POINT_P1] = "P1     version odd",
    [POINT_P2] = "P2-P3  pixels written, some or all",
    [POINT_P4] = "P4-P5  version even, not announced",
    [POINT_P6] = "P6     entry stored, head not",
    [POINT_P7] = "P7-P8  heads stored, bells not rung",
    [POINT_P9] = "P9     between the lanes of a fan-out",
    [POINT_P_END] = "       told and rung",
    [POINT_C0] = "C0-C2  nothing stored",
    [POINT_C3] = "C3-C4  taken, in hand",
    [POINT_C5] = "C5     index stored, returned not",
    [POINT_C6] = "C6-C7  returned, bell not rung",
    [POINT_C_END] = "       returned and rung",
    [POINT_NONE] = "       pipes and forwarders",
};

static void copy_words(uint64_t *to, const void *from, unsigned count)
{
    const fl_word *words = from;
    for (unsigned i = 0; i < count; i++)
        to[i] = fl_load(&words[i], FL_ACQUIRE);
}

static void look(const struct scene *scene, struct points *points)
{
    uint64_t slot_bytes = scene->pool_info.slot_bytes;
    uint64_t first = fl_pool_file_bytes(&scene->pool_info) - SCENE_SLOTS * slot_bytes;
    for (unsigned i = 0; i < 2; i++)
        copy_words(points->announced[i], points->announce[i], REGION_WORDS);
    copy_words(points->returned, points->returns, REGION_WORDS);
    for (unsigned i = 0; i < SCENE_SLOTS; i++) {
        copy_words(&points->versions[i], (const struct fl_slot_version *)points->pool + i, 1);
        copy_words(points->payload[i], (const uint8_t *)points->pool + first + i * slot_bytes, PAYLOAD_WORDS);
    }
}

static bool silence(int bell)
{
    uint64_t count;
    return read(bell, &count, sizeof count) == sizeof count;
}

struct points *points_look(struct scene *scene)
{
    static struct points points;
    if (scene->role == SCENE_FORWARDER || scene->transport == FL_TRANSPORT_PIPE)
        return NULL;
    CHECK(fl_lane_announce_bytes(SCENE_CREDITS) >= sizeof points.announced[0]);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(fl_shm_map_reader(scene->wires[i].announce, fl_lane_announce_bytes(SCENE_CREDITS), &points.announce[i]), 0);
        silence(scene->wires[i].to_consumer);
        silence(scene->wires[i].to_producer);
    }
    CHECK_EQ(fl_shm_map_reader(scene->wires[0].returns, fl_lane_return_bytes(SCENE_CREDITS), &points.returns), 0);
    CHECK_EQ(fl_shm_map_reader(scene->pool_fd, fl_pool_file_bytes(&scene->pool_info), &points.pool), 0);
    look(scene, &points);
    return &points;
}

#define WORD(region, field)   (offsetof(region, field) / sizeof(uint64_t))
#define DIFFERS(words, field) (before->words[field] != now->words[field])

static bool lane_moved(const struct points *before, const struct points *now, unsigned lane)
{
    return DIFFERS(announced[lane], WORD(struct fl_announce_region, head)) ||
           DIFFERS(announced[lane], WORD(struct fl_announce_region, closed)) ||
           DIFFERS(announced[lane], WORD(struct fl_announce_region, through_seq));
}

static bool entries_differ(const uint64_t *before, const uint64_t *now, size_t first)
{
    return memcmp(before + first, now + first, (REGION_WORDS - first) * sizeof *now) != 0;
}

static enum point producer_point(struct scene *scene, const struct points *before, const struct points *now)
{
    enum point point = POINT_P0;
    bool first = lane_moved(before, now, 0), second = lane_moved(before, now, 1);
    if (first && second) {
        bool rung = silence(scene->wires[0].to_consumer) || DIFFERS(announced[0], WORD(struct fl_announce_region, bell));
        bool both = silence(scene->wires[1].to_consumer) || DIFFERS(announced[1], WORD(struct fl_announce_region, bell));
        return rung && both ? POINT_P_END : POINT_P7;
    }
    if (first || second)
        return POINT_P9;
    size_t entries = WORD(struct fl_announce_region, entries);
    if (entries_differ(before->announced[0], now->announced[0], entries))
        return POINT_P6;
    for (unsigned i = 0; i < SCENE_SLOTS; i++) {
        if (now->versions[i] & 1)
            return memcmp(before->payload[i], now->payload[i], sizeof now->payload[i]) ? POINT_P2 : POINT_P1;
        if (before->versions[i] != now->versions[i])
            point = POINT_P4;
    }
    return point;
}

static enum point consumer_point(struct scene *scene, const struct points *before, const struct points *now)
{
    if (DIFFERS(returned, WORD(struct fl_return_region, returned)) || DIFFERS(returned, WORD(struct fl_return_region, gone))) {
        bool rung = silence(scene->wires[0].to_producer) || DIFFERS(returned, WORD(struct fl_return_region, bell));
        return rung ? POINT_C_END : POINT_C6;
    }
    if (entries_differ(before->returned, now->returned, WORD(struct fl_return_region, entries)))
        return POINT_C5;
    return now->returned[WORD(struct fl_return_region, taken)] ? POINT_C3 : POINT_C0;
}

enum point points_name(struct scene *scene, const struct points *before)
{
    static struct points now;
    if (!before)
        return POINT_NONE;
    now = *before; /* where the regions are mapped */
    look(scene, &now);
    return scene->role == SCENE_PRODUCER ? producer_point(scene, before, &now) : consumer_point(scene, before, &now);
}
