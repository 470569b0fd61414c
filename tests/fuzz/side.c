/* Records of side data: any bytes are walked within their bounds and to an end, and what was appended is found again. */
#include "fuzz.h"

#include <framelane/side.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 512 };

static unsigned walk(const uint8_t *bytes, size_t count, int *end)
{
    size_t at = 0, data_bytes;
    const uint8_t *data;
    uint32_t type;
    unsigned records = 0, sum = 0;
    while ((*end = fl_side_next(bytes, count, &at, &type, &data, &data_bytes)) == 1) {
        FUZZ_CHECK(at <= count && data >= bytes && data + data_bytes <= bytes + at && at % 8 == 0);
        for (size_t i = 0; i < data_bytes; i++)
            sum += data[i];
        FUZZ_CHECK(++records <= count / sizeof(struct fl_side_header));
    }
    FUZZ_CHECK(*end == 0 ? at == count : *end == -EBADMSG);
    return records + (sum & 0);
}

static void any_bytes(struct fuzz_input *in)
{
    size_t count = (size_t)(in->end - in->at);
    uint8_t *bytes = malloc(count + 1); /* of its own, so that one byte too far is one */
    int end;
    memcpy(bytes, in->at, count);
    walk(bytes, count, &end);
    free(bytes);
}

static void appended(struct fuzz_input *in)
{
    size_t capacity = fuzz_byte(in), used = 0;
    uint8_t *bytes = malloc(capacity + 1), data[64] = {1};
    unsigned records = 0;
    int end;
    for (unsigned i = 0; fuzz_more(in) && i < 64; i++) {
        size_t before = used, wanted = fuzz_byte(in) % sizeof data;
        int error = fl_side_append(bytes, capacity, &used, fuzz_byte(in), data, wanted);
        FUZZ_CHECK(error == 0 || (error == -ENOSPC && used == before));
        FUZZ_CHECK((error == 0) == (before + 8 + (wanted + 7) / 8 * 8 <= capacity));
        records += error == 0;
    }
    FUZZ_CHECK(walk(bytes, used, &end) == records && end == 0);
    used = capacity + 1;
    FUZZ_CHECK(fl_side_append(bytes, capacity, &used, 1, data, 1) == -ENOSPC);
    used = 0;
    FUZZ_CHECK(fl_side_append(bytes, capacity, &used, 1, data, SIZE_MAX) == -ENOSPC);
    free(bytes);
}

void fuzz_one(struct fuzz_input *in)
{
    if (fuzz_byte(in) & 1)
        appended(in);
    else
        any_bytes(in);
}

const struct fuzz_seed fuzz_seeds[] = {
    FUZZ_SEED(0, 1, 0, 0, 0, 5, 0, 0, 0, 'a', 'b', 'c', 'd', 'e', 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0),
    FUZZ_SEED(0, 1, 0, 0, 0, 255, 255, 255, 255, 'a', 'b', 'c', 'd', 'e', 0, 0, 0),
    FUZZ_SEED(1, 200, 16, 1, 0, 2, 7, 3, 60, 4, 63, 5),
    {0},
};
