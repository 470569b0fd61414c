/* The reader of a pipe trusts no byte of it: headers are checked before memory is asked for, and a bad one ends that lane only. */
#include "check.h"
#include "fake.h"

#include "../transport/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct fl_lane *reader_that(struct fl_context *context, uint32_t when_full, int *write_end)
{
    struct wiring wiring;
    struct fl_lane_info info = {.credits = 3, .when_full = when_full, .transport = FL_TRANSPORT_PIPE};
    wiring_mint(&wiring, &info);
    struct fl_lane *lane = wiring_attach_consumer(&wiring, context);
    *write_end = fcntl(wiring.announce, F_DUPFD_CLOEXEC, 0);
    CHECK_EQ(fcntl(*write_end, F_SETFL, O_NONBLOCK), 0);
    wiring_finish(&wiring);
    return lane;
}

static struct fl_lane *reader(struct fl_context *context, int *write_end)
{
    return reader_that(context, FL_WHEN_FULL_WAIT, write_end);
}

/* A header as an honest writer makes it: 16 x 4 grey, 64 bytes a row. */
static struct fl_entry honest(void)
{
    struct fl_entry entry = {
        .type = FL_PIPE_FRAME,
        .desc = {.time_base_num = 1, .time_base_den = 25, .kind = FL_KIND_VIDEO, .plane_count = 1, .width = 16, .height = 4},
    };
    entry.desc.planes[0] = (struct fl_plane){.offset = 0, .stride = 64, .rows = 4, .row_bytes = 16};
    entry.desc.side_offset = 256;
    entry.spare = 1;
    return entry;
}

#define HEADER(name, ...)                                                                                                          \
    static void name(struct fl_entry *entry)                                                                                       \
    {                                                                                                                              \
        struct fl_plane *plane = &entry->desc.planes[0];                                                                           \
        (void)plane;                                                                                                               \
        __VA_ARGS__;                                                                                                               \
    }

HEADER(is_of_no_type, entry->type = 77)
HEADER(is_of_type_0, entry->type = 0)
HEADER(is_of_no_kind, entry->desc.kind = 0)
HEADER(has_too_many_planes, entry->desc.plane_count = 1000)
HEADER(starts_elsewhere, plane->offset = 64)
HEADER(claims_another_stride, plane->stride = 128)
HEADER(goes_back, plane->stride = -64; entry->spare = 0)
HEADER(is_a_world, plane->rows = UINT32_MAX; plane->stride = INT32_MAX; plane->row_bytes = INT32_MAX)
HEADER(is_four_gigabytes, plane->rows = 1 << 26)
HEADER(has_no_rows, plane->rows = 0)
HEADER(overlaps_its_side_data, entry->desc.side_offset = 0; entry->desc.side_bytes = 8)
HEADER(has_side_data_without_end, entry->desc.side_bytes = UINT32_MAX)
HEADER(has_no_time_base, entry->desc.time_base_den = 0)

static const struct {
    const char *name;
    void (*spoil)(struct fl_entry *entry);
    const char *says;
} headers[] = {
    {"no type", is_of_no_type, "no frame"},
    {"type 0", is_of_type_0, "no frame"},
    {"no kind", is_of_no_kind, "does not lie"},
    {"too many planes", has_too_many_planes, "does not lie"},
    {"a plane that starts elsewhere", starts_elsewhere, "does not lie"},
    {"another stride", claims_another_stride, "does not lie"},
    {"bottom up", goes_back, "does not lie"},
    {"a world", is_a_world, "does not lie"},
    {"four gigabytes", is_four_gigabytes, "does not lie"},
    {"no rows", has_no_rows, "does not lie"},
    {"side data within a plane", overlaps_its_side_data, "does not lie"},
    {"side data without end", has_side_data_without_end, "does not lie"},
    {"no time base", has_no_time_base, "does not lie"},
};

static void bad_headers_end_the_lane(void)
{
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct fl_context *context;
        struct fl_frame *frame;
        int bad_end, good_end;
        uint8_t payload[64] = {0};
        CHECK_EQ(fl_context_create(&context), 0);
        struct fl_lane *bad = reader(context, &bad_end), *good = reader(context, &good_end);
        struct fl_entry entry = honest();
        printf("    %s\n", headers[i].name);
        CHECK_EQ(write(good_end, &entry, sizeof entry), sizeof entry);
        headers[i].spoil(&entry);
        CHECK_EQ(write(bad_end, &entry, sizeof entry), sizeof entry);
        CHECK_EQ(fl_lane_take(bad, &frame), -EBADMSG);
        CHECK_SAYS(fl_lane_fault(bad), headers[i].says);
        CHECK(fl_lane_ready(bad));
        CHECK_EQ(fl_lane_take(good, &frame), -EAGAIN);
        CHECK_EQ(write(good_end, payload, sizeof payload), sizeof payload);
        CHECK_EQ(fl_lane_take(good, &frame), 0);
        fl_frame_release(frame);
        fl_context_destroy(context);
        close(bad_end);
        close(good_end);
    }
}

/* Mostly honest headers with a few bits turned, and any bytes after them. */
static void random_bytes_never_lead_outside(void)
{
    unsigned long long state = 13;
    unsigned taken = 0, faults = 0;
    for (unsigned round = 0; round < 4000; round++) {
        struct fl_context *context;
        int end;
        CHECK_EQ(fl_context_create(&context), 0);
        struct fl_lane *lane = reader(context, &end);
        for (unsigned message = 0; message < 20 && !fl_lane_fault(lane); message++) {
            struct fl_entry entry = honest();
            struct fl_frame *frame;
            uint8_t payload[64] = {0};
            if (next_random(&state) % 4 == 0)
                ((uint8_t *)&entry)[next_random(&state) % sizeof entry] ^= 1 << next_random(&state) % 8;
            entry.type = next_random(&state) % 16 == 0 ? FL_PIPE_THROUGH : entry.type;
            if (write(end, &entry, sizeof entry) < 0 || write(end, payload, sizeof payload) < 0)
                break; /* full: a header spoke of more than this */
            if (fl_lane_take(lane, &frame) < 0)
                continue;
            CHECK_EQ(fl_desc_check(fl_frame_desc(frame), fl_frame_capacity(frame)), 0);
            uint64_t sum = 0;
            for (size_t i = 0; i < fl_desc_payload_bytes(fl_frame_desc(frame)) && i < 4096; i++)
                sum += fl_frame_base(frame)[i];
            taken += sum < UINT64_MAX;
            fl_frame_release(frame);
        }
        faults += fl_lane_fault(lane) != NULL;
        fl_context_destroy(context);
        close(end);
    }
    printf("  %u frames taken, %u lanes ended\n", taken, faults);
    CHECK(taken > 0 && faults > 0);
}

/* Messages that need no memory can be written as fast as they are read: one look must not try to read them all. */
static void a_flood(uint32_t when_full, enum fl_pipe_type type, int answer)
{
    struct fl_context *context;
    struct fl_frame *frame = NULL;
    int end, left;
    CHECK_EQ(fl_context_create(&context), 0);
    struct fl_lane *lane = reader_that(context, when_full, &end);
    struct fl_entry entry = {.type = type, .desc = {.kind = FL_KIND_PACKET, .time_base_num = 1, .time_base_den = 25}};
    CHECK(fcntl(end, F_SETPIPE_SZ, 1 << 18) > 0);
    while (write(end, &entry, sizeof entry) > 0)
        ;
    CHECK_EQ(fl_lane_take(lane, &frame), answer);
    CHECK_EQ(ioctl(end, FIONREAD, &left), 0);
    CHECK(left > 0);
    fl_frame_release(frame);
    fl_context_destroy(context);
    close(end);
}

static void a_flood_is_read_in_turns(void)
{
    a_flood(FL_WHEN_FULL_WAIT, FL_PIPE_THROUGH, -EAGAIN);
    a_flood(FL_WHEN_FULL_LATEST, FL_PIPE_FRAME, 0);
}

/* The last frames of a writer that has died wait for a free buffer: until then there is nothing to look at. */
static void the_dead_leave_no_hurry(void)
{
    struct fl_context *context;
    struct fl_frame *held[3], *last;
    int end;
    CHECK_EQ(fl_context_create(&context), 0);
    struct fl_lane *lane = reader(context, &end);
    struct fl_entry entry = {.type = FL_PIPE_FRAME, .desc = {.kind = FL_KIND_PACKET, .time_base_num = 1, .time_base_den = 25}};
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(write(end, &entry, sizeof entry), sizeof entry);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(fl_lane_take(lane, &held[i]), 0);
    close(end);
    fl_lane_producer_down(lane);
    CHECK_EQ(fl_lane_take(lane, &last), -EAGAIN);
    CHECK(!fl_lane_ready(lane));
    fl_frame_release(held[0]);
    CHECK_EQ(fl_lane_take(lane, &last), 0);
    CHECK_EQ(fl_lane_take(lane, &held[0]), -ENODATA);
    CHECK(fl_lane_ready(lane));
    fl_frame_release(last);
    fl_frame_release(held[1]);
    fl_frame_release(held[2]);
    fl_context_destroy(context);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a bad header ends its lane only", bad_headers_end_the_lane},
        {"random bytes never lead outside", random_bytes_never_lead_outside},
        {"a flood of messages is read in turns", a_flood_is_read_in_turns},
        {"what the dead have written waits for a buffer", the_dead_leave_no_hurry},
    };
    return CHECK_RUN(cases);
}
