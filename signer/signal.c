/* Signalling records (RFC 9615 2): what the servers of a zone say of its keys under names of their own, which
 * the parent can validate before the zone has a DS. They are for the zones that the servers' names are in. */
#include <stdio.h>
#include <string.h>

#include "signer/keystore.h"
#include "signer/zonefile.h"
#include "zone/sec/algorithm.h"
#include "zone/sec/assign.h"
#include "zone/text/report.h"
#include "zone/wire/name.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

static uint8_t origin[NAME_MAX + 1];
static bool has_origin;
static unsigned long ttl = 3600;

static bool take_origin(const char *value)
{
    return has_origin = take_name_value("-o", value, origin);
}

static bool take_ttl(const char *value)
{
    return take_number_value("--ttl", value, INT32_MAX, &ttl);
}

const struct option_row signal_rows[] = {
    {'o', "origin", "NAME", "the zone's name, when the file does not tell", NULL, NULL, take_origin},
    KEYSTORE_ROW,
    {0, "ttl", "TTL", "of the records (3600)", NULL, NULL, take_ttl},
    NOW_ROW,
    SECRET_ROWS,
    {0},
};

static void print_record(const char *owner, uint16_t type, const uint8_t *rdata, size_t len)
{
    char text[4 * DNSKEY_RDATA_MAX], mnemonic[16];
    mnemonic[type_print(type, mnemonic)] = '\0';
    rdata_print(type, rdata, len, text, sizeof text);
    printf("%s %lu IN %s %s\n", owner, ttl, mnemonic, text);
}

static unsigned print_keys(const char *owner, const struct zonesign_key *keys, unsigned count)
{
    uint8_t rdata[DNSKEY_RDATA_MAX], ds[DS_RDATA_MAX];
    unsigned printed = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!keys[i].sync)
            continue;
        print_record(owner, TYPE_CDS, ds, key_write_ds(keys[i].key, ds_digest_find(2), ds));
        print_record(owner, TYPE_CDNSKEY, rdata, key_write_dnskey(keys[i].key, rdata));
        printed++;
    }
    return printed;
}

/* "_dsboot.ZONE._signal.SERVER" (RFC 9615 2.1); a server within the zone cannot vouch for it (4.1), and a
 * name of more than 255 octets is none. */
static const char *signal_name(const uint8_t *zone, const uint8_t *server, char *out)
{
    static const char dsboot[] = "\007_dsboot", signal[] = "\007_signal";
    uint8_t name[2 * (NAME_MAX + 1) + 16];
    size_t zone_len = name_len(zone) - 1, len = sizeof dsboot - 1;
    if (name_under(server, zone))
        return "within the zone";
    memcpy(name, dsboot, len);
    memcpy(name + len, zone, zone_len);
    len += zone_len;
    memcpy(name + len, signal, sizeof signal - 1);
    len += sizeof signal - 1;
    len += name_lower(name + len, server);
    if (len > NAME_MAX)
        return "too long for a signalling name";
    name_print(name, out);
    return NULL;
}

static enum outcome print_servers(
    const struct snapshot *zone, const struct zonesign_key *keys, unsigned count)
{
    const struct rrset *servers = node_rrset(zone->apex, TYPE_NS);
    const uint8_t *apex = zone->image->header->apex_name, *at = servers != NULL ? servers->data : NULL;
    unsigned printed = 0;
    for (unsigned i = 0; servers != NULL && i < servers->count; i++) {
        struct record record;
        char owner[NAME_TEXT_MAX], server[NAME_TEXT_MAX];
        at = record_read(at, true, &record);
        name_print(record.rdata, server);
        const char *why = signal_name(apex, record.rdata, owner);
        if (why != NULL)
            printf("; %s is %s\n", server, why);
        else
            printed += print_keys(owner, keys, count);
    }
    if (printed > 0)
        return OUTCOME_GOOD;
    complain("there is nothing to signal: no server of the zone has a name outside it, or no key is in use");
    return OUTCOME_REFUSED;
}

enum outcome signal_run(const struct operands *operands)
{
    struct zonesign_key assigned[ZONESIGN_KEYS_MAX];
    struct key_list keys = {0};
    struct report report;
    enum outcome outcome;
    report_init(&report, stderr);
    struct finding_sink sink = report_sink(&report);
    struct snapshot *zone = zonefile_read(operands->words[0], has_origin ? origin : NULL, 0, &sink, &outcome);
    if (zone != NULL) {
        outcome = OUTCOME_TROUBLE;
        if (keystore_load(zone->image->header->apex_name, false, &keys))
            outcome = print_servers(zone, assigned, keys_assign(&keys, clock_now(), assigned));
        key_list_clear(&keys);
    }
    snapshot_release(zone);
    report_clear(&report);
    return outcome;
}
