#include "plugins/backend/frame.h"

#include <stdbool.h>

#define PREFIX_LEN 5
#define FIELD_MSG 1

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

static size_t put_varint(uint8_t *out, size_t value)
{
    size_t len = 0;
    for (; value > 127; value >>= 7)
        out[len++] = (uint8_t)(value | 128);
    out[len++] = (uint8_t)value;
    return len;
}

size_t frame_write_head(uint8_t *out, size_t len)
{
    size_t at = PREFIX_LEN;
    out[at++] = FIELD_MSG << 3 | WIRE_BYTES;
    at += put_varint(out + at, len);
    size_t body = at - PREFIX_LEN + len;
    out[0] = 0; /* not compressed */
    for (unsigned i = 0; i < 4; i++)
        out[1 + i] = (uint8_t)(body >> (24 - 8 * i));
    return at;
}

/* At most ten octets. */
static bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; *at < end && shift < 70; shift += 7) {
        uint8_t octet = *(*at)++;
        if (shift < 64)
            *value |= (uint64_t)(octet & 127) << shift;
        if (octet < 128)
            return true;
    }
    return false;
}

static bool skip(const uint8_t **at, const uint8_t *end, unsigned wire_type)
{
    uint64_t len = wire_type == WIRE_FIXED64 ? 8 : 4;
    if (wire_type == WIRE_VARINT)
        return read_varint(at, end, &len);
    if (wire_type != WIRE_FIXED64 && wire_type != WIRE_FIXED32)
        return false;
    if ((uint64_t)(end - *at) < len)
        return false;
    *at += len;
    return true;
}

/* Fields that are not known are passed over, of a field that comes twice the last one counts. */
static bool read_packet(const uint8_t *at, const uint8_t *end, const uint8_t **message, size_t *message_len)
{
    while (at < end) {
        uint64_t key, len;
        if (!read_varint(&at, end, &key) || key >> 3 == 0)
            return false;
        if ((key & 7) != WIRE_BYTES) {
            if (!skip(&at, end, key & 7))
                return false;
            continue;
        }
        if (!read_varint(&at, end, &len) || len > (uint64_t)(end - at))
            return false;
        if (key >> 3 == FIELD_MSG) {
            *message = at;
            *message_len = (size_t)len;
        }
        at += len;
    }
    return true;
}

enum err frame_read(
    const uint8_t *bytes, size_t len, const uint8_t **message, size_t *message_len, const char **why)
{
    const uint8_t *found = bytes;
    size_t found_len = 0;
    *why = "an answer cut short";
    if (len < PREFIX_LEN)
        return ERR_WIRE;
    uint32_t body = (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 | bytes[4];
    if (len - PREFIX_LEN < body)
        return ERR_WIRE;
    *why = "a compressed answer, which was not asked for";
    if (bytes[0] != 0)
        return ERR_WIRE;
    *why = "more than one answer";
    if (len - PREFIX_LEN > body)
        return ERR_WIRE;
    *why = "an answer that is no DnsPacket";
    if (!read_packet(bytes + PREFIX_LEN, bytes + len, &found, &found_len))
        return ERR_WIRE;
    *message = found;
    *message_len = found_len;
    return ERR_OK;
}
