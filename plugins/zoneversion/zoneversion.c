/* zoneversion: tells clients that ask which version of a zone an answer was made from (RFC 9660), and, with
 * the SOA, after how many seconds a copy of the zone expires (RFC 7314). It stands right before the plugins
 * that serve zones, and reads the lookup they leave behind: they need not know of it. */
#include <time.h>

#include "plugins/plugin.h"
#include "plugins/zones.h"
#include "zone/wire/type.h"

#define VERSION_SOA_SERIAL 0 /* RFC 9660 2.1: the type of a version that is the serial */
#define SOA_EXPIRE_BACK 8    /* octets before the end of a SOA's rdata (RFC 1035 3.3.13) */

struct zoneversion {
    bool version, expire;
};

static const struct option options[] = {
    {.word = "version",
        .arg = "on|off",
        .kind = OPTION_ON_OFF,
        .offset = offsetof(struct zoneversion, version),
        .fallback = "on",
        .help = "the serial of the zone, in any answer from it (RFC 9660)"},
    {.word = "expire",
        .arg = "on|off",
        .kind = OPTION_ON_OFF,
        .offset = offsetof(struct zoneversion, expire),
        .fallback = "on",
        .help = "the seconds until a copy of the zone expires, in answers to SOA queries (RFC 7314)"},
    OPTIONS_END,
};

static enum err setup(struct setup *setup, void **self)
{
    struct zoneversion *zoneversion = ARENA_NEW(setup->world, struct zoneversion);
    if (zoneversion == NULL)
        return ERR_MEMORY;
    *self = zoneversion;
    return options_parse(setup, options, zoneversion);
}

static void write32(uint8_t *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, 4);
}

/* RFC 9660 2: the labels of the zone's name, which is the end of the question's, the type, the version. */
static void tell_version(struct query *query, const struct find *find)
{
    uint8_t data[6] = {(uint8_t)(query->question->labels - find->depth), VERSION_SOA_SERIAL};
    write32(data + 2, find->snapshot->serial);
    enum err err = query_option(query, EDNS_ZONEVERSION, data, sizeof data);
    (void)err; /* a courtesy */
}

/* RFC 7314 3.1: a primary's value is the SOA's EXPIRE field, a secondary's is what is left of it (3.2). */
static void tell_expire(struct query *query, const struct find *find)
{
    struct record soa;
    if (query->question->type != TYPE_SOA || find->depth != 0)
        return;
    record_read(find->snapshot->soa->data, rrset_linked(TYPE_SOA), &soa);
    uint8_t left[4];
    memcpy(left, soa.rdata + soa.rdata_len - SOA_EXPIRE_BACK, sizeof left);
    struct zone *zone = query_zone(query, query->question->lower);
    int64_t expires_s = zone != NULL ? atomic_load(&zone->expires_s) : 0;
    if (expires_s != 0) {
        int64_t left_s = expires_s - (int64_t)time(NULL);
        write32(left, left_s > 0 ? (uint32_t)left_s : 0);
    }
    enum err err = query_option(query, EDNS_EXPIRE, left, sizeof left);
    (void)err; /* likewise */
}

/* A rewritten name is not the one the client knows, so its labels say nothing to him. */
static bool has_zone(const struct query *query)
{
    unsigned rcode = query->reply.rcode;
    return query->lookup.owner != NULL && query->lookup.find.snapshot != NULL &&
           query->question == &query->message.question &&
           (rcode == RCODE_NOERROR || rcode == RCODE_NXDOMAIN || rcode == RCODE_YXDOMAIN);
}

static void finish(void *self, struct query *query)
{
    const struct zoneversion *zoneversion = self;
    const struct edns *edns = &query->message.edns;
    if (LIKELY((edns->seen & (1u << EDNS_ZONEVERSION | 1u << EDNS_EXPIRE)) == 0) || !has_zone(query))
        return;
    if (zoneversion->version && edns_has(edns, EDNS_ZONEVERSION))
        tell_version(query, &query->lookup.find);
    if (zoneversion->expire && edns_has(edns, EDNS_EXPIRE))
        tell_expire(query, &query->lookup.find);
}

static const struct plugin zoneversion_plugin = {
    .abi = PLUGIN_ABI,
    .name = "zoneversion",
    .options = options,
    .setup = setup,
    .finish = finish,
};
PLUGIN(zoneversion)
