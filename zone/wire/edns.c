#include "zone/wire/edns.h"

#include <string.h>

static inline uint16_t read16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* The option at *AT of LEN octets; false at the end and when it overruns. */
static inline bool step(const uint8_t *options, size_t len, size_t *at, struct edns_option *option)
{
    if (len - *at < 4)
        return false;
    option->code = read16(options + *at);
    option->len = read16(options + *at + 2);
    option->bytes = options + *at + 4;
    if (len - *at - 4 < option->len)
        return false;
    *at += 4u + option->len;
    return true;
}

enum err edns_read(struct edns *edns, uint16_t class, uint32_t ttl, const uint8_t *rdata, uint16_t rdata_len)
{
    uint32_t seen = 0;
    size_t at = 0;
    struct edns_option option;
    while (at < rdata_len) {
        if (!step(rdata, rdata_len, &at, &option))
            return ERR_WIRE;
        seen |= option.code < 32 ? 1u << option.code : 0;
    }
    edns_read_fixed(edns, class, ttl);
    edns->options_len = rdata_len;
    edns->seen = seen;
    edns->options = rdata;
    return ERR_OK;
}

bool edns_next(const struct edns *edns, uint16_t *at, struct edns_option *option)
{
    size_t position = *at;
    if (!step(edns->options, edns->options_len, &position, option))
        return false;
    *at = (uint16_t)position;
    return true;
}

bool edns_find(const struct edns *edns, uint16_t code, struct edns_option *option)
{
    if (code < 32 && !(edns->seen >> code & 1))
        return false;
    for (uint16_t at = 0; edns_next(edns, &at, option);) {
        if (option->code == code)
            return true;
    }
    return false;
}

size_t edns_write_option(uint8_t *out, uint16_t code, const void *bytes, uint16_t len)
{
    const uint8_t head[4] = {(uint8_t)(code >> 8), (uint8_t)code, (uint8_t)(len >> 8), (uint8_t)len};
    memcpy(out, head, 4);
    if (len > 0)
        memcpy(out + 4, bytes, len);
    return 4u + len;
}
