#include "zone/wire/rrset.h"

#include "zone/wire/name.h"
#include "zone/wire/type.h"

/* Links that say: written whole, no addresses known. */
static struct link plain_link(uint16_t type, const uint8_t *rdata)
{
    const uint8_t *name = rdata + rrset_name_at(type);
    size_t len = name_len(name);
    struct link link = {.keep = (uint8_t)len};
    if (type == TYPE_SOA)
        link.second.keep = (uint8_t)name_len(name + len);
    return link;
}

static uint8_t *record_write(uint8_t *at, uint16_t type, const struct rdata_ref *rdata)
{
    memcpy(at, &rdata->len, 2);
    at += 2;
    if (rrset_linked(type)) {
        struct link link = plain_link(type, rdata->bytes);
        memcpy(at, &link, sizeof link);
        at += sizeof link;
    }
    if (rdata->len > 0)
        memcpy(at, rdata->bytes, rdata->len);
    return at + rdata->len;
}

struct rrset *rrset_make(
    struct arena *scratch, uint16_t type, uint32_t ttl, const struct rdata_ref *rdata, unsigned count)
{
    size_t len = 0;
    for (unsigned i = 0; i < count; i++)
        len += 2u + (rrset_linked(type) ? sizeof(struct link) : 0) + rdata[i].len;
    struct rrset *rrset = arena_alloc(scratch, (sizeof *rrset + len + 3) & ~(size_t)3, 4);
    if (rrset == NULL)
        return NULL;
    *rrset = (struct rrset){.type = type, .count = (uint16_t)count, .ttl = ttl, .data_len = (uint32_t)len};
    uint8_t *at = rrset->data;
    for (unsigned i = 0; i < count; i++)
        at = record_write(at, type, &rdata[i]);
    return rrset;
}
