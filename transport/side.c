#include <framelane/side.h>

#include <errno.h>
#include <string.h>

static size_t padded(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

int fl_side_append(uint8_t *buf, size_t capacity, size_t *used, uint32_t type, const void *data, size_t bytes)
{
    struct fl_side_header header = {.type = type, .bytes = (uint32_t)bytes};
    if (bytes > UINT32_MAX - 8 || *used > capacity || capacity - *used < sizeof header ||
        capacity - *used - sizeof header < padded(bytes))
        return -ENOSPC;
    uint8_t *at = buf + *used;
    memcpy(at, &header, sizeof header);
    if (bytes)
        memcpy(at + sizeof header, data, bytes);
    memset(at + sizeof header + bytes, 0, padded(bytes) - bytes);
    *used += sizeof header + padded(bytes);
    return 0;
}

int fl_side_next(const uint8_t *buf, size_t bytes, size_t *at, uint32_t *type, const uint8_t **data, size_t *data_bytes)
{
    struct fl_side_header header;
    if (*at == bytes)
        return 0;
    if (*at > bytes || bytes - *at < sizeof header)
        return -EBADMSG;
    memcpy(&header, buf + *at, sizeof header);
    if (bytes - *at - sizeof header < padded(header.bytes))
        return -EBADMSG;
    *type = header.type;
    *data = buf + *at + sizeof header;
    *data_bytes = header.bytes;
    *at += sizeof header + padded(header.bytes);
    return 1;
}
