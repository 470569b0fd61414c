/* Side data: records go in and come out; what is no sequence of records is refused; too much leaves everything as it was. */
#include <framelane/side.h>

#include "check.h"

#include <errno.h>
#include <string.h>

static void records_come_out_as_they_went_in(void)
{
    uint8_t buf[256], payload[40];
    size_t used = 0, at = 0, bytes;
    uint32_t type;
    const uint8_t *data;
    memset(payload, 0x5a, sizeof payload);
    for (uint32_t size = 0; size < 6; size++)
        CHECK_EQ(fl_side_append(buf, sizeof buf, &used, 100 + size, payload, size * 7), 0);
    CHECK_EQ(used % 8, 0);
    for (uint32_t size = 0; size < 6; size++) {
        CHECK_EQ(fl_side_next(buf, used, &at, &type, &data, &bytes), 1);
        CHECK_EQ(type, 100 + size);
        CHECK_EQ(bytes, size * 7);
        CHECK_EQ((size_t)(data - buf) % 8, 0);
        CHECK_EQ(memcmp(data, payload, bytes), 0);
    }
    CHECK_EQ(fl_side_next(buf, used, &at, &type, &data, &bytes), 0);
    CHECK_EQ(fl_side_next(buf, used, &at, &type, &data, &bytes), 0);
}

static void too_much_changes_nothing(void)
{
    uint8_t buf[64], before[64];
    size_t used = 0;
    memset(buf, 0xee, sizeof buf);
    CHECK_EQ(fl_side_append(buf, 48, &used, 1, "abcdefgh", 8), 0);
    memcpy(before, buf, sizeof buf);
    CHECK_EQ(fl_side_append(buf, 48, &used, 2, buf, 25), -ENOSPC); /* 24 fit, 25 need padding */
    CHECK_EQ(fl_side_append(buf, 48, &used, 2, buf, SIZE_MAX - 3), -ENOSPC);
    CHECK_EQ(fl_side_append(buf, 20, &used, 2, NULL, 0), -ENOSPC);
    CHECK_EQ(used, 16);
    CHECK_EQ(memcmp(before, buf, sizeof buf), 0);
    CHECK_EQ(fl_side_append(buf, 48, &used, 2, before, 24), 0);
    CHECK_EQ(used, 48);
    CHECK_EQ(buf[48], 0xee);
}

static int walk(const uint8_t *buf, size_t bytes)
{
    size_t at = 0, data_bytes;
    uint32_t type;
    const uint8_t *data;
    int got;
    while ((got = fl_side_next(buf, bytes, &at, &type, &data, &data_bytes)) == 1) {
        CHECK(data >= buf && data + data_bytes <= buf + bytes);
        CHECK(at <= bytes);
    }
    return got;
}

static void what_is_no_sequence_is_refused(void)
{
    uint8_t buf[32] = {0};
    struct fl_side_header header = {.type = 1, .bytes = 9};
    memcpy(buf, &header, sizeof header);
    CHECK_EQ(walk(buf, 7), -EBADMSG);
    CHECK_EQ(walk(buf, 16), -EBADMSG);
    CHECK_EQ(walk(buf, 17), -EBADMSG); /* the padding counts */
    CHECK_EQ(walk(buf, 24), 0);
    CHECK_EQ(walk(buf, 28), -EBADMSG);
    header.bytes = UINT32_MAX;
    memcpy(buf, &header, sizeof header);
    CHECK_EQ(walk(buf, sizeof buf), -EBADMSG);
    CHECK_EQ(walk(buf, 0), 0);
}

static void random_bytes_never_lead_outside(void)
{
    uint8_t buf[64];
    unsigned long long state = 3;
    for (unsigned round = 0; round < 200000; round++) {
        for (size_t i = 0; i < sizeof buf; i++)
            buf[i] = next_random(&state) % 4 ? 0 : (uint8_t)next_random(&state);
        walk(buf, next_random(&state) % (sizeof buf + 1));
    }
}

int main(void)
{
    static const struct check_case cases[] = {
        {"records come out as they went in", records_come_out_as_they_went_in},
        {"a record that does not fit changes nothing", too_much_changes_nothing},
        {"bytes that are no sequence of records are refused", what_is_no_sequence_is_refused},
        {"random bytes never lead outside", random_bytes_never_lead_outside},
    };
    return CHECK_RUN(cases);
}
