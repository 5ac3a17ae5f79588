#include "signer/additions.h"

#include <string.h>

#include "zone/store/change.h"
#include "zone/wire/name.h"
#include "zone/wire/rrset.h"
#include "zone/wire/type.h"

#define SCHEME_NOTIFY 1 /* RFC 9859 2.2 */

bool additions_csync;
static uint8_t dsync_host[NAME_MAX + 1];
static unsigned long dsync_port;
static bool has_dsync;

bool additions_take_dsync(const char *value)
{
    char host[NAME_TEXT_MAX];
    const char *colon = strrchr(value, ':');
    size_t len = colon != NULL ? (size_t)(colon - value) : strlen(value);
    dsync_port = 53;
    if (len >= sizeof host) {
        complain("--dsync %s: is no domain name", value);
        return false;
    }
    memcpy(host, value, len);
    host[len] = '\0';
    return has_dsync = take_name_value("--dsync", host, dsync_host) &&
                       (colon == NULL || take_number_value("--dsync", colon + 1, 65535, &dsync_port));
}

/* All records of a set, as they are: into REMOVED, or into ADDED. */
static enum err list_set(struct change *change, const uint8_t *owner, const struct rrset *set, bool add)
{
    const uint8_t *at = set->data;
    enum err err = ERR_OK;
    for (unsigned i = 0; i < set->count && err == ERR_OK; i++) {
        struct record record;
        at = record_read(at, rrset_linked(set->type), &record);
        err = (add ? change_add : change_remove)(
            change, owner, set->type, set->ttl, record.rdata, record.rdata_len);
    }
    return err;
}

static enum err remove_set(
    struct change *change, const struct snapshot *zone, const uint8_t *owner, uint16_t type)
{
    size_t len = name_len(owner) - zone->image->header->apex_len;
    const struct node *node = snapshot_find(zone, false, owner, (unsigned)len);
    const struct rrset *set = node != NULL ? node_rrset(node, type) : NULL;
    return set != NULL ? list_set(change, owner, set, false) : ERR_OK;
}

/* NS, A and AAAA, at once (flag 1); the serial does not count without flag 2 (RFC 7477 2.1.1), so that the
 * record stays the same from serial to serial. */
static enum err add_csync(struct change *change, const struct snapshot *zone)
{
    static const uint8_t rdata[] = {0, 0, 0, 0, 0, 1, 0, 4, 0x60, 0, 0, 0x08};
    const uint8_t *apex = zone->image->header->apex_name;
    enum err err = remove_set(change, zone, apex, TYPE_CSYNC);
    return err != ERR_OK ? err : change_add(change, apex, TYPE_CSYNC, zone->soa->ttl, rdata, sizeof rdata);
}

/* One wildcard for all children (RFC 9859 3), for both of what they may tell. */
static enum err add_dsync(struct change *change, const struct snapshot *zone)
{
    static const uint16_t told[] = {TYPE_CDS, TYPE_CSYNC};
    static const char label[] = "\001*\006_dsync";
    uint8_t owner[NAME_MAX + sizeof label], rdata[5 + NAME_MAX + 1];
    memcpy(owner, label, sizeof label - 1);
    memcpy(owner + sizeof label - 1, zone->image->header->apex_name, zone->image->header->apex_len);
    if (sizeof label - 1 + zone->image->header->apex_len > NAME_MAX)
        return ERR_LIMIT;
    enum err err = remove_set(change, zone, owner, TYPE_DSYNC);
    for (size_t i = 0; i < ARRAY_COUNT(told) && err == ERR_OK; i++) {
        rdata[0] = 0;
        rdata[1] = (uint8_t)told[i];
        rdata[2] = SCHEME_NOTIFY;
        rdata[3] = (uint8_t)(dsync_port >> 8);
        rdata[4] = (uint8_t)dsync_port;
        size_t len = 5 + name_lower(rdata + 5, dsync_host);
        err = change_add(change, owner, TYPE_DSYNC, zone->soa->ttl, rdata, len);
    }
    return err;
}

bool additions_make(struct snapshot **zone, unsigned threads)
{
    struct change change = {0};
    struct snapshot *made = NULL;
    char why[CHANGE_WHY_MAX] = "";
    const uint8_t *apex = (*zone)->image->header->apex_name;
    if (!additions_csync && !has_dsync)
        return true;
    enum err err = list_set(&change, apex, (*zone)->soa, false);
    if (err == ERR_OK)
        err = list_set(&change, apex, (*zone)->soa, true);
    if (err == ERR_OK && additions_csync)
        err = add_csync(&change, *zone);
    if (err == ERR_OK && has_dsync)
        err = add_dsync(&change, *zone);
    if (err == ERR_OK)
        err = change_apply(*zone, &change, threads, why, &made);
    change_clear(&change);
    if (err != ERR_OK) {
        complain("CSYNC or DSYNC cannot be added: %s", why[0] != '\0' ? why : err_text(err));
        return false;
    }
    snapshot_release(*zone);
    *zone = made;
    return true;
}
