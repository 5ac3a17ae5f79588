/* dnssec: signs answers as they are given, whatever plugin behind it made them: files, records of hosts and
 * template, answers of other servers for names of the zone. Only for clients that ask for it (DO). Zones that
 * are signed already are left as they are. */
#include <stdlib.h>
#include <string.h>

#include "plugins/dnssec/denial.h"
#include "plugins/metrics.h"
#include "zone/sec/keyfile.h"
#include "zone/wire/name.h"
#include "zone/wire/reply_open.h"
#include "zone/wire/type.h"

#define DNSKEY_TTL 3600

struct dnssec {
    struct online online;
    int64_t cache_capacity;
    bool cds;
};

struct written {
    struct option_zones zones;
    struct option_lines keys;
    int64_t cache_capacity;
    bool cds;
    int denial;
};

static const char *const denials[] = {"compact", "nsec3", NULL};

static const struct option options[] = {
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        .offset = offsetof(struct written, zones),
        .help = "zones to sign; the block's when left out"},
    {.word = "key",
        .arg = "file KEY...",
        .kind = OPTION_LINES,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct written, keys),
        .help = "files of keys, as signer keygen and dnssec-keygen name them"},
    {.word = "cache_capacity",
        .arg = "N",
        .kind = OPTION_INTEGER,
        .offset = offsetof(struct written, cache_capacity),
        .min = 4,
        .max = 100000000,
        .fallback = "10000",
        .help = "how many signatures are kept"},
    {.word = "cds",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct written, cds),
        .help = "publish CDS and CDNSKEY, so that the parent can take the DS (RFC 7344)"},
    {.word = "denial",
        .arg = "compact|nsec3",
        .kind = OPTION_CHOICE,
        .offset = offsetof(struct written, denial),
        .choices = denials,
        .fallback = "compact",
        .help = "how what does not exist is denied: by one NSEC record (RFC 9824), or by NSEC3"},
    OPTIONS_END,
};

/* ---- setting up ---- */

static struct online_zone *zone_of_key(struct online *online, const struct key *key)
{
    for (unsigned i = 0; i < online->zone_count; i++)
        if (name_equal(online->zones[i].name, key->owner))
            return &online->zones[i];
    return NULL;
}

static enum err read_key(struct setup *setup, struct online *online, const struct token *token)
{
    struct keyfile_trouble trouble = {.message = ""};
    struct key *key;
    const char *path = setup_path(setup, token->text);
    if (path == NULL)
        return ERR_MEMORY;
    enum err err = keyfile_read(path, true, NULL, &key, &trouble);
    if (err != ERR_OK)
        return setup_error(setup, token, "a key of `signer keygen`, with its .private file", "%s: %s",
            trouble.path[0] != '\0' ? trouble.path : path, trouble.message);
    struct online_zone *zone = zone_of_key(online, key);
    if (zone == NULL || zone->key_count == ONLINE_KEYS_MAX) {
        char name[NAME_TEXT_MAX];
        name_print(key->owner, name);
        key_release(key);
        return setup_error(setup, token, NULL,
            zone == NULL ? "this key is for %s, which is not signed here" : "%s has more than 8 keys", name);
    }
    zone->keys[zone->key_count++] = key;
    return ERR_OK;
}

static enum err read_keys(struct setup *setup, struct online *online, const struct option_lines *lines)
{
    for (unsigned i = 0; i < lines->count; i++) {
        const struct directive *line = lines->at[i];
        if (line->args_count > 0 && strcmp(line->args[0].text, "aws_secretsmanager") == 0)
            return setup_error(setup, &line->args[0], "key file KEY, sealed by `signer seal`",
                "keys in AWS Secrets Manager are not supported");
        if (line->args_count < 2 || strcmp(line->args[0].text, "file") != 0)
            return setup_error(setup, &line->name, NULL, "key file KEY... is wanted");
        for (unsigned k = 1; k < line->args_count; k++) {
            enum err err = read_key(setup, online, &line->args[k]);
            if (err != ERR_OK)
                return err;
        }
    }
    return ERR_OK;
}

/* Keys of both kinds sign what they are for; of one kind only, everything. */
static void assign(struct online_zone *zone)
{
    bool sep = false, plain = false;
    for (unsigned k = 0; k < zone->key_count; k++) {
        sep |= (zone->keys[k]->flags & KEY_SEP) != 0;
        plain |= (zone->keys[k]->flags & KEY_SEP) == 0;
    }
    for (unsigned k = 0; k < zone->key_count; k++) {
        bool is_sep = (zone->keys[k]->flags & KEY_SEP) != 0;
        zone->signs_keys[k] = is_sep || !sep;
        zone->signs_zone[k] = !is_sep || !plain;
    }
}

static enum err make_sets(struct setup *setup, struct online_zone *zone, bool cds, bool nsec3)
{
    struct rdata_ref refs[3][ONLINE_KEYS_MAX];
    unsigned sep = 0;
    const struct ds_digest *digest = ds_digest_find(2);
    for (unsigned k = 0; k < zone->key_count; k++) {
        uint8_t *room = arena_alloc(setup->world, DNSKEY_RDATA_MAX + DS_RDATA_MAX, 1);
        if (room == NULL)
            return ERR_MEMORY;
        refs[0][k] = (struct rdata_ref){room, (uint16_t)key_write_dnskey(zone->keys[k], room)};
        if (!zone->signs_keys[k])
            continue;
        refs[1][sep] = refs[0][k];
        uint8_t *ds = room + DNSKEY_RDATA_MAX;
        refs[2][sep++] = (struct rdata_ref){ds, (uint16_t)key_write_ds(zone->keys[k], digest, ds)};
    }
    zone->dnskey = rrset_make(setup->world, TYPE_DNSKEY, DNSKEY_TTL, refs[0], zone->key_count);
    if (cds) {
        zone->cdnskey = rrset_make(setup->world, TYPE_CDNSKEY, DNSKEY_TTL, refs[1], sep);
        zone->cds = rrset_make(setup->world, TYPE_CDS, DNSKEY_TTL, refs[2], sep);
    }
    struct rdata_ref param = {(const uint8_t *)"\1\0\0\0\0", 5}; /* RFC 9276 3.1 */
    zone->nsec3param = nsec3 ? rrset_make(setup->world, TYPE_NSEC3PARAM, 0, &param, 1) : NULL;
    bool whole = zone->dnskey != NULL && (!cds || (zone->cds != NULL && zone->cdnskey != NULL));
    return whole ? ERR_OK : ERR_MEMORY;
}

static enum err finish_zones(struct setup *setup, struct dnssec *dnssec)
{
    for (unsigned i = 0; i < dnssec->online.zone_count; i++) {
        struct online_zone *zone = &dnssec->online.zones[i];
        if (zone->key_count == 0) {
            char name[NAME_TEXT_MAX];
            name_print(zone->name, name);
            return setup_error(setup, &setup->directive->name, "key file K<zone>+<algorithm>+<tag>",
                "there is no key for %s", name);
        }
        assign(zone);
        enum err err = make_sets(setup, zone, dnssec->cds, dnssec->online.nsec3);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static enum err setup(struct setup *setup, void **self)
{
    struct dnssec *dnssec = ARENA_NEW(setup->world, struct dnssec);
    struct written written = {.cds = false};
    if (dnssec == NULL)
        return ERR_MEMORY;
    if (*self != NULL)
        return setup_error(setup, &setup->directive->name, "name all zones and keys in one",
            "a second dnssec line in this block");
    *self = dnssec;
    enum err err = options_parse(setup, options, &written);
    if (err != ERR_OK)
        return err;
    struct online *online = &dnssec->online;
    online->zones = ARENA_ARRAY(setup->world, struct online_zone, written.zones.count + 1);
    if (online->zones == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < written.zones.count; i++)
        online->zones[online->zone_count++].name = written.zones.at[i];
    online->server = setup->block->server;
    dnssec->cache_capacity = written.cache_capacity;
    dnssec->cds = written.cds;
    online->nsec3 = written.denial == 1;
    err = read_keys(setup, online, &written.keys);
    return err == ERR_OK ? finish_zones(setup, dnssec) : err;
}

static enum err start(void *self)
{
    struct dnssec *dnssec = self;
    return online_start(&dnssec->online, (size_t)dnssec->cache_capacity);
}

static void stop(void *self)
{
    online_stop(&((struct dnssec *)self)->online);
}

/* ---- on the way back ---- */

struct pass {
    struct dnssec *dnssec;
    struct query *query;
    const struct online_zone *denied; /* zone of the SOA in the authority section */
    uint32_t soa_ttl;
    bool answers; /* there is an answer that ends the chain of aliases */
    bool refers;  /* a delegation */
    bool has_ds;
    uint32_t cut_ttl;
    uint8_t cut[NAME_MAX + 1];
    uint8_t denial[NAME_MAX + 1]; /* the name that the denial is about */
};

static bool is_signed(const struct reply *reply)
{
    for (unsigned i = 0; i < reply->count; i++) {
        uint16_t type = reply->refs[i].rrset->type;
        if (reply->refs[i].rrset->sig_count != 0 || type == TYPE_RRSIG || type == TYPE_NSEC ||
            type == TYPE_NSEC3)
            return true;
    }
    return false;
}

/* An alias leads the denial on to its target. */
static void follow(struct pass *pass, const struct rrset *rrset)
{
    struct record record;
    (void)record_read(rrset->data, true, &record);
    if (record.rdata_len <= NAME_MAX)
        name_lower(pass->denial, record.rdata);
}

static void note(
    struct pass *pass, const struct rr_ref *ref, const uint8_t *owner, const struct online_zone *zone)
{
    uint16_t type = ref->rrset->type, wanted = pass->query->question->type;
    if (ref->section == SECTION_ANSWER) {
        if (type == TYPE_CNAME && wanted != TYPE_CNAME && wanted != TYPE_ANY)
            follow(pass, ref->rrset);
        else if (type != TYPE_DNAME || wanted == TYPE_DNAME)
            pass->answers = true;
    } else if (type == TYPE_SOA) {
        pass->denied = zone;
        pass->soa_ttl = ref->ttl;
    } else if (type == TYPE_NS && zone != NULL && !name_equal(owner, zone->name)) {
        pass->refers = true;
        pass->cut_ttl = ref->ttl;
        memcpy(pass->cut, owner, name_len(owner));
    } else if (type == TYPE_DS) {
        pass->has_ds = true;
    }
}

/* Delegations are signed by the zone below (RFC 4035 2.2); additional records are left as they are, for they
 * may be glue. */
static bool sign_ref(struct pass *pass, unsigned index)
{
    struct query *query = pass->query;
    struct rr_ref *ref = &query->reply.refs[index];
    uint8_t owner[NAME_MAX + 1];
    if (ref->section == SECTION_ADDITIONAL || !ref->records)
        return true;
    (void)reply_owner(&query->reply, index, query->question, owner);
    name_lower(owner, owner);
    const struct online_zone *zone = online_zone(&pass->dnssec->online, owner);
    note(pass, ref, owner, zone);
    if (zone == NULL || (ref->rrset->type == TYPE_NS && !name_equal(owner, zone->name)))
        return true;
    const struct rrset *made = online_sign(&pass->dnssec->online, zone, owner, ref->rrset, ref->ttl, query);
    if (made == NULL)
        return false;
    ref->rrset = made;
    ref->signatures = true;
    return true;
}

static bool deny(struct pass *pass)
{
    struct query *query = pass->query;
    struct online *online = &pass->dnssec->online;
    const struct online_zone *zone = pass->denied;
    bool absent = query->reply.rcode == RCODE_NXDOMAIN;
    if (pass->refers && !pass->has_ds && (zone = online_zone(online, pass->cut)) != NULL)
        return denial_add_delegation(online, zone, query, pass->cut, pass->cut_ttl);
    if (zone == NULL || pass->refers || (pass->answers && !absent) || !name_under(pass->denial, zone->name))
        return true;
    if (absent && !online->nsec3 && !query->message.edns.compact)
        query->reply.rcode = RCODE_NOERROR; /* RFC 9824 3.1 */
    return denial_add(online, zone, query, pass->denial, !absent, pass->soa_ttl);
}

static void finish(void *self, struct query *query)
{
    struct pass pass = {.dnssec = self, .query = query};
    struct reply *reply = &query->reply;
    if (LIKELY(!query->dnssec) || query->question->class != CLASS_IN ||
        (reply->rcode != RCODE_NOERROR && reply->rcode != RCODE_NXDOMAIN) ||
        (online_zone(&pass.dnssec->online, query->question->lower) == NULL))
        return;
    if (query_open(query) != ERR_OK || is_signed(reply))
        return;
    reply->compact = query->message.edns.compact;
    memcpy(pass.denial, query->question->lower, name_len(query->question->lower));
    bool fine = true;
    for (unsigned i = 0, count = reply->count; i < count && fine; i++)
        fine = sign_ref(&pass, i);
    if (!fine || !deny(&pass))
        (void)query_fail(query, "dnssec", RCODE_SERVFAIL, "the answer could not be signed");
}

/* ---- on the way there ---- */

/* The key sets are nobody else's to answer. */
static enum served serve(void *self, struct query *query)
{
    const struct dnssec *dnssec = self;
    uint16_t type = query->question->type;
    if (LIKELY(type != TYPE_DNSKEY && type != TYPE_CDS && type != TYPE_CDNSKEY && type != TYPE_NSEC3PARAM))
        return SERVED_NEXT;
    const struct online_zone *zone = online_zone(&dnssec->online, query->question->lower);
    if (zone == NULL || !name_equal(zone->name, query->question->lower))
        return SERVED_NEXT;
    const struct rrset *rrset = type == TYPE_DNSKEY    ? zone->dnskey
                                : type == TYPE_CDS     ? zone->cds
                                : type == TYPE_CDNSKEY ? zone->cdnskey
                                                       : zone->nsec3param;
    if (rrset == NULL)
        return SERVED_NEXT;
    if (reply_add(&query->reply, SECTION_ANSWER, rrset, query->scratch) == NULL)
        return query_fail(query, "dnssec", RCODE_SERVFAIL, "out of memory");
    query->reply.authoritative = true;
    finish(self, query); /* whoever answers is not passed on the way back */
    return SERVED_ANSWERED;
}

static void metrics(void *self, struct metrics *out)
{
    static const struct metric entries = {"coredns_dnssec_cache_entries", METRIC_GAUGE, "Signatures kept."},
                               hits = {"coredns_dnssec_cache_hits_total", METRIC_COUNTER,
                                   "Signatures that had been made before."},
                               misses = {"coredns_dnssec_cache_misses_total", METRIC_COUNTER,
                                   "Signatures that had to be made."};
    const struct online *online = &((struct dnssec *)self)->online;
    uint64_t found = 0, missed = 0;
    for (unsigned i = 0; i < online->side_count; i++) {
        found += atomic_load_explicit(&online->sides[i].hits, memory_order_relaxed);
        missed += atomic_load_explicit(&online->sides[i].misses, memory_order_relaxed);
    }
    const char *const *labels = METRIC_LABELS("server", online->server);
    metrics_add(out, &entries, (double)sigcache_count(online->cache),
        METRIC_LABELS("server", online->server, "type", "signature"));
    metrics_add(out, &hits, (double)found, labels);
    metrics_add(out, &misses, (double)missed, labels);
}

static const struct plugin dnssec_plugin = {
    .abi = PLUGIN_ABI,
    .name = "dnssec",
    .options = options,
    .setup = setup,
    .start = start,
    .serve = serve,
    .finish = finish,
    .metrics = metrics,
    .stop = stop,
};
PLUGIN(dnssec)
